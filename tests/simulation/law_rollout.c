#include "tests/simulation/law_rollout.h"

#include "config/base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_A_MINUTE 200

static bool is(const json_t *row, const char *member, const char *value)
{
    return strcmp(json_text_or(json_object_get(row, member), ""), value) == 0;
}

static int64_t number(const json_t *row, const char *member)
{
    return json_integer_value(json_object_get(row, member));
}

static bool flag(const json_t *row, const char *member)
{
    return json_is_true(json_object_get(row, member));
}

static char slot(const json_t *row, const char *member)
{
    return json_text_or(json_object_get(row, member), "")[0];
}

static const char *deployment(const json_t *row, const char *content)
{
    return json_text_or(json_at(row, content, "deployment", NULL), "");
}

/* The state whose wants count. */
static const char *effective(const json_t *row)
{
    const bool frozen =
        is(row, "state", "paused") || (is(row, "state", "held") && flag(row, "has_next"));
    return json_text_or(json_object_get(row, frozen ? "from" : "state"), "");
}

static bool is_one_of(const char *state, const char *const *states)
{
    for (; *states != NULL; states++) {
        if (strcmp(*states, state) == 0)
            return true;
    }
    return false;
}

static const char *const forward[] = {"prepare", "narrow", "deploy", "step", "route", "bake", NULL};
static const char *const all_traffic[] = {"route", "bake", "cleanup", NULL};

/* "cell/component/target" */
static const struct part *part_of(const struct law *law, const char *track,
                                  const struct plot **ret_plot, const char **ret_target)
{
    char component[64] = "";
    sscanf(track, "%*[^/]/%63[^/]", component);
    *ret_target = strrchr(track, '/') + 1;
    return monorepo_part(law->good, component, ret_plot);
}

static struct law_track *memory(struct law *law, const char *track)
{
    for (size_t i = 0; i < law->track_count; i++) {
        if (strcmp(law->tracks[i].key, track) == 0)
            return &law->tracks[i];
    }
    if (law->track_count == LAW_TRACKS)
        return NULL;
    struct law_track *made = &law->tracks[law->track_count++];
    snprintf(made->key, sizeof made->key, "%.119s", track);
    return made;
}

void law_command_begins(struct law *law, const char *track, const char *action)
{
    struct law_track *known = memory(law, track);
    char key[160];
    snprintf(key, sizeof key, "rollout/%s", track);
    const json_t *row = law_row(law, key);
    (void)action;
    if (known == NULL)
        return;
    known->spoken = (uint64_t)number(row, "attempt");
    known->before = known->by_hand;
    known->by_hand = known->spoken; /* it may act before it answers */
    known->under_way = flag(row, "has_next") || is(row, "state", "held");
}

void law_command(struct law *law, const char *track, const char *action, bool done)
{
    struct law_track *known = memory(law, track);
    if (known == NULL)
        return;
    if (!done)
        known->by_hand = known->before;
    if (strcmp(action, "retry") == 0 && done)
        known->by_hand = known->spoken + 1; /* it begins anew, whatever the plan says */
    if (strcmp(action, "abort") != 0 || !done)
        return;
    law->checks++;
    if (known->under_way)
        known->aborted = known->spoken;
    else
        law_break(law, "S10", "%s was aborted, and nothing was under way", track);
}

/* --- steps --------------------------------------------------------------------------------------
 */

static int64_t stage_weight(const json_t *row, int64_t step)
{
    const json_t *stages = json_object_get(row, "stages");
    const json_t *stage = json_array_get(stages, (size_t)step);
    return stage == NULL ? 100 : json_integer_value(json_object_get(stage, "weight"));
}

static int64_t stage_soak(const json_t *row, int64_t step)
{
    const json_t *stage = json_array_get(json_object_get(row, "stages"), (size_t)step);
    return json_integer_value(json_object_get(stage, "soak_ms"));
}

/* A share that counting requests could not tell from this weight. */
static bool is_about(double share, int64_t weight)
{
    const double w = (double)weight / 100, slack = w / 4 > 0.02 ? w / 4 : 0.02;
    return share > w - slack - 0.01 && share < w + slack + 0.01;
}

static bool is_by_hand(const struct law_track *known, const json_t *row)
{
    return known->by_hand == (uint64_t)number(row, "attempt");
}

