/* Reads YAML from somebody else, strictly and within limits.
 *
 * Refused: aliases and anchors, tags, directives, merge keys, keys that are not plain text or stand
 * twice, NUL, invisible characters in keys, encodings other than UTF-8, and anything past a limit.
 * Knows no schema. */
#pragma once

#include "config/manifest/diagnostic.h"
#include "config/yaml/node.h"

#include <stddef.h>

struct arena;

struct yaml_limits {
    size_t file_bytes, nodes, depth, documents, scalar_bytes, key_bytes;
};

/* The deepest nesting that any limits may allow. */
#define YAML_DEPTH_LARGEST 64

struct yaml_source {
    const char *path;  /* must outlive the diagnostics' use of it: they copy it */
    const char *bytes; /* need not end with NUL */
    size_t length;
};

/* Reads a file's documents; empty ones are left out.
 *
 * nodes   holds the tree and its keys: may be freed when the tree is no longer looked at
 * texts   holds the scalars that are not keys: values may be kept without copying
 * found   appended. What makes a tree impossible ends the reading at once; a key that stands twice
 *         is reported and the reading goes on
 * Returns 0 and the first document in *ret_first (the others by ->next). ERR_INVALID when the tree
 * is whole but for keys that stand twice; ERR_SYNTAX or ERR_LIMIT when the reading ended at an
 * error: *ret_first is then NULL or what there was before it. -ENOMEM without a report. Time is
 * linear in the file's length. */
int yaml_read(const struct yaml_source *source, const struct yaml_limits *limits,
              struct arena *nodes, struct arena *texts, struct diagnostics *found,
              const struct yaml_node **ret_first) __attribute__((warn_unused_result));
