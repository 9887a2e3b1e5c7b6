#include "tests/simulation/law_time.h"

#include "config/base/json.h"
#include "tests/simulation/entry.h"
#include "tests/simulation/law_track.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEADLINE_MS 90000 /* of all simulated manifests */
#define SLACK_MS 150000   /* looks are rare, and a death hides a minute at most */
#define ROUNDING_MS 1000

/* The deadline of these begins anew with progress alone. */
static bool has_deadline(const json_t *row)
{
    return entry_is(row, "state", "prepare") || entry_is(row, "state", "narrow") ||
           entry_is(row, "state", "deploy") || entry_is(row, "state", "route");
}

static void begin(const struct law *law, struct law_track *known)
{
    known->waits_from_ms = law->world->now_ms;
    known->waits_down_ms = law->world->down_ms;
    known->waits_offset_ms = law->world->wall_offset_ms;
}

/* Progress is a high-water mark: within a state it never falls. */
static void l4_progress(struct law *law, struct law_track *known, const json_t *before,
                        const json_t *value)
{
    const bool same = before != NULL &&
                      entry_number(before, "attempt") == entry_number(value, "attempt") &&
                      json_equal(json_object_get(before, "state"), json_object_get(value, "state"));
    const int64_t was = entry_number(before, "progress"), is = entry_number(value, "progress");
    law->checks++;
    if (same && has_deadline(value) &&
        entry_number(before, "state_since") == entry_number(value, "state_since") && is < was)
        law_break(law, "L4", "%s had come to %" PRId64 ", and counts from %" PRId64 " again",
                  known->key, was, is);
    if (!same || is > was ||
        entry_number(before, "state_since") != entry_number(value, "state_since"))
        begin(law, known);
}

/* Nothing is credited to a soak but time in which its weight stood. */
static void l5_soak(struct law *law, const struct law_track *known, const json_t *value)
{
    const int64_t stood = law->world->now_ms - known->stood_ms;
    law->checks++;
    if (entry_is(value, "state", "step") && entry_flag(value, "verified") &&
        known->wall_offset_ms == law->world->wall_offset_ms &&
        known->stood_step == entry_number(value, "step") &&
        entry_number(value, "soaked_ms") > stood + ROUNDING_MS)
        law_break(law, "L5", "%s has a soak of %" PRId64 " ms, and its weight stands for %" PRId64,
                  known->key, entry_number(value, "soaked_ms"), stood);
}

void law_time_row(struct law *law, struct law_track *known, const json_t *before,
                  const json_t *value)
{
    l4_progress(law, known, before, value);
    l5_soak(law, known, value);
}

/* Without progress it ends, however often it dies or comes and goes. */
static void l4_deadline(struct law *law, const struct law_track *known)
{
    char key[160];
    snprintf(key, sizeof key, "rollout/%s", known->key);
    const json_t *row = law_row(law, key);
    const struct plot *plot;
    const char *target;
    const struct part *part = law_track_part(law, known->key, &plot, &target);
    law->checks++;
    if (part == NULL || !plot->present || !part->present || !has_deadline(row) ||
        known->waits_offset_ms != law->world->wall_offset_ms)
        return;
    const int64_t waited =
        law->world->now_ms - known->waits_from_ms - (law->world->down_ms - known->waits_down_ms);
    if (waited > DEADLINE_MS + SLACK_MS)
        law_break(law, "L4", "%s is in %s without progress for %" PRId64 " ms", known->key,
                  json_text_or(json_object_get(row, "state"), ""), waited);
}

void law_time_look(struct law *law)
{
    for (size_t i = 0; i < law->track_count; i++)
        l4_deadline(law, &law->tracks[i]);
}
