/* Each law can fail: those of steps, ends, attempts and their order. */
#include "config/base/json.h"
#include "tests/simulation/court.h"
#include "tests/simulation/entry.h"
#include "tests/simulation/law_order.h"
#include "tests/simulation/law_track.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(laws_rollout, .timeout = 240);

static void set(json_t *row, const char *member, json_t *value)
{
    cr_assert_eq(json_object_set_new(row, member, value), 0);
}

/* --- steps and ends -----------------------------------------------------------------------------
 */

static void step_on(struct court *court, bool verified, int64_t after_ms, int64_t to)
{
    json_t *row = court_step(court, AMBER);
    set(row, "verified", json_boolean(verified));
    court_persist(court, "rollout", AMBER, json_incref(row));
    court->world->now_ms += after_ms;
    json_t *later = json_deep_copy(row);
    json_decref(row);
    set(later, "step", json_integer(to));
    set(later, "weight", json_integer(50));
    court_persist(court, "rollout", AMBER, later);
}

static void a_step_is_left_out(struct court *court)
{
    step_on(court, true, 30000, 2);
}

static void a_weight_was_not_verified(struct court *court)
{
    step_on(court, false, 30000, 1);
}

static void a_soak_is_cut_short(struct court *court)
{
    step_on(court, true, 5000, 1);
}

static void leave_with_a_stuck_gateway(struct court *court, int64_t clock_ms, bool unproven)
{
    court->traffic.lag_ms = INT64_MAX;
    traffic_look(&court->traffic, &court->repository);
    court->world->wall_offset_ms += clock_ms;
    json_t *row = court_step(court, AMBER);
    set(row, "unproven", json_boolean(unproven));
    court_persist(court, "rollout", AMBER, json_deep_copy(row));
    court->world->now_ms += 30000;
    set(row, "step", json_integer(1));
    set(row, "weight", json_integer(50));
    court_persist(court, "rollout", AMBER, row);
}

static void a_gateway_does_not_follow(struct court *court)
{
    leave_with_a_stuck_gateway(court, 0, false);
}

static void a_mark_is_no_excuse_by_the_right_clock(struct court *court)
{
    leave_with_a_stuck_gateway(court, 0, true);
}

static void a_wrong_clock_is_no_excuse_without_a_mark(struct court *court)
{
    leave_with_a_stuck_gateway(court, 180000, false);
}

/* From a bake to idle, with this content as stable. */
static void promote(struct court *court, json_t *row, const char *digest)
{
    set(row, "state", json_string("bake"));
    court_lay(court, "rollout", AMBER, json_deep_copy(row));
    json_t *stable = json_deep_copy(json_object_get(row, "next"));
    set(stable, "deployment", json_string(digest));
    set(row, "stable", stable);
    set(row, "has_next", json_false());
    set(row, "state", json_string("idle"));
    court_persist(court, "rollout", AMBER, row);
}

static void another_content_is_promoted(struct court *court)
{
    promote(court, court_begun(court, AMBER), "cccccccccccc");
}

static void another_content_was_judged(struct court *court)
{
    json_t *row = court_begun(court, AMBER);
    court_lay(court, "judge", AMBER,
              json_pack("{s:I, s:s}", "attempt", (json_int_t)entry_number(row, "attempt"), "digest",
                        "cccccccccccc"));
    promote(court, row, "bbbbbbbbbbbb");
}

static void what_was_aborted_is_promoted(struct court *court)
{
    json_t *row = court_begun(court, AMBER);
    court_lay(court, "rollout", AMBER, json_deep_copy(row));
    law_track_ordered(&court->law, AMBER, "abort");
    law_track_answered(&court->law, AMBER, "abort", true);
    promote(court, row, "bbbbbbbbbbbb");
}

static void an_abort_of_nothing_is_done(struct court *court)
{
    law_track_ordered(&court->law, AMBER, "abort");
    law_track_answered(&court->law, AMBER, "abort", true);
}

static void an_abort_of_nothing_leaves_a_mark(struct court *court)
{
    law_track_ordered(&court->law, AMBER, "abort");
    json_t *row = court_row(court, AMBER);
    set(row, "hold", json_string("aborted"));
    court_lay(court, "rollout", AMBER, row);
    law_track_answered(&court->law, AMBER, "abort", false);
}

