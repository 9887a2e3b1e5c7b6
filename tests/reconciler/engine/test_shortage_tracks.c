/* Memory that runs out while a component is at work: what runs is found, compiled, wanted, looked
 * at and judged once there is memory, and until then the step says that it failed. */
#include "config/base/json.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/track_compile.h"
#include "reconciler/engine/track_found.h"
#include "reconciler/engine/track_note.h"
#include "reconciler/engine/track_want.h"
#include "reconciler/engine/trial.h"
#include "reconciler/engine/trial_row.h"
#include "tests/reconciler/engine/shortage.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(shortage_tracks, .timeout = 120);

/* --- what is found without a journal ------------------------------------------------------------
 */

static json_t *lives[BINDING_COUNT];

static void read_lives(const struct world *world, const struct track *track)
{
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        json_decref(lives[i]);
        lives[i] = platform_object(world->platform, "releasebindings", "acme",
                                   track->bindings[i].object->key.name);
    }
}

/* As after a loss of the journal, when all its bindings are read. */
static void recover(struct engine *engine, struct track *track)
{
    track->recorded = false;
    rollout_fini(&track->rollout);
    rollout_init(&track->rollout, track->unit->name, track->component, track->target, true);
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        struct object *object = track->bindings[i].object;
        object->presence = lives[i] == NULL ? PRESENCE_ABSENT : PRESENCE_PRESENT;
        if (lives[i] != NULL)
            track_found(object, lives[i]);
    }
    (void)track_recover(engine, track);
}

#define SHOP(tag, port)                                                                            \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"     \
    "    - {name: shop-api, type: service, image: \"registry.example/shop:" tag "\",\n"            \
    "       endpoints: [{name: http, type: http, port: " port ", visibility: [namespace]}]}\n"

