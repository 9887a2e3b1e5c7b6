/* The plan as JSON: a revision's bodies against what stands, node by node, and a hash over it. */
#include "config/base/check.h"
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

#include <stdio.h>
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
};

static struct object *object_named(const struct engine *engine, const char *name)
{
    char copy[KEY_SIZE];
    snprintf(copy, sizeof copy, "%s", name);
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

static json_t *differences_of(enum resource_kind kind, const json_t *desired, const json_t *before)
{
    struct difference difference = {0};
    json_t *list = json_array();
    if (before == NULL || diff_object(kind, desired, before, &difference) < 0)
        return list;
    for (size_t i = 0; i < difference.count; i++) {
        const struct field_difference *field = &difference.items[i];
        json_array_append_new(list, json_pack("{s:s, s:O?, s:O?}", "pointer", field->pointer,
                                              "live", field->live, "desired", field->desired));
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

/* One body: NULL when nothing would be written. `before` = the present revision's body. */
static json_t *line_of(const struct preview *preview, const char *name, const json_t *body,
                       const json_t *before)
{
    const struct object *object = object_named(preview->engine, name);
    const uint64_t desired = fingerprint_object(body);
    const bool there = object != NULL && (object->presence == PRESENCE_PRESENT ||
                                          object->presence == PRESENCE_TERMINATING);
    if (there && object->live == object->equal_live && desired == object->equal_desired)
        return NULL;
    const json_t *known = there && object->operation != NULL && object->desired == desired
                              ? object->operation->differences
                              : NULL;
    json_t *differences = known != NULL ? json_deep_copy(json_unconst(known))
                          : there       ? differences_of(object->key.kind, body, before)
                                        : json_array();
    const char *message = object == NULL ? NULL : operation_message(object);
    if (there && moves_in(object, body))
        message = "it belongs to another cell, and is made here once it is removed there";
    const char *action = !there ? "create" : object->adopt && !object->managed ? "adopt" : "update";
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "action", action, "kind",
                     json_text_or(json_object_get(body, "kind"), ""), "name",
                     json_text_or(json_at(body, "metadata", "name", NULL), ""), "message",
                     status_text(message), "differences", differences);
}

/* Sorted by name, so that the hash does not depend on a table's order. */
static json_t *lines_of(struct preview *preview, json_t *bodies, const json_t *before)
{
    json_t *lines = json_array();
    const size_t count = json_object_size(bodies);
    const char **names = calloc(count + 1, sizeof *names);
    size_t filled = 0;
    for (void *i = json_object_iter(bodies); names != NULL && i != NULL;
         i = json_object_iter_next(bodies, i)) {
        const char *name = json_object_iter_key(i);
        size_t at = filled++;
        for (; at > 0 && strcmp(names[at - 1], name) > 0; at--)
            names[at] = names[at - 1];
        names[at] = name;
    }
    for (size_t i = 0; i < filled; i++) {
        json_object_set_new(preview->named, names[i], json_true());
        json_t *line = line_of(preview, names[i], json_object_get(bodies, names[i]),
                               json_object_get(before, names[i]));
        if (line == NULL)
            continue;
        json_array_append_new(lines, line);
        preview->changes++;
    }
    free(names);
    return lines;
}

/* By which way the content comes: without a stable release, or in place, all traffic at once. */
static json_t *component_line(const struct preview *preview, const struct deployment *deployment)
{
    const struct rollout_policy *policy = &deployment->effective->rollout;
    const struct rollout_content *stable;
    const char slot[2] = {preview_slot(preview->engine, deployment, &stable), '\0'};
    const char *from = stable == NULL ? "" : stable->deployment_digest;
    const enum strategy strategy = deployment->routed ? policy->strategy : STRATEGY_ROLLING;
    if (strcmp(from, deployment->deployment_digest) == 0)
        return NULL;
    const bool steps = strategy != STRATEGY_ROLLING && stable != NULL;
    return json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:I}", "name",
                     deployment->component->name.text, "from", status_text(from), "to",
                     deployment->deployment_digest, "strategy", status_strategy_name(strategy),
                     "slot", status_text(slot), "steps",
                     steps ? status_steps(policy, policy->analysis.set) : json_array(), "bake_ms",
                     (json_int_t)policy->bake.value.ms);
}

