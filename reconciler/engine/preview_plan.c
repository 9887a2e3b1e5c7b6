/* The plan as JSON: a revision's bodies against what stands, node by node, and a hash over it. */
#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/fingerprint.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/preview.h"
#include "reconciler/engine/prune.h"
#include "reconciler/engine/revision.h"
#include "reconciler/engine/status.h"
#include "reconciler/engine/status_rollout.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/why.h"

#include <errno.h>
#include <string.h>

struct preview {
    const struct engine *engine;
    struct compile_context context;
    struct instant now;
    bool current; /* the revision that celld works on */
    json_t *nodes;
    json_t *named;  /* objects that stay */
    json_t *unsure; /* cells of which not all could be compiled: nothing of them is removed */
    json_int_t changes;
    struct text message;
    bool scarce; /* memory ran out: it is not complete */
};

static void append(struct preview *preview, json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) < 0)
        preview->scarce = true;
}

static void mark(struct preview *preview, json_t *names, const char *name)
{
    if (json_object_set_new(names, name, json_true()) < 0)
        preview->scarce = true;
}

static struct object *object_named(const struct engine *engine, const char *name)
{
    char copy[KEY_SIZE];
    text_put(copy, sizeof copy, "%s", name);
    char *place = strchr(copy, '/');
    CHECK(place != NULL);
    char *own = strchr(place + 1, '/');
    CHECK(own != NULL);
    *place++ = '\0';
    *own++ = '\0';
    enum resource_kind kind = KIND_PROJECT;
    CHECK(resource_kind_find(copy, &kind) == 0);
    const struct object_key key = {kind, place, own};
    return object_find(engine, &key);
}

static json_t *differences_of(struct preview *preview, enum resource_kind kind,
                              const json_t *desired, const json_t *before)
{
    struct difference difference = {0};
    json_t *list = json_array();
    if (before == NULL)
        return list;
    if (diff_object(kind, desired, before, &difference) < 0) {
        preview->scarce = true;
        return list;
    }
    for (size_t i = 0; i < difference.count; i++) {
        const struct field_difference *field = &difference.items[i];
        append(preview, list,
               json_pack("{s:s, s:O?, s:O?}", "pointer", field->pointer, "live", field->live,
                         "desired", field->desired));
    }
    difference_fini(&difference);
    return list;
}

static bool moves_in(const struct object *object, const json_t *body)
{
    const char *cell = json_text_or(json_at(body, "metadata", "labels", LABEL_CELL, NULL), "");
    return object->inventory && object->unit->name[0] != '\0' &&
           strcmp(cell, object->unit->name) != 0;
}

/* One body, when something would be written. `before` = the present revision's body. */
static void add_line(struct preview *preview, json_t *lines, const char *name, const json_t *body,
                     const json_t *before)
{
    const struct object *object = object_named(preview->engine, name);
    const uint64_t desired = fingerprint_object(body);
    const bool there = object != NULL && (object->presence == PRESENCE_PRESENT ||
                                          object->presence == PRESENCE_TERMINATING);
    if (there && object->live == object->equal_live && desired == object->equal_desired)
        return;
    const json_t *known = there && object->operation != NULL && object->desired == desired
                              ? object->operation->differences
                              : NULL;
    json_t *differences = known != NULL ? json_deep_copy(json_unconst(known))
                          : there       ? differences_of(preview, object->key.kind, body, before)
                                        : json_array();
    const char *message = object == NULL ? NULL : operation_message(object);
    if (there && moves_in(object, body))
        message = "it belongs to another cell, and is made here once it is removed there";
    const char *action = !there ? "create" : object->adopt && !object->managed ? "adopt" : "update";
    append(preview, lines,
           json_pack("{s:s, s:s, s:s, s:o, s:o}", "action", action, "kind",
                     json_text_or(json_object_get(body, "kind"), ""), "name",
                     json_text_or(json_at(body, "metadata", "name", NULL), ""), "message",
                     status_text(message), "differences", differences));
    preview->changes++;
}

/* Sorted by name, so that the hash does not depend on a table's order. */
static json_t *lines_of(struct preview *preview, json_t *bodies, const json_t *before)
{
    json_t *lines = json_array();
    const size_t count = json_object_size(bodies);
    const char **names = calloc(count + 1, sizeof *names);
    size_t filled = 0;
    preview->scarce = preview->scarce || names == NULL;
    for (void *i = json_object_iter(bodies); names != NULL && i != NULL;
         i = json_object_iter_next(bodies, i)) {
        const char *name = json_object_iter_key(i);
        size_t at = filled++;
        for (; at > 0 && strcmp(names[at - 1], name) > 0; at--)
            names[at] = names[at - 1];
        names[at] = name;
    }
    for (size_t i = 0; i < filled; i++) {
        mark(preview, preview->named, names[i]);
        add_line(preview, lines, names[i], json_object_get(bodies, names[i]),
                 json_object_get(before, names[i]));
    }
    free(names);
    return lines;
}

