#include "config/base/check.h"
#include "daemon/analysis/prometheus_plan.h"
#include "daemon/analysis/promql.h"

#include <stdlib.h>

/* Labels that are no part of a series' identity: see tally.h. */
#define ONE_OF_EACH                                                                                \
    "max without (job, prometheus, prometheus_replica, replica, thanos_replica, receive_replica)"

/* *ret_query stays NULL when a name is not known. */
static int fill(const struct prometheus *prometheus, const char *pattern,
                const struct question_arm *arm, char **ret_query, struct error *err)
{
    enum promql_filled filled = PROMQL_FILLED;
    OWNED_TEXT query;
    text_init(&query, PROMQL_LIMIT);
    const int result =
        promql_fill(pattern, arm, prometheus_span(&prometheus->question), &query, &filled, err);
    if (result < 0 || filled == PROMQL_UNKNOWN)
        return result;
    *ret_query = text_take(&query);
    return *ret_query == NULL ? error_no_memory(err) : 0;
}

/* name{the slot's matchers, `more`}; *ret_query stays NULL when a name is not known. */
static int select_slot(const struct prometheus *prometheus, const char *name, const char *more,
                       const struct question_arm *arm, char **ret_query, struct error *err)
{
    OWNED_TEXT pattern;
    text_init(&pattern, PROMQL_LIMIT);
    text_format(&pattern, "%s{%s%s%s}", name, prometheus->question.dialect->selector,
                more[0] == '\0' ? "" : ",", more);
    return text_status(&pattern) < 0 ? error_no_memory(err)
                                     : fill(prometheus, text_get(&pattern), arm, ret_query, err);
}

/* --- windows -------------------------------------------------------------------------------- */

/* A query of a metric itself. `matcher` narrows a selector ("" = nothing). */
static int add_own(struct prometheus *prometheus, const struct question_metric *metric,
                   const char *pattern, const char *matcher, const struct question_arm *arm,
                   struct read **ret_read, struct error *err)
{
    const bool is_selector = promql_is_selector(pattern);
    if (!is_selector && !promql_covers_window(pattern))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "a query of the metric %.63s is neither a plain selector of a counter nor "
                         "one with ${window} in it: write sum(increase(name{...}[${window}]))",
                         metric->name);
    OWNED(owned_free) char *query = NULL;
    int result = fill(prometheus, pattern, arm, &query, err);
    if (result < 0 || query == NULL)
        return result;
    OWNED_TEXT narrowed;
    text_init(&narrowed, PROMQL_LIMIT);
    if (is_selector && matcher[0] != '\0')
        promql_narrow(&narrowed, query, matcher);
    else
        text_add(&narrowed, query);
    char *text = text_take(&narrowed);
    return text == NULL ? error_no_memory(err)
                        : prometheus_add(prometheus, is_selector ? READ_RAW : READ_VALUE, text,
                                         ret_read, err);
}

static int want_pair(struct prometheus *prometheus, const struct question_metric *metric,
                     const struct question_arm *arm, struct want *want, struct error *err)
{
    int result = add_own(prometheus, metric, metric->denominator, "", arm, &want->first, err);
    if (result == 0)
        result = add_own(prometheus, metric, metric->numerator, "", arm, &want->second, err);
    want->use = want->first != NULL && want->second != NULL ? USE_PAIR : USE_NOTHING;
    return result;
}

static int want_codes(struct prometheus *prometheus, const struct question_arm *arm,
                      struct want *want, struct error *err)
{
    char *query = NULL;
    const int result =
        select_slot(prometheus, prometheus->question.dialect->requests, "", arm, &query, err);
    if (result < 0 || query == NULL)
        return result;
    want->use = USE_CODES;
    return prometheus_add(prometheus, READ_RAW, query, &want->first, err);
}

