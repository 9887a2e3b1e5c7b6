/* Each allocation of single parts of the engine fails in turn, in a world that is in the middle of
 * something: the step is told to fail, and with memory the part does its work. */
#include "config/base/json.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/scope.h"
#include "reconciler/engine/track_compile.h"
#include "reconciler/engine/track_walk.h"
#include "reconciler/engine/trial_query.h"
#include "reconciler/engine/trial_workflow.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/shortage.h"
#include "tests/reconciler/engine/traffic.h"
#include "tests/reconciler/scarcity.h"
#include "tests/simulation/world_journal.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(shortage, .timeout = 600);

/* --- content ------------------------------------------------------------------------------------
 */

/* Its SecretReferences are not known to anybody any more. */
static void compile_anew(struct engine *engine, struct track *track)
{
    for (size_t i = 0; i < track->reference_count; i++) {
        struct object *object = track->references[i];
        object->holders--;
        object->inventory = false;
        object_want_nothing(engine, object);
    }
    free(track->references);
    track->references = NULL;
    track->reference_count = 0;
    object_sweep(engine);
    track_compile(engine, track);
}

static json_t *reference;

static void record_reference(struct engine *engine, struct track *track)
{
    object_record(engine, track->references[0], reference);
}

Test(shortage, a_component_that_is_compiled)
{
    static const char secret[] = "      configurations:\n"
                                 "        - name: database\n"
                                 "          type: secret\n"
                                 "          mount_type: env variable\n"
                                 "          env_variables: {DB: \"${DB_PASSWORD}\"}\n";
    static const struct compile_credential credential = {
        "db-password", "1111111111111111111111111111111111111111111111111111111111111111"};
    struct world_options options;
    world_options_default(&options);
    options.engine.credentials = &credential;
    options.engine.credential_count = 1;
    options.platform.secret_management = true;
    options.secret = "a value";
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", secret, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    struct track *track = shortage_track(world, "shop-api");
    char digest[sizeof track->content.deployment_digest];
    snprintf(digest, sizeof digest, "%s", track->content.deployment_digest);
    cr_assert_gt(track->reference_count, 0);
    cr_expect_gt(shortage_run(world->engine, track, track_compile), 10);
    cr_expect(track->has_content);
    cr_expect_str_eq(track->content.deployment_digest, digest);
    cr_assert_gt(track->reference_count, 0);
    /* one that is to be compared with what the secrets API wrote */
    track->references[0]->missing = true;
    cr_expect_not_null(track->references[0]->sealed);
    cr_expect_gt(shortage_run(world->engine, track, track_compile), 10);
    cr_expect_not_null(json_at(track->references[0]->operation->body, "spec", "data", NULL));
    reference = platform_object(world->platform, "secretreferences", "acme",
                                track->references[0]->key.name);
    cr_assert_not_null(reference);
    cr_expect_gt(shortage_run(world->engine, track, record_reference), 0);
    cr_expect_not_null(track->references[0]->sealed, "what was written before is kept");
    json_decref(reference);
    const size_t count = track->reference_count;
    cr_expect_gt(shortage_run(world->engine, track, compile_anew), 10);
    cr_expect_str_eq(track->content.deployment_digest, digest);
    cr_expect_eq(track->reference_count, count);
    world_free(world);
}

Test(shortage, a_component_that_cannot_be_compiled)
{
    struct world *world = repository_world();
    repository_commit(
        world, 1, platform_small, "shop",
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
        "  components:\n    - name: shop-api\n      type: service\n"
        "      build: {workflow: {name: image}}\n      endpoints: [{name: http, type: "
        "http, port: 80, visibility: [namespace]}]\n",
        NULL, NULL);
    world_run(world, MINUTES(1));
    struct track *track = shortage_track(world, "shop-api");
    cr_expect_gt(shortage_run(world->engine, track, track_compile), 10);
    cr_assert_not_null(track->note);
    cr_expect_str_eq(track->note, "shop-api has no image yet: its build was not begun");
    world_free(world);
}

/* --- what goes back -----------------------------------------------------------------------------
 */

static void apply_recall(struct engine *engine, struct track *track)
{
    static json_t *value;
    if (value == NULL)
        value = json_pack("{s:s, s:s, s:[{s:s}]}", "digest", "d", "revision", "r", "members",
                          "cell", "shop");
    if (value != NULL)
        scope_apply(engine, "shop", track->component, "development", value);
}

static void begin_scope(struct engine *engine, struct track *track)
{
    scope_begin(engine, track);
}

