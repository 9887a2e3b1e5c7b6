#include "reconciler/engine/scope.h"

#include "config/base/arena.h"
#include "config/base/json.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- rows --------------------------------------------------------------------------------------
 */

static struct recall *find(const struct engine *engine, const char *cell, const char *component,
                           const char *target)
{
    for (size_t i = 0; i < engine->recall_count; i++) {
        struct recall *recall = &engine->recalls[i];
        if (strcmp(recall->cell, cell) == 0 && strcmp(recall->component, component) == 0 &&
            strcmp(recall->target, target) == 0)
            return recall;
    }
    return NULL;
}

static struct recall *insert(struct engine *engine)
{
    struct recall *recalls =
        reallocarray(engine->recalls, engine->recall_count + 1, sizeof *recalls);
    if (recalls == NULL) {
        engine->status = -ENOMEM;
        return NULL;
    }
    engine->recalls = recalls;
    recalls[engine->recall_count] = (struct recall){0};
    return &recalls[engine->recall_count++];
}

static void drop(struct engine *engine, struct recall *recall)
{
    json_decref(recall->members);
    *recall = engine->recalls[--engine->recall_count];
}

void scope_apply(struct engine *engine, const char *cell, const char *component, const char *target,
                 const json_t *value)
{
    struct recall *recall = find(engine, cell, component, target);
    engine->recall_dirty = true;
    if (recall != NULL)
        drop(engine, recall);
    recall = value == NULL ? NULL : insert(engine);
    if (recall == NULL)
        return;
    snprintf(recall->cell, sizeof recall->cell, "%s", cell);
    snprintf(recall->component, sizeof recall->component, "%s", component);
    snprintf(recall->target, sizeof recall->target, "%s", target);
    row_text(value, "digest", recall->digest, sizeof recall->digest);
    row_text(value, "revision", recall->revision, sizeof recall->revision);
    recall->members = json_deep_copy(json_object_get(value, "members"));
    snprintf(recall->reason, sizeof recall->reason,
             "%s of cell %s, which came with the same revision, failed here", component, cell);
    if (recall->members == NULL)
        engine->status = -ENOMEM;
}

json_t *scope_row(const struct recall *recall)
{
    return json_pack("{s:s, s:s, s:O}", "digest", recall->digest, "revision", recall->revision,
                     "members", recall->members);
}

void scope_free_all(struct engine *engine)
{
    while (engine->recall_count > 0)
        drop(engine, &engine->recalls[engine->recall_count - 1]);
    free(engine->recalls);
}

/* --- who goes back -----------------------------------------------------------------------------
 */

static bool is_digest(const struct rollout_content *content, const char *digest)
{
    return strcmp(content->deployment_digest, digest) == 0;
}

/* Content of the revision that stands here, is on its way or would come next; NULL = none that
 * could go back to anything. */
static const char *companion(const struct track *track, const char *revision)
{
    const struct rollout *rollout = &track->rollout;
    if (!track_is_live(track) || !rollout->has_stable)
        return NULL;
    if (rollout->has_next)
        return !rollout->returning && strcmp(rollout->next.revision, revision) == 0
                   ? rollout->next.deployment_digest
                   : NULL;
    if (strcmp(rollout->stable.revision, revision) == 0)
        return rollout->has_previous ? rollout->stable.deployment_digest : NULL;
    const bool wanted = track->has_content && strcmp(track->content.revision, revision) == 0 &&
                        !is_digest(&rollout->stable, track->content.deployment_digest);
    return wanted ? track->content.deployment_digest : NULL;
}

#define POLICY_SPACE ((size_t)1 << 20)

/* Its policy, though it is at rest and not compiled. */
static bool is_forbidden(struct engine *engine, const struct track *track)
{
    struct arena *arena = arena_new(POLICY_SPACE);
    struct effective *effective = NULL;
    if (arena == NULL || effective_component(engine->set, engine->platform, track->unit->cell,
                                             track->manifest, track->place, arena, &effective) < 0)
        engine->status = -ENOMEM;
    const bool forbidden = effective == NULL || effective->rollout.rollback_forbidden.value;
    arena_free(arena);
    return forbidden;
}

static void add_companion(struct engine *engine, const struct track *failed,
                          const struct track *track, const char *revision, json_t *members,
                          struct text *names)
{
    const char *digest = track == failed ? NULL : companion(track, revision);
    if (digest == NULL || strcmp(track->target, failed->target) != 0)
        return;
    if (is_forbidden(engine, track)) {
        history_publish(engine, PUBLISH_ERROR, "rollback-forbidden",
                        &(struct history_about){.cell = track->unit->name,
                                                .component = track->component,
                                                .target = track->target},
                        "%s should go back with %s, but its rollback is forbidden: it stays, and "
                        "somebody should look",
                        track->component, failed->component);
        return;
    }
    if (json_array_append_new(members, json_pack("{s:s, s:s, s:s}", "cell", track->unit->name,
                                                 "component", track->component, "digest", digest)) <
        0)
        engine->status = -ENOMEM;
    text_format(names, "%s%s", text_get(names)[0] == '\0' ? "" : ", ", track->component);
}

