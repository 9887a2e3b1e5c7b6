#include "reconciler/engine/bootstrap.h"

#include "config/base/check.h"
#include "reconciler/engine/astray.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/project.h"
#include "reconciler/engine/provider.h"
#include "reconciler/engine/source.h"
#include "reconciler/engine/track_found.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- what objects tell --------------------------------------------------------------------------
 */

void bootstrap_observed(struct engine *engine, struct object *object, const json_t *live)
{
    if (object->key.kind == KIND_PROJECT || object->key.kind == KIND_PROJECT_RELEASE ||
        object->key.kind == KIND_PROJECT_RELEASE_BINDING)
        project_observed(engine, object, live);
    else if (object->key.kind == KIND_COMPONENT_RELEASE)
        source_observed(engine, object, live);
    else if (object->key.kind == KIND_RELEASE_BINDING)
        track_found(object, live);
}

/* A component takes its releases along. */
static void doubt_releases(const struct unit *unit, const struct object *component)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        struct object *release = unit->attached[i];
        if (object_is_release_of(release, component->key.name)) {
            release->presence = PRESENCE_UNKNOWN;
            release->sound = false;
        }
    }
}

void bootstrap_gone(struct engine *engine, struct object *object)
{
    if (object->key.kind == KIND_COMPONENT)
        doubt_releases(object->unit, object);
    else if (object->key.kind == KIND_COMPONENT_RELEASE)
        astray_gone(engine, object);
    else
        project_gone(engine, object);
}

/* --- the platform -------------------------------------------------------------------------------
 */

static int rank_of(enum resource_kind kind)
{
    if (kind == KIND_NAMESPACE)
        return 0;
    if (!resource_kind_info(kind)->namespaced)
        return 1;
    if (kind == KIND_ENVIRONMENT)
        return 2;
    return kind == KIND_DEPLOYMENT_PIPELINE ? 3 : 4;
}

/* Of kinds that cells stand on, whoever declared it; of all others, one that the server refuses
 * holds nobody up. */
static bool is_essential(enum resource_kind kind)
{
    return kind == KIND_NAMESPACE || kind == KIND_CLUSTER_COMPONENT_TYPE ||
           kind == KIND_ENVIRONMENT || kind == KIND_DEPLOYMENT_PIPELINE;
}

static bool stands(const struct engine *engine, const struct object *object)
{
    return object_was_equal(object) ||
           (object->presence == PRESENCE_PRESENT && object_is_drift(object) &&
            unit_drift_policy(engine, engine->base) != DRIFT_CORRECT);
}

/* Native environments have none: they are as they stand. */
static bool data_plane_key(const struct engine *engine, const struct object *environment,
                           struct object_key *ret_key)
{
    const struct target *target = platform_target(engine->platform, environment->key.name);
    if (target == NULL)
        return false;
    const struct region *region = target->region;
    const bool near = strcmp(region->data_plane_kind.text, "DataPlane") == 0;
    *ret_key = (struct object_key){near ? KIND_DATA_PLANE : KIND_CLUSTER_DATA_PLANE,
                                   near ? environment->key.namespace_name : "",
                                   region->data_plane_name.text};
    return true;
}

/* The server accepts an environment on a data plane that does not exist, and says Ready. */
static bool has_data_plane(struct engine *engine, const struct object *environment)
{
    struct object_key key;
    if (!data_plane_key(engine, environment, &key))
        return true;
    struct object *plane = object_get(engine, &key);
    if (plane == NULL)
        return false;
    unit_attach(engine, engine->base, plane);
    plane->poll = plane->presence != PRESENCE_PRESENT;
    if (plane->presence == PRESENCE_UNKNOWN)
        plane->missing = true;
    return plane->presence == PRESENCE_PRESENT;
}

