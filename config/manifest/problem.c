#include "config/manifest/problem.h"

#include "config/base/arena.h"
#include "config/base/text.h"
#include "config/manifest/component_file.h"

#include <errno.h>
#include <string.h>

#define COMPONENT_FILE "/.choreo/component.yaml"
#define CODE "E_UNREADABLE"

/* --- which problem ---------------------------------------------------------------------------- */

static bool covers(const struct manifest_problem *problem, const char *path)
{
    const size_t length = strlen(problem->path);
    return length == 0 || (strncmp(problem->path, path, length) == 0 &&
                           (path[length] == '\0' || path[length] == '/'));
}

static const char *keep_text(struct loader *loader, const char *text)
{
    if (text == NULL)
        loader->status = -ENOMEM;
    return text;
}

/* "path: message" of the problem at or above a path, NULL when there is none. */
static const char *reason_at(struct loader *loader, const char *path)
{
    const struct manifest_source *source = loader->source;
    for (size_t i = 0; loader->told != NULL && i < source->problem_count; i++) {
        if (!covers(&source->problems[i], path))
            continue;
        loader->told[i] = true;
        return keep_text(loader,
                         arena_format(loader->set->arena, "%s: %s", source->problems[i].path,
                                      source->problems[i].message));
    }
    return NULL;
}

/* The same for something that is absent: an incomplete source says nothing about it. */
static const char *reason_absent(struct loader *loader, const char *path)
{
    const char *reason = reason_at(loader, path);
    if (reason != NULL || !loader->source->incomplete)
        return reason;
    return keep_text(loader,
                     arena_format(loader->set->arena,
                                  "%s: the revision could not be looked at completely; whether "
                                  "this is still there is unknown",
                                  path));
}

/* --- the platform ----------------------------------------------------------------------------- */

static void prepare(struct loader *loader)
{
    const size_t count = loader->source->problem_count;
    if (loader->told != NULL || count == 0)
        return;
    loader->told = arena_array(loader->set->arena, count, sizeof(*loader->told));
    if (loader->told == NULL)
        loader->status = -ENOMEM;
}

void problem_report_platform(struct loader *loader, const char *path)
{
    prepare(loader);
    const char *reason = reason_absent(loader, path);
    if (reason != NULL)
        loader->set->platform_reason = reason;
    else
        loader_error(loader, NULL, "E_NO_PLATFORM", (struct source_pos){path, 0, 0},
                     "add it, or set repository.platformFile in celld.yaml",
                     "the revision has no platform file");
}

/* --- cells ------------------------------------------------------------------------------------ */

static bool has_cell(const struct manifest_set *set, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(set->cells[i].name, name) == 0)
            return true;
    }
    return false;
}

static void keep_cell(struct loader *loader, const struct manifest_cell *good, const char *reason)
{
    struct manifest_set *set = loader->set;
    const char *name = keep_text(loader, arena_text(set->arena, good->name));
    const char *path = keep_text(loader, arena_text(set->arena, good->path));
    if (loader->status < 0)
        return;
    set->cells[set->cell_count++] =
        (struct manifest_cell){.name = name,
                               .path = path,
                               .cell = good->cell == NULL ? NULL : cell_ref(good->cell),
                               .broken = true,
                               .reason = reason};
}

void problem_keep_absent(struct loader *loader)
{
    struct manifest_set *set = loader->set;
    const struct manifest_set *fallback = loader->fallback;
    prepare(loader);
    if (loader->status < 0 || fallback == NULL || fallback->cell_count == 0 ||
        (loader->source->problem_count == 0 && !loader->source->incomplete))
        return;
    const size_t present = set->cell_count;
    struct manifest_cell *cells =
        arena_array(set->arena, present + fallback->cell_count, sizeof(*cells));
    if (cells == NULL) {
        loader->status = -ENOMEM;
        return;
    }
    if (present > 0)
        memcpy(cells, set->cells, present * sizeof(*cells));
    set->cells = cells;
    for (size_t i = 0; i < fallback->cell_count && loader->status == 0; i++) {
        const struct manifest_cell *good = &fallback->cells[i];
        if (has_cell(set, present, good->name))
            continue;
        const char *reason = reason_absent(loader, good->path);
        if (reason != NULL)
            keep_cell(loader, good, reason);
    }
}

