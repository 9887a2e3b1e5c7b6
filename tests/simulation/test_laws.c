/* Each law can fail: one thing is forged, and the law of that name must notice it. Here those of
 * writes, of metrics, of the journal and of rest. */
#include "config/base/json.h"
#include "tests/simulation/court.h"
#include "tests/simulation/law_backend.h"
#include "tests/simulation/law_intent.h"
#include "tests/simulation/law_judge.h"
#include "tests/simulation/law_order.h"
#include "tests/simulation/law_rest.h"
#include "tests/simulation/law_route.h"
#include "tests/simulation/law_time.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(laws, .timeout = 240);

static void set(json_t *row, const char *member, json_t *value)
{
    cr_assert_eq(json_object_set_new(row, member, value), 0);
}

/* --- weights and bindings -----------------------------------------------------------------------
 */

static void weights_do_not_sum_up(struct court *court)
{
    court_route(court, 50, 40);
}

static void a_weight_is_no_percentage(struct court *court)
{
    court_route(court, -5, 105);
}

static void a_third_release_gets_traffic(struct court *court)
{
    court_route(court, 90, 10); /* and no rollout is under way */
}

static void a_slot_without_pods_gets_traffic(struct court *court)
{
    court_lay(court, "rollout", AMBER, court_step(court, AMBER));
    court_route(court, 90, 10);
}

static void more_weight_than_the_steps(struct court *court)
{
    court_lay(court, "rollout", AMBER, court_step(court, AMBER));
    court->weather.hits[FAULT_CRASH] = 1; /* pods are another law's business */
    court_route(court, 70, 30);
}

static void more_weight_than_decided(struct court *court)
{
    json_t *row = court_step(court, AMBER);
    set(row, "weight", json_integer(60));
    court_persist(court, "rollout", AMBER, row);
}

static void write_slot(struct court *court, const char *slot, const char *release,
                       const char *state)
{
    json_t *body = json_pack("{s:{s:{s:s}, s:s, s:s, s:s}}", "spec", "owner", "componentName", slot,
                             "environment", "development", "releaseName", release, "state", state);
    char name[96];
    snprintf(name, sizeof name, "%s-development", slot);
    law_route_write(&court->law, name, body);
    json_decref(body);
}

static void the_stable_slot_is_overwritten(struct court *court)
{
    court_lay(court, "rollout", AMBER, court_step(court, AMBER));
    write_slot(court, "amber-api-a", "amber-api-a-bbbbbbbbbbbb", "Active");
}

static void the_stable_slot_is_undeployed(struct court *court)
{
    court_lay(court, "rollout", AMBER, court_step(court, AMBER));
    write_slot(court, "amber-api-a", "amber-api-a-bbbbbbbbbbbb", "Undeploy");
}

static void a_lost_slot_gets_weight(struct court *court)
{
    law_backend_deleted(&court->law, "amber-api-b-development");
    struct world_request request = {.method = "GET",
                                    .path = (char[]){"/api/v1/namespaces/acme/releasebindings/"
                                                     "amber-api-b-development"}};
    request.answer.kind = EVENT_ANSWER;
    request.answer.as.answer.outcome = ANSWER_RECEIVED;
    request.answer.as.answer.status = 404;
    law_backend_heard(&court->law, &request);
    court_lay(court, "rollout", AMBER, court_step(court, AMBER));
    court_route(court, 90, 10);
}

/* --- metrics ------------------------------------------------------------------------------------
 */

static json_t *query(int from, int to)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "purpose", "window", "cell", "amber",
                     "component", "amber-api", "target", "development", "from_ms", from, "to_ms",
                     to);
}

static void ask(struct court *court, int from, int to, bool journaled)
{
    json_t *asked = query(from, to);
    court_lay(court, "judge", AMBER,
              json_pack("{s:i, s:o}", "attempt", 2, "asked",
                        journaled ? json_deep_copy(asked) : json_null()));
    law_judge_query(&court->law, asked);
    json_decref(asked);
}

static void metrics_are_asked_for_unannounced(struct court *court)
{
    ask(court, 1000, 2000, false);
}

static void a_window_counts_twice(struct court *court)
{
    ask(court, 1000, 2000, true);
    ask(court, 1500, 2500, true);
}

static void a_window_of_nothing(struct court *court)
{
    ask(court, 1000, 1000, true);
}

static json_t *judged(int requests)
{
    return json_pack("{s:i, s:{s:[{s:[i, i, i, i]}]}}", "attempt", 2, "judge", "metrics", "sum",
                     requests, 0, 0, 0);
}

