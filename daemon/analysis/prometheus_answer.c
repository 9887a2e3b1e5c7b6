#include "config/base/json.h"
#include "daemon/analysis/count.h"
#include "daemon/analysis/prometheus_plan.h"
#include "daemon/analysis/tally.h"

#include <errno.h>

static int tally_number(const struct prometheus *prometheus, const struct read *read,
                        struct tally *ret_tally)
{
    const struct tally_window window = prometheus_window(prometheus);
    if (read->state == READ_RAW)
        return tally_sum(&read->samples, &window, read->targets, ret_tally);
    tally_value(&read->samples, ret_tally);
    return 0;
}

/* Nothing that counts bad events is "none of them" only where the same query shows some of the
 * other release: a query that never finds anything would pass everything. */
static bool is_none(const struct prometheus *prometheus, size_t metric, const struct tally *bad)
{
    for (size_t j = 0; bad->state == TALLY_ABSENT && j < QUESTION_ARM_COUNT; j++) {
        const struct want *other = &prometheus->wants[metric][j];
        struct tally found;
        if (other->use == USE_PAIR && tally_number(prometheus, other->second, &found) == 0 &&
            found.state == TALLY_COUNTED)
            return true;
    }
    return false;
}

static int tally_pair(const struct prometheus *prometheus, size_t metric, const struct want *want,
                      struct tally *ret_tally)
{
    struct tally all, bad;
    if (tally_number(prometheus, want->first, &all) < 0 ||
        tally_number(prometheus, want->second, &bad) < 0)
        return -ENOMEM;
    if (is_none(prometheus, metric, &bad))
        bad = (struct tally){.state = TALLY_COUNTED};
    *ret_tally = all;
    ret_tally->bad = bad.requests;
    if (all.state == TALLY_COUNTED && bad.state != TALLY_COUNTED)
        ret_tally->state = bad.state;
    else if (all.state == TALLY_COUNTED && bad.requests > all.requests)
        ret_tally->state = TALLY_UNSOUND;
    return 0;
}

/* Others are counted by the same labels: the slots had no requests. */
static bool is_alive(const struct prometheus *prometheus)
{
    struct tally found = {.state = TALLY_ABSENT};
    if (prometheus->alive != NULL)
        tally_value(&prometheus->alive->samples, &found);
    return found.state == TALLY_COUNTED && found.requests > 0;
}

/* NULL without memory. */
static json_t *count_want(const struct prometheus *prometheus, size_t metric, size_t arm)
{
    const struct want *want = &prometheus->wants[metric][arm];
    const struct tally_window window = prometheus_window(prometheus);
    struct tally tally = {.state = TALLY_ABSENT};
    int result = 0;
    switch (want->use) {
    case USE_NOTHING:
        break;
    case USE_CODES:
        result = tally_codes(&want->first->samples, &window, want->first->targets,
                             prometheus->question.dialect->code, prometheus->question.dialect->call,
                             &tally);
        if (result == 0 && tally.state == TALLY_ABSENT && is_alive(prometheus))
            tally = (struct tally){.state = TALLY_COUNTED};
        break;
    case USE_BUCKETS:
        if (want->first->state == READ_RAW)
            result = tally_buckets(&want->first->samples, &window, want->first->targets, want->edge,
                                   &tally);
        else
            tally_value_buckets(&want->first->samples, want->edge, &tally);
        break;
    case USE_PAIR:
        result = tally_pair(prometheus, metric, want, &tally);
        break;
    }
    return result < 0 ? NULL : count_pair(&tally);
}

static json_t *edges_of(const struct prometheus *prometheus, size_t metric)
{
    const struct want *want = &prometheus->wants[metric][QUESTION_STABLE];
    const bool is_own = prometheus->question.metrics[metric].histogram != NULL;
    if (want->use != USE_BUCKETS)
        return json_null();
    return count_edges(&want->first->samples,
                       is_own ? 1 : prometheus->question.dialect->per_second);
}

static json_t *answer_history(const struct prometheus *prometheus)
{
    const struct question *question = &prometheus->question;
    json_t *metrics = json_array();
    for (size_t i = 0; i < question->metric_count; i++)
        json_array_append_new(metrics, json_pack("{s:s, s:o}", "name", question->metrics[i].name,
                                                 "edges", edges_of(prometheus, i)));
    json_t *replicas = json_null();
    if (prometheus->replica_requests != NULL && prometheus->replica_bad != NULL)
        replicas = count_replicas(&prometheus->replica_requests->samples,
                                  &prometheus->replica_bad->samples, question->dialect->replica);
    return json_pack("{s:o, s:o}", "metrics", metrics, "replicas", replicas);
}

json_t *prometheus_answer(const struct prometheus *prometheus)
{
    const struct question *question = &prometheus->question;
    if (question->purpose == QUESTION_HISTORY)
        return answer_history(prometheus);
    json_t *metrics = json_array();
    for (size_t i = 0; i < question->metric_count; i++)
        json_array_append_new(metrics,
                              json_pack("{s:s, s:o, s:o}", "name", question->metrics[i].name,
                                        "canary", count_want(prometheus, i, QUESTION_CANARY),
                                        "stable", count_want(prometheus, i, QUESTION_STABLE)));
    return json_pack("{s:o}", "metrics", metrics);
}
