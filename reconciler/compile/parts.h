/* The pieces that a deployment's bodies are put together from. Known in this folder only. */
#pragma once

#include "reconciler/compile/body.h"
#include "reconciler/compile/compile.h"

#include <jansson.h>

#define TYPE_ROUTE "proxy/cell-route"
#define TYPE_SLOT "deployment/cell-slot"
#define TYPE_WORKER "deployment/cell-worker"
#define TYPE_TASK "cronjob/cell-task"
#define TYPE_BUILD "proxy/cell-build"

/* All JSON is owned. */
struct deployment_parts {
    const char *type_kind, *type_name; /* of slot or single; borrowed */
    json_t *parameters;   /* of that type, without service and slot; an empty object = none */
    json_t *container;    /* the Workload's, common to all targets */
    json_t *endpoints;    /* by name */
    json_t *dependencies; /* array, sorted */
    json_t *overrides;    /* workloadOverrides of this target; {} = none */
    json_t *configs;      /* environment configuration but replicas and the route's scaling */
    json_t *references;   /* array of SecretReference bodies */
    const struct region *region; /* whose data plane secrets are for, while values are collected */
};

/* Variables and files of an effective configuration: two objects of entries as the API wants them,
 * by variable name and by path. */
struct container_values {
    json_t *env, *files;
};

/* Fills parts from the deployment's layers: container, endpoints, dependencies, overrides.
 * Returns 0, -ENOMEM or ERR_INVALID. */
int parts_container(struct deployment *deployment, struct error *err)
    __attribute__((warn_unused_result));

/* Fills parts: type, parameters, configs. */
int parts_type(struct deployment *deployment, struct error *err)
    __attribute__((warn_unused_result));

/* Refuses what differs between this target and all others, but cannot in OpenChoreo. */
int parts_check_common(const struct deployment *deployment, struct error *err)
    __attribute__((warn_unused_result));

/* "gRPC": as the API writes it. */
const char *parts_endpoint_type(enum endpoint_type type);

struct deployment_parts *parts_free(struct deployment_parts *parts);

/* `secretKeyRef` of "${name}", key `key` (NULL or "" = the name's own). A SecretReference that the
 * repository declares is taken by its content: a copy named by it goes to the references. So goes
 * one that is to be made of a credential. Any other must stand already and is noted in the
 * deployment. Returns 0 and an owned value, -ENOMEM or
 * ERR_INVALID. */
int secret_key_reference(struct deployment *deployment, const char *name, const char *key,
                         struct source_pos at, json_t **ret_value, struct error *err)
    __attribute__((warn_unused_result));
