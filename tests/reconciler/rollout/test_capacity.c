/* Traffic goes where it can be carried: forward, back, and by a route that was lost. */
#include "tests/reconciler/rollout/scene.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

/* --- routes that are gone ----------------------------------------------------------------- */

static const struct {
    const char *what;
    bool exists, terminating, matches;
    enum gate_verdict verdict;
    int available;
    enum content_choice route;
} returns[] = {
    {"its slot is gone, too", false, false, false, GATE_STALE, 0, CONTENT_UNTOUCHED},
    {"its slot is going", true, true, true, GATE_SETTLED, 1, CONTENT_UNTOUCHED},
    {"its slot carries something else", true, false, false, GATE_SETTLED, 1, CONTENT_UNTOUCHED},
    {"nobody has looked at its slot", true, false, true, GATE_STALE, 0, CONTENT_UNTOUCHED},
    {"its slot has no pods yet", true, false, true, GATE_PROGRESSING, 0, CONTENT_UNTOUCHED},
    {"the pods of its slot fail", true, false, true, GATE_FAILED, 0, CONTENT_UNTOUCHED},
    {"some pods of its slot fail", true, false, true, GATE_FAILED, 1, CONTENT_NEXT},
    {"its slot has a pod", true, false, true, GATE_PROGRESSING, 1, CONTENT_NEXT},
    {"its slot is well", true, false, true, GATE_SETTLED, 1, CONTENT_NEXT},
    {"its slot cannot be read", true, false, true, GATE_UNKNOWN, 0, CONTENT_NEXT},
};

Test(capacity, a_route_that_is_gone_comes_back_when_its_slot_can_take_traffic)
{
    for (size_t i = 0; i < sizeof returns / sizeof *returns; i++) {
        struct scene *scene = scene_at("bake, in place");
        struct binding_view *slot = &scene->view.slot[0];
        slot->exists = returns[i].exists;
        slot->terminating = returns[i].terminating;
        slot->matches = returns[i].matches;
        slot->gate.verdict = returns[i].verdict;
        slot->gate.replicas_available = returns[i].available;
        scene->view.route.exists = false;
        struct rollout_wants wants;
        rollout_wants(&scene->rollout, &scene->view, &wants);
        cr_expect_eq(wants.route.content, returns[i].route, "%s", returns[i].what);
        cr_expect(wants.look_slot[0], "%s: nobody looks", returns[i].what);
        /* One that stands, or is not known, is kept as it should be. */
        scene->view.route.exists = true;
        rollout_wants(&scene->rollout, &scene->view, &wants);
        cr_expect_eq(wants.route.content, CONTENT_NEXT, "%s", returns[i].what);
        scene->view.route.known = scene->view.route.exists = false;
        rollout_wants(&scene->rollout, &scene->view, &wants);
        cr_expect_eq(wants.route.content, CONTENT_NEXT, "%s", returns[i].what);
        scene_free(scene);
    }
}

static const struct {
    const char *what;
    bool known, exists, terminating, matches;
    enum gate_verdict verdict;
    int available;
    enum rollout_state state;
} neighbours[] = {
    {"is written", false, true, false, true, GATE_SETTLED, 1, ROLLOUT_DEPLOY},
    {"is gone", true, false, false, false, GATE_STALE, 0, ROLLOUT_DEPLOY},
    {"is going", true, true, true, true, GATE_SETTLED, 1, ROLLOUT_DEPLOY},
    {"was just made again", true, true, false, true, GATE_STALE, 0, ROLLOUT_DEPLOY},
    {"has no pod yet", true, true, false, true, GATE_PROGRESSING, 0, ROLLOUT_DEPLOY},
    {"has a pod", true, true, false, true, GATE_PROGRESSING, 1, ROLLOUT_STEP},
    {"fails", true, true, false, true, GATE_FAILED, 0, ROLLOUT_STEP},
    {"cannot be read", true, true, false, true, GATE_UNKNOWN, 0, ROLLOUT_STEP},
    {"was changed, and that is only reported", true, true, false, false, GATE_STALE, 0,
     ROLLOUT_STEP},
    {"is well", true, true, false, true, GATE_SETTLED, 1, ROLLOUT_STEP},
};

