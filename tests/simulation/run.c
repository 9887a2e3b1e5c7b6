#include "tests/simulation/run.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "reconciler/compile/compile.h"
#include "tests/simulation/law_backend.h"
#include "tests/simulation/law_intent.h"
#include "tests/simulation/law_judge.h"
#include "tests/simulation/run_end.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEAT SECONDS(10)             /* gusts, drift, the operator */
#define LOOK SECONDS(120)            /* the expensive checks */
#define STEPS_PER_INSTANT_LIMIT 5000 /* more without time going by is a loop */

static const char *const names[] = {
    "converged",
    "several-targets",
    "second-region",
    "several-phases",
    "connection",
    "ring",
    "worker",
    "task",
    "manual-gate",
    "workflow-gate",
    "approved",
    "rolled-back",
    "withdrawn",
    "quarantined",
    "superseded",
    "held-at-the-end",
    "unreadable-cell",
    "cell-removed",
    "cell-added",
    "component-removed",
    "component-added",
    "prune-approved",
    "reverted",
    "force-pushed",
    "replicas-changed",
    "drift-found",
    "deleted",
    "killed-twice",
    "fault-free",
    "extreme",
    "canary-baked",
    "blue-green-baked",
    "judged-good",
    "judged-bad",
    "policy-changed",
    "frozen",
    "same-content",
    "rollback-scope",
    "built",
    "secret",
    "preset",
    "paused-by-hand",
    "resumed",
    "promoted-by-hand",
    "aborted",
    "retried",
    "held-for-metrics",
    "held-for-weight",
    "held-for-evidence",
};
_Static_assert(sizeof names / sizeof *names == SIGHT_COUNT, "every sight has a name");

const char *sight_name(enum sight sight)
{
    return names[sight];
}

/* --- callbacks ----------------------------------------------------------------------------------
 */

static enum world_fate fate(void *context, const struct world_request *request)
{
    struct run *run = context;
    const enum world_fate fate = weather_fate(&run->weather, request);
    if (run->print && fate != WORLD_ARRIVES)
        printf("%10" PRId64 "   fate %d of %s %s\n", run->world->now_ms, (int)fate, request->method,
               request->path);
    return fate;
}

static json_t *metrics(void *context, struct world *world, const json_t *query,
                       struct error *ret_err)
{
    struct run *run = context;
    json_t *answer = traffic_answer(&run->traffic, query, ret_err);
    const enum traffic_lie told = run->traffic.told;
    const bool true_of_a_part =
        told == TRAFFIC_TRUTH || told == TRAFFIC_LATE || told == TRAFFIC_TWICE;
    law_judge_told(&run->law, query, !true_of_a_part);
    char *text = run->print ? json_dumps(answer, JSON_COMPACT) : NULL;
    if (run->print)
        printf("%10" PRId64 "   metrics of %s on %s: %s\n", world->now_ms,
               json_text_or(json_object_get(query, "component"), ""),
               json_text_or(json_object_get(query, "target"), ""), text == NULL ? "none" : text);
    free(text);
    return answer;
}

static int64_t delay(void *context, const struct world_request *request)
{
    return weather_delay(&((struct run *)context)->weather, request);
}

static void heard(void *context, const struct world_request *request)
{
    struct run *run = context;
    if (run->world == NULL)
        return;
    law_backend_heard(&run->law, request);
    law_intent_heard(&run->law, request);
}

static void note_published(struct run *run, const struct effect *effect)
{
    static const struct {
        const char *type;
        enum sight sight;
    } told[] = {
        {"converged", SIGHT_CONVERGED},           {"rolled-back", SIGHT_ROLLED_BACK},
        {"rollout-withdrawn", SIGHT_WITHDRAWN},   {"quarantined", SIGHT_QUARANTINED},
        {"rollout-superseded", SIGHT_SUPERSEDED}, {"drift-found", SIGHT_DRIFT_FOUND},
        {"rollback-scope", SIGHT_SCOPE},
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        if (strcmp(effect->as.publish.type, told[i].type) == 0)
            run->result->seen[told[i].sight] = true;
    }
}

/* What a rollout came to, by the row that says so. */
static void note_row(struct run *run, const char *key, const json_t *value)
{
    static const struct {
        const char *hold;
        enum sight sight;
    } holds[] = {{"no-metrics", SIGHT_HELD_FOR_METRICS},
                 {"weight", SIGHT_HELD_FOR_WEIGHT},
                 {"insufficient", SIGHT_HELD_FOR_EVIDENCE}};
    bool *seen = run->result->seen;
    if (strncmp(key, "build/", 6) == 0)
        seen[SIGHT_BUILT] = true;
    if (strncmp(key, "rollout/", 8) != 0 || value == NULL)
        return;
    const char *state = json_text_or(json_object_get(value, "state"), "");
    const char *hold = json_text_or(json_object_get(value, "hold"), "");
    const char *strategy = json_text_or(json_object_get(value, "strategy"), "");
    const char *evidence = json_text_or(json_object_get(value, "evidence"), "");
    for (size_t i = 0; i < sizeof holds / sizeof *holds; i++)
        seen[holds[i].sight] |= strcmp(hold, holds[i].hold) == 0;
    if (strcmp(state, "cleanup") == 0)
        seen[strcmp(strategy, "canary") == 0 ? SIGHT_CANARY_BAKED : SIGHT_BLUE_GREEN_BAKED] = true;
    if (evidence[0] != '\0')
        seen[strcmp(state, "rollback") == 0 ? SIGHT_JUDGED_BAD : SIGHT_JUDGED_GOOD] = true;
}

