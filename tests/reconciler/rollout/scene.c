#include "tests/reconciler/rollout/scene.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct stand scene_stands[] = {
#include "tests/reconciler/rollout/states.inc"
};
const size_t scene_stand_count = sizeof(scene_stands) / sizeof(scene_stands[0]);

static void content(struct rollout_content *content, const char *name, bool routed, bool narrow)
{
    *content = (struct rollout_content){.baked_wall_ms = 1};
    (void)snprintf(content->deployment_digest, sizeof(content->deployment_digest), "%s", name);
    (void)snprintf(content->release_digest, sizeof(content->release_digest), "r-%s", name);
    content->slot_spec[0] = packed_take(json_pack("{s:s}", "releaseName", name));
    if (!routed)
        return;
    content->slot_spec[1] = packed_ref(content->slot_spec[0]);
    content->route_spec = packed_take(json_object());
    json_t *endpoints = json_pack("{s:{s:i}}", "http", "port", 80);
    if (!narrow)
        (void)json_object_set_new(endpoints, "rpc", json_pack("{s:i}", "port", 81));
    content->endpoints = packed_take(endpoints);
}

static void scene_view(struct scene *scene)
{
    static const struct rollout_step steps[] = {
        {.weight = {.value = 5, .set = true}},
        {.weight = {.value = 20, .set = true}},
    };
    scene->plan = (struct rollout_plan){
        .strategy = STRATEGY_CANARY,
        .steps = steps,
        .step_count = 2,
        .bake = {60000},
        .progress_deadline = {600000},
        .apply_grace = {60000},
        .attempts = 3,
    };
    scene->view = (struct rollout_view){
        .now = {.mono = {NOW_MONO}, .wall = {NOW_WALL}},
        .wanted = &scene->next,
        .plan = &scene->plan,
        .may_start = true,
        .correct_drift = true,
        .stable_healthy = true,
        .evidence = "3 of 40 against 1 of 900",
    };
    for (size_t i = 0; i < 2; i++)
        scene->view.slot[i] = (struct binding_view){
            .known = true, .exists = true, .matches = true, .has_release = true, .look = 2};
    scene->view.route = scene->view.slot[0];
}

static void scene_rollout(struct scene *scene, const struct stand *stand)
{
    struct rollout *rollout = &scene->rollout;
    const bool routed = stand->place != SINGLE;
    const bool two_slots = stand->place == TWO_SLOTS;
    rollout_init(rollout, "cart", "cartservice", "testing", routed);
    cr_assert_eq(rollout_open(rollout), 0);
    rollout->state = stand->state;
    rollout->from = stand->from;
    rollout->hold = stand->hold;
    rollout->attempt = 7;
    rollout->attempts_used = 1;
    rollout->strategy = two_slots ? STRATEGY_CANARY : STRATEGY_ROLLING;
    if (!two_slots)
        scene->plan.strategy = STRATEGY_ROLLING;
    rollout->has_stable = stand->place != FIRST;
    rollout->stable_slot = routed && rollout->has_stable ? 'a' : 0;
    rollout->has_next = stand->next;
    if (stand->next && routed)
        rollout->next_slot = two_slots ? 'b' : 'a';
    if (two_slots && stand->next) {
        rollout->room->stages[0] =
            (struct rollout_stage){.weight = 5, .soak_ms = 60000, .analysis = true};
        rollout->room->stages[1] =
            (struct rollout_stage){.weight = 20, .soak_ms = 60000, .analysis = true};
        rollout->stage_count = 2;
    }
    rollout->step = stand->step;
    rollout->weight = stand->weight;
    rollout->verified = rollout->soaking = stand->verified;
    rollout->drained = stand->drained;
    rollout->touched = stand->next && !two_slots && !stand->untouched;
    rollout->route_touched = stand->state == ROLLOUT_ROUTE || stand->narrow;
    rollout->bake_ms = 60000;
    rollout->soaked_at = rollout->counted_at = scene->view.now;
    rollout->outcome = OUTCOME_ROLLED_BACK;
    if (stand->hold != HOLD_NONE)
        (void)snprintf(rollout->room->reason, sizeof(rollout->room->reason), "why");
    if (stand->state == ROLLOUT_HELD || (stand->state == ROLLOUT_IDLE && stand->hold != HOLD_NONE))
        (void)snprintf(rollout->held_digest, sizeof(rollout->held_digest), "next");
    rollout->retry_at.ms = stand->retry ? NOW_WALL - 1 : 0;
    if (rollout->has_stable)
        rollout_content_copy(&rollout->stable, &scene->stable);
    if (rollout->has_next)
        rollout_content_copy(&rollout->next, &scene->next);
    if (rollout->has_stable && !rollout->has_next) {
        rollout_content_copy(&rollout->previous, &scene->newer);
        rollout->has_previous = true;
    }
}

