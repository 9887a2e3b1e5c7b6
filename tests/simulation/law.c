#include "tests/simulation/law.h"

#include "config/base/json.h"
#include "tests/simulation/law_backend.h"
#include "tests/simulation/law_judge.h"
#include "tests/simulation/law_order.h"
#include "tests/simulation/law_rest.h"
#include "tests/simulation/law_rollout.h"
#include "tests/simulation/law_secret.h"
#include "tests/simulation/law_time.h"
#include "tests/simulation/law_track.h"
#include "tests/simulation/law_write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROLLBACK_LIMIT 16 /* three by itself, and after each word of people: see S12 */
#define PLAN_EVERY 4      /* looks: two plans cost more than all the rest */
#define GRACE_MS 300000   /* after a disturbance the data plane may lag behind */

void law_init(struct law *law, struct world *world, const struct weather *weather,
              const struct monorepo *wanted, const struct monorepo *good)
{
    *law = (struct law){.world = world, .weather = weather, .wanted = wanted, .good = good};
    law->drifted_ms = INT64_MIN / 2;
}

void law_break(struct law *law, const char *invariant, const char *format, ...)
{
    if (law->violation[0] != '\0')
        return;
    const int length = snprintf(law->violation, sizeof law->violation,
                                "%s at %" PRId64 " ms: ", invariant, law->world->now_ms);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(law->violation + length, sizeof law->violation - (size_t)length, format, arguments);
    va_end(arguments);
}

const json_t *law_row(const struct law *law, const char *key)
{
    for (size_t i = law->world->row_count; i > 0; i--) {
        if (strcmp(law->world->rows[i - 1].key, key) == 0)
            return law->world->rows[i - 1].value;
    }
    return NULL;
}

void law_component(const struct law *law, const struct plot *plot, const struct part *part,
                   const char *target, char ret_name[32])
{
    char key[200];
    snprintf(key, sizeof key, "rollout/%s/%s/%s", plot->name, part->name, target);
    const json_t *row = law_row(law, key);
    monorepo_component(part, json_text_or(json_object_get(row, "stable_slot"), "")[0], ret_name);
}

void law_new_train(struct law *law)
{
    snprintf(law->commit, sizeof law->commit, "%s", law->world->commit);
    law->pruned_count = 0;
    law->prune_approved = false;
    law->managed = 0;
    for (size_t i = 0; i < law->world->row_count; i++)
        law->managed += strncmp(law->world->rows[i].key, "inventory/", 10) == 0;
}

/* --- rows ---------------------------------------------------------------------------------------
 */

/* The desired revision is the one that was pushed, and never an older one by itself. */
static void i14_revision(struct law *law, const json_t *value)
{
    law->checks++;
    if (strcmp(json_text_or(json_object_get(value, "commit"), ""), law->world->commit) != 0)
        law_break(law, "I14", "revision/current becomes %s while git is at %s",
                  json_text_or(json_object_get(value, "commit"), ""), law->world->commit);
}

/* A cell that cannot be read stays as it was. */
static void i5_last_good(struct law *law, const char *cell, const json_t *value)
{
    const struct plot *plot = monorepo_plot(law->wanted, cell);
    char key[64];
    snprintf(key, sizeof key, "cell/%s", cell);
    const json_t *before = law_row(law, key);
    law->checks++;
    if (plot == NULL || !plot->present || !plot->unreadable || before == NULL)
        return;
    if (!json_equal(json_object_get(before, "digest"), json_object_get(value, "digest")))
        law_break(law, "I5", "%s is unreadable, yet its last good content changes", cell);
}

static bool is_forward(const char *state)
{
    static const char *const states[] = {"prepare", "narrow", "deploy", "route", "step", "bake"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(states[i], state) == 0)
            return true;
    }
    return false;
}

/* Condemned content does not come back (I9). */
static void s11_quarantined(struct law *law, const char *track, const json_t *value)
{
    char key[256];
    snprintf(key, sizeof key, "quarantine/%s/%s", track,
             json_text_or(json_at(value, "next", "deployment", NULL), "-"));
    law->checks++;
    if (is_forward(json_text_or(json_object_get(value, "state"), "")) && law_row(law, key) != NULL)
        law_break(law, "S11", "rollout/%s goes forward with quarantined content", track);
}

