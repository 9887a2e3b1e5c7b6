#include "reconciler/engine/preview.h"

#include "config/base/text.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/revision.h"
#include "reconciler/engine/status.h"
#include "reconciler/engine/track_want.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <string.h>

/* --- bodies -------------------------------------------------------------------------------------
 */

static void put(struct preview_bodies *out, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) < 0)
        out->scarce = true;
}

static void add_body(struct preview_bodies *out, const struct desired_object *object)
{
    const char *kind = resource_kind_info(object->key.kind)->name;
    char name[KEY_SIZE];
    text_put(name, sizeof name, "%s/%s/%s", kind, object->key.namespace_name, object->key.name);
    json_t *body = json_copy_whole(object->body);
    put(out, body, "apiVersion", json_string("openchoreo.dev/v1alpha1"));
    put(out, body, "kind", json_string(kind));
    put(out, out->bodies, name, body);
}

static void add_list(struct preview_bodies *out, struct desired_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        add_body(out, &list->items[i]);
    desired_list_fini(list);
}

/* What cannot be made for another reason is told where its cell is compiled. */
static void add_made(struct preview_bodies *out, int result, struct desired_object *object)
{
    out->scarce = out->scarce || result == -ENOMEM;
    if (result < 0)
        return;
    add_body(out, object);
    desired_object_fini(object);
}

static void complain(struct preview_bodies *out, const char *who, int result,
                     const struct error *err)
{
    out->scarce = out->scarce || result == -ENOMEM;
    if (text_get(out->message)[0] != '\0')
        text_add(out->message, "; ");
    text_format(out->message, "%s: %s", who, err->detail);
}

/* What a component runs on a target, as far as this celld has seen to it; NULL = nothing yet. */
static const struct track *track_of(const struct engine *engine,
                                    const struct deployment *deployment)
{
    const struct track *track =
        unit_track_find(engine, deployment->cell->name.text, deployment->component->name.text,
                        deployment->target->name);
    return track != NULL && track->rollout.has_stable ? track : NULL;
}

static bool is_settled(const struct track *track, const struct deployment *deployment)
{
    return !track->rollout.has_next && track->wants.route.content == CONTENT_STABLE &&
           strcmp(track->rollout.stable.deployment_digest, deployment->deployment_digest) == 0;
}

/* The slot that the content runs on, or would come to. */
static char slot_of(const struct track *track, const struct deployment *deployment)
{
    if (track == NULL)
        return 'a';
    const struct rollout *rollout = &track->rollout;
    const char *digest = deployment->deployment_digest;
    if (rollout->has_next && strcmp(rollout->next.deployment_digest, digest) == 0)
        return rollout->next_slot;
    const bool stays = strcmp(rollout->stable.deployment_digest, digest) == 0 ||
                       deployment->effective->rollout.strategy == STRATEGY_ROLLING;
    return stays == (rollout->stable_slot == 'b') ? 'b' : 'a';
}

char preview_slot(const struct engine *engine, const struct deployment *deployment,
                  const struct rollout_content **ret_stable)
{
    const struct track *track = track_of(engine, deployment);
    *ret_stable = track == NULL ? NULL : &track->rollout.stable;
    return deployment->routed ? slot_of(track, deployment) : 0;
}

static struct binding_wants wants_of(const struct track *track, const struct deployment *deployment,
                                     char slot)
{
    if (track == NULL || !is_settled(track, deployment))
        return (struct binding_wants){.active = true,
                                      .weight_a = slot == 'a' ? 100 : 0,
                                      .weight_b = slot == 'b' ? 100 : 0,
                                      .list_a = slot == 'a',
                                      .list_b = slot == 'b',
                                      .active_slot = slot,
                                      .scale_a = slot == 'a',
                                      .scale_b = slot == 'b',
                                      .replicas = -1};
    struct binding_wants wants = track_route_wants(&track->wants.route);
    wants.scaled_by_route = track->wants.slot[slot == 'b'].scaled_by_route;
    return wants;
}

static void add_role(struct preview_bodies *out, const struct deployment *deployment,
                     enum component_role role, const struct binding_wants *wants)
{
    struct desired_object object = {0};
    add_made(out, deployment_component(deployment, role, &object), &object);
    object = (struct desired_object){0};
    add_made(out, deployment_workload(deployment, role, &object), &object);
    object = (struct desired_object){0};
    add_made(out, deployment_binding(deployment, role, wants, &object), &object);
}

static void keep(struct preview_bodies *out, enum resource_kind kind, const char *place,
                 const char *name)
{
    char key[KEY_SIZE];
    text_put(key, sizeof key, "%s/%s/%s", resource_kind_info(kind)->name, place, name);
    put(out, out->kept, key, json_true());
}

static void keep_slots(struct preview_bodies *out, const struct deployment *deployment,
                       const char *place)
{
    static const enum component_role roles[] = {ROLE_SLOT_A, ROLE_SLOT_B};
    for (size_t i = 0; out->kept != NULL && i < 2; i++) {
        keep(out, KIND_COMPONENT, place, deployment_component_name(deployment, roles[i]));
        keep(out, KIND_WORKLOAD, place, deployment_component_name(deployment, roles[i]));
        keep(out, KIND_RELEASE_BINDING, place, deployment_binding_name(deployment, roles[i]));
    }
}

