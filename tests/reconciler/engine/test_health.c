/* A release that was good and falls sick later: told, neither called converged nor taken back. */
#include "config/base/json.h"
#include "reconciler/engine/health.h"
#include "reconciler/engine/look.h"
#include "tests/reconciler/engine/leaving.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(health, .timeout = 600);

#define SHOP_1 "registry.example/shop:1"

static struct world *converged(const char *extra)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", SHOP_1, extra, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

static void crash(struct world *world)
{
    cr_assert(platform_crash(world->platform, "acme", "shop-api-a", "development",
                             world_platform_now(world)));
}

static const json_t *hold_of(const json_t *status, const char *kind)
{
    const json_t *holds = json_object_get(status, "holds");
    for (size_t i = 0; i < json_array_size(holds); i++) {
        const json_t *hold = json_array_get(holds, i);
        if (strcmp(json_text_or(json_object_get(hold, "kind"), ""), kind) == 0)
            return hold;
    }
    return NULL;
}

Test(health, a_release_whose_pods_crash_later_is_not_converged_and_not_taken_back)
{
    struct world *world = converged(NULL);
    const uint64_t writes = world->writes;
    crash(world);
    world_run(world, MINUTES(3));
    expect_condition(world, CONDITION_HELD);
    cr_expect_eq(world->writes, writes, "nothing is written because of it");
    cr_expect_eq(world_published(world, "rollback-started", "shop"), false);
    cr_expect_eq(world_times_published(world, "release-sick"), 1);
    expect_why(world, "shop", "development",
               "is live at 000000000000, but not healthy: shop-api: ");
    expect_why(world, "shop", "development", "the release was good when it was let through");
    char *why = world_why(world, "shop", NULL);
    cr_expect_not_null(strstr(why, "but not healthy"), "%s", why);
    free(why);
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *hold = hold_of(status, "health");
    cr_expect_str_eq(json_text_or(json_object_get(hold, "command"), ""),
                     "cellctl rollback shop development -c shop-api");
    cr_expect_not_null(strstr(json_text_or(json_object_get(hold, "message"), ""),
                              "which was good, is not healthy any more: shop-api: "));
    cr_expect_eq(json_integer_value(json_at(status, "counts", "held", NULL)), 1);
    cr_expect_eq(json_integer_value(json_at(status, "counts", "converged", NULL)), 0);
    json_decref(status);
    /* the commit that had become live is not any more */
    cr_expect(world_published(world, "commit-status", "shop"));
    const json_t *last = json_array_get(world->published, json_array_size(world->published) - 1);
    cr_expect_not_null(strstr(json_text_or(json_object_get(last, "message"), ""), "failure: "),
                       "%s", json_text_or(json_object_get(last, "message"), ""));
    /* a mended release goes through, and all is well */
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(world_times_published(world, "release-sick"), 1);
    cr_expect_eq(world_times_published(world, "release-well"), 0,
                 "another release tells of itself");
    world_free(world);
}

static int64_t slow_trees(void *context, const struct world_request *request)
{
    (void)context;
    return strstr(request->path, "/tree") == NULL ? 0 : 5000;
}

/* Between the complaint and what is seen of it nobody is needed yet. */
Test(health, a_node_that_is_doubted_counts_as_at_work)
{
    struct world *world = converged(NULL);
    world_run(world, MINUTES(2)); /* nothing complains any more of what stands */
    world->options.delay = slow_trees;
    crash(world);
    const int64_t until = world->now_ms + MINUTES(10);
    while (world->engine->nodes[0]->health != HEALTH_DOUBTFUL)
        cr_assert(world->now_ms < until && world_step(world, until));
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *counts = json_object_get(status, "counts");
    cr_expect_eq(json_integer_value(json_object_get(counts, "working")), 1);
    cr_expect_eq(json_integer_value(json_object_get(counts, "held")), 0);
    cr_expect_eq(json_integer_value(json_object_get(counts, "converged")), 0);
    json_decref(status);
    world_free(world);
}