Test(shortage, what_goes_back_together)
{
    static const char cell[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
        "  rollout: {progressDeadline: 9m, rollback: {scope: cell}}\n  components:\n"
        "    - {name: base, type: worker, image: \"r.example/%s\"}\n"
        "    - {name: front, type: worker, image: \"r.example/front:%d\"}\n";
    struct world *world = repository_world();
    for (int i = 1; i <= 2; i++) {
        char text[1024];
        snprintf(text, sizeof text, cell, i == 1 ? "base:1" : "broken:2", i);
        repository_commit(world, i, platform_small, "shop", text, NULL, NULL);
        world_run(world, MINUTES(3));
    }
    struct engine *engine = world->engine;
    struct track *base = shortage_track(world, "base");
    cr_assert(base->rollout.has_next);
    cr_expect_gt(shortage_run(engine, base, begin_scope), 3);
    cr_assert_eq(engine->recall_count, 1);
    cr_expect_eq(json_array_size(engine->recalls[0].members), 1);
    cr_expect_gt(shortage_run(engine, base, apply_recall), 0);
    cr_assert_eq(engine->recall_count, 1);
    cr_expect_str_eq(engine->recalls[0].digest, "d");
    world_free(world);
}

/* --- small parts --------------------------------------------------------------------------------
 */

static void add_self(struct track_walk *walk, const struct track *at, const void *context)
{
    (void)context;
    track_walk_add(walk, at);
}

/* Who cannot remember the way says that there may be one. */
static void walk(struct engine *engine, struct track *track)
{
    (void)engine;
    cr_assert(track_walk_leads(track, track, add_self, NULL));
}

static unsigned unmet;

static bool is_nowhere(const struct track *track, const void *context)
{
    (void)track;
    (void)context;
    return false;
}

static void meet(struct engine *engine, struct track *track)
{
    (void)engine;
    unmet += !track_walk_meets(track, add_self, is_nowhere, NULL);
}

static void schedule(struct engine *engine, struct track *track)
{
    engine->heap_capacity = engine->heap_count - (track->unit->heap != 0);
    unit_schedule(engine, track->unit, (struct mono_time){engine->now.mono.ms + 1});
}

static void note_names(struct engine *engine, struct track *track)
{
    struct binding *binding = &track->bindings[BINDING_A];
    free(binding->names);
    binding->names = NULL;
    json_t *tree = json_object();
    if (tree != NULL)
        trial_query_note_names(engine, binding, tree);
    json_decref(tree);
}

Test(shortage, small_parts)
{
    struct traffic traffic = {.rate = 10};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(10));
    struct engine *engine = traffic.world->engine;
    struct track *track = shortage_track(traffic.world, "shop-api");
    cr_expect_eq(shortage_run(engine, track, walk), 0);
    cr_expect_eq(shortage_run(engine, track, meet), 0);
    cr_expect_eq(unmet, 1, "only who has memory knows that there is none");
    cr_expect_eq(shortage_run(engine, track, schedule), 1);
    cr_expect_eq(shortage_run(engine, track, note_names), 1);
    cr_expect_not_null(track->bindings[BINDING_A].names);
    traffic_free(&traffic);
}

/* --- what is judged -----------------------------------------------------------------------------
 */

Test(shortage, what_is_asked_and_learnt_for_a_judge)
{
    struct traffic traffic = {.rate = 10};
    traffic_begin(&traffic, TRAFFIC_CANARY_WITH("metrics: [error-rate, latency]"), "2");
    traffic_until(&traffic, "development", "step", MINUTES(10));
    const struct track *track = shortage_track(traffic.world, "shop-api");
    const struct rollout_policy *policy = &track->deployment->effective->rollout;
    json_t *whole = trial_query_source(policy);
    json_t *answer =
        json_pack("{s:[[[i,i],[i,i]],[[i,i],[i,i]]]}", "replicas", 100, 1, 100, 2, 90, 3, 110, 0);
    cr_assert(whole != NULL && answer != NULL);
    double rho = 0;
    json_t *learnt = trial_query_learn(whole, answer, &rho);
    cr_assert_not_null(learnt);
    unsigned without = 0, unlearnt = 0;
    uint64_t failed = 1;
    for (uint64_t spared = 0; failed > 0; spared++) {
        scarcity_begin(spared, true);
        json_t *source = trial_query_source(policy);
        failed = scarcity_end();
        without += source == NULL;
        cr_expect(source == NULL || json_array_size(json_object_get(source, "metrics")) == 2);
        json_decref(source);
    }
    failed = 1;
    for (uint64_t spared = 0; failed > 0; spared++) {
        scarcity_begin(spared, true);
        json_t *again = trial_query_learn(whole, answer, &rho);
        failed = scarcity_end();
        unlearnt += again == NULL;
        cr_expect(failed > 0 || json_equal(again, learnt));
        json_decref(again);
    }
    cr_expect_gt(without, 2);
    cr_expect_gt(unlearnt, 2);
    json_decref(learnt);
    json_decref(whole);
    json_decref(answer);
    /* A forecast without memory is none. */
    struct world *world = traffic.world;
    unsigned none = 0;
    failed = 1;
    for (uint64_t spared = 0; failed > 0; spared++) {
        scarcity_begin(spared, true);
        json_t *shown =
            engine_rollout(world->engine, "shop", "shop-api", "development", 10, world_now(world));
        failed = scarcity_end();
        none += shown == NULL;
        json_decref(shown);
    }
    cr_expect_gt(none, 2);
    traffic_free(&traffic);
}

