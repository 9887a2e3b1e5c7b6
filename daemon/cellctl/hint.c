#include "daemon/cellctl/hint.h"

#include "config/base/json.h"
#include "config/base/owned.h"
#include "config/manifest/schema.h"
#include "daemon/cellctl/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names that are few enough to be all told. */
#define TOLD 12

/* Borrowed from the status. */
struct names {
    const char **items;
    size_t count;
};

static void add(struct names *names, const json_t *name)
{
    const char *text = json_text_or(name, "");
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], text) == 0)
            return;
    }
    const char **items = reallocarray(names->items, names->count + 1, sizeof(*items));
    if (items == NULL)
        return;
    names->items = items;
    items[names->count++] = text;
}

static void add_all(struct names *names, const json_t *objects, const char *key)
{
    size_t index;
    const json_t *object;
    json_array_foreach(objects, index, object)
    {
        add(names, json_object_get(object, key));
    }
}

static bool is_cell(const json_t *cell, const char *name)
{
    return name != NULL && strcmp(json_text_or(json_object_get(cell, "name"), ""), name) == 0;
}

static void add_components(struct names *names, const json_t *status, const char *cell_name)
{
    size_t at;
    size_t index;
    const json_t *cell;
    const json_t *node;
    json_array_foreach(json_object_get(status, "cells"), at, cell)
    {
        if (!is_cell(cell, cell_name))
            continue;
        json_array_foreach(json_object_get(cell, "targets"), index, node)
        {
            add_all(names, json_object_get(node, "components"), "name");
        }
    }
}

static void tell(const char *kind, const char *word, const struct names *names)
{
    const char *nearest = schema_nearest(names->items, names->count, word);
    if (nearest != NULL) {
        (void)fputs("cellctl: did you mean ", stderr);
        output_text(stderr, nearest);
        (void)fputs("?\n", stderr);
        return;
    }
    if (names->count > TOLD)
        return;
    (void)fprintf(stderr, "cellctl: %ss: ", kind);
    for (size_t i = 0; i < names->count; i++) {
        (void)fputs(i == 0 ? "" : ", ", stderr);
        output_text(stderr, names->items[i]);
    }
    (void)fputc('\n', stderr);
}

/* Returns true when the word is none of the names and that was said. */
static bool check(const json_t *status, const char *kind, const char *cell, const char *word)
{
    struct names names = {.count = 0};
    bool found = false;
    if (strcmp(kind, "cell") == 0)
        add_all(&names, json_object_get(status, "cells"), "name");
    else if (strcmp(kind, "component") == 0)
        add_components(&names, status, cell);
    else
        add_all(&names, json_object_get(status, "targets"),
                strcmp(kind, "target") == 0 ? "name" : "environment");
    for (size_t i = 0; i < names.count; i++)
        found = found || strcmp(names.items[i], word) == 0;
    if (!found && names.count > 0)
        tell(kind, word, &names);
    const bool told = !found && names.count > 0;
    free(names.items);
    return told;
}

/* The command's arguments as its help names them: "CELL [COMPONENT]". */
static bool check_arguments(const struct invocation *invocation, const json_t *status)
{
    static const struct {
        const char *word, *kind;
    } kinds[] = {{"CELL", "cell"},
                 {"COMPONENT", "component"},
                 {"TARGET", "target"},
                 {"ENVIRONMENT", "environment"}};
    const char *cell = invocation_argument(invocation, 0);
    const char *word = invocation->command->arguments;
    for (size_t i = 0; i < invocation->argument_count; i++) {
        word += strspn(word, " []");
        const size_t length = strcspn(word, " []");
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            if (strlen(kinds[k].word) == length && strncmp(kinds[k].word, word, length) == 0 &&
                check(status, kinds[k].kind, cell, invocation->arguments[i]))
                return true;
        }
        word += length;
    }
    return false;
}

static bool check_options(const struct invocation *invocation, const json_t *status)
{
    static const char *const kinds[] = {"component", "target"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *value = invocation_option(invocation, kinds[i]);
        if (value != NULL && check(status, kinds[i], invocation_argument(invocation, 0), value))
            return true;
    }
    return false;
}

int hint_fail(const struct invocation *invocation, const struct error *err)
{
    const int code = invocation_fail(err);
    OWNED_JSON *status = NULL;
    if (err->http_status != 0 && err->kind != ERROR_UNAVAILABLE &&
        client_get(invocation, "/v1/status", &status, NULL) == 0 &&
        !check_arguments(invocation, status))
        (void)check_options(invocation, status);
    return code;
}

int hint_check_cell(const struct invocation *invocation)
{
    const char *cell = invocation_argument(invocation, 0);
    struct error error;
    OWNED_JSON *found = NULL;
    OWNED_TEXT path;
    text_init(&path, 4096);
    if (cell == NULL)
        return EXIT_FINE;
    text_add(&path, "/v1/cells");
    client_add_segment(&path, cell);
    return client_get(invocation, text_get(&path), &found, &error) == 0
               ? EXIT_FINE
               : hint_fail(invocation, &error);
}
