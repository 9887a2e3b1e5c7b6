#include "daemon/analysis/question.h"

#include "config/base/json.h"

#include <math.h>
#include <string.h>

static const char *const purposes[] = {"window", "history", "check"};
static const char *const providers[] = {"prometheus", "observer", "webhook"};
_Static_assert(sizeof(providers) / sizeof(providers[0]) == QUESTION_PROVIDER_COUNT, "one each");
static const char *const kinds[] = {
    [ANALYSIS_ERROR_RATE] = "error-rate",
    [ANALYSIS_LATENCY] = "latency",
    [ANALYSIS_RATIO] = "ratio",
    [ANALYSIS_HISTOGRAM] = "histogram",
};

static int invalid(struct error *err, const char *member)
{
    return error_set(err, ERROR_INVALID, ERR_INVALID,
                     "the question to the metrics' source is not sound: %s", member);
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_text_or(json_object_get(object, key), NULL);
    return text == NULL || text[0] == '\0' ? NULL : text;
}

/* Index of the member's text in `words`, -1 when it is none of them. */
static int word_at(const json_t *object, const char *key, const char *const *words, size_t count)
{
    const char *text = text_at(object, key);
    for (size_t i = 0; text != NULL && i < count; i++) {
        if (strcmp(words[i], text) == 0)
            return (int)i;
    }
    return -1;
}

static void read_arm(const json_t *json, struct question_arm *arm)
{
    const char *slot = text_at(json, "slot");
    *arm = (struct question_arm){
        .present = json_is_object(json),
        .slot = slot == NULL ? '\0' : slot[0],
        .component = text_at(json, "component"),
        .namespace = text_at(json, "namespace"),
        .workload = text_at(json, "workload"),
        .service = text_at(json, "service"),
    };
}

static int read_metric(const json_t *json, struct question_metric *metric, struct error *err)
{
    const json_t *edge = json_object_get(json, "edge");
    const int kind = word_at(json, "kind", kinds, sizeof(kinds) / sizeof(kinds[0]));
    *metric = (struct question_metric){
        .name = text_at(json, "name"),
        .numerator = text_at(json, "numerator"),
        .denominator = text_at(json, "denominator"),
        .histogram = text_at(json, "histogram"),
        .edge = json_is_number(edge) ? json_number_value(edge) : -1,
    };
    if (metric->name == NULL || kind < 0)
        return invalid(err, "a metric has no name, or no kind that is known");
    metric->kind = (enum analysis_kind)kind;
    return isfinite(metric->edge) ? 0 : invalid(err, "a metric's edge");
}

static int read_metrics(const json_t *list, struct question *question, struct error *err)
{
    question->metric_count = json_array_size(list);
    if (question->metric_count == 0 || question->metric_count > QUESTION_METRICS_LIMIT)
        return invalid(err, "metrics");
    int result = 0;
    for (size_t i = 0; result == 0 && i < question->metric_count; i++)
        result = read_metric(json_array_get(list, i), &question->metrics[i], err);
    return result;
}

static bool read_span(const json_t *json, struct question *question)
{
    const json_t *from = json_object_get(json, "from_ms"), *to = json_object_get(json, "to_ms");
    question->from_ms = json_integer_value(from);
    question->to_ms = json_integer_value(to);
    return json_is_integer(from) && json_is_integer(to) && question->from_ms >= 0 &&
           question->from_ms < question->to_ms &&
           question->to_ms - question->from_ms <= QUESTION_SPAN_LIMIT;
}

int question_read(const json_t *json, struct question *ret_question, struct error *err)
{
    const int purpose = word_at(json, "purpose", purposes, sizeof(purposes) / sizeof(purposes[0]));
    const int provider = word_at(json, "provider", providers, QUESTION_PROVIDER_COUNT);
    const char *dialect = text_at(json, "template");
    struct question question = {
        .json = json,
        .dialect = dialect_find(dialect == NULL ? "query" : dialect),
        .target = text_at(json, "target"),
        .namespace = text_at(json, "namespace"),
        .project = text_at(json, "project"),
        .environment = text_at(json, "environment"),
    };
    if (purpose < 0)
        return invalid(err, "purpose");
    if (provider < 0)
        return invalid(err, "provider");
    if (question.dialect == NULL)
        return invalid(err, "template");
    if (!read_span(json, &question))
        return invalid(err, "from_ms and to_ms");
    question.purpose = (enum question_purpose)purpose;
    question.provider = (enum question_provider)provider;
    read_arm(json_object_get(json, "canary"), &question.arms[QUESTION_CANARY]);
    read_arm(json_object_get(json, "stable"), &question.arms[QUESTION_STABLE]);
    const int result = read_metrics(json_object_get(json, "metrics"), &question, err);
    if (result == 0)
        *ret_question = question;
    return result;
}

const char *question_provider_name(enum question_provider provider)
{
    return providers[provider];
}
