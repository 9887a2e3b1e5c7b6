/* What a rollout would do and could prove, before it begins. */
#include "config/base/arena.h"
#include "config/manifest/effective.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/status.h"
#include "reconciler/engine/status_rollout.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/trial_query.h"
#include "reconciler/engine/trial_show.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <string.h>

#define POLICY_SPACE ((size_t)1 << 20)

struct prospect {
    const struct engine *engine;
    const struct track *track;
    const struct rollout_policy *policy;
    bool judged;
    json_t *source;     /* NULL = not by numbers */
    struct judge judge; /* seated */
    double rate;
    struct wall_time measured; /* ms 0 = it was given, or is not known */
};

/* --- traffic ------------------------------------------------------------------------------------
 */

static double rate_of(const json_t *analysis)
{
    return json_number_value(json_object_get(analysis, "requests_per_second"));
}

static bool is_about(const json_t *event, const struct track *track)
{
    return strcmp(json_text_or(json_object_get(event, "cell"), ""), track->unit->name) == 0 &&
           strcmp(json_text_or(json_object_get(event, "component"), ""), track->component) == 0 &&
           strcmp(json_text_or(json_object_get(event, "target"), ""), track->target) == 0;
}

/* The newest number that an event of this component here has kept. */
static void remember_rate(struct prospect *prospect)
{
    const struct engine *engine = prospect->engine;
    for (uint64_t i = engine->event_next; i-- > engine->event_first && prospect->rate <= 0;) {
        OWNED_JSON *event = history_event(engine, i);
        if (!is_about(event, prospect->track))
            continue;
        prospect->rate = rate_of(json_at(event, "data", "analysis", NULL));
        if (prospect->rate > 0 && wall_time_parse(json_text_or(json_object_get(event, "time"), ""),
                                                  &prospect->measured) < 0)
            prospect->measured.ms = 0;
    }
}

static void measure(struct prospect *prospect, double given)
{
    const struct trial *trial = prospect->track->trial;
    prospect->rate = given > 0 && given < 1e9 ? given : 0;
    if (prospect->rate > 0)
        return;
    if (trial != NULL)
        prospect->rate = trial_show_rate(trial);
    if (prospect->rate > 0)
        prospect->measured = trial->judge.until;
    else
        remember_rate(prospect);
}

/* --- what can be proven -------------------------------------------------------------------------
 */

static json_t *row_json(const struct judge_prospect *row, int64_t soak_ms)
{
    const bool ever = row->duration.ms != INT64_MAX;
    return json_pack("{s:f, s:f, s:o, s:b}", "bad", row->p_bad, "requests", row->requests, "ms",
                     ever ? json_integer((json_int_t)row->duration.ms) : json_null(), "within",
                     (int)(ever && row->duration.ms <= soak_ms));
}

static void add_prospect(const struct prospect *prospect, json_t *list, int weight, int64_t soak_ms)
{
    struct judge_prospect rows[JUDGE_PROSPECTS];
    judge_prospects(&prospect->judge.settings, prospect->rate, weight, rows);
    json_t *array = json_array();
    for (size_t i = 0; i < JUDGE_PROSPECTS; i++)
        json_array_append_new(array, row_json(&rows[i], soak_ms));
    json_array_append_new(list, json_pack("{s:i, s:I, s:o}", "weight", weight, "soak_ms",
                                          (json_int_t)soak_ms, "rows", array));
}

static json_t *prospects_json(const struct prospect *prospect)
{
    json_t *list = json_array();
    const struct rollout_policy *policy = prospect->policy;
    if (prospect->source == NULL)
        return list;
    for (size_t i = 0; i < policy->step_count; i++) {
        if (status_step_is_judged(&policy->steps[i]))
            add_prospect(prospect, list, (int)policy->steps[i].weight.value,
                         policy->steps[i].soak.value.ms);
    }
    if (policy->step_count == 0)
        add_prospect(prospect, list, 100, policy->bake.value.ms);
    return list;
}

/* The first step's best proof, in one sentence; false = nothing is known of the traffic. */
static bool say_prospect(const struct prospect *prospect, const json_t *prospects, struct text *out)
{
    const json_t *first = json_array_get(prospects, 0), *rows = json_object_get(first, "rows");
    if (first == NULL || prospect->rate <= 0)
        return false;
    const json_t *best = NULL;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (json_is_true(json_object_get(json_array_get(rows, i), "within")))
            best = json_array_get(rows, i);
    }
    const json_t *told = best == NULL ? json_array_get(rows, 0) : best;
    char time[DURATION_TEXT_SIZE];
    const int64_t seconds = (json_integer_value(json_object_get(told, "ms")) + 999) / 1000;
    duration_format(DURATION_S(seconds), time);
    text_format(out,
                "at %d %% of %.3g requests a second, %.3g %% of bad requests can be ruled out in "
                "%s%s",
                (int)json_integer_value(json_object_get(first, "weight")), prospect->rate,
                100 * json_number_value(json_object_get(told, "bad")), time,
                best == NULL ? ", which is longer than the step's soak" : "");
    return true;
}

