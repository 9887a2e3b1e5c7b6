#include "daemon/analysis/prometheus.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "daemon/analysis/prometheus_plan.h"
#include "daemon/analysis/promql.h"
#include "daemon/analysis/tally.h"

#include <stdlib.h>
#include <string.h>

#define QUERY_PATH "/api/v1/query"
#define RANGE_PATH "/api/v1/query_range"

/* Sub-windows of a history. */
#define PART_COUNT 60
#define PART_SHORTEST INT64_C(60000)

int64_t prometheus_span(const struct question *question)
{
    return question->to_ms - question->from_ms;
}

/* Long enough for a few scrapes, and never less than three of them. */
int64_t prometheus_part(const struct question *question)
{
    const int64_t span = prometheus_span(question);
    const int64_t part = span / PART_COUNT > PART_SHORTEST ? span / PART_COUNT : PART_SHORTEST;
    return part * 3 > span ? span / 3 : part;
}

struct tally_window prometheus_window(const struct prometheus *prometheus)
{
    return (struct tally_window){.from_ms = prometheus->question.from_ms,
                                 .to_ms = prometheus->question.to_ms,
                                 .stale_ms = prometheus->options.stale_ms};
}

/* --- requests ------------------------------------------------------------------------------- */

static void add_time(struct text *form, const char *key, int64_t ms)
{
    text_format(form, "&%s=%lld.%03lld", key, (long long)(ms / 1000), (long long)(ms % 1000));
}

static int add_request(struct prometheus *prometheus, struct read *read, bool is_for_targets,
                       const char *query, struct error *err)
{
    struct request *request = &prometheus->requests[prometheus->request_count];
    const struct question *question = &prometheus->question;
    OWNED_TEXT form;
    text_init(&form, 4 * PROMQL_LIMIT);
    text_add(&form, "query=");
    text_add_encoded(&form, query);
    request->path = QUERY_PATH;
    if (read->state == READ_RANGE) {
        const int64_t step = prometheus_part(question);
        request->path = RANGE_PATH;
        add_time(&form, "start", question->from_ms + step);
        add_time(&form, "end", question->to_ms);
        add_time(&form, "step", step);
    } else {
        add_time(&form, "time", question->to_ms);
    }
    request->form = text_take(&form);
    if (request->form == NULL)
        return text_status(&form) == ERR_LIMIT
                   ? error_set(err, ERROR_LIMIT, ERR_LIMIT, "a query is too long")
                   : error_no_memory(err);
    request->read = read;
    request->is_for_targets = is_for_targets;
    prometheus->request_count++;
    return 0;
}

/* The raw samples of a window, and enough before it for the value at its beginning. */
static int ask_raw(struct prometheus *prometheus, struct read *read, struct error *err)
{
    OWNED_TEXT query;
    text_init(&query, PROMQL_LIMIT);
    text_format(&query, "%s[", read->query);
    promql_duration(&query,
                    prometheus_span(&prometheus->question) + prometheus->options.lookback_ms);
    text_add(&query, "]");
    return add_request(prometheus, read, false, text_get(&query), err);
}

static int ask(struct prometheus *prometheus, struct read *read, struct error *err)
{
    return read->state == READ_RAW ? ask_raw(prometheus, read, err)
                                   : add_request(prometheus, read, false, read->query, err);
}

int prometheus_add(struct prometheus *prometheus, enum read_state state, char *query,
                   struct read **ret_read, struct error *err)
{
    CHECK(prometheus->read_count < READS_LIMIT);
    struct read *read = &prometheus->reads[prometheus->read_count++];
    read->state = state;
    read->query = query;
    *ret_read = read;
    return ask(prometheus, read, err);
}

/* --- life ----------------------------------------------------------------------------------- */

int prometheus_new(const struct question *question, const struct prometheus_options *options,
                   struct prometheus **ret_prometheus, struct error *err)
{
    struct prometheus *prometheus = calloc(1, sizeof(*prometheus));
    if (prometheus == NULL)
        return error_no_memory(err);
    prometheus->question = *question;
    prometheus->json = json_incref(json_unconst(question->json));
    prometheus->options = *options;
    const int result = prometheus_want(prometheus, err);
    if (result < 0) {
        prometheus_free(prometheus);
        return result;
    }
    *ret_prometheus = prometheus;
    return 0;
}

struct prometheus *prometheus_free(struct prometheus *prometheus)
{
    if (prometheus == NULL)
        return NULL;
    for (size_t i = 0; i < prometheus->read_count; i++) {
        struct read *read = &prometheus->reads[i];
        free(read->query);
        json_decref(read->targets);
        if (read->is_taken)
            samples_fini(&read->samples);
    }
    for (size_t i = 0; i < prometheus->request_count; i++)
        free(prometheus->requests[i].form);
    json_decref(prometheus->json);
    free(prometheus);
    return NULL;
}

size_t prometheus_count(const struct prometheus *prometheus)
{
    return prometheus->request_count;
}

struct prometheus_request prometheus_request(const struct prometheus *prometheus, size_t index)
{
    const struct request *request = &prometheus->requests[index];
    return (struct prometheus_request){.path = request->path, .form = request->form};
}

/* --- answers -------------------------------------------------------------------------------- */

int prometheus_take(struct prometheus *prometheus, size_t index, const json_t *body,
                    struct error *err)
{
    const struct request *request = &prometheus->requests[index];
    struct read *read = request->read;
    if (request->is_for_targets) {
        struct samples up;
        const int result = samples_read(body, SAMPLES_VECTOR, &up, err);
        if (result < 0)
            return result;
        read->targets = tally_targets(&up);
        samples_fini(&up);
        return read->targets == NULL ? error_no_memory(err) : 0;
    }
    const int result = samples_read(
        body, read->state == READ_VALUE ? SAMPLES_VECTOR : SAMPLES_MATRIX, &read->samples, err);
    read->is_taken = result == 0;
    return result;
}

/* Which targets of the series were scraped shortly before the window? */
static int ask_targets(struct prometheus *prometheus, struct read *read, struct error *err)
{
    OWNED_TEXT query;
    text_init(&query, PROMQL_LIMIT);
    text_add(&query, "last_over_time(up[");
    promql_duration(&query, prometheus->options.lookback_ms);
    text_add(&query, "] offset ");
    promql_duration(&query, prometheus_span(&prometheus->question));
    text_format(&query, ") and on (job, instance) %s", read->query);
    return add_request(prometheus, read, true, text_get(&query), err);
}

int prometheus_advance(struct prometheus *prometheus, struct error *err)
{
    const struct tally_window window = prometheus_window(prometheus);
    int result = 0;
    if (prometheus->has_advanced)
        return 0;
    prometheus->has_advanced = true;
    for (size_t i = 0; result == 0 && i < prometheus->read_count; i++) {
        struct read *read = &prometheus->reads[i];
        if (read->state == READ_RAW && tally_needs_targets(&read->samples, &window))
            result = ask_targets(prometheus, read, err);
    }
    return result < 0 ? result : prometheus_want_alive(prometheus, err);
}
