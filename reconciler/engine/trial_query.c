#include "reconciler/engine/trial_query.h"

#include "config/base/text.h"
#include "config/manifest/effective.h"
#include "reconciler/engine/track.h"
#include "reconciler/tree/node.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_INTERVAL DURATION_S(60)
#define LAG_SHORTEST DURATION_S(5)
#define LAG_LONGEST DURATION_S(30)

/* A threshold below this could not be proven within any soak. */
#define LIMIT_LEAST 0.001
#define LIMIT_MOST 0.5

/* Correlations that can be: without any the test trusts counts too much. */
#define RHO_LEAST 0.001
#define RHO_MOST 0.1

/* --- the source ---------------------------------------------------------------------------------
 */

static const char *kind_name(enum analysis_kind kind)
{
    static const char *const names[] = {
        [ANALYSIS_ERROR_RATE] = "error-rate",
        [ANALYSIS_LATENCY] = "latency",
        [ANALYSIS_RATIO] = "ratio",
        [ANALYSIS_HISTOGRAM] = "histogram",
    };
    return names[kind];
}

static const char *policy_name(enum insufficient_policy policy)
{
    static const char *const names[] = {
        [INSUFFICIENT_HOLD] = "hold",
        [INSUFFICIENT_PROMOTE] = "promote",
        [INSUFFICIENT_ROLLBACK] = "rollback",
    };
    return names[policy];
}

static json_t *source_metric(const struct analysis_metric *metric, size_t index)
{
    json_t *made = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:n}", "name", metric->name.text,
                             "kind", kind_name(metric->kind), "numerator", metric->numerator.text,
                             "denominator", metric->denominator.text, "histogram",
                             metric->histogram.text, "threshold", metric->threshold.text, "edge");
    if (index >= JUDGE_METRICS_LIMIT)
        json_object_set_new(
            made, "message",
            json_sprintf("left out: no more than %d metrics are judged", JUDGE_METRICS_LIMIT));
    return made;
}

bool trial_query_can_judge(const struct rollout_policy *policy, bool routed)
{
    return routed && policy->strategy != STRATEGY_ROLLING && policy->analysis.set;
}

static json_t *source_metrics(const struct analysis *analysis)
{
    static const struct analysis_metric errors = {.name = {.text = "error-rate"},
                                                  .kind = ANALYSIS_ERROR_RATE};
    const struct analysis_metric *wanted =
        analysis->metric_count == 0 ? &errors : analysis->metrics;
    const size_t count = analysis->metric_count == 0 ? 1 : analysis->metric_count;
    json_t *metrics = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(metrics, source_metric(&wanted[i], i));
    if (json_array_size(metrics) < count)
        json_decref(TAKE(metrics));
    return metrics;
}

static json_t *source_workflow(const struct workflow_reference *workflow)
{
    if (workflow->name.text == NULL)
        return NULL;
    return json_pack("{s:s, s:s?, s:O?}", "name", workflow->name.text, "kind", workflow->kind.text,
                     "parameters", workflow->parameters);
}

json_t *trial_query_source(const struct rollout_policy *policy)
{
    const struct analysis *analysis = &policy->analysis;
    const char *provider = analysis->provider.text == NULL ? "prometheus" : analysis->provider.text;
    const char *form =
        analysis->template_name.text == NULL ? "hubble" : analysis->template_name.text;
    const int64_t interval = analysis->interval.value.ms;
    const bool run = strcmp(provider, "workflow") == 0;
    return json_pack("{s:s, s:s?, s:s, s:I, s:o, s:o*}", "provider", provider, "template",
                     run ? NULL : form, "insufficient", policy_name(analysis->insufficient),
                     "interval_ms", (json_int_t)(interval > 0 ? interval : DEFAULT_INTERVAL.ms),
                     "metrics", run ? json_array() : source_metrics(analysis), "workflow",
                     run ? source_workflow(&analysis->workflow) : NULL);
}

/* --- the judge ----------------------------------------------------------------------------------
 */

static double clamp(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

struct judge_settings trial_query_settings(int64_t interval_ms, double rho)
{
    struct judge_settings settings = judge_settings_default;
    settings.window.ms = interval_ms < 1000 ? 1000 : interval_ms;
    settings.lag.ms = interval_ms / 2;
    if (settings.lag.ms < LAG_SHORTEST.ms)
        settings.lag = LAG_SHORTEST;
    if (settings.lag.ms > LAG_LONGEST.ms)
        settings.lag = LAG_LONGEST;
    if (rho >= 0)
        settings.rho = clamp(rho, RHO_LEAST, RHO_MOST);
    return settings;
}

static bool is_used(const json_t *metric)
{
    return json_object_get(metric, "message") == NULL;
}

const json_t *trial_metric(const struct trial *trial, size_t index)
{
    const json_t *metrics = json_object_get(trial->source, "metrics");
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        const json_t *metric = json_array_get(metrics, i);
        if (is_used(metric) && index-- == 0)
            return metric;
    }
    return NULL;
}

size_t trial_metric_count(const struct trial *trial)
{
    size_t count = 0;
    while (trial_metric(trial, count) != NULL)
        count++;
    return count;
}

