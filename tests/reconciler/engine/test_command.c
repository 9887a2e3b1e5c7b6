/* Operators' words: approve, suspend, resume, rollback, apply, quarantine; gates that run. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(command, .timeout = 600);

static void commit(struct world *world, int revision, const char *image)
{
    repository_commit(world, revision, platform_small, "shop", image, NULL, NULL);
}

static struct world *converged(void)
{
    struct world *world = repository_world();
    commit(world, 1, "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

Test(command, suspended_cells_are_left_alone_until_resumed)
{
    struct world *world = converged();
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_expect(ok);
    const uint64_t writes = world->writes;
    commit(world, 2, "registry.example/shop:2");
    world_run(world, MINUTES(2));
    cr_expect_eq(world->writes, writes);
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_why(world, "shop", NULL, "suspended");
    const json_t *reply =
        world_command(world, "rollout-abort",
                      json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
    cr_expect(!ok);
    cr_expect_str_eq(json_text_or(json_object_get(reply, "message"), ""),
                     "shop is suspended: resume it first");
    /* Also after a restart. */
    world_kill(world);
    world_run(world, MINUTES(2));
    cr_expect_eq(world->writes, writes);
    world_command(world, "resume", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_expect(ok);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    expect_silence(world);
    world_free(world);
}

Test(command, a_plan_is_applied_only_as_it_was_shown)
{
    struct world *world = converged();
    bool ok = false;
    world_command(world, "suspend", json_object(), &ok);
    cr_expect(ok);
    commit(world, 2, "registry.example/shop:2");
    world_run(world, MINUTES(1));
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    json_t *again = engine_plan(world->engine, NULL, world_now(world));
    cr_expect(json_equal(plan, again));
    cr_expect_gt(json_integer_value(json_object_get(plan, "changes")), 0);
    json_decref(again);
    world_command(world, "apply", json_pack("{s:s}", "hash", "000000000000"), &ok);
    cr_expect(!ok);
    world_command(world, "apply",
                  json_pack("{s:s}", "hash", json_text_or(json_object_get(plan, "hash"), "")), &ok);
    cr_expect(ok);
    json_decref(plan);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    /* The next revision waits again. */
    commit(world, 3, "registry.example/shop:3");
    world_run(world, MINUTES(1));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    plan = engine_plan(world->engine, NULL, world_now(world));
    json_decref(plan);
    world_free(world);
}

Test(command, a_converged_plan_is_empty)
{
    struct world *world = converged();
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    char *text = json_dumps(plan, JSON_COMPACT);
    cr_expect_eq(json_integer_value(json_object_get(plan, "changes")), 0, "%s", text);
    cr_expect_eq(json_array_size(json_object_get(plan, "nodes")), 0);
    free(text);
    json_decref(plan);
    json_t *render = engine_render(world->engine, "shop", "development");
    cr_expect_gt(json_array_size(json_object_get(render, "objects")), 5);
    json_decref(render);
    json_t *diff = engine_diff(world->engine, NULL);
    cr_expect_eq(json_array_size(json_object_get(diff, "objects")), 0);
    json_decref(diff);
    world_free(world);
}

