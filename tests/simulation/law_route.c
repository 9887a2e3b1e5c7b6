#include "tests/simulation/law_route.h"

#include "config/base/json.h"
#include "tests/simulation/entry.h"
#include "tests/simulation/law_backend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const json_t *backends_of(const json_t *spec)
{
    return json_at(spec, "componentTypeEnvironmentConfigs", "backends", NULL);
}

static void read_weights(const json_t *backends, int64_t ret_weight[2])
{
    ret_weight[0] = ret_weight[1] = 0;
    for (size_t i = 0; i < json_array_size(backends); i++) {
        const json_t *backend = json_array_get(backends, i);
        const char *name = json_text_or(json_object_get(backend, "name"), "");
        const size_t length = strlen(name);
        ret_weight[length > 0 && name[length - 1] == 'b'] +=
            json_integer_value(json_object_get(backend, "weight"));
    }
}

/* What a slot may get where the rollout stands. */
static int64_t most(const json_t *row, int64_t now)
{
    const char *state = entry_effective(row);
    if (entry_has_all_traffic(state))
        return 100;
    if (strcmp(state, "step") == 0)
        return entry_stage_weight(row, entry_number(row, "step"));
    if (strcmp(state, "rollback") == 0 || strcmp(state, "withdraw") == 0)
        return now;
    return 0;
}

static void s8_capacity(struct law *law, const struct part *part, const char *target, size_t side,
                        const char *state)
{
    char component[32];
    monorepo_component(part, "ab"[side], component);
    const struct platform_running running =
        platform_running(law->world->platform, "acme", component, target);
    law->checks++;
    if (!law_is_calm(law) || law_has_crashed(law))
        return;
    if (!running.deployed || running.ready == 0)
        law_break(law, "S2", "%s gets traffic on %s, and %d pods are ready", component, target,
                  running.ready);
    if (entry_is_forward(state) && running.ready < running.wanted)
        law_break(law, "S8", "%s gets more traffic on %s with %d of %d pods", component, target,
                  running.ready, running.wanted);
}

/* An address ahead of the first release. */
static void s1_address(struct law *law, const struct part *part, const char *target,
                       const json_t *row)
{
    law->checks++;
    if (entry_flag(row, "has_stable") || entry_has_all_traffic(entry_effective(row)))
        law_break(law, "S1", "the route of %s on %s leads nowhere, and is %s", part->name, target,
                  entry_effective(row));
}

static void route_written(struct law *law, const struct part *part, const char *target,
                          const json_t *row, const json_t *backends, const json_t *live)
{
    int64_t wanted[2], now[2], sum = 0;
    law->checks++;
    for (size_t i = 0; i < json_array_size(backends); i++) {
        const json_t *weight = json_object_get(json_array_get(backends, i), "weight");
        const int64_t value = json_integer_value(weight);
        if (!json_is_integer(weight) || value < 0 || value > 100)
            law_break(law, "S1", "a weight of %s on %s is %" PRId64, part->name, target, value);
        sum += value;
    }
    if (sum != 100)
        law_break(law, "S1", "the weights of %s on %s sum to %" PRId64, part->name, target, sum);
    read_weights(backends, wanted);
    read_weights(backends_of(json_object_get(live, "spec")), now);
    const bool has_next = entry_flag(row, "has_next");
    const char stable = entry_flag(row, "has_stable") ? entry_slot(row, "stable_slot") : '\0';
    const char next = has_next ? entry_slot(row, "next_slot") : '\0';
    for (size_t side = 0; side < 2; side++) {
        const char letter = "ab"[side];
        if (wanted[side] > 0 && letter != stable && letter != next)
            law_break(law, "S3", "slot %c of %s gets traffic on %s, and is neither stable nor next",
                      letter, part->name, target);
        if (wanted[side] > now[side]) {
            char component[32];
            monorepo_component(part, letter, component);
            law_backend_routed(law, component, target);
        }
        if (wanted[side] > now[side])
            s8_capacity(law, part, target, side, entry_effective(row));
        if (letter == next && letter != stable && stable != '\0' &&
            wanted[side] > most(row, now[side]))
            law_break(law, "S4", "%s on %s gets %" PRId64 " of at most %" PRId64 " percent",
                      part->name, target, wanted[side], most(row, now[side]));
    }
}

/* The stable side stays as it is until the other has all of the traffic for good. */
static void s7_stable_stays(struct law *law, const struct part *part, const char *target,
                            const json_t *row, const json_t *spec, char letter)
{
    law->checks++;
    if (!entry_flag(row, "has_stable") || !entry_flag(row, "has_next") ||
        entry_slot(row, "stable_slot") == entry_slot(row, "next_slot") ||
        entry_slot(row, "stable_slot") != letter || !entry_is_forward(entry_effective(row)))
        return;
    const json_t *stable =
        json_at(row, "stable", letter == 'b' ? "slot_b" : "slot_a", "releaseName", NULL);
    if (entry_is(spec, "state", "Undeploy") ||
        (stable != NULL && !json_equal(stable, json_object_get(spec, "releaseName"))))
        law_break(law, "S7", "the stable release of %s on %s is changed to %s (%s)", part->name,
                  target, json_text_or(json_object_get(spec, "releaseName"), ""),
                  json_text_or(json_object_get(spec, "state"), ""));
}

void law_route_write(struct law *law, const char *name, const json_t *body)
{
    const json_t *spec = json_object_get(body, "spec");
    const char *component = json_text_or(json_at(spec, "owner", "componentName", NULL), "");
    const char *target = json_text_or(json_object_get(spec, "environment"), "");
    const struct plot *plot;
    const struct part *part = monorepo_part(law->good, component, &plot);
    if (part == NULL || part->type != PART_SERVICE || !plot->present)
        return;
    char key[200];
    snprintf(key, sizeof key, "rollout/%s/%s/%s", plot->name, part->name, target);
    const json_t *row = law_row(law, key);
    if (strcmp(component, part->name) != 0) {
        s7_stable_stays(law, part, target, row, spec, component[strlen(component) - 1]);
        return;
    }
    json_t *live = platform_object(law->world->platform, "releasebindings", "acme", name);
    if (json_array_size(backends_of(spec)) == 0 && !entry_is(spec, "state", "Undeploy"))
        s1_address(law, part, target, row);
    else if (!entry_is(spec, "state", "Undeploy"))
        route_written(law, part, target, row, backends_of(spec), live);
    json_decref(live);
}
