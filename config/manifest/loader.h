/* The state of one manifest_load(), shared by the files that do its parts. Private to this
 * folder. */
#pragma once

#include "config/manifest/decode.h"
#include "config/manifest/load.h"

#include <stdbool.h>
#include <stddef.h>

struct loader {
    const struct manifest_source *source;
    bool *told;                /* by problem: it broke something, which its diagnostic names */
    const char *native_reason; /* why the platform's native manifests are not all known */
    const struct manifest_limits *limits;
    const struct manifest_file **files; /* sorted by kind and path */
    size_t file_count;
    const struct manifest_set *previous, *fallback;
    struct manifest_set *set;
    const struct platform *platform; /* what the checks go by; NULL = none */
    struct arena *nodes;             /* of the tree that is being read; reset for each file */
    struct arena *scratch;           /* of one check; reset for each component */
    bool has_unnamed;                /* some cell could not be read, and its name is a guess */
    bool again;                      /* the checks run again, after broken cells were replaced */
    bool changed;                    /* some cell became broken in this run */
    int status;                      /* -ENOMEM once memory was short */
};

/* The files of one kind, as a part of the sorted list. */
const struct manifest_file *const *loader_files(const struct loader *loader,
                                                enum manifest_file_kind kind, size_t *ret_count);

/* The file at a path, NULL when there is none. */
const struct manifest_file *loader_file(const struct loader *loader, enum manifest_file_kind kind,
                                        const char *path);

/* Reports a problem of a cell and, when it is an error, marks the cell broken. In a second run only
 * cells that were sound so far are reported. `cell` NULL = the platform's own problem. */
void loader_report(struct loader *loader, struct manifest_cell *cell,
                   const struct diagnostic *diagnostic);

/* The same with text made here. `related` may be NULL. */
void loader_error(struct loader *loader, struct manifest_cell *cell, const char *code,
                  struct source_pos at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
void loader_conflict(struct loader *loader, struct manifest_cell *cell, const char *code,
                     struct source_pos at, struct source_pos related, const char *related_message,
                     const char *format, ...) __attribute__((format(printf, 7, 8)));

/* Marks the cell broken, for a reason that somebody else's problem already tells. */
void loader_condemn(struct loader *loader, struct manifest_cell *cell, struct source_pos at,
                    const char *message);

/* The name of the cell whose directory holds a native manifest: the deepest one; NULL = none. */
const char *native_owner(const struct loader *loader, const char *path);

struct manifest_cell *loader_cell(const struct loader *loader, const char *name);

/* --- the parts -------------------------------------------------------------------------------- */

void loader_read_platform(struct loader *loader);  /* platform_load.c */
void loader_read_cells(struct loader *loader);     /* cell_load.c */
void loader_expand_depends(struct loader *loader); /* cell_load.c; cells are sorted */
void loader_read_natives(struct loader *loader);   /* native.c */
void loader_check(struct loader *loader);          /* check.c: everything between cells */