Test(health, what_is_suspended_or_frozen_tells_that_nothing_is_done)
{
    static const struct {
        const char *extra, *words;
        bool suspend, meddle;
    } rows[] = {
        {NULL, "celld does nothing about it, because the cell is suspended", true, false},
        {"  drift: freeze\n", "its drift policy is freeze", false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = converged(rows[i].extra);
        bool ok = false;
        if (rows[i].suspend)
            world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"), &ok);
        if (rows[i].meddle) {
            json_t *patch = json_pack("{s:{s:s}}", "spec", "releaseName", "other");
            expect_changed(world, "releasebindings", "acme", "shop-api-development", patch);
        }
        crash(world);
        world_run(world, MINUTES(3));
        cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
        expect_why(world, "shop", "development", "is live at 000000000000, but not healthy: ");
        expect_why(world, "shop", "development", rows[i].words);
        expect_why(world, "shop", NULL, rows[i].words);
        world_free(world);
    }
}

/* Its pods come back: what was told is taken back. */
Test(health, a_release_that_is_well_again_is_told_and_converged)
{
    struct world *world = converged(NULL);
    crash(world);
    world_run(world, MINUTES(2));
    cr_assert_eq(engine_condition(world->engine), CONDITION_HELD);
    json_t *all = platform_live_all(world->platform, "Deployment");
    const char *name = json_text_or(json_at(json_array_get(all, 0), "metadata", "name", NULL), "");
    const char *space =
        json_text_or(json_at(json_array_get(all, 0), "metadata", "namespace", NULL), "");
    cr_assert(platform_tamper_live(world->platform, "Deployment", space, name, NULL));
    json_decref(all);
    world_run(world, MINUTES(2));
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
    cr_expect_eq(world_times_published(world, "release-sick"), 1);
    cr_expect_eq(world_times_published(world, "release-well"), 1);
    char *why = world_why(world, "shop", NULL);
    cr_expect_null(strstr(why, "healthy"), "%s", why);
    free(why);
    const json_t *last = NULL;
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const json_t *each = json_array_get(world->published, i);
        if (strcmp(json_text_or(json_object_get(each, "type"), ""), "commit-status") == 0)
            last = each;
    }
    cr_expect_not_null(strstr(json_text_or(json_object_get(last, "message"), ""), "success: "));
    expect_silence(world);
    world_free(world);
}

/* A restart finds it, and tells it as it is. */
Test(health, a_restart_does_not_take_a_sick_release_for_a_good_one)
{
    struct world *world = converged(NULL);
    crash(world);
    world_run(world, MINUTES(2));
    json_t *status = engine_status(world->engine, world_now(world));
    char since[32];
    snprintf(since, sizeof since, "%s",
             json_text_or(json_object_get(hold_of(status, "health"), "since"), ""));
    json_decref(status);
    for (int i = 0; i < 2; i++) {
        world_kill(world);
        expect_condition(world, CONDITION_HELD);
        expect_why(world, "shop", "development", "but not healthy: shop-api: ");
        world_run(world, MINUTES(10));
    }
    cr_expect_eq(world_times_published(world, "release-sick"), 1, "it was told before");
    status = engine_status(world->engine, world_now(world));
    cr_expect_str_eq(json_text_or(json_object_get(hold_of(status, "health"), "since"), ""), since);
    json_decref(status);
    cr_expect(world_has_row(world, "sick/shop/shop-api/development"));
    /* another release tells of itself */
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_not(world_has_rows(world, "sick/"));
    world_free(world);
}

Test(health, what_is_taken_out_of_git_is_not_sick_when_it_comes_back)
{
    struct world *world = leaving_world();
    cr_assert(platform_crash(world->platform, "acme", "billing-api-a", "development",
                             world_platform_now(world)));
    world_run(world, MINUTES(2));
    cr_assert(world_has_row(world, "sick/billing/billing-api/development"));
    leaving_commit_one(world, 2, leaving_generous_one);
    world_run(world, MINUTES(20));
    cr_expect_eq(leaving_left(world, "billing"), 0);
    cr_expect_not(world_has_rows(world, "sick/"));
    world_free(world);
}

