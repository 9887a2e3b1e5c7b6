/* What a restart must not change: deadlines that run, and what a way back that does not end leaves
 * behind. */
#include "tests/reconciler/rollout/scene.h"
#include "tests/reconciler/rollout/world.h"

#include <criterion/criterion.h>

#include <string.h>

#define SECONDS(n) (INT64_C(1000) * (n))

/* --- deadlines ---------------------------------------------------------------------------- */

/* The process dies, and goes on with what it last journaled; the boot clock may begin anew. */
static void die(struct world *world, const json_t *row, bool reboot)
{
    struct rollout restored;
    rollout_init(&restored, "cart", "cartservice", "testing", world->rollout.routed);
    struct error err;
    cr_assert_eq(rollout_from_json(row, &restored, &err), 0, "%s", err.detail);
    rollout_fini(&world->rollout);
    world->rollout = restored;
    rollout_restarted(&world->rollout);
    if (reboot)
        world->view.now.mono.ms = 1000;
}

/* Seconds until the rollout leaves DEPLOY while the process dies every `every_s`; counts rows. */
static int64_t wait_for_the_end(struct world *world, int64_t every_s, bool reboot,
                                unsigned *ret_rows)
{
    json_t *row = rollout_to_json(&world->rollout);
    int64_t waited = 0;
    *ret_rows = 0;
    for (; world->rollout.state == ROLLOUT_DEPLOY && waited < 3600; waited++) {
        if (waited > 0 && waited % every_s == 0)
            die(world, row, reboot);
        world_run(world, SECONDS(1), SECONDS(1));
        if (!world->result.changed)
            continue;
        json_decref(row);
        row = rollout_to_json(&world->rollout);
        ++*ret_rows;
    }
    json_decref(row);
    return waited;
}

Test(durable, no_crash_extends_a_deadline)
{
    static const int64_t every_s[] = {3600, 400, 200, 95, 45};
    for (size_t i = 0; i < sizeof every_s / sizeof *every_s; i++) {
        for (int reboot = 0; reboot < 2; reboot++) {
            struct world world;
            world_start(&world, true, STRATEGY_ROLLING, false);
            world_with_stable(&world);
            world.behaviour[1] = NEVER_READY;
            world_want(&world, 1);
            world_until(&world, ROLLOUT_DEPLOY, SECONDS(60));
            unsigned rows;
            const int64_t waited = wait_for_the_end(&world, every_s[i], reboot == 1, &rows);
            cr_expect_lt(waited, 630, "dying every %d s it waited %d s", (int)every_s[i],
                         (int)waited);
            cr_expect_gt(waited, 570, "dying every %d s it waited %d s", (int)every_s[i],
                         (int)waited);
            cr_expect_lt(rows, 30u, "%u rows", rows);
            cr_expect_eq(world.rollout.state, ROLLOUT_ROLLBACK);
            world_fini(&world);
        }
    }
}

/* A deadline that began anew does so after a restart, too. */
static const struct {
    const char *what;
    int64_t waited_ms, kept_ms;
    bool ready, changed;
} waits[] = {
    {"ready all the time", 0, 0, true, false},
    {"ready again after a moment", SECONDS(10), 0, true, false},
    {"ready again after a while", SECONDS(200), SECONDS(180), true, true},
    {"not ready for a moment", SECONDS(10), 0, false, false},
    {"not ready for a while", SECONDS(40), 0, false, true},
    {"not ready, as the journal says", SECONDS(40), SECONDS(30), false, false},
};

Test(durable, the_journal_follows_a_deadline_both_ways)
{
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        struct scene *scene = scene_at("step, soaking");
        scene->rollout.waited_ms = waits[i].waited_ms;
        scene->rollout.kept.waited_ms = waits[i].kept_ms;
        scene->rollout.soaking = waits[i].ready;
        scene->rollout.counted_at = scene->rollout.soaked_at = scene->view.now;
        for (size_t s = 0; s < 2; s++)
            scene->view.slot[s].gate.verdict =
                waits[i].ready || s == 0 ? GATE_SETTLED : GATE_PROGRESSING;
        scene->view.route.gate.verdict = GATE_SETTLED;
        scene->view.route.gate.weights_verified = true;
        struct rollout_result result;
        rollout_advance(&scene->rollout, &scene->view, &result);
        cr_expect_eq(scene->rollout.state, ROLLOUT_STEP, "%s", waits[i].what);
        cr_expect_eq(result.changed, waits[i].changed, "%s", waits[i].what);
        if (result.changed)
            cr_expect_eq(scene->rollout.kept.waited_ms, scene->rollout.waited_ms, "%s",
                         waits[i].what);
        scene_free(scene);
    }
}

Test(durable, a_sick_stable_release_is_counted_over_restarts_too)
{
    static const struct {
        const char *stand;
        bool changed;
    } places[] = {{"step, soaking", true}, {"held, aborted", false}, {"paused in a step", false}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct scene *scene = scene_at(places[i].stand);
        struct rollout *rollout = &scene->rollout;
        rollout->sick_ms = SECONDS(40);
        rollout->counted_at = rollout->soaked_at = scene->view.now;
        rollout->soaking = false;
        scene->view.stable_healthy = false;
        struct rollout_result result;
        rollout_advance(rollout, &scene->view, &result);
        cr_expect_eq(result.changed, places[i].changed, "%s", places[i].stand);
        scene_free(scene);
    }
}

/* --- a way back that does not end --------------------------------------------------------- */

