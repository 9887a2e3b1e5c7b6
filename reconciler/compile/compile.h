/* From manifests to OpenChoreo resources. Pure: the same input gives the same bytes.
 *
 * One logical component X with endpoints becomes a route Component X and slot Components X-a and
 * X-b; without endpoints (or of a foreign type) it is one Component X. Bodies are what a POST
 * takes: metadata {name, labels, annotations}, spec. Revision, digest and intent annotations are
 * added by whoever sends them. */
#pragma once

#include "config/base/digest.h"
#include "config/manifest/effective.h"
#include "config/manifest/load.h"
#include "reconciler/resource/kind.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

struct desired_object {
    struct object_key key;
    json_t *body;
    bool adopt; /* an object without our mark may be taken over */
    struct source_pos at;
};

/* Owns bodies and names. Sorted in the order in which they are to be written. */
struct desired_list {
    struct desired_object *items;
    size_t count;
    struct arena *arena;
};
void desired_list_fini(struct desired_list *list);

/* A secret that was handed to celld. Its value is not known here. */
struct compile_credential {
    const char *name;   /* as an object is called: "rates-key" */
    const char *digest; /* of its value, keyed */
};

/* What the compiler must know and the repository does not say. */
struct compile_context {
    const struct manifest_set *set;
    const struct platform *platform;
    const char *repository_url; /* shown on projects; no credentials in it */
    const char *branch;
    const void *name_key; /* keys the names of objects that derive from secrets */
    size_t name_key_length;
    const struct compile_credential *credentials; /* borrowed; by name, any order */
    size_t credential_count;
    bool authorization; /* the server answers authz requests: `access` is compiled */
    /* Array of celld's own ClusterComponentTypes (metadata, spec); NULL = none are compiled. */
    const json_t *component_types;
    struct pool *deployments; /* pieces of their memory; NULL = none */
};

/* Namespace, our ClusterComponentTypes, Environments, DeploymentPipeline, the platform's native
 * resources: in the order of writing. */
int compile_platform(const struct compile_context *context, struct desired_list *ret_list,
                     struct error *err) __attribute__((warn_unused_result));

/* What a cell has once for all targets: Project, access, SecretReferences, its native resources. */
int compile_cell(const struct compile_context *context, const struct cell *cell,
                 struct desired_list *ret_list, struct error *err)
    __attribute__((warn_unused_result));

/* The cell's ProjectReleaseBinding on a target. `project_release` is what it is pinned to: the live
 * binding's, or the project's latest release for a new one. */
int compile_project_binding(const struct compile_context *context, const struct cell *cell,
                            const struct target *target, const char *project_release,
                            struct desired_object *ret_object, struct error *err)
    __attribute__((warn_unused_result));

/* --- one component on one target ------------------------------------------------------------ */

enum component_role {
    ROLE_ROUTE,  /* X, of type proxy/cell-route */
    ROLE_SLOT_A, /* X-a, of type deployment/cell-slot */
    ROLE_SLOT_B, /* X-b */
    ROLE_SINGLE, /* X, of type cell-worker, cell-task or a foreign one */
    ROLE_BUILD,  /* X-build, of type cell-build; never deployed */
};
#define COMPONENT_ROLE_COUNT (ROLE_BUILD + 1)

/* Everything about one component on one target that does not change while its rollout goes on.
 * Owns an arena; immutable. */
struct deployment {
    const struct cell *cell;
    const struct component *component;
    const struct target *target;
    const struct effective *effective; /* on this target */
    const struct effective *common;    /* on all targets */
    const char *project;
    bool routed; /* route and slots; false: ROLE_SINGLE */
    const char *image;
    char
        release_digest[DIGEST_SHORT + 1]; /* the same on all targets: what is promoted and judged */
    char deployment_digest[DIGEST_SHORT +
                           1]; /* with the target's overrides: what a rollout brings */
    char route_digest[DIGEST_SHORT +
                      1]; /* of the route's release: its endpoints; "" when not routed */
    /* Of each role; release and binding names are NULL where there are none. In the arena. */
    const char *component_names[COMPONENT_ROLE_COUNT];
    const char *release_names[COMPONENT_ROLE_COUNT];
    const char *binding_names[COMPONENT_ROLE_COUNT];
    const struct secret_use *secrets; /* SecretReferences that must stand already */
    size_t secret_count;
    const char *const *variables; /* those that connections give to the container, by name */
    size_t variable_count;
    const struct compile_context *context; /* borrowed */
    struct deployment_parts *parts;        /* the bodies' pieces; of this folder only */
    struct arena *arena;
};