/* The step is over: its weight stood for as long as it should. */
static void s5_step_over(struct law *law, struct law_track *known, const json_t *before,
                         const json_t *value)
{
    const int64_t step = number(before, "step"), now = law->world->now_ms;
    law->checks++;
    if (is_by_hand(known, before) || flag(before, "skip_soak") || flag(before, "fast"))
        return;
    /* A stable release that stays sick gives way to what may be its cure. */
    if (flag(value, "unproven") && !flag(before, "unproven") &&
        number(value, "step") == (int64_t)json_array_size(json_object_get(before, "stages")))
        return;
    if (number(value, "step") != step + 1)
        law_break(law, "S5", "%s goes from step %" PRId64 " to %" PRId64, known->key, step,
                  number(value, "step"));
    if (!flag(before, "verified"))
        law_break(law, "S5", "%s leaves step %" PRId64 ", and its weight was not verified",
                  known->key, step);
    const bool clock = known->wall_offset_ms != law->world->wall_offset_ms;
    const int64_t stood = now - known->stood_ms;
    if (known->stood_step == step && !clock && stood < stage_soak(before, step))
        law_break(law, "S5", "%s leaves step %" PRId64 " after %" PRId64 " of %" PRId64 " ms",
                  known->key, step, stood, stage_soak(before, step));
    const struct plot *plot;
    const char *target;
    const struct part *part = part_of(law, known->key, &plot, &target);
    const struct span *span = part == NULL ? NULL : traffic_now(law->traffic, part->name, target);
    if (part != NULL && monorepo_is_judged(part) && span != NULL && law->world->kills == 0 &&
        law->traffic->lag_ms == INT64_MAX &&
        !is_about(span->weight[slot(before, "next_slot") == 'b'], stage_weight(before, step)))
        law_break(law, "S5", "%s leaves step %" PRId64 ", and its share was %.2f", known->key, step,
                  span->weight[slot(before, "next_slot") == 'b']);
}

static void s5_steps(struct law *law, struct law_track *known, const json_t *before,
                     const json_t *value)
{
    const bool same = before != NULL && number(before, "attempt") == number(value, "attempt");
    const bool on =
        strcmp(effective(value), "step") == 0 || is_one_of(effective(value), all_traffic);
    if (same && strcmp(effective(before), "step") == 0 && on &&
        number(before, "step") < (int64_t)json_array_size(json_object_get(before, "stages")) &&
        (number(value, "step") != number(before, "step") || strcmp(effective(value), "step") != 0))
        s5_step_over(law, known, before, value);
    const bool stands = strcmp(effective(value), "step") == 0 && flag(value, "verified");
    if (!stands || known->stood_attempt != (uint64_t)number(value, "attempt") ||
        known->stood_step != number(value, "step")) {
        known->stood_ms = law->world->now_ms;
        known->wall_offset_ms = law->world->wall_offset_ms;
    }
    known->stood_attempt = (uint64_t)number(value, "attempt");
    known->stood_step = stands ? number(value, "step") : -1;
    law->checks++;
    if (strcmp(effective(value), "step") == 0 &&
        number(value, "weight") > stage_weight(value, number(value, "step")))
        law_break(law, "S4", "%s has weight %" PRId64 " in a step of %" PRId64, known->key,
                  number(value, "weight"), stage_weight(value, number(value, "step")));
}

/* --- ends ---------------------------------------------------------------------------------------
 */

/* The image of the release on a slot of some content. */
static enum quality quality_of(const struct law *law, const json_t *content, char letter)
{
    const json_t *spec = json_object_get(content, letter == 'b' ? "slot_b" : "slot_a");
    json_t *release = platform_object(law->world->platform, "componentreleases", "acme",
                                      json_text_or(json_object_get(spec, "releaseName"), ""));
    const enum quality quality = monorepo_image_quality(
        json_text_or(json_at(release, "spec", "workload", "container", "image", NULL), ""));
    json_decref(release);
    return quality;
}

static bool has_crashed(const struct law *law)
{
    return law->weather->hits[FAULT_CRASH] + law->weather->hits[FAULT_STABLE_DIES] > 0;
}

static void promoted(struct law *law, const struct law_track *known, const json_t *before,
                     const json_t *value)
{
    law->checks++;
    if (strcmp(deployment(before, "next"), deployment(value, "stable")) != 0)
        law_break(law, "S6", "%s promotes %s, and %s was under way", known->key,
                  deployment(value, "stable"), deployment(before, "next"));
    char key[160];
    snprintf(key, sizeof key, "judge/%s", known->key);
    const json_t *judge = law_row(law, key);
    if (judge != NULL && number(judge, "attempt") == number(before, "attempt") &&
        !is(judge, "digest", deployment(value, "stable")))
        law_break(law, "S6", "%s promotes %s, and %s was judged", known->key,
                  deployment(value, "stable"), json_text_or(json_object_get(judge, "digest"), ""));
    if (known->aborted != 0 && known->aborted == (uint64_t)number(before, "attempt"))
        law_break(law, "S9", "%s promotes what was aborted", known->key);
    const struct plot *plot;
    const char *target;
    const struct part *part = part_of(law, known->key, &plot, &target);
    const bool judged = part != NULL && monorepo_is_judged(part) &&
                        part->policy != POLICY_CANARY_CHEAP && judge != NULL &&
                        number(judge, "attempt") == number(before, "attempt");
    if (judged && !is_by_hand(known, before) && !flag(before, "fast") && !has_crashed(law) &&
        quality_of(law, json_object_get(value, "stable"), slot(value, "stable_slot")) ==
            QUALITY_BAD)
        law_break(law, "S13", "%s promotes a bad release that was judged", known->key);
}

