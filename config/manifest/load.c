#include "config/manifest/load.h"

#include "config/base/arena.h"
#include "config/base/check.h"
#include "config/base/text.h"
#include "config/manifest/loader.h"
#include "config/manifest/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIAGNOSTIC_CAP 1000u
#define SCRATCH_BYTES ((size_t)128 * 1024 * 1024)
#define SET_BYTES ((size_t)256 * 1024 * 1024)
/* Replacing a broken cell by its last good version can break its readers, and theirs. */
#define CHECK_RUNS 8

const struct manifest_limits manifest_limits_default = {
    .file_bytes = (size_t)256 * 1024,
    .nodes = 10000,
    .depth = 32,
    .documents = 64,
    .scalar_bytes = (size_t)64 * 1024,
    .cells = 10000,
    .components = 200,
};

/* --- files ------------------------------------------------------------------------------------ */

static int compare_files(const void *left, const void *right)
{
    const struct manifest_file *a = *(const struct manifest_file *const *)left;
    const struct manifest_file *b = *(const struct manifest_file *const *)right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return strcmp(a->path, b->path);
}

const struct manifest_file *const *loader_files(const struct loader *loader,
                                                enum manifest_file_kind kind, size_t *ret_count)
{
    size_t first = 0;
    while (first < loader->file_count && loader->files[first]->kind < kind)
        first++;
    size_t end = first;
    while (end < loader->file_count && loader->files[end]->kind == kind)
        end++;
    *ret_count = end - first;
    return loader->files + first;
}

const struct manifest_file *loader_file(const struct loader *loader, enum manifest_file_kind kind,
                                        const char *path)
{
    const struct manifest_file wanted = {.kind = kind, .path = path};
    const struct manifest_file *key = &wanted;
    const struct manifest_file **found =
        loader->file_count == 0 ? NULL
                                : bsearch(&key, loader->files, loader->file_count,
                                          sizeof(struct manifest_file *), compare_files);
    return found == NULL ? NULL : *found;
}

/* --- problems --------------------------------------------------------------------------------- */

/* "path:line:column: message"; a file as a whole has no line. */
static const char *placed(const struct loader *loader, const char *path, struct source_pos at,
                          const char *message)
{
    struct arena *arena = loader->set->arena;
    return at.line == 0 ? arena_format(arena, "%s: %s", path, message)
                        : arena_format(arena, "%s:%u:%u: %s", path, at.line, at.column, message);
}

void loader_condemn(struct loader *loader, struct manifest_cell *cell, struct source_pos at,
                    const char *message)
{
    if (cell == NULL) {
        if (loader->set->platform_reason == NULL)
            loader->set->platform_reason = placed(loader, at.path, at, message);
        return;
    }
    if (cell->broken)
        return;
    cell->broken = true;
    loader->changed = true;
    cell->reason = placed(loader, at.path == NULL ? cell->path : at.path, at, message);
    if (cell->reason == NULL)
        loader->status = -ENOMEM;
}

/* What stands in for a broken cell is not in this revision: nothing is said about it. */
static bool is_stand_in(const struct loader *loader, const struct manifest_cell *cell)
{
    const struct manifest_cell *good = cell == NULL || !cell->broken || loader->fallback == NULL
                                           ? NULL
                                           : manifest_set_cell(loader->fallback, cell->name);
    return good != NULL && cell->cell != NULL && good->cell == cell->cell;
}

void loader_report(struct loader *loader, struct manifest_cell *cell,
                   const struct diagnostic *diagnostic)
{
    if (is_stand_in(loader, cell))
        return;
    if (loader->again && (cell == NULL || cell->broken || diagnostic->severity != DIAGNOSTIC_ERROR))
        return;
    struct diagnostic copy = *diagnostic;
    copy.cell = cell == NULL ? NULL : cell->name;
    diagnostics_add(loader->set->diagnostics, &copy);
    if (diagnostic->severity == DIAGNOSTIC_ERROR)
        loader_condemn(loader, cell, diagnostic->at, diagnostic->message);
}

void loader_error(struct loader *loader, struct manifest_cell *cell, const char *code,
                  struct source_pos at, const char *hint, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)text_vput(message, sizeof(message), format, arguments);
    va_end(arguments);
    loader_report(loader, cell,
                  &(struct diagnostic){.severity = DIAGNOSTIC_ERROR,
                                       .code = code,
                                       .at = at,
                                       .message = message,
                                       .hint = hint});
}

