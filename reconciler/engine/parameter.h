/* Parameters of a workflow run, checked against the workflow's schema: the server itself only fills
 * in defaults, and lets wrong types and unknown fields run to success. */
#pragma once

#include "config/base/error.h"

#include <jansson.h>

struct node_parameters {
    const json_t *manifest; /* NULL = none */
    const char *cell, *environment, *revision, *digests;
};

/* The manifest's parameters, with those of celld (project, cell, environment, revision, digests)
 * that the schema asks for. Returns 0 and an owned object; ERR_INVALID with the first fault. */
int parameter_fill(const json_t *schema, const struct node_parameters *given, const char *project,
                   json_t **ret_parameters, struct error *err) __attribute__((warn_unused_result));

struct build_parameters {
    const json_t *manifest; /* NULL = none */
    const char *url, *branch, *commit, *path;
};

/* The manifest's parameters, with what is to be built where the schema has a `repository` for it:
 * url, appPath and revision (branch, commit). The commit is always ours. As parameter_fill(). */
int parameter_fill_build(const json_t *schema, const struct build_parameters *given,
                         json_t **ret_parameters, struct error *err)
    __attribute__((warn_unused_result));

/* A value against a schema (type, enum, required, properties, items, bounds of number and length).
 * Returns 0 or ERR_INVALID. */
int parameter_check(const json_t *schema, const json_t *value, const char *where, struct error *err)
    __attribute__((warn_unused_result));