struct scene *scene_new(const struct stand *stand)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    cr_assert_not_null(scene);
    const bool routed = stand->place != SINGLE;
    content(&scene->stable, "stable", routed, false);
    content(&scene->next, "next", routed, stand->narrow);
    content(&scene->newer, "newer", routed, false);
    scene_view(scene);
    scene_rollout(scene, stand);
    return scene;
}

struct scene *scene_at(const char *name)
{
    for (size_t i = 0; i < scene_stand_count; i++) {
        if (strcmp(scene_stands[i].name, name) == 0)
            return scene_new(&scene_stands[i]);
    }
    cr_assert(false, "there is no stand \"%s\"", name);
    return NULL;
}

void scene_free(struct scene *scene)
{
    rollout_fini(&scene->rollout);
    rollout_content_fini(&scene->stable);
    rollout_content_fini(&scene->next);
    rollout_content_fini(&scene->newer);
    free(scene);
}

static json_t *row_of(const struct rollout *rollout)
{
    json_t *row = rollout_to_json(rollout);
    cr_assert_not_null(row);
    return row;
}

json_t *scene_row(const struct scene *scene)
{
    return row_of(&scene->rollout);
}

void scene_check_row(const struct scene *scene)
{
    struct rollout read;
    rollout_init(&read, "cart", "cartservice", "testing", scene->rollout.routed);
    json_t *row = row_of(&scene->rollout);
    cr_assert_eq(rollout_from_json(row, &read, NULL), 0);
    json_t *again = row_of(&read);
    cr_assert(json_equal(row, again));
    json_decref(row);
    json_decref(again);
    rollout_fini(&read);
}

void scene_check_wants(const struct rollout_wants *wants, const char *stand, const char *situation)
{
    const struct route_want *route = &wants->route;
    if (route->content == CONTENT_STABLE || route->content == CONTENT_NEXT) {
        cr_assert_eq(route->weight[0] + route->weight[1], 100, "%s, %s", stand, situation);
        for (size_t i = 0; i < 2; i++)
            cr_assert(route->weight[i] == 0 || wants->slot[i].content != CONTENT_UNDEPLOYED,
                      "%s, %s", stand, situation);
    }
}

void scene_check_explained(const struct scene *scene)
{
    struct text text;
    text_init(&text, 2000);
    rollout_explain(&scene->rollout, &scene->view, &text);
    cr_assert_eq(text_status(&text), 0);
    cr_assert_gt(text.length, 5, "%s", text_get(&text));
    text_fini(&text);
}

void scene_check_announced(const struct scene *scene, const struct rollout *before,
                           const struct rollout_result *result)
{
    if (result->changed)
        return;
    const struct rollout *after = &scene->rollout;
    cr_assert_eq(after->state, before->state);
    cr_assert_eq(after->weight, before->weight);
    cr_assert_eq(after->step, before->step);
    cr_assert_eq(after->attempt, before->attempt);
    cr_assert_eq(after->hold, before->hold);
    cr_assert_eq(after->from, before->from);
    cr_assert_eq(after->verified, before->verified);
    cr_assert_eq(after->drained, before->drained);
    cr_assert_eq(after->soaking, before->soaking);
    cr_assert_eq(after->settle_due, before->settle_due);
    cr_assert_eq(after->drifted, before->drifted);
    cr_assert_str_eq(after->held_digest, before->held_digest);
    cr_assert_str_eq(after->room->reason, before->room->reason);
}
