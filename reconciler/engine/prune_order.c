#include "reconciler/engine/prune_order.h"

#include "config/base/text.h"
#include "reconciler/engine/census.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum prune_stage {
    STAGE_ROUTES,
    STAGE_SLOTS,
    STAGE_COMPONENTS,
    STAGE_CONTENT, /* workloads, secret references */
    STAGE_PROJECT_BINDINGS,
    STAGE_OTHERS,
    STAGE_PROJECT,
    STAGE_NONE,
};

static enum prune_stage stage_of(const struct object *object)
{
    const enum resource_kind kind = object->key.kind;
    if (kind == KIND_RELEASE_BINDING)
        return object->route ? STAGE_ROUTES : STAGE_SLOTS;
    if (kind == KIND_COMPONENT)
        return STAGE_COMPONENTS;
    if (kind == KIND_WORKLOAD || kind == KIND_SECRET_REFERENCE)
        return STAGE_CONTENT;
    if (kind == KIND_PROJECT_RELEASE_BINDING)
        return STAGE_PROJECT_BINDINGS;
    return kind == KIND_PROJECT ? STAGE_PROJECT : STAGE_OTHERS;
}

bool prune_order_is_doomed(const struct engine *engine, const struct object *object)
{
    if (!object->inventory || object->wanted)
        return false;
    char name[KEY_SIZE];
    object_name(object, name);
    return json_object_get(engine->pruning.keys, name) != NULL;
}

static int phase_of(const struct unit *unit)
{
    return unit->removed ? unit->good_phase : unit->phase;
}

/* With a project binding the cell's namespace goes with all that runs in it; with a project, all of
 * its components. Bindings and components of other people count as well. */
static bool is_inhabited(const struct engine *engine, const struct object *object)
{
    const char *name = object->key.name;
    char project[NAME_SIZE];
    if (object->key.kind == KIND_PROJECT_RELEASE_BINDING) {
        /* "<project>-<target>": the project of its own time, should the prefix be another now. */
        const size_t suffix = strlen(object->target) + 1, length = strlen(name);
        if (suffix == 1 || length <= suffix)
            return true;
        text_put(project, sizeof project, "%.*s", (int)(length - suffix), name);
        return census_has(&engine->bound, project, object->target);
    }
    return object->key.kind == KIND_PROJECT && census_has(&engine->peopled, name, "");
}

static bool has_second_binding(const struct engine *engine, const struct object *object)
{
    return object->key.kind == KIND_RELEASE_BINDING &&
           json_object_get(engine->duplicates, object->key.name) != NULL;
}

static enum prune_stage first_stage(const struct engine *engine, const struct unit *unit)
{
    enum prune_stage first = STAGE_NONE;
    for (size_t i = 0; i < unit->attached_count; i++) {
        const struct object *object = unit->attached[i];
        if (prune_order_is_doomed(engine, object) && stage_of(object) < first)
            first = stage_of(object);
    }
    return first;
}

bool prune_order_is_stopped(const struct engine *engine, const struct object *object)
{
    return object->goal == GOAL_ABSENT && stage_of(object) == first_stage(engine, object->unit) &&
           is_inhabited(engine, object);
}

static int last_phase(const struct engine *engine)
{
    int last = INT_MIN;
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        if (prune_order_is_doomed(engine, object) && phase_of(object->unit) > last)
            last = phase_of(object->unit);
    }
    return last;
}

static void order_unit(struct engine *engine, struct unit *unit, bool turn)
{
    const enum prune_stage first = first_stage(engine, unit);
    if (first == STAGE_NONE)
        return;
    for (size_t i = 0; i < unit->attached_count; i++) {
        struct object *object = unit->attached[i];
        if (!prune_order_is_doomed(engine, object))
            continue;
        if (object->goal != GOAL_ABSENT)
            object_want_gone(engine, object);
        object->permit = turn && stage_of(object) == first && !is_inhabited(engine, object) &&
                         !has_second_binding(engine, object);
        object->condemned = object->permit;
    }
    unit_queue(engine, unit);
}

void prune_order(struct engine *engine)
{
    const int last = last_phase(engine);
    if (last == INT_MIN)
        return;
    order_unit(engine, engine->base, phase_of(engine->base) == last);
    for (size_t i = 0; i < engine->unit_count; i++)
        order_unit(engine, engine->units[i], phase_of(engine->units[i]) == last);
}

/* --- releases -----------------------------------------------------------------------------------
 */

static bool names_release(const struct rollout_content *content, const char *name)
{
    const struct packed *specs[] = {content->slot_spec[0], content->slot_spec[1],
                                    content->route_spec};
    char member[2 * NAME_SIZE + 32]; /* found without opening: no memory must not mean unused */
    text_put(member, sizeof member, "\"releaseName\":\"%s\"", name);
    for (size_t i = 0; i < 3; i++) {
        if (strstr(packed_text(specs[i]), member) != NULL)
            return true;
    }
    return false;
}

static bool is_referenced(const struct unit *unit, const struct object *release)
{
    if (release->wanted)
        return true;
    for (size_t i = 0; i < unit->track_count; i++) {
        const struct rollout *rollout = &unit->tracks[i]->rollout;
        if (names_release(&rollout->stable, release->key.name) ||
            names_release(&rollout->next, release->key.name) ||
            names_release(&rollout->previous, release->key.name))
            return true;
    }
    return false;
}

/* Releases are named <component>-<digest>: the component's name is what stands before. */
static bool same_component(const struct object *a, const struct object *b)
{
    const size_t length = strlen(a->key.name);
    return length == strlen(b->key.name) && length > DIGEST_SHORT &&
           strncmp(a->key.name, b->key.name, length - DIGEST_SHORT) == 0;
}

static size_t newer_ones(const struct unit *unit, const struct object *release)
{
    size_t newer = 0;
    for (size_t i = 0; i < unit->attached_count; i++) {
        const struct object *other = unit->attached[i];
        if (other != release && other->key.kind == KIND_COMPONENT_RELEASE && other->inventory &&
            other->made > release->made && same_component(other, release) &&
            !is_referenced(unit, other))
            newer++;
    }
    return newer;
}

static bool has_source(const struct unit *unit, const struct object *release)
{
    if (unit->removed)
        return false;
    for (size_t i = 0; i < unit->source_count; i++) {
        if (same_component(unit->sources[i]->release, release))
            return true;
    }
    return false;
}

static void prune_unit_releases(struct engine *engine, struct unit *unit)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        struct object *release = unit->attached[i];
        if (release->key.kind != KIND_COMPONENT_RELEASE || !release->inventory ||
            is_referenced(unit, release))
            continue;
        const size_t kept = has_source(unit, release) ? engine->options.releases_kept : 0;
        if (newer_ones(unit, release) < kept)
            continue;
        object_want_gone(engine, release);
        release->permit = true;
        release->condemned = true;
        unit_queue(engine, unit);
    }
}

void prune_releases(struct engine *engine)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        struct unit *unit = engine->units[i];
        if (unit->broken || unit->problem != NULL || unit_is_suspended(engine, unit) ||
            (!unit->removed && (unit->stale || unit->source_count == 0)))
            continue;
        prune_unit_releases(engine, unit);
    }
}
