#include "reconciler/engine/build.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/workflow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
    [BUILD_NONE] = "none",
    [BUILD_RUNNING] = "running",
    [BUILD_DONE] = "done",
    [BUILD_FAILED] = "failed",
};

/* --- the table ----------------------------------------------------------------------------------
 */

static size_t place_of(const struct engine *engine, const char *cell, const char *component)
{
    size_t low = 0, high = engine->build_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        int order = strcmp(engine->builds[middle]->cell, cell);
        if (order == 0)
            order = strcmp(engine->builds[middle]->component, component);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct build_record *find(const struct engine *engine, const char *cell,
                                 const char *component)
{
    const size_t at = place_of(engine, cell, component);
    return at < engine->build_count && strcmp(engine->builds[at]->cell, cell) == 0 &&
                   strcmp(engine->builds[at]->component, component) == 0
               ? engine->builds[at]
               : NULL;
}

static struct build_record *find_or_make(struct engine *engine, const char *cell,
                                         const char *component)
{
    struct build_record *build = find(engine, cell, component);
    if (build != NULL)
        return build;
    if (engine->build_count == engine->build_capacity) {
        const size_t capacity = engine->build_capacity == 0 ? 8 : engine->build_capacity * 2;
        struct build_record **builds =
            reallocarray(engine->builds, capacity, sizeof(struct build_record *));
        if (builds == NULL) {
            engine->status = -ENOMEM;
            return NULL;
        }
        engine->builds = builds;
        engine->build_capacity = capacity;
    }
    build = calloc(1, sizeof *build);
    if (build == NULL) {
        engine->status = -ENOMEM;
        return NULL;
    }
    text_put(build->cell, sizeof build->cell, "%s", cell);
    text_put(build->component, sizeof build->component, "%s", component);
    const size_t at = place_of(engine, cell, component);
    memmove(&engine->builds[at + 1], &engine->builds[at],
            (engine->build_count - at) * sizeof(struct build_record *));
    engine->builds[at] = build;
    engine->build_count++;
    return build;
}

void build_free_all(struct engine *engine)
{
    for (size_t i = 0; i < engine->build_count; i++) {
        json_decref(engine->builds[i]->parameters);
        free(engine->builds[i]->image);
        free(engine->builds[i]);
    }
    free(engine->builds);
}

/* --- its row ------------------------------------------------------------------------------------
 */

static void take_image(struct engine *engine, struct build_record *build, const char *image)
{
    if (build->image != NULL && image != NULL && strcmp(build->image, image) == 0)
        return;
    free(TAKE(build->image));
    if (image == NULL)
        return;
    build->image = strdup(image);
    if (build->image == NULL)
        engine->status = -ENOMEM;
}

void build_apply(struct engine *engine, const char *cell, const char *component,
                 const json_t *value)
{
    struct build_record *build =
        value == NULL ? find(engine, cell, component) : find_or_make(engine, cell, component);
    if (build == NULL)
        return;
    build->recorded = value != NULL;
    build->state = BUILD_NONE;
    const char *state = json_text_or(json_object_get(value, "state"), "");
    for (size_t i = 0; i < sizeof state_names / sizeof *state_names; i++) {
        if (strcmp(state_names[i], state) == 0)
            build->state = (enum build_state)i;
    }
    row_text(value, "tree", build->tree, sizeof build->tree);
    row_text(value, "run", build->run, sizeof build->run);
    row_text(value, "uid", build->uid, sizeof build->uid);
    row_text(value, "message", build->message, sizeof build->message);
    take_image(engine, build, json_text_or(json_object_get(value, "image"), NULL));
    build->started_ms = row_number(value, "started");
    build->attempt = (uint64_t)row_number(value, "attempt");
    engine->version++;
    struct unit *unit = unit_find(engine, cell);
    if (unit != NULL)
        unit_queue(engine, unit); /* other cells may wait for it */
}

json_t *build_row(const struct build_record *build)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:I, s:I}", "tree", build->tree, "state",
                     state_names[build->state], "run", build->run, "uid", build->uid, "message",
                     build->message, "image", build->image, "started",
                     (json_int_t)build->started_ms, "attempt", (json_int_t)build->attempt);
}

