/* Names that OpenChoreo needs to be unique or short, and does not check: components with their
 * slots and builds, route paths, bindings. */
#include "config/base/arena.h"
#include "config/base/text.h"
#include "config/manifest/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LIMIT 63u
#define SLOT_SUFFIX 2u /* "-a" */

/* One name that something will bear. */
struct claim {
    const char *name;
    const char *what; /* static: "component", "slot a of the component", ... */
    const char *owner;
    struct manifest_cell *cell;
    struct source_pos at;
};

struct claims {
    struct loader *loader;
    struct arena *arena; /* of made-up names */
    struct claim *items;
    size_t count, capacity;
};

static void claim(struct claims *claims, const char *name, const char *what, const char *owner,
                  struct manifest_cell *cell, struct source_pos at)
{
    if (name == NULL) {
        claims->loader->status = -ENOMEM;
        return;
    }
    if (claims->count == claims->capacity) {
        const size_t capacity = claims->capacity == 0 ? 256 : claims->capacity * 2;
        struct claim *items = realloc(claims->items, capacity * sizeof(*items));
        if (items == NULL) {
            claims->loader->status = -ENOMEM;
            return;
        }
        claims->items = items;
        claims->capacity = capacity;
    }
    claims->items[claims->count++] = (struct claim){name, what, owner, cell, at};
}

/* "<a>-<b>"; NULL without memory. */
static const char *join(struct arena *arena, const char *a, const char *b)
{
    const size_t a_length = strlen(a), b_length = strlen(b);
    char *name = arena_alloc(arena, a_length + 1 + b_length + 1);
    if (name == NULL)
        return NULL;
    memcpy(name, a, a_length + 1);
    name[a_length] = '-';
    memcpy(name + a_length + 1, b, b_length + 1);
    return name;
}

static int compare(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    if (order == 0)
        order = strcmp(a->cell->name, b->cell->name);
    if (order == 0)
        order = strcmp(a->owner, b->owner);
    return order != 0 ? order : strcmp(a->what, b->what);
}

/* What was so in the last good set already is not to blame: the newcomer is. */
static bool was_there(const struct loader *loader, const struct manifest_cell *cell)
{
    const struct manifest_cell *good =
        loader->fallback == NULL ? NULL : manifest_set_cell(loader->fallback, cell->name);
    return good != NULL && good->cell != NULL && cell->cell != NULL && !good->broken &&
           strcmp(good->cell->content_digest, cell->cell->content_digest) == 0;
}

static void report(struct loader *loader, const struct claim *a, const struct claim *b,
                   const char *code, const char *trouble)
{
    char related[160];
    const bool a_was = was_there(loader, a->cell), b_was = was_there(loader, b->cell);
    const bool blame_a = a_was == b_was || b_was;
    const struct claim *first = blame_a && !(a_was == b_was) ? b : a;
    const struct claim *second = first == a ? b : a;
    (void)text_put(related, sizeof(related), "%s \"%.80s\" is here", first->what, first->owner);
    loader_conflict(loader, second->cell, code, second->at, first->at, related,
                    "%s \"%s\" and %s \"%s\" of cell \"%s\" %s \"%s\": rename one", second->what,
                    second->owner, first->what, first->owner, first->cell->name, trouble,
                    second->name);
    if (a_was == b_was && first->cell != second->cell)
        loader_condemn(loader, first->cell, first->at, "its name collides with another cell's");
}

static void report_twins(struct claims *claims, const char *code, const char *trouble)
{
    if (claims->count > 1)
        qsort(claims->items, claims->count, sizeof(*claims->items), compare);
    for (size_t i = 1; i < claims->count; i++) {
        if (strcmp(claims->items[i - 1].name, claims->items[i].name) == 0)
            report(claims->loader, &claims->items[i - 1], &claims->items[i], code, trouble);
    }
}

static bool has_slots(const struct component *component)
{
    return component->type != COMPONENT_OTHER && component->endpoint_count > 0;
}

/* --- components ------------------------------------------------------------------------------- */

static void claim_component(struct claims *claims, struct manifest_cell *cell,
                            const struct component *component)
{
    const char *name = component->name.text;
    const struct source_pos at = component->name.at;
    claim(claims, name, "component", name, cell, at);
    if (has_slots(component)) {
        claim(claims, join(claims->arena, name, "a"), "slot a of", name, cell, at);
        claim(claims, join(claims->arena, name, "b"), "slot b of", name, cell, at);
    }
    if (component->build.set)
        claim(claims, join(claims->arena, name, "build"), "the build of", name, cell, at);
}

static void check_length(struct claims *claims, struct manifest_cell *cell,
                         const struct component *component, const struct target *longest)
{
    const size_t suffix = has_slots(component) ? SLOT_SUFFIX : 0;
    const size_t target = longest == NULL ? 0 : strlen(longest->name);
    const size_t length = strlen(component->name.text) + suffix + 1 + target;
    if (length > NAME_LIMIT)
        loader_error(claims->loader, cell, "E_NAME_LENGTH", component->name.at,
                     "shorten the component's name, or the environment's",
                     "\"%s%s-%s\" has %zu characters, and OpenChoreo makes it a label of at most "
                     "63",
                     component->name.text, suffix > 0 ? "-a" : "",
                     longest == NULL ? "" : longest->name, length);
    if (component->build.set && strlen(component->name.text) + strlen("-build") > NAME_LIMIT)
        loader_error(claims->loader, cell, "E_NAME_LENGTH", component->name.at, "shorten it",
                     "\"%s-build\" has more than 63 characters", component->name.text);
}

