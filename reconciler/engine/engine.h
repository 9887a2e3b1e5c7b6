/* The engine: everything that celld knows and decides, as one deterministic function of its events.
 *
 * No clock, no randomness but its own seeded generator, no I/O. What must survive a crash leaves as
 * EFFECT_PERSIST before the first effect that depends on it; after a restart the same rows come
 * back as EVENT_RESTORE, and the rest is read from the world again. Durable state changes in one
 * place only: where a row is applied, be it new or restored. */
#pragma once

#include "config/base/error.h"
#include "config/base/text.h"
#include "reconciler/engine/effect.h"
#include "reconciler/engine/event.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct compile_credential;
struct packed;

struct engine_options {
    uint64_t seed;              /* of a new journal; a restored one brings its own */
    const char *instance;       /* id of this installation */
    const char *repository_url; /* shown on projects, without credentials */
    const char *branch;
    const void *name_key; /* see compile_context */
    size_t name_key_length;
    const struct compile_credential *credentials; /* handed over with the service; copied */
    size_t credential_count;
    bool authorization;            /* the control plane answers authz requests */
    int parallel_nodes;            /* (cell, target) rolled out side by side; default 8 */
    int parallel_requests;         /* in flight; default 8 */
    struct duration list_interval; /* full look at the live state; default 30 s */
    struct duration poll_fastest, poll_slowest; /* of a tree that moves; default 1 s, 10 s */
    struct duration retry_first, retry_slowest; /* backoff; default 1 s, 60 s */
    struct duration apply_grace; /* ResourceApplyFailed counts as failed after this; default 60 s */
    size_t events_kept;          /* in the journal; default 2000 */
    struct duration events_age;  /* older ones go, but for the newest, and so do quarantines of
                                    what git has not named for so long; default 90 days */
    size_t releases_kept;        /* unreferenced ComponentReleases per component; default 5 */
    bool suspended;              /* starts with hands off, as `cellctl suspend --all` leaves it */
};
extern const struct engine_options engine_options_default;

/* Copies the options. NULL without memory. */
struct engine *engine_new(const struct engine_options *options);
struct engine *engine_free(struct engine *engine);

/* The one step. Appends to *effects. Returns 0, or -ENOMEM: then the effects so far are still to be
 * carried out, and the engine must be built again from the journal. */
int engine_step(struct engine *engine, const struct engine_event *event,
                struct effect_list *effects) __attribute__((warn_unused_result));

/* --- questions; they change nothing --------------------------------------------------------- */

enum engine_condition {
    CONDITION_STARTING,  /* no revision or no complete look at the live state yet */
    CONDITION_WORKING,   /* something is under way, or waits for something that will come */
    CONDITION_CONVERGED, /* live equals desired on every target */
    CONDITION_HELD,      /* nothing will move before a person or a new revision does something */
};
enum engine_condition engine_condition(const struct engine *engine);

/* Owned JSON; NULL without memory. Shapes: reconciler/engine/status.h. */
json_t *engine_status(const struct engine *engine, struct instant now);
json_t *engine_cell_status(const struct engine *engine, const char *cell, struct instant now);

/* One causal chain in one line. Returns 0, -ENOENT (no such cell) or -ENOMEM. */
int engine_why(const struct engine *engine, const char *cell, const char *target,
               struct instant now, struct text *out) __attribute__((warn_unused_result));

/* What would be done for `set` (NULL = the current revision) against the live state as known: nodes
 * in order, with the differences, and the hash over it. */
json_t *engine_plan(const struct engine *engine, struct manifest_set *set, struct instant now);

/* Field differences of a cell's objects (NULL = of all), from the last look. */
json_t *engine_diff(const struct engine *engine, const char *cell);

/* Compiled resources of a cell and target (NULL = all), as they would be sent. */
json_t *engine_render(const struct engine *engine, const char *cell, const char *target);

/* The components on their targets as operators see them; NULL = all of that kind, `active` = only
 * those that are not at rest. JSON null when there is no such cell. */
struct engine_rollouts_of {
    const char *cell, *component, *target;
    bool active;
};
json_t *engine_rollouts(const struct engine *engine, const struct engine_rollouts_of *of,
                        struct instant now);

/* What a rollout of the component would do there and could prove, at this traffic (0 = as last
 * measured). NULL also when there is no such component or target. */
json_t *engine_rollout(const struct engine *engine, const char *cell, const char *component,
                       const char *target, double requests_per_second, struct instant now);

/* What may not come back, and the events still kept. */
json_t *engine_quarantine(const struct engine *engine);
json_t *engine_history(const struct engine *engine);
/* Borrowed; NULL = not kept. */
struct packed *engine_event(const struct engine *engine, uint64_t sequence);
void engine_events(const struct engine *engine, uint64_t *ret_first, uint64_t *ret_end);
json_t *engine_gates(const struct engine *engine);

/* Moves with every decision that changes something for an operator; unchanged = nothing to redraw.
 */
uint64_t engine_version(const struct engine *engine);

/* Moves when something was really achieved, or a wait was found legitimate: the watchdog's pulse.
 */
uint64_t engine_progress(const struct engine *engine);

/* For tests and simulation: aborts when an invariant does not hold. */
void engine_check_invariants(const struct engine *engine);

/* Every persisted row of the current state, as EFFECT_PERSIST in *ret_rows: restoring exactly these
 * gives an equal engine. Returns 0 or -ENOMEM. */
int engine_rows(const struct engine *engine, struct effect_list *ret_rows)
    __attribute__((warn_unused_result));
