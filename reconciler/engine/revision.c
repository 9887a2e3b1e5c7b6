#include "reconciler/engine/revision.h"

#include "config/base/text.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/commit_status.h"
#include "reconciler/engine/desire.h"
#include "reconciler/engine/emit.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/observe.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/revision_native.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct compile_context revision_context(const struct engine *engine, const struct manifest_set *set,
                                        const struct platform *platform)
{
    return (struct compile_context){
        .set = set,
        .platform = platform,
        .repository_url = engine->repository_url,
        .branch = engine->branch,
        .name_key = engine->name_key,
        .name_key_length = engine->options.name_key_length,
        .credentials = engine->options.credentials,
        .credential_count = engine->options.credential_count,
        .authorization = engine->options.authorization,
        .component_types = engine->component_types,
    };
}

/* --- the commit ---------------------------------------------------------------------------------
 */

static void record_commit(struct engine *engine, const struct engine_event *event)
{
    if (strcmp(engine->commit, event->as.revision.commit) == 0)
        return;
    const char *subject = event->as.revision.subject;
    const bool rewritten = event->as.revision.rewritten;
    record_add(engine, "revision/current",
               json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "commit", event->as.revision.commit,
                         "subject", subject, "rewritten", (int)rewritten, "since",
                         (json_int_t)engine->now.wall.ms, "converged", (json_int_t)0, "number",
                         (json_int_t)engine->number + 1));
    history_publish(engine, rewritten ? PUBLISH_WARNING : PUBLISH_NOTICE, "revision", NULL,
                    "%s %.12s: %.200s",
                    rewritten ? "history was rewritten; revision is now" : "revision is now",
                    event->as.revision.commit, subject);
    for (size_t i = 0; i < engine->unit_count; i++) {
        for (size_t k = 0; k < engine->units[i]->node_count; k++)
            engine->units[i]->nodes[k]->reported = false;
    }
}

static void take_zones(struct engine *engine, const struct engine_event *event)
{
    for (size_t i = 0; i < event->as.revision.zone_count; i++) {
        const struct zone_file *file = &event->as.revision.zones[i];
        bool known = false;
        for (size_t k = 0; k < engine->zone_count; k++)
            known = known || strcmp(engine->zones[k].name, file->name) == 0;
        struct zone_rules *rules = NULL;
        const int result = known ? 0 : zone_rules_parse(file->bytes, file->length, &rules, NULL);
        if (result == -ENOMEM)
            engine->status = -ENOMEM;
        if (rules == NULL)
            continue; /* known, or no zone: the gate says so */
        struct zone *zones = reallocarray(engine->zones, engine->zone_count + 1, sizeof *zones);
        char *name = strdup(file->name);
        if (zones == NULL || name == NULL) {
            engine->zones = zones == NULL ? engine->zones : zones;
            zone_rules_free(rules);
            free(name);
            engine->status = -ENOMEM;
            return;
        }
        engine->zones = zones;
        engine->zones[engine->zone_count++] = (struct zone){name, rules};
    }
}

/* --- the platform -------------------------------------------------------------------------------
 */

/* The last good platform stays while the newest cannot be used. Returns whether it is another. */
static bool take_platform(struct engine *engine, struct manifest_set *set)
{
    engine->platform_broken = set->platform_reason != NULL;
    text_put(engine->platform_reason, sizeof engine->platform_reason, "%s",
             engine->platform_broken ? set->platform_reason : "");
    if (engine->platform_broken) {
        history_publish(engine, PUBLISH_ERROR, "platform-broken", NULL,
                        "the platform of %.12s cannot be used, the last good one stays: %s",
                        engine->commit, engine->platform_reason);
        if (engine->platform != NULL || set->platform == NULL)
            return false;
    }
    /* Of the same text the one at hand stays: much points into it. */
    if (engine->platform != NULL &&
        strcmp(engine->platform->content_digest, set->platform->content_digest) == 0)
        return false;
    struct platform *before = engine->platform;
    engine->platform = platform_ref(set->platform);
    platform_unref(before);
    return true;
}

/* --- cells --------------------------------------------------------------------------------------
 */

static void set_reason(struct engine *engine, struct unit *unit, const char *reason)
{
    free(TAKE(unit->reason));
    if (reason == NULL)
        return;
    unit->reason = strdup(reason);
    if (unit->reason == NULL)
        engine->status = -ENOMEM;
}

