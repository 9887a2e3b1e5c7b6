/* Every state meets every situation: a table of what becomes of it. */
#include "config/base/json.h"
#include "reconciler/rollout/machine.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One letter for each state. */
static const char letters[] = "IPNDSRZBCKWH", small[] = "ipndsrzbckwh";
_Static_assert(sizeof(letters) - 1 == ROLLOUT_STATE_COUNT, "one each");

#define NOW_MONO INT64_C(5000000)
#define NOW_WALL INT64_C(1800000000000)
#define LONG_MS INT64_C(1000000)

/* --- where a rollout may stand ------------------------------------------------------------ */

enum place { IN_PLACE, TWO_SLOTS, FIRST, SINGLE };

struct stand {
    const char *name;
    enum rollout_state state;
    enum place place;
    enum rollout_state from;
    enum rollout_hold hold;
    size_t step;
    int weight;
    bool verified, drained, next, narrow, untouched, retry;
    /* A letter per situation, see below; a small one: it stays, but something was persisted. */
    const char *becomes;
};

/* --- what it may meet --------------------------------------------------------------------- */

struct scene {
    struct rollout rollout;
    struct rollout_view view;
    struct rollout_plan plan;
    struct rollout_content stable, next, newer;
};

typedef void change(struct scene *scene);

static void each_slot(struct scene *scene, enum gate_verdict verdict)
{
    for (size_t i = 0; i < 2; i++)
        scene->view.slot[i].gate.verdict = verdict;
}

static void all_settled(struct scene *scene)
{
    each_slot(scene, GATE_SETTLED);
    scene->view.route.gate.verdict = GATE_SETTLED;
    scene->view.route.gate.weights_verified = true;
}

static void all_gone(struct scene *scene)
{
    each_slot(scene, GATE_UNDEPLOYED);
    scene->view.route.gate.verdict = GATE_UNDEPLOYED;
}

static void soaked(struct scene *scene)
{
    all_settled(scene);
    scene->rollout.soaked_ms = LONG_MS;
    scene->view.judged_ms = LONG_MS;
}

static void slot_failed(struct scene *scene)
{
    each_slot(scene, GATE_FAILED);
    scene->rollout.failure_looks = 1;
    scene->rollout.failure_look = 1;
}

static void one_look_failed(struct scene *scene)
{
    each_slot(scene, GATE_FAILED);
}

static void route_failed(struct scene *scene)
{
    each_slot(scene, GATE_PROGRESSING);
    scene->view.route.gate.verdict = GATE_FAILED;
    scene->rollout.failure_looks = 1;
    scene->rollout.failure_look = 1;
}

static void overdue(struct scene *scene)
{
    each_slot(scene, GATE_PROGRESSING);
    scene->view.route.gate.verdict = GATE_PROGRESSING;
    scene->rollout.waited_ms = LONG_MS;
}

static void overdue_unreadable(struct scene *scene)
{
    each_slot(scene, GATE_UNKNOWN);
    scene->view.route.gate.verdict = GATE_UNKNOWN;
    scene->rollout.waited_ms = LONG_MS;
}

static void overdue_stable_sick(struct scene *scene)
{
    overdue(scene);
    scene->view.stable_healthy = false;
}

static void failed_forbidden(struct scene *scene)
{
    slot_failed(scene);
    scene->plan.rollback_forbidden = true;
}

static void release_missing(struct scene *scene)
{
    for (size_t i = 0; i < 2; i++)
        scene->view.slot[i].has_release = false;
    scene->view.route.has_release = false;
}

static void wants_stable(struct scene *scene)
{
    scene->view.wanted = &scene->stable;
}

static void wants_newer(struct scene *scene)
{
    scene->view.wanted = &scene->newer;
}

static void wants_newer_later(struct scene *scene)
{
    scene->view.wanted = &scene->newer;
    scene->view.may_start = false;
}

