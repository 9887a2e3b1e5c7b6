#include "daemon/analysis/webhook.h"

#include "config/base/json.h"
#include "daemon/analysis/count.h"
#include "daemon/analysis/tally.h"

#include <math.h>
#include <string.h>

#define EDGES_LIMIT 200

static int invalid(struct error *err, const char *metric, const char *what)
{
    return error_set(err, ERROR_INVALID, ERR_INVALID, "the webhook's answer: %.63s%s%s", metric,
                     metric[0] == '\0' ? "" : ": ", what);
}

static bool is_count(const json_t *json)
{
    return json_is_number(json) && tally_is_count(json_number_value(json));
}

/* --- windows -------------------------------------------------------------------------------- */

static int read_pair(const json_t *json, const char *metric, json_t **ret_pair, struct error *err)
{
    struct tally tally = {.state = TALLY_ABSENT};
    const json_t *requests = json_object_get(json, "requests"), *bad = json_object_get(json, "bad");
    if (json != NULL && !json_is_null(json)) {
        tally = (struct tally){.state = TALLY_COUNTED,
                               .requests = json_number_value(requests),
                               .bad = json_number_value(bad)};
        if (!is_count(requests) || !is_count(bad) || tally.bad > tally.requests)
            return invalid(err, metric,
                           "canary and stable are null, or have requests and bad, numbers of which "
                           "the second is not larger");
    }
    *ret_pair = count_pair(&tally);
    return *ret_pair == NULL ? error_no_memory(err) : 0;
}

static int read_window(const json_t *json, const char *name, json_t *metrics, struct error *err)
{
    OWNED_JSON *canary = NULL, *stable = NULL;
    int result = read_pair(json_object_get(json, "canary"), name, &canary, err);
    if (result == 0)
        result = read_pair(json_object_get(json, "stable"), name, &stable, err);
    if (result < 0)
        return result;
    return json_array_append_new(metrics, json_pack("{s:s, s:O, s:O}", "name", name, "canary",
                                                    canary, "stable", stable)) < 0
               ? error_no_memory(err)
               : 0;
}

/* --- history -------------------------------------------------------------------------------- */

static bool are_edges(const json_t *edges)
{
    double last_edge = -(double)INFINITY, last_count = 0;
    if (!json_is_array(edges) || json_array_size(edges) > EDGES_LIMIT)
        return false;
    for (size_t i = 0; i < json_array_size(edges); i++) {
        const json_t *le = json_object_get(json_array_get(edges, i), "le");
        const json_t *count = json_object_get(json_array_get(edges, i), "count");
        const bool is_last = i + 1 == json_array_size(edges);
        const double edge = json_is_number(le) ? json_number_value(le)
                            : is_last          ? (double)INFINITY
                                               : (double)NAN;
        if (!(edge > last_edge) || !is_count(count) || json_number_value(count) < last_count)
            return false;
        last_edge = edge;
        last_count = json_number_value(count);
    }
    return true;
}

static int read_history(const json_t *json, const char *name, json_t *metrics, struct error *err)
{
    json_t *edges = json_object_get(json, "edges");
    const bool is_known = edges != NULL && !json_is_null(edges);
    if (is_known && !are_edges(edges))
        return invalid(err, name,
                       "edges is null or a list of {le, count}, both rising; le null only at last");
    return json_array_append_new(metrics,
                                 json_pack("{s:s, s:o}", "name", name, "edges",
                                           is_known ? json_deep_copy(edges) : json_null())) < 0
               ? error_no_memory(err)
               : 0;
}

static bool is_row(const json_t *row)
{
    if (!json_is_array(row) || json_array_size(row) > COUNT_REPLICAS_LIMIT)
        return false;
    for (size_t i = 0; i < json_array_size(row); i++) {
        const json_t *pair = json_array_get(row, i);
        const json_t *requests = json_array_get(pair, 0), *bad = json_array_get(pair, 1);
        if (json_array_size(pair) != 2 || !is_count(requests) || !is_count(bad) ||
            json_number_value(bad) > json_number_value(requests))
            return false;
    }
    return true;
}

static int read_replicas(const json_t *replicas, struct error *err)
{
    if (replicas == NULL || json_is_null(replicas))
        return 0;
    bool is_sound = json_is_array(replicas) && json_array_size(replicas) <= COUNT_ROWS_LIMIT;
    for (size_t i = 0; is_sound && i < json_array_size(replicas); i++)
        is_sound = is_row(json_array_get(replicas, i));
    return is_sound ? 0
                    : invalid(err, "",
                              "replicas is null or a list of rows of pairs [requests, bad], one "
                              "per replica");
}

/* --- both ----------------------------------------------------------------------------------- */

static bool is_asked(const struct question *question, const char *name)
{
    for (size_t i = 0; i < question->metric_count; i++) {
        if (strcmp(question->metrics[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Each metric of the answer was asked for, and comes once. */
static int check_names(const struct question *question, const json_t *list, struct error *err)
{
    OWNED_JSON *seen = json_object();
    if (!json_is_array(list))
        return invalid(err, "", "it has no list of metrics");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_text_or(json_object_get(json_array_get(list, i), "name"), "");
        if (!is_asked(question, name))
            return invalid(err, name, "this metric was not asked for");
        if (json_object_get(seen, name) != NULL)
            return invalid(err, name, "this metric comes twice");
        if (json_object_set_new(seen, name, json_true()) < 0)
            return error_no_memory(err);
    }
    return 0;
}

static const json_t *find(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *each = json_array_get(list, i);
        if (strcmp(json_text_or(json_object_get(each, "name"), ""), name) == 0)
            return each;
    }
    return NULL;
}

int webhook_answer(const struct question *question, const json_t *body, json_t **ret_answer,
                   struct error *err)
{
    const bool is_history = question->purpose == QUESTION_HISTORY;
    const json_t *list = json_object_get(body, "metrics");
    const json_t *replicas = json_object_get(body, "replicas");
    OWNED_JSON *metrics = json_array();
    int result = check_names(question, list, err);
    for (size_t i = 0; result == 0 && i < question->metric_count; i++) {
        const char *name = question->metrics[i].name;
        const json_t *found = find(list, name);
        result = is_history ? read_history(found, name, metrics, err)
                            : read_window(found, name, metrics, err);
    }
    if (result == 0 && is_history)
        result = read_replicas(replicas, err);
    if (result < 0)
        return result;
    json_t *answer = json_pack("{s:O}", "metrics", metrics);
    if (answer == NULL ||
        (is_history &&
         json_object_set_new(answer, "replicas",
                             replicas == NULL ? json_null() : json_deep_copy(replicas)) < 0)) {
        json_decref(answer);
        return error_no_memory(err);
    }
    *ret_answer = answer;
    return 0;
}