static bool is_frozen(const struct law *law, const char *target)
{
    const struct monorepo *good = law->good;
    const int64_t now = world_now(law->world).wall.ms;
    const int index = monorepo_target_find(good, target);
    return index >= good->environments - 1 && good->freeze_to_ms > now &&
           good->freeze_from_ms <= now;
}

static void s17_s18(struct law *law, const struct law_track *known, const json_t *before,
                    const json_t *value)
{
    const struct plot *plot;
    const char *target;
    const struct part *part = part_of(law, known->key, &plot, &target);
    law->checks++;
    const bool begins = flag(value, "has_next") && is(value, "state", "prepare") &&
                        number(value, "attempt") > number(before, "attempt");
    if (begins && !flag(value, "returning") && is_frozen(law, target) && !is_by_hand(known, value))
        law_break(law, "S18", "%s begins in a freeze", known->key);
    const bool returns = is(value, "state", "rollback") && !is(before, "state", "rollback") &&
                         is(value, "outcome", "rolled-back");
    if (returns && part != NULL && part->forbidden && !is_by_hand(known, before) &&
        is_one_of(effective(before), forward) &&
        strcmp(deployment(before, "next"), deployment(value, "next")) == 0)
        law_break(law, "S17", "%s goes back, and its rollback is forbidden", known->key);
}

/* Nothing comes and goes: a rollout has few moves a minute. */
static void s21_few_rows(struct law *law, struct law_track *known)
{
    if (law->world->now_ms - known->minute_ms > 60000) {
        known->minute_ms = law->world->now_ms;
        known->rows = 0;
    }
    law->checks++;
    if (++known->rows > ROWS_A_MINUTE)
        law_break(law, "S21", "%s has more than %d rows in a minute", known->key, ROWS_A_MINUTE);
}

void law_rollout_row(struct law *law, const char *track, const json_t *before, const json_t *value)
{
    struct law_track *known = memory(law, track);
    if (known == NULL)
        return;
    s21_few_rows(law, known);
    s5_steps(law, known, before, value);
    s17_s18(law, known, before, value);
    const bool changed = strcmp(deployment(before, "stable"), deployment(value, "stable")) != 0;
    if (before != NULL && changed && flag(before, "has_next") && flag(value, "has_stable"))
        promoted(law, known, before, value);
}

/* Numbers do not condemn what is good, however they are served. */
void law_rollout_quarantine(struct law *law, const char *key, const json_t *value)
{
    char track[160], row_key[200];
    snprintf(track, sizeof track, "%.159s", key);
    char *digest = strrchr(track, '/');
    if (value == NULL || digest == NULL || has_crashed(law))
        return;
    *digest++ = '\0';
    snprintf(row_key, sizeof row_key, "rollout/%s", track);
    const json_t *row = law_row(law, row_key);
    const char *evidence = json_text_or(json_object_get(value, "evidence"), "");
    law->checks++;
    if (flag(value, "by_operator") || evidence[0] == '\0' ||
        strcmp(deployment(row, "next"), digest) != 0)
        return;
    if (strstr(json_text_or(json_object_get(value, "reason"), ""), "judge") != NULL &&
        quality_of(law, json_object_get(row, "next"), slot(row, "next_slot")) == QUALITY_GOOD)
        law_break(law, "S13", "a good release of %s is condemned: %s", track, evidence);
}