void loader_conflict(struct loader *loader, struct manifest_cell *cell, const char *code,
                     struct source_pos at, struct source_pos related, const char *related_message,
                     const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)text_vput(message, sizeof(message), format, arguments);
    va_end(arguments);
    loader_report(loader, cell,
                  &(struct diagnostic){.severity = DIAGNOSTIC_ERROR,
                                       .code = code,
                                       .at = at,
                                       .message = message,
                                       .related = related,
                                       .related_message = related_message});
}

/* --- cells ------------------------------------------------------------------------------------ */

static int compare_cells(const void *left, const void *right)
{
    const struct manifest_cell *a = left, *b = right;
    const int order = strcmp(a->name, b->name);
    return order != 0 ? order : strcmp(a->path, b->path);
}

static int compare_cell_name(const void *key, const void *element)
{
    return strcmp(key, ((const struct manifest_cell *)element)->name);
}

static struct manifest_cell *find_cell(const struct manifest_set *set, const char *name)
{
    if (set->cell_count == 0)
        return NULL;
    return bsearch(name, set->cells, set->cell_count, sizeof(set->cells[0]), compare_cell_name);
}

const struct manifest_cell *manifest_set_cell(const struct manifest_set *set, const char *name)
{
    return find_cell(set, name);
}

struct manifest_cell *loader_cell(const struct loader *loader, const char *name)
{
    return find_cell(loader->set, name);
}

/* A broken cell's place is taken by its last good version. */
static void put_fallbacks(struct loader *loader)
{
    struct manifest_set *set = loader->set;
    for (size_t i = 0; loader->fallback != NULL && i < set->cell_count; i++) {
        struct manifest_cell *cell = &set->cells[i];
        const struct manifest_cell *good =
            cell->broken ? manifest_set_cell(loader->fallback, cell->name) : NULL;
        if (good == NULL || good->cell == NULL || good->cell == cell->cell)
            continue;
        cell_unref(cell->cell);
        cell->cell = cell_ref(good->cell);
    }
}

static void check_twins(struct loader *loader)
{
    struct manifest_set *set = loader->set;
    for (size_t i = 1; i < set->cell_count; i++) {
        struct manifest_cell *a = &set->cells[i - 1], *b = &set->cells[i];
        if (strcmp(a->name, b->name) != 0)
            continue;
        const struct source_pos first =
            a->cell != NULL ? a->cell->name.at : (struct source_pos){a->path, 1, 1};
        const struct source_pos second =
            b->cell != NULL ? b->cell->name.at : (struct source_pos){b->path, 1, 1};
        loader_conflict(loader, b, "E_DUPLICATE_CELL", second, first, "the other cell",
                        "two cells are named \"%s\": rename one; both stay as they were", b->name);
        loader_condemn(loader, a, first, "another cell has the same name");
    }
}

/* --- the set ---------------------------------------------------------------------------------- */

static struct manifest_set *set_new(void)
{
    struct manifest_set *set = calloc(1, sizeof(*set));
    if (set == NULL)
        return NULL;
    set->references = 1;
    set->arena = arena_new(SET_BYTES);
    set->diagnostics = diagnostics_new(DIAGNOSTIC_CAP);
    if (set->arena != NULL && set->diagnostics != NULL)
        return set;
    return manifest_set_unref(set); /* NOLINT(clang-analyzer-unix.Malloc): frees, 1 reference */
}

struct manifest_set *manifest_set_ref(struct manifest_set *set)
{
    set->references++;
    return set;
}

struct manifest_set *manifest_set_unref(struct manifest_set *set)
{
    if (set == NULL || --set->references > 0)
        return NULL;
    for (size_t i = 0; i < set->cell_count; i++)
        cell_unref(set->cells[i].cell);
    for (size_t i = 0; i < set->native_count; i++)
        json_decref(set->natives[i].body);
    platform_unref(set->platform);
    diagnostics_free(set->diagnostics);
    arena_free(set->arena);
    free(set);
    return NULL;
}

void manifest_set_unrefp(struct manifest_set **set)
{
    *set = manifest_set_unref(*set);
}

/* A platform that the checks found wrong gives way to the last good one. */
static void put_platform_fallback(struct loader *loader)
{
    struct manifest_set *set = loader->set;
    if (set->platform_reason == NULL || set->platform == NULL)
        return;
    struct platform *good = loader->fallback == NULL ? NULL : loader->fallback->platform;
    if (good == set->platform)
        return;
    platform_unref(set->platform);
    set->platform = good == NULL ? NULL : platform_ref(good);
}

