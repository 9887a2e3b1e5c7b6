#include "tests/reconciler/engine/scope_scene.h"

#include "config/base/json.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct part scope_good[] = {
    {"base", "base:1", {NULL}}, {"front", "front:1", {"base"}}, {.name = NULL}};
const struct part scope_bad[] = {
    {"base", "broken:2", {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
const struct part scope_good_chain[] = {{"base", "base:1", {NULL}},
                                        {"mid", "mid:1", {"base"}},
                                        {"front", "front:1", {"mid"}},
                                        {.name = NULL}};
const struct part scope_bad_chain[] = {{"base", "broken:2", {NULL}},
                                       {"mid", "mid:2", {"base"}},
                                       {"front", "front:2", {"mid"}},
                                       {.name = NULL}};
const struct part scope_good_base[] = {{"base", "base:1", {NULL}}, {.name = NULL}};
const struct part scope_bad_base[] = {{"base", "broken:2", {NULL}}, {.name = NULL}};

static int port_of(const struct part *parts, const char *name)
{
    int port = 8080;
    while (strcmp(parts[port - 8080].name, name) != 0)
        port++;
    return port;
}

/* "raw:" and the manifest; `head` are lines of the cell's spec. */
char *scope_cell(const char *cell, const char *head, const struct part *parts)
{
    struct text text;
    text_init(&text, 16384);
    text_format(&text,
                "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: %s}\nspec:\n%s"
                "  components:\n",
                cell, head);
    for (int i = 0; parts[i].name != NULL; i++) {
        text_format(&text, "    - name: %s\n      type: service\n", parts[i].name);
        if (parts[i].image != NULL)
            text_format(&text, "      image: registry.example/%s\n", parts[i].image);
        else
            text_add(&text, "      build: {workflow: {name: nothing}}\n");
        text_format(&text,
                    "      endpoints: [{name: http, type: http, port: %d, visibility: "
                    "[namespace]}]\n",
                    8080 + i);
        if (parts[i].to[0] != NULL)
            text_add(&text, "      connections:\n");
        for (int k = 0; k < 3 && parts[i].to[k] != NULL; k++)
            text_format(&text, "        - {name: c%d, target: acme-%s, protocol: http, port: %d}\n",
                        k, cell, port_of(parts, parts[i].to[k]));
        if (parts[i].to[0] != NULL)
            text_add(&text, "      env:\n");
        for (int k = 0; k < 3 && parts[i].to[k] != NULL; k++)
            text_format(&text, "        - {name: C%d, value: \"${CHOREO_CONNECTION_c%d}\"}\n", k,
                        k);
    }
    char *bytes = text_take(&text);
    cr_assert_not_null(bytes);
    return bytes;
}

/* A cell NULL is not in it. */
void scope_commit(struct world *world, int revision, char *billing, char *stock)
{
    if (billing == NULL)
        repository_commit(world, revision, SCOPE_PLATFORM("stock"), "stock", stock, NULL, NULL);
    else if (stock == NULL)
        repository_commit(world, revision, SCOPE_PLATFORM("billing"), "billing", billing, NULL,
                          NULL);
    else
        repository_commit(world, revision, SCOPE_PLATFORM("billing, stock"), "billing", billing,
                          NULL, "stock", stock, NULL, NULL);
    free(billing);
    free(stock);
    world_run(world, 1000);
}

void scope_runs(const struct world *world, const char *component, const char *image)
{
    char full[128];
    snprintf(full, sizeof full, "registry.example/%s", image);
    expect_runs(world, component, "development", full);
}

int64_t scope_told_at(const struct world *world, const char *type, const char *component)
{
    int64_t at = -1;
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const json_t *event = json_array_get(world->published, i);
        if (strcmp(json_text_or(json_object_get(event, "type"), ""), type) == 0 &&
            strcmp(json_text_or(json_object_get(event, "component"), ""), component) == 0)
            at = (int64_t)i;
    }
    return at;
}

char *scope_billing(const char *image, const char *head)
{
    const struct part parts[] = {{"billing-api", image, {NULL}}, {.name = NULL}};
    return scope_cell("billing", head, parts);
}