static const struct target *longest_target(const struct platform *platform)
{
    const struct target *longest = NULL;
    for (size_t i = 0; platform != NULL && i < platform->target_count; i++) {
        if (longest == NULL || strlen(platform->targets[i].name) > strlen(longest->name))
            longest = &platform->targets[i];
    }
    return longest;
}

/* --- bindings: <component>-<target> ----------------------------------------------------------- */

static const struct claim *find(const struct claims *claims, const char *name)
{
    size_t low = 0, high = claims->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(claims->items[middle].name, name);
        if (order == 0)
            return &claims->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Targets "eu" and "production-eu": then "web-production" on the one and "web" on the other would
 * be the same binding. The claims are sorted. */
static void check_bindings(struct claims *claims, const char *longer, const char *shorter)
{
    const size_t extra = strlen(longer) - strlen(shorter) - 1;
    for (size_t i = 0; i < claims->count; i++) {
        char name[NAME_LIMIT * 3];
        const struct claim *one = &claims->items[i];
        (void)text_put(name, sizeof(name), "%s-%.*s", one->name, (int)extra, longer);
        const struct claim *other = find(claims, name);
        if (other != NULL)
            loader_conflict(claims->loader, other->cell, "E_BINDING_NAME", other->at, one->at,
                            "the other component",
                            "\"%s\" on target %s and \"%s\" on target %s would both be the binding "
                            "\"%s-%s\": rename a component",
                            other->name, shorter, one->name, longer, other->name, shorter);
    }
}

static void check_all_bindings(struct claims *claims, const struct platform *platform)
{
    for (size_t i = 0; platform != NULL && i < platform->target_count; i++) {
        for (size_t j = 0; j < platform->target_count; j++) {
            const char *longer = platform->targets[i].name, *shorter = platform->targets[j].name;
            const size_t a = strlen(longer), b = strlen(shorter);
            if (a > b + 1 && longer[a - b - 1] == '-' && strcmp(longer + a - b, shorter) == 0)
                check_bindings(claims, longer, shorter);
        }
    }
}

/* --- routes: <component>-<endpoint> ----------------------------------------------------------- */

static void check_internal(struct claims *claims, struct manifest_cell *cell,
                           const struct component *component, const struct endpoint *endpoint)
{
    static const char suffix[] = "-internal";
    const size_t length = strlen(endpoint->name.text), tail = strlen(suffix);
    if (length <= tail || strcmp(endpoint->name.text + length - tail, suffix) != 0)
        return;
    for (size_t i = 0; i < component->endpoint_count; i++) {
        const struct endpoint *other = &component->endpoints[i];
        if (strlen(other->name.text) == length - tail &&
            strncmp(other->name.text, endpoint->name.text, length - tail) == 0)
            loader_conflict(claims->loader, cell, "E_ROUTE", endpoint->name.at, other->name.at,
                            "the other endpoint",
                            "endpoints \"%s\" and \"%s\" of \"%s\" would share a route: rename "
                            "one",
                            other->name.text, endpoint->name.text, component->name.text);
    }
}

static void claim_routes(struct claims *claims, struct manifest_cell *cell,
                         const struct component *component)
{
    for (size_t i = 0; has_slots(component) && i < component->endpoint_count; i++) {
        const struct endpoint *endpoint = &component->endpoints[i];
        const char *path = join(claims->arena, component->name.text, endpoint->name.text);
        claim(claims, path, "an endpoint of", component->name.text, cell, endpoint->name.at);
        check_internal(claims, cell, component, endpoint);
    }
}

/* --- projects --------------------------------------------------------------------------------- */

static void check_project(struct loader *loader, struct manifest_cell *entry)
{
    const struct platform *platform = loader->platform;
    if (platform == NULL)
        return;
    const size_t length = strlen(platform->project_prefix.text) + strlen(entry->name);
    if (length > NAME_LIMIT)
        loader_error(loader, entry, "E_NAME_LENGTH", entry->cell->name.at,
                     "shorten the cell's name, or the platform's prefix",
                     "the project \"%s%s\" has %zu characters; at most 63 are allowed",
                     platform->project_prefix.text, entry->name, length);
}

static void for_each(struct claims *claims, bool routes)
{
    const struct loader *loader = claims->loader;
    const struct target *longest = longest_target(loader->platform);
    claims->count = 0;
    for (size_t i = 0; i < loader->set->cell_count; i++) {
        struct manifest_cell *entry = &loader->set->cells[i];
        for (size_t j = 0; entry->cell != NULL && j < entry->cell->component_count; j++) {
            const struct component *component = &entry->cell->components[j];
            if (routes) {
                claim_routes(claims, entry, component);
            } else {
                claim_component(claims, entry, component);
                check_length(claims, entry, component, longest);
            }
        }
    }
}

void check_names(struct loader *loader)
{
    struct claims claims = {.loader = loader, .arena = loader->scratch};
    arena_reset(loader->scratch);
    check_each_cell(loader, check_project);
    for_each(&claims, false);
    report_twins(&claims, "E_COMPONENT_NAME",
                 "would share, in the one namespace that OpenChoreo has, the name");
    check_all_bindings(&claims, loader->platform);
    for_each(&claims, true);
    report_twins(&claims, "E_ROUTE", "would share the route");
    free(claims.items);
}
