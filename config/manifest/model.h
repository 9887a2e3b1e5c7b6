/* What people declare: the platform, its cells, and where each value stands in the repository.
 *
 * Plain data, immutable once loaded. Everything below a `struct platform` or `struct cell` lives in
 * that object's arena and is freed with it. Texts are UTF-8, never NULL unless said so, and hold no
 * NUL. Positions point at the value (a list: its first entry; a mapping: its key). The fields'
 * meaning, defaults and limits stand in the schema tables (config/manifest/schema.h), from which
 * the reader, the JSON Schemas and the manual are made. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* --- values ------------------------------------------------------------------------------- */

struct manifest_text {
    const char *text; /* NULL = not set */
    struct source_pos at;
};

struct manifest_number {
    int64_t value;
    bool set;
    struct source_pos at;
};

struct manifest_flag {
    bool value, set;
    struct source_pos at;
};

struct manifest_duration {
    struct duration value;
    bool set;
    struct source_pos at;
};

struct manifest_texts {
    const struct manifest_text *items;
    size_t count;
    bool set; /* an empty list that was written differs from none */
    struct source_pos at;
};

/* --- what a component runs with ------------------------------------------------------------- */

enum endpoint_type {
    ENDPOINT_HTTP,
    ENDPOINT_GRPC,
    ENDPOINT_GRAPHQL,
    ENDPOINT_WEBSOCKET,
    ENDPOINT_TCP,
    ENDPOINT_UDP,
};
#define ENDPOINT_TYPE_COUNT (ENDPOINT_UDP + 1)

/* Bits, as OpenChoreo names them; `project` is always there. */
enum visibility {
    VISIBILITY_PROJECT = 1 << 0,
    VISIBILITY_NAMESPACE = 1 << 1,
    VISIBILITY_INTERNAL = 1 << 2,
    VISIBILITY_EXTERNAL = 1 << 3,
};

struct endpoint {
    struct manifest_text name;
    enum endpoint_type type;
    uint16_t port;                  /* also the target port: network policies open only this one */
    struct manifest_text base_path; /* text NULL = none */
    unsigned visibility;            /* of enum visibility */
    bool visibility_set;            /* it was written */
    struct manifest_text display_name;
    struct manifest_text schema; /* the interface definition's text, NULL = none */
    struct source_pos at, type_at, port_at, visibility_at;
};

struct env_variable {
    struct manifest_text name;
    struct manifest_text value; /* literal text; NULL when the value is a connection's address */
    struct manifest_text connection; /* x of "${CHOREO_CONNECTION_x}"; NULL = literal */
    struct source_pos at;
};

/* Another cell's endpoint, found by project, protocol and port or path; or, with `external_url`,
 * something outside the platform. */
struct connection {
    struct manifest_text name;
    struct manifest_text target;   /* project name; NULL for an external one */
    struct manifest_text protocol; /* http, grpc, tcp, ...; lower case */
    struct manifest_number port;
    struct manifest_text path;
    struct manifest_text component; /* optional, narrows the target */
    struct manifest_text endpoint;  /* optional, narrows the target */
    struct manifest_text external_url;
    struct manifest_text external_secret;     /* NULL = none */
    struct manifest_text external_secret_key; /* in it; NULL = the only one, or of its name */
    struct source_pos at;
};

enum configuration_type { CONFIGURATION_CONFIG_MAP, CONFIGURATION_SECRET };
enum mount_type { MOUNT_ENV, MOUNT_FILE };

/* One value of a configuration: a variable's, or a file's content. For a secret `value` is NULL and
 * `secret` names where it comes from; a secret's value itself is never in the repository. */
struct configuration_entry {
    struct manifest_text name;       /* variable, or file name */
    struct manifest_text value;      /* literal */
    struct manifest_text secret;     /* NAME of "${NAME}": a SecretReference or a credential */
    struct manifest_text secret_key; /* key inside it; NULL = the entry's own name */
    struct source_pos at;
};

struct configuration {
    struct manifest_text name;
    enum configuration_type type;
    enum mount_type mount;
    struct manifest_text mount_path; /* directory, for files */
    const struct configuration_entry *entries;
    size_t entry_count;
    struct source_pos at;
};

/* Kubernetes quantities, as written and checked; text NULL = not set. */
struct resource_amounts {
    struct manifest_text cpu, memory;
};

struct resources {
    struct resource_amounts requests, limits;
    bool set;
    struct source_pos at;
};

struct scaling {
    struct manifest_number min, max;
    struct manifest_number cpu, memory; /* percent of the request */
    bool set;
    struct source_pos at;
};

enum probe_kind { PROBE_NONE, PROBE_HTTP, PROBE_TCP, PROBE_GRPC };