static void run_checks(struct loader *loader)
{
    for (int run = 0; run < CHECK_RUNS; run++) {
        put_fallbacks(loader);
        loader->again = run > 0;
        loader->changed = false;
        loader_check(loader);
        if (!loader->changed)
            break;
    }
    put_fallbacks(loader);
    put_platform_fallback(loader);
}

static int sort_files(struct loader *loader, const struct manifest_file *files, size_t count,
                      struct error *err)
{
    size_t cells = 0;
    for (size_t i = 0; i < count; i++)
        cells += files[i].kind == MANIFEST_FILE_CELL;
    if (cells > loader->limits->cells)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT,
                         "the revision has %zu cells; at most %zu are read", cells,
                         loader->limits->cells);
    loader->files = calloc(count + 1, sizeof(struct manifest_file *));
    if (loader->files == NULL)
        return error_no_memory(err);
    for (size_t i = 0; i < count; i++)
        loader->files[i] = &files[i];
    loader->file_count = count;
    if (count > 1)
        qsort(loader->files, count, sizeof(struct manifest_file *), compare_files);
    return 0;
}

static void read_all(struct loader *loader)
{
    struct manifest_set *set = loader->set;
    loader_read_platform(loader);
    loader_read_cells(loader);
    problem_keep_absent(loader);
    if (loader->status == 0 && set->cell_count > 1)
        qsort(set->cells, set->cell_count, sizeof(set->cells[0]), compare_cells);
    if (loader->status == 0)
        loader_expand_depends(loader);
    if (loader->status == 0) {
        check_twins(loader);
        loader_read_natives(loader);
        problem_condemn(loader);
        run_checks(loader);
        problem_finish(loader);
    }
}

static int load(const struct manifest_source *source, const struct manifest_limits *limits,
                const struct manifest_set *previous, const struct manifest_set *fallback,
                void (*read)(struct loader *loader), struct manifest_set **ret_set,
                struct error *err)
{
    struct loader loader = {.source = source,
                            .limits = limits == NULL ? &manifest_limits_default : limits,
                            .previous = previous,
                            .fallback = fallback};
    const int status = sort_files(&loader, source->files, source->file_count, err);
    if (status < 0)
        return status;
    loader.set = set_new();
    if (loader.set == NULL) {
        free(loader.files);
        return error_no_memory(err);
    }
    struct manifest_set *set = loader.set;
    loader.nodes = arena_new(SCRATCH_BYTES);
    loader.scratch = arena_new(SCRATCH_BYTES);
    if (loader.nodes == NULL || loader.scratch == NULL)
        loader.status = -ENOMEM;
    else
        read(&loader);
    arena_free(loader.nodes);
    arena_free(loader.scratch);
    free(loader.files);
    if (loader.status < 0 || diagnostics_status(set->diagnostics) < 0) {
        manifest_set_unref(set);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the only reference is gone */
        return error_no_memory(err);
    }
    diagnostics_sort(set->diagnostics);
    *ret_set = set;
    return 0;
}

int manifest_load_source(const struct manifest_source *source, const struct manifest_limits *limits,
                         const struct manifest_set *previous, const struct manifest_set *fallback,
                         struct manifest_set **ret_set, struct error *err)
{
    return load(source, limits, previous, fallback, read_all, ret_set, err);
}

int manifest_load_platform(const struct manifest_source *source,
                           const struct manifest_limits *limits,
                           const struct manifest_set *previous, const struct manifest_set *fallback,
                           struct platform **ret_platform, struct error *err)
{
    struct manifest_set *set = NULL;
    const int status = load(source, limits, previous, fallback, loader_read_platform, &set, err);
    if (status < 0 || set == NULL)
        return status;
    CHECK(set != NULL);
    *ret_platform = set->platform == NULL ? NULL : platform_ref(set->platform);
    manifest_set_unref(set);
    return 0;
}

int manifest_load(const struct manifest_file *files, size_t file_count,
                  const struct manifest_limits *limits, const struct manifest_set *previous,
                  const struct manifest_set *fallback, struct manifest_set **ret_set,
                  struct error *err)
{
    const struct manifest_source source = {.files = files, .file_count = file_count};
    return manifest_load_source(&source, limits, previous, fallback, ret_set, err);
}