static void count_return(struct law *law, const char *track, const char *digest)
{
    size_t i = 0;
    while (i < law->return_count &&
           (strcmp(law->returns[i].key, track) != 0 || strcmp(law->returns[i].digest, digest) != 0))
        i++;
    if (i == LAW_TRIES)
        return;
    if (i == law->return_count) {
        law->return_count++;
        snprintf(law->returns[i].key, sizeof law->returns[i].key, "%s", track);
        snprintf(law->returns[i].digest, sizeof law->returns[i].digest, "%s", digest);
        law->returns[i].count = 0;
    }
    if (++law->returns[i].count > ROLLBACK_LIMIT)
        law_break(law, "I9", "%s went back from %s %u times", track, digest, law->returns[i].count);
}

bool law_is_calm(const struct law *law)
{
    return law->world->now_ms - law->drifted_ms > GRACE_MS &&
           law->world->now_ms > law->weather->disturbed_ms + 30000;
}

bool law_has_crashed(const struct law *law)
{
    return law->weather->hits[FAULT_CRASH] + law->weather->hits[FAULT_STABLE_DIES] > 0;
}

/* A rollback ends at the recorded stable release, and attempts are bounded. */
static void i9_rollback(struct law *law, const char *track, const json_t *value)
{
    char key[200];
    snprintf(key, sizeof key, "rollout/%s", track);
    const json_t *before = law_row(law, key);
    const char *old = json_text_or(json_object_get(before, "state"), "");
    const char *new = json_text_or(json_object_get(value, "state"), "");
    law->checks++;
    if (strcmp(old, "rollback") != 0 && strcmp(new, "rollback") == 0)
        count_return(law, track, json_text_or(json_at(value, "next", "deployment", NULL), "-"));
    if (strcmp(old, "rollback") != 0 || strcmp(new, "rollback") == 0)
        return;
    const json_t *was = json_object_get(before, "stable"), *is = json_object_get(value, "stable");
    if (!json_equal(json_object_get(was, "deployment"), json_object_get(is, "deployment")))
        law_break(law, "I9", "the rollback of %s does not end at the release that was stable",
                  track);
    const char *target = strrchr(track, '/') + 1;
    const bool second = json_text_or(json_object_get(before, "stable_slot"), "")[0] == 'b';
    const json_t *spec = json_object_get(was, second ? "slot_b" : "slot_a");
    char name[160];
    snprintf(name, sizeof name, "%s-%s",
             json_text_or(json_at(spec, "owner", "componentName", NULL), ""), target);
    json_t *live = platform_object(law->world->platform, "releasebindings", "acme", name);
    if (live != NULL && law_is_calm(law) && strcmp(new, "prepare") != 0 &&
        !json_equal(json_at(live, "spec", "releaseName", NULL),
                    json_object_get(spec, "releaseName")))
        law_break(law, "I9", "%s went back, but its binding is %s", track,
                  json_text_or(json_at(live, "spec", "releaseName", NULL), ""));
    json_decref(live);
}

static void watch_row(struct law *law, const char *key, const json_t *value)
{
    law_secret_json(law, value, key);
    if (value == NULL) {
        if (strncmp(key, "rollout/", 8) == 0)
            law_track_forget(law, key + 8);
        return;
    }
    if (strcmp(key, "revision/current") == 0)
        i14_revision(law, value);
    else if (strncmp(key, "cell/", 5) == 0)
        i5_last_good(law, key + 5, value);
    else if (strncmp(key, "rollout/", 8) == 0) {
        s11_quarantined(law, key + 8, value);
        i9_rollback(law, key + 8, value);
        law_rollout_row(law, key + 8, law_row(law, key), value);
    } else if (strncmp(key, "quarantine/", 11) == 0) {
        law_rollout_quarantine(law, key + 11, value);
    } else if (strncmp(key, "judge/", 6) == 0) {
        law_judge_row(law, key + 6, law_row(law, key), value);
    }
}

