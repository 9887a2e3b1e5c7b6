#include "daemon/celld/revision.h"

#include "config/base/owned.h"
#include "config/manifest/diagnostic.h"
#include "daemon/file/file.h"
#include "gitwatch/tree_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_DIRECTORY "/usr/share/zoneinfo"
#define ZONE_BYTES_LIMIT ((size_t)64 * 1024)

static struct tree_limits limits_of(const struct revision_request *request)
{
    struct tree_limits limits = tree_limits_default();
    limits.file_bytes = request->file_bytes;
    limits.entries = request->tree_entries;
    return limits;
}

/* One commit of the mirror. */
struct place {
    struct mirror *mirror;
    const struct object_id *commit;
    struct tree_limits limits;
};

static int list_files(void *context, const struct tree_selection *selection,
                      struct tree_listing **ret_listing, struct error *err)
{
    const struct place *place = context;
    return tree_reader_load(place->mirror, place->commit, NULL, selection, &place->limits,
                            ret_listing, err);
}

static int read_set(struct mirror *mirror, const struct revision_request *request,
                    const struct object_id *commit, struct manifest_set *fallback,
                    struct manifest_set **ret_set, struct error *err)
{
    struct place place = {.mirror = mirror, .commit = commit, .limits = limits_of(request)};
    return manifests_read(&request->patterns, list_files, &place, fallback, fallback, ret_set, err);
}

static bool is_broken(const struct manifest_set *set)
{
    if (set->platform_reason != NULL || set->platform == NULL || set->unknown != NULL)
        return true;
    for (size_t i = 0; i < set->cell_count; i++) {
        if (set->cells[i].broken)
            return true;
    }
    return false;
}

/* After a restart the last good content of what is broken now is read again where it was sound. */
static int read_with_last_good(struct mirror *mirror, const struct revision_request *request,
                               const struct object_id *commit, struct manifest_set **ret_set,
                               struct error *err)
{
    OWNED(manifest_set_unrefp) struct manifest_set *set = NULL;
    int result = read_set(mirror, request, commit, request->fallback, &set, err);
    if (result < 0)
        return result;
    if (request->fallback == NULL && is_broken(set) && request->last_good_count > 0) {
        OWNED(manifest_set_unrefp) struct manifest_set *good = NULL;
        for (size_t i = 0; i < request->last_good_count; i++) {
            struct manifest_set *older = NULL;
            /* One that is gone from the mirror is one that we do not know any more. */
            if (read_set(mirror, request, &request->last_good[i], good, &older, NULL) == 0) {
                (void)manifest_set_unref(good);
                good = older;
            }
        }
        if (good != NULL) {
            /* Some of what was sound once, not all of what there is. */
            if (good->unknown == NULL)
                good->unknown = "what was sound before the restart is not known completely";
            set = manifest_set_unref(set);
            result = read_set(mirror, request, commit, good, &set, err);
            if (result < 0)
                return result;
        }
    }
    *ret_set = TAKE(set);
    return 0;
}

/* --- time zones ----------------------------------------------------------------------------- */

static bool is_zone_name(const char *name)
{
    const size_t length = strlen(name);
    return length > 0 && length < 64 && name[0] != '/' && strstr(name, "..") == NULL &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
               length;
}

static void *read_zone(const char *name, size_t *ret_length)
{
    static const struct file_terms terms = {.limit = ZONE_BYTES_LIMIT};
    char path[128];
    char *bytes = NULL;
    if (!is_zone_name(name))
        return NULL;
    (void)snprintf(path, sizeof(path), ZONE_DIRECTORY "/%s", name);
    return file_read(path, &terms, &bytes, ret_length, NULL) == 0 ? bytes : NULL;
}