static void record_good(struct engine *engine, struct unit *unit, const struct cell *cell,
                        int phase)
{
    const bool same = strcmp(unit->good_digest, cell->content_digest) == 0;
    if (same && unit->good_phase == phase)
        return;
    char key[KEY_SIZE];
    text_put(key, sizeof key, "cell/%s", unit->name);
    record_add(engine, key,
               json_pack("{s:s, s:s, s:i, s:I}", "commit",
                         same ? unit->good_commit : engine->commit, "digest", cell->content_digest,
                         "phase", phase, "train",
                         (json_int_t)(same ? unit->train : engine->number)));
    if (same)
        return; /* that commit is kept already */
    struct effect effect = {.kind = EFFECT_PIN};
    effect.as.pin.name = emit_text(engine, key);
    effect.as.pin.commit = emit_text(engine, engine->commit);
    emit_effect(engine, &effect);
}

static void use_cell(struct unit *unit, struct cell *cell)
{
    if (unit->cell == cell)
        return;
    struct cell *before = unit->cell;
    unit->cell = cell_ref(cell);
    cell_unref(before);
    /* Also of the same text: tracks point into the cell. */
    unit->stale = true;
    unit->changed = true;
}

static bool layer_connects(const struct layer *layer, const char *project)
{
    for (size_t i = 0; i < layer->connection_count; i++) {
        const char *target = layer->connections[i].target.text;
        if (target != NULL && strcmp(target, project) == 0)
            return true;
    }
    return false;
}

/* An environment cannot lead elsewhere: such a variable is refused. */
static bool connects_to(const struct cell *cell, const char *project)
{
    for (size_t i = 0; i < cell->component_count; i++) {
        if (layer_connects(&cell->components[i].layer, project))
            return true;
    }
    return layer_connects(&cell->layer, project);
}

/* What was compiled against a cell that changed is compiled again; and what is at work at all, as
 * it points into the set that goes. What connects to a cell that is gone is broken, and stays. */
static void spread(struct engine *engine)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        struct unit *changed = engine->units[i];
        if (!changed->changed)
            continue;
        char project[NAME_SIZE];
        platform_project_name(engine->platform, changed->name, project, sizeof project);
        for (size_t k = 0; k < engine->unit_count; k++) {
            struct unit *unit = engine->units[k];
            if (unit->cell != NULL && !unit->stale && connects_to(unit->cell, project))
                unit->stale = true;
        }
        changed->changed = false;
    }
    for (size_t i = 0; i < engine->unit_count; i++) {
        struct unit *unit = engine->units[i];
        if (unit->compiled)
            unit->stale = true;
        desire_rest(unit);
    }
}

static void take_broken(struct engine *engine, struct unit *unit, const struct manifest_cell *entry)
{
    const bool news = unit->reason == NULL || strcmp(unit->reason, entry->reason) != 0;
    unit->broken = true;
    commit_status_touch(engine, unit);
    set_reason(engine, unit, entry->reason);
    /* After a restart the last good content comes with the set; anything else is not usable. */
    if (unit->cell == NULL && entry->cell != NULL &&
        strcmp(entry->cell->content_digest, unit->good_digest) == 0)
        use_cell(unit, entry->cell);
    if (news)
        history_publish(engine, PUBLISH_ERROR, "cell-broken",
                        &(struct history_about){.cell = unit->name},
                        "%s cannot be used in %.12s, its last good state stays: %s", unit->name,
                        engine->commit, entry->reason);
}

static void take_cell(struct engine *engine, const struct manifest_cell *entry)
{
    struct unit *unit = unit_get(engine, entry->name);
    if (unit == NULL)
        return;
    unit->phase = platform_phase_of(engine->platform, unit->name);
    if (entry->broken) {
        take_broken(engine, unit, entry);
        return;
    }
    if (unit->broken)
        history_publish(engine, PUBLISH_NOTICE, "cell-mended",
                        &(struct history_about){.cell = unit->name}, "%s can be used again",
                        unit->name);
    unit->broken = false;
    set_reason(engine, unit, NULL);
    use_cell(unit, entry->cell);
    record_good(engine, unit, entry->cell, unit->phase);
}

/* A cell that git does not name any more. A manifest that cannot even be read bears the name of its
 * directory, so a cell of the same place is not gone; and one that was never read can be anyone.
 * While nobody knows, what was known before still is. */
static bool is_removed(const struct engine *engine, const struct unit *unit)
{
    if (manifest_set_cell(engine->set, unit->name) != NULL)
        return false;
    if (!revision_is_complete(engine))
        return unit->removed;
    for (size_t i = 0; i < engine->set->cell_count; i++) {
        const struct manifest_cell *entry = &engine->set->cells[i];
        if (entry->broken && (unit->cell == NULL || strcmp(unit->cell->path, entry->path) == 0))
            return false;
    }
    return true;
}

