#include "tests/simulation/court.h"

#include "config/base/json.h"
#include "tests/simulation/law_intent.h"
#include "tests/simulation/law_route.h"
#include "tests/simulation/law_track.h"
#include "tests/simulation/world_journal.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void watch(void *context, const struct effect *effect)
{
    struct court *court = context;
    if (court->world != NULL && court->listens)
        law_watch(&court->law, effect);
}

static void heard(void *context, const struct world_request *request)
{
    struct court *court = context;
    if (court->world != NULL && court->listens)
        law_intent_heard(&court->law, request);
}

static json_t *metrics(void *context, struct world *world, const json_t *query,
                       struct error *ret_err)
{
    (void)world;
    return traffic_answer(&((struct court *)context)->traffic, query, ret_err);
}

static void found(struct court *court)
{
    static const char *const names[] = {"amber", "birch"};
    court->repository =
        (struct monorepo){.environments = 2, .regions = 2, .phases = 2, .plot_count = 2};
    for (int i = 0; i < 2; i++) {
        struct plot *plot = &court->repository.plots[i];
        *plot = (struct plot){.present = true, .phase = i, .depends = i - 1, .back = -1};
        snprintf(plot->name, sizeof plot->name, "%s", names[i]);
        plot->parts[0] = (struct part){.type = PART_SERVICE,
                                       .present = true,
                                       .policy = i == 0 ? POLICY_CANARY_JUDGED : POLICY_ROLLING,
                                       .replicas = 1,
                                       .version = 1};
        snprintf(plot->parts[0].name, sizeof plot->parts[0].name, "%s-api", names[i]);
    }
}

struct court *court_new(void)
{
    struct court *court = calloc(1, sizeof *court);
    cr_assert_not_null(court);
    found(court);
    struct world_options options;
    world_options_default(&options);
    options.bytes = false;
    options.watch = watch;
    options.heard = heard;
    options.metrics = metrics;
    options.context = court;
    law_init(&court->law, NULL, &court->weather, &court->repository, &court->repository);
    struct world *world = world_new(&options);
    court->world = court->law.world = court->weather.world = world;
    traffic_init(&court->traffic, world);
    court->weather.traffic = &court->traffic;
    court->law.traffic = &court->traffic;
    court->listens = true;
    snprintf(world->commit, sizeof world->commit, "%040x", 1u);
    law_new_train(&court->law);
    monorepo_commit(&court->repository, world, 1);
    cr_assert(world_run_until(world, CONDITION_CONVERGED, 1200000));
    world_run(world, 400000); /* what was disturbed counts as calm again */
    law_step(&court->law);
    law_look(&court->law);
    cr_assert_str_empty(court->law.violation, "%s", court->law.violation);
    court->listens = false;
    return court;
}

struct court *court_free(struct court *court)
{
    traffic_fini(&court->traffic);
    world_free(court->world);
    free(court);
    return NULL;
}

/* --- forgery ------------------------------------------------------------------------------------
 */

static void name(const char *family, const char *track, char ret_key[200])
{
    snprintf(ret_key, 200, "%s/%s", family, track);
}

json_t *court_row(const struct court *court, const char *track)
{
    char key[200];
    name("rollout", track, key);
    const json_t *row = law_row(&court->law, key);
    cr_assert_not_null(row, "%s", key);
    return json_deep_copy(row);
}

static json_t *begun(const struct court *court, const char *track, const char *state)
{
    json_t *row = court_row(court, track), *next = json_deep_copy(json_object_get(row, "stable"));
    json_object_set_new(next, "deployment", json_string("bbbbbbbbbbbb"));
    json_object_set_new(row, "next", next);
    json_object_set_new(row, "has_next", json_true());
    json_object_set_new(row, "next_slot", json_string("b"));
    json_object_set_new(row, "state", json_string(state));
    json_object_set_new(row, "attempt",
                        json_integer(json_integer_value(json_object_get(row, "attempt")) + 1));
    return row;
}

json_t *court_begun(const struct court *court, const char *track)
{
    return begun(court, track, "prepare");
}

json_t *court_step(const struct court *court, const char *track)
{
    json_t *row = begun(court, track, "step");
    json_object_set_new(row, "stages",
                        json_pack("[{s:i, s:i, s:b, s:b}, {s:i, s:i, s:b, s:b}]", "weight", 10,
                                  "soak_ms", 20000, "pause", 0, "analysis", 0, "weight", 50,
                                  "soak_ms", 20000, "pause", 0, "analysis", 0));
    json_object_set_new(row, "step", json_integer(0));
    json_object_set_new(row, "weight", json_integer(10));
    json_object_set_new(row, "verified", json_true());
    return row;
}

void court_lay(struct court *court, const char *family, const char *track, json_t *row)
{
    char key[200];
    name(family, track, key);
    world_journal_put(court->world, key, row);
    json_decref(row);
}

void court_persist(struct court *court, const char *family, const char *track, json_t *row)
{
    char key[200];
    name(family, track, key);
    struct effect effect = {.kind = EFFECT_PERSIST};
    effect.as.persist.key = key;
    effect.as.persist.value = row;
    law_watch(&court->law, &effect);
    world_journal_put(court->world, key, row);
    json_decref(row);
}

void court_route(struct court *court, int weight_a, int weight_b)
{
    json_t *body = json_pack("{s:{s:{s:s}, s:s, s:{s:[{s:s, s:i}, {s:s, s:i}]}}}", "spec", "owner",
                             "componentName", "amber-api", "environment", "development",
                             "componentTypeEnvironmentConfigs", "backends", "name", "amber-api-a",
                             "weight", weight_a, "name", "amber-api-b", "weight", weight_b);
    cr_assert_not_null(body);
    law_route_write(&court->law, "amber-api-development", body);
    json_decref(body);
}

void court_publish(struct court *court, const char *type, const char *message)
{
    struct effect effect = {.kind = EFFECT_PUBLISH};
    char text[256];
    snprintf(text, sizeof text, "%s", message);
    effect.as.publish.type = type;
    effect.as.publish.message = text;
    law_watch(&court->law, &effect);
}

void court_try(const struct forgery *forgeries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct court *court = court_new();
        forgeries[i].forge(court);
        char start[16];
        snprintf(start, sizeof start, "%s at ", forgeries[i].law);
        cr_expect(strncmp(court->law.violation, start, strlen(start)) == 0, "%s, %s: \"%s\"",
                  forgeries[i].law, forgeries[i].what, court->law.violation);
        court_free(court);
    }
}
