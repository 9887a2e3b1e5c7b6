/* celld: reads its command line and its settings, and runs the daemon. */
#include "config/base/owned.h"
#include "config/base/text.h"
#include "daemon/celld/daemon.h"
#include "daemon/celld/json_heap.h"
#include "daemon/celld/options.h"
#include "daemon/celld/settings_file.h"
#include "daemon/log/log.h"
#include "gitwatch/fetch_worker.h"
#include "gitwatch/libgit.h"

#include <jansson.h>

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

static enum diagnostic_format format_of(const char *name)
{
    if (strcmp(name, "json") == 0)
        return DIAGNOSTIC_JSON;
    return strcmp(name, "sarif") == 0 ? DIAGNOSTIC_SARIF : DIAGNOSTIC_TEXT;
}

static void print_diagnostics(const struct diagnostics *found, enum diagnostic_format format,
                              FILE *stream)
{
    OWNED_TEXT text;
    text_init(&text, (size_t)8 * 1024 * 1024);
    if (diagnostics_write(found, format, &text) == 0)
        (void)fputs(text_get(&text), stream);
}

static int check_config(const struct options *options)
{
    OWNED(diagnostics_freep) struct diagnostics *found = diagnostics_new(SETTINGS_FILE_DIAGNOSTICS);
    OWNED(settings_freep) struct settings *settings = NULL;
    struct error err = {0};
    if (found == NULL)
        return EX_OSERR;
    const int result = settings_file_read(options->config_path, found, &settings, &err);
    print_diagnostics(found, format_of(options->format), stdout);
    if (result == 0) {
        if (strcmp(options->format, "text") == 0)
            (void)printf("%s is sound\n", options->config_path);
        return EXIT_SUCCESS;
    }
    (void)fprintf(stderr, "celld: %s\n", err.detail);
    return EX_CONFIG;
}

static int run(const struct options *options)
{
    OWNED(diagnostics_freep) struct diagnostics *found = diagnostics_new(SETTINGS_FILE_DIAGNOSTICS);
    struct settings *settings = NULL;
    struct error err = {0};
    size_t seed = 0;
    if (found == NULL)
        return EX_OSERR;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return EX_OSERR;
    /* Threads work one after the other nearly always: what one of them freed serves the next. */
    (void)mallopt(M_ARENA_MAX, 1);
    /* Answers and files stay apart from what lives long: malloc would raise its limit to the
     * largest of them and then scatter everything else behind them. */
    (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    json_heap_start();
    json_object_seed(seed);
    if (settings_file_read(options->config_path, found, &settings, &err) < 0) {
        print_diagnostics(found, DIAGNOSTIC_TEXT, stderr);
        (void)fprintf(stderr, "celld: %s; not started\n", err.detail);
        return EX_CONFIG;
    }
    print_diagnostics(found, DIAGNOSTIC_TEXT, stderr);
    log_start("celld", settings->log_level);
    const struct libgit_limits git_limits = libgit_limits_default();
    if (libgit_start(&git_limits, &err) < 0) {
        log_write(LOG_LEVEL_ERROR, NULL, "%s", err.detail);
        return EX_SOFTWARE;
    }
    if (libgit_stay_local(&err) < 0)
        log_write(LOG_LEVEL_INFO, NULL, "%s", err.detail);
    const int status = daemon_run(options, settings);
    libgit_stop();
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], FETCH_WORKER_ARGUMENT) == 0)
        return fetch_worker_main(FETCH_WORKER_FD, FETCH_WORKER_FD);
    struct options options;
    const int usage = options_parse(argc, argv, &options);
    if (usage != 0)
        return usage;
    (void)signal(SIGPIPE, SIG_IGN);
    switch (options.mode) {
    case MODE_HELP:
        options_print_help();
        return EXIT_SUCCESS;
    case MODE_VERSION:
        (void)puts("celld " CELLD_VERSION);
        return EXIT_SUCCESS;
    case MODE_CHECK_CONFIG:
        return check_config(&options);
    case MODE_RUN:
        return run(&options);
    }
    return EX_SOFTWARE;
}