/* A SecretReference that is not declared in the repository, so it must be there live. */
struct secret_use {
    const char *name, *key;
    struct source_pos at;
};

/* It becomes a route and slots; otherwise it is a single component. */
bool deployment_is_routed(const struct component *component);

/* `context`, cell, component and target are borrowed and must outlive the deployment.
 *
 * What OpenChoreo cannot keep apart per target is refused with ERR_INVALID and the place: image,
 * readiness and variables that are connections are part of the release, which is the same
 * everywhere.
 *
 * `image` is the built image where the manifest names none; NULL otherwise. Fails with -EAGAIN when
 * an image is needed and not given. */
int deployment_new(const struct compile_context *context, const struct cell *cell,
                   const struct component *component, const struct target *target,
                   const char *image, struct deployment **ret_deployment, struct error *err)
    __attribute__((warn_unused_result));
struct deployment *deployment_free(struct deployment *deployment);

/* "checkoutservice-a". Borrowed from the deployment, as are the next two. */
const char *deployment_component_name(const struct deployment *deployment,
                                      enum component_role role);

/* "checkoutservice-a-4f1d20aa9b3c"; NULL for ROLE_BUILD. */
const char *deployment_release_name(const struct deployment *deployment, enum component_role role);

/* "checkoutservice-a-production-eu": the ReleaseBinding; NULL for ROLE_BUILD. */
const char *deployment_binding_name(const struct deployment *deployment, enum component_role role);

/* Component, Workload: what generate-release makes a release of. */
int deployment_component(const struct deployment *deployment, enum component_role role,
                         struct desired_object *ret_object) __attribute__((warn_unused_result));
int deployment_workload(const struct deployment *deployment, enum component_role role,
                        struct desired_object *ret_object) __attribute__((warn_unused_result));

/* Objects that the binding refers to and that must stand before it: SecretReferences named by
 * content. One that a credential stands behind has `credential` {name, key, targetPlane} instead of
 * a spec: the secrets API makes it together with the Secret. */
int deployment_references(const struct deployment *deployment, struct desired_list *ret_list)
    __attribute__((warn_unused_result));

/* True when a ComponentRelease that the server made holds what we wanted in it; otherwise
 * *ret_difference (may be NULL) says what differs. */
bool deployment_release_matches(const struct deployment *deployment, enum component_role role,
                                const json_t *release, struct text *ret_difference);

/* What is decided per binding and moment. */
struct binding_wants {
    bool active;              /* false: state Undeploy */
    const char *release_name; /* NULL: deployment_release_name(role); an older one in a rollback */
    /* ROLE_ROUTE only: */
    int weight_a, weight_b; /* percent; a backend with 0 is listed only while its slot exists */
    bool list_a, list_b;    /* the backend is listed */
    char active_slot;       /* 'a', 'b'; 0 = none named */
    bool scale_a, scale_b;  /* the autoscaler of the slot is rendered */
    /* Requests that go to `match_slot` whatever the weights. */
    const struct header_match *matches;
    size_t match_count;
    char match_slot;
    /* ROLE_SLOT_*: */
    int64_t replicas;     /* -1: the manifest's; ROLE_SINGLE likewise */
    bool scaled_by_route; /* the route's autoscaler has taken over */
};

/* The ReleaseBinding with this target's overrides (variables, files, secrets, resources, replicas).
 */
int deployment_binding(const struct deployment *deployment, enum component_role role,
                       const struct binding_wants *wants, struct desired_object *ret_object)
    __attribute__((warn_unused_result));

/* Writes them into a route's environment configuration, or takes them out when there are none.
 * `component` is the route's. Returns 0 or -ENOMEM. */
int deployment_put_matches(json_t *configs, const char *component,
                           const struct binding_wants *wants) __attribute__((warn_unused_result));

void desired_object_fini(struct desired_object *object);

/* What its connections need of other components: array of {component, endpoint, type, namespace},
 * namespace = from another cell. Owned; NULL without memory. */
json_t *deployment_needs(const struct deployment *deployment);

/* A secret that the repository does not declare and the control plane does not have, or not with
 * the key that is needed: 0 when all stand, else ERR_INVALID and the sentence with what to do.
 * `secret_of` looks up a live SecretReference; NULL = not there. */
int deployment_check_secrets(const struct deployment *deployment,
                             const json_t *(*secret_of)(const void *context, const char *name),
                             const void *context, struct error *err)
    __attribute__((warn_unused_result));
