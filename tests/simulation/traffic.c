#include "tests/simulation/traffic.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE 100.0        /* requests a second */
#define BASE 0.004        /* share of bad requests of a good release */
#define BASE_SLOW 0.005   /* ... and of slow ones */
#define REMEMBERED 900000 /* milliseconds */

void traffic_init(struct traffic *traffic, struct world *world)
{
    *traffic = (struct traffic){.world = world};
}

void traffic_fini(struct traffic *traffic)
{
    for (size_t i = 0; i < traffic->count; i++)
        free(traffic->streams[i].spans);
    traffic->count = 0;
}

/* --- what is so ---------------------------------------------------------------------------------
 */

static struct stream *stream_of(struct traffic *traffic, const char *component, const char *target)
{
    for (size_t i = 0; i < traffic->count; i++) {
        struct stream *stream = &traffic->streams[i];
        if (strcmp(stream->component, component) == 0 && strcmp(stream->target, target) == 0)
            return stream;
    }
    CHECK(traffic->count < TRAFFIC_STREAMS);
    struct stream *stream = &traffic->streams[traffic->count++];
    snprintf(stream->component, sizeof stream->component, "%s", component);
    snprintf(stream->target, sizeof stream->target, "%s", target);
    stream->spans = calloc(TRAFFIC_SPANS, sizeof *stream->spans);
    stream->count = 0;
    CHECK(stream->spans != NULL);
    return stream;
}

static bool is_same(const struct span *a, const struct span *b)
{
    for (size_t i = 0; i < 2; i++) {
        if (a->weight[i] < b->weight[i] || a->weight[i] > b->weight[i] ||
            a->serves[i] != b->serves[i] || a->quality[i] != b->quality[i])
            return false;
    }
    return true;
}

static void append(struct stream *stream, const struct span *span)
{
    if (stream->count > 0 && is_same(&stream->spans[stream->count - 1], span))
        return;
    /* What was to come later is not so any more. */
    while (stream->count > 0 && stream->spans[stream->count - 1].from_ms >= span->from_ms)
        stream->count--;
    size_t old = 0;
    while (old + 1 < stream->count &&
           (stream->spans[old + 1].from_ms < span->from_ms - REMEMBERED ||
            stream->count - old >= TRAFFIC_SPANS))
        old++;
    stream->count -= old;
    memmove(stream->spans, stream->spans + old, stream->count * sizeof *span);
    stream->spans[stream->count++] = *span;
}

/* The weights of the component's live route, 0 without one. */
static void read_weights(const json_t *routes, const char *component, const char *target,
                         double ret_weight[2])
{
    ret_weight[0] = ret_weight[1] = 0;
    for (size_t i = 0; i < json_array_size(routes); i++) {
        const json_t *route = json_array_get(routes, i);
        const json_t *labels = json_at(route, "metadata", "labels", NULL);
        if (strcmp(json_text_or(json_object_get(labels, "openchoreo.dev/component"), ""),
                   component) != 0 ||
            strcmp(json_text_or(json_object_get(labels, "openchoreo.dev/environment"), ""),
                   target) != 0)
            continue;
        const json_t *rule = json_array_get(json_at(route, "spec", "rules", NULL), 0);
        const json_t *backends = json_object_get(rule, "backendRefs");
        for (size_t k = 0; k < json_array_size(backends); k++) {
            const json_t *backend = json_array_get(backends, k);
            const char *name = json_text_or(json_object_get(backend, "name"), "");
            const size_t length = strlen(name);
            ret_weight[length > 0 && name[length - 1] == 'b'] =
                json_number_value(json_object_get(backend, "weight")) / 100;
        }
        return;
    }
}

static void look_at(struct traffic *traffic, const json_t *routes, const struct part *part,
                    const char *target)
{
    struct stream *stream = stream_of(traffic, part->name, target);
    struct span span = {.from_ms = world_platform_now(traffic->world)};
    double wanted[2];
    read_weights(routes, part->name, target, wanted);
    for (size_t i = 0; i < 2; i++) {
        char component[32];
        monorepo_component(part, "ab"[i], component);
        const struct platform_running running =
            platform_running(traffic->world->platform, "acme", component, target);
        span.serves[i] = running.ready > 0;
        span.quality[i] = monorepo_image_quality(running.image);
        span.weight[i] = wanted[i];
    }
    const struct span *last = stream->count == 0 ? NULL : &stream->spans[stream->count - 1];
    const bool moves = last != NULL && last->weight[0] + last->weight[1] > 0 &&
                       (wanted[0] < last->weight[0] || wanted[0] > last->weight[0] ||
                        wanted[1] < last->weight[1] || wanted[1] > last->weight[1]);
    if (moves && traffic->lag_ms > 0) {
        struct span still = span;
        memcpy(still.weight, last->weight, sizeof still.weight);
        append(stream, &still);
        if (traffic->lag_ms == INT64_MAX)
            return;
        span.from_ms += traffic->lag_ms;
    }
    append(stream, &span);
}

void traffic_look(struct traffic *traffic, const struct monorepo *repository)
{
    const uint64_t version = platform_serving_version(traffic->world->platform);
    if (version == traffic->version && traffic->lag_ms != INT64_MAX)
        return;
    traffic->version = version;
    json_t *routes = platform_live_all(traffic->world->platform, "HTTPRoute");
    for (int i = 0; i < repository->plot_count; i++) {
        const struct part *part = &repository->plots[i].parts[PART_SERVICE];
        for (int t = 0; t < monorepo_target_count(repository); t++)
            look_at(traffic, routes, part, monorepo_target(repository, t));
    }
    json_decref(routes);
}

