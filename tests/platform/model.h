/* A stand-in of the OpenChoreo control plane: a deterministic model of its REST API, its
 * controllers and the data plane below it. It does no I/O, reads no clock, starts no thread; the
 * same options and the same calls give the same answers, byte for byte.
 *
 * Time is given by the caller in milliseconds since 1970-01-01T00:00:00Z and never falls. Every
 * call that takes `now_ms` first runs all controller work due until then.
 *
 * Not for several threads at a time. Memory exhaustion aborts: this is a test double. */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct platform;

/* How long the asynchronous parts take, in milliseconds. */
struct platform_timing {
    int64_t status;        /* first look of a controller at a new or changed object */
    int64_t apply;         /* rendered objects reach the data plane after this */
    int64_t observe;       /* conditions follow the data plane after this: the stale window */
    int64_t pod_start;     /* a pod of a healthy image becomes ready */
    int64_t ready_poll;    /* how often a binding in transition looks at its resources */
    int64_t stable_poll;   /* how often a settled binding looks again, healing drift */
    int64_t project;       /* project -> latestRelease */
    int64_t namespace_new; /* project release binding -> NamespaceReady */
    int64_t undeploy;      /* undeploying or deleting a binding */
    int64_t delete_prb;    /* deleting a project release binding and its namespace */
    int64_t environment;   /* deletion of an environment */
    int64_t retry_first;   /* first retry after a failed apply; doubles */
    int64_t retry_limit;   /* most that doubling reaches */
    int64_t workflow_poll;
    int64_t workflow_run;   /* how long the steps of a workflow run take */
    int64_t livelock_cycle; /* period in which a duplicate binding's deletion takes the routes */
    int64_t cursor_expiry;  /* age at which a list cursor is refused with 500; 0 = never */
    int64_t token_life;     /* of access tokens issued by the token endpoint */
};

struct platform_options {
    uint64_t seed;
    bool security;      /* bearer tokens are checked */
    bool authorization; /* and rights as well; only with security */
    bool admission_webhooks;
    bool secret_management; /* v1alpha1 secrets answer instead of 501 */
    bool bare; /* nothing is installed: no project type, no data planes `us` and `eu` */
    unsigned conflict_percent; /* of PUTs that answer 500 as if a controller had been faster */
    const char *issuer;        /* URL of the identity provider; NULL: the server's own */
    const char *static_token;  /* accepted as bearer of subject `celld`; NULL: none; copied */
    size_t log_limit;          /* requests kept in the log; 0 = 100000 */
    struct platform_timing timing;
};

/* The delays that were seen on a machine with two cores; every switch is off. */
void platform_options_default(struct platform_options *ret_options);

struct platform *platform_new(const struct platform_options *options);
struct platform *platform_free(struct platform *platform);

/* The server starts again with other switches (security, authorization, webhooks, secrets,
 * conflicts); what it holds stays. */
void platform_restart(struct platform *platform, const struct platform_options *options);

struct platform_request {
    const char *method;        /* "GET" */
    const char *path;          /* with query, as in the request line */
    const char *authorization; /* header, NULL = none */
    const char *body;          /* NULL = none */
    size_t body_length;
    const json_t *document; /* in place of `body`, parsed; NULL = none */
    const char *request_id; /* NULL = none */
    bool wants_document;    /* the answer as a document, not as bytes */
};

struct platform_response {
    int status;
    const char *content_type; /* static; "" = none */
    char *body;               /* the caller's, NUL-terminated; NULL = empty */
    size_t length;
    json_t *document; /* in place of a JSON body when that was wanted; the caller's, but shared with
                         the model: never to be changed */
    int retry_after_s; /* -1 = no such header */
    int64_t delay_ms;  /* the answer is to be held back that long */
    bool lost;         /* nothing of this reaches the client: the connection breaks */
    size_t cut;        /* bytes of the body after which the connection breaks; SIZE_MAX = none */
};

void platform_response_fini(struct platform_response *response);

/* Runs controllers until now_ms, then answers one request. Always fills *ret_response. */
void platform_handle(struct platform *platform, const struct platform_request *request,
                     int64_t now_ms, struct platform_response *ret_response);

/* Runs the controllers' work due until now_ms. */
void platform_advance(struct platform *platform, int64_t now_ms);

/* The next instant at which a controller has work; INT64_MAX = never. */
int64_t platform_next_due(const struct platform *platform);

/* ---- what was asked ---- */

