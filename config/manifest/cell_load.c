/* Reads the cells' files, or shares those of the earlier revision. */
#include "config/base/arena.h"
#include "config/base/digest.h"
#include "config/base/text.h"
#include "config/manifest/component_file.h"
#include "config/manifest/document.h"
#include "config/manifest/loader.h"
#include "config/manifest/shapes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_BYTES ((size_t)32 * 1024 * 1024)

/* --- what a cell is made of ------------------------------------------------------------------- */

static void add_line(struct text *text, const char *line)
{
    text_add(text, line);
    text_add_char(text, '\n');
}

/* Of all files that a cell is made of: its own and those beside its components' sources. */
static int content_digest(const struct loader *loader, const struct manifest_file *file,
                          const struct cell *cell, char ret_digest[static DIGEST_TEXT_SIZE])
{
    OWNED_TEXT text;
    text_init(&text, (size_t)4 * 1024 * 1024);
    add_line(&text, file->path);
    add_line(&text, file->blob_id);
    for (size_t i = 0; i < cell->component_count; i++) {
        const struct component *component = &cell->components[i];
        if (component->source.text == NULL)
            continue;
        const struct manifest_file *own = component_file_find(loader, component->source.text);
        add_line(&text, component->source.text);
        add_line(&text, own == NULL ? "" : own->blob_id);
    }
    if (text_status(&text) < 0)
        return -ENOMEM;
    memcpy(ret_digest, digest_bytes(text_get(&text), text.length).text, DIGEST_TEXT_SIZE);
    return 0;
}

static const char *directory_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return arena_copy(arena, path, slash == NULL ? 0 : (size_t)(slash - path));
}

/* The name that a file's cell goes by until, and unless, it can be read: what is written, what it
 * was called before, or its directory. */
static const char *guess_name(struct loader *loader, const struct manifest_file *file,
                              const struct yaml_node *root)
{
    const struct yaml_node *name = yaml_find(yaml_find(root, "metadata"), "name");
    struct arena *arena = loader->set->arena;
    if (name != NULL && name->kind == YAML_KIND_SCALAR &&
        form_problem(FORM_LABEL, name->text, name->length) == NULL)
        return arena_copy(arena, name->text, name->length);
    const struct manifest_set *const earlier[] = {loader->previous, loader->fallback};
    for (size_t i = 0; i < SHAPE_COUNT(earlier); i++) {
        for (size_t j = 0; earlier[i] != NULL && j < earlier[i]->cell_count; j++) {
            if (strcmp(earlier[i]->cells[j].path, file->path) == 0)
                return arena_text(arena, earlier[i]->cells[j].name);
        }
    }
    loader->has_unnamed = true;
    const char *directory = directory_of(arena, file->path);
    const char *slash = directory == NULL ? NULL : strrchr(directory, '/');
    return slash == NULL ? directory : slash + 1;
}

/* --- reading ---------------------------------------------------------------------------------- */

static struct cell *cell_new(const struct manifest_file *file)
{
    struct arena *arena = arena_new(CELL_BYTES);
    struct cell *cell = arena == NULL ? NULL : arena_alloc(arena, sizeof(*cell));
    if (cell == NULL) {
        arena_free(arena);
        return NULL;
    }
    cell->arena = arena;
    cell->references = 1;
    cell->path = arena_text(arena, file->path);
    cell->directory = directory_of(arena, file->path);
    return cell->path == NULL || cell->directory == NULL ? cell_unref(cell) : cell;
}

static const char *default_source(const struct cell *cell, const struct component *component)
{
    if (cell->directory[0] == '\0')
        return component->name.text;
    return arena_format(cell->arena, "%s/%s", cell->directory, component->name.text);
}

/* Fills in each component's source and adds what its own file says. The components are in the
 * cell's arena, and nobody else has seen them yet. */
static void complete_components(struct loader *loader, struct decoder *decoder, struct cell *cell)
{
    const union {
        const struct component *read;
        struct component *own;
    } components = {.read = cell->components};
    for (size_t i = 0; i < cell->component_count; i++) {
        struct component *component = &components.own[i];
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): NULL only when the count is 0 */
        if (component->name.text == NULL)
            continue;
        if (component->source.text == NULL)
            component->source =
                (struct manifest_text){default_source(cell, component), component->at};
        if (component->source.text == NULL)
            decoder->status = -ENOMEM;
        else
            component_file_add(loader, decoder, cell, component);
    }
}

static void check_component_count(const struct loader *loader, struct decoder *decoder,
                                  const struct cell *cell)
{
    if (cell->component_count > loader->limits->components)
        DECODE_ERROR(decoder, "E_COUNT", cell->components[0].at,
                     "the cell has %zu components; at most %zu are allowed", cell->component_count,
                     loader->limits->components);
}

static void decode(struct loader *loader, const struct manifest_file *file, struct cell *cell,
                   const char *name, const struct document *document)
{
    struct decoder decoder = {.path = cell->path,
                              .arena = cell->arena,
                              .found = loader->set->diagnostics,
                              .cell = name,
                              .json = &cell->json};
    const struct yaml_node *root = document_root(loader, document, file, "Cell");
    if (root == NULL)
        return;
    decode_mapping(&decoder, &cell_shape, root, cell);
    check_component_count(loader, &decoder, cell);
    complete_components(loader, &decoder, cell);
    if (decoder.status < 0 || content_digest(loader, file, cell, cell->content_digest) < 0)
        loader->status = -ENOMEM;
}