/* By which way the content comes: without a stable release, or in place, all traffic at once. */
static void add_component_line(struct preview *preview, json_t *lines,
                               const struct deployment *deployment)
{
    const struct rollout_policy *policy = &deployment->effective->rollout;
    const struct rollout_content *stable;
    const char slot[2] = {preview_slot(preview->engine, deployment, &stable), '\0'};
    const char *from = stable == NULL ? "" : stable->deployment_digest;
    const enum strategy strategy = deployment->routed ? policy->strategy : STRATEGY_ROLLING;
    if (strcmp(from, deployment->deployment_digest) == 0)
        return;
    const bool steps = strategy != STRATEGY_ROLLING && stable != NULL;
    append(preview, lines,
           json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:I}", "name",
                     deployment->component->name.text, "from", status_text(from), "to",
                     deployment->deployment_digest, "strategy", status_strategy_name(strategy),
                     "slot", status_text(slot), "steps",
                     steps ? status_steps(policy, policy->analysis.set) : json_array(), "bake_ms",
                     (json_int_t)policy->bake.value.ms));
}

static json_t *component_lines(struct preview *preview, const struct cell *cell,
                               const struct target *target)
{
    json_t *lines = json_array();
    for (size_t c = 0; c < cell->component_count; c++) {
        const struct component *component = &cell->components[c];
        struct deployment *deployment = NULL;
        const int result = deployment_new(
            &preview->context, cell, component, target,
            build_image(preview->engine, cell->name.text, component->name.text), &deployment, NULL);
        preview->scarce = preview->scarce || result == -ENOMEM;
        if (result < 0)
            continue;
        add_component_line(preview, lines, deployment);
        deployment_free(deployment);
    }
    return lines;
}

/* What belongs to this target (or, with NULL, to the cell as a whole). */
static json_t *select_bodies(struct preview *preview, json_t *bodies, const struct target *target)
{
    const struct platform *platform = preview->context.platform;
    json_t *chosen = json_object();
    for (void *i = json_object_iter(bodies); i != NULL; i = json_object_iter_next(bodies, i)) {
        const json_t *body = json_object_iter_value(i);
        const char *environment = json_text_or(json_at(body, "spec", "environment", NULL), NULL);
        const bool own = environment != NULL && platform_target(platform, environment) != NULL;
        if (target == NULL ? own : !own || strcmp(environment, target->name) != 0)
            continue;
        if (json_object_set(chosen, json_object_iter_key(i), json_object_iter_value(i)) < 0)
            preview->scarce = true;
    }
    return chosen;
}

static void add_node(struct preview *preview, const struct unit *unit, const struct cell *cell,
                     const struct target *target, json_t *bodies, json_t *before)
{
    const struct engine *engine = preview->engine;
    json_t *mine = select_bodies(preview, bodies, target);
    json_t *lines = lines_of(preview, mine, before);
    json_t *components = target == NULL ? json_array() : component_lines(preview, cell, target);
    json_decref(mine);
    const struct node *node = NULL;
    for (size_t i = 0; target != NULL && unit != NULL && i < unit->node_count; i++) {
        if (strcmp(unit->nodes[i]->name, target->name) == 0)
            node = unit->nodes[i];
    }
    if (json_array_size(lines) == 0 && json_array_size(components) == 0) {
        json_decref(lines);
        json_decref(components);
        return;
    }
    const enum wait_kind wait =
        node == NULL || !preview->current ? WAIT_NONE : engine->verdicts[node->index].wait;
    append(preview, preview->nodes,
           json_pack("{s:s, s:o, s:i, s:s, s:o, s:o, s:o}", "cell", cell->name.text, "target",
                     status_text(target == NULL ? NULL : target->name), "phase",
                     platform_phase_of(preview->context.platform, cell->name.text), "action",
                     json_array_size(components) > 0 ? "deploy" : "update", "wait",
                     wait == WAIT_NONE ? json_null() : json_string(plan_wait_name(wait)),
                     "components", components, "objects", lines));
}