static bool add_component(const struct engine *engine, const struct compile_context *context,
                          const struct cell *cell, const struct component *component,
                          const struct target *target, struct preview_bodies *out)
{
    struct deployment *deployment = NULL;
    struct error err = {0};
    const int result = deployment_new(context, cell, component, target,
                                      build_image(engine, cell->name.text, component->name.text),
                                      &deployment, &err);
    if (result < 0) {
        complain(out, component->name.text, result, &err);
        return false;
    }
    struct desired_list references = {0};
    if (deployment_references(deployment, &references) < 0)
        out->scarce = true;
    add_list(out, &references);
    const struct track *track = track_of(engine, deployment);
    const char slot = slot_of(track, deployment);
    const struct binding_wants wants = wants_of(track, deployment, slot);
    if (deployment->routed) {
        add_role(out, deployment, slot == 'b' ? ROLE_SLOT_B : ROLE_SLOT_A, &wants);
        add_role(out, deployment, ROLE_ROUTE, &wants);
        keep_slots(out, deployment, context->platform->namespace_name.text);
    } else {
        add_role(out, deployment, ROLE_SINGLE, &wants);
    }
    deployment_free(deployment);
    return true;
}

/* The project's newest release: every binding is on its way there, target by target. */
static const char *project_release_of(const struct engine *engine, const struct cell *cell)
{
    const struct unit *unit = unit_find(engine, cell->name.text);
    return unit != NULL && unit->project_release[0] != '\0' ? unit->project_release : "(latest)";
}

bool preview_cell(const struct engine *engine, const struct compile_context *context,
                  const struct cell *cell, const char *target, struct preview_bodies *out)
{
    struct desired_list list = {0};
    struct error err = {0};
    const int result = compile_cell(context, cell, &list, &err);
    bool whole = result == 0;
    if (whole)
        add_list(out, &list);
    else
        complain(out, cell->name.text, result, &err);
    for (size_t t = 0; t < context->platform->target_count; t++) {
        const struct target *place = &context->platform->targets[t];
        if (target != NULL && strcmp(target, place->name) != 0)
            continue;
        struct desired_object binding = {0};
        add_made(out,
                 compile_project_binding(context, cell, place, project_release_of(engine, cell),
                                         &binding, &err),
                 &binding);
        for (size_t c = 0; c < cell->component_count; c++)
            whole = add_component(engine, context, cell, &cell->components[c], place, out) && whole;
    }
    return whole;
}

bool preview_platform(const struct compile_context *context, struct preview_bodies *out)
{
    struct desired_list list = {0};
    struct error err = {0};
    const int result = compile_platform(context, &list, &err);
    if (result == 0)
        add_list(out, &list);
    else
        complain(out, "the platform", result, &err);
    return result == 0;
}

/* --- render -------------------------------------------------------------------------------------
 */

static json_t *values_of(struct preview_bodies *out)
{
    json_t *values = json_array(), *bodies = out->bodies;
    for (void *i = json_object_iter(bodies); i != NULL; i = json_object_iter_next(bodies, i)) {
        if (json_array_append(values, json_object_iter_value(i)) < 0)
            out->scarce = true;
    }
    json_decref(bodies);
    return values;
}

json_t *engine_render(const struct engine *engine, const char *cell, const char *target)
{
    OWNED_TEXT message;
    text_init(&message, 4096);
    struct preview_bodies out = {.bodies = json_object(), .message = &message};
    if (engine->platform == NULL) {
        text_add(&message, "no usable platform was read yet");
    } else {
        if (cell == NULL)
            preview_platform(&engine->context, &out);
        for (size_t i = 0; i < engine->unit_count; i++) {
            const struct unit *unit = engine->units[i];
            if (unit_is_live(unit) && (cell == NULL || strcmp(cell, unit->name) == 0))
                preview_cell(engine, &engine->context, unit->cell, target, &out);
        }
    }
    json_t *objects = values_of(&out);
    json_t *shown =
        json_pack("{s:o, s:o}", "objects", objects, "message", status_text(text_get(&message)));
    if (out.scarce || text_status(&message) == -ENOMEM)
        json_decref(TAKE(shown));
    return shown;
}

/* --- diff ---------------------------------------------------------------------------------------
 */

static const char *cause_of(const struct object *object)
{
    if (object->presence == PRESENCE_ABSENT || object->presence == PRESENCE_UNKNOWN)
        return "missing";
    if (object_is_drift(object))
        return "drift";
    return object->managed ? "change" : "foreign";
}

static void add_difference(const struct engine *engine, json_t *list, const struct object *object)
{
    const json_t *known = object->operation == NULL ? NULL : object->operation->differences;
    const bool corrects = unit_drift_policy(engine, object->unit) == DRIFT_CORRECT &&
                          !unit_is_suspended(engine, object->unit);
    json_array_append_new(
        list, json_pack("{s:o, s:s, s:s, s:s, s:b, s:o}", "cell", status_text(object->unit->name),
                        "kind", object_kind(object), "name", object->key.name, "cause",
                        cause_of(object), "corrected", (int)corrects, "differences",
                        known == NULL ? json_array() : json_deep_copy(known)));
}

/* Nothing needs it before the component's next release: a second slot, mostly. */
static bool is_for_later(const struct object *object)
{
    const bool source = object->key.kind == KIND_COMPONENT || object->key.kind == KIND_WORKLOAD;
    return source && !object->permit && !object->inventory && object->presence != PRESENCE_PRESENT;
}

json_t *engine_diff(const struct engine *engine, const char *cell)
{
    json_t *list = json_array();
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        if (object->goal != GOAL_PRESENT || object_is_equal(object) || is_for_later(object) ||
            (cell != NULL && strcmp(cell, object->unit->name) != 0))
            continue;
        add_difference(engine, list, object);
    }
    return json_pack("{s:o, s:o}", "time", status_time(engine->looked.ms), "objects", list);
}