static void print_effect(const struct run *run, const struct effect *effect)
{
    const int64_t now = run->world->now_ms;
    if (effect->kind == EFFECT_REQUEST)
        printf("%10" PRId64 " %s %s\n", now, effect->as.request.method, effect->as.request.path);
    else if (effect->kind == EFFECT_LIST)
        printf("%10" PRId64 " LIST %s\n", now, effect->as.list.path);
    else if (effect->kind == EFFECT_PERSIST)
        printf("%10" PRId64 " row %s%s %s\n", now, effect->as.persist.value == NULL ? "-" : "+",
               effect->as.persist.key,
               json_text_or(json_object_get(effect->as.persist.value, "state"), ""));
    else if (effect->kind == EFFECT_PUBLISH)
        printf("%10" PRId64 " * %s: %s\n", now, effect->as.publish.type,
               effect->as.publish.message);
}

static void watch(void *context, const struct effect *effect)
{
    struct run *run = context;
    if (run->world == NULL)
        return; /* world_new() is not done: only a first look has begun */
    if (run->print)
        print_effect(run, effect);
    if (effect->kind == EFFECT_PUBLISH)
        note_published(run, effect);
    if (effect->kind == EFFECT_PERSIST)
        note_row(run, effect->as.persist.key, effect->as.persist.value);
    if (effect->kind == EFFECT_REQUEST && strstr(effect->as.request.path, "/secrets") != NULL)
        run->result->seen[SIGHT_SECRET] = true;
    if (effect->kind == EFFECT_REQUEST && strcmp(effect->as.request.method, "DELETE") == 0)
        run->result->seen[SIGHT_DELETED] = true;
    law_watch(&run->law, effect);
}

bool run_is_broken(const struct run *run)
{
    return run->law.violation[0] != '\0';
}

/* --- now and then ------------------------------------------------------------------------------
 */

/* What somebody or something does to a rollout. */
static void strike(struct run *run, enum fault fault, unsigned percent)
{
    if (run->weather.calm || !run->weather.acts[fault] || !chance_percent(&run->chance, percent))
        return;
    const bool done = fault == FAULT_PEOPLE ? people_meddle(&run->people)
                                            : script_crash(&run->script, run->world, &run->chance,
                                                           fault == FAULT_STABLE_DIES);
    run->weather.hits[fault] += done;
}

static void beat(struct run *run)
{
    run->beat_ms = run->world->now_ms + BEAT;
    if (run->weather.calm || chance_percent(&run->chance, 30))
        people_approve(&run->people);
    else if (chance_percent(&run->chance, 20))
        people_mind(&run->people);
    script_build(run->world);
    weather_settle(&run->weather);
    if (chance_percent(&run->chance, run->weather.extreme ? 30 : 10))
        weather_gust(&run->weather);
    if (!run->weather.calm && run->weather.acts[FAULT_DRIFT] && chance_percent(&run->chance, 4) &&
        script_drift(&run->script, &run->law, &run->chance)) {
        run->weather.hits[FAULT_DRIFT]++;
        run->law.drifted_ms = run->world->now_ms;
    }
    strike(run, FAULT_CRASH, 3);
    strike(run, FAULT_STABLE_DIES, 3);
    strike(run, FAULT_PEOPLE, 8);
    run->result->seen[SIGHT_KILLED_TWICE] |= run->world->kills > 1;
}

/* --- time ---------------------------------------------------------------------------------------
 */

void run_step(struct run *run, int64_t until)
{
    struct world *world = run->world;
    const int64_t to = run->beat_ms < until ? run->beat_ms : until;
    const uint64_t kills = world->kills;
    world_step(world, to);
    run->result->steps++;
    if (world->now_ms != run->instant_ms) {
        run->instant_ms = world->now_ms;
        run->instant_steps = 0;
    } else if (++run->instant_steps > STEPS_PER_INSTANT_LIMIT) {
        law_break(&run->law, "I17", "%u events in one instant", run->instant_steps);
    }
    traffic_look(&run->traffic, &run->script.good);
    law_step(&run->law);
    if (world->kills != kills)
        law_backend_forgotten(&run->law);
    if (world->kills != kills && run->law.drifted_ms > 0)
        run->law.drifted_ms = world->now_ms; /* nobody was there to put it right */
    if (world->kills != kills || world->now_ms >= run->look_ms) {
        run->look_ms = world->now_ms + LOOK;
        law_look(&run->law);
    }
    if (world->now_ms >= run->beat_ms)
        beat(run);
}