/* le=~"the edge and infinity" */
static void edge_matcher(struct text *out, double edge)
{
    text_add(out, "le=~\"");
    promql_edges(out, edge);
    text_add(out, "\"");
}

static int want_buckets(struct prometheus *prometheus, const struct question_metric *metric,
                        const struct question_arm *arm, struct want *want, struct error *err)
{
    const struct dialect *dialect = prometheus->question.dialect;
    const bool is_own = metric->histogram != NULL;
    if (metric->edge < 0 || (!is_own && dialect->buckets == NULL))
        return 0;
    want->edge = metric->edge * (is_own ? 1 : dialect->per_second);
    OWNED_TEXT matcher;
    text_init(&matcher, 512);
    edge_matcher(&matcher, want->edge);
    int result = 0;
    if (is_own) {
        result = add_own(prometheus, metric, metric->histogram, text_get(&matcher), arm,
                         &want->first, err);
    } else {
        char *query = NULL;
        result = select_slot(prometheus, dialect->buckets, text_get(&matcher), arm, &query, err);
        if (result == 0 && query != NULL)
            result = prometheus_add(prometheus, READ_RAW, query, &want->first, err);
    }
    want->use = want->first == NULL ? USE_NOTHING : USE_BUCKETS;
    return result;
}

/* A metric that is not known to the dialect, and brings no queries. */
static int lacks_query(const struct prometheus *prometheus, const struct question_metric *metric,
                       struct error *err)
{
    return error_set(err, ERROR_INVALID, ERR_INVALID,
                     "the metric %.63s has no queries, and the template %s knows none for it",
                     metric->name, prometheus->question.dialect->name);
}

static int want_metric(struct prometheus *prometheus, const struct question_metric *metric,
                       const struct question_arm *arm, struct want *want, struct error *err)
{
    const bool has_pair = metric->numerator != NULL && metric->denominator != NULL;
    const bool is_known = prometheus->question.dialect->selector != NULL;
    if (!arm->present)
        return 0;
    switch (metric->kind) {
    case ANALYSIS_ERROR_RATE:
    case ANALYSIS_RATIO:
        if (has_pair)
            return want_pair(prometheus, metric, arm, want, err);
        return is_known ? want_codes(prometheus, arm, want, err)
                        : lacks_query(prometheus, metric, err);
    case ANALYSIS_LATENCY:
    case ANALYSIS_HISTOGRAM:
        if (metric->histogram != NULL || is_known)
            return want_buckets(prometheus, metric, arm, want, err);
        return lacks_query(prometheus, metric, err);
    }
    CHECK_UNREACHABLE();
}

/* --- history -------------------------------------------------------------------------------- */

static int want_edges(struct prometheus *prometheus, const struct question_metric *metric,
                      struct want *want, struct error *err)
{
    const struct question_arm *stable = &prometheus->question.arms[QUESTION_STABLE];
    const struct dialect *dialect = prometheus->question.dialect;
    OWNED(owned_free) char *query = NULL;
    int result = 0;
    if (metric->histogram != NULL)
        result = fill(prometheus, metric->histogram, stable, &query, err);
    else if (dialect->buckets != NULL)
        result = select_slot(prometheus, dialect->buckets, "", stable, &query, err);
    if (result < 0 || query == NULL)
        return result;
    OWNED_TEXT sum;
    text_init(&sum, PROMQL_LIMIT);
    text_add(&sum, "sum by (le) (");
    if (metric->histogram == NULL || promql_is_selector(metric->histogram)) {
        text_format(&sum, ONE_OF_EACH " (increase(%s[", query);
        promql_duration(&sum, prometheus_span(&prometheus->question));
        text_add(&sum, "])))");
    } else {
        text_format(&sum, "%s)", query);
    }
    char *text = text_take(&sum);
    want->use = USE_BUCKETS;
    return text == NULL ? error_no_memory(err)
                        : prometheus_add(prometheus, READ_VALUE, text, &want->first, err);
}

