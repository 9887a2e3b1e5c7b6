/* OpenChoreo's own manifests: desired as they stand. */
#include "config/base/arena.h"
#include "config/manifest/document.h"
#include "config/manifest/loader.h"
#include "config/manifest/problem.h"
#include "config/yaml/typed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NATIVE_VERSION "openchoreo.dev/v1alpha1"
#define TEXT_BYTES ((size_t)16 * 1024 * 1024)

struct native_list {
    struct native_resource *items;
    size_t count, capacity;
};

static const char *copy_text(struct loader *loader, const struct yaml_node *node)
{
    const char *copy = arena_copy(loader->set->arena, node->text, node->length);
    if (copy == NULL)
        loader->status = -ENOMEM;
    return copy;
}

static bool is_text(const struct yaml_node *node)
{
    return node != NULL && node->kind == YAML_KIND_SCALAR && node->length > 0;
}

static void report(struct loader *loader, const struct manifest_file *file,
                   const struct yaml_node *node, const char *code, const char *message,
                   const char *hint)
{
    diagnostics_add(loader->set->diagnostics, &(struct diagnostic){
                                                  .severity = DIAGNOSTIC_ERROR,
                                                  .code = code,
                                                  .at = {file->path, node->line, node->column},
                                                  .message = message,
                                                  .hint = hint,
                                              });
}

const char *native_owner(const struct loader *loader, const char *path)
{
    const struct manifest_set *set = loader->set;
    const char *owner = NULL;
    size_t depth = 0;
    for (size_t i = 0; i < set->cell_count; i++) {
        const char *slash = strrchr(set->cells[i].path, '/');
        const size_t length = slash == NULL ? 0 : (size_t)(slash - set->cells[i].path) + 1;
        if (length > depth && strncmp(path, set->cells[i].path, length) == 0) {
            owner = set->cells[i].name;
            depth = length;
        }
    }
    return owner;
}

static struct native_resource *add(struct native_list *list)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        struct native_resource *items = realloc(list->items, capacity * sizeof(*items));
        if (items == NULL)
            return NULL;
        list->items = items;
        list->capacity = capacity;
    }
    return &list->items[list->count++];
}

/* What stands beside apiVersion and kind: metadata and spec, and whatever else the kind has. */
static json_t *body_of(const struct yaml_node *root)
{
    json_t *body = yaml_typed(root);
    if (body == NULL)
        return NULL;
    (void)json_object_del(body, "apiVersion");
    (void)json_object_del(body, "kind");
    (void)json_object_del(body, "status");
    return body;
}

static void read_document(struct loader *loader, const struct manifest_file *file,
                          const struct yaml_node *root, struct native_list *list)
{
    const struct yaml_node *version = yaml_find(root, "apiVersion");
    const struct yaml_node *kind = yaml_find(root, "kind");
    const struct yaml_node *metadata = yaml_find(root, "metadata");
    const struct yaml_node *name = yaml_find(metadata, "name");
    const struct yaml_node *space = yaml_find(metadata, "namespace");
    if (!is_text(version) || strcmp(version->text, NATIVE_VERSION) != 0) {
        report(loader, file, version == NULL ? root : version, "E_API_VERSION",
               "a native manifest must have apiVersion " NATIVE_VERSION,
               "celld hands such files to OpenChoreo and to nobody else");
        return;
    }
    if (!is_text(kind) || !is_text(name) ||
        form_problem(FORM_LABEL, name->text, name->length) != NULL) {
        report(loader, file, name == NULL ? root : name, "E_NATIVE",
               "a native manifest needs kind and metadata.name",
               "names have a-z, 0-9 and -, at most 63");
        return;
    }
    struct native_resource *resource = add(list);
    if (resource == NULL) {
        loader->status = -ENOMEM;
        return;
    }
    *resource = (struct native_resource){
        .kind = copy_text(loader, kind),
        .name = copy_text(loader, name),
        .namespace_name = is_text(space) ? copy_text(loader, space) : NULL,
        .body = body_of(root),
        .at = {arena_text(loader->set->arena, file->path), root->line, root->column},
        .cell = native_owner(loader, file->path),
    };
    if (resource->body == NULL || resource->at.path == NULL)
        loader->status = -ENOMEM;
}

/* What the last good revision declared there: unknown is not gone. */
static void keep_good(struct loader *loader, const struct native_resource *good,
                      struct native_list *list)
{
    struct arena *arena = loader->set->arena;
    struct native_resource *resource = add(list);
    if (resource == NULL) {
        loader->status = -ENOMEM;
        return;
    }
    *resource = (struct native_resource){
        .kind = arena_text(arena, good->kind),
        .name = arena_text(arena, good->name),
        .namespace_name =
            good->namespace_name == NULL ? NULL : arena_text(arena, good->namespace_name),
        .body = json_incref(good->body),
        .at = {arena_text(arena, good->at.path), good->at.line, good->at.column},
        .cell = native_owner(loader, good->at.path),
    };
    if (resource->kind == NULL || resource->name == NULL || resource->at.path == NULL ||
        (good->namespace_name != NULL && resource->namespace_name == NULL))
        loader->status = -ENOMEM;
}