static void wants_condemned(struct scene *scene)
{
    scene->view.wanted = &scene->newer;
    scene->view.quarantined = true;
}

static void quarantined(struct scene *scene)
{
    scene->view.quarantined = true;
}

static void wants_nothing(struct scene *scene)
{
    scene->view.wanted = NULL;
}

static void cancelled(struct scene *scene)
{
    scene->view.cancel = true;
    scene->view.may_start = false;
}

static void refused(struct scene *scene)
{
    scene->view.refusal = "a consumer needs an endpoint that is gone";
}

static void vanished(struct scene *scene)
{
    all_settled(scene);
    for (size_t i = 0; i < 2; i++) {
        scene->view.slot[i].exists = scene->view.slot[i].matches = false;
        scene->view.slot[i].gate.verdict = GATE_UNKNOWN;
    }
}

static void judged_bad(struct scene *scene)
{
    soaked(scene);
    scene->plan.analysis = true;
    scene->view.verdict = VERDICT_ROLLBACK;
}

static void judged_good(struct scene *scene)
{
    soaked(scene);
    scene->plan.analysis = true;
    scene->view.verdict = VERDICT_PASS;
}

static void guarded(struct scene *scene)
{
    soaked(scene);
    scene->plan.analysis = true;
    scene->view.verdict = VERDICT_GUARD;
}

static void not_proven(struct scene *scene)
{
    soaked(scene);
    scene->plan.analysis = true;
    scene->view.share = SHARE_TOO_FEW;
}

static void no_metrics(struct scene *scene)
{
    soaked(scene);
    scene->plan.analysis = true;
    scene->view.verdict = VERDICT_NO_DATA;
    scene->rollout.fault_ms = LONG_MS;
}

static void share_off(struct scene *scene)
{
    soaked(scene);
    scene->view.share = SHARE_OFF;
    scene->rollout.fault_ms = LONG_MS;
}

static void stable_sick(struct scene *scene)
{
    all_settled(scene);
    scene->view.stable_healthy = false;
    scene->rollout.sick_ms = LONG_MS;
}

static void overdue_unknown(struct scene *scene)
{
    for (size_t i = 0; i < 2; i++)
        scene->view.slot[i].known = false;
    scene->view.route.known = false;
    scene->rollout.waited_ms = LONG_MS;
}

static void overdue_not_taken_up(struct scene *scene)
{
    all_settled(scene);
    for (size_t i = 0; i < 2; i++)
        scene->view.slot[i].matches = false;
    scene->view.route.matches = false;
    scene->rollout.waited_ms = LONG_MS;
}

static void overdue_stale(struct scene *scene)
{
    each_slot(scene, GATE_STALE);
    scene->view.route.gate.verdict = GATE_STALE;
    scene->rollout.waited_ms = LONG_MS;
}

static void route_unreadable(struct scene *scene)
{
    all_settled(scene);
    scene->view.route.gate.verdict = GATE_UNKNOWN;
    scene->rollout.fault_ms = scene->rollout.waited_ms = LONG_MS;
}

static void promote_judged_bad(struct scene *scene)
{
    judged_bad(scene);
    scene->view.command = COMMAND_PROMOTE;
}

static void promote_full_judged_bad(struct scene *scene)
{
    judged_bad(scene);
    scene->view.evidence = NULL;
    scene->view.command = COMMAND_PROMOTE_FULL;
}

static void promote_unproven(struct scene *scene)
{
    not_proven(scene);
    scene->view.command = COMMAND_PROMOTE;
}

static void promote_full_settled(struct scene *scene)
{
    all_settled(scene);
    scene->view.command = COMMAND_PROMOTE_FULL;
}

static void way_back_failed(struct scene *scene)
{
    slot_failed(scene);
    scene->rollout.returning = scene->rollout.has_next;
}