static int add_replicas(struct prometheus *prometheus, const char *more, struct read **ret_read,
                        struct error *err)
{
    const struct question *question = &prometheus->question;
    OWNED(owned_free) char *query = NULL;
    const int result = select_slot(prometheus, question->dialect->requests, more,
                                   &question->arms[QUESTION_STABLE], &query, err);
    if (result < 0 || query == NULL)
        return result;
    OWNED_TEXT sum;
    text_init(&sum, PROMQL_LIMIT);
    text_format(&sum, "sum by (%s) (" ONE_OF_EACH " (increase(%s[", question->dialect->replica,
                query);
    promql_duration(&sum, prometheus_part(question));
    text_add(&sum, "])))");
    char *text = text_take(&sum);
    return text == NULL ? error_no_memory(err)
                        : prometheus_add(prometheus, READ_RANGE, text, ret_read, err);
}

static int ask_history(struct prometheus *prometheus, struct error *err)
{
    const struct question *question = &prometheus->question;
    int result = 0;
    if (!question->arms[QUESTION_STABLE].present)
        return 0;
    for (size_t i = 0; result == 0 && i < question->metric_count; i++) {
        const enum analysis_kind kind = question->metrics[i].kind;
        if (kind == ANALYSIS_LATENCY || kind == ANALYSIS_HISTOGRAM)
            result = want_edges(prometheus, &question->metrics[i],
                                &prometheus->wants[i][QUESTION_STABLE], err);
    }
    if (result < 0 || question->dialect->replica == NULL)
        return result;
    OWNED_TEXT bad;
    text_init(&bad, 256);
    text_format(&bad, "%s=~\"5.*\"", question->dialect->code);
    result = add_replicas(prometheus, "", &prometheus->replica_requests, err);
    if (result == 0)
        result = add_replicas(prometheus, text_get(&bad), &prometheus->replica_bad, err);
    return result;
}

static int ask_window(struct prometheus *prometheus, struct error *err)
{
    const struct question *question = &prometheus->question;
    int result = 0;
    for (size_t i = 0; result == 0 && i < question->metric_count; i++) {
        for (size_t j = 0; result == 0 && j < QUESTION_ARM_COUNT; j++)
            result = want_metric(prometheus, &question->metrics[i], &question->arms[j],
                                 &prometheus->wants[i][j], err);
    }
    return result;
}

/* Requests are counted, and none of them for either release. */
static bool is_silent(const struct prometheus *prometheus)
{
    size_t asked = 0;
    for (size_t i = 0; i < prometheus->question.metric_count; i++) {
        for (size_t j = 0; j < QUESTION_ARM_COUNT; j++) {
            const struct want *want = &prometheus->wants[i][j];
            if (want->use != USE_CODES)
                continue;
            if (want->first->samples.count > 0)
                return false;
            asked++;
        }
    }
    return asked > 0;
}

/* Who was never called has no series. Nor has anybody whose metrics are not collected, or not by
 * these labels: so others are looked for. */
int prometheus_want_alive(struct prometheus *prometheus, struct error *err)
{
    const struct dialect *dialect = prometheus->question.dialect;
    if (dialect->alive == NULL || !is_silent(prometheus))
        return 0;
    OWNED_TEXT query;
    text_init(&query, PROMQL_LIMIT);
    text_format(&query, "sum(count_over_time(%s{%s}[", dialect->requests, dialect->alive);
    promql_duration(&query, prometheus->options.stale_ms);
    text_add(&query, "]))");
    char *text = text_take(&query);
    return text == NULL ? error_no_memory(err)
                        : prometheus_add(prometheus, READ_VALUE, text, &prometheus->alive, err);
}

int prometheus_want(struct prometheus *prometheus, struct error *err)
{
    return prometheus->question.purpose == QUESTION_HISTORY ? ask_history(prometheus, err)
                                                            : ask_window(prometheus, err);
}
