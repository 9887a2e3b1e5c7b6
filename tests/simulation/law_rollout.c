#include "tests/simulation/law_rollout.h"

#include "config/base/json.h"
#include "tests/simulation/entry.h"
#include "tests/simulation/law_order.h"
#include "tests/simulation/law_time.h"
#include "tests/simulation/law_track.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_A_MINUTE 200

/* --- steps --------------------------------------------------------------------------------------
 */

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

/* Windows are asked for by our clock. While it is wrong they are those of another time: when nobody
 * sent a request then, nothing contradicts the route, and the policy of the environment may go on
 * without proof. It must say so for ever. (Jumps are far longer than a window.) */
static bool is_counted_at_another_time(const struct law *law, const json_t *value)
{
    return !world_clock_is_right(law->world) && entry_flag(value, "unproven");
}

/* The step is over: its weight stood for as long as it should. */
static void s5_step_over(struct law *law, struct law_track *known, const json_t *before,
                         const json_t *value)
{
    const int64_t step = entry_number(before, "step"), now = law->world->now_ms;
    law->checks++;
    if (law_track_is_by_hand(known, before) || entry_flag(before, "skip_soak") ||
        entry_flag(before, "fast"))
        return;
    /* A stable release that stays sick gives way to what may be its cure, and again when that was
     * taken away meanwhile. */
    if (entry_flag(value, "unproven") &&
        entry_number(value, "step") == (int64_t)json_array_size(json_object_get(before, "stages")))
        return;
    if (entry_number(value, "step") != step + 1)
        law_break(law, "S5", "%s goes from step %" PRId64 " to %" PRId64, known->key, step,
                  entry_number(value, "step"));
    if (!entry_flag(before, "verified"))
        law_break(law, "S5", "%s leaves step %" PRId64 ", and its weight was not verified",
                  known->key, step);
    const bool clock = known->wall_offset_ms != law->world->wall_offset_ms;
    const int64_t stood = now - known->stood_ms;
    if (known->stood_step == step && !clock && stood < stage_soak(before, step))
        law_break(law, "S5", "%s leaves step %" PRId64 " after %" PRId64 " of %" PRId64 " ms",
                  known->key, step, stood, stage_soak(before, step));
    const struct plot *plot;
    const char *target;
    const struct part *part = law_track_part(law, known->key, &plot, &target);
    const struct span *span = part == NULL ? NULL : traffic_now(law->traffic, part->name, target);
    if (part != NULL && monorepo_is_judged(part) && span != NULL && law->world->kills == 0 &&
        law->traffic->lag_ms == INT64_MAX && !is_counted_at_another_time(law, value) &&
        !is_about(span->weight[entry_slot(before, "next_slot") == 'b'],
                  entry_stage_weight(before, step)))
        law_break(law, "S5", "%s leaves step %" PRId64 ", and its share was %.2f", known->key, step,
                  span->weight[entry_slot(before, "next_slot") == 'b']);
}