Test(command, rollback_holds_the_content_until_the_quarantine_is_cleared)
{
    struct world *world = converged();
    commit(world, 2, "registry.example/shop:2");
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    bool ok = false;
    const json_t *reply = world_command(
        world, "rollback", json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
    cr_expect(ok, "%s", json_text_or(json_object_get(reply, "message"), "no reply"));
    world_run(world, MINUTES(2));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    world_kill(world);
    world_run(world, MINUTES(2));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    world_command(world, "quarantine", json_pack("{s:b, s:s}", "clear", 1, "cell", "shop"), &ok);
    cr_expect(ok);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    expect_no_dangers(world);
    world_free(world);
}

Test(command, what_makes_no_sense_is_refused)
{
    struct world *world = converged();
    static const struct {
        const char *verb, *arguments;
    } cases[] = {
        {"dance", "{}"},
        {"suspend", "{\"cell\": \"nobody\"}"},
        {"approve", "{}"},
        {"approve", "{\"cell\": \"shop\"}"},
        {"approve", "{\"all\": true}"},
        {"approve", "{\"prune\": \"000000000000\"}"},
        {"rollback", "{}"},
        {"rollback", "{\"cell\": \"shop\", \"target\": \"development\", \"component\": \"x\"}"},
        {"rollout", "{\"action\": \"retry\"}"},
        {"rollout", "{\"action\": \"retry\", \"cell\": \"shop\", \"target\": \"mars\"}"},
        {"apply", "{\"hash\": \"\"}"},
        {"rollback", "{\"cell\": \"shop\"}"},
        {"rollback", "{\"cell\": \"shop\", \"target\": \"mars\"}"},
        {"rollout", "{\"cell\": \"shop\", \"target\": \"development\"}"},
        {"rollout-sideways", "{\"cell\": \"shop\", \"target\": \"development\"}"},
        {"apply", "{}"},
        {"quarantine", "{\"clear\": true}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ok = true;
        const json_t *reply =
            world_command(world, cases[i].verb, json_loads(cases[i].arguments, 0, NULL), &ok);
        cr_expect(!ok, "%s %s", cases[i].verb, cases[i].arguments);
        cr_expect_not_null(json_string_value(json_object_get(reply, "message")));
    }
    expect_silence(world);
    world_free(world);
}

/* --- gates that run -----------------------------------------------------------------------------
 */

static const char gated[] =
    PLATFORM_HEAD "  environments:\n"
                  "    - {name: development}\n"
                  "    - name: testing\n"
                  "      gates: [{name: tests, workflow: {name: integration-tests}, timeout: 5m}]\n"
                  "  phases: [{name: all, cells: [shop]}]\n";

static struct world *gated_world(const char *outcome)
{
    struct world *world = repository_world();
    const char *body =
        "{\"metadata\":{\"name\":\"integration-tests\"},\"spec\":{\"runTemplate\":{},"
        "\"parameters\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{"
        "\"environment\":{\"type\":\"string\"},\"revision\":{\"type\":\"string\"}}}}}}";
    expect_created(world, "/api/v1/clusterworkflows", body);
    if (outcome != NULL)
        platform_workflow_rule(world->platform, "*", outcome);
    repository_commit(world, 1, gated, "shop", "registry.example/shop:1", NULL, NULL);
    return world;
}

Test(command, a_workflow_gate_that_succeeds_opens)
{
    struct world *world = gated_world(NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "testing", "registry.example/shop:1");
    cr_expect(world_published(world, "gate-passed", "shop"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

Test(command, a_workflow_gate_that_fails_stays_shut_until_approved)
{
    struct world *world = gated_world("Failed");
    expect_condition(world, CONDITION_HELD);
    cr_expect(world_published(world, "gate-failed", "shop"));
    expect_why(world, "shop", "testing", "gate tests");
    expect_silence(world);
    bool ok = false;
    world_command(
        world, "approve",
        json_pack("{s:s, s:s, s:s}", "cell", "shop", "environment", "testing", "gate", "tests"),
        &ok);
    cr_expect(ok);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

Test(command, a_lost_run_is_no_failed_test)
{
    struct world *world = gated_world("Lost");
    expect_condition(world, CONDITION_HELD);
    cr_expect(!world_published(world, "gate-failed", "shop"));
    cr_expect(world_published(world, "gate-unknown", "shop"));
    expect_silence(world);
    world_free(world);
}

Test(command, a_gate_survives_a_kill_without_a_second_run)
{
    for (uint64_t at = 1; at < 12; at++) {
        struct world *world = gated_world(NULL);
        while (!world_published(world, "gate-started", "shop"))
            cr_assert(world_step(world, MINUTES(20)));
        world->kill_at_event = world->events + at;
        expect_condition(world, CONDITION_CONVERGED);
        json_t *runs = platform_objects(world->platform, "workflowruns");
        cr_expect_eq(json_array_size(runs), 1, "%u", (unsigned)at);
        json_decref(runs);
        world_free(world);
    }
}