static void a_wrong_answer_is_counted(struct court *court)
{
    json_t *asked = query(1000, 2000);
    court_lay(court, "judge", AMBER, judged(0));
    law_judge_told(&court->law, asked, true);
    court_persist(court, "judge", AMBER, judged(1));
    json_decref(asked);
}

static void good_content_is_condemned(struct court *court, const char *reason, const char *evidence)
{
    court_lay(court, "rollout", AMBER, court_step(court, AMBER));
    court_persist(
        court, "quarantine", AMBER "/bbbbbbbbbbbb",
        json_pack("{s:s, s:s, s:b}", "reason", reason, "evidence", evidence, "by_operator", 0));
}

static void a_judge_condemns_what_is_good(struct court *court)
{
    good_content_is_condemned(court, "release x was judged bad", "9 of 10 requests");
}

static void looks_condemn_what_is_good(struct court *court)
{
    good_content_is_condemned(court, "release x was not ready before the progress deadline", "");
}

/* --- the journal --------------------------------------------------------------------------------
 */

static const char binding_path[] =
    "/api/v1/namespaces/acme/releasebindings/amber-api-a-development";

static void write_binding(struct court *court, const char *component, const char *release)
{
    json_t *body = json_pack("{s:{s:s}, s:{s:{s:s}, s:s, s:s}}", "metadata", "name",
                             "amber-api-a-development", "spec", "owner", "componentName", component,
                             "environment", "development", "releaseName", release);
    struct law_writing writing;
    cr_assert(law_writing_read("PUT", binding_path, body, &writing));
    law_intent_write(&court->law, &writing);
    json_decref(body);
}

static void announce(struct court *court)
{
    court_lay(court, "intent", "ReleaseBinding/acme/amber-api-a-development",
              json_pack("{s:s}", "verb", "U"));
}

static const char *stable_release(struct court *court)
{
    return json_text_or(
        json_at(law_row(&court->law, "rollout/" AMBER), "stable", "slot_a", "releaseName", NULL),
        "");
}

static void a_write_has_no_intent(struct court *court)
{
    write_binding(court, "amber-api-a", stable_release(court));
}

static void a_slot_gets_what_no_row_says(struct court *court)
{
    announce(court);
    write_binding(court, "amber-api-a", "amber-api-a-bbbbbbbbbbbb");
}

static void a_write_follows_an_unknown_one(struct court *court)
{
    announce(court);
    write_binding(court, "amber-api-a", stable_release(court));
    cr_assert_str_empty(court->law.violation, "%s", court->law.violation);
    write_binding(court, "amber-api-a", stable_release(court));
}

static void a_route_gets_other_weights_than_the_rows(struct court *court)
{
    court_lay(court, "intent", "ReleaseBinding/acme/amber-api-development",
              json_pack("{s:s}", "verb", "U"));
    court_lay(court, "rollout", AMBER, court_step(court, AMBER));
    json_t *body = json_pack("{s:{s:{s:s}, s:s, s:{s:[{s:s, s:i}, {s:s, s:i}]}}}", "spec", "owner",
                             "componentName", "amber-api", "environment", "development",
                             "componentTypeEnvironmentConfigs", "backends", "name", "amber-api-a",
                             "weight", 95, "name", "amber-api-b", "weight", 5);
    struct law_writing writing;
    cr_assert(law_writing_read(
        "PUT", "/api/v1/namespaces/acme/releasebindings/amber-api-development", body, &writing));
    law_intent_write(&court->law, &writing);
    json_decref(body);
}

static void a_secret_is_journaled(struct court *court)
{
    court_persist(court, "event", "9", json_pack("{s:s}", "message", "the key is " LAW_SECRET));
}

static void a_secret_is_told(struct court *court)
{
    court_publish(court, "converged", "the key is " LAW_SECRET);
}

/* --- time and rest ------------------------------------------------------------------------------
 */

static void a_deadline_is_postponed(struct court *court)
{
    json_t *row = court_begun(court, AMBER);
    set(row, "state", json_string("deploy"));
    court_persist(court, "rollout", AMBER, row);
    court->world->now_ms += 300000;
    law_time_look(&court->law);
}

static void progress_counts_anew(struct court *court)
{
    json_t *row = court_begun(court, AMBER);
    set(row, "state", json_string("deploy"));
    set(row, "progress", json_integer(3));
    court_persist(court, "rollout", AMBER, json_deep_copy(row));
    set(row, "progress", json_integer(1));
    court_persist(court, "rollout", AMBER, row);
}

static void a_soak_grows_by_itself(struct court *court)
{
    json_t *row = court_step(court, AMBER);
    court_persist(court, "rollout", AMBER, json_deep_copy(row));
    court->world->now_ms += 5000;
    set(row, "soaked_ms", json_integer(15000));
    court_persist(court, "rollout", AMBER, row);
}

