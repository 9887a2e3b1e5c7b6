/* What the parts of the model share: objects of the control plane, live objects of the data plane,
 * the agenda of controller work. Internal to tests/platform. */
#pragma once

#include "config/base/json.h"
#include "tests/platform/model.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UID_SIZE 37
#define NAME_SIZE 320
#define MESSAGE_SIZE 2048
#define VERSIONS_KEPT 4
#define LABEL_LIMIT 63 /* of a label's value */

enum kind {
    KIND_NAMESPACE,
    KIND_CLUSTER_PROJECT_TYPE,
    KIND_PROJECT_TYPE,
    KIND_CLUSTER_DATA_PLANE,
    KIND_DATA_PLANE,
    KIND_CLUSTER_WORKFLOW_PLANE,
    KIND_WORKFLOW_PLANE,
    KIND_CLUSTER_COMPONENT_TYPE,
    KIND_COMPONENT_TYPE,
    KIND_CLUSTER_TRAIT,
    KIND_TRAIT,
    KIND_CLUSTER_WORKFLOW,
    KIND_WORKFLOW,
    KIND_CLUSTER_RESOURCE_TYPE,
    KIND_RESOURCE_TYPE,
    KIND_ENVIRONMENT,
    KIND_PIPELINE,
    KIND_PROJECT,
    KIND_PROJECT_RELEASE,
    KIND_PROJECT_BINDING,
    KIND_COMPONENT,
    KIND_WORKLOAD,
    KIND_COMPONENT_RELEASE,
    KIND_RELEASE_BINDING,
    KIND_SECRET_REFERENCE,
    KIND_RESOURCE,
    KIND_RESOURCE_RELEASE,
    KIND_RESOURCE_BINDING,
    KIND_WORKFLOW_RUN,
    KIND_AUTHZ_ROLE,
    KIND_CLUSTER_AUTHZ_ROLE,
    KIND_AUTHZ_BINDING,
    KIND_CLUSTER_AUTHZ_BINDING,
    KIND_SECRET,
    KIND_RENDERED, /* RenderedRelease: not served by the API, but shown in trees */
};
#define KIND_COUNT (KIND_RENDERED + 1)

/* The separate pieces of pending work that one object may have. */
enum slot {
    SLOT_RECONCILE, /* its controller looks at it */
    SLOT_APPLY,     /* a rendered release is applied to the data plane */
    SLOT_OBSERVE,   /* ... and its live objects are read back */
    SLOT_FINALIZE,  /* the next step of its deletion */
};
#define SLOT_COUNT (SLOT_FINALIZE + 1)

struct version {
    json_t *labels, *annotations, *spec, *status;
    int64_t deleted_ms;
};

/* JSON values of an object are never changed in place: a change replaces the value, so that answers
 * and older versions may share them. */
struct object {
    enum kind kind;
    char *ns, *name, *key;
    char uid[UID_SIZE];
    int64_t created_ms, deleted_ms; /* -1 = not being deleted */
    int64_t generation;
    uint64_t resource_version;
    json_t *labels, *annotations, *spec, *status;  /* the first two may be NULL */
    const char *project, *component, *environment; /* inside spec; "" = none */
    struct version older[VERSIONS_KEPT];
    bool gone;           /* no longer in the store, kept by references only */
    unsigned references; /* agenda entries and owners */
    uint64_t slot[SLOT_COUNT];
    int64_t slot_due[SLOT_COUNT];
    /* what its controller remembers */
    int stage;
    int64_t since_ms, backoff_ms;
    bool has_dependencies, blocked, contested;
    char *data_plane_namespace;
    struct object *owner; /* of a rendered release: its binding */
    json_t *rendered;     /* of a release binding: the last rendered resources */
    json_t *memo;         /* free for the controller */
};

struct index {
    struct index_entry {
        char *key;
        void *value;
    } * entries;
    size_t count, capacity;
};

struct task {
    int64_t due;
    uint64_t sequence;
    struct object *object;
    enum slot slot;
};

struct live_pod {
    char name[NAME_SIZE];
    char uid[UID_SIZE];
    char hash[16];
    char image[256];
    int64_t created_ms, ready_ms; /* ready_ms INT64_MAX = never */
    uint64_t resource_version;
    enum platform_image_kind image_kind;
};