void scope_begin(struct engine *engine, const struct track *track, const char *digest)
{
    const struct rollout *rollout = &track->rollout;
    const enum rollback_scope scope = track->deployment == NULL
                                          ? ROLLBACK_COMPONENT
                                          : track->deployment->effective->rollout.rollback_scope;
    if (scope == ROLLBACK_COMPONENT || !rollout->has_next || rollout->returning ||
        !is_digest(&rollout->next, digest))
        return;
    const char *revision = rollout->next.revision;
    OWNED_TEXT names;
    text_init(&names, MESSAGE_SIZE);
    json_t *members = json_array();
    for (size_t i = 0; i < engine->unit_count; i++) {
        const struct unit *unit = engine->units[i];
        const bool inside = scope == ROLLBACK_PHASE
                                ? unit_is_live(unit) && unit->phase == track->unit->phase
                                : unit == track->unit;
        for (size_t k = 0; inside && k < unit->track_count; k++)
            add_companion(engine, track, unit->tracks[k], revision, members, &names);
    }
    if (json_array_size(members) == 0) {
        json_decref(members);
        return;
    }
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "recall/%s/%s/%s", track->unit->name, track->component,
             track->target);
    record_add(
        engine, key,
        json_pack("{s:s, s:s, s:o}", "digest", digest, "revision", revision, "members", members));
    history_publish(engine, PUBLISH_WARNING, "rollback-scope",
                    &(struct history_about){.cell = track->unit->name,
                                            .component = track->component,
                                            .target = track->target},
                    "%s failed on %s: what came with the same revision goes back too (%s)",
                    track->component, track->target, text_get(&names));
}

/* --- marks -------------------------------------------------------------------------------------
 */

static const char *member_text(const json_t *member, const char *key)
{
    return json_text_or(json_object_get(member, key), "");
}

static struct track *track_of(struct engine *engine, const json_t *member, const char *target)
{
    return unit_track_named(engine, member_text(member, "cell"), member_text(member, "component"),
                            target, false);
}

/* Git wants something else of the failed one by now, or a person has lifted its quarantine. */
static bool is_over(struct engine *engine, const struct recall *recall)
{
    const struct track *track =
        unit_track_named(engine, recall->cell, recall->component, recall->target, false);
    if (track == NULL || track->unit->removed)
        return true;
    if (track->unit->cell == NULL || track->unit->stale)
        return false; /* not known yet */
    if (!track_is_live(track))
        return true;
    if (!track->has_content)
        return false;
    const bool tried = track->rollout.has_next && is_digest(&track->rollout.next, recall->digest);
    return !is_digest(&track->content, recall->digest) ||
           (!tried && quarantine_find(engine, recall->cell, recall->component, recall->target,
                                      recall->digest) == NULL);
}

static void end_what_is_over(struct engine *engine)
{
    for (size_t i = engine->recall_count; i-- > 0;) {
        const struct recall *recall = &engine->recalls[i];
        if (!is_over(engine, recall))
            continue;
        char key[KEY_SIZE];
        snprintf(key, sizeof key, "recall/%s/%s/%s", recall->cell, recall->component,
                 recall->target);
        record_remove(engine, key);
    }
}

/* Queues the units of tracks whose mark changes. */
static void take_marks(struct engine *engine)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        for (size_t k = 0; k < engine->units[i]->track_count; k++) {
            struct track *track = engine->units[i]->tracks[k];
            if (track->recalled != track->marked)
                unit_queue(engine, track->unit);
            track->recalled = track->marked;
            track->marked = false;
        }
    }
}

void scope_refresh(struct engine *engine)
{
    const bool known = engine->started && engine->looks > 0 && engine->platform != NULL;
    if (!known || (engine->recall_count == 0 && !engine->recall_dirty))
        return;
    end_what_is_over(engine);
    for (size_t i = 0; i < engine->recall_count; i++) {
        const struct recall *recall = &engine->recalls[i];
        for (size_t k = 0; k < json_array_size(recall->members); k++) {
            const json_t *member = json_array_get(recall->members, k);
            struct track *track = track_of(engine, member, recall->target);
            if (track != NULL && track->has_content && track_is_live(track) &&
                is_digest(&track->content, member_text(member, "digest")))
                track->marked = true;
        }
    }
    take_marks(engine);
    engine->recall_dirty = false;
}

