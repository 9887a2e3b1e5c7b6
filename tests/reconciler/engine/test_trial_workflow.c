/* Releases that are judged by a workflow, which passes or fails. */
#include "config/base/json.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/trial_row.h"
#include "reconciler/engine/trial_workflow.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(trial_workflow, .timeout = 600);

#define BY_WORKFLOW                                                                                \
    "{strategy: canary, steps: [{weight: 5, soak: 1m}, {weight: 50, soak: 1m}], bake: 1m, "        \
    "progressDeadline: 3m, analysis: {provider: workflow, workflow: {name: smoke}}}"

static void install(struct world *world)
{
    const char *body =
        "{\"metadata\":{\"name\":\"smoke\"},\"spec\":{\"runTemplate\":{},\"parameters\":{"
        "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"environment\":{\"type\":"
        "\"string\"}}}}}}";
    expect_created(world, "/api/v1/clusterworkflows", body);
}

static size_t runs(const struct world *world)
{
    json_t *all = platform_objects(world->platform, "workflowruns");
    const size_t count = json_array_size(all);
    json_decref(all);
    return count;
}

Test(trial_workflow, a_workflow_judges_each_step)
{
    struct traffic traffic = {.rate = 10};
    traffic_world(&traffic);
    install(traffic.world);
    traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(runs(traffic.world), 0);
    traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
    world_run(traffic.world, 1000);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(runs(traffic.world), 2, "%zu", runs(traffic.world));
    cr_expect_eq(traffic.windows + traffic.histories, 0);
    expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
    expect_silence(traffic.world);
    traffic_free(&traffic);
}

/* Approval opens gates between environments; what judges a release is not talked over by it. */
Test(trial_workflow, a_workflow_that_judges_is_not_approved)
{
    struct traffic traffic = {.rate = 10};
    traffic_world(&traffic);
    install(traffic.world);
    platform_workflow_rule(traffic.world->platform, "*", "Failed");
    traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
    for (int i = 0; i < 600 && runs(traffic.world) == 0; i++)
        world_run(traffic.world, 1000);
    cr_assert_eq(runs(traffic.world), 1);
    bool ok = true;
    world_command(traffic.world, "approve", json_pack("{s:b}", "all", 1), &ok);
    cr_expect(!ok);
    traffic_until(&traffic, "development", "held", MINUTES(30));
    traffic_free(&traffic);
}