struct platform_logged {
    uint64_t number; /* from 1, in the order of arrival */
    int64_t at_ms;
    const char *method, *path, *body; /* body: of writes only, otherwise NULL */
    const char *subject;              /* who asked; "" without security */
    const char *request_id;           /* "" = none */
    int status;                       /* as applied, also when the answer was lost */
    bool lost;
    bool changed; /* it changed the store: a PUT of the same content does not */
};

/* Requests so far, and the i-th that is still kept (borrowed until the next platform_handle). */
size_t platform_log_count(const struct platform *platform);
const struct platform_logged *platform_log_at(const struct platform *platform, size_t i);
void platform_log_clear(struct platform *platform);

/* Requests by class since the start. */
struct platform_counts {
    uint64_t requests, reads, lists, writes, changes;
    uint64_t refused; /* status >= 400 */
};
struct platform_counts platform_count(const struct platform *platform);

/* ---- looking inside, for tests ---- */

/* The object as GET would show it, owned; NULL when there is none. `collection` as in the path:
 * "releasebindings"; `ns` NULL for cluster-wide kinds. */
json_t *platform_object(const struct platform *platform, const char *collection, const char *ns,
                        const char *name);

/* Names of all objects of a collection, sorted, owned array of {"namespace","name"}. */
json_t *platform_objects(const struct platform *platform, const char *collection);

/* Generation of an object's spec; 0 when there is none. */
int64_t platform_generation(const struct platform *platform, const char *collection, const char *ns,
                            const char *name);

/* A live data-plane object (owned) by its kind, data-plane namespace and name; NULL = none. */
json_t *platform_live(const struct platform *platform, const char *kind, const char *ns,
                      const char *name);

/* All live data-plane objects of a kind (NULL = all), owned array in a stable order. */
json_t *platform_live_all(const struct platform *platform, const char *kind);

/* What a gateway and the pods behind it see, owned and shared with nobody:
 *   routes     live HTTPRoutes, as a tree shows them
 *   services   {namespace, name, selector}
 *   pods       {namespace, name, uid, workload, image, ready, labels}
 *   workloads  Deployments: {namespace, name, restarts: changes of the pod template} */
json_t *platform_serving(const struct platform *platform);
/* Another number whenever platform_serving() would differ; cheap. */
uint64_t platform_serving_version(const struct platform *platform);

/* What a component runs in an environment, seen without the API. */
struct platform_running {
    bool deployed;      /* its Deployment, CronJob or Service is there */
    int64_t generation; /* of the Deployment */
    int wanted, updated, ready;
    unsigned pod_restarts; /* times that the pod template changed since it was created */
    char image[256];       /* of the newest pods */
};
struct platform_running platform_running(const struct platform *platform, const char *ns,
                                         const char *component, const char *environment);

/* Dangerous things that happened, counted since the start. A sound client leaves all at 0. */
struct platform_dangers {
    unsigned namespace_destroyed; /* a data-plane namespace went while objects ran in it */
    unsigned duplicate_binding;   /* second binding of one (component, environment) accepted */
    unsigned livelock_entered;    /* ... and deleted: the good one now flaps */
    unsigned environment_deleted; /* DELETE of an environment or pipeline was asked for */
    unsigned weight_to_missing;   /* a route sends weight to a slot that has no Service */
    unsigned weight_to_unready;   /* ... or whose Deployment has no ready pod */
    unsigned route_taken;         /* a rendered object replaced another component's */
    unsigned binding_without_prb; /* applied while its data-plane namespace was missing */
    unsigned release_overwritten; /* generate-release of an existing name, for other content */
    unsigned dangling_reference;  /* a write that named something that does not exist */
    unsigned terminating_used;    /* a write to, or below, a terminating object */
    unsigned foreign_erased;      /* a PUT dropped labels or annotations it did not bring */
    unsigned double_rollout;      /* pods started while a connection was pending */
};
struct platform_dangers platform_danger(const struct platform *platform);

/* ---- faults ---- */