/* A file with errors: none of it counts, and the last good one stands in for it. */
static void refuse_file(struct loader *loader, const struct manifest_file *file, size_t read_before,
                        const char *reason, struct native_list *list)
{
    const struct manifest_set *fallback = loader->fallback;
    while (list->count > read_before)
        json_decref(list->items[--list->count].body);
    for (size_t i = 0; fallback != NULL && i < fallback->native_count; i++) {
        if (strcmp(fallback->natives[i].at.path, file->path) == 0)
            keep_good(loader, &fallback->natives[i], list);
    }
    problem_break_native(loader, file->path, reason);
}

/* Files that are not there, or were not read, because of a problem. */
static void keep_unknown(struct loader *loader, struct native_list *list)
{
    const struct manifest_set *fallback = loader->fallback;
    for (size_t i = 0; fallback != NULL && i < fallback->native_count && loader->status == 0; i++) {
        const char *path = fallback->natives[i].at.path;
        const char *reason = problem_of_native(loader, path);
        if (reason == NULL)
            continue;
        if (loader_file(loader, MANIFEST_FILE_NATIVE, path) == NULL)
            keep_good(loader, &fallback->natives[i], list);
        problem_break_native(loader, path, reason);
    }
}

static void read_file(struct loader *loader, const struct manifest_file *file,
                      struct native_list *list)
{
    struct document document;
    const size_t read_before = list->count;
    struct arena *texts = arena_new(TEXT_BYTES);
    if (texts == NULL) {
        loader->status = -ENOMEM;
        return;
    }
    document_open(loader, file, texts, &document);
    if (document.status == 0) {
        for (const struct yaml_node *root = document.first; root != NULL; root = root->next)
            read_document(loader, file, root, list);
    }
    if (document_errors(loader, &document) > 0)
        refuse_file(loader, file, read_before, document_reason(loader, &document, file), list);
    arena_free(texts);
}

static int compare(const void *left, const void *right)
{
    const struct native_resource *a = left, *b = right;
    int order = strcmp(a->kind, b->kind);
    if (order == 0)
        order = strcmp(a->namespace_name == NULL ? "" : a->namespace_name,
                       b->namespace_name == NULL ? "" : b->namespace_name);
    if (order == 0)
        order = strcmp(a->name, b->name);
    if (order == 0)
        order = strcmp(a->at.path, b->at.path);
    return order != 0 ? order : (a->at.line > b->at.line) - (a->at.line < b->at.line);
}

static void check_twins(struct loader *loader, const struct native_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        const struct native_resource *a = &list->items[i - 1], *b = &list->items[i];
        const bool same_space =
            (a->namespace_name == NULL) == (b->namespace_name == NULL) &&
            (a->namespace_name == NULL || strcmp(a->namespace_name, b->namespace_name) == 0);
        if (same_space && strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0)
            diagnostics_add(loader->set->diagnostics,
                            &(struct diagnostic){.severity = DIAGNOSTIC_ERROR,
                                                 .code = "E_DUPLICATE_NATIVE",
                                                 .at = b->at,
                                                 .message = "the same resource is declared twice",
                                                 .hint = "keep one",
                                                 .related = a->at,
                                                 .related_message = "it stands here too"});
    }
}

void loader_read_natives(struct loader *loader)
{
    struct manifest_set *set = loader->set;
    struct native_list list = {0};
    size_t count = 0;
    const struct manifest_file *const *files = loader_files(loader, MANIFEST_FILE_NATIVE, &count);
    for (size_t i = 0; i < count && loader->status == 0; i++)
        read_file(loader, files[i], &list);
    if (loader->status == 0)
        keep_unknown(loader, &list);
    if (loader->status == 0 && list.count > 1)
        qsort(list.items, list.count, sizeof(*list.items), compare);
    if (loader->status == 0)
        check_twins(loader, &list);
    struct native_resource *kept = arena_array(set->arena, list.count, sizeof(*kept));
    if (kept == NULL) {
        loader->status = -ENOMEM;
        for (size_t i = 0; i < list.count; i++)
            json_decref(list.items[i].body);
    } else {
        if (list.count > 0)
            memcpy(kept, list.items, list.count * sizeof(*kept));
        set->natives = kept;
        set->native_count = list.count;
    }
    free(list.items);
}