static void want_workflow(struct engine *engine, struct track *track)
{
    free(track->trial->gate);
    track->trial->gate = NULL;
    trial_workflow_want(engine);
}

Test(shortage, a_workflow_that_is_to_judge)
{
    struct traffic traffic = {.rate = 10};
    struct world *world = traffic_world(&traffic);
    expect_created(world, "/api/v1/clusterworkflows",
                   "{\"metadata\":{\"name\":\"smoke\"},\"spec\":{\"runTemplate\":{}}}");
    static const char policy[] =
        "{strategy: canary, steps: [{weight: 5, soak: 9m}], bake: 1m, analysis: {provider: "
        "workflow, workflow: {name: smoke}}}";
    traffic_commit(&traffic, 1, platform_small, "1", policy);
    expect_condition(world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, platform_small, "2", policy);
    while (!world_published(world, "gate-started", "shop"))
        cr_assert(world_step(world, world->now_ms + MINUTES(20)));
    struct track *track = shortage_track(world, "shop-api");
    cr_assert_not_null(track->trial);
    cr_expect_eq(shortage_run(world->engine, track, want_workflow), 1);
    cr_assert_not_null(track->trial->gate);
    cr_expect_str_eq(track->trial->gate->workflow.name.text, "smoke");
    traffic_free(&traffic);
}

/* --- what the source of metrics says ------------------------------------------------------------
 */

struct lack {
    uint64_t spared, calm;
    unsigned failures;
};

/* Only the steps that take an answer of the source lack memory, each a little later than before. */
static int short_of_memory(void *context, struct engine *engine, const struct engine_event *event,
                           struct effect_list *effects)
{
    struct lack *lack = context;
    if (event->kind != EVENT_METRICS || lack->calm >= 4)
        return engine_step(engine, event, effects);
    scarcity_begin(lack->spared, false);
    const int status = engine_step(engine, event, effects);
    const bool failed = scarcity_end() > 0;
    cr_assert(status == 0 || (status == -ENOMEM && failed), "after %u", (unsigned)lack->spared);
    lack->failures += failed;
    lack->calm = failed ? 0 : lack->calm + 1;
    lack->spared += failed ? 1 + lack->spared / 60 : 0;
    return status;
}

Test(shortage, answers_of_the_source_are_taken_once_there_is_memory)
{
    struct lack lack = {.calm = 4};
    struct traffic traffic = {
        .rate = 10, .base = 0.005, .step = short_of_memory, .step_context = &lack};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    lack.calm = 0;
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_gt(lack.failures, 50);
    expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    expect_no_dangers(traffic.world);
    expect_silence(traffic.world);
    traffic_free(&traffic);
}

/* --- what is condemned and gone -----------------------------------------------------------------
 */

static void age(struct engine *engine, struct track *track)
{
    (void)track;
    quarantine_age(engine);
}

Test(shortage, quarantines_of_what_git_does_not_name)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    for (int i = 0; i < 502; i++) {
        char key[128];
        snprintf(key, sizeof key, "quarantine/ghost/api/development/%012d", i);
        json_t *row = json_pack("{s:I, s:I, s:s, s:s, s:b}", "since", (json_int_t)1, "gone",
                                (json_int_t)(i == 250 ? 0 : world_now(world).wall.ms), "reason",
                                "r", "evidence", "", "by_operator", 0);
        world_journal_put(world, key, row);
        json_decref(row);
    }
    world_kill(world);
    struct engine *engine = world->engine;
    cr_assert_eq(engine->quarantine_count, 502);
    cr_expect_gt(shortage_run(engine, NULL, age), 3);
    cr_expect_eq(engine->quarantine_count, 500);
    world_free(world);
}