Test(trial_workflow, a_workflow_that_fails_condemns_and_one_that_is_lost_does_not)
{
    static const struct {
        const char *outcome; /* NULL = there is no such workflow */
        const char *why;
        size_t quarantined;
    } rows[] = {
        {"Failed", "failed", 1},
        {"Lost", "was lost by its engine: outcome unknown", 0},
        {NULL, "there is no ClusterWorkflow smoke", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct traffic traffic = {.rate = 10};
        traffic_world(&traffic);
        if (rows[i].outcome != NULL) {
            install(traffic.world);
            platform_workflow_rule(traffic.world->platform, "*", rows[i].outcome);
        }
        traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
        expect_condition(traffic.world, CONDITION_CONVERGED);
        traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
        traffic_until(&traffic, "development", "held", MINUTES(30));
        cr_expect_eq(traffic_quarantines(&traffic), rows[i].quarantined, "%zu", i);
        const char *message = json_text_or(
            json_object_get(traffic_event(&traffic, "rollback-started"), "message"), "");
        cr_expect_not_null(strstr(message, rows[i].why), "%zu: %s", i, message);
        expect_runs(traffic.world, "shop-api-a", "development", "registry.example/shop:1");
        char *differ = world_rows_differ(traffic.world);
        cr_expect_null(differ, "%zu: %s", i, differ);
        free(differ);
        traffic_free(&traffic);
    }
}

Test(trial_workflow, a_judging_workflow_survives_a_death_without_a_second_run)
{
    for (uint64_t at = 1; at < 10; at++) {
        struct traffic traffic = {.rate = 10};
        traffic_world(&traffic);
        install(traffic.world);
        traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
        expect_condition(traffic.world, CONDITION_CONVERGED);
        traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
        while (!world_published(traffic.world, "gate-started", "shop"))
            cr_assert(world_step(traffic.world, traffic.world->now_ms + MINUTES(20)));
        traffic.world->kill_at_event = traffic.world->events + at;
        world_run(traffic.world, 1000);
        expect_condition(traffic.world, CONDITION_CONVERGED);
        cr_expect_eq(runs(traffic.world), 2, "%u: %zu", (unsigned)at, runs(traffic.world));
        traffic_free(&traffic);
    }
}

Test(trial_workflow, each_attempt_has_runs_of_its_own)
{
    struct traffic traffic = {.rate = 10};
    traffic_world(&traffic);
    install(traffic.world);
    for (int revision = 1; revision <= 4; revision++) {
        char tag[8];
        snprintf(tag, sizeof tag, "%d", revision);
        traffic_commit(&traffic, revision, platform_small, tag, BY_WORKFLOW);
        world_run(traffic.world, 1000);
        if (revision == 3)
            continue; /* superseded before any step stands */
        expect_condition(traffic.world, CONDITION_CONVERGED);
    }
    cr_expect_eq(runs(traffic.world), 4, "%zu", runs(traffic.world));
    expect_silence(traffic.world);
    traffic_free(&traffic);
}

Test(trial_workflow, blue_green_runs_it_once_while_it_bakes)
{
    static const char policy[] =
        "{strategy: blue-green, bake: 5m, progressDeadline: 5m, analysis: {provider: workflow, "
        "workflow: {name: smoke, parameters: {environment: here}}}}";
    static const char *const outcomes[] = {"Succeeded", "Failed"};
    for (size_t i = 0; i < 2; i++) {
        struct traffic traffic = {.rate = 10};
        traffic_world(&traffic);
        install(traffic.world);
        platform_workflow_rule(traffic.world->platform, "*", outcomes[i]);
        traffic_commit(&traffic, 1, platform_small, "1", policy);
        expect_condition(traffic.world, CONDITION_CONVERGED);
        traffic_commit(&traffic, 2, platform_small, "2", policy);
        traffic_until(&traffic, "development", "bake", MINUTES(10));
        traffic_until(&traffic, "development", i == 0 ? "idle" : "held", MINUTES(20));
        json_t *all = platform_objects(traffic.world->platform, "workflowruns");
        cr_expect_eq(json_array_size(all), 1);
        json_t *run =
            platform_object(traffic.world->platform, "workflowruns", "acme",
                            json_text_or(json_object_get(json_array_get(all, 0), "name"), ""));
        const json_t *parameters = json_at(run, "spec", "workflow", "parameters", NULL);
        cr_expect_str_eq(json_text_or(json_object_get(parameters, "environment"), ""), "here");
        json_decref(run);
        json_decref(all);
        expect_runs(traffic.world, i == 0 ? "shop-api-b" : "shop-api-a", "development",
                    i == 0 ? "registry.example/shop:2" : "registry.example/shop:1");
        cr_expect_eq(traffic_quarantines(&traffic), i);
        expect_no_dangers(traffic.world);
        traffic_free(&traffic);
    }
}

/* The journal lost the row of the run: it is begun anew, and the step still waits for it. */
Test(trial_workflow, a_run_that_nobody_knows_of_any_more_is_run_again)
{
    struct traffic traffic = {.rate = 10};
    traffic_world(&traffic);
    install(traffic.world);
    traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
    struct world *world = traffic.world;
    while (!world_published(world, "gate-started", "shop"))
        cr_assert(world_step(world, world->now_ms + MINUTES(20)));
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, "gate/shop/development/shop-api.0") == 0) {
            json_decref(world->rows[i].value);
            free(world->rows[i].key);
            world->rows[i] = world->rows[--world->row_count];
        }
    }
    world_kill(world);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
    expect_silence(world);
    traffic_free(&traffic);
}

