#include "reconciler/engine/move.h"

#include "config/base/text.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/unit.h"

#include <string.h>

/* A component's objects in OpenChoreo: itself (or its route), its slots, its build. */
static const char *const suffixes[] = {"", "-a", "-b", "-build"};
#define SUFFIX_COUNT (sizeof suffixes / sizeof suffixes[0])

static const struct unit *owner_elsewhere(const struct engine *engine, const struct unit *unit,
                                          enum resource_kind kind, const char *name)
{
    const struct object_key key = {kind, engine->platform->namespace_name.text, name};
    const struct object *object = object_find(engine, &key);
    return object != NULL && (object->inventory || object->intent) && object->unit != unit &&
                   !unit_is_platform(object->unit)
               ? object->unit
               : NULL;
}

static const struct unit *owner_of_bindings(const struct engine *engine, const struct unit *unit,
                                            const char *component)
{
    const struct unit *owner = NULL;
    for (size_t i = 0; owner == NULL && i < engine->platform->target_count; i++) {
        char name[2 * NAME_SIZE];
        text_put(name, sizeof name, "%s-%s", component, engine->platform->targets[i].name);
        owner = owner_elsewhere(engine, unit, KIND_RELEASE_BINDING, name);
    }
    return owner;
}

/* Releases went with their component, and the same content has the same name here: what is known of
 * them was true of those that are gone. */
static void doubt_releases(struct engine *engine, const char *component)
{
    for (size_t i = 0; i < engine->object_count; i++) {
        struct object *object = engine->object_list[i];
        if (!object_is_release_of(object, component))
            continue;
        object->presence = PRESENCE_UNKNOWN;
        object->sound = false;
        object->missing = true;
    }
}

/* The cell that waited may be made now. */
static void arrive(struct engine *engine, struct unit *unit)
{
    unit->moving = false;
    for (size_t i = 0; i < unit->cell->component_count; i++) {
        for (size_t k = 0; k < SUFFIX_COUNT; k++) {
            char name[NAME_SIZE + 8];
            text_put(name, sizeof name, "%s%s", unit->cell->components[i].name.text, suffixes[k]);
            doubt_releases(engine, name);
        }
    }
}

static const struct unit *owner_of_component(const struct engine *engine, const struct unit *unit,
                                             const char *component)
{
    const struct unit *owner = NULL;
    for (size_t i = 0; owner == NULL && i < SUFFIX_COUNT; i++) {
        char name[NAME_SIZE + 8];
        text_put(name, sizeof name, "%s%s", component, suffixes[i]);
        owner = owner_elsewhere(engine, unit, KIND_COMPONENT, name);
        if (owner == NULL)
            owner = owner_elsewhere(engine, unit, KIND_WORKLOAD, name);
        if (owner == NULL)
            owner = owner_of_bindings(engine, unit, name);
    }
    return owner;
}

/* The first component of the cell that still stands in another one, and in which; NULL = none does.
 */
static const struct unit *find_owner(const struct engine *engine, const struct unit *unit,
                                     const struct manifest_text **ret_component)
{
    const struct unit *owner = NULL;
    for (size_t i = 0; owner == NULL && i < unit->cell->component_count; i++) {
        *ret_component = &unit->cell->components[i].name;
        owner = owner_of_component(engine, unit, (*ret_component)->text);
    }
    return owner;
}

/* The owner is to get a component in turn that still stands here, be it by way of others; NULL = it
 * is not. A cell that waits removes nothing: which of its objects are to go is not known yet. */
static const char *find_exchange(const struct engine *engine, const struct unit *unit,
                                 const struct unit *owner)
{
    const struct manifest_text *component = NULL;
    for (size_t i = 0; i < engine->unit_count && owner != NULL && owner != unit; i++)
        owner =
            owner->cell == NULL || owner->removed ? NULL : find_owner(engine, owner, &component);
    return owner == unit ? component->text : NULL;
}

static int refuse_move(const struct engine *engine, struct unit *unit, const struct unit *owner,
                       const struct manifest_text *name, struct error *err)
{
    const char *other = find_exchange(engine, unit, owner);
    unit->moving = true;
    const int result =
        other == NULL
            ? error_set(err, ERROR_CONFLICT, ERR_INVALID,
                        "%s still stands in the cell %s and cannot be moved: it is made here once "
                        "it is removed there; under another name both could run side by side",
                        name->text, owner->name)
            : error_set(err, ERROR_CONFLICT, ERR_INVALID,
                        "%s still stands in the cell %s, which waits for %s to be removed here, "
                        "and neither can be first: take one of the two out of git, and name it in "
                        "its new cell with the commit after",
                        name->text, owner->name, other);
    err->where = name->at;
    return result;
}

/* Its components were made in a project of another name: the platform's prefix was changed. */
static const struct object *find_former_project(const struct engine *engine,
                                                const struct unit *unit)
{
    const struct object *former = NULL;
    bool has_component = false;
    char project[NAME_SIZE];
    platform_project_name(engine->platform, unit->name, project, sizeof project);
    for (size_t i = 0; i < unit->attached_count; i++) {
        const struct object *object = unit->attached[i];
        if (!object->inventory)
            continue;
        has_component = has_component || object->key.kind == KIND_COMPONENT;
        if (object->key.kind == KIND_PROJECT && strcmp(object->key.name, project) == 0)
            return NULL;
        if (object->key.kind == KIND_PROJECT)
            former = object;
    }
    return has_component ? former : NULL;
}

static int refuse_prefix(const struct engine *engine, const struct object *former,
                         struct error *err)
{
    const int result = error_set(
        err, ERROR_CONFLICT, ERR_INVALID,
        "the cell stands in the project %s, and nothing can be moved to another: put the prefix "
        "back, or take the cell out of git until it is removed there",
        former->key.name);
    err->where = engine->platform->project_prefix.at;
    return result;
}

int move_check(struct engine *engine, struct unit *unit, struct error *err)
{
    const struct manifest_text *name = NULL;
    const struct unit *owner = find_owner(engine, unit, &name);
    if (owner != NULL)
        return refuse_move(engine, unit, owner, name, err);
    if (unit->moving)
        arrive(engine, unit);
    const struct object *former = find_former_project(engine, unit);
    return former == NULL ? 0 : refuse_prefix(engine, former, err);
}

void move_look_again(struct engine *engine)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        struct unit *unit = engine->units[i];
        if (!unit->moving)
            continue;
        unit->stale = true;
        unit_queue(engine, unit);
    }
}
