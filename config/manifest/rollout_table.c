/* The schema table of `rollout`. */
#include "config/manifest/decode.h"
#include "config/manifest/shapes.h"

#include <stddef.h>
#include <string.h>

#define STEP_LIMIT 50

static const struct word strategy_words[] = {
    {"rolling", STRATEGY_ROLLING},
    {"blue-green", STRATEGY_BLUE_GREEN},
    {"canary", STRATEGY_CANARY},
    {NULL, 0},
};
static const struct word preset_words[] = {{"cautious", 0}, {"normal", 1}, {"fast", 2}, {NULL, 0}};
static const struct word scope_words[] = {
    {"component", ROLLBACK_COMPONENT},
    {"cell", ROLLBACK_CELL},
    {"phase", ROLLBACK_PHASE},
    {NULL, 0},
};
static const struct word provider_words[] = {
    {"prometheus", 0}, {"observer", 1}, {"webhook", 2}, {"workflow", 3}, {NULL, 0}};
static const struct word template_words[] = {{"hubble", 0}, {"istio", 1}, {"envoy-gateway", 2},
                                             {"nginx", 3},  {"query", 4}, {NULL, 0}};
static const struct word metric_words[] = {
    {"error-rate", ANALYSIS_ERROR_RATE},
    {"latency", ANALYSIS_LATENCY},
    {"ratio", ANALYSIS_RATIO},
    {"histogram", ANALYSIS_HISTOGRAM},
    {NULL, 0},
};
static const struct word insufficient_words[] = {
    {"hold", INSUFFICIENT_HOLD},
    {"promote", INSUFFICIENT_PROMOTE},
    {"rollback", INSUFFICIENT_ROLLBACK},
    {NULL, 0},
};

/* --- steps ------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct header_match, member)
static const struct field header_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_FILE_NAME,
     .required = true,
     .doc = "name of the header or cookie"},
    {.name = "value",
     .kind = FIELD_TEXT,
     .offset = AT(value),
     .form = FORM_SOME,
     .required = true,
     .doc = "exact value"},
};
static const struct shape header_shape = {
    .name = "header",
    .doc = "A header or cookie that requests of testers bear",
    .size = sizeof(struct header_match),
    .fields = header_fields,
    .field_count = SHAPE_COUNT(header_fields),
};
#undef AT

/* Headers and cookies go into one list of the step. */
static void read_matches(struct decoder *decoder, const struct field *field,
                         const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct rollout_step *step = object;
    const struct header_match *before = step->matches;
    const size_t count_before = step->match_count;
    step->match_count = 0;
    decode_value(decoder, field, key, value, object);
    const size_t count = step->match_count;
    struct header_match *all = decode_array(decoder, count_before + count, sizeof(*all));
    if (all == NULL)
        return;
    if (count_before > 0)
        memcpy(all, before, count_before * sizeof(*all));
    for (size_t i = 0; i < count; i++) {
        all[count_before + i] = step->matches[i];
        all[count_before + i].kind =
            strcmp(field->name, "cookies") == 0 ? MATCH_COOKIE : MATCH_HEADER;
    }
    step->matches = all;
    step->match_count = count_before + count;
}

#define AT(member) offsetof(struct rollout_step, member)
static const struct field match_fields[] = {
    {.name = "headers",
     .kind = FIELD_LIST,
     .offset = AT(matches),
     .extra = AT(match_count),
     .shape = &header_shape,
     .min = 1,
     .max = 16,
     .read = read_matches,
     .doc = "requests that bear one of these headers"},
    {.name = "cookies",
     .kind = FIELD_LIST,
     .offset = AT(matches),
     .extra = AT(match_count),
     .shape = &header_shape,
     .min = 1,
     .max = 16,
     .read = read_matches,
     .doc = "requests that bear one of these cookies"},
};
static const struct shape match_shape = {
    .name = "match",
    .doc = "Requests that go to the new release whatever the weight",
    .size = sizeof(struct rollout_step),
    .fields = match_fields,
    .field_count = SHAPE_COUNT(match_fields),
};

static const struct field step_fields[] = {
    {.name = "weight",
     .kind = FIELD_NUMBER,
     .offset = AT(weight),
     .min = 0,
     .max = 100,
     .required = true,
     .doc = "share of traffic for the new release, in percent"},
    {.name = "soak",
     .kind = FIELD_DURATION,
     .offset = AT(soak),
     .min = 1000,
     .max = 604800000,
     .doc = "how long the step holds, once its weight is verified"},
    {.name = "pause",
     .kind = FIELD_FLAG,
     .offset = AT(pause),
     .fallback = "false",
     .doc = "wait for a person to promote, instead of or after soaking"},
    {.name = "match",
     .kind = FIELD_MAPPING,
     .shape = &match_shape,
     .doc = "requests that go to the new release whatever the weight"},
    {.name = "analysis",
     .kind = FIELD_FLAG,
     .offset = AT(analysis),
     .fallback = "true",
     .doc = "whether this step is judged"},
};

