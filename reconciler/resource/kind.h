/* The kinds of OpenChoreo resources that celld reads or writes, and where the REST API keeps them.
 *
 * Source of every row: the API's schema (v1.2) and its behaviour as recorded. */
#pragma once

#include "config/base/error.h"
#include "config/base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum resource_kind {
    KIND_NAMESPACE,
    KIND_CLUSTER_PROJECT_TYPE,
    KIND_CLUSTER_COMPONENT_TYPE,
    KIND_CLUSTER_TRAIT,
    KIND_CLUSTER_WORKFLOW,
    KIND_CLUSTER_RESOURCE_TYPE,
    KIND_CLUSTER_AUTHZ_ROLE,
    KIND_CLUSTER_AUTHZ_ROLE_BINDING,
    KIND_CLUSTER_DATA_PLANE,
    KIND_CLUSTER_OBSERVABILITY_PLANE,
    KIND_CLUSTER_WORKFLOW_PLANE,
    KIND_DATA_PLANE,
    KIND_OBSERVABILITY_PLANE,
    KIND_WORKFLOW_PLANE,
    KIND_OBSERVABILITY_ALERTS_NOTIFICATION_CHANNEL,
    KIND_PROJECT_TYPE,
    KIND_COMPONENT_TYPE,
    KIND_TRAIT,
    KIND_WORKFLOW,
    KIND_RESOURCE_TYPE,
    KIND_ENVIRONMENT,
    KIND_DEPLOYMENT_PIPELINE,
    KIND_SECRET_REFERENCE,
    KIND_AUTHZ_ROLE,
    KIND_AUTHZ_ROLE_BINDING,
    KIND_PROJECT,
    KIND_PROJECT_RELEASE,
    KIND_PROJECT_RELEASE_BINDING,
    KIND_RESOURCE,
    KIND_RESOURCE_RELEASE,
    KIND_RESOURCE_RELEASE_BINDING,
    KIND_COMPONENT,
    KIND_WORKLOAD,
    KIND_COMPONENT_RELEASE,
    KIND_RELEASE_BINDING,
    KIND_WORKFLOW_RUN,
};
#define RESOURCE_KIND_COUNT (KIND_WORKFLOW_RUN + 1)

struct resource_kind_info {
    const char *name;       /* "ReleaseBinding" */
    const char *collection; /* "releasebindings" */
    bool namespaced;
    bool may_put;    /* the API has a PUT (releases have none) */
    bool may_delete; /* celld may delete it by itself; false: Environment, DeploymentPipeline,
                        Namespace, ... */
    bool lists; /* celld lists it in each pass; false: read by name only (releases are 9 kB each) */
};

const struct resource_kind_info *resource_kind_info(enum resource_kind kind);

/* By the manifest's `kind:`. Returns 0 or -ENOENT. */
int resource_kind_find(const char *name, enum resource_kind *ret_kind)
    __attribute__((warn_unused_result));

/* Names an object. `namespace_name` is "" for cluster-scoped kinds. Open on purpose; borrowed. */
struct object_key {
    enum resource_kind kind;
    const char *namespace_name;
    const char *name;
};

/* Order: kind, namespace, name. */
int object_key_compare(const struct object_key *a, const struct object_key *b);

/* "ReleaseBinding cart-a-testing", for people and as the journal's key. */
void object_key_text(const struct object_key *key, struct text *out);

/* "/api/v1/namespaces/acme/releasebindings[/name]"; names are percent-encoded. */
void object_key_path(const struct object_key *key, struct text *out);
void object_collection_path(enum resource_kind kind, const char *namespace_name, struct text *out);

/* "/api/v1alpha1/namespaces/acme/secrets[/name]": of the Secret behind a SecretReference. */
void object_secret_path(const struct object_key *key, bool with_name, struct text *out);