const struct span *traffic_now(const struct traffic *traffic, const char *component,
                               const char *target)
{
    for (size_t i = 0; i < traffic->count; i++) {
        const struct stream *stream = &traffic->streams[i];
        if (strcmp(stream->component, component) == 0 && strcmp(stream->target, target) == 0 &&
            stream->count > 0)
            return &stream->spans[stream->count - 1];
    }
    return NULL;
}

/* --- what is told -------------------------------------------------------------------------------
 */

struct tally {
    double requests, bad, slow;
};

static double errors_of(enum quality quality)
{
    switch (quality) {
    case QUALITY_GOOD:
    case QUALITY_BROKEN:
        return BASE;
    case QUALITY_WORSE:
        return 4 * BASE;
    case QUALITY_BAD:
        return 10 * BASE;
    }
    CHECK_UNREACHABLE();
}

static struct tally count(const struct stream *stream, size_t slot, int64_t from, int64_t to)
{
    struct tally tally = {0};
    to = to < stream->known_ms ? to : stream->known_ms; /* what is to come is not counted */
    for (size_t i = 0; i < stream->count; i++) {
        const struct span *span = &stream->spans[i];
        const int64_t end = i + 1 < stream->count ? stream->spans[i + 1].from_ms : INT64_MAX;
        const int64_t begins = span->from_ms > from ? span->from_ms : from;
        const int64_t ends = end < to ? end : to;
        if (begins >= ends)
            continue;
        const double requests = RATE * span->weight[slot] * (double)(ends - begins) / 1000;
        tally.requests += requests;
        tally.bad += requests * (span->serves[slot] ? errors_of(span->quality[slot]) : 1);
        tally.slow += requests * (span->serves[slot] ? BASE_SLOW : 1);
    }
    return tally;
}

static json_t *arm(const json_t *query, const struct stream *stream, const char *name, bool slow,
                   enum traffic_lie lie)
{
    const json_t *side = json_object_get(query, name);
    const bool other = lie == TRAFFIC_LABELS && strcmp(name, "canary") == 0;
    if (!json_is_object(side) || stream == NULL || lie == TRAFFIC_EMPTY || other)
        return json_null();
    if (lie == TRAFFIC_NAN)
        return json_pack("{s:s, s:n}", "requests", "NaN", "bad");
    const int64_t from = json_integer_value(json_object_get(query, "from_ms"));
    const int64_t to = json_integer_value(json_object_get(query, "to_ms"));
    const bool second = strcmp(json_text_or(json_object_get(side, "slot"), ""), "b") == 0;
    const struct tally tally =
        count(stream, second, from, lie == TRAFFIC_LATE ? from + (to - from) / 2 : to);
    const double bad = slow ? tally.slow : tally.bad;
    if (lie == TRAFFIC_RESET)
        return json_pack("{s:f, s:f}", "requests", bad / 2, "bad", bad + 1);
    return json_pack("{s:f, s:f}", "requests", tally.requests, "bad", bad);
}

static json_t *window(const json_t *query, const struct stream *stream, enum traffic_lie lie)
{
    json_t *metrics = json_array();
    const json_t *asked = json_object_get(query, "metrics");
    for (size_t i = 0; i < json_array_size(asked); i++) {
        const json_t *metric = json_array_get(asked, i);
        const bool slow = strcmp(json_text_or(json_object_get(metric, "kind"), ""), "latency") == 0;
        for (int times = lie == TRAFFIC_TWICE ? 2 : 1; times > 0; times--)
            json_array_append_new(
                metrics, json_pack("{s:O, s:o, s:o}", "name", json_object_get(metric, "name"),
                                   "canary", arm(query, stream, "canary", slow, lie), "stable",
                                   arm(query, stream, "stable", slow, lie)));
    }
    return json_pack("{s:o}", "metrics", metrics);
}

static json_t *history(enum traffic_lie lie)
{
    if (lie == TRAFFIC_EMPTY || lie == TRAFFIC_LABELS)
        return json_pack("{s:[{s:s, s:n}], s:n}", "metrics", "name", "latency", "edges",
                         "replicas");
    return json_pack("{s:[{s:s, s:[{s:f, s:f}, {s:f, s:f}, {s:n, s:f}]}], s:n}", "metrics", "name",
                     "latency", "edges", "le", 0.1, "count", 900.0, "le", 0.5, "count", 995.0, "le",
                     "count", lie == TRAFFIC_RESET ? 1.0 : 1000.0, "replicas");
}

json_t *traffic_answer(struct traffic *traffic, const json_t *query, struct error *ret_err)
{
    const enum traffic_lie lie =
        traffic->lie == NULL ? TRAFFIC_TRUTH : traffic->lie(traffic->context);
    traffic->told = lie;
    const bool past = strcmp(json_text_or(json_object_get(query, "purpose"), ""), "history") == 0;
    *(past ? &traffic->histories : &traffic->windows) += 1;
    if (lie == TRAFFIC_ERROR) {
        error_set(ret_err, ERROR_UNAVAILABLE, ERR_HTTP,
                  "the source of metrics answered 503: " WORLD_LONG_WORDS);
        ret_err->retry_after_ms = -1;
        return NULL;
    }
    if (past)
        return history(lie);
    const char *component = json_text_or(json_object_get(query, "component"), "");
    const char *target = json_text_or(json_object_get(query, "target"), "");
    struct stream *stream = NULL;
    for (size_t i = 0; i < traffic->count && stream == NULL; i++) {
        if (strcmp(traffic->streams[i].component, component) == 0 &&
            strcmp(traffic->streams[i].target, target) == 0)
            stream = &traffic->streams[i];
    }
    if (stream != NULL)
        stream->known_ms = world_platform_now(traffic->world);
    return window(query, stream, lie);
}
