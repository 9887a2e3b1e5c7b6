/* What a trial makes of where its rollout stands: tables over states that scenes reach rarely. */
#include "config/base/json.h"
#include "reconciler/engine/trial_query.h"
#include "reconciler/engine/trial_row.h"
#include "reconciler/engine/trial_workflow.h"
#include "reconciler/engine/unit.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(trial_state, .timeout = 600);

struct place {
    struct engine *engine;
    struct track *track;
    struct effect_list effects;
};

static void place_init(struct place *place)
{
    struct engine_options options = engine_options_default;
    options.instance = "test";
    place->engine = engine_new(&options);
    struct unit *unit = unit_get(place->engine, "shop");
    place->track = unit_track_get(place->engine, unit, "shop-api", "development");
    effect_list_init(&place->effects);
    place->engine->out = &place->effects;
    place->engine->now = (struct instant){{60000}, {INT64_C(1795392000000)}};
}

static void place_fini(struct place *place)
{
    place->engine->out = NULL;
    effect_list_fini(&place->effects);
    engine_free(place->engine);
}

static void seat(struct place *place, const char *provider, bool looking)
{
    struct rollout *rollout = &place->track->rollout;
    cr_assert_eq(rollout_open(rollout), 0);
    rollout->has_stable = rollout->has_next = rollout->routed = true;
    rollout->attempt = 3;
    rollout->stable_slot = 'a';
    rollout->next_slot = 'b';
    snprintf(rollout->next.deployment_digest, sizeof rollout->next.deployment_digest, "%s",
             "0123456789ab");
    json_t *row = json_pack("{s:i, s:i, s:s, s:{s:s, s:n, s:s, s:i, s:[]}, s:b, s:b}", "version", 1,
                            "attempt", 3, "digest", "0123456789ab", "source", "provider", provider,
                            "template", "insufficient", "hold", "interval_ms", 60000, "metrics",
                            "judging", 1, "looking", (int)looking);
    trial_row_apply(place->engine, place->track, row);
    json_decref(row);
    cr_assert_not_null(place->track->trial);
}

