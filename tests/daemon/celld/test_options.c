#include "daemon/celld/options.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

TestSuite(options, .timeout = 60);

#define ARGUMENTS 6

static int parse(const char *const *arguments, struct options *ret_options)
{
    static char texts[ARGUMENTS][64];
    char *argv[ARGUMENTS + 1] = {texts[0]};
    int argc = 1;
    (void)snprintf(texts[0], sizeof(texts[0]), "celld");
    for (; argc < ARGUMENTS && arguments[argc - 1] != NULL; argc++) {
        (void)snprintf(texts[argc], sizeof(texts[argc]), "%s", arguments[argc - 1]);
        argv[argc] = texts[argc];
    }
    optind = 0; /* from the start, as in a new process */
    return options_parse(argc, argv, ret_options);
}

static const struct {
    const char *arguments[ARGUMENTS];
    enum options_mode mode;
    const char *path, *format;
    bool once, suspended;
} good[] = {
    {{NULL}, MODE_RUN, "/etc/celld/celld.yaml", "text", false, false},
    {{"--config", "x.yaml"}, MODE_RUN, "x.yaml", "text", false, false},
    {{"--config=x.yaml", "--once"}, MODE_RUN, "x.yaml", "text", true, false},
    {{"--suspended"}, MODE_RUN, "/etc/celld/celld.yaml", "text", false, true},
    {{"-c", "x.yaml", "--check-config"}, MODE_CHECK_CONFIG, "x.yaml", "text", false, false},
    {{"--check-config", "--format", "sarif"},
     MODE_CHECK_CONFIG,
     "/etc/celld/celld.yaml",
     "sarif",
     false,
     false},
    {{"--format=json", "--check-config"},
     MODE_CHECK_CONFIG,
     "/etc/celld/celld.yaml",
     "json",
     false,
     false},
    {{"--version"}, MODE_VERSION, "/etc/celld/celld.yaml", "text", false, false},
    {{"-h"}, MODE_HELP, "/etc/celld/celld.yaml", "text", false, false},
    {{"--help"}, MODE_HELP, "/etc/celld/celld.yaml", "text", false, false},
};

Test(options, are_read)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct options options;
        cr_assert_eq(parse(good[i].arguments, &options), 0, "case %zu", i);
        cr_expect_eq(options.mode, good[i].mode, "case %zu", i);
        cr_expect_str_eq(options.config_path, good[i].path, "case %zu", i);
        cr_expect_str_eq(options.format, good[i].format, "case %zu", i);
        cr_expect_eq(options.suspended, good[i].suspended, "case %zu", i);
        cr_expect_eq(options.once, good[i].once, "case %zu", i);
    }
}

static const struct {
    const char *arguments[ARGUMENTS];
    const char *message;
} bad[] = {
    {{"--frobnicate"}, "--help"},
    {{"--config"}, "--help"},
    {{"-x"}, "--help"},
    {{"--once=yes"}, "--help"},
    {{"extra"}, "unexpected argument extra"},
    {{"--once", "extra"}, "unexpected argument extra"},
    {{"--format", "xml"}, "not xml"},
    {{"--format="}, "text, json or sarif"},
};

Test(options, that_are_wrong_are_refused_with_a_message, .init = cr_redirect_stderr)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct options options = {.config_path = "untouched"};
        cr_expect_eq(parse(bad[i].arguments, &options), EX_USAGE, "case %zu", i);
        cr_expect_str_eq(options.config_path, "untouched", "case %zu", i);
    }
    char all[8192];
    (void)fflush(stderr);
    FILE *said = cr_get_redirected_stderr();
    const size_t length = fread(all, 1, sizeof(all) - 1, said);
    all[length] = '\0';
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not_null(strstr(all, bad[i].message), "nothing says \"%s\": %s", bad[i].message,
                           all);
}