void build_put(struct engine *engine, const struct build_record *build)
{
    char key[KEY_SIZE];
    text_put(key, sizeof key, "build/%s/%s", build->cell, build->component);
    record_add(engine, key, build_row(build));
}

/* --- from the manifest --------------------------------------------------------------------------
 */

const struct component *build_manifest(const struct engine *engine,
                                       const struct build_record *build)
{
    const struct unit *unit = unit_find(engine, build->cell);
    if (unit == NULL || !unit_is_live(unit))
        return NULL;
    for (size_t i = 0; i < unit->cell->component_count; i++) {
        const struct component *component = &unit->cell->components[i];
        if (strcmp(component->name.text, build->component) == 0)
            return component_is_built(component) ? component : NULL;
    }
    return NULL;
}

const char *build_image(const struct engine *engine, const char *cell, const char *component)
{
    const struct build_record *build = find(engine, cell, component);
    return build == NULL ? NULL : build->image;
}

/* The cell's manifest is that of this revision: of a broken one the older content stays, and with
 * it the tree that was wanted. */
static bool is_current(const struct engine *engine, const char *cell)
{
    const struct unit *unit = unit_find(engine, cell);
    return unit == NULL || (!unit->broken && (unit->removed || unit->cell != NULL));
}

static void forget(struct engine *engine, struct build_record *build)
{
    request_cancel(engine, build->request);
    build->request = 0;
    build->wanted[0] = '\0';
    if (!build->recorded)
        return;
    char key[KEY_SIZE];
    text_put(key, sizeof key, "build/%s/%s", build->cell, build->component);
    record_remove(engine, key);
}

/* What is built: the sources, and how. "<tree>-<digest of the way>"; "" = not known. */
static void identify(struct engine *engine, const struct build *how, const char *tree,
                     char ret_what[static NAME_SIZE + 1])
{
    struct digest digest;
    ret_what[0] = '\0';
    if (tree[0] == '\0')
        return;
    OWNED_JSON *what = json_pack("{s:s, s:s?, s:O*, s:s?}", "kind", workflow_kind(&how->workflow),
                                 "workflow", how->workflow.name.text, "parameters",
                                 how->workflow.parameters, "context", how->context.text);
    if (what == NULL || digest_json(what, &digest) < 0) {
        engine->status = -ENOMEM;
        return;
    }
    text_put(ret_what, NAME_SIZE + 1, "%.40s-%.12s", tree, digest.text);
}

static void want_tree(struct engine *engine, struct build_record *build, const struct build *how,
                      const char *sources)
{
    char tree[sizeof build->wanted];
    identify(engine, how, sources, tree);
    if (strcmp(build->wanted, tree) == 0)
        return;
    text_put(build->wanted, sizeof build->wanted, "%s", tree);
    text_put(build->commit, sizeof build->commit, "%s", engine->commit);
    /* What is asked about another one does not count any more. */
    request_cancel(engine, build->request);
    build->request = 0;
    build->failures = 0;
    build->missing = false;
    build->due = (struct mono_time){0};
    json_decref(TAKE(build->parameters));
}

static const char *tree_of(const struct engine_event *event, const struct build_record *build)
{
    for (size_t i = 0; i < event->as.revision.tree_count; i++) {
        const struct source_tree *source = &event->as.revision.trees[i];
        if (strcmp(source->cell, build->cell) == 0 &&
            strcmp(source->component, build->component) == 0)
            return source->tree;
    }
    return "";
}