static void an_abort_of_nothing_condemns(struct court *court)
{
    law_track_ordered(&court->law, AMBER, "abort");
    court_lay(court, "quarantine", AMBER "/aaaaaaaaaaaa", json_object());
    law_track_answered(&court->law, AMBER, "abort", false);
}

static void what_was_condemned_comes_back(struct court *court)
{
    court_lay(court, "quarantine", AMBER "/bbbbbbbbbbbb", json_object());
    court_persist(court, "rollout", AMBER, court_begun(court, AMBER));
}

/* --- attempts and order -------------------------------------------------------------------------
 */

static void set_next(json_t *row, const char *member, const char *value)
{
    json_t *next = json_deep_copy(json_object_get(row, "next"));
    set(next, member, json_string(value));
    set(row, "next", next);
}

static void it_tries_for_ever(struct court *court)
{
    json_t *held = court_row(court, AMBER);
    set(held, "state", json_string("held"));
    set(held, "hold", json_string("platform"));
    set(held, "reason", json_string("the control plane did not make it"));
    set(held, "held_digest", json_string("bbbbbbbbbbbb"));
    set(held, "retry_at", json_integer(1));
    json_t *begun = court_begun(court, AMBER);
    for (int i = 0; i < 4; i++) {
        court_lay(court, "rollout", AMBER, json_deep_copy(held));
        court_persist(court, "rollout", AMBER, json_deep_copy(begun));
    }
    json_decref(held);
    json_decref(begun);
}

static void a_way_back_goes_back(struct court *court)
{
    json_t *row = court_begun(court, AMBER);
    set(row, "returning", json_true());
    set(row, "state", json_string("deploy"));
    court_lay(court, "rollout", AMBER, json_deep_copy(row));
    set(row, "state", json_string("rollback"));
    set(row, "outcome", json_string("rolled-back"));
    court_persist(court, "rollout", AMBER, row);
}

static void nobody_is_told(struct court *court)
{
    json_t *row = court_row(court, AMBER);
    set(row, "state", json_string("held"));
    set(row, "hold", json_string("weight"));
    set(row, "reason", json_string("the traffic did not follow"));
    set(row, "retry_at", json_integer(0));
    court_persist(court, "rollout", AMBER, row);
    law_order_step(&court->law);
}

static void a_later_phase_begins_too_early(struct court *court)
{
    court_lay(court, "rollout", AMBER, court_begun(court, AMBER));
    court_persist(court, "rollout", BIRCH, court_begun(court, BIRCH));
}

static void a_phase_begins_before_the_newer_one(struct court *court)
{
    court->repository.plots[0].parts[0].version = 7; /* git wants it, and nothing has begun */
    court_persist(court, "rollout", BIRCH, court_begun(court, BIRCH));
}

static json_t *recall(const struct court *court)
{
    return json_pack("{s:s, s:s, s:[{s:s, s:s, s:s}, {s:s, s:s, s:s}]}", "digest", "bbbbbbbbbbbb",
                     "revision", court->world->commit, "members", "cell", "amber", "component",
                     "amber-api", "digest", "bbbbbbbbbbbb", "cell", "birch", "component",
                     "birch-api", "digest", "bbbbbbbbbbbb");
}

static void the_provider_goes_back_first(struct court *court)
{
    court_lay(court, "recall", BIRCH, recall(court));
    json_t *serving = court_step(court, BIRCH);
    court_lay(court, "rollout", BIRCH, serving);
    court_lay(court, "rollout", AMBER, court_step(court, AMBER));
    json_t *row = court_step(court, AMBER);
    set(row, "state", json_string("rollback"));
    set(row, "hold", json_string("cancelled"));
    court_persist(court, "rollout", AMBER, row);
}

#define AMBER_TESTING "amber/amber-api/testing"
#define AMBER_EU "amber/amber-api/testing-eu"

static void testing_begins_with_something_else(struct court *court)
{
    json_t *row = court_begun(court, AMBER_TESTING);
    set_next(row, "release", "bbbbbbbbbbbb");
    court_persist(court, "rollout", AMBER_TESTING, row);
}