struct readiness {
    enum probe_kind kind;
    uint16_t port; /* 0 = the first endpoint's */
    struct manifest_text path;
    struct manifest_duration period, timeout, initial_delay;
    struct manifest_number failure_threshold;
    bool set;
    struct source_pos at;
};

/* --- rollouts ------------------------------------------------------------------------------- */

enum strategy { STRATEGY_ROLLING, STRATEGY_BLUE_GREEN, STRATEGY_CANARY };
#define STRATEGY_COUNT (STRATEGY_CANARY + 1)

enum rollback_scope { ROLLBACK_COMPONENT, ROLLBACK_CELL, ROLLBACK_PHASE };

enum header_match_kind { MATCH_HEADER, MATCH_COOKIE };

struct header_match {
    enum header_match_kind kind;
    struct manifest_text name, value;
};

struct rollout_step {
    struct manifest_number weight; /* percent, 0..100 */
    struct manifest_duration soak;
    struct manifest_flag pause; /* waits for a person */
    const struct header_match *matches;
    size_t match_count;
    struct manifest_flag analysis; /* false: this step is not judged */
    struct source_pos at;
};

enum analysis_kind { ANALYSIS_ERROR_RATE, ANALYSIS_LATENCY, ANALYSIS_RATIO, ANALYSIS_HISTOGRAM };

/* A metric by name only (error-rate, latency), or one of the business with its own queries. */
struct analysis_metric {
    struct manifest_text name;
    enum analysis_kind kind;
    struct manifest_text numerator, denominator; /* queries; NULL = the provider's template */
    struct manifest_text histogram;
    struct manifest_text threshold; /* exact decimal: largest share of bad events; NULL = none */
    struct source_pos at;
};

struct workflow_reference {
    struct manifest_text kind; /* Workflow or ClusterWorkflow (the default) */
    struct manifest_text name;
    json_t *parameters; /* object; owned by the manifest; NULL = none */
    struct source_pos at;
};

enum insufficient_policy { INSUFFICIENT_HOLD, INSUFFICIENT_PROMOTE, INSUFFICIENT_ROLLBACK };

struct analysis {
    struct manifest_text provider; /* prometheus, observer, webhook, workflow; text NULL = none */
    struct manifest_text template_name; /* hubble, istio, envoy-gateway, nginx, query */
    struct workflow_reference workflow; /* of the provider workflow; name NULL = none */
    const struct analysis_metric *metrics;
    size_t metric_count;
    struct manifest_duration interval; /* one look */
    enum insufficient_policy insufficient;
    struct manifest_flag insufficient_set;
    bool set;
    struct source_pos at;
};

struct rollout_policy {
    enum strategy strategy;
    bool strategy_set;
    struct manifest_text preset; /* cautious, normal, fast */
    const struct rollout_step *steps;
    size_t step_count;
    bool steps_set;
    struct analysis analysis;
    struct manifest_duration bake;
    struct manifest_duration progress_deadline;
    enum rollback_scope rollback_scope;
    bool rollback_scope_set;
    struct manifest_flag rollback_forbidden;
    struct manifest_number attempts; /* automatic ones per window; then hold */
    bool set;
    struct source_pos at;
};

/* The keys that may stand on a cell, a component, an environment and a target. Lists are merged
 * by name, mappings by field, and the nearer layer wins: cell < component < environment <
 * environment's component < target < target's component. */
struct layer {
    const struct env_variable *env;
    size_t env_count;
    const struct connection *connections;
    size_t connection_count;
    const struct configuration *configurations;
    size_t configuration_count;
    const struct resources *resources; /* NULL = not written, as the three below */
    const struct scaling *scaling;
    const struct readiness *readiness;
    const struct rollout_policy *rollout;
    struct manifest_number replicas;
    struct manifest_text image;     /* an environment may pin another image */
    struct manifest_text schedule;  /* scheduled-task */
    struct manifest_text time_zone; /* scheduled-task */
    struct source_pos at;
};

/* --- a cell --------------------------------------------------------------------------------- */

enum component_type {
    COMPONENT_SERVICE,
    COMPONENT_WEB_APPLICATION,
    COMPONENT_WORKER,
    COMPONENT_SCHEDULED_TASK,
    COMPONENT_OTHER, /* type_kind and type_name say which */
};
#define COMPONENT_TYPE_COUNT (COMPONENT_OTHER + 1)

struct build {
    struct workflow_reference workflow;
    struct manifest_text context; /* path below the repository root; default: the source path */
    bool set;
    struct source_pos at;
};

