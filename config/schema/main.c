/* celld-schema DIRECTORY: writes what is made from the schema tables: a JSON Schema per kind, and
 * the reference manual's tables. With --check it writes nothing, and fails when a file differs. */
#include "config/base/json.h"
#include "config/manifest/presets.h"
#include "config/manifest/publish.h"
#include "config/manifest/shapes.h"
#include "config/settings/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((size_t)4 * 1024 * 1024)

static const struct {
    const char *name;
    const struct shape *shape;
} kinds[] = {
    {"platform", &platform_shape},
    {"cell", &cell_shape},
    {"component", &component_file_shape},
    {"celld", &settings_shape},
};

static bool is_same(const char *path, const struct text *wanted)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    char *bytes = malloc(wanted->length + 1);
    const size_t length = bytes == NULL ? 0 : fread(bytes, 1, wanted->length + 1, file);
    const bool same =
        bytes != NULL && length == wanted->length && memcmp(bytes, text_get(wanted), length) == 0;
    free(bytes);
    (void)fclose(file);
    return same;
}

static int put(const char *directory, const char *name, const struct text *text, bool check)
{
    char path[4096];
    if (text_status(text) < 0)
        return EXIT_FAILURE;
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (check) {
        if (is_same(path, text))
            return EXIT_SUCCESS;
        (void)fprintf(stderr, "%s is not what the schema tables say: run celld-schema %s\n", path,
                      directory);
        return EXIT_FAILURE;
    }
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    const bool written = fwrite(text_get(text), 1, text->length, file) == text->length;
    return fclose(file) == 0 && written ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int put_schema(const char *directory, size_t kind, bool check)
{
    char name[64];
    OWNED_TEXT text;
    text_init(&text, FILE_LIMIT);
    OWNED_JSON *schema = publish_json_schema(kinds[kind].shape);
    char *dump = json_dumps(schema, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (dump == NULL)
        return EXIT_FAILURE;
    text_add(&text, dump);
    text_add_char(&text, '\n');
    free(dump);
    (void)snprintf(name, sizeof(name), "%s.schema.json", kinds[kind].name);
    return put(directory, name, &text, check);
}

static void write_presets(struct text *text)
{
    text_add(text, "\n## Presets of rollouts\n\n| preset | steps | bake | |\n| --- | --- | --- | "
                   "--- |\n");
    for (size_t i = 0; i < preset_count; i++) {
        char time[DURATION_TEXT_SIZE];
        text_format(text, "| `%s` |", presets[i].name);
        for (size_t j = 0; j < presets[i].step_count; j++) {
            duration_format(presets[i].steps[j].soak, time);
            text_format(text, "%s %d %% for %s", j == 0 ? "" : ",", presets[i].steps[j].weight,
                        time);
        }
        duration_format(presets[i].bake, time);
        text_format(text, " | %s | %s |\n", time, presets[i].doc);
    }
}

static int put_reference(const char *directory, bool check)
{
    OWNED_TEXT text;
    text_init(&text, FILE_LIMIT);
    text_add(&text, "# Reference of all files\n\nMade from the schema tables by celld-schema; not "
                    "edited by hand. Unknown fields are errors; keys\nthat begin with `x-` are "
                    "yours. Durations are numbers with units in falling order: `90s`, `1h30m`.\n");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        publish_reference(kinds[i].shape, &text);
    write_presets(&text);
    return put(directory, "reference.md", &text, check);
}

int main(int count, char **arguments)
{
    const bool check = count == 3 && strcmp(arguments[1], "--check") == 0;
    if (count != 2 && !check) {
        (void)fputs("usage: celld-schema [--check] DIRECTORY\n", stderr);
        return 64;
    }
    const char *directory = arguments[count - 1];
    int result = EXIT_SUCCESS;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        result |= put_schema(directory, i, check);
    return result | put_reference(directory, check);
}