void law_watch(struct law *law, const struct effect *effect)
{
    if (effect->kind == EFFECT_PERSIST) {
        watch_row(law, effect->as.persist.key, effect->as.persist.value);
    } else if (effect->kind == EFFECT_REQUEST && effect->as.request.write) {
        law_secret_json(law, effect->as.request.body, effect->as.request.path);
        law_write(law, effect->as.request.method, effect->as.request.path, effect->as.request.body);
    } else if (effect->kind == EFFECT_QUERY_METRICS) {
        law_secret_json(law, effect->as.metrics.query, "a query of metrics");
        law_judge_query(law, effect->as.metrics.query);
    } else if (effect->kind == EFFECT_PUBLISH) {
        law_secret_text(law, effect->as.publish.message, "an event");
        law_order_told(law, effect);
    }
}

/* --- after a step -------------------------------------------------------------------------------
 */

static void i8_dangers(struct law *law)
{
    struct platform_dangers now = platform_danger(law->world->platform);
    const struct platform_dangers none = {0};
    if (law_has_crashed(law))
        now.weight_to_unready = 0; /* they died under it */
    law->checks++;
    if (now.weight_to_missing > law->missing)
        law_backend_missing(law);
    law->missing = now.weight_to_missing;
    now.weight_to_missing = 0;
    if (memcmp(&now, &none, sizeof none) == 0)
        return;
    law_break(law, "I8",
              "dangers: namespace %u duplicate %u livelock %u environment %u unready %u "
              "taken %u prb %u overwritten %u dangling %u terminating %u foreign %u double %u",
              now.namespace_destroyed, now.duplicate_binding, now.livelock_entered,
              now.environment_deleted, now.weight_to_unready, now.route_taken,
              now.binding_without_prb, now.release_overwritten, now.dangling_reference,
              now.terminating_used, now.foreign_erased, now.double_rollout);
}

static void i17_bounded(struct law *law)
{
    size_t flying = 0, asking = 0, events = 0, rollouts = 0;
    for (size_t i = 0; i < law->world->request_count; i++) {
        const struct world_request *request = law->world->requests[i];
        /* Metrics are somebody else's: no more questions than there are rollouts to judge. */
        if (strcmp(request->method, "METRICS") == 0)
            asking += !request->abandoned;
        else
            flying += !request->abandoned;
    }
    for (size_t i = 0; i < law->world->row_count; i++) {
        events += strncmp(law->world->rows[i].key, "event/", 6) == 0;
        rollouts += strncmp(law->world->rows[i].key, "rollout/", 8) == 0;
    }
    law->checks++;
    if (asking > rollouts)
        law_break(law, "I17", "%zu questions about %zu rollouts", asking, rollouts);
    if (flying > (size_t)law->world->options.engine.parallel_requests)
        law_break(law, "I17", "%zu requests at a time", flying);
    if (events > law->world->options.engine.events_kept)
        law_break(law, "I17", "%zu events are kept", events);
    if (law->world->row_count > 1500)
        law_break(law, "I17", "%zu rows", law->world->row_count);
}

void law_step(struct law *law)
{
    i8_dangers(law);
    law_order_step(law);
}

/* --- now and then -------------------------------------------------------------------------------
 */

/* What is durable is what the engine knows: nothing acknowledged is lost by a restart (I2, I18). */
static void i18_rows(struct law *law)
{
    char *different = world_rows_differ(law->world);
    law->checks++;
    if (different != NULL)
        law_break(law, "I18", "journal and engine differ in %s", different);
    free(different);
}

static void i19_component(struct law *law, const char *cell, const char *target,
                          const json_t *component)
{
    char key[200];
    snprintf(key, sizeof key, "rollout/%s/%s/%s", cell,
             json_text_or(json_object_get(component, "name"), ""), target);
    const json_t *row = law_row(law, key);
    const char *durable = row == NULL ? "idle" : json_text_or(json_object_get(row, "state"), "");
    const char *told = json_text_or(json_object_get(component, "state"), "");
    law->checks++;
    if (strcmp(durable, told) != 0)
        law_break(law, "I19", "status says %s is %s, the journal says %s", key, told, durable);
}