/* Windows are judged where the new release has traffic by the plan, and the stable one is well. */
Test(trial_state, windows_are_looked_at_only_where_they_tell_something)
{
    static const struct {
        enum rollout_state state;
        size_t stages, step;
        int16_t weight;
        bool analysis, verified, healthy, looked, looks;
    } rows[] = {
        /* without steps the time before the flip is compared with, as long as all is well */
        {ROLLOUT_DEPLOY, 0, 0, 0, false, false, true, false, true},
        {ROLLOUT_DEPLOY, 0, 0, 0, false, false, false, true, false},
        {ROLLOUT_PREPARE, 1, 0, 5, true, false, true, false, false},
        {ROLLOUT_NARROW, 0, 0, 0, false, false, true, false, true},
        /* a step, once its weight stands */
        {ROLLOUT_STEP, 1, 0, 5, true, true, true, false, true},
        {ROLLOUT_STEP, 1, 0, 5, true, false, true, false, false},
        {ROLLOUT_STEP, 1, 0, 5, true, false, true, true, true},
        {ROLLOUT_STEP, 1, 0, 5, true, true, false, true, false},
        {ROLLOUT_STEP, 1, 0, 5, false, true, true, true, false},
        {ROLLOUT_STEP, 1, 0, 0, true, true, true, true, false},
        /* all traffic: it goes on as before */
        {ROLLOUT_STEP, 1, 1, 5, true, false, true, true, true},
        {ROLLOUT_STEP, 1, 1, 5, true, false, true, false, false},
        {ROLLOUT_STEP, 1, 1, 5, true, false, false, true, false},
        {ROLLOUT_ROUTE, 1, 1, 5, true, false, true, true, true},
        {ROLLOUT_ROUTE, 1, 1, 5, true, false, true, false, false},
        {ROLLOUT_ROUTE, 1, 1, 5, true, false, false, true, false},
        /* nobody is beside it any more that could be sick */
        {ROLLOUT_BAKE, 1, 1, 5, true, false, false, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place place;
        place_init(&place);
        seat(&place, "prometheus", rows[i].looked);
        struct rollout *rollout = &place.track->rollout;
        cr_assert_eq(rollout_open(rollout), 0);
        rollout->state = rows[i].state;
        rollout->stage_count = rows[i].stages;
        rollout->step = rows[i].step;
        rollout->room->stages[0].weight = rows[i].weight;
        rollout->room->stages[0].analysis = rows[i].analysis;
        rollout->verified = rows[i].verified;
        trial_follow(place.engine, place.track, rows[i].healthy);
        cr_assert_not_null(place.track->trial);
        cr_expect_eq(place.track->trial->looking, rows[i].looks, "%zu", i);
        /* told again, nothing is new */
        const size_t effects = place.effects.count;
        trial_follow(place.engine, place.track, rows[i].healthy);
        cr_expect_eq(place.effects.count, effects, "%zu", i);
        place_fini(&place);
    }
}

/* The bake is another place than the last step, though the number of the step is the same. */
Test(trial_state, each_place_begins_its_own_count)
{
    struct place place;
    place_init(&place);
    seat(&place, "prometheus", true);
    struct rollout *rollout = &place.track->rollout;
    cr_assert_eq(rollout_open(rollout), 0);
    rollout->state = ROLLOUT_STEP;
    rollout->stage_count = 1;
    rollout->room->stages[0] = (struct rollout_stage){.weight = 5, .analysis = true};
    rollout->verified = true;
    trial_follow(place.engine, place.track, true);
    cr_expect(place.track->trial->standing && place.track->trial->step == 0);
    rollout->step = 1;
    rollout->state = ROLLOUT_ROUTE;
    trial_follow(place.engine, place.track, true);
    cr_expect(place.track->trial->standing && place.track->trial->step == 1);
    rollout->state = ROLLOUT_BAKE;
    trial_follow(place.engine, place.track, true);
    cr_expect(place.track->trial->standing && place.track->trial->step == 2);
    rollout->state = ROLLOUT_DEPLOY;
    trial_follow(place.engine, place.track, true);
    cr_expect_not(place.track->trial->standing);
    place_fini(&place);
}

/* Testers come on top of a step's weight: that there are more requests is no fault of the route. */
Test(trial_state, requests_of_testers_do_not_speak_against_the_weight)
{
    static const struct header_match match = {.kind = MATCH_HEADER};
    static const struct {
        size_t steps, matches;
        double canary, stable;
        enum share_check share;
    } rows[] = {
        {1, 0, 100, 900, SHARE_CONFIRMED},
        {1, 0, 500, 500, SHARE_OFF},
        {1, 1, 500, 500, SHARE_CONFIRMED},
        {1, 1, 0, 1000, SHARE_OFF},
        /* the manifest has fewer steps by now: nobody is let in besides */
        {0, 1, 500, 500, SHARE_OFF},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place place;
        place_init(&place);
        seat(&place, "prometheus", true);
        struct rollout *rollout = &place.track->rollout;
        rollout->state = ROLLOUT_STEP;
        rollout->stage_count = 1;
        rollout->room->stages[0] =
            (struct rollout_stage){.weight = 10, .analysis = true, .soak_ms = 600000};
        struct trial *trial = place.track->trial;
        judge_init(&trial->judge, &judge_settings_default, 1, (struct wall_time){0});
        judge_step(&trial->judge, 10, (struct wall_time){0});
        trial->standing = true;
        struct judge_window window;
        const struct judge_counts counts = {rows[i].canary, 0, rows[i].stable, 0};
        cr_assert(judge_plan(&trial->judge, (struct wall_time){600000}, &window));
        cr_assert_eq(judge_count(&trial->judge, window, &counts), JUDGE_COUNTED);
        const struct rollout_step step = {.matches = &match, .match_count = rows[i].matches};
        struct rollout_plan plan = {.steps = &step, .step_count = rows[i].steps};
        struct rollout_view view = {0};
        trial_view(place.engine, place.track, &plan, &view);
        cr_expect_eq(view.share, rows[i].share, "%zu", i);
        place_fini(&place);
    }
}

/* Numbers of another attempt, or of other content, are never taken for this one. */
Test(trial_state, another_attempt_ends_it)
{
    static const struct {
        uint64_t attempt;
        const char *digest;
        bool has_next, goes_on;
    } rows[] = {
        {3, "0123456789ab", true, true},
        {4, "0123456789ab", true, false},
        {3, "ba9876543210", true, false},
        {3, "0123456789ab", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place place;
        place_init(&place);
        seat(&place, "prometheus", true);
        struct rollout *rollout = &place.track->rollout;
        cr_assert_eq(rollout_open(rollout), 0);
        rollout->state = ROLLOUT_DEPLOY;
        rollout->attempt = rows[i].attempt;
        rollout->has_next = rows[i].has_next;
        snprintf(rollout->next.deployment_digest, sizeof rollout->next.deployment_digest, "%s",
                 rows[i].digest);
        struct rollout_plan plan = {0};
        struct rollout_view view = {0};
        trial_view(place.engine, place.track, &plan, &view);
        cr_expect_eq(plan.analysis, rows[i].goes_on, "%zu", i);
        place.track->trial->request = i == 1 ? 42 : 0;
        trial_follow(place.engine, place.track, true);
        cr_expect_eq(place.track->trial != NULL, rows[i].goes_on, "%zu", i);
        bool cancelled = false;
        for (size_t k = 0; k < place.effects.count; k++)
            cancelled = cancelled || (place.effects.items[k].kind == EFFECT_CANCEL &&
                                      place.effects.items[k].as.cancel.id == 42);
        cr_expect_eq(cancelled, i == 1, "what was asked is not waited for: %zu", i);
        place_fini(&place);
    }
}

Test(trial_state, a_stable_release_is_sick_when_its_pods_fail_or_half_of_them_are_missing)
{
    static const struct {
        enum gate_verdict verdict;
        int wanted, available, before; /* -1 = nobody knows how many there were */
        bool sick;
    } rows[] = {
        {GATE_FAILED, 2, 2, -1, true},
        {GATE_PROGRESSING, 4, 1, -1, true},
        {GATE_PROGRESSING, 4, 2, -1, false},
        {GATE_PROGRESSING, 0, 0, -1, false},
        {GATE_UNKNOWN, 4, 0, -1, false},
        {GATE_STALE, 4, 0, -1, false},
        {GATE_SETTLED, 4, 4, -1, false},
        {GATE_UNDEPLOYED, 0, 0, -1, false},
        /* an autoscaler asks for more, and they are on their way */
        {GATE_PROGRESSING, 8, 2, 2, false},
        {GATE_PROGRESSING, 8, 1, 4, true},
        {GATE_PROGRESSING, 2, 1, 8, false},
        {GATE_PROGRESSING, 2, 0, 8, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gate_answer answer = {.verdict = rows[i].verdict,
                                     .replicas_wanted = rows[i].wanted,
                                     .replicas_available = rows[i].available};
        struct object object = {.epoch = 7, .desired = 9};
        struct track track = {
            .rollout = {.has_stable = true, .stable_slot = 'b', .replicas = rows[i].before}};
        track.bindings[BINDING_B] = (struct binding){
            .object = &object, .answered = true, .gate = &answer, .epoch = 7, .judged = 9};
        cr_expect_eq(trial_stable_is_sick(&track), rows[i].sick, "%zu", i);
        /* an old look tells nothing, nor one of content that stands in its place */
        object.epoch = 8;
        cr_expect_not(trial_stable_is_sick(&track), "%zu", i);
        object.epoch = 7;
        object.desired = 10;
        cr_expect_not(trial_stable_is_sick(&track), "%zu", i);
        object.desired = 9;
        track.rollout.touched = true;
        cr_expect_not(trial_stable_is_sick(&track), "%zu", i);
        track.rollout.touched = false;
        track.rollout.has_stable = false;
        cr_expect_not(trial_stable_is_sick(&track), "%zu", i);
    }
}

static void show_slot(struct place *place, enum binding_role role, const char *kind)
{
    json_t *tree =
        json_pack("{s:[{s:[{s:{s:s, s:{s:s, s:s}}}]}]}", "renderedReleases", "nodes", "object",
                  "kind", kind, "metadata", "name", "shop-api", "namespace", "dp-shop");
    trial_query_note_names(place->engine, &place->track->bindings[role], tree);
    json_decref(tree);
}

/* Requests are counted by workload: a Service alone does not tell which release had them. */
Test(trial_state, the_names_are_known_once_both_slots_showed_a_workload)
{
    struct place place;
    place_init(&place);
    seat(&place, "prometheus", true);
    cr_expect_not(trial_query_knows_names(place.track));
    show_slot(&place, BINDING_B, "Deployment");
    cr_expect_not(trial_query_knows_names(place.track));
    show_slot(&place, BINDING_A, "Service");
    cr_expect_not(trial_query_knows_names(place.track));
    show_slot(&place, BINDING_A, "Deployment");
    cr_expect(trial_query_knows_names(place.track));
    cr_expect_str_eq(place.track->bindings[BINDING_A].names->space, "dp-shop");
    place_fini(&place);
}