/* --- piece by piece -----------------------------------------------------------------------------
 */

struct scene {
    struct engine *engine;
    struct unit unit;
    struct node node;
    struct track track;
    struct track *tracks[1];
    struct object object;
    struct gate_answer gate;
    struct component manifest;
    struct target place;
};

static void scene_init(struct scene *scene)
{
    static struct engine engine;
    *scene = (struct scene){.engine = &engine,
                            .object = {.key = {KIND_RELEASE_BINDING, "acme", "shop-api-a-here"},
                                       .complain = true,
                                       .presence = PRESENCE_PRESENT},
                            .gate = {.verdict = GATE_PROGRESSING}};
    engine.now.mono.ms = 1000000;
    struct track *track = &scene->track;
    *track = (struct track){.unit = &scene->unit,
                            .node = &scene->node,
                            .component = "shop-api",
                            .manifest = &scene->manifest,
                            .place = &scene->place,
                            .rollout = {.has_stable = true, .stable_slot = 'b'}};
    track->bindings[BINDING_B] = (struct binding){.track = track,
                                                  .object = &scene->object,
                                                  .gate = &scene->gate,
                                                  .answered = true,
                                                  .complains = true,
                                                  .complains_since = {999000}};
    scene->tracks[0] = track;
    scene->unit.tracks = scene->tracks;
    scene->unit.track_count = 1;
    scene->node.unit = &scene->unit;
}

