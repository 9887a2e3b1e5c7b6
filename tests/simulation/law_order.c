#include "tests/simulation/law_order.h"

#include "config/base/json.h"
#include "tests/simulation/entry.h"
#include "tests/simulation/law_track.h"

#include <stdio.h>
#include <string.h>

#define TRIES 3 /* automatic ones of the same content */

static bool begins(const json_t *before, const json_t *value)
{
    return entry_flag(value, "has_next") && entry_is(value, "state", "prepare") &&
           entry_number(value, "attempt") > entry_number(before, "attempt");
}

static bool starts_back(const json_t *before, const json_t *value)
{
    return entry_is(value, "state", "rollback") && !entry_is(before, "state", "rollback");
}

static const char *text(const json_t *row, const char *member)
{
    return json_text_or(json_object_get(row, member), "");
}

/* --- S12 ----------------------------------------------------------------------------------------
 */

static bool is_given_up(const json_t *value)
{
    static const char *const holds[] = {"platform", "unreadable", "stable-sick",
                                        "weight",   "no-metrics", "insufficient"};
    bool retries = false;
    for (size_t i = 0; i < sizeof holds / sizeof *holds; i++)
        retries |= entry_is(value, "hold", holds[i]);
    return retries && entry_is(value, "state", "held") && !entry_flag(value, "has_next") &&
           entry_number(value, "retry_at") == 0;
}

/* Few attempts by itself, no way back from a way back; then a person is told. */
static void s12_attempts(struct law *law, struct law_track *known, const json_t *before,
                         const json_t *value)
{
    law->checks++;
    const bool by_itself =
        entry_is(before, "state", "held") && entry_number(before, "retry_at") != 0 &&
        strcmp(text(before, "held_digest"), entry_deployment(value, "next")) == 0;
    if (begins(before, value))
        known->tries = by_itself ? known->tries + 1 : 1;
    if (known->tries > TRIES)
        law_break(law, "S12", "%s tries the same content for the %uth time", known->key,
                  known->tries);
    if (starts_back(before, value) && entry_flag(before, "returning") &&
        entry_is(value, "outcome", "rolled-back") && !law_track_is_by_hand(known, before))
        law_break(law, "S12", "%s goes back from its way back", known->key);
    known->page = is_given_up(value) && !is_given_up(before);
}

void law_order_told(struct law *law, const struct effect *effect)
{
    char key[200];
    if (strcmp(effect->as.publish.type, "rollout-alarm") != 0 ||
        effect->as.publish.component == NULL || effect->as.publish.target == NULL)
        return;
    snprintf(key, sizeof key, "%s/%s/%s", effect->as.publish.cell, effect->as.publish.component,
             effect->as.publish.target);
    struct law_track *known = law_track_of(law, key);
    if (known != NULL)
        known->page = false;
}

void law_order_step(struct law *law)
{
    for (size_t i = 0; i < law->track_count; i++) {
        /* Who dies in between tells it in the status. */
        if (law->tracks[i].page && law->world->kills == 0)
            law_break(law, "S12", "%s is given up, and nobody is told", law->tracks[i].key);
        law->tracks[i].page = false;
    }
}

/* --- S15: forward -------------------------------------------------------------------------------
 */

static const json_t *row_of(const struct law *law, const struct plot *plot, const struct part *part,
                            const char *target)
{
    char key[200];
    snprintf(key, sizeof key, "rollout/%s/%s/%s", plot->name, part->name, target);
    return law_row(law, key);
}

static int64_t train_of(const struct law *law, const struct plot *plot)
{
    char key[64];
    snprintf(key, sizeof key, "cell/%s", plot->name);
    return entry_number(law_row(law, key), "train");
}

/* What git wants is the stable release, and nothing is under way. */
static bool stands(const struct law *law, const struct plot *plot, const struct part *part,
                   const json_t *row)
{
    char image[96];
    monorepo_image(plot, part, image);
    const json_t *spec =
        json_at(row, "stable", entry_slot(row, "stable_slot") == 'b' ? "slot_b" : "slot_a", NULL);
    json_t *release = platform_object(law->world->platform, "componentreleases", "acme",
                                      text(spec, "releaseName"));
    const bool same =
        release == NULL ||
        strcmp(json_text_or(json_at(release, "spec", "workload", "container", "image", NULL), ""),
               image) == 0;
    json_decref(release);
    return entry_is(row, "state", "idle") && entry_flag(row, "has_stable") && same;
}

