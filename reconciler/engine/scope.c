#include "reconciler/engine/scope.h"

#include "config/base/arena.h"
#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/track_walk.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
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

/* The others keep their order, which is the journal's: a restart changes nothing. */
static void drop(struct engine *engine, struct recall *recall)
{
    json_decref(recall->members);
    const struct recall *end = &engine->recalls[engine->recall_count--];
    memmove(recall, recall + 1, (size_t)(end - recall - 1) * sizeof *recall);
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
    text_put(recall->cell, sizeof recall->cell, "%s", cell);
    text_put(recall->component, sizeof recall->component, "%s", component);
    text_put(recall->target, sizeof recall->target, "%s", target);
    row_text(value, "digest", recall->digest, sizeof recall->digest);
    row_text(value, "revision", recall->revision, sizeof recall->revision);
    const json_t *members = json_object_get(value, "members");
    recall->members = json_is_array(members) ? json_deep_copy(members) : json_array();
    text_put(recall->reason, sizeof recall->reason,
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

static bool is_of(const struct rollout_content *content, const char *revision)
{
    return strcmp(content->revision, revision) == 0;
}

/* Content of the revision that stands here, is on its way or would come next; NULL = none that
 * could go back to anything. */
static const struct rollout_content *companion(const struct track *track, const char *revision)
{
    const struct rollout *rollout = &track->rollout;
    if (!track_is_live(track) || !rollout->has_stable)
        return NULL;
    if (rollout->has_next)
        return !rollout->returning && is_of(&rollout->next, revision) ? &rollout->next : NULL;
    if (is_of(&rollout->stable, revision))
        return rollout->has_previous ? &rollout->stable : NULL;
    const bool wanted = track->has_content && is_of(&track->content, revision) &&
                        !is_digest(&rollout->stable, track->content.deployment_digest);
    return wanted ? &track->content : NULL;
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

struct companions {
    const struct track *failed;
    json_t *members;
    struct text names;
};

static void add_companion(struct engine *engine, struct companions *companions,
                          const struct track *track)
{
    const struct track *failed = companions->failed;
    if (track == failed || strcmp(track->target, failed->target) != 0)
        return;
    const struct rollout_content *content = companion(track, failed->rollout.next.revision);
    if (content == NULL)
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
    if (json_array_append_new(companions->members,
                              json_pack("{s:s, s:s, s:s}", "cell", track->unit->name, "component",
                                        track->component, "digest", content->deployment_digest)) <
        0)
        engine->status = -ENOMEM;
    text_format(&companions->names, "%s%s", companions->names.length == 0 ? "" : ", ",
                track->component);
}

static void record_recall(struct engine *engine, struct companions *companions)
{
    const struct track *failed = companions->failed;
    char key[KEY_SIZE];
    text_put(key, sizeof key, "recall/%s/%s/%s", failed->unit->name, failed->component,
             failed->target);
    record_add(engine, key,
               json_pack("{s:s, s:s, s:O}", "digest", failed->rollout.next.deployment_digest,
                         "revision", failed->rollout.next.revision, "members",
                         companions->members));
    history_publish(engine, PUBLISH_WARNING, "rollback-scope",
                    &(struct history_about){.cell = failed->unit->name,
                                            .component = failed->component,
                                            .target = failed->target},
                    "%s failed on %s: what came with the same revision goes back too (%s)",
                    failed->component, failed->target, text_get(&companions->names));
}

void scope_begin(struct engine *engine, const struct track *track)
{
    CHECK(track->rollout.has_next && !track->rollout.returning);
    const enum rollback_scope scope = track->deployment == NULL
                                          ? ROLLBACK_COMPONENT
                                          : track->deployment->effective->rollout.rollback_scope;
    if (scope == ROLLBACK_COMPONENT)
        return;
    struct companions companions = {.failed = track, .members = json_array()};
    text_init(&companions.names, MESSAGE_SIZE);
    for (size_t i = 0; i < engine->unit_count; i++) {
        const struct unit *unit = engine->units[i];
        const bool inside = scope == ROLLBACK_PHASE
                                ? unit_is_live(unit) && unit->phase == track->unit->phase
                                : unit == track->unit;
        for (size_t k = 0; inside && k < unit->track_count; k++)
            add_companion(engine, &companions, unit->tracks[k]);
    }
    if (json_array_size(companions.members) > 0)
        record_recall(engine, &companions);
    json_decref(companions.members);
    text_fini(&companions.names);
}

/* --- marks -------------------------------------------------------------------------------------
 */

static const char *member_text(const json_t *member, const char *key)
{
    return json_text_or(json_object_get(member, key), "");
}

static struct track *track_of(const struct engine *engine, const json_t *member, const char *target)
{
    return unit_track_find(engine, member_text(member, "cell"), member_text(member, "component"),
                           target);
}

/* Git wants something else of the failed one by now, or a person has lifted its quarantine. Nothing
 * is stale here: what is new was compiled before. */
static bool is_over(const struct engine *engine, const struct recall *recall)
{
    const struct track *track =
        unit_track_find(engine, recall->cell, recall->component, recall->target);
    if (track == NULL || track->unit->removed)
        return true;
    if (track->unit->cell == NULL)
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
        text_put(key, sizeof key, "recall/%s/%s/%s", recall->cell, recall->component,
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
    if (engine->looks == 0 || (engine->recall_count == 0 && !engine->recall_dirty))
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

static bool names(const struct recall *recall, const struct track *track)
{
    for (size_t i = 0; i < json_array_size(recall->members); i++) {
        const json_t *member = json_array_get(recall->members, i);
        if (strcmp(member_text(member, "cell"), track->unit->name) == 0 &&
            strcmp(member_text(member, "component"), track->component) == 0 &&
            is_digest(&track->content, member_text(member, "digest")))
            return true;
    }
    return false;
}

/* The one that the mark of a track comes from. */
static const struct recall *recall_of(const struct engine *engine, const struct track *track)
{
    for (size_t i = 0;; i++) {
        CHECK(i < engine->recall_count);
        const struct recall *recall = &engine->recalls[i];
        if (strcmp(recall->target, track->target) == 0 && names(recall, track))
            return recall;
    }
}

const char *scope_reason(const struct engine *engine, const struct track *track)
{
    return recall_of(engine, track)->reason;
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
    if (track->unit == other->unit || cell == NULL)
        return false;
    for (size_t i = 0; i < cell->depends_on.count; i++) {
        if (strcmp(cell->depends_on.items[i].text, other->unit->name) == 0)
            return true;
    }
    return false;
}

struct others {
    const struct engine *engine;
    const struct recall *recall;
};

/* What goes back, too, and what `at` depends on. */
static void add_dependencies(struct track_walk *walk, const struct track *at, const void *context)
{
    const struct others *others = context;
    const struct recall *recall = others->recall;
    for (size_t i = 0; i < json_array_size(recall->members); i++) {
        const struct track *other =
            track_of(others->engine, json_array_get(recall->members, i), recall->target);
        if (other != NULL && other != at && depends_on(at, other))
            track_walk_add(walk, other);
    }
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
    const struct recall *recall = recall_of(engine, track);
    const struct others others = {engine, recall};
    for (size_t i = 0; i < json_array_size(recall->members); i++) {
        const json_t *member = json_array_get(recall->members, i);
        const struct track *other = track_of(engine, member, recall->target);
        if (other == NULL || other == track || !other->recalled ||
            !still_serves(other, member_text(member, "digest")))
            continue;
        if (track_walk_leads(other, track, add_dependencies, &others) &&
            !track_walk_leads(track, other, add_dependencies, &others))
            return false;
    }
    return true;
}

bool scope_cancels(const struct engine *engine, const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    if (!track->recalled || rollout->returning)
        return false;
    if (!rollout->has_next)
        return !is_digest(&rollout->stable, track->content.deployment_digest);
    return is_digest(&rollout->next, track->content.deployment_digest) &&
           is_its_turn(engine, track);
}

bool scope_undoes(const struct engine *engine, const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    return track->recalled && !rollout->has_next &&
           is_digest(&rollout->stable, track->content.deployment_digest) &&
           is_its_turn(engine, track);
}