/* An object of a data plane. */
struct live {
    char *key, *ns, *kind, *name;
    char uid[UID_SIZE];
    struct object *rendered; /* who applied it last */
    char rendered_uid[UID_SIZE];
    json_t *wanted;   /* as rendered, shared */
    json_t *tampered; /* as somebody else left it; NULL = as wanted */
    char id[NAME_SIZE];
    int64_t created_ms, changed_ms, generation;
    uint64_t resource_version;
    bool namespace_gone;
    /* Deployments */
    int64_t template_ms; /* when the pod template changed last */
    bool through;        /* ... and stood with all its pods, before something changed again */
    json_t *lagging;     /* status from before the last change, until the change is observed */
    char hash[16];
    unsigned restarts;
    int scaled; /* replicas when not rendered */
    struct live_pod *pods;
    size_t pod_count, pod_capacity;
    json_t *jobs;         /* of CronJobs: the Jobs of triggered runs */
    int64_t scheduled_ms; /* of CronJobs: last run by schedule; 0 = never */
};

struct fault {
    struct platform_fault rule;
    char *method, *path;
    unsigned seen;
};

struct image_rule {
    char *glob;
    enum platform_image_kind kind;
    int64_t delay_ms;
};

struct name_rule {
    char *glob, *outcome;
    int64_t step_ms, late_ms;
};

struct token {
    char *text, *subject;
    int64_t expires_ms; /* INT64_MAX = never */
};

struct snapshot { /* what a list cursor refers to */
    uint64_t id;
    int64_t made_ms;
    json_t *items;
};

struct platform {
    struct platform_options options;
    char *issuer, *static_token;
    int64_t now_ms;
    uint64_t random, sequence, resource_version, snapshot_id;
    int64_t stalled_until;
    int64_t data_plane_stalled_from, data_plane_stalled_until;
    int64_t pods_due; /* when the next pod becomes available, if that is known */
    struct index kinds[KIND_COUNT];
    struct index live;       /* "<dp namespace>/<kind>/<name>" */
    struct index namespaces; /* of the data planes: name -> project binding */
    struct task *tasks;
    size_t task_count, task_capacity;
    struct fault *faults;
    size_t fault_count;
    struct image_rule *images;
    size_t image_count;
    struct name_rule *workflows;
    size_t workflow_count;
    struct token *tokens;
    size_t token_count;
    struct snapshot snapshots[64];
    struct platform_logged *log;
    size_t log_count, log_capacity, log_start;
    struct platform_counts counts;
    struct platform_dangers dangers;
    bool changed; /* by the request at hand */
};

/* An answer while it is made. */
struct answer {
    int status;
    const char *content_type;
    json_t *body; /* owned; NULL: text */
    char *text;   /* owned */
};

/* ---- index.c: sorted maps from text to pointers ---- */
void *index_find(const struct index *index, const char *key);
void index_put(struct index *index, const char *key, void *value);
void *index_remove(struct index *index, const char *key);
/* Position of the first key that is not before `key`. */
size_t index_from(const struct index *index, const char *key);
void index_fini(struct index *index);

/* ---- random.c ---- */
uint64_t random_next(struct platform *p);
int64_t random_below(struct platform *p, int64_t limit);
void random_uid(struct platform *p, char ret_uid[static UID_SIZE]);
/* `ms` and up to a fifth more. */
int64_t random_jitter(struct platform *p, int64_t ms);

/* ---- values.c: small JSON and text pieces ---- */
/* For functions of jansson that change a reference count, or nothing, but ask for a mutable value.
 */