/* Nothing of a phase begins while one before it, of the same train, does not stand. */
static void s15_phases(struct law *law, const struct law_track *known, const struct plot *plot,
                       const char *target)
{
    for (int i = 0; i < law->good->plot_count; i++) {
        const struct plot *other = &law->good->plots[i];
        if (!other->present || other->phase >= plot->phase || law->wanted->plots[i].unreadable ||
            train_of(law, other) != train_of(law, plot))
            continue;
        for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
            const struct part *part = &other->parts[k];
            law->checks++;
            if (part->present && !stands(law, other, part, row_of(law, other, part, target)))
                law_break(law, "S15", "%s begins while %s of an earlier phase is %s", known->key,
                          part->name, text(row_of(law, other, part, target), "state"));
        }
    }
}

/* --- S15: backward ------------------------------------------------------------------------------
 */

static bool is_member(const json_t *members, const char *component)
{
    for (size_t i = 0; i < json_array_size(members); i++) {
        if (entry_is(json_array_get(members, i), "component", component))
            return true;
    }
    return false;
}

/* Its traffic is still on the content that is to go. */
static bool still_serves(const json_t *row, const char *digest)
{
    if (row == NULL || entry_is(row, "state", "held"))
        return false;
    if (entry_flag(row, "has_next")) {
        const bool beside = entry_slot(row, "next_slot") != entry_slot(row, "stable_slot");
        return strcmp(entry_deployment(row, "next"), digest) == 0 &&
               (!beside || (entry_number(row, "weight") > 0 && !entry_flag(row, "drained")));
    }
    return strcmp(entry_deployment(row, "stable"), digest) == 0;
}

/* A cell goes back before the one that it depends on. */
static void s15_reverse(struct law *law, const struct law_track *known, const struct plot *plot,
                        const struct part *part, const char *target)
{
    for (size_t i = 0; i < law->world->row_count; i++) {
        const struct world_row *row = &law->world->rows[i];
        const json_t *members = json_object_get(row->value, "members");
        const char *where = strrchr(row->key, '/');
        if (strncmp(row->key, "recall/", 7) != 0 || strcmp(where + 1, target) != 0 ||
            !is_member(members, part->name) ||
            strcmp(text(row->value, "revision"), law->world->commit) != 0)
            continue;
        for (size_t k = 0; k < json_array_size(members); k++) {
            const json_t *member = json_array_get(members, k);
            const struct plot *other;
            const struct part *later = monorepo_part(law->good, text(member, "component"), &other);
            law->checks++;
            if (later == NULL || other->depends < 0 || &law->good->plots[other->depends] != plot)
                continue;
            if (still_serves(row_of(law, other, later, target), text(member, "digest")))
                law_break(law, "S15", "%s goes back before %s, which depends on it", known->key,
                          later->name);
        }
    }
}

/* --- S16 ----------------------------------------------------------------------------------------
 */

/* A target gets what stands proven on the one before, another region what the first one has. */
static void s16_promotion(struct law *law, const struct law_track *known, const struct plot *plot,
                          const struct part *part, const json_t *value, const char *name)
{
    const int target = monorepo_target_find(law->good, name);
    if (target <= 0)
        return;
    const bool secondary = monorepo_is_secondary(law->good, target);
    const int before = secondary ? law->good->environments - 1 : target - 1;
    const json_t *there = row_of(law, plot, part, monorepo_target(law->good, before));
    const json_t *stable = json_object_get(there, "stable");
    law->checks++;
    if (!json_equal(json_object_get(stable, "release"), json_at(value, "next", "release", NULL)) ||
        entry_number(stable, "baked") == 0)
        law_break(law, "S16", "%s begins with what has not baked on %s", known->key,
                  monorepo_target(law->good, before));
    if (!secondary && entry_flag(stable, "unproven") && !entry_flag(stable, "accepted"))
        law_break(law, "S16", "%s begins with what was not proven on %s", known->key,
                  monorepo_target(law->good, before));
    if (secondary && (entry_is(there, "state", "rollback") || entry_is(there, "state", "withdraw")))
        law_break(law, "S16", "%s begins while %s goes back", known->key,
                  monorepo_target(law->good, before));
}

void law_order_row(struct law *law, struct law_track *known, const json_t *before,
                   const json_t *value)
{
    s12_attempts(law, known, before, value);
    const struct plot *plot;
    const char *target;
    const struct part *part = law_track_part(law, known->key, &plot, &target);
    if (part == NULL || !plot->present || !part->present || law_track_is_by_hand(known, value))
        return;
    const bool returns = begins(before, value) && entry_flag(value, "returning");
    if (returns || (starts_back(before, value) && entry_is(value, "hold", "cancelled")))
        s15_reverse(law, known, plot, part, target);
    if (!begins(before, value) || returns)
        return;
    s15_phases(law, known, plot, target);
    s16_promotion(law, known, plot, part, value, target);
}