void bootstrap_platform(struct engine *engine)
{
    struct unit *unit = engine->base;
    const bool correct = unit_drift_policy(engine, unit) == DRIFT_CORRECT;
    bool ready = unit->problem == NULL && unit->object_count > 0;
    int open = 4; /* ranks up to this may be written */
    for (size_t i = 0; i < unit->object_count; i++) {
        const struct object *object = unit->objects[i];
        if (!stands(engine, object) && is_essential(object->key.kind)) {
            ready = false;
            if (rank_of(object->key.kind) < open)
                open = rank_of(object->key.kind);
        }
    }
    for (size_t i = 0; i < unit->object_count; i++) {
        struct object *object = unit->objects[i];
        const bool repair = object_is_drift(object);
        object->permit = rank_of(object->key.kind) <= open && (!repair || correct) &&
                         !unit_is_suspended(engine, unit);
        if (object->permit && object->key.kind == KIND_ENVIRONMENT &&
            object->presence != PRESENCE_PRESENT && !has_data_plane(engine, object))
            object->permit = false;
    }
    if (ready != unit->ready) {
        engine->plan_dirty = true;
        engine->version++;
        unit->ready = ready;
        unit_queue_all(engine);
    }
}

bool bootstrap_explain_platform(const struct engine *engine, struct text *out)
{
    const struct unit *unit = engine->base;
    if (unit->ready)
        return false;
    if (unit->problem != NULL) {
        text_format(out, "the platform cannot be compiled: %s", unit->problem);
        return true;
    }
    for (size_t i = 0; i < unit->object_count; i++) {
        const struct object *object = unit->objects[i];
        if (stands(engine, object))
            continue; /* what is not essential comes last */
        if (operation_is_held(object)) {
            text_add(out, operation_message(object));
            return true;
        }
        text_format(out, "%s %s is not there yet", object_kind(object), object->key.name);
        struct object_key key = {0};
        const bool placed =
            object->key.kind == KIND_ENVIRONMENT && data_plane_key(engine, object, &key);
        const struct object *plane = placed ? object_find(engine, &key) : NULL;
        if (plane != NULL && operation_message(plane)[0] != '\0')
            text_format(out, ": %s", operation_message(plane));
        else if (operation_message(object)[0] != '\0')
            text_format(out, ": %s", operation_message(object));
        else if (placed && !object->permit)
            text_format(out, ": it needs %s %s, which celld does not make",
                        resource_kind_info(key.kind)->name, key.name);
        return true;
    }
    text_add(out, "the platform's objects were not compared yet");
    return true;
}

/* --- a cell -------------------------------------------------------------------------------------
 */

bool bootstrap_is_pending(const struct object *object)
{
    return object->goal == GOAL_PRESENT && !object_is_equal(object) && !object_is_drift(object);
}

static bool is_open(const struct engine *engine, const struct unit *unit)
{
    for (size_t i = 0; i < unit->node_count; i++) {
        if (node_is_open(engine, unit->nodes[i]))
            return true;
    }
    return false;
}

/* Its routes come before its turn: they need the project. */
static bool is_awaited(const struct unit *unit)
{
    for (size_t i = 0; i < unit->node_count; i++) {
        if (provider_is_awaited_on(unit->nodes[i]))
            return true;
    }
    return false;
}

/* A gate opens for content that is known: its builds need the project before that. */
static bool is_built_before_a_gate(const struct engine *engine, const struct unit *unit)
{
    for (size_t i = 0; i < unit->node_count; i++) {
        if (node_verdict_of(engine, unit->nodes[i])->wait == WAIT_GATE)
            return build_is_awaited(engine, unit);
    }
    return false;
}

static bool may_write(const struct engine *engine, const struct object *object, bool open)
{
    return object_is_drift(object) ? unit_drift_policy(engine, object->unit) == DRIFT_CORRECT
                                   : open;
}

void bootstrap_cell(struct engine *engine, struct unit *unit)
{
    const bool ready = engine->base->ready, open = ready && is_open(engine, unit);
    struct object *project = unit->objects[0];
    CHECK(project->key.kind == KIND_PROJECT);
    project->permit =
        may_write(engine, project,
                  open || (ready && (is_built_before_a_gate(engine, unit) || is_awaited(unit))));
    project->poll = object_is_equal(project) && unit->project_release[0] == '\0';
    /* All others refer to the project. */
    for (size_t i = 1; i < unit->object_count; i++)
        unit->objects[i]->permit =
            object_is_equal(project) && may_write(engine, unit->objects[i], open);
    unit->foreign =
        project->presence == PRESENCE_PRESENT && !project->managed && !project->inventory;
    if (project->presence != PRESENCE_PRESENT || object_is_leaving(project) || unit->foreign)
        return;
    project_bind(engine, unit);
}
