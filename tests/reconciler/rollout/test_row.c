/* Journal rows: what is read back, and what is refused. */
#include "tests/reconciler/rollout/scene.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

Test(row, what_is_missing_or_wrong_is_refused_and_changes_nothing)
{
    struct scene *scene = scene_new(&scene_stands[scene_stand_count / 2]);
    json_t *row = scene_row(scene);
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(row, next, key, value)
    {
        static const char *const wrong[] = {"null", "\"no such word that is longer than any\"",
                                            "-12345678901", "[1]", "{}"};
        const size_t count = sizeof(wrong) / sizeof(wrong[0]);
        for (size_t i = 0; i <= count; i++) {
            json_t *copy = json_copy(row);
            if (i < count)
                (void)json_object_set_new(copy, key, json_loads(wrong[i], JSON_DECODE_ANY, NULL));
            else
                (void)json_object_del(copy, key);
            struct rollout rollout;
            rollout_init(&rollout, "cart", "cartservice", "testing", true);
            struct error err;
            const int status = rollout_from_json(copy, &rollout, &err);
            if (i == 0 || i == count)
                cr_expect_eq(status, ERR_INVALID, "%s", key);
            if (status == 0)
                rollout_fini(&rollout);
            else
                cr_expect_eq(rollout.attempt, 0);
            json_decref(copy);
        }
    }
    json_decref(row);
    scene_free(scene);
}

/* Rows that are well formed, but cannot have been written by the machine. */
static const struct {
    const char *what;
    const char *state, *change;
} impossible[] = {
    {"stable without a digest", "idle", "{\"stable\":{}}"},
    {"next without a digest", "deploy", "{\"next\":{}}"},
    {"stable that never baked", "idle", "{\"stable\":{\"baked\":0}}"},
    {"time that was counted backwards", "idle", "{\"soaked_ms\":-1}"},
    {"the stable slot", "idle", "{\"stable_slot\":\"c\"}"},
    {"the next slot", "deploy", "{\"next_slot\":\"x\"}"},
    {"slots of two kinds", "deploy", "{\"next_slot\":\"\"}"},
    {"the weight", "bake", "{\"weight\":101}"},
    {"the weight", "bake", "{\"weight\":-1}"},
    {"more weight than the step's", "step", "{\"weight\":90}"},
    {"weight before readiness", "deploy", "{\"weight\":1}"},
    {"a pause from nowhere", "paused", "{\"from\":\"idle\"}"},
    {"an attempt at nothing", "deploy", "{\"has_next\":false,\"next_slot\":\"\"}"},
    {"an attempt at nothing", "step", "{\"has_next\":false,\"next_slot\":\"\"}"},
    {"an attempt at nothing", "deploy", "{\"attempt\":0}"},
    {"a next one at rest", "idle",
     "{\"has_next\":true,\"next_slot\":\"b\",\"next\":{\"deployment\":\"x\"}}"},
    {"nowhere to go back", "rollback", "{\"has_stable\":false,\"stable_slot\":\"\"}"},
    {"a withdrawal beside a stable one", "withdraw", "{}"},
    {"held without a reason", "held", "{\"hold\":\"none\"}"},
    {"a step with one slot", "step", "{\"next_slot\":\"a\"}"},
    {"a first release that narrows", "narrow", "{\"has_stable\":false,\"stable_slot\":\"\"}"},
    {"a route without slots", "route", "{\"next_slot\":\"\",\"stable_slot\":\"\"}"},
    {"a cleanup without slots", "cleanup", "{\"stable_slot\":\"\"}"},
    {"stages", "step", "{\"step\":3}"},
    {"stages", "step", "{\"stages\":[{\"weight\":101,\"soak_ms\":0}]}"},
    {"stages", "step", "{\"stages\":[{\"weight\":-1,\"soak_ms\":0}]}"},
    {"stages", "step", "{\"stages\":[{\"weight\":\"5\",\"soak_ms\":0}]}"},
    {"stages", "step", "{\"stages\":[{\"weight\":5}]}"},
    {"stages", "step", "{\"stages\":[{\"soak_ms\":5}]}"},
    {"stages", "step", "{\"stages\":[{\"weight\":5,\"soak_ms\":true}]}"},
    {"stages", "step",
     "{\"stages\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}"},
    {"good", "idle", "{\"good\":[{\"digest\":5,\"at\":0}]}"},
    {"good", "idle", "{\"good\":[1,2,3,4,5]}"},
    {"content", "idle", "{\"stable\":{\"slot_a\":[]}}"},
    {"content", "idle", "{\"stable\":{\"baked\":\"1\"}}"},
    {"content", "idle", "{\"stable\":{\"release\":5}}"},
    {"content", "idle", "{\"stable\":{\"slot\":\"x\"}}"},
    {"content", "idle", "{\"stable\":{\"deployment\":5}}"},
    {"content", "idle", "{\"stable\":{\"route\":5}}"},
    {"content", "idle", "{\"stable\":{\"revision\":5}}"},
    {"previous without a digest", "deploy", "{\"has_previous\":true}"},
    {"the stable slot", "step", "{\"has_stable\":false}"},
    {"the next slot", "idle", "{\"next_slot\":\"a\"}"},
    {"held without a reason", "held", "{\"held_digest\":\"\"}"},
    {"weight", "bake", "{\"weight\":3000000000}"},
    {"failure_looks", "bake", "{\"failure_looks\":3000000000}"},
    {"attempt", "bake", "{\"attempt\":-1}"},
    {"version", "bake", "{\"version\":2}"},
};