static void testing_begins_without_proof(struct court *court)
{
    json_t *row = court_row(court, AMBER), *stable = json_deep_copy(json_object_get(row, "stable"));
    set(stable, "unproven", json_true());
    set(row, "stable", stable);
    court_lay(court, "rollout", AMBER, row);
    court_persist(court, "rollout", AMBER_TESTING, court_begun(court, AMBER_TESTING));
}

static void the_second_region_begins_while_the_first_goes_back(struct court *court)
{
    json_t *row = court_begun(court, AMBER_TESTING);
    set(row, "state", json_string("rollback"));
    court_lay(court, "rollout", AMBER_TESTING, row);
    court_persist(court, "rollout", AMBER_EU, court_begun(court, AMBER_EU));
}

static void a_forbidden_rollback_is_made(struct court *court)
{
    court->repository.plots[0].parts[0].forbidden = true;
    court_lay(court, "rollout", AMBER, court_step(court, AMBER));
    json_t *row = court_step(court, AMBER);
    set(row, "state", json_string("rollback"));
    set(row, "outcome", json_string("rolled-back"));
    court_persist(court, "rollout", AMBER, row);
}

static void a_freeze_is_ignored(struct court *court)
{
    const int64_t now = world_now(court->world).wall.ms;
    court->repository.freeze_from_ms = now - 1000;
    court->repository.freeze_to_ms = now + 60000;
    court_persist(court, "rollout", AMBER_TESTING, court_begun(court, AMBER_TESTING));
}

static void rows_without_end(struct court *court)
{
    for (int i = 0; i < 300; i++)
        court_persist(court, "rollout", AMBER, court_row(court, AMBER));
}

/* --- the table ----------------------------------------------------------------------------------
 */

static const struct forgery forgeries[] = {
    FORGERY("S5", a_step_is_left_out),
    FORGERY("S5", a_weight_was_not_verified),
    FORGERY("S5", a_soak_is_cut_short),
    FORGERY("S5", a_gateway_does_not_follow),
    FORGERY("S5", a_mark_is_no_excuse_by_the_right_clock),
    FORGERY("S5", a_wrong_clock_is_no_excuse_without_a_mark),
    FORGERY("S6", another_content_is_promoted),
    FORGERY("S6", another_content_was_judged),
    FORGERY("S9", what_was_aborted_is_promoted),
    FORGERY("S10", an_abort_of_nothing_is_done),
    FORGERY("S10", an_abort_of_nothing_leaves_a_mark),
    FORGERY("S10", an_abort_of_nothing_condemns),
    FORGERY("S11", what_was_condemned_comes_back),
    FORGERY("S12", it_tries_for_ever),
    FORGERY("S12", a_way_back_goes_back),
    FORGERY("S12", nobody_is_told),
    FORGERY("S15", a_later_phase_begins_too_early),
    FORGERY("S15", a_phase_begins_before_the_newer_one),
    FORGERY("S15", the_provider_goes_back_first),
    FORGERY("S16", testing_begins_with_something_else),
    FORGERY("S16", testing_begins_without_proof),
    FORGERY("S16", the_second_region_begins_while_the_first_goes_back),
    FORGERY("S17", a_forbidden_rollback_is_made),
    FORGERY("S18", a_freeze_is_ignored),
    FORGERY("S21", rows_without_end),
};

Test(laws_rollout, each_notices_what_it_forbids)
{
    court_try(forgeries, sizeof forgeries / sizeof *forgeries);
}

Test(laws_rollout, requests_of_another_time_do_not_speak_against_a_weight)
{
    struct court *court = court_new();
    leave_with_a_stuck_gateway(court, 180000, true);
    cr_expect_str_empty(court->law.violation, "%s", court->law.violation);
    court_free(court);
}

/* A cell that went and comes back counts its attempts from the start. */
Test(laws_rollout, forget_what_is_gone)
{
    struct court *court = court_new();
    json_t *row = court_begun(court, AMBER);
    court_lay(court, "rollout", AMBER, json_deep_copy(row));
    law_track_ordered(&court->law, AMBER, "abort");
    law_track_answered(&court->law, AMBER, "abort", true);
    court_persist(court, "rollout", AMBER, NULL);
    promote(court, row, "bbbbbbbbbbbb");
    cr_expect_str_empty(court->law.violation, "%s", court->law.violation);
    court_free(court);
}