static bool has_zone(const struct revision *revision, const char *name)
{
    for (size_t i = 0; i < revision->zone_count; i++) {
        if (strcmp(revision->zones[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Zones that the system does not know are left out: their gates stay shut and say so. */
static int add_zone(struct revision *revision, const char *name)
{
    size_t length = 0;
    if (has_zone(revision, name))
        return 0;
    void *bytes = read_zone(name, &length);
    if (bytes == NULL)
        return 0;
    struct zone_file *zones = realloc(revision->zones, (revision->zone_count + 1) * sizeof(*zones));
    char *copy = strdup(name);
    if (zones != NULL)
        revision->zones = zones;
    if (zones == NULL || copy == NULL) {
        free(bytes);
        free(copy);
        return -ENOMEM;
    }
    zones[revision->zone_count++] =
        (struct zone_file){.name = copy, .bytes = bytes, .length = length};
    return 0;
}

static int add_zones(struct revision *revision)
{
    const struct platform *platform = revision->set->platform;
    for (size_t i = 0; platform != NULL && i < platform->environment_count; i++) {
        const struct environment *environment = &platform->environments[i];
        for (size_t k = 0; k < environment->gate_count; k++) {
            const struct gate *gate = &environment->gates[k];
            if (gate->kind == GATE_WINDOW && gate->zone.text != NULL &&
                add_zone(revision, gate->zone.text) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

/* --- what is built -------------------------------------------------------------------------- */

/* A source that is not there, or is no plain path, is left out: its component waits and says so. */
static int add_tree(struct mirror *mirror, struct revision *revision, const struct cell *cell,
                    const struct component *component)
{
    struct object_id id;
    if (tree_reader_id_at(mirror, &revision->commit, component_build_path(component), &id, NULL) <
        0)
        return 0;
    struct source_tree *trees =
        realloc(revision->trees, (revision->tree_count + 1) * sizeof(*trees));
    if (trees == NULL)
        return -ENOMEM;
    revision->trees = trees;
    char *tree = strdup(id.hex);
    if (tree == NULL)
        return -ENOMEM;
    trees[revision->tree_count++] =
        (struct source_tree){cell->name.text, component->name.text, tree};
    return 0;
}

static int add_trees(struct mirror *mirror, struct revision *revision)
{
    for (size_t i = 0; i < revision->set->cell_count; i++) {
        const struct cell *cell = revision->set->cells[i].cell;
        if (cell == NULL || revision->set->cells[i].broken)
            continue;
        for (size_t k = 0; k < cell->component_count; k++) {
            if (component_is_built(&cell->components[k]) &&
                add_tree(mirror, revision, cell, &cell->components[k]) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

/* --- the whole ------------------------------------------------------------------------------ */

static int read_revision(const struct revision_request *request, struct revision *revision)
{
    OWNED(mirror_freep) struct mirror *mirror = NULL;
    struct error *err = &revision->error;
    int result = mirror_open(request->mirror, &mirror, err);
    revision->commit = request->commit;
    if (result == 0)
        result = mirror_commit(mirror, &revision->commit, &revision->info, err);
    if (result == 0)
        result = read_with_last_good(mirror, request, &revision->commit, &revision->set, err);
    if (result == 0 && (add_zones(revision) < 0 || add_trees(mirror, revision) < 0))
        result = error_no_memory(err);
    bool descends = true;
    if (result == 0 && object_id_is_set(&request->previous) &&
        mirror_is_ancestor(mirror, &request->previous, &revision->commit, &descends, NULL) < 0)
        descends = false;
    revision->rewritten = !descends;
    return result;
}

struct revision *revision_read(const struct revision_request *request)
{
    struct revision *revision = calloc(1, sizeof(*revision));
    if (revision == NULL)
        return NULL;
    revision->result = read_revision(request, revision);
    revision->damaged = revision->result == MIRROR_DAMAGED;
    return revision;
}

struct revision *revision_free(struct revision *revision)
{
    if (revision == NULL)
        return NULL;
    for (size_t i = 0; i < revision->zone_count; i++) {
        free((void *)(uintptr_t)revision->zones[i].name);
        free((void *)(uintptr_t)revision->zones[i].bytes);
    }
    free(revision->zones);
    for (size_t i = 0; i < revision->tree_count; i++)
        free((void *)(uintptr_t)revision->trees[i].tree);
    free(revision->trees);
    (void)manifest_set_unref(revision->set);
    free(revision);
    return NULL;
}