static const struct stand *stand_in(const char *state)
{
    for (size_t i = 0; i < scene_stand_count; i++) {
        const enum place place = scene_stands[i].place;
        const bool fits = place == (strcmp(state, "withdraw") == 0 ? FIRST : TWO_SLOTS) ||
                          strcmp(state, "narrow") == 0;
        if (fits && strcmp(rollout_state_name(scene_stands[i].state), state) == 0)
            return &scene_stands[i];
    }
    cr_assert(false, "nobody stands in %s", state);
    return NULL;
}

Test(row, what_the_machine_cannot_have_written_is_refused)
{
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        struct scene *scene = scene_new(stand_in(impossible[i].state));
        json_t *row = scene_row(scene);
        json_t *members = json_loads(impossible[i].change, 0, NULL);
        cr_assert_not_null(members, "%s", impossible[i].change);
        if (strcmp(impossible[i].change, "{\"stable\":{}}") == 0 ||
            strcmp(impossible[i].change, "{\"next\":{}}") == 0) {
            json_t *content =
                json_object_get(row, strstr(impossible[i].change, "next") ? "next" : "stable");
            (void)json_object_set_new(content, "deployment", json_string(""));
        } else if (strcmp(impossible[i].change, "{}") == 0) {
            (void)json_object_set_new(row, "has_stable", json_true());
            (void)json_object_set_new(row, "stable_slot", json_string("a"));
            json_t *stable = json_deep_copy(json_object_get(row, "next"));
            (void)json_object_set_new(row, "stable", stable);
        } else {
            (void)json_object_update_recursive(row, members);
        }
        struct rollout rollout;
        rollout_init(&rollout, "cart", "cartservice", "testing", true);
        struct error err = {0};
        cr_expect_eq(rollout_from_json(row, &rollout, &err), ERR_INVALID, "%s", impossible[i].what);
        char quoted[128];
        (void)snprintf(quoted, sizeof(quoted), "\"%s\"", impossible[i].what);
        cr_expect(strstr(err.detail, quoted) != NULL, "%s: %s", impossible[i].what, err.detail);
        rollout_fini(&rollout);
        json_decref(members);
        json_decref(row);
        scene_free(scene);
    }
}

Test(row, a_stage_without_flags_neither_pauses_nor_is_judged)
{
    struct scene *scene = scene_new(stand_in("step"));
    json_t *row = scene_row(scene);
    (void)json_object_set_new(row, "stages", json_pack("[{s:i,s:i}]", "weight", 50, "soak_ms", 7));
    struct rollout rollout;
    rollout_init(&rollout, "cart", "cartservice", "testing", true);
    cr_assert_eq(rollout_from_json(row, &rollout, NULL), 0);
    cr_expect_eq(rollout.stage_count, 1);
    cr_expect_eq(rollout.room->stages[0].soak_ms, 7);
    cr_expect(!rollout.room->stages[0].pause && !rollout.room->stages[0].analysis);
    rollout_fini(&rollout);
    json_decref(row);
    scene_free(scene);
}

Test(row, content_of_an_older_version_counts_as_proven)
{
    struct scene *scene = scene_new(stand_in("step"));
    scene->rollout.stable.unproven = scene->rollout.stable.accepted = true;
    json_t *row = scene_row(scene);
    struct rollout rollout;
    rollout_init(&rollout, "cart", "cartservice", "testing", true);
    cr_assert_eq(rollout_from_json(row, &rollout, NULL), 0);
    cr_expect(rollout.stable.unproven && rollout.stable.accepted);
    (void)json_object_del(json_object_get(row, "stable"), "unproven");
    (void)json_object_del(json_object_get(row, "stable"), "accepted");
    cr_assert_eq(rollout_from_json(row, &rollout, NULL), 0);
    cr_expect(!rollout.stable.unproven && !rollout.stable.accepted);
    rollout_fini(&rollout);
    json_decref(row);
    scene_free(scene);
}

Test(row, a_broken_state_stops_the_daemon, .signal = SIGABRT)
{
    struct rollout rollout;
    rollout_init(&rollout, "cart", "cartservice", "testing", true);
    rollout.state = ROLLOUT_STEP;
    rollout_check(&rollout);
}

Test(row, names_are_all_there)
{
    for (int i = 0; i < ROLLOUT_OUTCOME_COUNT; i++)
        cr_expect_neq(rollout_outcome_name((enum rollout_outcome)i)[0], '\0');
    for (int i = 0; i < ROLLOUT_HOLD_COUNT; i++)
        cr_expect_neq(rollout_hold_name((enum rollout_hold)i)[0], '\0');
    for (int i = 0; i < ROLLOUT_NOTE_KIND_COUNT; i++)
        cr_expect_neq(rollout_note_name((enum rollout_note_kind)i)[0], '\0');
}