/* Before any step is taken on this revision, the plan has to know what is awaited. */
static void weigh(struct engine *engine)
{
    for (size_t i = 0; i < engine->build_count && engine->status == 0; i++) {
        const char *cell = engine->builds[i]->cell;
        if (i > 0 && strcmp(engine->builds[i - 1]->cell, cell) == 0)
            continue;
        struct unit *unit = unit_find(engine, cell);
        if (unit != NULL && unit->node_count > 0)
            node_update(engine, unit);
    }
}

void build_take_trees(struct engine *engine, const struct engine_event *event)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        const struct unit *unit = engine->units[i];
        for (size_t k = 0; unit->cell != NULL && k < unit->cell->component_count; k++) {
            if (component_is_built(&unit->cell->components[k]) &&
                find_or_make(engine, unit->name, unit->cell->components[k].name.text) == NULL)
                return;
        }
    }
    for (size_t i = 0; i < engine->build_count && engine->status == 0; i++) {
        struct build_record *build = engine->builds[i];
        if (!is_current(engine, build->cell))
            continue;
        const struct component *manifest = build_manifest(engine, build);
        if (manifest != NULL)
            want_tree(engine, build, &manifest->build, tree_of(event, build));
        else if (engine->platform != NULL && engine->set->unknown == NULL)
            forget(engine, build);
    }
    weigh(engine);
}

/* --- the Component that carries the runs --------------------------------------------------------
 */

static struct object *carrier_of(const struct engine *engine, const char *component)
{
    char name[NAME_SIZE + 8];
    text_put(name, sizeof name, "%s-build", component);
    const struct object_key key = {KIND_COMPONENT, engine->platform->namespace_name.text, name};
    return object_find(engine, &key);
}

static void desire_carrier(struct engine *engine, struct unit *unit,
                           const struct component *component, const struct target *target)
{
    struct deployment *deployment = NULL;
    struct desired_object desired = {0};
    /* Nothing of the image goes into this Component, and it stands before there is one. */
    int result = deployment_new(&engine->context, unit->cell, component, target, "unbuilt",
                                &deployment, NULL);
    if (result == 0)
        result = deployment_component(deployment, ROLE_BUILD, &desired);
    if (result == 0) {
        struct object *object = object_get(engine, &desired.key);
        if (object != NULL) {
            unit_attach(engine, unit, object);
            object->wanted = true;
            object_want(engine, object, TAKE(desired.body), desired.adopt);
        }
        desired_object_fini(&desired);
    } else if (result == -ENOMEM) {
        engine->status = -ENOMEM;
    }
    deployment_free(deployment);
}

void build_desire(struct engine *engine, struct unit *unit)
{
    for (size_t i = 0; i < unit->cell->component_count; i++) {
        if (component_is_built(&unit->cell->components[i]) && engine->status == 0)
            desire_carrier(engine, unit, &unit->cell->components[i], unit->nodes[0]->target);
    }
}

void build_permit(struct engine *engine, struct unit *unit)
{
    const struct object *project = unit->objects[0];
    for (size_t i = 0; i < unit->cell->component_count; i++) {
        struct object *object = component_is_built(&unit->cell->components[i])
                                    ? carrier_of(engine, unit->cell->components[i].name.text)
                                    : NULL;
        if (object == NULL || object->goal != GOAL_PRESENT)
            continue;
        object->permit =
            engine->base->ready && object_is_equal(project) &&
            (!object_is_drift(object) || unit_drift_policy(engine, unit) == DRIFT_CORRECT);
    }
}

/* --- questions ----------------------------------------------------------------------------------
 */

static bool is_open(const struct engine *engine, const struct build_record *build)
{
    return build->wanted[0] != '\0' && build_manifest(engine, build) != NULL &&
           !(build->state == BUILD_DONE && strcmp(build->tree, build->wanted) == 0);
}

static bool is_failed(const struct build_record *build)
{
    return build->state == BUILD_FAILED && strcmp(build->tree, build->wanted) == 0;
}