static json_t *component_lines(const struct preview *preview, const struct cell *cell,
                               const struct target *target)
{
    json_t *lines = json_array();
    for (size_t c = 0; c < cell->component_count; c++) {
        const struct component *component = &cell->components[c];
        struct deployment *deployment = NULL;
        if (deployment_new(&preview->context, cell, component, target,
                           build_image(preview->engine, cell->name.text, component->name.text),
                           &deployment, NULL) < 0)
            continue;
        json_t *line = component_line(preview, deployment);
        if (line != NULL)
            json_array_append_new(lines, line);
        deployment_free(deployment);
    }
    return lines;
}

/* What belongs to this target (or, with NULL, to the cell as a whole). */
static json_t *select_bodies(json_t *bodies, const struct platform *platform,
                             const struct target *target)
{
    json_t *chosen = json_object();
    for (void *i = json_object_iter(bodies); i != NULL; i = json_object_iter_next(bodies, i)) {
        const json_t *body = json_object_iter_value(i);
        const char *environment = json_text_or(json_at(body, "spec", "environment", NULL), NULL);
        const bool own = environment != NULL && platform_target(platform, environment) != NULL;
        if (target == NULL ? !own : own && strcmp(environment, target->name) == 0)
            json_object_set(chosen, json_object_iter_key(i), json_object_iter_value(i));
    }
    return chosen;
}

static void add_node(struct preview *preview, const struct unit *unit, const struct cell *cell,
                     const struct target *target, json_t *bodies, json_t *before)
{
    const struct engine *engine = preview->engine;
    json_t *mine = select_bodies(bodies, preview->context.platform, target);
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
    json_array_append_new(
        preview->nodes,
        json_pack("{s:s, s:o, s:i, s:s, s:o, s:o, s:o}", "cell", cell->name.text, "target",
                  status_text(target == NULL ? NULL : target->name), "phase",
                  platform_phase_of(preview->context.platform, cell->name.text), "action",
                  json_array_size(components) > 0 ? "deploy" : "update", "wait",
                  wait == WAIT_NONE ? json_null() : json_string(plan_wait_name(wait)), "components",
                  components, "objects", lines));
}

static void add_cell(struct preview *preview, const struct cell *cell)
{
    const struct engine *engine = preview->engine;
    const struct unit *unit = unit_find(engine, cell->name.text);
    json_t *bodies = json_object(), *before = json_object();
    if (!preview_cell(engine, &preview->context, cell, NULL, bodies, preview->named,
                      &preview->message))
        json_object_set_new(preview->unsure, cell->name.text, json_true());
    OWNED_TEXT ignored;
    text_init(&ignored, 1024);
    if (!preview->current && unit != NULL && unit_is_live(unit))
        preview_cell(engine, &engine->context, unit->cell, NULL, before, NULL, &ignored);
    add_node(preview, unit, cell, NULL, bodies, before);
    for (size_t i = 0; i < preview->context.platform->target_count; i++)
        add_node(preview, unit, cell, &preview->context.platform->targets[i], bodies, before);
    json_decref(bodies);
    json_decref(before);
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
        json_array_append_new(
            preview->nodes,
            json_pack("{s:s, s:o, s:i, s:s, s:n, s:[], s:[{s:s, s:s, s:s, s:n, s:[]}]}", "cell",
                      object->unit->name, "target", status_text(object->target), "phase",
                      object->unit->phase, "action", "update", "wait", "components", "objects",
                      "action", deleted ? "delete" : "keep", "kind", object_kind(object), "name",
                      object->key.name, "message", "differences"));
    }
}

static void add_platform(struct preview *preview)
{
    json_t *bodies = json_object();
    if (!preview_platform(&preview->context, bodies, &preview->message))
        json_object_set_new(preview->unsure, "", json_true());
    json_t *lines = lines_of(preview, bodies, NULL);
    json_decref(bodies);
    if (json_array_size(lines) == 0) {
        json_decref(lines);
        return;
    }
    json_array_append_new(preview->nodes, json_pack("{s:s, s:n, s:i, s:s, s:n, s:[], s:o}", "cell",
                                                    "", "target", "phase", -1, "action", "update",
                                                    "wait", "components", "objects", lines));
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
    const int digested = digest_json(preview.nodes, &digest);
    json_t *plan =
        json_pack("{s:s%, s:o, s:I, s:b, s:o, s:o}", "hash", digest.text,
                  digested < 0 ? (size_t)0 : (size_t)DIGEST_SHORT, "revision",
                  status_text(set == NULL ? engine->commit : NULL), "changes", preview.changes,
                  "complete", (int)(text_get(&preview.message)[0] == '\0'), "message",
                  status_text(text_get(&preview.message)), "nodes", preview.nodes);
    json_decref(preview.named);
    json_decref(preview.unsure);
    text_fini(&preview.message);
    return plan;
}
