#include "config/base/json.h"
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
    *ret_format = invocation->format == OUTPUT_TABLE ? DIAGNOSTIC_TEXT : DIAGNOSTIC_JSON;
    for (size_t i = 0; word != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_format = (enum diagnostic_format)i;
            return 0;
        }
    }
    return word == NULL ? 0 : -EINVAL;
}

static int print(const struct diagnostics *found, enum diagnostic_format format, bool as_yaml)
{
    OWNED_TEXT text;
    text_init(&text, OUTPUT_BYTES);
    const int result = diagnostics_write(found, format, &text);
    if (format == DIAGNOSTIC_TEXT) {
        output_lines(stdout, text_get(&text));
    } else if (as_yaml && result == 0) {
        OWNED_JSON *value = json_loadb(text_get(&text), text.length, 0, NULL);
        return value == NULL ? -ENOMEM : output_value(stdout, OUTPUT_YAML, value);
    } else {
        (void)fputs(text_get(&text), stdout);
    }
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
        (void)print(found, DIAGNOSTIC_TEXT, false);
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

/* Something is wrong with the cell itself, not only with one that it connects to. */
static bool has_own_error(const struct manifest_set *set, const struct manifest_cell *cell)
{
    for (size_t i = 0; i < diagnostics_count(set->diagnostics); i++) {
        const struct diagnostic *d = diagnostics_get(set->diagnostics, i);
        if (d->severity == DIAGNOSTIC_ERROR &&
            ((d->cell != NULL && strcmp(d->cell, cell->name) == 0) ||
             (d->at.path != NULL && strcmp(d->at.path, cell->path) == 0)))
            return true;
    }
    return false;
}

static size_t count_severity(const struct diagnostics *found, enum diagnostic_severity severity)
{
    size_t count = 0;
    for (size_t i = 0; i < diagnostics_count(found); i++)
        count += diagnostics_get(found, i)->severity == severity;
    return count;
}

static void print_count(const char *before, size_t count, const char *what)
{
    (void)printf("%s%zu %s%s", before, count, what, count == 1 ? "" : "s");
}

static void print_verdict(const struct manifest_set *set)
{
    size_t broken = 0, waiting = 0;
    for (size_t i = 0; i < set->cell_count; i++) {
        const bool own = set->cells[i].broken && has_own_error(set, &set->cells[i]);
        broken += own;
        waiting += set->cells[i].broken && !own;
    }
    const size_t notes = count_severity(set->diagnostics, DIAGNOSTIC_NOTE);
    print_count("", set->cell_count, "cell");
    (void)printf(", %zu broken", broken);
    if (waiting > 0)
        (void)printf(", %zu waiting for others", waiting);
    print_count(": ", diagnostics_error_count(set->diagnostics), "error");
    print_count(", ", count_severity(set->diagnostics, DIAGNOSTIC_WARNING), "warning");
    if (notes > 0)
        print_count(", ", notes, "note");
    (void)putchar('\n');
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
    const bool as_yaml =
        invocation->format == OUTPUT_YAML && invocation_option(invocation, "format") == NULL;
    if (print(set->diagnostics, format, as_yaml) != 0)
        return EXIT_WRONG;
    if (format == DIAGNOSTIC_TEXT)
        print_verdict(set);
    return diagnostics_error_count(set->diagnostics) == 0 && set->platform != NULL ? EXIT_FINE
                                                                                   : EXIT_WRONG;
}
