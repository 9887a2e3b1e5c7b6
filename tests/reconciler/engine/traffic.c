#include "tests/reconciler/engine/traffic.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the source of metrics ----------------------------------------------------------------------
 */

static double share_of(const struct traffic *traffic, const struct world *world, const char *slot,
                       const char *environment, bool slow)
{
    char component[64];
    snprintf(component, sizeof component, "shop-api-%s", slot);
    const struct platform_running running =
        platform_running(world->platform, "acme", component, environment);
    const char *tag = strrchr(running.image, ':');
    if (slow)
        return tag != NULL && strncmp(tag, ":slow", 5) == 0 ? traffic->slow : traffic->base;
    return tag != NULL && strncmp(tag, ":bad", 4) == 0 ? traffic->bad : traffic->base;
}

double traffic_weight(const struct world *world, const char *slot, const char *environment)
{
    char binding[64], component[64];
    snprintf(binding, sizeof binding, "shop-api-%s", environment);
    snprintf(component, sizeof component, "shop-api-%s", slot);
    json_t *route = platform_object(world->platform, "releasebindings", "acme", binding);
    const json_t *backends =
        json_at(route, "spec", "componentTypeEnvironmentConfigs", "backends", NULL);
    double weight = 0;
    for (size_t i = 0; i < json_array_size(backends); i++) {
        const json_t *backend = json_array_get(backends, i);
        if (strcmp(json_text_or(json_object_get(backend, "name"), ""), component) == 0)
            weight = json_number_value(json_object_get(backend, "weight"));
    }
    json_decref(route);
    return weight / 100;
}

static json_t *arm(const struct traffic *traffic, const struct world *world, const json_t *query,
                   const char *name, bool slow)
{
    const json_t *side = json_object_get(query, name);
    if (!json_is_object(side))
        return json_null();
    const char *slot = json_text_or(json_object_get(side, "slot"), "");
    const char *environment = json_text_or(json_object_get(query, "target"), "");
    if (traffic->fault == TRAFFIC_EMPTY)
        return json_null();
    if (traffic->fault == TRAFFIC_NONSENSE)
        return json_pack("{s:f, s:f}", "requests", 10.0, "bad", -1.0);
    const double seconds = (double)(json_integer_value(json_object_get(query, "to_ms")) -
                                    json_integer_value(json_object_get(query, "from_ms"))) /
                           1000;
    double requests = traffic->rate * seconds * traffic_weight(world, slot, environment);
    if (traffic->fault == TRAFFIC_SILENT && strcmp(name, "canary") == 0)
        requests = 0;
    const bool cold = slow && !traffic->warm && strcmp(name, "canary") == 0;
    const double share = share_of(traffic, world, slot, environment, slow);
    return json_pack("{s:f, s:f}", "requests", requests, "bad",
                     requests * (cold && traffic->cold > share ? traffic->cold : share));
}

static json_t *window(struct traffic *traffic, const struct world *world, const json_t *query)
{
    json_t *metrics = json_array();
    const json_t *asked = json_object_get(query, "metrics");
    for (size_t i = 0; i < json_array_size(asked); i++) {
        const json_t *metric = json_array_get(asked, i);
        const bool slow = strcmp(json_text_or(json_object_get(metric, "kind"), ""), "latency") == 0;
        json_array_append_new(metrics,
                              json_pack("{s:O, s:o, s:o}", "name", json_object_get(metric, "name"),
                                        "canary", arm(traffic, world, query, "canary", slow),
                                        "stable", arm(traffic, world, query, "stable", slow)));
    }
    const json_t *canary = json_object_get(json_array_get(metrics, 0), "canary");
    if (json_number_value(json_object_get(canary, "requests")) > 0)
        traffic->warm = true;
    return json_pack("{s:o}", "metrics", metrics);
}

static json_t *history(void)
{
    return json_pack("{s:[{s:s, s:[{s:f, s:f}, {s:f, s:f}, {s:n, s:f}]}], s:n}", "metrics", "name",
                     "latency", "edges", "le", 0.1, "count", 900.0, "le", 0.5, "count", 995.0, "le",
                     "count", 1000.0, "replicas");
}

static void note(struct traffic *traffic, const json_t *query)
{
    char key[160];
    snprintf(key, sizeof key, "%s..%s %s", json_text_or(json_object_get(query, "from"), ""),
             json_text_or(json_object_get(query, "to"), ""),
             json_text_or(json_at(query, "canary", "release", NULL), "none"));
    json_object_set_new(traffic->asked, key,
                        json_integer(json_integer_value(json_object_get(traffic->asked, key)) + 1));
}