/* Traffic is shared with a stable release that can take its part; for as long as the deadline. */
Test(capacity, a_stable_slot_that_starts_again_is_waited_for)
{
    for (size_t i = 0; i < sizeof neighbours / sizeof *neighbours; i++) {
        for (int late = 0; late < 2; late++) {
            struct scene *scene = scene_at("deploy, two slots");
            const size_t stable = slot_index(scene->rollout.stable_slot);
            struct binding_view *slot = &scene->view.slot[stable];
            slot->known = neighbours[i].known;
            slot->exists = neighbours[i].exists;
            slot->terminating = neighbours[i].terminating;
            slot->matches = neighbours[i].matches;
            slot->gate.verdict = neighbours[i].verdict;
            slot->gate.replicas_available = neighbours[i].available;
            scene->view.slot[1 - stable].gate.verdict = GATE_SETTLED;
            scene->rollout.waited_ms = late == 1 ? LONG_MS : 0;
            struct rollout_result result;
            rollout_advance(&scene->rollout, &scene->view, &result);
            cr_expect_eq(scene->rollout.state, late == 1 ? ROLLOUT_STEP : neighbours[i].state,
                         "%s: %s", neighbours[i].what, rollout_state_name(scene->rollout.state));
            scene_free(scene);
        }
    }
}

/* At rest nobody looks at the slots but for that. */
Test(capacity, a_slot_is_looked_at_while_its_route_is_gone)
{
    struct scene *scene = scene_at("idle");
    scene->view.wanted = &scene->stable;
    struct rollout_wants wants;
    rollout_wants(&scene->rollout, &scene->view, &wants);
    const size_t stable = slot_index(scene->rollout.stable_slot);
    cr_expect(!wants.look_slot[stable]);
    scene->view.route.exists = false;
    rollout_wants(&scene->rollout, &scene->view, &wants);
    cr_expect(wants.look_slot[stable]);
    cr_expect(!wants.look_slot[1 - stable]);
    scene_free(scene);
}

/* --- capacity first ----------------------------------------------------------------------- */

static const struct {
    const char *what, *stand;
    bool verified, matches, route_known, route_exists;
    enum gate_verdict verdict;
    enum content_choice route;
} arrivals[] = {
    {"its slot is well", "route, first", false, true, true, false, GATE_SETTLED, CONTENT_NEXT},
    {"its slot gets more replicas", "route, first", false, false, true, false, GATE_SETTLED,
     CONTENT_UNTOUCHED},
    {"a pod is still to come", "route, first", false, true, true, true, GATE_PROGRESSING,
     CONTENT_UNTOUCHED},
    {"its slot is well", "step, weight not seen", false, true, true, true, GATE_SETTLED,
     CONTENT_STABLE},
    {"a pod was lost", "step, weight not seen", false, true, true, true, GATE_PROGRESSING,
     CONTENT_UNTOUCHED},
    {"nobody has looked since it was written", "step, weight not seen", false, true, true, true,
     GATE_STALE, CONTENT_UNTOUCHED},
    {"its slot cannot be read", "step, weight not seen", false, true, true, true, GATE_UNKNOWN,
     CONTENT_STABLE},
    {"it stood before", "step, soaking", true, true, true, true, GATE_PROGRESSING, CONTENT_STABLE},
    {"it waits for a person", "paused in route", false, true, true, true, GATE_PROGRESSING,
     CONTENT_UNTOUCHED},
    {"its route is not known", "paused in route", false, true, false, false, GATE_PROGRESSING,
     CONTENT_UNTOUCHED},
};

/* Decided is not written: what is to carry more must be ready when the traffic comes. */
Test(capacity, traffic_comes_to_a_slot_that_is_ready_at_that_moment)
{
    for (size_t i = 0; i < sizeof arrivals / sizeof *arrivals; i++) {
        struct scene *scene = scene_at(arrivals[i].stand);
        struct binding_view *slot = &scene->view.slot[slot_index(scene->rollout.next_slot)];
        scene->rollout.verified = arrivals[i].verified;
        slot->matches = arrivals[i].matches;
        slot->gate.verdict = arrivals[i].verdict;
        slot->gate.replicas_available = 1;
        scene->view.route.known = arrivals[i].route_known;
        scene->view.route.exists = arrivals[i].route_exists;
        struct rollout_wants wants;
        rollout_wants(&scene->rollout, &scene->view, &wants);
        cr_expect_eq(wants.route.content, arrivals[i].route, "%s: %s", arrivals[i].stand,
                     arrivals[i].what);
        scene_free(scene);
    }
}