void scope_moved(struct engine *engine)
{
    for (size_t i = 0; i < engine->recall_count; i++) {
        const struct recall *recall = &engine->recalls[i];
        for (size_t k = 0; k < json_array_size(recall->members); k++) {
            const struct track *track =
                track_of(engine, json_array_get(recall->members, k), recall->target);
            if (track != NULL && track->recalled)
                unit_queue(engine, track->unit);
        }
    }
}

static const struct recall *recall_of(const struct engine *engine, const struct track *track)
{
    for (size_t i = 0; track->recalled && i < engine->recall_count; i++) {
        const struct recall *recall = &engine->recalls[i];
        if (strcmp(recall->target, track->target) != 0)
            continue;
        for (size_t k = 0; k < json_array_size(recall->members); k++) {
            const json_t *member = json_array_get(recall->members, k);
            if (strcmp(member_text(member, "cell"), track->unit->name) == 0 &&
                strcmp(member_text(member, "component"), track->component) == 0)
                return recall;
        }
    }
    return NULL;
}

const char *scope_reason(const struct engine *engine, const struct track *track)
{
    const struct recall *recall = recall_of(engine, track);
    return recall == NULL ? NULL : recall->reason;
}

/* --- order -------------------------------------------------------------------------------------
 */

static bool connects_to(const struct packed *recorded, const char *component)
{
    if (strstr(packed_text(recorded), component) == NULL)
        return false;
    OWNED_JSON *needs = packed_open(recorded);
    if (needs == NULL)
        return true; /* no memory to look: it may */
    for (size_t i = 0; i < json_array_size(needs); i++) {
        if (strcmp(member_text(json_array_get(needs, i), "component"), component) == 0)
            return true;
    }
    return false;
}

static bool depends_on(const struct track *track, const struct track *other)
{
    const struct rollout *rollout = &track->rollout;
    if (connects_to(rollout->stable.needs, other->component) ||
        (rollout->has_next && connects_to(rollout->next.needs, other->component)))
        return true;
    const struct cell *cell = track->unit->cell;
    for (size_t i = 0; track->unit != other->unit && cell != NULL && i < cell->depends_on.count;
         i++) {
        if (strcmp(cell->depends_on.items[i].text, other->unit->name) == 0)
            return true;
    }
    return false;
}

#define CHAIN_LIMIT 16

static bool leads_to(struct engine *engine, const struct recall *recall, const struct track *from,
                     const struct track *to, int depth)
{
    if (depth == 0)
        return false;
    if (depends_on(from, to))
        return true;
    for (size_t i = 0; i < json_array_size(recall->members); i++) {
        const struct track *between =
            track_of(engine, json_array_get(recall->members, i), recall->target);
        if (between != NULL && between != from && between != to && depends_on(from, between) &&
            leads_to(engine, recall, between, to, depth - 1))
            return true;
    }
    return false;
}

/* Its traffic is on what is to go; one that a person has to help does not hold up the others. */
static bool still_serves(const struct track *track, const char *digest)
{
    const struct rollout *rollout = &track->rollout;
    if (rollout->state == ROLLOUT_HELD)
        return false;
    if (rollout->has_next && is_digest(&rollout->next, digest)) {
        const bool beside = rollout->next_slot != rollout->stable_slot;
        return !beside || (rollout->weight > 0 && !rollout->drained);
    }
    return is_digest(&rollout->stable, digest) &&
           !(rollout->returning && rollout->state == ROLLOUT_BAKE);
}

/* First what depends on it, then it. */
static bool is_its_turn(const struct engine *engine, const struct track *track)
{
    struct engine *tables = (struct engine *)(uintptr_t)engine; /* looked up in, not changed */
    const struct recall *recall = recall_of(engine, track);
    for (size_t i = 0; recall != NULL && i < json_array_size(recall->members); i++) {
        const json_t *member = json_array_get(recall->members, i);
        const struct track *other = track_of(tables, member, recall->target);
        if (other == NULL || other == track || !other->recalled ||
            !still_serves(other, member_text(member, "digest")))
            continue;
        if (leads_to(tables, recall, other, track, CHAIN_LIMIT) &&
            !leads_to(tables, recall, track, other, CHAIN_LIMIT))
            return false;
    }
    return recall != NULL;
}

bool scope_cancels(const struct engine *engine, const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    if (!track->recalled || rollout->returning)
        return false;
    if (!rollout->has_next)
        return !rollout->has_stable ||
               !is_digest(&rollout->stable, track->content.deployment_digest);
    return is_digest(&rollout->next, track->content.deployment_digest) &&
           is_its_turn(engine, track);
}

bool scope_undoes(const struct engine *engine, const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    return track->recalled && !rollout->has_next && rollout->has_previous &&
           is_digest(&rollout->stable, track->content.deployment_digest) &&
           is_its_turn(engine, track);
}