static json_t *answer(void *context, struct world *world, const json_t *query,
                      struct error *ret_err)
{
    struct traffic *traffic = context;
    const bool past = strcmp(json_text_or(json_object_get(query, "purpose"), ""), "history") == 0;
    *(past ? &traffic->histories : &traffic->windows) += 1;
    if (!past)
        note(traffic, query);
    else
        traffic->past_ms = json_integer_value(json_object_get(query, "to_ms")) -
                           json_integer_value(json_object_get(query, "from_ms"));
    traffic->nameless += !past && !json_is_string(json_at(query, "stable", "workload", NULL));
    if (traffic->fault == TRAFFIC_DOWN || (past && traffic->no_history)) {
        error_set(ret_err, ERROR_UNAVAILABLE, ERR_HTTP,
                  "the source of metrics answered 503: " WORLD_LONG_WORDS);
        ret_err->retry_after_ms = -1;
        return NULL;
    }
    if (traffic->fault == TRAFFIC_ODD)
        return json_array();
    return past ? history() : window(traffic, world, query);
}

static void watch(void *context, const struct effect *effect)
{
    struct traffic *traffic = context;
    if (effect->kind == EFFECT_QUERY_METRICS)
        traffic->last = effect->as.metrics.id;
}

static int step(void *context, struct engine *engine, const struct engine_event *event,
                struct effect_list *effects)
{
    struct traffic *traffic = context;
    return traffic->step(traffic->step_context, engine, event, effects);
}

/* --- the world ----------------------------------------------------------------------------------
 */

struct world *traffic_world(struct traffic *traffic)
{
    struct world_options options;
    world_options_default(&options);
    options.metrics = answer;
    options.watch = watch;
    options.context = traffic;
    options.step = traffic->step == NULL ? NULL : step;
    traffic->asked = json_object();
    traffic->world = world_new(&options);
    return traffic->world;
}

struct world *traffic_free(struct traffic *traffic)
{
    json_decref(traffic->asked);
    return world_free(traffic->world);
}

void traffic_commit(struct traffic *traffic, int revision, const char *platform, const char *tag,
                    const char *policy)
{
    char image[64], extra[1024];
    snprintf(image, sizeof image, "registry.example/shop:%s", tag);
    snprintf(extra, sizeof extra, "  rollout: %s\n", policy);
    repository_commit(traffic->world, revision, platform, "shop", image, extra, NULL);
}

void traffic_begin(struct traffic *traffic, const char *policy, const char *tag)
{
    traffic_world(traffic);
    traffic_commit(traffic, 1, platform_small, "1", policy);
    expect_condition(traffic->world, CONDITION_CONVERGED);
    cr_assert_eq(traffic->windows, 0, "there was nothing to compare");
    traffic_commit(traffic, 2, platform_small, tag, policy);
}

const json_t *traffic_rollout(struct traffic *traffic, const char *target)
{
    static json_t *kept;
    json_decref(kept);
    kept = engine_cell_status(traffic->world->engine, "shop", world_now(traffic->world));
    const json_t *targets = json_object_get(kept, "targets");
    for (size_t i = 0; i < json_array_size(targets); i++) {
        const json_t *node = json_array_get(targets, i);
        if (strcmp(json_text_or(json_object_get(node, "target"), ""), target) == 0)
            return json_object_get(json_array_get(json_object_get(node, "components"), 0),
                                   "rollout");
    }
    return NULL;
}

const char *traffic_text(struct traffic *traffic, const char *target, const char *key)
{
    return json_text_or(json_object_get(traffic_rollout(traffic, target), key), "");
}

void traffic_until(struct traffic *traffic, const char *target, const char *state, int64_t limit_ms)
{
    struct world *world = traffic->world;
    const int64_t until = world->now_ms + limit_ms;
    while (strcmp(traffic_text(traffic, target, "state"), state) != 0) {
        if (!world_step(world, until)) {
            char *shown = json_dumps(traffic_rollout(traffic, target), JSON_INDENT(1));
            char *events = json_dumps(world->published, JSON_COMPACT);
            cr_assert_fail("not %s: %s\n%s", state, shown, events);
        }
    }
}

const json_t *traffic_event(struct traffic *traffic, const char *type)
{
    static json_t *kept;
    json_decref(kept);
    kept = engine_history(traffic->world->engine);
    const json_t *events = json_object_get(kept, "events");
    for (size_t i = json_array_size(events); i-- > 0;) {
        const json_t *event = json_array_get(events, i);
        if (strcmp(json_text_or(json_object_get(event, "type"), ""), type) == 0)
            return event;
    }
    return NULL;
}

const json_t *traffic_analysis(struct traffic *traffic)
{
    return json_object_get(traffic_rollout(traffic, "development"), "analysis");
}

const char *traffic_verdict(struct traffic *traffic)
{
    return json_text_or(json_object_get(traffic_analysis(traffic), "verdict"), "");
}

size_t traffic_quarantines(const struct traffic *traffic)
{
    json_t *shown = engine_quarantine(traffic->world->engine);
    const size_t count = json_array_size(json_object_get(shown, "entries"));
    json_decref(shown);
    return count;
}

bool traffic_order(struct traffic *traffic, const char *action, const char *target)
{
    bool done = false;
    world_command(traffic->world, "rollout",
                  json_pack("{s:s, s:s, s:s, s:s}", "action", action, "cell", "shop", "component",
                            "shop-api", "target", target),
                  &done);
    return done;
}