static void let_go(struct engine *engine, struct unit *unit)
{
    if (unit->recorded)
        history_publish(engine, PUBLISH_NOTICE, "cell-removed",
                        &(struct history_about){.cell = unit->name}, "%s is not in git any more",
                        unit->name);
    /* What was wrong with its manifest went with it. */
    unit->broken = false;
    set_reason(engine, unit, NULL);
    free(TAKE(unit->problem));
    for (size_t k = 0; k < unit->attached_count; k++) {
        unit->attached[k]->wanted = unit->attached[k]->drifted = false;
        if (unit->attached[k]->goal == GOAL_PRESENT)
            object_want_nothing(engine, unit->attached[k]);
    }
    commit_status_touch(engine, unit);
}

static void take_removals(struct engine *engine)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        struct unit *unit = engine->units[i];
        const bool removed = is_removed(engine, unit);
        if (removed && !unit->removed)
            let_go(engine, unit);
        /* Also with the same content: what it wants was let go. */
        if (unit->removed && !removed)
            unit->stale = true;
        unit->removed = removed;
    }
}

bool revision_is_complete(const struct engine *engine)
{
    return !engine->platform_broken && engine->set->unknown == NULL;
}

void revision_note_convergence(struct engine *engine)
{
    if (engine->commit[0] == '\0' || engine->converged_ms != 0 ||
        engine_condition(engine) != CONDITION_CONVERGED)
        return;
    record_add(engine, "revision/current", row_revision(engine, engine->now.wall.ms));
    history_publish(engine, PUBLISH_NOTICE, "converged", NULL,
                    "revision %.12s is live on every target", engine->commit);
}

/* --- all of it ----------------------------------------------------------------------------------
 */

static void take_set(struct engine *engine, struct manifest_set *set)
{
    struct manifest_set *before = engine->set;
    engine->set = manifest_set_ref(set);
    const bool other = take_platform(engine, set);
    if (engine->platform == NULL) {
        manifest_set_unref(before);
        return;
    }
    engine->context = revision_context(engine, engine->set, engine->platform);
    engine->context.deployments = engine->deployments;
    for (size_t i = 0; i < set->cell_count && engine->status == 0; i++)
        take_cell(engine, &set->cells[i]);
    take_removals(engine);
    spread(engine);
    engine->base->stale = true;
    const bool all = other || revision_native_changed(before, engine->set, NULL);
    for (size_t i = 0; i < engine->unit_count; i++) {
        struct unit *unit = engine->units[i];
        if (all || revision_native_changed(before, engine->set, unit->name))
            unit->stale = true;
    }
    node_rebuild(engine);
    manifest_set_unref(before);
}

static void repository_mended(struct engine *engine)
{
    engine->repository_ok = true;
    engine->repository_reason[0] = engine->repository_message[0] = '\0';
    engine->repository_since = engine->now.wall;
    engine->version++;
    history_publish(engine, PUBLISH_NOTICE, "repository-mended", NULL,
                    "the repository can be read again");
}

void revision_take(struct engine *engine, const struct engine_event *event)
{
    const bool news = strcmp(engine->commit, event->as.revision.commit) != 0;
    if (!engine->repository_ok)
        repository_mended(engine);
    if (!news && engine->set == event->as.revision.set)
        return; /* seen again */
    record_commit(engine, event);
    take_zones(engine, event);
    take_set(engine, event->as.revision.set);
    build_take_trees(engine, event);
    if (news && engine->set->unknown != NULL)
        history_publish(engine, PUBLISH_WARNING, "revision-unknown", NULL,
                        "parts of %.12s cannot be read, nothing is removed until they can: %.300s",
                        engine->commit, engine->set->unknown);
    engine->version++;
    engine->progress++;
    engine->prune_dirty = true;
    engine->prune_look = engine->look_number + 1;
    if (engine->platform == NULL)
        return;
    /* A new revision goes before all waiting and backoff. */
    unit_wake(engine, engine->base);
    for (size_t i = 0; i < engine->unit_count; i++)
        unit_wake(engine, engine->units[i]);
    if (engine->looks == 0 || news)
        observe_again(engine);
}

void revision_failed(struct engine *engine, const struct engine_event *event)
{
    const char *reason = event->as.repository_failed.reason;
    const struct error *err = event->as.repository_failed.error;
    if (engine->repository_ok || strcmp(engine->repository_reason, reason) != 0) {
        engine->repository_since = engine->now.wall;
        history_publish(engine, PUBLISH_WARNING, "repository-failed", NULL,
                        "the repository cannot be read (%s), what it said last stays: %.300s",
                        reason, err->detail);
    }
    engine->repository_ok = false;
    text_put(engine->repository_reason, sizeof engine->repository_reason, "%s", reason);
    text_put(engine->repository_message, sizeof engine->repository_message, "%.250s", err->detail);
    engine->version++;
}