json_t *values_mutable(const json_t *value);
void values_free_text(const char *text);  /* ours, though it is shown as constant */
json_t *values_copy(const json_t *value); /* deep */
const char *values_text(const json_t *object, const char *key);
int64_t values_int(const json_t *object, const char *key, int64_t otherwise);
bool values_true(const json_t *object, const char *key);
json_t *values_get(const json_t *object, const char *key); /* NULL-safe, borrowed */
void values_merge(json_t *target, const json_t *patch);    /* RFC 7386, in place */
bool values_glob(const char *glob, const char *text);
char *values_time(int64_t ms, char ret_text[static 32]); /* whole seconds, RFC 3339 */
char *values_copy_text(const char *text);                /* strdup that never fails */
void *values_alloc(size_t count, size_t size);
void *values_grow(void *items, size_t *capacity, size_t needed, size_t size);
void values_hash(const char *text, size_t digits, char *ret_text); /* first digits of SHA-256 */
void values_hash_json(const json_t *value, size_t digits, char *ret_text);
/* <joined names>-<8 hex>, cut as the platform does it. */
void values_name(char *ret_name, size_t size, size_t limit, const char *const *parts, size_t count);

/* ---- kinds.c: what the API knows of each kind ---- */
struct kind_info {
    const char *collection, *name;
    const char *missing;  /* "Component not found" */
    const char *existing; /* "Component already exists" */
    bool namespaced, put;
    bool finalizer;                /* deletion takes time */
    bool bad_request;              /* schema violations are 400 instead of 422 */
    bool plain;                    /* no apiVersion and kind in answers */
    bool no_status;                /* nor a status */
    const char *action;            /* for rights: "component" */
    const char *const *fields;     /* of spec, NULL-terminated; NULL = all */
    const char *const *drop_empty; /* of spec: left out when false, "" */
};
const struct kind_info *kinds_info(enum kind kind);
/* KIND_COUNT when unknown. */
enum kind kinds_by_collection(const char *collection, bool namespaced);
enum kind kinds_by_name(const char *name);
/* A new spec with unknown fields dropped and defaults filled in. */
json_t *kinds_normalize(enum kind kind, const json_t *spec);

/* ---- decode.c: wrong JSON types, as Go's decoder words them ---- */
/* `document` or, when that is NULL, bytes. NULL = fine; otherwise an owned text. */
char *decode_body(const json_t *document, const char *bytes, size_t length, enum kind kind,
                  json_t **ret_body);

/* ---- admit.c: CRD schemas, CEL rules, webhooks, service-layer checks ---- */
/* 0 = admitted; otherwise a status, with an owned text. `old` NULL on POST. */
int admit_object(struct platform *p, enum kind kind, const char *ns, const char *name,
                 const json_t *labels, const json_t *spec, const struct object *old,
                 char **ret_message);
bool admit_name(const char *name);
char *admit_name_message(const char *name);

/* ---- store.c ---- */
struct object *store_find(const struct platform *p, enum kind kind, const char *ns,
                          const char *name);
struct object *store_add(struct platform *p, enum kind kind, const char *ns, const char *name,
                         json_t *labels, json_t *annotations, json_t *spec); /* takes them */
void store_remove(struct platform *p, struct object *o);
void store_ref(struct object *o);
void store_unref(struct object *o);
void store_set_spec(struct platform *p, struct object *o, json_t *spec);     /* takes; bumps */
void store_set_status(struct platform *p, struct object *o, json_t *status); /* takes */
/* All that a client writes; one version. Takes all three; labels and annotations may be NULL. */
void store_replace(struct platform *p, struct object *o, json_t *spec, json_t *labels,
                   json_t *annotations);
/* `back` versions ago. Owned. */
json_t *store_show(const struct object *o, unsigned back);
/* Objects of a kind whose key lies in a namespace: [*ret_from, *ret_to). NULL = all. */
void store_range(const struct platform *p, enum kind kind, const char *ns, size_t *ret_from,
                 size_t *ret_to);
struct object *store_at(const struct platform *p, enum kind kind, size_t i);
/* Begins deletion: at once without finalizer, else deletionTimestamp and its controller. */
void store_delete(struct platform *p, struct object *o);
void store_free_all(struct platform *p);
struct object *store_project_binding(const struct platform *p, const char *ns, const char *project,
                                     const char *environment);
struct object *store_binding(const struct platform *p, const char *ns, const char *project,
                             const char *component, const char *environment);

/* ---- condition.c ---- */
/* A copy of the object's status to change. */
json_t *condition_begin(const struct object *o);
void condition_set(json_t *status, const char *type, const char *value, const char *reason,
                   const char *message, int64_t generation, int64_t now_ms);