bool trial_query_seat(const json_t *source, double rho, struct wall_time start, struct judge *judge)
{
    const struct trial of = {.source = json_unconst(source)};
    const size_t count = trial_metric_count(&of);
    if (count == 0)
        return false;
    const struct judge_settings settings =
        trial_query_settings(json_integer_value(json_object_get(source, "interval_ms")), rho);
    judge_init(judge, &settings, count, start);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_text_or(json_object_get(trial_metric(&of, i), "threshold"), NULL);
        const double limit = text == NULL ? 1 : strtod(text, NULL);
        if (limit < 1)
            judge_limit(judge, i, clamp(limit, LIMIT_LEAST, LIMIT_MOST),
                        clamp(limit, LIMIT_LEAST, LIMIT_MOST));
    }
    return true;
}

/* --- names on the data plane --------------------------------------------------------------------
 */

static void note_name(void *context, const json_t *object)
{
    struct data_names *names = context;
    const char *kind = node_kind(object);
    const bool workload = strcmp(kind, "Deployment") == 0;
    if (!workload && strcmp(kind, "Service") != 0)
        return;
    text_put(workload ? names->workload : names->service, sizeof names->workload, "%s",
             node_name(object));
    text_put(names->space, sizeof names->space, "%s",
             json_text_or(json_at(object, "metadata", "namespace", NULL), ""));
}

void trial_query_note_names(struct engine *engine, struct binding *binding, const json_t *tree)
{
    if (tree == NULL || binding->role == BINDING_ROUTE || binding->track->rollout.next_slot == 0)
        return;
    if (binding->names == NULL)
        binding->names = calloc(1, sizeof *binding->names);
    if (binding->names == NULL)
        engine->status = -ENOMEM;
    else
        node_each_live(tree, note_name, binding->names);
}

static const struct binding *side(const struct track *track, bool canary)
{
    const char slot = canary ? track->rollout.next_slot : track->rollout.stable_slot;
    return &track->bindings[slot == 'b' ? BINDING_B : BINDING_A];
}

bool trial_query_knows_names(const struct track *track)
{
    const struct data_names *canary = side(track, true)->names, *stable = side(track, false)->names;
    return canary != NULL && canary->workload[0] != '\0' && stable != NULL &&
           stable->workload[0] != '\0';
}

/* --- queries ------------------------------------------------------------------------------------
 */

static const char *known(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static json_t *arm_json(const struct track *track, bool canary)
{
    const struct rollout *rollout = &track->rollout;
    const struct binding *binding = side(track, canary);
    static const struct data_names unknown;
    const struct data_names *names = binding->names == NULL ? &unknown : binding->names;
    char component[NAME_SIZE + 2];
    track_component_name(track, binding->role, component);
    const char slot[2] = {canary ? rollout->next_slot : rollout->stable_slot, '\0'};
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?}", "slot", slot, "component", component,
                     "binding", binding->object->key.name, "release",
                     canary ? rollout->next.release_digest : rollout->stable.release_digest,
                     "namespace", known(names->space), "workload", known(names->workload),
                     "service", known(names->service));
}

static json_t *asked_metrics(const json_t *source)
{
    static const char *const keys[] = {"name",        "kind",      "numerator",
                                       "denominator", "histogram", "edge"};
    const struct trial of = {.source = json_unconst(source)};
    json_t *metrics = json_array();
    const json_t *metric;
    for (size_t i = 0; (metric = trial_metric(&of, i)) != NULL; i++) {
        json_t *asked = json_object();
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            json_object_set(asked, keys[k], json_object_get(metric, keys[k]));
        json_array_append_new(metrics, asked);
    }
    return metrics;
}

static json_t *query(const struct engine *engine, const struct track *track, const char *purpose,
                     struct judge_window window, bool canary)
{
    const json_t *source = track->trial->source;
    char from[WALL_TIME_TEXT_SIZE], to[WALL_TIME_TEXT_SIZE];
    wall_time_format(window.from, from);
    wall_time_format(window.to, to);
    const struct target *place = track->place;
    json_t *made = json_pack("{s:s, s:O, s:O, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "purpose",
                             purpose, "provider", json_object_get(source, "provider"), "template",
                             json_object_get(source, "template"), "cell", track->unit->name,
                             "component", track->component, "target", track->target, "environment",
                             place->environment->name.text, "region", place->region->name.text,
                             "namespace", engine->platform->namespace_name.text, "project",
                             track->unit->project, "revision", track->rollout.next.revision);
    json_t *rest =
        json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o}", "from", from, "to", to, "from_ms",
                  (json_int_t)window.from.ms, "to_ms", (json_int_t)window.to.ms, "canary",
                  canary ? arm_json(track, true) : json_null(), "stable", arm_json(track, false),
                  "metrics", asked_metrics(source));
    return json_join(made, rest);
}

json_t *trial_query_window(const struct engine *engine, const struct track *track,
                           struct judge_window window, bool canary)
{
    return query(engine, track, "window", window, canary);
}

/* Not longer back than the stable release is the stable one. */
json_t *trial_query_history(const struct engine *engine, const struct track *track)
{
    const int64_t now = engine->now.wall.ms, baked = track->rollout.stable.baked_wall_ms;
    int64_t from = now - TRIAL_HISTORY.ms;
    if (baked > from && baked < now)
        from = baked;
    const struct judge_window window = {{from}, {now}};
    return query(engine, track, "history", window, false);
}