static void finish_step(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                        uint64_t seen)
{
    (void)seen;
    const struct rollout_step *step = object;
    if (!step->soak.set && !step->pause.value && yaml_find(mapping, "soak") == NULL)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_STEP", step->at, "add soak: 5m, or pause: true",
                      "a step that neither soaks nor pauses");
}

static const struct shape step_shape = {
    .name = "step",
    .doc = "One step of a canary: a weight and how long it holds",
    .size = sizeof(struct rollout_step),
    .fields = step_fields,
    .field_count = SHAPE_COUNT(step_fields),
    .at = AT(at),
    .json_rules = "{\"anyOf\": [{\"required\": [\"soak\"]}, {\"required\": [\"pause\"], "
                  "\"properties\": {\"pause\": {\"const\": true}}}]}",
    .finish = finish_step,
};
#undef AT

/* --- analysis --------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct analysis_metric, member)
static const struct field metric_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "error-rate and latency need nothing more; others say their kind and queries"},
    {.name = "kind",
     .kind = FIELD_WORD,
     .offset = AT(kind),
     .words = metric_words,
     .doc = "what is compared; by default what the name says"},
    {.name = "numerator",
     .kind = FIELD_TEXT,
     .offset = AT(numerator),
     .form = FORM_SOME,
     .doc = "query that counts the bad events"},
    {.name = "denominator",
     .kind = FIELD_TEXT,
     .offset = AT(denominator),
     .form = FORM_SOME,
     .doc = "query that counts all events"},
    {.name = "histogram",
     .kind = FIELD_TEXT,
     .offset = AT(histogram),
     .form = FORM_SOME,
     .doc = "query of a histogram's buckets"},
    {.name = "threshold",
     .kind = FIELD_TEXT,
     .offset = AT(threshold),
     .form = FORM_DECIMAL,
     .doc = "largest share of bad events, as a decimal number: 0.01"},
};

static void finish_metric(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                          uint64_t seen)
{
    struct analysis_metric *metric = object;
    if (metric->name.text == NULL)
        return;
    const bool has_kind = mapping->kind == YAML_KIND_MAPPING && (seen & 2u) != 0;
    if (!has_kind && strcmp(metric->name.text, "latency") == 0)
        metric->kind = ANALYSIS_LATENCY;
    else if (!has_kind && metric->histogram.text != NULL)
        metric->kind = ANALYSIS_HISTOGRAM;
    else if (!has_kind && metric->numerator.text != NULL)
        metric->kind = ANALYSIS_RATIO;
    else if (!has_kind && strcmp(metric->name.text, "error-rate") != 0)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_METRIC", metric->at,
                      "known by name: error-rate, latency; others need kind and queries",
                      "the metric \"%s\" has no queries", metric->name.text);
    if (metric->kind == ANALYSIS_RATIO &&
        (metric->numerator.text == NULL || metric->denominator.text == NULL))
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_METRIC", metric->at,
                      "give numerator and denominator",
                      "the metric \"%s\" is a ratio of two queries", metric->name.text);
    if (metric->kind == ANALYSIS_HISTOGRAM && metric->histogram.text == NULL)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_METRIC", metric->at, "give histogram",
                      "the metric \"%s\" needs the query of a histogram", metric->name.text);
}

static const struct shape metric_shape = {
    .name = "metric",
    .doc = "What the judge compares between the two releases",
    .size = sizeof(struct analysis_metric),
    .fields = metric_fields,
    .field_count = SHAPE_COUNT(metric_fields),
    .at = AT(at),
    .shorthand = 1,
    .finish = finish_metric,
};
#undef AT

#define AT(member) offsetof(struct analysis, member)
static const struct field analysis_fields[] = {
    {.name = "provider",
     .kind = FIELD_TEXT,
     .offset = AT(provider),
     .words = provider_words,
     .doc = "where numbers come from"},
    {.name = "template",
     .kind = FIELD_TEXT,
     .offset = AT(template_name),
     .words = template_words,
     .doc =
         "whose metrics the provider holds; query = those that the metrics name: then each does"},
    {.name = "workflow",
     .kind = FIELD_MAPPING,
     .offset = AT(workflow),
     .shape = &workflow_shape,
     .doc = "provider workflow needs it: runs once per step, and passes or fails"},
    {.name = "metrics",
     .kind = FIELD_LIST,
     .offset = AT(metrics),
     .extra = AT(metric_count),
     .shape = &metric_shape,
     .unique = true,
     .min = 1,
     .max = 20,
     .doc = "what is compared, as names or as mappings; error-rate when there is none"},
    {.name = "interval",
     .kind = FIELD_DURATION,
     .offset = AT(interval),
     .min = 10000,
     .max = 3600000,
     .fallback = "1m",
     .is_default = true,
     .doc = "time between two looks"},
    {.name = "insufficient",
     .kind = FIELD_WORD,
     .offset = AT(insufficient),
     .extra = AT(insufficient_set.set),
     .words = insufficient_words,
     .fallback = "hold",
     .is_default = true,
     .doc = "what happens when the numbers cannot tell"},
};
static const struct shape analysis_shape = {
    .name = "analysis",
    .doc = "How the new release is judged",
    .size = sizeof(struct analysis),
    .fields = analysis_fields,
    .field_count = SHAPE_COUNT(analysis_fields),
    .at = AT(at),
    .set = AT(set),
};
#undef AT

/* --- rollout ---------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct rollout_policy, member)
static const struct field rollback_fields[] = {
    {.name = "scope",
     .kind = FIELD_WORD,
     .offset = AT(rollback_scope),
     .extra = AT(rollback_scope_set),
     .words = scope_words,
     .fallback = "component",
     .is_default = true,
     .doc = "what goes back together when one component fails"},
    {.name = "forbidden",
     .kind = FIELD_FLAG,
     .offset = AT(rollback_forbidden),
     .fallback = "false",
     .is_default = true,
     .doc = "hold and ask instead of rolling back, for releases that cannot go back"},
};
static const struct shape rollback_shape = {
    .name = "rollback",
    .doc = "What happens when a release fails",
    .size = sizeof(struct rollout_policy),
    .fields = rollback_fields,
    .field_count = SHAPE_COUNT(rollback_fields),
};

static const struct field rollout_fields[] = {
    {.name = "strategy",
     .kind = FIELD_WORD,
     .offset = AT(strategy),
     .extra = AT(strategy_set),
     .words = strategy_words,
     .fallback = "rolling",
     .is_default = true,
     .doc = "how a new release takes over"},
    {.name = "preset",
     .kind = FIELD_TEXT,
     .offset = AT(preset),
     .words = preset_words,
     .doc = "ready-made canary steps, instead of steps"},
    {.name = "steps",
     .kind = FIELD_LIST,
     .offset = AT(steps),
     .extra = AT(step_count),
     .shape = &step_shape,
     .min = 1,
     .max = STEP_LIMIT,
     .doc = "canary: weights in rising order; 100 follows by itself"},
    {.name = "analysis",
     .kind = FIELD_MAPPING,
     .offset = AT(analysis),
     .shape = &analysis_shape,
     .doc = "how the new release is judged"},
    {.name = "bake",
     .kind = FIELD_DURATION,
     .offset = AT(bake),
     .min = 0,
     .max = 604800000,
     .fallback = "0s",
     .is_default = true,
     .doc = "watching after promotion, with the way back open; 5m where the environment is "
            "production"},
    {.name = "progressDeadline",
     .kind = FIELD_DURATION,
     .offset = AT(progress_deadline),
     .min = 10000,
     .max = 86400000,
     .fallback = "10m",
     .is_default = true,
     .doc = "a release that makes no progress for so long has failed"},
    {.name = "rollback",
     .kind = FIELD_MAPPING,
     .shape = &rollback_shape,
     .doc = "what happens when a release fails"},
    {.name = "attempts",
     .kind = FIELD_NUMBER,
     .offset = AT(attempts),
     .min = 1,
     .max = 100,
     .fallback = "3",
     .is_default = true,
     .doc =
         "automatic attempts of the same content on a target; then it is held, and a person told"},
};

static void check_weights(struct decoder *decoder, const struct rollout_policy *rollout)
{
    for (size_t i = 1; i < rollout->step_count; i++) {
        const struct rollout_step *step = &rollout->steps[i], *before = &rollout->steps[i - 1];
        if (step->weight.set && before->weight.set && step->weight.value < before->weight.value)
            decode_conflict(decoder, "E_WEIGHTS", step->weight.at, before->weight.at,
                            "the step before it", "weights must rise: %lld comes after %lld",
                            (long long)step->weight.value, (long long)before->weight.value);
    }
}

/* Steps are written or named, and of canaries. */
static const char rollout_rules[] =
    "{\"not\": {\"required\": [\"preset\", \"steps\"]}, \"if\": {\"properties\": {\"strategy\": "
    "{\"enum\": "
    "[\"rolling\", \"blue-green\"]}}, \"required\": [\"strategy\"]}, \"then\": {\"properties\": "
    "{\"steps\": false, \"preset\": false}}}";

static void finish_rollout(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                           uint64_t seen)
{
    struct rollout_policy *rollout = object;
    (void)mapping;
    rollout->steps_set = shape_saw(&rollout_shape, seen, "steps") && rollout->step_count > 0;
    if (rollout->steps_set && rollout->preset.text != NULL)
        decode_conflict(decoder, "E_ROLLOUT", rollout->preset.at, rollout->steps[0].at, "the steps",
                        "preset and steps exclude each other: keep one");
    const bool stepped = rollout->steps_set || rollout->preset.text != NULL;
    if (stepped && rollout->strategy_set && rollout->strategy != STRATEGY_CANARY)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_ROLLOUT",
                      rollout->steps_set ? rollout->steps[0].at : rollout->preset.at,
                      "write strategy: canary, or remove them",
                      "steps and presets belong to the strategy canary");
    check_weights(decoder, rollout);
}

const struct shape rollout_shape = {
    .name = "rollout",
    .doc = "How a new release takes over from the old one",
    .size = sizeof(struct rollout_policy),
    .fields = rollout_fields,
    .field_count = SHAPE_COUNT(rollout_fields),
    .at = AT(at),
    .set = AT(set),
    .json_rules = rollout_rules,
    .finish = finish_rollout,
};
#undef AT
