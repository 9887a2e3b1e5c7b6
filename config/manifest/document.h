/* One file of manifests on its way from bytes to a struct. Private to this folder. */
#pragma once

#include "config/manifest/loader.h"
#include "config/yaml/node.h"

struct document {
    const struct yaml_node *first; /* good until the next document is opened */
    size_t errors_before;          /* diagnostics when the reading began */
    size_t seen_before;
    int status; /* of yaml_read() */
};

/* Reads the tree; texts go to `texts`. */
void document_open(struct loader *loader, const struct manifest_file *file, struct arena *texts,
                   struct document *ret_document);

/* Whether the tree is whole: what is in it means something. */
bool document_is_whole(const struct document *document);

/* Errors since document_open(). */
size_t document_errors(const struct loader *loader, const struct document *document);

/* Whether anything at all was said since document_open(). */
bool document_is_silent(const struct loader *loader, const struct document *document);

/* "path:line:column: message" of the first error since document_open(), in the set's arena. */
const char *document_reason(struct loader *loader, const struct document *document,
                            const struct manifest_file *file);

/* The single document of `kind` and celld.dev/v1: anything else is reported. NULL when the file has
 * none that can be read. */
const struct yaml_node *document_root(struct loader *loader, const struct document *document,
                                      const struct manifest_file *file, const char *kind);
