#include "reconciler/engine/engine.h"

#include "config/base/arena.h"
#include "config/base/pool.h"
#include "config/types/types.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/build_run.h"
#include "reconciler/engine/census.h"
#include "reconciler/engine/command.h"
#include "reconciler/engine/commit_status.h"
#include "reconciler/engine/emit.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/gate_run.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/observe.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/prune.h"
#include "reconciler/engine/reconcile.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/revision.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/scope.h"
#include "reconciler/engine/source.h"
#include "reconciler/engine/trial.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Two are enough for most of them. */
#define DEPLOYMENT_PIECE ((size_t)2048)
#define CREDENTIALS_SPACE ((size_t)1 << 20)

const struct engine_options engine_options_default = {
    .seed = 1,
    .instance = "celld",
    .parallel_nodes = 8,
    .parallel_requests = 8,
    .list_interval = {30000},
    .poll_fastest = {1000},
    .poll_slowest = {10000},
    .retry_first = {1000},
    .retry_slowest = {60000},
    .apply_grace = {60000},
    .events_kept = 2000,
    .events_age = {INT64_C(90) * 24 * 3600 * 1000},
    .releases_kept = 5,
};

/* --- life ---------------------------------------------------------------------------------------
 */

static char *copy(const char *text)
{
    return strdup(text == NULL ? "" : text);
}

static int keep_credentials(struct engine *engine, const struct engine_options *options)
{
    engine->credentials = arena_new(CREDENTIALS_SPACE);
    struct compile_credential *kept =
        engine->credentials == NULL
            ? NULL
            : arena_array(engine->credentials, options->credential_count + 1, sizeof *kept);
    for (size_t i = 0; kept != NULL && i < options->credential_count; i++) {
        kept[i].name = arena_text(engine->credentials, options->credentials[i].name);
        kept[i].digest = arena_text(engine->credentials, options->credentials[i].digest);
        if (kept[i].name == NULL || kept[i].digest == NULL)
            return -ENOMEM;
    }
    engine->options.credentials = kept;
    return kept == NULL ? -ENOMEM : 0;
}

static int make_pools(struct engine *engine)
{
    engine->operations = pool_new(sizeof(struct operation));
    engine->tracks = pool_new(sizeof(struct track));
    engine->deployments = pool_new(DEPLOYMENT_PIECE);
    const bool made =
        engine->operations != NULL && engine->tracks != NULL && engine->deployments != NULL;
    return made ? 0 : -ENOMEM;
}

static int fill(struct engine *engine, const struct engine_options *options)
{
    engine->options = *options;
    if (engine->options.events_kept == 0)
        engine->options.events_kept = 1;
    engine->random = options->seed;
    engine->instance = copy(options->instance);
    engine->repository_url = copy(options->repository_url);
    engine->branch = copy(options->branch);
    engine->base = unit_new("");
    engine->name_key = malloc(options->name_key_length + 1);
    if (engine->instance == NULL || engine->repository_url == NULL || engine->branch == NULL ||
        engine->base == NULL || engine->name_key == NULL || make_pools(engine) < 0)
        return -ENOMEM;
    if (options->name_key_length > 0)
        memcpy(engine->name_key, options->name_key, options->name_key_length);
    engine->options.instance = engine->instance;
    engine->options.repository_url = engine->repository_url;
    engine->options.branch = engine->branch;
    engine->options.name_key = engine->name_key;
    if (keep_credentials(engine, options) < 0)
        return -ENOMEM;
    return component_types_load(&engine->component_types, NULL);
}

struct engine *engine_new(const struct engine_options *options)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL || fill(engine, options) < 0)
        return engine_free(engine);
    engine->requests_end = &engine->requests;
    engine->urgent_end = &engine->urgent;
    engine->queue_end = &engine->queue;
    engine->repository_ok = true;
    engine->woken = engine->plan_at = engine->gate_due = engine->build_due =
        (struct mono_time){NEVER};
    engine->pruning.keys = json_object();
    return engine->pruning.keys == NULL ? engine_free(engine) : engine;
}

struct engine *engine_free(struct engine *engine)
{
    if (engine == NULL)
        return NULL;
    request_free_all(engine);
    for (size_t i = 0; i < engine->unit_count; i++)
        unit_free(engine->units[i]);
    unit_free(engine->base);
    pool_free(engine->tracks);
    pool_free(engine->deployments);
    free(engine->units);
    free(engine->heap);
    object_free_all(engine);
    pool_free(engine->operations);
    gate_free_all(engine);
    build_free_all(engine);
    for (size_t i = 0; i < engine->quarantine_count; i++)
        free(engine->quarantines[i]);
    free(engine->quarantines);
    scope_free_all(engine);
    free(engine->nodes);
    free(engine->facts);
    free(engine->verdicts);
    history_fini(engine);
    for (size_t i = 0; i < engine->zone_count; i++) {
        free(engine->zones[i].name);
        zone_rules_free(engine->zones[i].rules);
    }
    free(engine->zones);
    json_decref(engine->pruning.keys);
    json_decref(engine->pruning.held);
    json_decref(engine->pruning.explained);
    json_decref(engine->component_types);
    census_fini(&engine->bound);
    census_fini(&engine->peopled);
    words_free_all(engine);
    json_decref(engine->duplicates);
    json_decref(engine->secrets);
    manifest_set_unref(engine->set);
    platform_unref(engine->platform);
    free(engine->subject);
    free(engine->instance);
    free(engine->repository_url);
    free(engine->branch);
    free(engine->name_key);
    arena_free(engine->credentials);
    free(engine);
    return NULL;
}

