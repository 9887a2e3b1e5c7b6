#include "reconciler/engine/prune.h"

#include "config/base/text.h"
#include "reconciler/engine/census.h"
#include "reconciler/engine/emit.h"
#include "reconciler/engine/health.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/observe.h"
#include "reconciler/engine/prune_order.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/revision.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/trial.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- who lives where ----------------------------------------------------------------------------
 */

/* Two bindings of one component in one environment: deleting either would take the routes of the
 * other down for ever. Neither is touched. */
static void take_duplicates(struct engine *engine, const json_t *items)
{
    json_t *first = json_object();
    json_decref(engine->duplicates);
    engine->duplicates = json_object();
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        const char *name = json_text_or(json_at(item, "metadata", "name", NULL), "");
        char key[4 * NAME_SIZE];
        text_put(key, sizeof key, "%s/%s",
                 json_text_or(json_at(item, "spec", "owner", "componentName", NULL), ""),
                 json_text_or(json_at(item, "spec", "environment", NULL), ""));
        json_t *other = json_object_get(first, key);
        int result = 0;
        if (other == NULL) {
            result = json_object_set_new(first, key, json_string(name));
        } else {
            result = json_object_set(engine->duplicates, name, other);
            result |= json_object_set_new(engine->duplicates, json_string_value(other),
                                          json_string(name));
        }
        if (result < 0)
            engine->status = -ENOMEM;
    }
    json_decref(first);
}

void prune_take_list(struct engine *engine, enum resource_kind kind, const json_t *items)
{
    if (kind == KIND_RELEASE_BINDING) {
        take_duplicates(engine, items);
        census_take(engine, &engine->bound, items, true);
    }
    if (kind == KIND_COMPONENT)
        census_take(engine, &engine->peopled, items, false);
}

/* --- candidates ---------------------------------------------------------------------------------
 */

bool prune_is_certain(const struct unit *unit)
{
    if (unit->broken || unit->problem != NULL)
        return false;
    if (unit->removed)
        return true;
    if (unit->stale || unit->object_count == 0)
        return false;
    for (size_t i = 0; i < unit->track_count; i++) {
        if (track_is_live(unit->tracks[i]) && !unit->tracks[i]->has_content)
            return false;
    }
    return true;
}

/* Nobody stopped it, either. */
static bool is_sure(const struct engine *engine, const struct unit *unit)
{
    return prune_is_certain(unit) && !unit_is_suspended(engine, unit) &&
           !unit_is_frozen(engine, unit);
}

/* A secret that a release names which is stable, on its way, or to be gone back to. */
static bool is_mentioned(const struct unit *unit, const struct object *object)
{
    char name[KEY_SIZE];
    text_put(name, sizeof name, "\"%s\"", object->key.name);
    for (size_t i = 0; i < unit->track_count; i++) {
        const struct rollout *rollout = &unit->tracks[i]->rollout;
        const struct packed *lists[] = {rollout->stable.secrets, rollout->next.secrets,
                                        rollout->previous.secrets};
        for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
            if (strstr(packed_text(lists[k]), name) != NULL)
                return true;
        }
    }
    return false;
}

const char *prune_is_for_people(const struct platform *platform, const struct object *object)
{
    if (!resource_kind_info(object->key.kind)->may_delete)
        return "its removal could not be taken back and would take along what runs there: remove "
               "it by hand when nothing needs it";
    if (object->target[0] != '\0' && platform_target(platform, object->target) == NULL)
        return "its target is not in the platform any more: what runs there is left as it is; "
               "remove it by hand";
    return NULL;
}

bool prune_is_kept(const struct object *object)
{
    const enum resource_kind kind = object->key.kind;
    return kind == KIND_COMPONENT_RELEASE || kind == KIND_WORKFLOW_RUN ||
           (kind == KIND_SECRET_REFERENCE && is_mentioned(object->unit, object));
}

static bool is_candidate(const struct engine *engine, const struct object *object)
{
    return object->inventory && !object->wanted && is_sure(engine, object->unit) &&
           !prune_is_kept(object);
}

/* What did not succeed for want of memory. */
static void check(struct engine *engine, int result)
{
    if (result < 0)
        engine->status = -ENOMEM;
}

static void explain(struct engine *engine, json_t *explained, const struct object *object,
                    const char *why)
{
    check(engine,
          json_array_append_new(explained, json_pack("{s:s, s:s, s:s, s:s}", "kind",
                                                     object_kind(object), "name", object->key.name,
                                                     "cell", object->unit->name, "message", why)));
}