/* --- writes -------------------------------------------------------------------------------------
 */

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
    const char *state = effective(row);
    if (is_one_of(state, all_traffic))
        return 100;
    if (strcmp(state, "step") == 0)
        return stage_weight(row, number(row, "step"));
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
    if (!law_is_calm(law) || has_crashed(law))
        return;
    if (!running.deployed || running.ready == 0)
        law_break(law, "S2", "%s gets traffic on %s, and %d pods are ready", component, target,
                  running.ready);
    if (is_one_of(state, forward) && running.ready < running.wanted)
        law_break(law, "S8", "%s gets more traffic on %s with %d of %d pods", component, target,
                  running.ready, running.wanted);
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
    const bool has_next = flag(row, "has_next");
    const char stable = flag(row, "has_stable") ? slot(row, "stable_slot") : '\0';
    const char next = has_next ? slot(row, "next_slot") : '\0';
    for (size_t side = 0; side < 2; side++) {
        const char letter = "ab"[side];
        if (wanted[side] > 0 && letter != stable && letter != next)
            law_break(law, "S3", "slot %c of %s gets traffic on %s, and is neither stable nor next",
                      letter, part->name, target);
        if (wanted[side] > now[side])
            s8_capacity(law, part, target, side, effective(row));
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
    if (!flag(row, "has_stable") || !flag(row, "has_next") ||
        slot(row, "stable_slot") == slot(row, "next_slot") || slot(row, "stable_slot") != letter ||
        !is_one_of(effective(row), forward))
        return;
    const json_t *stable =
        json_at(row, "stable", letter == 'b' ? "slot_b" : "slot_a", "releaseName", NULL);
    if (is(spec, "state", "Undeploy") ||
        (stable != NULL && !json_equal(stable, json_object_get(spec, "releaseName"))))
        law_break(law, "S7", "the stable release of %s on %s is changed to %s (%s)", part->name,
                  target, json_text_or(json_object_get(spec, "releaseName"), ""),
                  json_text_or(json_object_get(spec, "state"), ""));
}

void law_rollout_write(struct law *law, const char *name, const json_t *body)
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
    if (backends_of(spec) != NULL && !is(spec, "state", "Undeploy"))
        route_written(law, part, target, row, backends_of(spec), live);
    json_decref(live);
}

/* --- windows ------------------------------------------------------------------------------------
 */

void law_rollout_query(struct law *law, const json_t *query)
{
    char track[160];
    if (!is(query, "purpose", "window"))
        return;
    snprintf(track, sizeof track, "%s/%s/%s", json_text_or(json_object_get(query, "cell"), ""),
             json_text_or(json_object_get(query, "component"), ""),
             json_text_or(json_object_get(query, "target"), ""));
    struct law_track *known = memory(law, track);
    char key[200];
    snprintf(key, sizeof key, "judge/%s", track);
    const json_t *judge = law_row(law, key);
    const uint64_t attempt = (uint64_t)number(judge, "attempt");
    const int64_t from = number(query, "from_ms"), to = number(query, "to_ms");
    law->checks++;
    if (judge == NULL || !json_equal(json_object_get(judge, "asked"), query))
        law_break(law, "S19", "metrics of %s are asked for, and the journal does not say so",
                  track);
    if (known == NULL)
        return;
    const bool again = known->window_from_ms == from && known->window_to_ms == to;
    if (known->window_attempt == attempt && !again && from < known->window_to_ms)
        law_break(law, "S14", "%s: the window from %" PRId64 " begins before %" PRId64, track, from,
                  known->window_to_ms);
    if (to <= from)
        law_break(law, "S14", "%s: a window of nothing", track);
    known->window_attempt = attempt;
    known->window_from_ms = from;
    known->window_to_ms = to;
}

/* --- at rest ------------------------------------------------------------------------------------
 */

static void l1_held(struct law *law, const struct world_row *row)
{
    law->checks++;
    if (is(row->value, "state", "held") &&
        (is(row->value, "hold", "none") || is(row->value, "reason", "")))
        law_break(law, "L1", "%s is held, and does not say why", row->key);
    if (is(row->value, "state", "rollback") || is(row->value, "state", "withdraw"))
        law_break(law, "L2", "%s is still on its way back", row->key);
}

static void l6_garbage(struct law *law, const char *track, const json_t *row)
{
    const struct plot *plot;
    const char *target;
    const struct part *part = part_of(law, track, &plot, &target);
    if (part == NULL || part->type != PART_SERVICE || !is(row, "state", "idle") ||
        !flag(row, "has_stable"))
        return;
    char component[32];
    monorepo_component(part, slot(row, "stable_slot") == 'b' ? 'a' : 'b', component);
    const struct platform_running running =
        platform_running(law->world->platform, "acme", component, target);
    law->checks++;
    if (running.deployed)
        law_break(law, "L6", "%s is left over on %s", component, target);
}

void law_rollout_rest(struct law *law)
{
    world_platform_now(law->world);
    for (size_t i = 0; i < law->world->row_count; i++) {
        const struct world_row *row = &law->world->rows[i];
        if (strncmp(row->key, "rollout/", 8) != 0)
            continue;
        l1_held(law, row);
        l6_garbage(law, row->key + 8, row->value);
    }
}