/* The status does not lie. */
static void i19_status(struct law *law)
{
    json_t *status = engine_status(law->world->engine, world_now(law->world));
    law_secret_json(law, status, "the status");
    const json_t *commit = json_at(status, "revision", "commit", NULL);
    const json_t *row = law_row(law, "revision/current");
    if (row != NULL && !json_equal(commit, json_object_get(row, "commit")))
        law_break(law, "I19", "status and journal name different revisions");
    const json_t *cells = json_object_get(status, "cells");
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const json_t *cell = json_array_get(cells, i), *targets = json_object_get(cell, "targets");
        for (size_t t = 0; t < json_array_size(targets); t++) {
            const json_t *node = json_array_get(targets, t);
            const json_t *components = json_object_get(node, "components");
            for (size_t k = 0; k < json_array_size(components); k++)
                i19_component(law, json_text_or(json_object_get(cell, "name"), ""),
                              json_text_or(json_object_get(node, "target"), ""),
                              json_array_get(components, k));
        }
    }
    json_decref(status);
}

/* What is stable goes on serving while anything is tried. */
static void i8_serving(struct law *law, const struct plot *plot, const struct part *part,
                       const char *target)
{
    char key[200], component[32];
    law_component(law, plot, part, target, component);
    snprintf(key, sizeof key, "rollout/%s/%s/%s", plot->name, part->name, target);
    const json_t *row = law_row(law, key);
    if (!json_is_true(json_object_get(row, "has_stable")) || part->type == PART_TASK ||
        law_has_crashed(law))
        return;
    const struct platform_running running =
        platform_running(law->world->platform, "acme", component, target);
    law->checks++;
    if (!running.deployed || running.ready == 0)
        law_break(law, "I8", "%s on %s has a stable release, but %d pods are ready", part->name,
                  target, running.ready);
}

static void i20_same_plan(struct law *law)
{
    json_t *first = engine_plan(law->world->engine, NULL, world_now(law->world));
    json_t *second = engine_plan(law->world->engine, NULL, world_now(law->world));
    law->checks++;
    if (!json_equal(first, second))
        law_break(law, "I20", "two plans of one state differ");
    json_decref(first);
    json_decref(second);
}

void law_look(struct law *law)
{
    world_platform_now(law->world);
    i17_bounded(law);
    i18_rows(law);
    i19_status(law);
    law_secret_look(law);
    law_time_look(law);
    law_rest_explained(law);
    if (law->looks++ % PLAN_EVERY == 0)
        i20_same_plan(law);
    if (!law_is_calm(law))
        return;
    for (int i = 0; i < law->good->plot_count; i++) {
        const struct plot *plot = &law->good->plots[i];
        for (int k = 0; plot->present && k < MONOREPO_COMPONENTS; k++) {
            for (int t = 0; plot->parts[k].present && t < monorepo_target_count(law->good); t++)
                i8_serving(law, plot, &plot->parts[k], monorepo_target(law->good, t));
        }
    }
}

void law_expect_live(struct law *law, char *ret_problem, size_t size)
{
    ret_problem[0] = '\0';
    world_platform_now(law->world);
    for (int i = 0; i < law->wanted->plot_count; i++) {
        const struct plot *plot = &law->wanted->plots[i];
        for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
            const struct part *part = &plot->parts[k];
            for (int t = 0; t < monorepo_target_count(law->wanted); t++) {
                char component[32], image[96];
                const char *target = monorepo_target(law->wanted, t);
                law_component(law, plot, part, target, component);
                monorepo_image(plot, part, image);
                const struct platform_running running =
                    platform_running(law->world->platform, "acme", component, target);
                const bool wanted = plot->present && part->present;
                const bool task = part->type == PART_TASK;
                const bool right =
                    wanted ? running.deployed &&
                                 (part->type == PART_TASK || strcmp(running.image, image) == 0) &&
                                 (task || (running.ready == part->replicas &&
                                           running.wanted == part->replicas))
                           : !running.deployed;
                law->checks++;
                if (!right)
                    snprintf(ret_problem, size, "%s on %s is %s %s %d/%d, git wants %s %s %d",
                             component, target, running.deployed ? "deployed" : "absent",
                             running.image, running.ready, running.wanted,
                             wanted ? "it with" : "it gone", image, part->replicas);
            }
        }
    }
}