/* Nothing moves, perhaps for days: what somebody else took away is put back all the same. */
Test(capacity, a_route_that_is_lost_in_a_pause_does_not_wait_for_every_pod)
{
    struct scene *scene = scene_at("paused in route");
    struct binding_view *slot = &scene->view.slot[slot_index(scene->rollout.next_slot)];
    slot->gate.verdict = GATE_PROGRESSING;
    slot->gate.replicas_available = 1;
    scene->view.route.exists = false;
    struct rollout_wants wants;
    rollout_wants(&scene->rollout, &scene->view, &wants);
    cr_expect_eq(wants.route.content, CONTENT_NEXT);
    scene_free(scene);
}

/* Whoever asks is told what it is that the traffic waits for. */
Test(capacity, a_slot_that_is_waited_for_is_named)
{
    static const char *const stands[] = {"route, first", "step, weight not seen"};
    for (size_t i = 0; i < sizeof stands / sizeof *stands; i++) {
        struct scene *scene = scene_at(stands[i]);
        struct gate_answer *gate = &scene->view.slot[slot_index(scene->rollout.next_slot)].gate;
        struct text out;
        gate->verdict = GATE_PROGRESSING;
        gate->replicas_available = 1;
        gate->replicas_wanted = 2;
        text_init(&out, 256);
        rollout_explain(&scene->rollout, &scene->view, &out);
        cr_expect(strstr(text_get(&out), "(1/2 replicas)") != NULL, "%s", text_get(&out));
        text_fini(&out);
        gate->verdict = GATE_SETTLED;
        text_init(&out, 256);
        rollout_explain(&scene->rollout, &scene->view, &out);
        cr_expect(strstr(text_get(&out), "replicas") == NULL, "%s", text_get(&out));
        text_fini(&out);
        scene_free(scene);
    }
}

static const struct {
    const char *what;
    bool known, exists, terminating;
    enum gate_verdict stable, next;
    int available, weight;
    bool warms;
} sides[] = {
    {"is well", true, true, false, GATE_SETTLED, GATE_SETTLED, 1, 5, false},
    {"has no pod", true, true, false, GATE_PROGRESSING, GATE_SETTLED, 0, 5, true},
    {"has a pod", true, true, false, GATE_PROGRESSING, GATE_SETTLED, 1, 5, false},
    {"has no pod, beside one that fails", true, true, false, GATE_PROGRESSING, GATE_FAILED, 0, 5,
     false},
    {"has no pod, and nobody has looked beside it", true, true, false, GATE_STALE, GATE_STALE, 0, 5,
     true},
    {"cannot be read", true, true, false, GATE_UNKNOWN, GATE_SETTLED, 0, 5, false},
    {"is gone", true, false, false, GATE_UNKNOWN, GATE_SETTLED, 0, 5, true},
    {"is going", true, true, true, GATE_SETTLED, GATE_SETTLED, 1, 5, true},
    {"is gone, beside one that fails", true, false, false, GATE_UNKNOWN, GATE_FAILED, 0, 5, true},
    {"is gone, and has all the traffic", true, false, false, GATE_UNKNOWN, GATE_SETTLED, 0, 0,
     false},
    {"is not known", false, false, false, GATE_STALE, GATE_SETTLED, 0, 5, true},
    {"is not known, beside one that fails", false, false, false, GATE_STALE, GATE_FAILED, 0, 5,
     false},
};

