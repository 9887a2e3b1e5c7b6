/* From the files of one revision to a checked set of manifests. Pure: files come as bytes.
 *
 * The smallest unit that is wrong is refused: a cell with an error is `broken` and the others go
 * on; with an error in the platform file the whole set has no platform. What the caller does with
 * a broken cell (it keeps the last good one) is not decided here. */
#pragma once

#include "config/manifest/diagnostic.h"
#include "config/manifest/model.h"

#include <stdbool.h>
#include <stddef.h>

struct manifest_limits {
    size_t file_bytes;   /* default 256 KiB */
    size_t nodes;        /* per file, default 10 000 */
    size_t depth;        /* default 32 */
    size_t documents;    /* per file, default 64 */
    size_t scalar_bytes; /* default 64 KiB */
    size_t cells;        /* default 10 000 */
    size_t components;   /* per cell, default 200 */
};
extern const struct manifest_limits manifest_limits_default;

enum manifest_file_kind {
    MANIFEST_FILE_PLATFORM,
    MANIFEST_FILE_CELL,
    MANIFEST_FILE_COMPONENT, /* .choreo/component.yaml */
    MANIFEST_FILE_NATIVE,
};

/* One file, as read from the object database. Borrowed during the call. */
struct manifest_file {
    enum manifest_file_kind kind;
    const char *path;  /* below the repository root */
    const char *bytes; /* need not end with NUL */
    size_t length;
    const char *blob_id; /* hex */
};

/* Something that could not be read: what is at or below `path` is unknown, not gone. Borrowed
 * during the call. */
struct manifest_problem {
    const char *path;    /* of a file or a directory below the repository root; "" = all of it */
    const char *message; /* one sentence */
};

/* What a revision consists of, as far as it could be looked at. Borrowed during the call. */
struct manifest_source {
    const struct manifest_file *files;
    size_t file_count;
    const struct manifest_problem *problems;
    size_t problem_count;
    bool incomplete;           /* there were more problems: what is absent may still be there */
    const char *platform_path; /* where the platform's file is expected; NULL = "platform.yaml" */
};

/* One cell of the set. `cell` is NULL when it could not be read at all. */
struct manifest_cell {
    const char *name; /* from metadata, or the directory's name when that could not be read */
    const char *path;
    struct cell *cell; /* referenced */
    bool broken;       /* an error of its own, or one that it shares (cycle, collision) */
    bool silent;       /* nothing was said about its files alone: it may be shared */
    /* The first error: "path:line:column: message", or "path: message"; NULL when sound. */
    const char *reason;
};

/* A native OpenChoreo manifest: desired as it stands. */
struct native_resource {
    const char *kind; /* "Environment" */
    const char *name;
    const char *namespace_name; /* NULL = cluster-scoped */
    json_t *body;               /* metadata (name, labels, annotations) and spec */
    struct source_pos at;
    const char *cell; /* the cell whose directory holds it; NULL = the platform's */
};

struct manifest_set {
    /* Referenced. When the file is broken or missing: the fallback's, or NULL without one. */
    struct platform *platform;
    const char *platform_reason; /* NULL exactly when the revision's own platform is sound */
    bool platform_silent;        /* nothing was said about its file: it may be shared */
    struct manifest_cell *cells; /* by name */
    size_t cell_count;
    const struct native_resource *natives;
    size_t native_count;
    /* Why there may be cells that are not in here, not even as broken: "path: message". NULL = what
     * is not in here is really not there. */
    const char *unknown;
    struct diagnostics *diagnostics;
    struct arena *arena; /* of names and lists above */
    _Atomic unsigned references;
};

/* Reads and checks all files of a revision.
 *
 * files     in any order; the result does not depend on it
 * previous  NULL, or the set of an earlier revision: cells whose files did not change are shared
 *           with it instead of being read again (the checks across cells are made again)
 * fallback  NULL, or the last good set: a broken platform is replaced by its platform for the
 *           checks, and a broken cell by its last good one, so that one bad file does not make
 *           others wrong. What comes from it is marked broken all the same
 * Returns 0 and an owned set, also when there are error diagnostics; -ENOMEM, or ERR_LIMIT when
 * there are too many files. No I/O, safe on a worker thread when `previous` is not in use. */
int manifest_load(const struct manifest_file *files, size_t file_count,
                  const struct manifest_limits *limits, const struct manifest_set *previous,
                  const struct manifest_set *fallback, struct manifest_set **ret_set,
                  struct error *err) __attribute__((warn_unused_result));

/* The same for a revision of which parts could not be read: only those are broken.
 *
 * A cell whose file, or the file beside a component's source, is at or below a problem's path keeps
 * its last good content from the fallback as a broken cell, also when it is absent from `files`; so
 * does every absent cell of the fallback when the source is incomplete. The platform is broken by a
 * problem with its file, or with a native manifest that belongs to no cell. */
int manifest_load_source(const struct manifest_source *source, const struct manifest_limits *limits,
                         const struct manifest_set *previous, const struct manifest_set *fallback,
                         struct manifest_set **ret_set, struct error *err)
    __attribute__((warn_unused_result));

/* The platform's file alone, without a look at anything else: it says which other files there are.
 * The fallback's where the source has none, or one that is wrong in itself; NULL without that.
 * Returns as above. */
int manifest_load_platform(const struct manifest_source *source,
                           const struct manifest_limits *limits,
                           const struct manifest_set *previous, const struct manifest_set *fallback,
                           struct platform **ret_platform, struct error *err)
    __attribute__((warn_unused_result));

struct manifest_set *manifest_set_ref(struct manifest_set *set);
struct manifest_set *manifest_set_unref(struct manifest_set *set);
void manifest_set_unrefp(struct manifest_set **set);

struct cell *cell_ref(struct cell *cell);
struct cell *cell_unref(struct cell *cell);
struct platform *platform_ref(struct platform *platform);
struct platform *platform_unref(struct platform *platform);

/* By name; NULL when there is none. */
const struct manifest_cell *manifest_set_cell(const struct manifest_set *set, const char *name);

/* Position of the cell's phase, -1 when it is in none. */
int platform_phase_of(const struct platform *platform, const char *cell);

/* "<prefix><cell>", the OpenChoreo project; written to a buffer of at least 64 bytes. */
void platform_project_name(const struct platform *platform, const char *cell, char *ret_name,
                           size_t size);

const struct target *platform_target(const struct platform *platform, const char *name);

/* Its image comes from a build: it names one, and no image. */
bool component_is_built(const struct component *component);

/* Path below the repository root of what is built; "" = the root. */
const char *component_build_path(const struct component *component);