static void cancelled_stable_cold(struct scene *scene)
{
    all_settled(scene);
    scene->view.slot[0].gate.verdict = GATE_PROGRESSING;
    cancelled(scene);
}

static void nothing(struct scene *scene)
{
    (void)scene;
}

#define COMMAND(name_, value_)                                                                     \
    static void name_(struct scene *scene)                                                         \
    {                                                                                              \
        scene->view.command = (value_);                                                            \
    }
COMMAND(pause_it, COMMAND_PAUSE)
COMMAND(resume_it, COMMAND_RESUME)
COMMAND(promote_it, COMMAND_PROMOTE)
COMMAND(promote_full, COMMAND_PROMOTE_FULL)
COMMAND(abort_it, COMMAND_ABORT)
COMMAND(retry_it, COMMAND_RETRY)
COMMAND(roll_back, COMMAND_ROLLBACK)

static const struct {
    const char *name;
    change *change;
} situations[] = {
    {"nothing is seen", nothing},
    {"all settled", all_settled},
    {"all gone", all_gone},
    {"soaked", soaked},
    {"one look shows a failure", one_look_failed},
    {"two looks show a failure", slot_failed},
    {"the route fails", route_failed},
    {"deadline over", overdue},
    {"deadline over, unreadable", overdue_unreadable},
    {"deadline over, stable sick", overdue_stable_sick},
    {"failed, rollback forbidden", failed_forbidden},
    {"the release is not made", release_missing},
    {"git wants the stable content", wants_stable},
    {"git wants newer content", wants_newer},
    {"newer content that may not start", wants_newer_later},
    {"git wants condemned content", wants_condemned},
    {"the content is quarantined", quarantined},
    {"git wants nothing", wants_nothing},
    {"cancelled", cancelled},
    {"refused", refused},
    {"the slots vanish", vanished},
    {"judged bad", judged_bad},
    {"judged good", judged_good},
    {"above the guard", guarded},
    {"not proven", not_proven},
    {"no metrics for long", no_metrics},
    {"the share is off for long", share_off},
    {"stable sick for long", stable_sick},
    {"pause", pause_it},
    {"resume", resume_it},
    {"promote", promote_it},
    {"promote --full", promote_full},
    {"abort", abort_it},
    {"retry", retry_it},
    {"rollback", roll_back},
    {"deadline over, not known", overdue_unknown},
    {"deadline over, not taken up", overdue_not_taken_up},
    {"deadline over, stale", overdue_stale},
    {"the route unreadable for long", route_unreadable},
    {"promote, judged bad", promote_judged_bad},
    {"promote --full, judged bad", promote_full_judged_bad},
    {"promote, not proven", promote_unproven},
    {"promote --full, settled", promote_full_settled},
    {"the way back fails", way_back_failed},
    {"cancelled, stable cold", cancelled_stable_cold},
};
#define SITUATION_COUNT (sizeof(situations) / sizeof(situations[0]))

static const struct stand stands[] = {
#include "tests/reconciler/rollout/states.inc"
};
#define STAND_COUNT (sizeof(stands) / sizeof(stands[0]))

/* --- setting the scene -------------------------------------------------------------------- */