const json_t *condition_find(const json_t *status, const char *type);
void condition_drop(json_t *status, const char *type);
bool condition_is(const json_t *status, const char *type, const char *value);

/* ---- agenda.c ---- */
void agenda_set(struct platform *p, struct object *o, enum slot slot, int64_t due);
void agenda_sooner(struct platform *p, struct object *o, enum slot slot, int64_t due);
void agenda_cancel(struct object *o, enum slot slot);
bool agenda_pop(struct platform *p, int64_t until, struct object **ret_object, enum slot *ret_slot);
int64_t agenda_next(const struct platform *p);
void agenda_fini(struct platform *p);

/* ---- controllers ---- */
void controllers_created(struct platform *p, struct object *o);
void controllers_changed(struct platform *p, struct object *o, bool spec_changed);
void controllers_deleting(struct platform *p, struct object *o);
void controllers_removed(struct platform *p, struct object *o);
void controllers_run(struct platform *p, struct object *o, enum slot slot);
/* Dependents of something that changed. */
void controllers_wake_consumers(struct platform *p, const struct object *provider);
void controllers_wake_components_of_type(struct platform *p, const struct object *type);

void project_reconcile(struct platform *p, struct object *o);
void project_finalize(struct platform *p, struct object *o);
void project_binding_reconcile(struct platform *p, struct object *o);
void project_binding_finalize(struct platform *p, struct object *o);
void component_reconcile(struct platform *p, struct object *o);
void component_finalize(struct platform *p, struct object *o);
void binding_reconcile(struct platform *p, struct object *b);
void binding_finalize(struct platform *p, struct object *b);
void rendered_apply(struct platform *p, struct object *o);
void rendered_observe(struct platform *p, struct object *o);
void rendered_deleting(struct platform *p, struct object *o);
void rendered_finalize(struct platform *p, struct object *o);
void environment_reconcile(struct platform *p, struct object *o);
void environment_finalize(struct platform *p, struct object *o);
void pipeline_reconcile(struct platform *p, struct object *o);
void pipeline_finalize(struct platform *p, struct object *o);
void plane_reconcile(struct platform *p, struct object *o);
void workflow_reconcile(struct platform *p, struct object *o);
void resource_reconcile(struct platform *p, struct object *o);

/* ---- connections.c ---- */
/* Endpoints of a binding for its status (owned), from its rendered resources. */
json_t *connections_endpoints(struct platform *p, const struct object *binding,
                              const json_t *workload, const json_t *resources,
                              const char *data_plane_namespace);
/* Fills resolved and pending (owned arrays). */
void connections_resolve(struct platform *p, const struct object *binding, const json_t *workload,
                         json_t **ret_resolved, json_t **ret_pending);

/* ---- release.c ---- */
/* The spec of a new ComponentRelease from live objects, owned; or a status and message. */
int release_snapshot(struct platform *p, struct object *component, json_t **ret_spec,
                     const char **ret_message);
struct object *release_workload(const struct platform *p, const struct object *component,
                                size_t *ret_count);

/* ---- render*.c ---- */
struct render {
    struct platform *platform;
    const struct object *binding, *component, *project, *environment, *data_plane;
    const json_t *release;        /* its spec */
    const json_t *type;           /* spec of the type in the release */
    json_t *workload;             /* owned: with overrides */
    json_t *parameters, *configs; /* owned: with defaults */
    json_t *gateway;              /* owned */
    json_t *resolved;             /* borrowed: resolved connections */
    char name[NAME_SIZE];         /* <component>-<env>-<hash> */
    char data_plane_namespace[64];
    json_t *labels, *selectors; /* owned */
    json_t *resources;          /* owned: array of {id, object} */
    char error[MESSAGE_SIZE];   /* "" = none */
};
/* Returns the resources (owned), or NULL with the message of the condition RenderingFailed. */
json_t *render_binding(struct platform *p, struct object *binding, const json_t *resolved,
                       char ret_message[static MESSAGE_SIZE]);