Test(health, is_doubted_as_long_as_nothing_is_seen_of_it)
{
    struct scene scene;
    struct binding *binding = &scene.track.bindings[BINDING_B];
    static const struct {
        enum gate_verdict verdict;
        bool second, sick, unanswered;
        unsigned calm;
        int64_t since;
        enum health health;
    } rows[] = {
        {GATE_PROGRESSING, false, false, false, 0, 999000, HEALTH_DOUBTFUL},
        {GATE_PROGRESSING, false, true, false, 0, 999000, HEALTH_SICK},
        {GATE_PROGRESSING, false, false, false, 0, 700000, HEALTH_SICK},
        {GATE_UNKNOWN, false, false, false, 0, 700001, HEALTH_DOUBTFUL},
        {GATE_SETTLED, false, true, false, 0, 0, HEALTH_WELL},
        {GATE_FAILED, false, false, false, 0, 999000, HEALTH_SICK},
        {GATE_FAILED, true, false, false, 0, 999000, HEALTH_DOUBTFUL},
        {GATE_FAILED, true, false, false, 1, 999000, HEALTH_SICK},
        {GATE_FAILED, false, false, true, 0, 999000, HEALTH_DOUBTFUL},
        {GATE_SETTLED, false, false, true, 0, 700000, HEALTH_SICK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scene_init(&scene);
        scene.gate.verdict = rows[i].verdict;
        scene.gate.needs_second_look = rows[i].second;
        scene.track.sick = rows[i].sick;
        binding->answered = !rows[i].unanswered;
        binding->calm = rows[i].calm;
        binding->complains_since.ms = rows[i].since;
        cr_expect_eq(health_of(scene.engine, &scene.track), rows[i].health, "%zu", i);
        cr_expect_eq(health_of_node(scene.engine, &scene.node), rows[i].health, "%zu", i);
        binding->complains = false;
        cr_expect_eq(health_of(scene.engine, &scene.track), HEALTH_DOUBTFUL, "%zu: not asked", i);
        scene.object.complain = false;
        cr_expect_eq(health_of(scene.engine, &scene.track), HEALTH_WELL, "%zu", i);
    }
}

Test(health, is_a_matter_of_what_stands_and_is_at_rest)
{
    struct scene scene;
    scene_init(&scene);
    scene.gate.verdict = GATE_FAILED;
    struct track *track = &scene.track;
    cr_expect_eq(health_of(scene.engine, track), HEALTH_SICK);
    struct node other = {.unit = &scene.unit};
    cr_expect_eq(health_of_node(scene.engine, &other), HEALTH_WELL);
    track->rollout.state = ROLLOUT_DEPLOY;
    cr_expect_eq(health_of(scene.engine, track), HEALTH_WELL, "its rollout judges it");
    track->rollout.state = ROLLOUT_IDLE;
    track->rollout.has_stable = false;
    cr_expect_eq(health_of(scene.engine, track), HEALTH_WELL);
    track->rollout.has_stable = true;
    track->manifest = NULL;
    cr_expect_eq(health_of(scene.engine, track), HEALTH_WELL, "git does not name it");
    track->manifest = &scene.manifest;
    track->rollout.stable_slot = 'a';
    cr_expect_eq(health_of(scene.engine, track), HEALTH_WELL, "nothing is known of that slot");
    track->rollout.stable_slot = 'b';
    scene.object.complain = false;
    scene.object.presence = PRESENCE_ABSENT;
    cr_expect_eq(health_of(scene.engine, track), HEALTH_SICK);
}

/* At work the complaint is nothing new; at rest a new one makes what was seen before it old. */
Test(health, looks_anew_when_a_complaint_begins)
{
    struct scene scene;
    scene_init(&scene);
    struct binding *binding = &scene.track.bindings[BINDING_B];
    struct mono_time due = {NEVER};
    binding->complains = false;
    scene.track.rollout.state = ROLLOUT_DEPLOY;
    health_watch(scene.engine, &scene.unit, &due);
    cr_expect(binding->complains && !binding->watched && binding->answered);
    cr_expect_eq(due.ms, NEVER);
    scene.track.rollout.state = ROLLOUT_IDLE;
    health_watch(scene.engine, &scene.unit, &due);
    cr_expect(binding->complains && binding->watched && binding->answered);
    cr_expect_eq(due.ms, 1300000, "then it has lasted");
    binding->complains = false;
    health_watch(scene.engine, &scene.unit, &due);
    cr_expect(binding->complains && binding->watched && !binding->answered);
    scene.engine->now.mono.ms = 1300000;
    due.ms = NEVER;
    health_watch(scene.engine, &scene.unit, &due);
    cr_expect_eq(due.ms, NEVER);
    scene.object.complain = false;
    health_watch(scene.engine, &scene.unit, &due);
    cr_expect_not(binding->complains || binding->watched);
}

Test(health, is_explained_by_what_was_seen)
{
    struct scene scene;
    scene_init(&scene);
    snprintf(scene.gate.text, sizeof scene.gate.text, "pod x is crashing");
    scene.gate.verdict = GATE_FAILED;
    struct binding *binding = &scene.track.bindings[BINDING_B];
    const struct {
        bool answered, present;
        enum health health;
        const char *text;
    } rows[] = {
        {true, true, HEALTH_SICK, ": shop-api: pod x is crashing; celld does nothing"},
        {false, true, HEALTH_DOUBTFUL,
         ": shop-api: the control plane says that its binding shop-api-a-here is not ready; celld "
         "is looking"},
        {false, false, HEALTH_DOUBTFUL, ": shop-api: its binding shop-api-a-here is not there; "},
        {true, true, HEALTH_DOUBTFUL, "; celld is looking"},
        {true, true, HEALTH_WELL, ""},
    };
    scene.unit.suspended = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text;
        text_init(&text, 4096);
        binding->answered = rows[i].answered;
        scene.object.presence = rows[i].present ? PRESENCE_PRESENT : PRESENCE_ABSENT;
        scene.node.health = rows[i].health;
        health_explain(scene.engine, &scene.node, &text);
        cr_expect_eq(strncmp(text_get(&text), rows[i].text, strlen(rows[i].text)), 0, "%zu: %s", i,
                     text_get(&text));
        cr_expect(rows[i].text[0] != '\0' || text_get(&text)[0] == '\0');
        text_fini(&text);
    }
    struct node other = {.unit = &scene.unit, .health = HEALTH_DOUBTFUL};
    struct text text;
    text_init(&text, 4096);
    health_explain(scene.engine, &other, &text);
    cr_expect_str_eq(text_get(&text), "; celld is looking whether it comes back by itself");
    text_fini(&text);
}