static void content(struct rollout_content *content, const char *name, bool routed, bool narrow)
{
    *content = (struct rollout_content){.baked_wall_ms = 1};
    (void)snprintf(content->deployment_digest, sizeof(content->deployment_digest), "%s", name);
    (void)snprintf(content->release_digest, sizeof(content->release_digest), "r-%s", name);
    content->slot_spec[0] = json_pack("{s:s}", "releaseName", name);
    if (!routed)
        return;
    content->slot_spec[1] = json_incref(content->slot_spec[0]);
    content->route_spec = json_object();
    content->endpoints = json_pack("{s:{s:i}}", "http", "port", 80);
    if (!narrow)
        (void)json_object_set_new(content->endpoints, "rpc", json_pack("{s:i}", "port", 81));
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
    rollout->next_slot = !stand->next || !routed ? 0 : two_slots ? 'b' : 'a';
    if (two_slots && stand->next) {
        rollout->stages[0] =
            (struct rollout_stage){.weight = 5, .soak_ms = 60000, .analysis = true};
        rollout->stages[1] =
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
        (void)snprintf(rollout->reason, sizeof(rollout->reason), "why");
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

static struct scene *scene_new(const struct stand *stand)
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

static void scene_free(struct scene *scene)
{
    rollout_fini(&scene->rollout);
    rollout_content_fini(&scene->stable);
    rollout_content_fini(&scene->next);
    rollout_content_fini(&scene->newer);
    free(scene);
}

/* --- what holds in every cell of the table ------------------------------------------------ */

static json_t *row_of(const struct rollout *rollout)
{
    json_t *row = rollout_to_json(rollout);
    cr_assert_not_null(row);
    return row;
}

static void check_row(const struct scene *scene)
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

static void check_wants(const struct rollout_wants *wants, const char *stand, const char *situation)
{
    const struct route_want *route = &wants->route;
    if (route->content == CONTENT_STABLE || route->content == CONTENT_NEXT) {
        cr_assert_eq(route->weight[0] + route->weight[1], 100, "%s, %s", stand, situation);
        for (size_t i = 0; i < 2; i++)
            cr_assert(route->weight[i] == 0 || wants->slot[i].content != CONTENT_UNDEPLOYED,
                      "%s, %s", stand, situation);
    }
}

static void check_explained(const struct scene *scene)
{
    struct text text;
    text_init(&text, 2000);
    rollout_explain(&scene->rollout, &scene->view, &text);
    cr_assert_eq(text_status(&text), 0);
    cr_assert_gt(text.length, 5, "%s", text_get(&text));
    text_fini(&text);
}

/* What must survive is announced: without `changed` only clocks may move. */
static void check_announced(const struct scene *scene, const struct rollout *before,
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
    cr_assert_str_eq(after->reason, before->reason);
}

static char meet(const struct stand *stand, size_t situation)
{
    struct scene *scene = scene_new(stand);
    situations[situation].change(scene);
    rollout_check(&scene->rollout);
    const struct rollout before = scene->rollout;
    struct rollout_result result;
    rollout_advance(&scene->rollout, &scene->view, &result);
    check_row(scene);
    check_wants(&result.wants, stand->name, situations[situation].name);
    check_explained(scene);
    check_announced(scene, &before, &result);
    const bool command = scene->view.command != COMMAND_NONE;
    cr_assert_eq(result.command[0] != '\0', command, "a command is always answered");
    char letter = letters[scene->rollout.state];
    if (scene->rollout.state == stand->state && result.changed)
        letter = small[scene->rollout.state];
    scene_free(scene);
    return letter;
}

Test(states, every_state_meets_every_situation)
{
    const bool print = getenv("PRINT_STATES") != NULL;
    for (size_t i = 0; i < STAND_COUNT; i++) {
        char line[SITUATION_COUNT + 1] = "";
        for (size_t s = 0; s < SITUATION_COUNT; s++) {
            line[s] = meet(&stands[i], s);
            const char expected = stands[i].becomes[0] != '\0' ? stands[i].becomes[s] : '?';
            if (!print)
                cr_expect_eq(line[s], expected, "%s, %s: %c instead of %c", stands[i].name,
                             situations[s].name, line[s], expected);
        }
        if (print)
            (void)fprintf(stderr, "%-40s \"%s\"\n", stands[i].name, line);
    }
}

Test(states, moves_that_the_diagram_does_not_have_stop_the_daemon)
{
    static const struct {
        enum rollout_state from, to;
    } never[] = {
        {ROLLOUT_IDLE, ROLLOUT_BAKE},     {ROLLOUT_PREPARE, ROLLOUT_STEP},
        {ROLLOUT_DEPLOY, ROLLOUT_IDLE},   {ROLLOUT_STEP, ROLLOUT_PREPARE},
        {ROLLOUT_STEP, ROLLOUT_IDLE},     {ROLLOUT_CLEANUP, ROLLOUT_ROLLBACK},
        {ROLLOUT_ROLLBACK, ROLLOUT_STEP}, {ROLLOUT_WITHDRAW, ROLLOUT_PREPARE},
        {ROLLOUT_BAKE, ROLLOUT_STEP},     {ROLLOUT_IDLE, ROLLOUT_IDLE},
    };
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        cr_expect(!machine_may_move(never[i].from, never[i].to), "%s to %s",
                  rollout_state_name(never[i].from), rollout_state_name(never[i].to));
    cr_expect(machine_may_move(ROLLOUT_BAKE, ROLLOUT_CLEANUP));
}

/* --- any view at all ---------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;

static size_t draw(size_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state >> 20) % below;
}

static bool coin(void)
{
    return draw(2) == 0;
}

static void any_binding(struct binding_view *view)
{
    view->known = draw(6) != 0;
    view->exists = draw(6) != 0;
    view->terminating = draw(8) == 0;
    view->matches = draw(4) != 0;
    view->has_release = draw(4) != 0;
    view->autoscaler_acts = coin();
    view->look = draw(4);
    view->gate.verdict = (enum gate_verdict)draw(GATE_VERDICT_COUNT);
    view->gate.progress = (int64_t)draw(3);
    view->gate.replicas_wanted = (int)draw(3);
    view->gate.replicas_available = (int)draw(3);
    view->gate.weights_verified = coin();
    (void)snprintf(view->gate.text, sizeof(view->gate.text), "%s", coin() ? "" : "pods wait");
}

static void any_plan(struct rollout_plan *plan)
{
    static const struct rollout_step steps[] = {
        {.weight = {.value = -5, .set = true}},
        {.weight = {.value = 500, .set = true}, .soak = {.value = {60000}, .set = true}},
        {.pause = {.value = true, .set = true}, .analysis = {.value = false, .set = true}},
        {.weight = {.value = 50, .set = true}, .analysis = {.value = true, .set = true}},
    };
    plan->strategy = (enum strategy)draw(STRATEGY_COUNT);
    plan->steps = steps;
    plan->step_count = draw(5);
    plan->rollback_forbidden = draw(6) == 0;
    plan->analysis = coin();
    plan->scaled = coin();
    plan->insufficient = (enum insufficient_policy)draw(3);
    plan->attempts = (int)draw(20);
}

static void any_view(struct scene *scene)
{
    struct rollout_view *view = &scene->view;
    for (size_t i = 0; i < 2; i++)
        any_binding(&view->slot[i]);
    any_binding(&view->route);
    any_plan(&scene->plan);
    view->wanted = draw(8) == 0 ? NULL
                   : draw(3)    ? &scene->next
                   : coin()     ? &scene->stable
                                : &scene->newer;
    view->may_start = coin();
    view->quarantined = draw(6) == 0;
    view->correct_drift = coin();
    view->stable_healthy = draw(3) != 0;
    view->cancel = draw(10) == 0;
    view->cancel_reason = coin() ? "elsewhere" : NULL;
    view->refusal = draw(10) == 0 ? "no" : NULL;
    view->command = draw(3) == 0 ? (enum rollout_command)draw(ROLLOUT_COMMAND_COUNT) : COMMAND_NONE;
    view->verdict = (enum judge_verdict)draw(JUDGE_VERDICT_COUNT);
    view->evidence = coin() ? "numbers" : NULL;
    view->share = (enum share_check)draw(4);
    view->judged_ms = coin() ? LONG_MS : 0;
}

static void any_past(struct rollout *rollout)
{
    rollout->waited_ms = coin() ? LONG_MS : (int64_t)draw(100000);
    rollout->fault_ms = coin() ? LONG_MS : 0;
    rollout->sick_ms = coin() ? LONG_MS : 0;
    rollout->soaked_ms = coin() ? LONG_MS : 0;
    rollout->skip_soak = draw(4) == 0;
    rollout->unproven = draw(4) == 0;
    rollout->fast = rollout->has_next && draw(4) == 0;
    rollout->returning = rollout->has_next && draw(8) == 0;
    rollout->soaking = coin();
    rollout->route_touched = rollout->has_next && rollout->routed && coin();
    rollout->scaled[0] = rollout->routed && coin();
    rollout->attempts_used = (unsigned)draw(12);
    rollout->settle_due = coin();
    rollout->drifted = coin();
    rollout->warming = rollout->state == ROLLOUT_ROLLBACK && coin();
    for (size_t i = 0; i < rollout->stage_count; i++) {
        rollout->stages[i].pause = draw(4) == 0;
        rollout->stages[i].analysis = draw(3) != 0;
    }
    if (draw(4) == 0 && rollout->step < rollout->stage_count &&
        rollout_effective(rollout) == ROLLOUT_STEP)
        rollout->weight = rollout->stages[rollout->step].weight = 0;
    if (draw(4) == 0)
        rollout->counted_at.mono.ms = rollout->soaked_at.mono.ms = 2 * NOW_MONO;
    if (draw(4) == 0)
        rollout->state_since.ms = 2 * NOW_WALL;
    if (draw(4) == 0 && rollout->state == ROLLOUT_IDLE) {
        rollout->hold = (enum rollout_hold)draw(ROLLOUT_HOLD_COUNT);
        (void)snprintf(rollout->held_digest, sizeof(rollout->held_digest), "next");
    }
    if (draw(4) == 0)
        rollout->reason[0] = '\0';
}

Test(states, any_view_leaves_a_state_that_holds_together)
{
    for (int round = 0; round < 400; round++) {
        for (size_t i = 0; i < STAND_COUNT; i++) {
            struct scene *scene = scene_new(&stands[i]);
            any_view(scene);
            any_past(&scene->rollout);
            const struct rollout before = scene->rollout;
            struct rollout_result result;
            rollout_advance(&scene->rollout, &scene->view, &result);
            check_wants(&result.wants, stands[i].name, "any view");
            check_explained(scene);
            check_announced(scene, &before, &result);
            if (round % 20 == 0)
                check_row(scene);
            scene_free(scene);
        }
    }
}

/* --- journal rows ------------------------------------------------------------------------- */

Test(row, what_is_missing_or_wrong_is_refused_and_changes_nothing)
{
    struct scene *scene = scene_new(&stands[STAND_COUNT / 2]);
    json_t *row = row_of(&scene->rollout);
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(row, next, key, value)
    {
        static const char *const wrong[] = {"null", "\"no such word that is longer than any\"",
                                            "-12345678901", "[1]", "{}"};
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            json_t *copy = json_copy(row);
            (void)json_object_set_new(copy, key, json_loads(wrong[i], JSON_DECODE_ANY, NULL));
            struct rollout rollout;
            rollout_init(&rollout, "cart", "cartservice", "testing", true);
            struct error err;
            const int status = rollout_from_json(copy, &rollout, &err);
            if (i == 0)
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

Test(row, names_are_all_there)
{
    for (int i = 0; i < ROLLOUT_OUTCOME_COUNT; i++)
        cr_expect_neq(rollout_outcome_name((enum rollout_outcome)i)[0], '\0');
    for (int i = 0; i < ROLLOUT_HOLD_COUNT; i++)
        cr_expect_neq(rollout_hold_name((enum rollout_hold)i)[0], '\0');
    for (int i = 0; i < ROLLOUT_NOTE_KIND_COUNT; i++)
        cr_expect_neq(rollout_note_name((enum rollout_note_kind)i)[0], '\0');
}