static void lay_state(struct court *court, const char *state, const char *hold, const char *reason)
{
    json_t *row = court_begun(court, AMBER);
    set(row, "state", json_string(state));
    set(row, "hold", json_string(hold));
    set(row, "reason", json_string(reason));
    court_lay(court, "rollout", AMBER, row);
    law_rest(&court->law);
}

static void a_hold_has_no_reason(struct court *court)
{
    lay_state(court, "held", "platform", "");
}

static void a_way_back_does_not_end(struct court *court)
{
    lay_state(court, "rollback", "quarantined", "release x failed");
}

static void a_slot_is_left_over(struct court *court)
{
    json_t *row = court_row(court, AMBER);
    set(row, "stable_slot", json_string("b")); /* what runs is slot a */
    court_lay(court, "rollout", AMBER, row);
    law_rest(&court->law);
}

static void nobody_can_say_why(struct court *court)
{
    lay_state(court, "held", "platform", "the control plane did not make it");
}

static void what_was_live_is_not_any_more(struct court *court)
{
    court->repository.plots[1].parts[0].version = 2;
    law_rest_stays(&court->law);
}

static void it_falls_to_work_again(struct court *court)
{
    court->repository.plots[1].parts[0].version = 2;
    monorepo_commit(&court->repository, court->world, 2);
    world_run(court->world, 1000);
    court->repository.plots[1].parts[0].version = 1;
    law_rest_stays(&court->law);
}

static void a_good_commit_does_not_become_live(struct court *court)
{
    court->repository.plots[0].parts[0].version = 2;
    law_rest_deployable(&court->law, true);
}

static void a_good_commit_never_comes_to_rest(struct court *court)
{
    law_rest_deployable(&court->law, false);
}

/* --- the table ----------------------------------------------------------------------------------
 */

static const struct forgery forgeries[] = {
    FORGERY("S1", weights_do_not_sum_up),
    FORGERY("S1", a_weight_is_no_percentage),
    FORGERY("S2", a_slot_without_pods_gets_traffic),
    FORGERY("S3", a_third_release_gets_traffic),
    FORGERY("S4", more_weight_than_the_steps),
    FORGERY("S4", more_weight_than_decided),
    FORGERY("S7", the_stable_slot_is_overwritten),
    FORGERY("S7", the_stable_slot_is_undeployed),
    FORGERY("I8", a_lost_slot_gets_weight),
    FORGERY("S13", a_wrong_answer_is_counted),
    FORGERY("S13", a_judge_condemns_what_is_good),
    FORGERY("S13", looks_condemn_what_is_good),
    FORGERY("S14", a_window_counts_twice),
    FORGERY("S14", a_window_of_nothing),
    FORGERY("S19", metrics_are_asked_for_unannounced),
    FORGERY("I1", a_write_has_no_intent),
    FORGERY("S19", a_slot_gets_what_no_row_says),
    FORGERY("S19", a_write_follows_an_unknown_one),
    FORGERY("S19", a_route_gets_other_weights_than_the_rows),
    FORGERY("S22", a_secret_is_journaled),
    FORGERY("S22", a_secret_is_told),
    FORGERY("L1", a_hold_has_no_reason),
    FORGERY("L2", a_way_back_does_not_end),
    FORGERY("L3", a_good_commit_does_not_become_live),
    FORGERY("L3", a_good_commit_never_comes_to_rest),
    FORGERY("L4", a_deadline_is_postponed),
    FORGERY("L4", progress_counts_anew),
    FORGERY("L5", a_soak_grows_by_itself),
    FORGERY("L6", a_slot_is_left_over),
    FORGERY("L7", what_was_live_is_not_any_more),
    FORGERY("L7", it_falls_to_work_again),
    FORGERY("L8", nobody_can_say_why),
};

Test(laws, each_notices_what_it_forbids)
{
    court_try(forgeries, sizeof forgeries / sizeof *forgeries);
}

/* What is as it should be breaks none of them. */
Test(laws, none_is_broken_by_what_is_right)
{
    struct court *court = court_new();
    court_persist(court, "rollout", AMBER, court_begun(court, AMBER));
    court_publish(court, "converged", "all is live");
    announce(court);
    write_binding(court, "amber-api-a", stable_release(court));
    ask(court, 1000, 2000, true);
    ask(court, 2000, 3000, true);
    law_step(&court->law);
    law_order_step(&court->law);
    law_rest_stays(&court->law);
    law_rest_deployable(&court->law, true);
    cr_expect_str_empty(court->law.violation, "%s", court->law.violation);
    court_free(court);
}