/* --- events -------------------------------------------------------------------------------------
 */

static void start(struct engine *engine)
{
    engine->started = true;
    if (!engine->seeded)
        record_add(engine, "engine", row_engine(engine));
    if (engine->options.suspended && !engine->all_suspended)
        record_add(engine, "suspend/*", json_pack("{s:b}", "suspended", 1));
    for (size_t i = 0; i < engine->unit_count; i++) {
        for (size_t k = 0; k < engine->units[i]->track_count; k++)
            rollout_restarted(&engine->units[i]->tracks[k]->rollout);
    }
    unit_queue_all(engine);
}

static void take_answer(struct engine *engine, const struct engine_event *event)
{
    struct request *request = request_take(engine, event->as.answer.id);
    if (request == NULL)
        return; /* late: nobody waits for it */
    switch (request->purpose) {
    case REQUEST_OBJECT:
        operation_answer(engine, request->owner, request, event);
        break;
    case REQUEST_LOOK:
        look_answer(engine, request->owner, request, event);
        break;
    case REQUEST_RELEASE:
        source_answer(engine, request->owner, request, event);
        break;
    case REQUEST_PROBE:
        observe_probed(engine, request, event);
        break;
    case REQUEST_GATE:
        gate_run_answer(engine, request->owner, request, event);
        break;
    case REQUEST_BUILD:
        build_run_answer(engine, request->owner, request, event);
        break;
    case REQUEST_LIST:
    case REQUEST_DUPLICATES:
        break; /* lists come as EVENT_LISTED */
    }
    request_free(request);
}

static void take_list(struct engine *engine, const struct engine_event *event)
{
    struct request *request = request_take(engine, event->as.listed.id);
    if (request == NULL)
        return;
    if (request->purpose == REQUEST_LIST) {
        observe_listed(engine, request, event);
    } else if (request->purpose == REQUEST_DUPLICATES) {
        operation_listed(engine, request->owner, event);
    }
    request_free(request);
}

static void take_tick(struct engine *engine)
{
    history_expire(engine);
    engine->woken = (struct mono_time){NEVER};
    for (struct unit *unit = unit_due(engine); unit != NULL && unit->due.ms <= engine->now.mono.ms;
         unit = unit_due(engine)) {
        unit_schedule(engine, unit, (struct mono_time){NEVER});
        unit_queue(engine, unit);
    }
    if (engine->plan_at.ms <= engine->now.mono.ms) {
        engine->plan_at = (struct mono_time){NEVER};
        engine->plan_dirty = true;
    }
}

static void dispatch(struct engine *engine, const struct engine_event *event)
{
    switch (event->kind) {
    case EVENT_RESTORE:
        record_apply(engine, event->as.restore.key, event->as.restore.value);
        return;
    case EVENT_START:
        start(engine);
        return;
    case EVENT_TICK:
        take_tick(engine);
        return;
    case EVENT_REVISION:
        revision_take(engine, event);
        return;
    case EVENT_REPOSITORY_FAILED:
        revision_failed(engine, event);
        return;
    case EVENT_ANSWER:
        take_answer(engine, event);
        return;
    case EVENT_LISTED:
        take_list(engine, event);
        return;
    case EVENT_COMMAND:
        command_take(engine, event);
        return;
    case EVENT_METRICS:
        trial_answer(engine, event);
        return;
    }
}

/* --- the step -----------------------------------------------------------------------------------
 */

static void sooner(struct mono_time *due, struct mono_time other)
{
    if (other.ms < due->ms)
        *due = other;
}

static void wake(struct engine *engine)
{
    struct mono_time due = {NEVER};
    if (engine->look != LOOK_RUNNING && engine->platform != NULL)
        sooner(&due, engine->look_due);
    if (unit_due(engine) != NULL)
        sooner(&due, unit_due(engine)->due);
    sooner(&due, engine->plan_at);
    sooner(&due, engine->gate_due);
    sooner(&due, engine->build_due);
    if (due.ms == engine->woken.ms || due.ms == NEVER)
        return;
    engine->woken = due;
    const struct effect effect = {.kind = EFFECT_WAKE, .as.wake.at = due};
    emit_effect(engine, &effect);
}

int engine_step(struct engine *engine, const struct engine_event *event,
                struct effect_list *effects)
{
    engine->out = effects;
    engine->now = event->now;
    dispatch(engine, event);
    if (engine->started && engine->status == 0) {
        reconcile_all(engine);
        gate_run_pump(engine);
        build_run_pump(engine);
        prune_pump(engine);
        reconcile_all(engine);
        observe_pump(engine);
        revision_note_convergence(engine);
        commit_status_pump(engine);
        request_pump(engine);
        wake(engine);
    }
    engine->out = NULL;
    if (effects->status != 0)
        engine->status = effects->status;
    return engine->status;
}

uint64_t engine_version(const struct engine *engine)
{
    return engine->version;
}

uint64_t engine_progress(const struct engine *engine)
{
    return engine->progress;
}