static void add_cell(struct preview *preview, const struct cell *cell)
{
    const struct engine *engine = preview->engine;
    const struct unit *unit = unit_find(engine, cell->name.text);
    struct preview_bodies out = {
        .bodies = json_object(), .kept = preview->named, .message = &preview->message};
    if (!preview_cell(engine, &preview->context, cell, NULL, &out))
        mark(preview, preview->unsure, cell->name.text);
    OWNED_TEXT ignored;
    text_init(&ignored, 1024);
    struct preview_bodies before = {.bodies = json_object(), .message = &ignored};
    if (!preview->current && unit != NULL && unit_is_live(unit))
        preview_cell(engine, &engine->context, unit->cell, NULL, &before);
    preview->scarce = preview->scarce || out.scarce || before.scarce;
    add_node(preview, unit, cell, NULL, out.bodies, before.bodies);
    for (size_t i = 0; i < preview->context.platform->target_count; i++)
        add_node(preview, unit, cell, &preview->context.platform->targets[i], out.bodies,
                 before.bodies);
    json_decref(out.bodies);
    json_decref(before.bodies);
}

/* What stands in the inventory and no body names. */
static void add_removals(struct preview *preview)
{
    const struct engine *engine = preview->engine;
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        char name[KEY_SIZE];
        object_name(object, name);
        if (!object->inventory || prune_is_kept(object) || object->unit->broken ||
            json_object_get(preview->unsure, object->unit->name) != NULL ||
            json_object_get(preview->named, name) != NULL)
            continue;
        const bool deleted = prune_is_for_people(preview->context.platform, object) == NULL;
        preview->changes += deleted;
        append(preview, preview->nodes,
               json_pack("{s:s, s:o, s:i, s:s, s:n, s:[], s:[{s:s, s:s, s:s, s:n, s:[]}]}", "cell",
                         object->unit->name, "target", status_text(object->target), "phase",
                         object->unit->phase, "action", "update", "wait", "components", "objects",
                         "action", deleted ? "delete" : "keep", "kind", object_kind(object), "name",
                         object->key.name, "message", "differences"));
    }
}

static void add_platform(struct preview *preview)
{
    struct preview_bodies out = {.bodies = json_object(), .message = &preview->message};
    if (!preview_platform(&preview->context, &out))
        mark(preview, preview->unsure, "");
    preview->scarce = preview->scarce || out.scarce;
    json_t *lines = lines_of(preview, out.bodies, NULL);
    json_decref(out.bodies);
    if (json_array_size(lines) == 0) {
        json_decref(lines);
        return;
    }
    append(preview, preview->nodes,
           json_pack("{s:s, s:n, s:i, s:s, s:n, s:[], s:o}", "cell", "", "target", "phase", -1,
                     "action", "update", "wait", "components", "objects", lines));
}

json_t *engine_plan(const struct engine *engine, struct manifest_set *set, struct instant now)
{
    struct preview preview = {.engine = engine, .now = now, .current = set == NULL};
    text_init(&preview.message, 4096);
    preview.nodes = json_array();
    preview.named = json_object();
    preview.unsure = json_object();
    const struct manifest_set *used = set == NULL ? engine->set : set;
    const struct platform *platform =
        set == NULL || set->platform == NULL ? engine->platform : set->platform;
    preview.context = revision_context(engine, used, platform);
    if (used == NULL || platform == NULL) {
        text_add(&preview.message, "no usable platform was read yet");
    } else {
        add_platform(&preview);
        for (size_t i = 0; i < used->cell_count; i++) {
            const struct manifest_cell *entry = &used->cells[i];
            const struct unit *unit = unit_find(engine, entry->name);
            const struct cell *cell = !entry->broken ? entry->cell
                                      : unit == NULL ? NULL
                                                     : unit->cell;
            if (entry->broken)
                text_format(&preview.message, "%s%s keeps its last good state",
                            text_get(&preview.message)[0] == '\0' ? "" : "; ", entry->name);
            if (cell != NULL)
                add_cell(&preview, cell);
        }
        add_removals(&preview);
    }
    if (!engine->known)
        text_format(&preview.message, "%sthe live state is not known completely",
                    text_get(&preview.message)[0] == '\0' ? "" : "; ");
    struct digest digest = {.text = ""};
    if (digest_json(preview.nodes, &digest) < 0 || text_status(&preview.message) == -ENOMEM)
        preview.scarce = true;
    json_t *plan =
        json_pack("{s:s#, s:o, s:I, s:b, s:o, s:o}", "hash", digest.text, DIGEST_SHORT, "revision",
                  status_text(set == NULL ? engine->commit : NULL), "changes", preview.changes,
                  "complete", (int)(text_get(&preview.message)[0] == '\0'), "message",
                  status_text(text_get(&preview.message)), "nodes", preview.nodes);
    json_decref(preview.named);
    json_decref(preview.unsure);
    text_fini(&preview.message);
    if (preview.scarce)
        json_decref(TAKE(plan));
    return plan;
}