/* New candidates (names as in the journal's keys), and what is only told. */
static json_t *gather(struct engine *engine, size_t *ret_inventory)
{
    json_t *names = json_object(), *explained = json_array();
    *ret_inventory = 0;
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        *ret_inventory += object->inventory && object->key.kind != KIND_COMPONENT_RELEASE;
        if (!is_candidate(engine, object))
            continue;
        char name[KEY_SIZE];
        object_name(object, name);
        const char *why = prune_is_for_people(engine->platform, object);
        if (why != NULL)
            explain(engine, explained, object, why);
        else
            check(engine, json_object_set_new(names, name, json_true()));
    }
    if (json_array_size(explained) > json_array_size(engine->pruning.explained))
        history_publish(engine, PUBLISH_NOTICE, "removal-left-to-people",
                        &(struct history_about){.data = json_pack("{s:O}", "objects", explained)},
                        "%zu objects are not in git any more and are not deleted by celld",
                        json_array_size(explained));
    json_decref(engine->pruning.explained);
    engine->pruning.explained = explained;
    return names;
}

/* --- the budget ---------------------------------------------------------------------------------
 */

static void short_hash(struct engine *engine, const json_t *names,
                       char ret_hash[static DIGEST_SHORT + 1])
{
    struct digest digest = {.text = ""};
    check(engine, digest_json(names, &digest));
    text_put(ret_hash, DIGEST_SHORT + 1, "%.*s", DIGEST_SHORT, digest.text);
}

static void put_row(struct engine *engine, const char *revision, const char *hash,
                    const char *approved, json_t *keys)
{
    record_add(engine, "prune",
               json_pack("{s:s, s:s, s:s, s:o}", "revision", revision, "hash", hash, "approved",
                         approved, "keys", keys));
}

/* What an earlier train was allowed to remove, and has removed, is not allowed for ever: should it
 * come back and go again, that is another removal. */
static void forget_allowed(struct engine *engine)
{
    const struct pruning *pruning = &engine->pruning;
    if (strcmp(pruning->revision, engine->commit) == 0)
        return;
    json_t *left = json_object();
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        char name[KEY_SIZE];
        object_name(object, name);
        if (prune_order_is_doomed(engine, object))
            check(engine, json_object_set_new(left, name, json_true()));
    }
    if (json_object_size(left) == json_object_size(pruning->keys)) {
        json_decref(left);
        return;
    }
    const struct pruning before = *pruning;
    put_row(engine, before.revision, before.hash, before.approved, left);
}

/* What was allowed in this revision's train so far; finished ones of older trains are dropped. */
static json_t *allowed_so_far(const struct engine *engine)
{
    if (strcmp(engine->pruning.revision, engine->commit) == 0)
        return json_copy_whole(engine->pruning.keys);
    return json_object();
}

static size_t count_new(const json_t *names, const json_t *allowed)
{
    size_t count = 0;
    json_t *members = json_unconst(names);
    for (void *i = json_object_iter(members); i != NULL; i = json_object_iter_next(members, i))
        count += json_object_get(allowed, json_object_iter_key(i)) == NULL;
    return count;
}

static void hold(struct engine *engine, json_t *names, const char *hash, size_t budget)
{
    struct pruning *pruning = &engine->pruning;
    const bool news = strcmp(pruning->held_hash, hash) != 0;
    json_decref(pruning->held);
    pruning->held = names;
    text_put(pruning->held_hash, sizeof pruning->held_hash, "%s", hash);
    if (!news)
        return;
    pruning->held_since = engine->now.wall;
    engine->version++;
    history_publish(
        engine, PUBLISH_WARNING, "prune-held",
        &(struct history_about){.data = json_pack("{s:O}", "objects", names)},
        "%zu objects are to be removed, more than the budget of %zu: they stay until `cellctl "
        "approve --prune %s`%s",
        json_object_size(names), budget, hash,
        json_object_size(pruning->keys) > 0 ? "; what was approved before goes on" : "");
}

static void release_hold(struct engine *engine)
{
    struct pruning *pruning = &engine->pruning;
    json_decref(TAKE(pruning->held));
    pruning->held_hash[0] = '\0';
}

static void allow(struct engine *engine, json_t *names, json_t *allowed, const char *approved)
{
    char hash[DIGEST_SHORT + 1];
    short_hash(engine, names, hash);
    check(engine, json_object_update(allowed, names));
    history_publish(engine, PUBLISH_NOTICE, "prune-started",
                    &(struct history_about){.data = json_pack("{s:O}", "objects", names)},
                    "%zu objects that git does not name any more are removed",
                    json_object_size(names));
    put_row(engine, engine->commit, hash, approved, allowed);
    json_decref(names);
    release_hold(engine);
}