bool build_is_held(const struct engine *engine, const struct build_record *build)
{
    return is_open(engine, build) && (build->missing || is_failed(build));
}

bool build_may_run(const struct engine *engine, const struct build_record *build)
{
    const struct unit *unit = unit_find(engine, build->cell);
    return is_open(engine, build) && !is_failed(build) && unit->problem == NULL &&
           !unit_is_suspended(engine, unit) && !unit_is_frozen(engine, unit);
}

bool build_is_awaited(const struct engine *engine, const struct unit *unit)
{
    for (size_t i = place_of(engine, unit->name, ""); i < engine->build_count; i++) {
        const struct build_record *build = engine->builds[i];
        if (strcmp(build->cell, unit->name) != 0)
            return false;
        if (!build->missing && build_may_run(engine, build))
            return true;
    }
    return false;
}

bool build_moves(const struct engine *engine, const struct build_record *build)
{
    if (!build_may_run(engine, build) || build->missing)
        return false;
    /* It begins once its Component stands, and that once its project does: phases may hold that. */
    const struct object *carrier = carrier_of(engine, build->component);
    const bool running = build->state == BUILD_RUNNING && strcmp(build->tree, build->wanted) == 0;
    return running || build->request != 0 ||
           (carrier != NULL && carrier->permit && !operation_is_held(carrier));
}

static void add_message(const struct engine *engine, const struct build_record *build,
                        struct text *out)
{
    const struct component *component = build_manifest(engine, build);
    if (build->missing)
        text_format(out, ": there is no %s %s", workflow_kind(&component->build.workflow),
                    component->build.workflow.name.text);
    else if (build->message[0] != '\0')
        text_format(out, ": %s", build->message);
}

void build_explain_hold(const struct engine *engine, const struct build_record *build,
                        struct text *out)
{
    text_format(out, "%s cannot be built", build->component);
    add_message(engine, build, out);
}

bool build_explain(const struct engine *engine, const struct track *track, struct text *out)
{
    if (!component_is_built(track->manifest))
        return false;
    const char *name = track->component;
    const struct build_record *build = find(engine, track->unit->name, name);
    CHECK(build != NULL);
    if (build->wanted[0] == '\0') {
        if (build->image != NULL)
            return false;
        text_format(out, "%s cannot be built: its source %s is not in this revision", name,
                    component_build_path(track->manifest));
        return true;
    }
    if (!is_open(engine, build))
        return false;
    if (build_is_held(engine, build)) {
        build_explain_hold(engine, build, out);
        text_add(out, "; it is tried again with another source, or with `cellctl rollout retry`");
    } else if (strcmp(build->tree, build->wanted) == 0 && build->state == BUILD_RUNNING) {
        char since[WALL_TIME_TEXT_SIZE];
        wall_time_format((struct wall_time){build->started_ms}, since);
        text_format(out, "%s is being built: run %s since %s", name, build->run, since);
    } else if (track->note != NULL && !track->needs_image) {
        return false; /* it cannot be compiled with any image */
    } else {
        text_format(out, "%s waits for its build", name);
        if (strcmp(build->tree, build->wanted) == 0)
            add_message(engine, build, out);
    }
    if (build->image != NULL)
        text_format(out, "; until then image %s stays", build->image);
    return true;
}

size_t build_retry(struct engine *engine, const char *cell, const char *component)
{
    size_t count = 0;
    for (size_t i = 0; i < engine->build_count; i++) {
        struct build_record *build = engine->builds[i];
        if (strcmp(build->cell, cell) != 0 ||
            (component != NULL && strcmp(build->component, component) != 0) ||
            !build_is_held(engine, build))
            continue;
        struct build_record next = *build;
        next.state = BUILD_NONE;
        next.message[0] = '\0';
        build->due = (struct mono_time){0};
        build->missing = false;
        build_put(engine, &next);
        count++;
    }
    return count;
}