static const struct {
    enum rollout_hold hold;
    unsigned used;
    enum rollout_state state;
    bool retries;
} ends[] = {
    {HOLD_PLATFORM, 1, ROLLOUT_HELD, true},     {HOLD_WEIGHT, 2, ROLLOUT_HELD, true},
    {HOLD_UNREADABLE, 3, ROLLOUT_HELD, false},  {HOLD_ABORTED, 1, ROLLOUT_HELD, false},
    {HOLD_QUARANTINED, 1, ROLLOUT_HELD, false}, {HOLD_CANCELLED, 1, ROLLOUT_HELD, false},
    {HOLD_NONE, 1, ROLLOUT_IDLE, false},
};

static const char *const ways[] = {"rollback, in place", "rollback, slot", "withdraw, route",
                                   "withdraw, slot"};

Test(durable, a_way_back_that_does_not_end_keeps_the_reason_why_it_began)
{
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            struct scene *scene = scene_at(ways[w]);
            struct rollout *rollout = &scene->rollout;
            rollout->hold = ends[i].hold;
            rollout->attempts_used = ends[i].used;
            rollout->waited_ms = LONG_MS;
            scene->view.now.mono.ms += 1000;
            struct rollout_result result;
            rollout_advance(rollout, &scene->view, &result);
            const char *name = rollout_hold_name(ends[i].hold);
            cr_expect_eq(rollout->state, ends[i].state, "%s, %s: %s", ways[w], name,
                         rollout_state_name(rollout->state));
            cr_expect_eq(rollout->hold, ends[i].hold, "%s, %s: %s", ways[w], name,
                         rollout_hold_name(rollout->hold));
            cr_expect_eq(rollout->retry_at.ms != 0, ends[i].retries, "%s, %s", ways[w], name);
            cr_expect_not_null(strstr(rollout->room->reason, "; "), "%s", rollout->room->reason);
            bool alarm = false;
            for (size_t n = 0; n < result.note_count; n++)
                alarm |= result.notes[n].kind == NOTE_ALARM;
            cr_expect(alarm, "%s, %s: nobody is told", ways[w], name);
            scene_free(scene);
        }
    }
}

/* Nobody has to say so: what an operator wanted back goes on once its pods are well. */
Test(durable, a_way_back_by_an_operator_goes_on_when_it_is_well)
{
    static const struct {
        enum gate_verdict verdict;
        enum rollout_state state;
    } looks[] = {{GATE_FAILED, ROLLOUT_HELD},
                 {GATE_PROGRESSING, ROLLOUT_HELD},
                 {GATE_UNKNOWN, ROLLOUT_HELD},
                 {GATE_SETTLED, ROLLOUT_STEP}};
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        struct scene *scene = scene_at("frozen, both bad");
        scene->rollout.hold = HOLD_STUCK;
        scene->rollout.returning = true;
        for (size_t s = 0; s < 2; s++)
            scene->view.slot[s].gate.verdict = looks[i].verdict;
        struct rollout_result result;
        rollout_advance(&scene->rollout, &scene->view, &result);
        cr_expect_eq(scene->rollout.state, looks[i].state, "look %zu: %s", i,
                     rollout_state_name(scene->rollout.state));
        scene_free(scene);
    }
}

/* --- addresses ---------------------------------------------------------------------------- */

/* Before the first release stands, and when it went back. */
Test(durable, an_address_stands_as_long_as_somebody_awaits_it)
{
    static const struct {
        const char *stand;
        uint64_t attempt;
        enum content_choice otherwise;
    } rows[] = {
        {"nothing yet", 0, CONTENT_UNTOUCHED},      {"nothing yet", 1, CONTENT_UNDEPLOYED},
        {"prepare, first", 1, CONTENT_UNTOUCHED},   {"deploy, first", 1, CONTENT_UNTOUCHED},
        {"withdraw, route", 1, CONTENT_UNDEPLOYED}, {"withdraw, slot", 1, CONTENT_UNDEPLOYED},
        {"held, withdrawn", 1, CONTENT_UNDEPLOYED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene *scene = scene_at(rows[i].stand);
        struct rollout_wants wants;
        scene->rollout.routed = true;
        scene->rollout.attempt = rows[i].attempt;
        rollout_wants(&scene->rollout, &scene->view, &wants);
        cr_expect_eq(wants.route.content, rows[i].otherwise, "%s", rows[i].stand);
        scene->view.awaited = true;
        rollout_wants(&scene->rollout, &scene->view, &wants);
        cr_expect_eq(wants.route.content, CONTENT_ADDRESS, "%s", rows[i].stand);
        cr_expect(wants.look_route, "%s", rows[i].stand);
        cr_expect(!wants.route.list[0] && !wants.route.list[1], "%s", rows[i].stand);
        scene_free(scene);
    }
}

/* The slot of a release that is withdrawn goes when nothing is sent there any more. */
Test(durable, a_slot_behind_an_address_goes_when_the_route_is_off)
{
    struct scene *scene = scene_at("withdraw, route");
    scene->view.awaited = true;
    scene->view.route.gate.verdict = GATE_PROGRESSING;
    struct rollout_result result;
    rollout_advance(&scene->rollout, &scene->view, &result);
    cr_expect(!scene->rollout.drained);
    scene->view.route.gate.verdict = GATE_SETTLED;
    scene->view.route.gate.weights_verified = true;
    rollout_advance(&scene->rollout, &scene->view, &result);
    cr_expect(scene->rollout.drained);
    scene_free(scene);
}
