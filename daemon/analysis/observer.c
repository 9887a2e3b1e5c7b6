#include "daemon/analysis/observer.h"

#include "config/base/json.h"
#include "config/base/time.h"
#include "daemon/analysis/count.h"
#include "daemon/analysis/tally.h"

#include <string.h>

static bool is_asked(const struct question *question)
{
    if (question->purpose == QUESTION_HISTORY)
        return false;
    for (size_t i = 0; i < question->metric_count; i++) {
        if (question->metrics[i].kind == ANALYSIS_ERROR_RATE)
            return true;
    }
    return false;
}

int observer_request(const struct question *question, char **ret_body, struct error *err)
{
    char from[WALL_TIME_TEXT_SIZE], to[WALL_TIME_TEXT_SIZE];
    *ret_body = NULL;
    if (!is_asked(question))
        return 0;
    if (question->namespace == NULL || question->project == NULL || question->environment == NULL)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "the question to the observer names no namespace, project or environment");
    wall_time_format((struct wall_time){.ms = question->from_ms}, from);
    wall_time_format((struct wall_time){.ms = question->to_ms}, to);
    OWNED_JSON *body = json_pack("{s:{s:s, s:s, s:s}, s:s, s:s, s:b, s:b}", "searchScope",
                                 "namespace", question->namespace, "project", question->project,
                                 "environment", question->environment, "startTime", from, "endTime",
                                 to, "includeGateways", 1, "includeExternal", 1);
    *ret_body = body == NULL ? NULL : json_canonical(body);
    return *ret_body == NULL ? error_no_memory(err) : 0;
}

/* --- the topology --------------------------------------------------------------------------- */

/* The observer leaves out what is zero, and what its source does not count: only when it counts
 * them for somebody does a missing number of failures mean none. */
static bool counts_failures(const json_t *edges)
{
    for (size_t i = 0; i < json_array_size(edges); i++) {
        if (json_is_number(
                json_at(json_array_get(edges, i), "metrics", "unsuccessfulRequestCount", NULL)))
            return true;
    }
    return false;
}

static bool leads_to(const json_t *edge, const char *component)
{
    return strcmp(json_text_or(json_at(edge, "target", "kind", NULL), ""), "component") == 0 &&
           strcmp(json_text_or(json_at(edge, "target", "component", NULL), ""), component) == 0;
}

static struct tally tally_edges(const json_t *edges, const char *component)
{
    struct tally tally = {.state = TALLY_ABSENT};
    const bool counts = counts_failures(edges);
    for (size_t i = 0; i < json_array_size(edges); i++) {
        const json_t *edge = json_array_get(edges, i);
        if (!leads_to(edge, component))
            continue;
        const json_t *all = json_at(edge, "metrics", "requestCount", NULL);
        const json_t *bad = json_at(edge, "metrics", "unsuccessfulRequestCount", NULL);
        tally.state = TALLY_COUNTED;
        if (!json_is_number(all) || (!json_is_number(bad) && !counts))
            return (struct tally){.state = TALLY_UNSOUND};
        tally.requests += json_number_value(all);
        tally.bad += json_number_value(bad);
    }
    /* Each is extrapolated by itself. */
    if (tally.bad > tally.requests && tally.bad < tally.requests * 1.01 + 1)
        tally.bad = tally.requests;
    if (!tally_is_count(tally.requests) || !tally_is_count(tally.bad) || tally.bad > tally.requests)
        tally.state = TALLY_UNSOUND;
    return tally;
}

static json_t *count_arm(const json_t *edges, const struct question_metric *metric,
                         const struct question_arm *arm)
{
    if (metric->kind != ANALYSIS_ERROR_RATE || !arm->present || arm->component == NULL)
        return json_null();
    const struct tally tally = tally_edges(edges, arm->component);
    return count_pair(&tally);
}

int observer_answer(const struct question *question, const json_t *body, json_t **ret_answer,
                    struct error *err)
{
    const json_t *edges = json_object_get(body, "edges");
    if (body != NULL && !json_is_object(json_object_get(body, "summary")))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "the observer's answer is no topology: it has no summary");
    const bool is_history = question->purpose == QUESTION_HISTORY;
    OWNED_JSON *metrics = json_array();
    for (size_t i = 0; i < question->metric_count; i++) {
        const struct question_metric *metric = &question->metrics[i];
        json_t *each =
            is_history
                ? json_pack("{s:s, s:n}", "name", metric->name, "edges")
                : json_pack("{s:s, s:o, s:o}", "name", metric->name, "canary",
                            count_arm(edges, metric, &question->arms[QUESTION_CANARY]), "stable",
                            count_arm(edges, metric, &question->arms[QUESTION_STABLE]));
        if (json_array_append_new(metrics, each) < 0)
            return error_no_memory(err);
    }
    json_t *answer = is_history ? json_pack("{s:O, s:n}", "metrics", metrics, "replicas")
                                : json_pack("{s:O}", "metrics", metrics);
    if (answer == NULL)
        return error_no_memory(err);
    *ret_answer = answer;
    return 0;
}