void run_go(struct run *run, int64_t ms)
{
    const int64_t until = run->world->now_ms + ms;
    while (run->world->now_ms < until && !run_is_broken(run))
        run_step(run, until);
}

/* --- a seed -------------------------------------------------------------------------------------
 */

static void look_around(struct run *run)
{
    const struct monorepo *repository = &run->script.wanted;
    bool *seen = run->result->seen;
    seen[SIGHT_SEVERAL_TARGETS] = monorepo_target_count(repository) > 2;
    seen[SIGHT_SECOND_REGION] = repository->regions > 1;
    seen[SIGHT_SEVERAL_PHASES] = repository->phases > 1;
    seen[SIGHT_MANUAL_GATE] = repository->manual;
    seen[SIGHT_WORKFLOW_GATE] = repository->workflow;
    seen[SIGHT_EXTREME] = run->weather.extreme;
    bool any = false;
    for (int i = 0; i < FAULT_COUNT; i++)
        any |= run->weather.acts[i];
    seen[SIGHT_FAULT_FREE] = !any;
    for (int i = 0; i < repository->plot_count; i++) {
        seen[SIGHT_PRESET] |= repository->plots[i].parts[0].policy == POLICY_PRESET;
        seen[SIGHT_CONNECTION] |= repository->plots[i].connected;
        seen[SIGHT_RING] |= repository->plots[i].back >= 0;
        seen[SIGHT_WORKER] |= repository->plots[i].parts[PART_WORKER].present;
        seen[SIGHT_TASK] |= repository->plots[i].parts[PART_TASK].present;
    }
}

static const struct compile_credential credential = {
    "api-key", "1111111111111111111111111111111111111111111111111111111111111111"};

static void begin(struct run *run, const struct run_wish *wish)
{
    const uint64_t seed = wish->seed;
    struct world_options options;
    world_options_default(&options);
    weather_init(&run->weather, seed, wish->allowed);
    options.bytes = wish->bytes;
    options.engine.seed = seed;
    options.engine.list_interval = DURATION_S(30);
    options.engine.events_kept = 100;
    options.platform.seed = seed;
    options.platform.log_limit = 1000;
    options.latency_ms = 5;
    options.fate = fate;
    options.delay = delay;
    options.metrics = metrics;
    options.engine.credentials = &credential;
    options.engine.credential_count = 1;
    options.platform.secret_management = true;
    options.secret = LAW_SECRET;
    options.watch = watch;
    options.heard = heard;
    options.context = run;
    script_init(&run->script, seed);
    run->weather.calm = true; /* until the world stands */
    law_init(&run->law, NULL, &run->weather, &run->script.wanted, &run->script.good);
    struct world *world = world_new(&options);
    run->world = run->weather.world = run->law.world = world;
    traffic_init(&run->traffic, world);
    run->traffic.lie = weather_lie;
    run->traffic.context = &run->weather;
    run->weather.traffic = &run->traffic;
    run->law.traffic = &run->traffic;
    run->people = (struct people){.chance = chance_stream(seed, 4),
                                  .world = world,
                                  .law = &run->law,
                                  .seen = run->result->seen};
    run->weather.calm = false;
    script_install(&run->script, world);
    run->beat_ms = run->look_ms = world->now_ms + BEAT;
    look_around(run);
}

void run_seed(const struct run_wish *wish, struct run_result *ret_result)
{
    *ret_result = (struct run_result){0};
    struct run *run = calloc(1, sizeof *run);
    CHECK(run != NULL);
    run->result = ret_result;
    run->print = wish->trace;
    run->chance = chance_stream(wish->seed, 3);
    begin(run, wish);
    do {
        script_commit(&run->script, run->world, &run->law, ret_result->seen);
        run_go(run, chance_between(&run->chance, SECONDS(5), SECONDS(150)));
    } while (!run_is_broken(run) && script_change(&run->script, run->world, ret_result->seen));
    weather_end(&run->weather);
    script_mend(&run->script, run->world);
    run->people.retry_count = 0;
    run->world->kill_at_effect = run->world->kill_at_event = 0;
    run->world->crash = WORLD_CRASH_NEVER;
    run_end(run);
    ret_result->trace = run->world->trace;
    ret_result->simulated_ms = run->world->now_ms;
    ret_result->checks = run->law.checks;
    memcpy(ret_result->hits, run->weather.hits, sizeof ret_result->hits);
    memcpy(ret_result->violation, run->law.violation, sizeof ret_result->violation);
    traffic_fini(&run->traffic);
    world_free(run->world);
    free(run);
}