static void s5_steps(struct law *law, struct law_track *known, const json_t *before,
                     const json_t *value)
{
    const bool same =
        before != NULL && entry_number(before, "attempt") == entry_number(value, "attempt");
    const bool on = strcmp(entry_effective(value), "step") == 0 ||
                    entry_has_all_traffic(entry_effective(value));
    if (same && strcmp(entry_effective(before), "step") == 0 && on &&
        entry_number(before, "step") <
            (int64_t)json_array_size(json_object_get(before, "stages")) &&
        (entry_number(value, "step") != entry_number(before, "step") ||
         strcmp(entry_effective(value), "step") != 0))
        s5_step_over(law, known, before, value);
    const bool stands =
        strcmp(entry_effective(value), "step") == 0 && entry_flag(value, "verified");
    if (!stands || known->stood_attempt != (uint64_t)entry_number(value, "attempt") ||
        known->stood_step != entry_number(value, "step")) {
        known->stood_ms = law->world->now_ms;
        known->wall_offset_ms = law->world->wall_offset_ms;
    }
    known->stood_attempt = (uint64_t)entry_number(value, "attempt");
    known->stood_step = stands ? entry_number(value, "step") : -1;
    law->checks++;
    if (strcmp(entry_effective(value), "step") == 0 &&
        entry_number(value, "weight") > entry_stage_weight(value, entry_number(value, "step")))
        law_break(law, "S4", "%s has weight %" PRId64 " in a step of %" PRId64, known->key,
                  entry_number(value, "weight"),
                  entry_stage_weight(value, entry_number(value, "step")));
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

static void promoted(struct law *law, const struct law_track *known, const json_t *before,
                     const json_t *value)
{
    law->checks++;
    if (strcmp(entry_deployment(before, "next"), entry_deployment(value, "stable")) != 0)
        law_break(law, "S6", "%s promotes %s, and %s was under way", known->key,
                  entry_deployment(value, "stable"), entry_deployment(before, "next"));
    char key[160];
    snprintf(key, sizeof key, "judge/%s", known->key);
    const json_t *judge = law_row(law, key);
    if (judge != NULL && entry_number(judge, "attempt") == entry_number(before, "attempt") &&
        !entry_is(judge, "digest", entry_deployment(value, "stable")))
        law_break(law, "S6", "%s promotes %s, and %s was judged", known->key,
                  entry_deployment(value, "stable"),
                  json_text_or(json_object_get(judge, "digest"), ""));
    if (known->aborted != 0 && known->aborted == (uint64_t)entry_number(before, "attempt"))
        law_break(law, "S9", "%s promotes what was aborted", known->key);
    const struct plot *plot;
    const char *target;
    const struct part *part = law_track_part(law, known->key, &plot, &target);
    const bool judged = part != NULL && monorepo_is_judged(part) &&
                        part->policy != POLICY_CANARY_CHEAP && judge != NULL &&
                        entry_number(judge, "attempt") == entry_number(before, "attempt");
    if (judged && !law_track_is_by_hand(known, before) && !entry_flag(before, "fast") &&
        !law_has_crashed(law) &&
        quality_of(law, json_object_get(value, "stable"), entry_slot(value, "stable_slot")) ==
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
    const struct part *part = law_track_part(law, known->key, &plot, &target);
    law->checks++;
    const bool begins = entry_flag(value, "has_next") && entry_is(value, "state", "prepare") &&
                        entry_number(value, "attempt") > entry_number(before, "attempt");
    if (begins && !entry_flag(value, "returning") && is_frozen(law, target) &&
        !law_track_is_by_hand(known, value))
        law_break(law, "S18", "%s begins in a freeze", known->key);
    const bool returns = entry_is(value, "state", "rollback") &&
                         !entry_is(before, "state", "rollback") &&
                         entry_is(value, "outcome", "rolled-back");
    if (returns && part != NULL && part->forbidden && !law_track_is_by_hand(known, before) &&
        entry_is_forward(entry_effective(before)) &&
        strcmp(entry_deployment(before, "next"), entry_deployment(value, "next")) == 0)
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
    struct law_track *known = law_track_of(law, track);
    if (known == NULL)
        return;
    s21_few_rows(law, known);
    s5_steps(law, known, before, value);
    s17_s18(law, known, before, value);
    law_order_row(law, known, before, value);
    law_time_row(law, known, before, value);
    const bool changed =
        strcmp(entry_deployment(before, "stable"), entry_deployment(value, "stable")) != 0;
    if (before != NULL && changed && entry_flag(before, "has_next") &&
        entry_flag(value, "has_stable"))
        promoted(law, known, before, value);
}

/* The data plane was slow or stood still at some time: its looks may be believed then. */
static bool is_slow(const struct law *law)
{
    const uint64_t *hits = law->weather->hits;
    return hits[FAULT_SLOW_PODS] + hits[FAULT_STALL] + hits[FAULT_STALL_DATA] + hits[FAULT_DRIFT] >
           0;
}

/* Neither numbers nor looks condemn what is good, however they are served. */
void law_rollout_quarantine(struct law *law, const char *key, const json_t *value)
{
    char track[160], row_key[200];
    snprintf(track, sizeof track, "%.159s", key);
    char *digest = strrchr(track, '/');
    if (value == NULL || digest == NULL || law_has_crashed(law))
        return;
    *digest++ = '\0';
    snprintf(row_key, sizeof row_key, "rollout/%s", track);
    const json_t *row = law_row(law, row_key);
    const bool judged = strstr(json_text_or(json_object_get(value, "reason"), ""), "judge") != NULL;
    /* What the release names and is not there counts as its failure after the grace. */
    const bool lacks =
        strstr(json_text_or(json_object_get(value, "reason"), ""), "SecretReference") != NULL;
    law->checks++;
    if (lacks || entry_flag(value, "by_operator") ||
        strcmp(entry_deployment(row, "next"), digest) != 0 || (!judged && is_slow(law)))
        return;
    if (quality_of(law, json_object_get(row, "next"), entry_slot(row, "next_slot")) == QUALITY_GOOD)
        law_break(law, "S13", "a good release of %s is condemned: %s (%s)", track,
                  json_text_or(json_object_get(value, "reason"), ""),
                  json_text_or(json_object_get(value, "evidence"), ""));
}
