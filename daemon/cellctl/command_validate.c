#include "config/base/owned.h"
#include "config/base/text.h"
#include "config/settings/settings.h"
#include "daemon/cellctl/command.h"
#include "daemon/cellctl/source.h"
#include "daemon/file/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_BYTES ((size_t)1 << 20)
#define OUTPUT_BYTES ((size_t)64 << 20)
#define PATTERNS 64

static int format_of(const struct invocation *invocation, enum diagnostic_format *ret_format)
{
    static const char *const words[] = {"text", "json", "sarif"};
    const char *word = invocation_option(invocation, "format");
    *ret_format = invocation->format == OUTPUT_JSON ? DIAGNOSTIC_JSON : DIAGNOSTIC_TEXT;
    for (size_t i = 0; word != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_format = (enum diagnostic_format)i;
            return 0;
        }
    }
    return word == NULL ? 0 : -EINVAL;
}

static int print(const struct diagnostics *found, enum diagnostic_format format)
{
    OWNED_TEXT text;
    text_init(&text, OUTPUT_BYTES);
    const int result = diagnostics_write(found, format, &text);
    if (format == DIAGNOSTIC_TEXT)
        output_lines(stdout, text_get(&text));
    else
        (void)fputs(text_get(&text), stdout);
    return result;
}

/* Which files are manifests is said by the settings; without them, by their defaults. */
static int read_settings(const char *path, struct settings **ret_settings, struct error *err)
{
    const struct file_terms terms = {.limit = SETTINGS_BYTES};
    OWNED(owned_free) char *bytes = NULL;
    OWNED(diagnostics_freep) struct diagnostics *found = diagnostics_new(1000);
    size_t length = 0;
    int result =
        found == NULL ? error_no_memory(err) : file_read(path, &terms, &bytes, &length, err);
    if (result != 0)
        return result;
    result = settings_read(path, bytes, length, found, ret_settings);
    if (result != 0) {
        (void)print(found, DIAGNOSTIC_TEXT);
        return error_set(err, ERROR_INVALID, result, "the settings %s are wrong", path);
    }
    return 0;
}

static size_t copy_texts(const struct manifest_texts *texts, const char **ret_texts)
{
    size_t count = 0;
    for (; count < texts->count && count < PATTERNS; count++)
        ret_texts[count] = texts->items[count].text;
    return count;
}

static int read_set(const struct invocation *invocation, const struct settings *settings,
                    struct manifest_set **ret_set, struct error *err)
{
    static const char *const default_cells[] = {"cells/*/cell.yaml"};
    const char *directory = invocation_argument(invocation, 0);
    const char *ref = invocation_option(invocation, "ref");
    const char *cells[PATTERNS];
    const char *natives[PATTERNS];
    struct manifests_patterns patterns = {.platform_file = "platform.yaml",
                                          .cell_files = default_cells,
                                          .cell_file_count = 1,
                                          .native_files = natives};
    if (settings != NULL) {
        patterns.platform_file = settings->repository.platform_file.text;
        patterns.cell_files = cells;
        patterns.cell_file_count = copy_texts(&settings->repository.cell_files, cells);
        patterns.native_file_count = copy_texts(&settings->repository.native_files, natives);
    }
    if (directory == NULL)
        directory = ".";
    return ref == NULL ? source_read_directory(directory, &patterns, ret_set, err)
                       : source_read_commit(directory, ref, &patterns, ret_set, err);
}

static void print_verdict(const struct manifest_set *set)
{
    size_t broken = 0;
    for (size_t i = 0; i < set->cell_count; i++)
        broken += set->cells[i].broken;
    const size_t errors = diagnostics_error_count(set->diagnostics);
    const size_t others = diagnostics_count(set->diagnostics) - errors;
    (void)printf("%zu %s, %zu broken: %zu %s, %zu %s\n", set->cell_count,
                 set->cell_count == 1 ? "cell" : "cells", broken, errors,
                 errors == 1 ? "error" : "errors", others, others == 1 ? "warning" : "warnings");
}

int command_run_validate(const struct invocation *invocation)
{
    enum diagnostic_format format;
    struct error error;
    const char *config = invocation_option(invocation, "config");
    OWNED(settings_freep) struct settings *settings = NULL;
    OWNED(manifest_set_unrefp) struct manifest_set *set = NULL;
    if (format_of(invocation, &format) != 0) {
        (void)fputs("cellctl validate: --format is text, json or sarif\n", stderr);
        return EXIT_USAGE;
    }
    if (config != NULL && read_settings(config, &settings, &error) != 0)
        return invocation_fail(&error);
    if (read_set(invocation, settings, &set, &error) != 0)
        return invocation_fail(&error);
    if (print(set->diagnostics, format) != 0)
        return EXIT_WRONG;
    if (format == DIAGNOSTIC_TEXT)
        print_verdict(set);
    return diagnostics_error_count(set->diagnostics) == 0 && set->platform != NULL ? EXIT_FINE
                                                                                   : EXIT_WRONG;
}