/* --- the answer ---------------------------------------------------------------------------------
 */

static json_t *settings_json(const struct prospect *prospect)
{
    const struct judge_settings *settings = &prospect->judge.settings;
    if (prospect->source == NULL)
        return json_null();
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:I, s:I}", "alpha", settings->alpha, "beta",
                     settings->beta, "tolerance", settings->tolerance, "bad_limit", settings->p_bad,
                     "rho", settings->rho, "window_ms", (json_int_t)settings->window.ms, "lag_ms",
                     (json_int_t)settings->lag.ms);
}

static json_t *metrics_json(const struct prospect *prospect)
{
    json_t *list = json_array();
    const struct trial of = {.source = prospect->source};
    const json_t *metric;
    for (size_t i = 0; prospect->source != NULL && (metric = trial_metric(&of, i)) != NULL; i++) {
        json_t *one = trial_show_limits(&prospect->judge, i);
        json_object_set(one, "name", json_object_get(metric, "name"));
        json_object_set(one, "kind", json_object_get(metric, "kind"));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *answer_json(const struct prospect *prospect, struct instant now)
{
    static const char *const policies[] = {[INSUFFICIENT_HOLD] = "hold",
                                           [INSUFFICIENT_PROMOTE] = "promote",
                                           [INSUFFICIENT_ROLLBACK] = "rollback"};
    const struct rollout_policy *policy = prospect->policy;
    const struct track *track = prospect->track;
    const struct rollout *rollout = &track->rollout;
    json_t *prospects = prospects_json(prospect);
    OWNED_TEXT sentence;
    text_init(&sentence, 512);
    const bool told = say_prospect(prospect, prospects, &sentence);
    json_t *shown = json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:b, s:o, s:I, s:I, s:s, s:b}", "cell",
        track->unit->name, "component", track->component, "target", track->target, "strategy",
        status_strategy_name(policy->strategy), "analysis", (int)prospect->judged, "from",
        status_content(&rollout->stable, rollout->has_stable), "to",
        status_content(&track->content, track->has_content), "first", (int)!rollout->has_stable,
        "steps", status_steps(policy, prospect->judged), "bake_ms",
        (json_int_t)policy->bake.value.ms, "progress_deadline_ms",
        (json_int_t)policy->progress_deadline.value.ms, "insufficient",
        policies[policy->analysis.insufficient], "rollback_forbidden",
        (int)policy->rollback_forbidden.value);
    json_t *numbers = json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "attempts",
        (json_int_t)policy->attempts.value, "settings", settings_json(prospect), "metrics",
        metrics_json(prospect), "requests_per_second",
        prospect->rate > 0 ? json_real(prospect->rate) : json_null(), "measured",
        status_time(prospect->measured.ms), "prospects", prospects, "sentence",
        told ? json_string(text_get(&sentence)) : json_null(), "rollout",
        status_rollout(prospect->engine, track, now), "message",
        rollout->has_stable
            ? json_null()
            : json_string("there is no stable release yet: all traffic goes to the first one "
                          "once it is ready"));
    return json_join(shown, numbers);
}

/* At rest nothing is compiled, and what has no image yet cannot be: its policy is there all the
 * same. */
static int find_policy(const struct engine *engine, struct prospect *prospect, struct arena *arena)
{
    const struct track *track = prospect->track;
    struct effective *effective = NULL;
    if (arena == NULL || effective_component(engine->set, engine->platform, track->unit->cell,
                                             track->manifest, track->place, arena, &effective) < 0)
        return -ENOMEM;
    prospect->policy = &effective->rollout;
    prospect->judged =
        trial_query_can_judge(prospect->policy, deployment_is_routed(track->manifest));
    if (!prospect->judged)
        return 0;
    prospect->source = trial_query_source(prospect->policy);
    if (prospect->source == NULL)
        return -ENOMEM;
    if (!trial_query_seat(prospect->source, -1, (struct wall_time){0}, &prospect->judge))
        json_decref(TAKE(prospect->source));
    return 0;
}

json_t *engine_rollout(const struct engine *engine, const char *cell, const char *component,
                       const char *target, double requests_per_second, struct instant now)
{
    struct prospect prospect = {.engine = engine,
                                .track = unit_track_find(engine, cell, component, target)};
    if (prospect.track == NULL || !track_is_live(prospect.track))
        return NULL;
    json_t *shown = NULL;
    struct arena *arena = arena_new(POLICY_SPACE);
    if (find_policy(engine, &prospect, arena) == 0) {
        measure(&prospect, requests_per_second);
        shown = answer_json(&prospect, now);
    }
    json_decref(prospect.source);
    arena_free(arena);
    return shown;
}