void render_add(struct render *r, json_t *object); /* takes */
json_t *render_metadata(const struct render *r, const char *name, json_t *extra_labels);
json_t *render_service_ports(const json_t *workload);
json_t *render_autoscaler(const struct render *r, const char *name, const json_t *scale);
json_t *render_pod(struct render *r, bool task); /* pod spec of the types with containers */
void render_configuration(struct render *r);     /* ConfigMaps and ExternalSecrets */
void render_slot(struct render *r);
void render_route(struct render *r);
void render_worker(struct render *r);
void render_task(struct render *r);
void render_plain(struct render *r);
json_t *render_policy(const struct render *r);
void render_fail(struct render *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The type's own preRenderValidations; false and r->error when one fails. */
bool render_validate(struct render *r);
void render_data_plane_namespace(const char *ns, const char *project, const char *environment,
                                 char ret_name[static 64]);

/* ---- schema.c: OpenAPI v3 schemas of types ---- */
json_t *schema_default(const json_t *schema, const json_t *value);
/* "" when sound, else problems joined by "; ". */
void schema_check(const json_t *schema, const json_t *value, char *ret_message, size_t size);

/* ---- live.c ---- */
struct live *live_find(const struct platform *p, const char *ns, const char *kind,
                       const char *name);
/* Returns true when something changed. */
bool live_apply(struct platform *p, struct object *rendered, const char *id, json_t *object);
void live_remove(struct platform *p, struct live *live);
void live_remove_namespace(struct platform *p, const char *ns);
json_t *live_show(const struct platform *p, const struct live *live);   /* with status, owned */
json_t *live_status(const struct platform *p, const struct live *live); /* owned or NULL */
const char *live_health(const struct platform *p, const struct live *live);
int live_wanted(const struct live *live);
void live_count(const struct platform *p, const struct live *live, int *ret_updated,
                int *ret_ready);
int64_t live_next_due(const struct platform *p);
void live_free(struct live *live);
enum platform_image_kind live_image(const struct platform *p, const char *image,
                                    int64_t *ret_delay);

/* ---- tree.c ---- */
void tree_answer(struct platform *p, struct object *binding, const char *what, const json_t *query,
                 struct answer *a);

/* False and answered when the query's sinceSeconds is no number. */
bool tree_check_seconds(const json_t *query, struct answer *a);

/* ---- task.c ---- */
json_t *task_children(const struct platform *p, const struct live *live); /* owned array */
void task_judge(struct platform *p, struct object *b, json_t *status, const json_t *task);
void task_trigger(struct platform *p, struct object *binding, struct answer *a);

/* ---- workflow API ---- */
void workflow_answer(struct platform *p, struct object *run, const char *what, const json_t *query,
                     struct answer *a);

/* ---- answer.c ---- */
void answer_error(struct answer *a, int status, const char *message);
void answer_text(struct answer *a, int status, const char *text);
void answer_json(struct answer *a, int status, json_t *body); /* takes */
void answer_internal(struct answer *a);

/* ---- paging.c ---- */
void paging_list(struct platform *p, enum kind kind, const char *ns, const json_t *query,
                 const char *subject, struct answer *a);

/* ---- tokens.c, rights.c ---- */
/* NULL: refused and answered. Otherwise the subject, "" without security. */
const char *tokens_subject(struct platform *p, const char *authorization, struct answer *a);
void tokens_issue(struct platform *p, const char *body, struct answer *a);
bool rights_may(const struct platform *p, const char *subject, const char *action, const char *ns,
                const char *project, const char *component);
void rights_answer(struct platform *p, const char *path, const char *subject, const json_t *body,
                   struct answer *a);

/* ---- faults.c ---- */
const struct platform_fault *faults_match(struct platform *p, const char *method, const char *path,
                                          bool cursor);
void faults_fini(struct platform *p);

/* ---- log.c ---- */
struct platform_logged *log_add(struct platform *p, const struct platform_request *request,
                                const char *subject);
void log_fini(struct platform *p);

/* ---- api.c ---- */
void api_answer(struct platform *p, const struct platform_request *request, unsigned stale,
                struct answer *a, const char **ret_subject);

/* ---- seed.c: what a fresh installation holds ---- */
void seed_platform(struct platform *p);