static void read_file(struct loader *loader, const struct manifest_file *file,
                      struct manifest_cell *entry)
{
    struct document document;
    struct cell *cell = cell_new(file);
    if (cell == NULL) {
        loader->status = -ENOMEM;
        return;
    }
    document_open(loader, file, cell->arena, &document);
    entry->name = guess_name(loader, file, document.first);
    if (entry->name == NULL)
        loader->status = -ENOMEM;
    else if (document_is_whole(&document))
        decode(loader, file, cell, entry->name, &document);
    if (document_errors(loader, &document) > 0) {
        entry->broken = true;
        entry->reason = document_reason(loader, &document, file);
        cell_unref(cell);
    } else {
        entry->cell = cell;
        entry->silent = document_is_silent(loader, &document);
    }
}

/* --- sharing ---------------------------------------------------------------------------------- */

static int compare_paths(const void *left, const void *right)
{
    const struct manifest_cell *a = *(const struct manifest_cell *const *)left;
    const struct manifest_cell *b = *(const struct manifest_cell *const *)right;
    return strcmp(a->path, b->path);
}

/* The previous set's cells by path. NULL without memory or without cells. */
static const struct manifest_cell **by_path(const struct manifest_set *set)
{
    if (set == NULL || set->cell_count == 0)
        return NULL;
    const struct manifest_cell **cells = calloc(set->cell_count, sizeof(struct manifest_cell *));
    for (size_t i = 0; cells != NULL && i < set->cell_count; i++)
        cells[i] = &set->cells[i];
    if (cells != NULL)
        qsort(cells, set->cell_count, sizeof(struct manifest_cell *), compare_paths);
    return cells;
}

static bool share(struct loader *loader, const struct manifest_cell **earlier,
                  const struct manifest_file *file, struct manifest_cell *entry)
{
    if (earlier == NULL)
        return false;
    const struct manifest_cell wanted = {.path = file->path};
    const struct manifest_cell *key = &wanted;
    const struct manifest_cell *const *found = bsearch(
        &key, earlier, loader->previous->cell_count, sizeof(struct manifest_cell *), compare_paths);
    if (found == NULL || !(*found)->silent || (*found)->cell == NULL)
        return false;
    char digest[DIGEST_TEXT_SIZE];
    const struct cell *cell = (*found)->cell;
    if (strcmp(cell->path, file->path) != 0 || content_digest(loader, file, cell, digest) < 0 ||
        strcmp(digest, cell->content_digest) != 0)
        return false;
    entry->name = (*found)->cell->name.text;
    entry->cell = cell_ref((*found)->cell);
    entry->silent = true;
    return true;
}

/* --- dependsOn: ["*"] ------------------------------------------------------------------------- */

static bool lists_all_others(const struct manifest_set *set, const struct cell *cell)
{
    size_t listed = 0;
    if (cell->depends_on.count + 1 != set->cell_count)
        return false;
    for (size_t i = 0; i < set->cell_count; i++) {
        if (strcmp(set->cells[i].name, cell->name.text) == 0)
            continue;
        if (listed >= cell->depends_on.count ||
            strcmp(cell->depends_on.items[listed++].text, set->cells[i].name) != 0)
            return false;
    }
    return true;
}

static void list_all_others(struct loader *loader, struct cell *cell)
{
    const struct manifest_set *set = loader->set;
    struct manifest_text *items = arena_array(cell->arena, set->cell_count, sizeof(*items));
    size_t count = 0;
    for (size_t i = 0; items != NULL && i < set->cell_count; i++) {
        if (strcmp(set->cells[i].name, cell->name.text) == 0)
            continue;
        items[count].text = arena_text(cell->arena, set->cells[i].name);
        items[count].at = cell->depends_on.at;
        if (items[count++].text == NULL)
            loader->status = -ENOMEM;
    }
    if (items == NULL)
        loader->status = -ENOMEM;
    else
        cell->depends_on.items = items;
    cell->depends_on.count = items == NULL ? 0 : count;
}

/* A shared cell is somebody else's too: when the cells are others now, it is read anew. */
void loader_expand_depends(struct loader *loader)
{
    struct manifest_set *set = loader->set;
    for (size_t i = 0; i < set->cell_count; i++) {
        struct manifest_cell *entry = &set->cells[i];
        if (entry->cell == NULL || !entry->cell->depends_on_all ||
            (entry->cell->references > 1 && lists_all_others(set, entry->cell)))
            continue;
        if (entry->cell->references > 1) {
            const struct manifest_file *file = loader_file(loader, MANIFEST_FILE_CELL, entry->path);
            struct manifest_cell fresh = {.path = entry->path};
            read_file(loader, file, &fresh);
            cell_unref(entry->cell);
            *entry = fresh;
        }
        if (entry->cell != NULL)
            list_all_others(loader, entry->cell);
    }
}

void loader_read_cells(struct loader *loader)
{
    struct manifest_set *set = loader->set;
    size_t count = 0;
    const struct manifest_file *const *files = loader_files(loader, MANIFEST_FILE_CELL, &count);
    set->cells = arena_array(set->arena, count, sizeof(*set->cells));
    if (set->cells == NULL) {
        loader->status = -ENOMEM;
        return;
    }
    const struct manifest_cell **earlier = by_path(loader->previous);
    for (size_t i = 0; i < count && loader->status == 0; i++) {
        struct manifest_cell *entry = &set->cells[set->cell_count];
        entry->path = arena_text(set->arena, files[i]->path);
        if (entry->path == NULL) {
            loader->status = -ENOMEM;
            break;
        }
        if (!share(loader, earlier, files[i], entry))
            read_file(loader, files[i], entry);
        if (loader->status == 0)
            set->cell_count++;
        else
            cell_unref(entry->cell);
    }
    free(earlier);
    component_file_check_unused(loader);
}