/* Such a manifest is refused; a journal may have such a row all the same. */
Test(trial_workflow, that_nobody_named_condemns_nobody)
{
    struct traffic traffic = {.rate = 10};
    struct world *world = traffic_world(&traffic);
    install(world);
    traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
    expect_condition(world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
    bool changed = false;
    while (!changed) {
        cr_assert(world_step(world, world->now_ms + MINUTES(20)));
        for (size_t i = 0; i < world->row_count; i++) {
            json_t *source = json_object_get(world->rows[i].value, "source");
            changed = changed || (strncmp(world->rows[i].key, "judge/", 6) == 0 &&
                                  json_object_del(source, "workflow") == 0);
        }
    }
    world_kill(world);
    traffic_until(&traffic, "development", "held", MINUTES(30));
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    cr_expect_eq(runs(world), 0);
    const char *message =
        json_text_or(json_object_get(traffic_event(&traffic, "rollback-started"), "message"), "");
    cr_expect_not_null(strstr(message, "the metrics cannot be read"), "%s", message);
    traffic_free(&traffic);
}

/* Two components whose names differ only far behind are judged at the same time. */
Test(trial_workflow, long_names_do_not_take_each_others_runs)
{
    struct traffic traffic = {.rate = 10};
    struct world *world = traffic_world(&traffic);
    install(world);
    static const char stem[] = "the-api-of-the-shop-that-sells-to-the-";
    for (int revision = 1; revision <= 2; revision++) {
        char *text = NULL;
        cr_assert_gt(asprintf(&text,
                              "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\n"
                              "spec:\n  rollout: %s\n  components:\n"
                              "    - {name: %sfrench, type: service, image: \"r.example/f:%d\",\n"
                              "       endpoints: [{name: http, type: http, port: 80, visibility: "
                              "[namespace]}]}\n"
                              "    - {name: %sfreemen, type: service, image: \"r.example/g:%d\",\n"
                              "       endpoints: [{name: http, type: http, port: 80, visibility: "
                              "[namespace]}]}\n",
                              BY_WORKFLOW, stem, revision, stem, revision),
                     0);
        repository_commit(world, revision, platform_small, "shop", text, NULL, NULL);
        free(text);
        world_run(world, 1000);
        expect_condition(world, CONDITION_CONVERGED);
    }
    cr_expect_eq(runs(world), 4, "%zu", runs(world));
    expect_silence(world);
    traffic_free(&traffic);
}

/* --- what its outcome means ---------------------------------------------------------------------
 */

struct place {
    struct engine *engine;
    struct track *track;
    struct effect_list effects;
};

static void place_init(struct place *place, size_t stages, size_t step)
{
    struct engine_options options = engine_options_default;
    options.instance = "test";
    place->engine = engine_new(&options);
    struct unit *unit = unit_get(place->engine, "shop");
    place->track = unit_track_get(place->engine, unit, "shop-api", "development");
    effect_list_init(&place->effects);
    place->engine->out = &place->effects;
    struct rollout *rollout = &place->track->rollout;
    cr_assert_eq(rollout_open(rollout), 0);
    rollout->has_stable = rollout->has_next = true;
    rollout->attempt = 3;
    rollout->state = step > stages ? ROLLOUT_BAKE : ROLLOUT_STEP;
    rollout->stage_count = stages;
    rollout->step = step > stages ? stages : step;
    rollout->room->stages[0] = (struct rollout_stage){.weight = 5, .analysis = true};
    snprintf(rollout->next.deployment_digest, sizeof rollout->next.deployment_digest, "%s",
             "0123456789ab");
    json_t *row = json_pack("{s:i, s:i, s:s, s:{s:s, s:n, s:s, s:i, s:[], s:{s:s}}, s:b, s:b, s:I}",
                            "version", 1, "attempt", 3, "digest", "0123456789ab", "source",
                            "provider", "workflow", "template", "insufficient", "hold",
                            "interval_ms", 60000, "metrics", "workflow", "name", "smoke", "judging",
                            1, "standing", 1, "step", (json_int_t)step);
    trial_row_apply(place->engine, place->track, row);
    json_decref(row);
    cr_assert_not_null(place->track->trial);
}

static void place_fini(struct place *place)
{
    place->engine->out = NULL;
    effect_list_fini(&place->effects);
    engine_free(place->engine);
}

Test(trial_workflow, outcomes_are_verdicts)
{
    static const struct {
        enum gate_state state;
        const char *uid; /* "" = the run was never made */
        uint64_t attempt;
        enum judge_verdict verdict;
    } rows[] = {
        {GATE_STATE_CLOSED, "", 0, VERDICT_CONTINUE},
        {GATE_STATE_RUNNING, "u", 1, VERDICT_CONTINUE},
        {GATE_STATE_PASSED, "u", 1, VERDICT_PASS},
        {GATE_STATE_FAILED, "u", 1, VERDICT_ROLLBACK},
        {GATE_STATE_FAILED, "", 1, VERDICT_PROVIDER_ERROR},
        {GATE_STATE_UNKNOWN, "u", 1, VERDICT_CONTINUE},
        {GATE_STATE_UNKNOWN, "u", 3, VERDICT_PROVIDER_ERROR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place place;
        place_init(&place, 1, 0);
        const struct trial *trial = place.track->trial;
        trial_workflow_begin(place.engine, place.track, 0);
        const struct gate_record *record = NULL;
        cr_expect_eq(trial_workflow_verdict(place.engine, trial, &record), VERDICT_CONTINUE);
        cr_assert_not_null(record);
        struct gate_record next = *record;
        next.state = rows[i].state;
        next.attempt = rows[i].attempt;
        snprintf(next.uid, sizeof next.uid, "%s", rows[i].uid);
        gate_put(place.engine, &next);
        cr_expect_eq(trial_workflow_verdict(place.engine, trial, NULL), rows[i].verdict, "%zu", i);
        place_fini(&place);
    }
}

/* Parameters that are no object, or none at all, are no parameters. */
Test(trial_workflow, its_run_gets_the_parameters_that_the_attempt_began_with)
{
    static const struct {
        const char *text; /* NULL = the journal says nothing of them */
        bool taken;
    } rows[] = {{NULL, false}, {"null", false}, {"[1]", false}, {"{\"suite\": \"all\"}", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place place;
        place_init(&place, 1, 0);
        json_t *workflow = json_object_get(place.track->trial->source, "workflow");
        if (rows[i].text != NULL)
            json_object_set_new(workflow, "parameters",
                                json_loads(rows[i].text, JSON_DECODE_ANY, NULL));
        trial_workflow_want(place.engine);
        cr_assert_eq(place.engine->gate_count, 1, "%zu", i);
        const struct gate *manifest = place.engine->gates[0]->manifest;
        cr_assert_not_null(manifest, "%zu", i);
        cr_expect_str_eq(manifest->workflow.name.text, "smoke");
        cr_expect_eq(manifest->workflow.parameters != NULL, rows[i].taken, "%zu", i);
        place_fini(&place);
    }
}

/* A run counts for the step of the attempt that it was made for, where that step is judged. */
Test(trial_workflow, a_run_counts_for_its_own_step_only)
{
    static const struct {
        size_t stages, step;
        int weight;
        bool analysis;
        uint64_t attempt; /* of the rollout, which is judged as number 3 */
        enum judge_verdict verdict;
    } rows[] = {
        {1, 0, 5, true, 3, VERDICT_PASS},      {1, 0, 5, false, 3, VERDICT_CONTINUE},
        {1, 0, 0, true, 3, VERDICT_CONTINUE},  {1, 0, 5, true, 4, VERDICT_CONTINUE},
        {1, 1, 5, true, 3, VERDICT_CONTINUE}, /* all traffic: no run is made for that */
        {1, 2, 5, true, 3, VERDICT_PASS},     /* the bake after steps that have passed */
        {0, 1, 0, false, 3, VERDICT_PASS},    /* the bake of blue-green: its own run */
        {0, 0, 0, false, 3, VERDICT_CONTINUE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place place;
        place_init(&place, rows[i].stages, rows[i].step);
        struct rollout *rollout = &place.track->rollout;
        cr_assert_eq(rollout_open(rollout), 0);
        rollout->room->stages[0].weight = (int16_t)rows[i].weight;
        rollout->room->stages[0].analysis = rows[i].analysis;
        rollout->attempt = rows[i].attempt;
        trial_workflow_begin(place.engine, place.track, rows[i].step);
        const struct gate_record *record = NULL;
        (void)trial_workflow_verdict(place.engine, place.track->trial, &record);
        cr_assert_not_null(record);
        struct gate_record next = *record;
        next.state = GATE_STATE_PASSED;
        gate_put(place.engine, &next);
        cr_expect_eq(trial_workflow_verdict(place.engine, place.track->trial, NULL),
                     rows[i].verdict, "%zu", i);
        place_fini(&place);
    }
}

/* The rollout went on to the next step, and the trial was not told yet: the soak is not over. */
Test(trial_workflow, a_pass_ends_the_soak_of_the_step_that_it_is_of)
{
    struct place place;
    place_init(&place, 1, 0);
    trial_workflow_begin(place.engine, place.track, 0);
    const struct gate_record *record = NULL;
    (void)trial_workflow_verdict(place.engine, place.track->trial, &record);
    struct gate_record next = *record;
    next.state = GATE_STATE_PASSED;
    snprintf(next.message, sizeof next.message, "run x has succeeded");
    gate_put(place.engine, &next);
    struct rollout_plan plan = {0};
    struct rollout_view view = {0};
    trial_view(place.engine, place.track, &plan, &view);
    cr_expect_gt(view.judged_ms, MINUTES(600));
    cr_expect_str_eq(view.evidence, "run x has succeeded");
    place.track->rollout.step = 1;
    trial_view(place.engine, place.track, &plan, &view);
    cr_expect_eq(view.judged_ms, 0);
    place_fini(&place);
}

/* A journal's record of a run for something else is no verdict: the step is run again. */
Test(trial_workflow, a_recorded_run_for_other_content_counts_for_nothing)
{
    struct traffic traffic = {.rate = 10};
    struct world *world = traffic_world(&traffic);
    install(world);
    traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
    expect_condition(world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
    while (!world_published(world, "gate-started", "shop"))
        cr_assert(world_step(world, world->now_ms + MINUTES(20)));
    unsigned changed = 0;
    for (size_t i = 0; i < world->row_count; i++) {
        if (strncmp(world->rows[i].key, "gate/shop/development/", 22) == 0)
            changed += json_object_set_new(world->rows[i].value, "digests",
                                           json_string("000000000000")) == 0;
    }
    cr_assert_eq(changed, 1);
    world_kill(world);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(runs(world), 3, "%zu", runs(world));
    expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
    expect_no_dangers(world);
    expect_silence(world);
    traffic_free(&traffic);
}