enum platform_fault_kind {
    PLATFORM_FAULT_DELAY,          /* parameter: ms */
    PLATFORM_FAULT_REFUSE,         /* connection breaks before anything happens */
    PLATFORM_FAULT_STATUS,         /* parameter: status; nothing happens */
    PLATFORM_FAULT_RETRY_AFTER,    /* 429 with Retry-After; parameter: seconds */
    PLATFORM_FAULT_LOST,           /* applied, but the answer never arrives */
    PLATFORM_FAULT_LATE_ERROR,     /* applied, but answers `parameter` (5xx) */
    PLATFORM_FAULT_STALE,          /* GET answers the object as it was `parameter` versions ago */
    PLATFORM_FAULT_TORN,           /* body cut in the middle */
    PLATFORM_FAULT_SHORT_LIST,     /* a list without its last `parameter` items and no cursor */
    PLATFORM_FAULT_EMPTY_LIST,     /* 200 and no items */
    PLATFORM_FAULT_CURSOR_LOOP,    /* the next cursor leads to the same page again */
    PLATFORM_FAULT_CURSOR_EXPIRED, /* 500 for a request with a cursor */
    PLATFORM_FAULT_HTML,           /* 200 text/html of some proxy */
    PLATFORM_FAULT_CONFLICT,       /* 500 of a lost race; nothing happens */
};
#define PLATFORM_FAULT_COUNT (PLATFORM_FAULT_CONFLICT + 1)

/* "delay", "refuse", ...; NULL for an unknown value; -1 for an unknown name. */
const char *platform_fault_name(enum platform_fault_kind kind);
int platform_fault_from_name(const char *name);

struct platform_fault {
    enum platform_fault_kind kind;
    const char *method; /* NULL = any; copied */
    const char *path;   /* glob over the path without query, `*` = anything; NULL = any; copied */
    unsigned nth;       /* first matching request that is hit, from 1 (0 = 1) */
    unsigned count;     /* how many in a row; 0 = for ever */
    int64_t parameter;
};

void platform_fault_add(struct platform *platform, const struct platform_fault *fault);
void platform_fault_clear(struct platform *platform);

/* What containers of an image do. The newest rule whose glob fits decides; where none does, an
 * image that contains "broken" never becomes ready and any other is healthy. */
enum platform_image_kind {
    PLATFORM_IMAGE_HEALTHY,
    PLATFORM_IMAGE_NEVER_READY,
    PLATFORM_IMAGE_CRASHES, /* CrashLoopBackOff */
    PLATFORM_IMAGE_MISSING, /* ImagePullBackOff */
    PLATFORM_IMAGE_SLOW,    /* ready after `delay_ms` */
};
void platform_image_rule(struct platform *platform, const char *glob, enum platform_image_kind kind,
                         int64_t delay_ms);

/* The pods of a component's Deployment die, over and over; those of an earlier template that still
 * serve do not. False = there are none. New pods are as the image's rule says. */
bool platform_crash(struct platform *platform, const char *ns, const char *component,
                    const char *environment, int64_t now_ms);

/* Lets a bearer token in until `expires_ms`. A subject "" has no subject claim, "!issuer" comes
 * from another issuer: both are refused. */
void platform_token_add(struct platform *platform, const char *token, const char *subject,
                        int64_t expires_ms);

/* Gives a subject a cluster-wide role with these actions (JSON array of texts), as an operator of
 * the platform would do beside the API. */
void platform_grant(struct platform *platform, const char *role, const char *subject,
                    const json_t *actions);

/* The schedule of a task ran it, and the newest Job ended. No condition of the binding tells.
 * Returns false when no CronJob is deployed there. */
bool platform_task_result(struct platform *platform, const char *ns, const char *component,
                          const char *environment, bool failed);

/* The data plane's own controllers do nothing until then: changed Deployments look unobserved. */
void platform_stall_data_plane(struct platform *platform, int64_t until_ms);

/* Controllers do nothing until then, so that conditions (Ready=True too) stay as they are. */
void platform_stall(struct platform *platform, int64_t until_ms);

/* Ends running workflow runs whose own or whose workflow's name fits the glob with this outcome
 * ("Succeeded", "Failed", "Lost": the engine's object is gone). Without a rule runs succeed. */
void platform_workflow_rule(struct platform *platform, const char *glob, const char *outcome);

/* How long each step of such runs takes, and how late the engine starts them. */
void platform_workflow_pace(struct platform *platform, const char *glob, int64_t step_ms,
                            int64_t late_ms);

/* Somebody else changes an object behind the client's back: merges `patch` (RFC 7386) into labels,
 * annotations or spec. Returns false when there is no such object. */
bool platform_tamper(struct platform *platform, const char *collection, const char *ns,
                     const char *name, const json_t *patch, int64_t now_ms);

/* A live data-plane object disappears or is changed by hand; its controller heals it later. */
bool platform_tamper_live(struct platform *platform, const char *kind, const char *ns,
                          const char *name, const json_t *patch_or_null);
