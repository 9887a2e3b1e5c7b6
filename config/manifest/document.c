#include "config/manifest/document.h"

#include "config/base/arena.h"
#include "config/base/text.h"
#include "config/yaml/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define API_GROUP "celld.dev/"
#define API_VERSION "celld.dev/v1"
#define KEY_BYTES 253

void document_open(struct loader *loader, const struct manifest_file *file, struct arena *texts,
                   struct document *ret_document)
{
    const struct manifest_limits *limits = loader->limits;
    const struct yaml_source source = {file->path, file->bytes, file->length};
    const struct yaml_limits yaml = {limits->file_bytes, limits->nodes,        limits->depth,
                                     limits->documents,  limits->scalar_bytes, KEY_BYTES};
    *ret_document = (struct document){
        .errors_before = diagnostics_error_count(loader->set->diagnostics),
        .seen_before = diagnostics_count(loader->set->diagnostics) +
                       diagnostics_dropped(loader->set->diagnostics),
    };
    arena_reset(loader->nodes);
    ret_document->status = yaml_read(&source, &yaml, loader->nodes, texts, loader->set->diagnostics,
                                     &ret_document->first);
    if (ret_document->status == -ENOMEM)
        loader->status = -ENOMEM;
}

bool document_is_whole(const struct document *document)
{
    return document->first != NULL && (document->status == 0 || document->status == ERR_INVALID);
}

size_t document_errors(const struct loader *loader, const struct document *document)
{
    return diagnostics_error_count(loader->set->diagnostics) - document->errors_before;
}

bool document_is_silent(const struct loader *loader, const struct document *document)
{
    return diagnostics_count(loader->set->diagnostics) +
               diagnostics_dropped(loader->set->diagnostics) ==
           document->seen_before;
}

static bool is_before(const struct source_pos *a, const struct source_pos *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

const char *document_reason(struct loader *loader, const struct document *document,
                            const struct manifest_file *file)
{
    const struct diagnostics *found = loader->set->diagnostics;
    const struct diagnostic *first = NULL;
    for (size_t i = document->seen_before; i < diagnostics_count(found); i++) {
        const struct diagnostic *d = diagnostics_get(found, i);
        if (d->severity == DIAGNOSTIC_ERROR && (first == NULL || is_before(&d->at, &first->at)))
            first = d;
    }
    const char *reason =
        first == NULL
            ? arena_format(loader->set->arena, "%s: errors past those that are kept", file->path)
            : arena_format(loader->set->arena, "%s:%u:%u: %s", first->at.path, first->at.line,
                           first->at.column, first->message);
    if (reason == NULL)
        loader->status = -ENOMEM;
    return reason;
}

static void report(struct loader *loader, const struct manifest_file *file,
                   const struct yaml_node *node, const char *code, const char *hint,
                   const char *message)
{
    diagnostics_add(loader->set->diagnostics, &(struct diagnostic){
                                                  .severity = DIAGNOSTIC_ERROR,
                                                  .code = code,
                                                  .at = {file->path, node->line, node->column},
                                                  .message = message,
                                                  .hint = hint,
                                              });
}

static bool check_version(struct loader *loader, const struct manifest_file *file,
                          const struct yaml_node *version)
{
    char message[160];
    if (version == NULL || version->kind != YAML_KIND_SCALAR ||
        strcmp(version->text, API_VERSION) == 0)
        return true; /* the schema says the rest */
    const bool ours = strncmp(version->text, API_GROUP, strlen(API_GROUP)) == 0;
    (void)text_put(message, sizeof(message),
                   ours ? "apiVersion \"%.80s\" is not known: this celld is too old for it"
                        : "apiVersion \"%.80s\" is not " API_VERSION,
                   version->text);
    report(loader, file, version, "E_API_VERSION",
           ours ? "upgrade celld, or write apiVersion: " API_VERSION
                : "OpenChoreo's own manifests go into the paths of spec.nativePaths",
           message);
    return false;
}

static bool check_kind(struct loader *loader, const struct manifest_file *file,
                       const struct yaml_node *node, const char *kind)
{
    char message[160], hint[64];
    if (node == NULL || node->kind != YAML_KIND_SCALAR || strcmp(node->text, kind) == 0)
        return true;
    (void)text_put(message, sizeof(message), "kind \"%.80s\" does not belong into this file",
                   node->text);
    (void)text_put(hint, sizeof(hint), "write kind: %s", kind);
    report(loader, file, node, "E_KIND", hint, message);
    return false;
}

const struct yaml_node *document_root(struct loader *loader, const struct document *document,
                                      const struct manifest_file *file, const char *kind)
{
    const struct yaml_node *root = document->first;
    if (root == NULL)
        return NULL;
    if (!check_version(loader, file, yaml_find(root, "apiVersion")) ||
        !check_kind(loader, file, yaml_find(root, "kind"), kind))
        return NULL;
    if (root->next != NULL)
        report(loader, file, root->next, "E_DOCUMENTS", "move it into a file of its own",
               "a second document in the file");
    return root;
}
