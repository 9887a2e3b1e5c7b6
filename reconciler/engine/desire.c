#include "reconciler/engine/desire.h"

#include "config/base/text.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/move.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/source.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/track_compile.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void set_problem(struct engine *engine, struct unit *unit, const struct error *err)
{
    if (err == NULL) {
        free(TAKE(unit->problem));
        return;
    }
    char text[sizeof err->detail + 256];
    text_put(text, sizeof text, "%s:%u:%u: %s", err->where.path, err->where.line, err->where.column,
             err->detail);
    const bool news = unit->problem == NULL || strcmp(unit->problem, text) != 0;
    free(unit->problem);
    unit->problem = strdup(text);
    if (unit->problem == NULL)
        engine->status = -ENOMEM;
    if (news)
        history_publish(engine, PUBLISH_ERROR, "cell-refused",
                        &(struct history_about){.cell = unit->name}, "%s", text);
}

static int reserve_objects(struct unit *unit, size_t count)
{
    struct object **objects = reallocarray(unit->objects, count, sizeof(struct object *));
    if (objects == NULL)
        return -ENOMEM;
    unit->objects = objects;
    return 0;
}

/* The compiled list becomes goals; objects that it does not name any more lose theirs. */
static void take_objects(struct engine *engine, struct unit *unit, struct desired_list *list)
{
    for (size_t i = 0; i < unit->object_count; i++) {
        if (unit->objects[i]->unit == unit) /* another may have taken it over */
            unit->objects[i]->wanted = false;
        unit->objects[i]->holders--;
    }
    unit->object_count = 0;
    if (reserve_objects(unit, list->count) < 0) {
        engine->status = -ENOMEM;
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct desired_object *desired = &list->items[i];
        struct object *object = object_get(engine, &desired->key);
        if (object == NULL)
            return;
        object_hand_over(engine, object, unit);
        unit->objects[unit->object_count++] = object;
        object->holders++;
        object->wanted = true;
        object_want(engine, object, TAKE(desired->body), desired->adopt);
    }
}

void desire_platform(struct engine *engine)
{
    struct unit *unit = engine->base;
    struct desired_list list = {0};
    struct error err = {0};
    const int result = compile_platform(&engine->context, &list, &err);
    unit->stale = false;
    unit->compiled = result == 0;
    if (result == -ENOMEM) {
        engine->status = -ENOMEM;
        return;
    }
    set_problem(engine, unit, result < 0 ? &err : NULL);
    if (result < 0)
        return;
    take_objects(engine, unit, &list);
    desired_list_fini(&list);
}

static void want_nothing_more(struct engine *engine, struct unit *unit)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        struct object *object = unit->attached[i];
        object->wanted = false;
        if (object->goal == GOAL_PRESENT)
            object_want_nothing(engine, object);
    }
}

static void take_tracks(struct engine *engine, struct unit *unit)
{
    struct cell *before = unit->tracked;
    unit->tracked = cell_ref(unit->cell);
    cell_unref(before);
    for (size_t i = 0; i < unit->track_count; i++) {
        unit->tracks[i]->manifest = NULL;
        unit->tracks[i]->place = NULL;
        unit->tracks[i]->node = NULL;
    }
    for (size_t c = 0; c < unit->cell->component_count; c++) {
        const struct component *component = &unit->cell->components[c];
        for (size_t t = 0; t < unit->node_count; t++) {
            struct node *node = unit->nodes[t];
            struct track *track =
                unit_track_get(engine, unit, component->name.text, node->target->name);
            if (track == NULL)
                return;
            track->manifest = component;
            track->place = node->target;
            track->node = node;
        }
    }
    for (size_t i = 0; i < unit->track_count && engine->status == 0; i++)
        track_compile(engine, unit->tracks[i]);
}

static void want_project_bindings(struct engine *engine, struct unit *unit)
{
    for (size_t i = 0; i < unit->node_count; i++) {
        struct node *node = unit->nodes[i];
        char name[2 * NAME_SIZE];
        text_put(name, sizeof name, "%s-%s", unit->project, node->target->name);
        const struct object_key key = {KIND_PROJECT_RELEASE_BINDING,
                                       engine->platform->namespace_name.text, name};
        struct object *object = object_get(engine, &key);
        if (object == NULL)
            return;
        unit_attach(engine, unit, object);
        unit_hold(&node->binding, object);
        object->wanted = true;
        object->target = words_target(engine, node->target->name);
    }
}

static const struct component *find_component(const struct cell *cell, const char *name)
{
    for (size_t i = 0; i < cell->component_count; i++) {
        if (strcmp(cell->components[i].name.text, name) == 0)
            return &cell->components[i];
    }
    return NULL;
}

/* The cell cannot be compiled. What its tracks were compiled from is gone: they point into the
 * present manifest, and stand on what was recorded. */
static void ground_tracks(struct unit *unit)
{
    for (size_t i = 0; i < unit->track_count; i++) {
        struct track *track = unit->tracks[i];
        track->manifest =
            track->manifest == NULL ? NULL : find_component(unit->cell, track->component);
        if (track->manifest == NULL) {
            track->place = NULL;
            track->node = NULL;
        }
        track_rest(track);
    }
}

void desire_cell(struct engine *engine, struct unit *unit)
{
    struct desired_list list = {0};
    struct error err = {0};
    int result = move_check(engine, unit, &err);
    if (result == 0)
        result = compile_cell(&engine->context, unit->cell, &list, &err);
    unit->stale = false;
    unit->compiled = true;
    if (result == -ENOMEM) {
        engine->status = -ENOMEM;
        return;
    }
    set_problem(engine, unit, result < 0 ? &err : NULL);
    if (result < 0) {
        ground_tracks(unit);
        return;
    }
    platform_project_name(engine->platform, unit->name, unit->project, sizeof unit->project);
    want_nothing_more(engine, unit);
    take_objects(engine, unit, &list);
    desired_list_fini(&list);
    want_project_bindings(engine, unit);
    take_tracks(engine, unit);
    source_build(engine, unit);
    build_desire(engine, unit);
}

void desire_rest(struct unit *unit)
{
    for (size_t i = 0; i < unit->track_count; i++)
        track_rest(unit->tracks[i]);
    unit->compiled = false;
}
