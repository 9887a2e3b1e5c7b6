/* The command line of celld. */
#pragma once

#include <stdbool.h>

enum options_mode { MODE_RUN, MODE_CHECK_CONFIG, MODE_HELP, MODE_VERSION };

struct options {
    enum options_mode mode;
    const char *config_path; /* default /etc/celld/celld.yaml */
    bool once;               /* reconcile until converged or held, then leave */
    bool suspended;          /* start with hands off: nothing is written before `cellctl resume` */
    const char *format;      /* of --check-config's diagnostics: text, json, sarif */
};

/* Returns 0, or the exit status after a message on stderr. Texts are borrowed from argv. */
int options_parse(int argc, char **argv, struct options *ret_options);

void options_print_help(void);