static void break_cell(struct manifest_cell *entry, const char *reason)
{
    if (reason == NULL || entry->broken)
        return;
    entry->broken = true;
    entry->silent = false;
    entry->reason = reason;
}

static void condemn_cell(struct loader *loader, struct manifest_cell *entry)
{
    break_cell(entry, reason_at(loader, entry->path));
    for (size_t i = 0; entry->cell != NULL && i < entry->cell->component_count; i++) {
        char path[1200];
        const char *source = entry->cell->components[i].source.text;
        if (source == NULL)
            continue;
        const int length = text_put(path, sizeof(path), "%s" COMPONENT_FILE, source);
        if (length > 0 && (size_t)length < sizeof(path))
            break_cell(entry, reason_at(loader, path));
    }
}

/* --- native manifests ------------------------------------------------------------------------- */

void problem_break_native(struct loader *loader, const char *path, const char *reason)
{
    const char *owner = native_owner(loader, path);
    struct manifest_cell *cell = NULL;
    for (size_t i = 0; owner != NULL && i < loader->set->cell_count; i++) {
        if (loader->set->cells[i].name == owner)
            cell = &loader->set->cells[i];
    }
    if (keep_text(loader, reason) == NULL)
        return;
    if (cell != NULL)
        break_cell(cell, reason);
    else if (loader->native_reason == NULL)
        loader->native_reason = reason;
}

const char *problem_of_native(struct loader *loader, const char *path)
{
    return loader_file(loader, MANIFEST_FILE_NATIVE, path) != NULL ? reason_at(loader, path)
                                                                   : reason_absent(loader, path);
}

/* --- all of it -------------------------------------------------------------------------------- */

void problem_condemn(struct loader *loader)
{
    struct manifest_set *set = loader->set;
    if (loader->source->problem_count == 0 && !loader->source->incomplete)
        return;
    for (size_t i = 0; i < set->cell_count; i++)
        condemn_cell(loader, &set->cells[i]);
    if (set->platform != NULL && set->platform_reason == NULL)
        set->platform_reason = reason_at(loader, set->platform->path);
    /* The name that nobody has may be that of something which could not be read. */
    loader->has_unnamed = true;
}

/* Behind a problem that hides nothing known there may be something that nobody knows, unless the
 * fallback knew everything. */
static void note_unknown(struct loader *loader)
{
    const struct manifest_source *source = loader->source;
    const bool known = loader->fallback != NULL && loader->fallback->unknown == NULL;
    for (size_t i = 0; !known && i < source->problem_count && loader->set->unknown == NULL; i++) {
        if (!loader->told[i])
            loader->set->unknown = keep_text(loader, arena_format(loader->set->arena, "%s: %s",
                                                                  source->problems[i].path,
                                                                  source->problems[i].message));
    }
    if (!known && source->incomplete && loader->set->unknown == NULL)
        loader->set->unknown = "the revision could not be looked at completely";
}

void problem_finish(struct loader *loader)
{
    const struct manifest_source *source = loader->source;
    struct manifest_set *set = loader->set;
    if (set->platform_reason == NULL)
        set->platform_reason = loader->native_reason;
    if (loader->status < 0)
        return;
    for (size_t i = 0; i < source->problem_count; i++)
        diagnostics_add(set->diagnostics,
                        &(struct diagnostic){.severity = DIAGNOSTIC_ERROR,
                                             .code = CODE,
                                             .at = {source->problems[i].path, 0, 0},
                                             .message = source->problems[i].message});
    note_unknown(loader);
}
