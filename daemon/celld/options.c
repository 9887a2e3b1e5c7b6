#include "daemon/celld/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { OPTION_ONCE = 256, OPTION_SUSPENDED, OPTION_CHECK_CONFIG, OPTION_FORMAT, OPTION_VERSION };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"once", no_argument, NULL, OPTION_ONCE},
    {"suspended", no_argument, NULL, OPTION_SUSPENDED},
    {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

void options_print_help(void)
{
    (void)fputs(
        "usage: celld [--config FILE] [--once] [--suspended]\n"
        "       celld [--config FILE] --check-config [--format text|json|sarif]\n"
        "\n"
        "Brings what a monorepo declares to an OpenChoreo control plane, and keeps it there.\n"
        "\n"
        "  -c, --config FILE   settings (default /etc/celld/celld.yaml)\n"
        "      --once          reconcile until converged or held, then leave: exit status 0 when\n"
        "                      converged, 3 when held (stderr says by what), 1 on errors\n"
        "      --suspended     look and compare, but write nothing until `cellctl resume --all` "
        "or\n"
        "                      `cellctl apply --plan HASH`\n"
        "      --check-config  read the settings, say what is wrong with them, and leave: exit\n"
        "                      status 0 when they are sound, 78 when not\n"
        "      --format FORMAT how --check-config writes its diagnostics\n"
        "      --version       print the version and leave\n"
        "  -h, --help          print this and leave\n"
        "\n"
        "Operators ask and steer the running daemon with cellctl.\n",
        stdout);
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
    struct options options = {.config_path = "/etc/celld/celld.yaml", .format = "text"};
    for (;;) {
        const int option = getopt_long(argc, argv, "c:h", long_options, NULL);
        if (option == -1)
            break;
        if (option == 'c') {
            options.config_path = optarg;
        } else if (option == OPTION_ONCE) {
            options.once = true;
        } else if (option == OPTION_SUSPENDED) {
            options.suspended = true;
        } else if (option == OPTION_CHECK_CONFIG) {
            options.mode = MODE_CHECK_CONFIG;
        } else if (option == OPTION_FORMAT) {
            options.format = optarg;
        } else if (option == OPTION_VERSION) {
            options.mode = MODE_VERSION;
        } else if (option == 'h') {
            options.mode = MODE_HELP;
        } else {
            (void)fputs("celld: see celld --help\n", stderr);
            return EX_USAGE;
        }
    }
    if (optind != argc) {
        (void)fprintf(stderr, "celld: unexpected argument %s: see celld --help\n", argv[optind]);
        return EX_USAGE;
    }
    if (strcmp(options.format, "text") != 0 && strcmp(options.format, "json") != 0 &&
        strcmp(options.format, "sarif") != 0) {
        (void)fprintf(stderr, "celld: --format is text, json or sarif, not %s\n", options.format);
        return EX_USAGE;
    }
    *ret_options = options;
    return 0;
}