/* Traffic goes back to a side that is there and carries it. */
Test(capacity, a_way_back_waits_for_a_stable_slot_that_is_not_there)
{
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct scene *scene = scene_at("step, soaking");
        const size_t stable = slot_index(scene->rollout.stable_slot);
        struct binding_view *slot = &scene->view.slot[stable];
        scene->rollout.weight = sides[i].weight;
        slot->known = sides[i].known;
        slot->exists = sides[i].exists;
        slot->terminating = sides[i].terminating;
        slot->gate.verdict = sides[i].stable;
        slot->gate.replicas_available = sides[i].available;
        scene->view.slot[1 - stable].gate.verdict = sides[i].next;
        scene->view.cancel = true;
        struct rollout_result result;
        rollout_advance(&scene->rollout, &scene->view, &result);
        cr_expect_eq(scene->rollout.state, ROLLOUT_ROLLBACK);
        cr_expect_eq(scene->rollout.warming, sides[i].warms, "%s", sides[i].what);
        cr_expect_eq(result.wants.route.content,
                     sides[i].warms ? CONTENT_UNTOUCHED : CONTENT_STABLE, "%s", sides[i].what);
        cr_expect_eq(result.wants.slot[stable].content, CONTENT_STABLE, "%s", sides[i].what);
        scene_free(scene);
    }
}

/* One that is gone is made again, which takes as long as it takes; one that cannot be made must not
 * hold up what comes after. */
Test(capacity, a_stable_slot_that_is_gone_is_waited_for_until_the_deadline)
{
    static const struct {
        int64_t waited_ms;
        bool exists, warms;
    } patience[] = {
        {0, true, true},      {60000, true, false},    {0, false, true},
        {60000, false, true}, {LONG_MS, false, false},
    };
    for (size_t i = 0; i < sizeof patience / sizeof *patience; i++) {
        struct scene *scene = scene_at("rollback, traffic");
        struct binding_view *slot = &scene->view.slot[slot_index(scene->rollout.stable_slot)];
        scene->rollout.warming = true;
        scene->rollout.weight = 5;
        scene->rollout.waited_ms = patience[i].waited_ms;
        scene->plan.apply_grace = DURATION_S(60);
        slot->exists = patience[i].exists;
        slot->gate.verdict = GATE_PROGRESSING;
        struct rollout_result result;
        rollout_advance(&scene->rollout, &scene->view, &result);
        cr_expect_eq(scene->rollout.warming, patience[i].warms, "%zu", i);
        cr_expect_eq(result.wants.route.content,
                     patience[i].warms ? CONTENT_UNTOUCHED : CONTENT_STABLE, "%zu", i);
        scene_free(scene);
    }
}

/* --- a full cluster ----------------------------------------------------------------------- */

static const struct {
    const char *stand, *reason;
    bool stable_sick, returning;
    bool failed; /* the platform's own deadline is over, too: two looks showed it */
    enum rollout_hold hold;
    bool condemned;
} crowded[] = {
    {"deploy, two slots", "Unschedulable", false, false, false, HOLD_PLATFORM, false},
    {"deploy, first", "Unschedulable", false, false, false, HOLD_PLATFORM, false},
    {"step, soaking", "Unschedulable", false, false, false, HOLD_PLATFORM, false},
    {"bake, two slots", "Unschedulable", false, false, false, HOLD_PLATFORM, false},
    {"deploy, two slots", "ContainerCreating", false, false, false, HOLD_QUARANTINED, true},
    {"step, soaking", "ContainerCreating", false, false, false, HOLD_QUARANTINED, true},
    /* both suffer, or a person ordered it: it stays where it is */
    {"step, soaking", "Unschedulable", true, false, false, HOLD_STABLE_SICK, false},
    {"bake, two slots", "Unschedulable", false, true, false, HOLD_STUCK, false},
    {"deploy, two slots", "Unschedulable", false, false, true, HOLD_PLATFORM, false},
    {"deploy, single", "Unschedulable", false, false, true, HOLD_PLATFORM, false},
    {"step, soaking", "Unschedulable", false, false, true, HOLD_PLATFORM, false},
    {"route, two slots", "Unschedulable", false, false, true, HOLD_PLATFORM, false},
    {"bake, two slots", "Unschedulable", false, false, true, HOLD_PLATFORM, false},
    {"paused in a step", "Unschedulable", false, false, true, HOLD_PLATFORM, false},
    {"deploy, two slots", "CrashLoopBackOff", false, false, true, HOLD_QUARANTINED, true},
};