struct component {
    struct manifest_text name;
    struct manifest_text display_name, description;
    enum component_type type;
    struct manifest_text type_kind; /* COMPONENT_OTHER: ComponentType or ClusterComponentType */
    struct manifest_text type_name; /* COMPONENT_OTHER: "deployment/service" */
    json_t *parameters;             /* COMPONENT_OTHER: of its type; NULL = none */
    struct manifest_text source;    /* directory below the repository root */
    struct build build;
    const struct manifest_text *command, *arguments;
    size_t command_count, argument_count;
    const struct endpoint *endpoints; /* cell.yaml's and .choreo/component.yaml's, agreed */
    size_t endpoint_count;
    struct layer layer; /* with the image */
    struct source_pos at;
};

/* An entry of `environments:` (name = an environment) or `targets:` (name = "environment@region").
 */
struct override {
    struct manifest_text name;
    struct layer layer;
    const struct component_override {
        struct manifest_text component;
        struct layer layer;
    } * components;
    size_t component_count;
};

struct access_rule {
    struct manifest_text role;
    struct manifest_text role_kind; /* AuthzRole or ClusterAuthzRole (the default) */
    struct manifest_text claim, value;
    struct manifest_texts environments; /* not set = all */
    struct manifest_flag deny;
    struct source_pos at;
};

/* A stage of the pipeline as the strategy writes it: `build` or `deploy`, with its steps. */
struct stage {
    struct manifest_text name;
    struct manifest_texts steps;
};

enum drift_policy { DRIFT_CORRECT, DRIFT_REPORT, DRIFT_FREEZE };

struct cell {
    struct arena *arena;
    _Atomic unsigned references; /* see cell_ref() in config/manifest/load.h */
    struct manifest_text name;
    const char *path;      /* of cell.yaml */
    const char *directory; /* of cell.yaml, "" = the root */
    struct manifest_text display_name, description;
    struct manifest_texts depends_on; /* "*" is already replaced by all other cells' names */
    bool depends_on_all;
    const struct component *components;
    size_t component_count;
    struct layer layer;
    const struct override *environments, *targets;
    size_t environment_count, target_count;
    const struct access_rule *access;
    size_t access_count;
    const struct stage *stages; /* checked against the platform; says nothing new */
    size_t stage_count;
    struct manifest_flag suspend, adopt;
    enum drift_policy drift;
    bool drift_set;
    json_t *json;            /* owns the JSON values below: an array; NULL = none */
    char content_digest[65]; /* of all files that made it: the same text, the same cell */
};

/* --- the platform --------------------------------------------------------------------------- */

struct region {
    struct manifest_text name;
    struct manifest_text data_plane_kind, data_plane_name;
};

enum gate_kind { GATE_MANUAL, GATE_WORKFLOW, GATE_WINDOW };

struct gate {
    struct manifest_text name;
    enum gate_kind kind;
    struct workflow_reference workflow;
    struct manifest_duration timeout; /* of a workflow run; celld's own clock */
    /* GATE_WINDOW: open on these days between these minutes of the day, in `zone` */
    unsigned days; /* bit 0 = Monday */
    int from_minute, to_minute;
    struct manifest_text zone; /* name from the time zone database */
    struct source_pos at;
};

struct environment {
    struct manifest_text name;
    struct manifest_flag production;
    struct manifest_texts region_names; /* as written */
    const struct region **regions;      /* in the platform's order, at least one */
    size_t region_count;
    const struct gate *gates; /* passed before anything is promoted into the environment */
    size_t gate_count;
    struct source_pos at;
};

/* One environment in one region; `name` is the OpenChoreo Environment. */
struct target {
    const char *name;
    const struct environment *environment;
    const struct region *region;
    size_t index;             /* position in the order of promotion */
    size_t environment_index; /* position of the environment */
    bool primary;             /* of its environment */
};

struct phase {
    struct manifest_text name;
    struct manifest_texts cells;
};

struct freeze_window {
    struct manifest_text name;
    struct wall_time from, to;
    struct manifest_texts environments; /* not set = all */
    struct source_pos at;
};

struct prune_budget {
    int percent; /* of the inventory, per train */
    int minimum; /* objects that may always go */
};

struct platform {
    struct arena *arena;
    _Atomic unsigned references;
    const char *path;
    struct manifest_text name;
    struct manifest_text namespace_name;
    struct manifest_text project_prefix; /* "" allowed */
    struct manifest_text pipeline;       /* DeploymentPipeline; default: the platform's name */
    const struct region *regions;        /* the first is primary */
    size_t region_count;
    const struct environment *environments; /* in the order of promotion */
    size_t environment_count;
    const struct target *targets; /* environment by environment, its regions in order */
    size_t target_count;
    const struct phase *phases;
    size_t phase_count;
    enum drift_policy drift;
    struct prune_budget prune;
    const struct freeze_window *freezes;
    size_t freeze_count;
    struct manifest_text repository_url; /* shown on projects; from the settings when not set */
    struct manifest_texts native_paths;  /* patterns of native OpenChoreo manifests */
    json_t *json;                        /* owns the JSON values above: an array; NULL = none */
    char content_digest[65];
};