static void consider(struct engine *engine)
{
    size_t inventory;
    json_t *names = gather(engine, &inventory);
    json_t *allowed = allowed_so_far(engine);
    const size_t fresh = count_new(names, allowed);
    if (fresh == 0 || engine->status != 0) {
        json_decref(names);
        json_decref(allowed);
        release_hold(engine);
        return;
    }
    const struct prune_budget *budget = &engine->platform->prune;
    size_t limit = inventory * (size_t)(budget->percent < 0 ? 0 : budget->percent) / 100;
    if (limit < (size_t)(budget->minimum < 0 ? 0 : budget->minimum))
        limit = (size_t)budget->minimum;
    char hash[DIGEST_SHORT + 1];
    short_hash(engine, names, hash);
    if (json_object_size(allowed) + fresh <= limit) {
        allow(engine, names, allowed, "");
        return;
    }
    json_decref(allowed);
    hold(engine, names, hash, limit);
}

void prune_list(const json_t *names, struct text *out)
{
    const size_t count = json_object_size(names);
    json_t *members = json_unconst(names);
    size_t told = 0;
    for (void *i = json_object_iter(members); i != NULL && told < 3;
         i = json_object_iter_next(members, i), told++) {
        const char *name = json_object_iter_key(i);
        text_format(out, "%s%.*s%s", told == 0 ? ": " : ", ", (int)strcspn(name, "/"), name,
                    strrchr(name, '/') == NULL ? "" : " ");
        if (strrchr(name, '/') != NULL)
            text_add(out, strrchr(name, '/') + 1);
    }
    if (count > told)
        text_format(out, " and %zu more", count - told);
}

bool prune_approve(struct engine *engine, const char *hash, const char *operator_name)
{
    struct pruning *pruning = &engine->pruning;
    if (pruning->held == NULL || strcmp(pruning->held_hash, hash) != 0)
        return false;
    history_publish(engine, PUBLISH_NOTICE, "prune-approved", NULL, "removal %s was approved by %s",
                    hash, operator_name);
    allow(engine, json_incref(pruning->held), allowed_so_far(engine), hash);
    engine->prune_dirty = true;
    return true;
}

/* --- the end ------------------------------------------------------------------------------------
 */

static bool has_inventory(const struct unit *unit)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        if (unit->attached[i]->inventory)
            return true;
    }
    return false;
}

/* By name: after a restart nothing else leads from a component that is gone to its bindings. */
static bool is_binding_of(const struct object *object, const struct track *track)
{
    static const char *const slots[] = {"", "-a", "-b"};
    if (!object->inventory || object->key.kind != KIND_RELEASE_BINDING)
        return false;
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        char name[3 * NAME_SIZE];
        text_put(name, sizeof name, "%s%s-%s", track->component, slots[i], track->target);
        if (strcmp(object->key.name, name) == 0)
            return true;
    }
    return false;
}

static bool is_bound(const struct unit *unit, const struct track *track)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        if (is_binding_of(unit->attached[i], track))
            return true;
    }
    return false;
}

/* Rows of rollouts whose component is gone, once its bindings are: when it comes back it is new
 * there, and neither an old attempt nor an old stable release stands for it. */
static void forget_tracks(struct engine *engine, struct unit *unit)
{
    for (size_t i = 0; i < unit->track_count; i++) {
        struct track *track = unit->tracks[i];
        if (track_is_live(track) || !track->recorded ||
            platform_target(engine->platform, track->target) == NULL || is_bound(unit, track))
            continue;
        char key[KEY_SIZE];
        text_put(key, sizeof key, "rollout/%s/%s/%s", unit->name, track->component, track->target);
        record_remove(engine, key);
        trial_drop(engine, track);
        health_forget(engine, track);
        engine->prune_dirty = true; /* nothing names its releases any more */
    }
}

static void forget_gone(struct engine *engine)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        struct unit *unit = engine->units[i];
        if (!is_sure(engine, unit))
            continue;
        forget_tracks(engine, unit);
        if (unit->removed && unit->recorded && !has_inventory(unit)) {
            char key[KEY_SIZE];
            text_put(key, sizeof key, "cell/%s", unit->name);
            record_remove(engine, key);
            struct effect effect = {.kind = EFFECT_PIN};
            effect.as.pin.name = emit_text(engine, key);
            emit_effect(engine, &effect);
            history_publish(engine, PUBLISH_NOTICE, "cell-gone",
                            &(struct history_about){.cell = unit->name}, "nothing of %s is left",
                            unit->name);
        }
    }
}

bool prune_may_go_on(const struct engine *engine, const struct unit *unit)
{
    return engine->known && revision_is_complete(engine) && prune_is_certain(unit) &&
           !unit_is_suspended(engine, unit);
}

void prune_pump(struct engine *engine)
{
    if (!engine->prune_dirty || !observe_is_complete(engine) || !revision_is_complete(engine) ||
        engine->look_number < engine->prune_look || engine->all_suspended)
        return;
    engine->prune_dirty = false;
    forget_allowed(engine);
    consider(engine);
    if (engine->status != 0)
        return;
    prune_order(engine);
    prune_releases(engine);
    forget_gone(engine);
    quarantine_age(engine);
}