Test(capacity, a_release_for_which_there_is_no_room_is_tried_again)
{
    for (size_t i = 0; i < sizeof crowded / sizeof *crowded; i++) {
        struct scene *scene = scene_at(crowded[i].stand);
        const char next = scene->rollout.next_slot;
        struct gate_answer *gate = &scene->view.slot[slot_index(next)].gate;
        *gate = (struct gate_answer){.verdict = crowded[i].failed ? GATE_FAILED : GATE_PROGRESSING,
                                     .replicas_wanted = 4,
                                     .replicas_available = 3};
        scene->view.slot[slot_index(next)].look = 7;
        (void)snprintf(gate->reason, sizeof gate->reason, "%s", crowded[i].reason);
        scene->view.stable_healthy = !crowded[i].stable_sick;
        scene->rollout.returning = crowded[i].returning;
        scene->rollout.waited_ms = crowded[i].failed ? 0 : LONG_MS;
        scene->rollout.failure_looks = crowded[i].failed ? 1 : 0;
        struct rollout_result result;
        rollout_advance(&scene->rollout, &scene->view, &result);
        cr_expect_eq(scene->rollout.hold, crowded[i].hold, "%s: %s", crowded[i].stand,
                     rollout_hold_name(scene->rollout.hold));
        bool condemned = false;
        for (size_t k = 0; k < result.note_count; k++)
            condemned = condemned || result.notes[k].kind == NOTE_QUARANTINE;
        cr_expect_eq(condemned, crowded[i].condemned, "%s: %s", crowded[i].stand,
                     crowded[i].reason);
        scene_free(scene);
    }
}

/* --- a rush hour -------------------------------------------------------------------------------
 */

static const struct {
    const char *what, *stand;
    char bearer;
    bool scaled;
    int64_t before;
    int available;
    int64_t replicas;
} rushes[] = {
    {"more pods bear it", "step, soaking", 's', true, 3, 8, 8},
    {"as many", "step, soaking", 's', true, 8, 8, 8},
    {"fewer, at night", "step, soaking", 's', true, 8, 3, 8},
    {"its weight does not stand yet", "step, weight not seen", 's', true, 3, 8, 3},
    {"the new release is scaled, and bears little", "step, soaking", 'n', true, 3, 8, 3},
    {"nobody scales it but git", "step, soaking", 's', false, 3, 8, 3},
    {"it was never seen how many", "step, soaking", 's', true, -1, 8, -1},
    {"all of it is moved already", "all traffic", 's', true, 3, 8, 3},
    {"the warm side keeps up", "bake, two slots", 'n', true, 3, 8, 8},
    {"the warm side has more by itself", "bake, two slots", 's', true, 3, 8, 3},
    {"there is one side only", "bake, in place", 'n', true, 3, 8, 3},
};

Test(capacity, the_other_side_gets_as_many_pods_as_the_traffic_needs_by_now)
{
    for (size_t i = 0; i < sizeof rushes / sizeof *rushes; i++) {
        struct scene *scene = scene_at(rushes[i].stand);
        struct rollout *rollout = &scene->rollout;
        const size_t bearer =
            slot_index(rushes[i].bearer == 's' ? rollout->stable_slot : rollout->next_slot);
        scene->plan.scaled = true;
        rollout->replicas = rushes[i].before;
        rollout->scaled[bearer] = rushes[i].scaled;
        scene->view.slot[bearer].gate =
            (struct gate_answer){.verdict = GATE_SETTLED,
                                 .replicas_wanted = 8,
                                 .replicas_available = rushes[i].available};
        struct rollout_result result;
        rollout_advance(rollout, &scene->view, &result);
        cr_expect_eq(rollout->replicas, rushes[i].replicas, "%s: %d", rushes[i].what,
                     (int)rollout->replicas);
        cr_expect_eq(result.wants.route.scale_minimum >= 0 ? result.wants.route.scale_minimum : -1,
                     result.wants.route.content == CONTENT_UNTOUCHED ? -1 : rushes[i].replicas,
                     "%s", rushes[i].what);
        scene_free(scene);
    }
}