Test(shortage_tracks, a_release_that_runs_is_found)
{
    static const struct {
        const char *what, *wanted;
        bool same;
        const char *endpoint; /* of the stable release that is found */
    } rows[] = {
        {"what runs", NULL, true, "http"},
        {"another release", SHOP("2", "8080"), false, "http"},
        {"another release behind another route", SHOP("2", "8081"), false, "?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = repository_world();
        repository_commit(world, 1, platform_small, "shop", SHOP("1", "8080"), NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        if (rows[i].wanted != NULL) {
            repository_commit(world, 2, platform_small, "shop", rows[i].wanted, NULL, NULL);
            world_run(world, 0);
        }
        struct track *track = shortage_track(world, "shop-api");
        track_compile(world->engine, track);
        read_lives(world, track);
        cr_expect_gt(shortage_run(world->engine, track, recover), 10, "%s", rows[i].what);
        const struct rollout_content *stable = &track->rollout.stable;
        cr_expect(track->recorded && track->rollout.has_stable, "%s", rows[i].what);
        cr_expect_eq(track->rollout.stable_slot, 'a', "%s", rows[i].what);
        cr_expect_eq(strcmp(stable->deployment_digest, track->content.deployment_digest) == 0,
                     rows[i].same, "%s", rows[i].what);
        json_t *endpoints = packed_open(stable->endpoints);
        cr_expect_not_null(json_object_get(endpoints, rows[i].endpoint), "%s: %s", rows[i].what,
                           packed_text(stable->endpoints));
        json_decref(endpoints);
        world_free(world);
    }
}

/* --- what its bindings should be ----------------------------------------------------------------
 */

static void want(struct engine *engine, struct track *track)
{
    for (size_t i = 0; i < BINDING_COUNT; i++)
        track->bindings[i].object->equal_desired = 0; /* so that the body is kept */
    track_want(engine, track);
}

/* Git has gone on, so that the bodies are made of what was recorded. */
Test(shortage_tracks, bindings_of_content_that_git_has_left_behind)
{
    static const char canary[] = "  rollout: {strategy: canary, bake: 10s, steps: [{weight: 10, "
                                 "pause: true, match: {headers: "
                                 "[{name: x-canary, value: always}]}}]}\n";
    struct world *world = repository_world();
    for (int i = 1; i <= 2; i++) {
        char image[64];
        snprintf(image, sizeof image, "registry.example/shop:%d", i);
        repository_commit(world, i, platform_small, "shop", image, canary, NULL);
        world_run(world, MINUTES(5));
    }
    struct track *track = shortage_track(world, "shop-api");
    cr_assert_eq(track->rollout.state, ROLLOUT_PAUSED);
    cr_assert_gt(track->wants.route.match_count, 0);
    snprintf(track->content.deployment_digest, sizeof track->content.deployment_digest, "another");
    cr_expect_gt(shortage_run(world->engine, track, want), 10);
    const struct object *route = track->bindings[BINDING_ROUTE].object;
    cr_assert_not_null(route->operation);
    const json_t *matches =
        json_at(route->operation->body, "spec", "componentTypeEnvironmentConfigs", "matches", NULL);
    cr_expect_eq(json_array_size(matches), 1);
    world_free(world);
}

/* --- what is seen of it -------------------------------------------------------------------------
 */

static json_t *tree;

static void look(struct engine *engine, struct track *track)
{
    struct binding *binding = &track->bindings[BINDING_A];
    free(binding->gate);
    binding->gate = NULL;
    binding->answered = false;
    binding->request = 1;
    binding->epoch = binding->object->epoch;
    binding->judged = binding->object->desired;
    const struct request request = {.id = 1, .large = true};
    struct engine_event event = {.kind = EVENT_ANSWER};
    event.as.answer.outcome = ANSWER_RECEIVED;
    event.as.answer.status = 200;
    event.as.answer.body = tree;
    look_answer(engine, binding, &request, &event);
}

Test(shortage_tracks, the_first_look_at_a_slot)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    struct track *track = shortage_track(world, "shop-api");
    tree = json_pack("{s:[]}", "renderedReleases");
    cr_expect_gt(shortage_run(world->engine, track, look), 0);
    cr_expect_not_null(look_seen(&track->bindings[BINDING_A]));
    json_decref(tree);
    world_free(world);
}

/* --- what becomes of an order -------------------------------------------------------------------
 */

static void answer_order(struct engine *engine, struct track *track)
{
    const struct rollout_result result = {.command = "it is paused"};
    track->command = COMMAND_PAUSE;
    track->command_id = 7;
    track_take_result(engine, track, &result);
}

Test(shortage_tracks, an_order_that_is_answered)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    struct track *track = shortage_track(world, "shop-api");
    cr_expect_gt(shortage_run(world->engine, track, answer_order), 1);
    cr_expect_eq(track->command, COMMAND_NONE);
    world_free(world);
}

/* --- what is judged -----------------------------------------------------------------------------
 */

static void begin_trial(struct engine *engine, struct track *track)
{
    track->trial = trial_row_free(track->trial);
    trial_follow(engine, track, true);
}

static void ask_history(struct engine *engine, struct track *track)
{
    struct trial *trial = track->trial;
    json_decref(trial->asked);
    trial->asked = NULL;
    trial->judging = false;
    trial->request = 0;
    trial->due = (struct mono_time){0};
    (void)trial_pump(engine, track);
}

Test(shortage_tracks, a_judge_that_begins_and_asks)
{
    struct traffic traffic = {.rate = 10};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(10));
    struct track *track = shortage_track(traffic.world, "shop-api");
    cr_expect_gt(shortage_run(traffic.world->engine, track, begin_trial), 5);
    cr_assert_not_null(track->trial);
    cr_expect_eq(track->trial->attempt, track->rollout.attempt);
    cr_expect_gt(shortage_run(traffic.world->engine, track, ask_history), 5);
    cr_expect_not_null(track->trial->asked);
    cr_expect_neq(track->trial->request, 0);
    traffic_free(&traffic);
}
