#include "reconciler/engine/track_want.h"

#include "config/base/text.h"
#include "reconciler/engine/contract.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/project.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/track_walk.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- bodies -------------------------------------------------------------------------------------
 */

/* A binding whose spec was recorded: the manifest that made it may be gone. */
static json_t *wrap(struct track *track, const struct object *object, const struct packed *spec)
{
    json_t *opened = packed_open(spec);
    return opened == NULL
               ? NULL
               : json_pack("{s:{s:s, s:{s:s, s:s}}, s:o}", "metadata", "name", object->key.name,
                           "labels", LABEL_MANAGED_BY, LABEL_MANAGED_BY_CELLD, LABEL_CELL,
                           track->unit->name, "spec", opened);
}

static json_t *configs_of(json_t *body)
{
    return json_object_get(json_object_get(body, "spec"), "componentTypeEnvironmentConfigs");
}

/* Where a number is said at all: -1 = as it is. */
static void raise(json_t *object, const char *key, int64_t minimum)
{
    const json_t *number = json_object_get(object, key);
    if (number != NULL && json_integer_value(number) < minimum)
        json_object_set_new(object, key, json_integer((json_int_t)minimum));
}

static json_t *fresh_body(struct engine *engine, const struct track *track,
                          enum component_role role, const struct binding_wants *wants)
{
    struct desired_object object = {0};
    if (deployment_binding(track->deployment, role, wants, &object) < 0) {
        engine->status = -ENOMEM;
        return NULL;
    }
    json_t *body = TAKE(object.body);
    desired_object_fini(&object);
    return body;
}

/* Content that is still what git wants is compiled afresh: replicas and scaling, which are not part
 * of it, follow git without a rollout. */
static bool is_current(const struct track *track, const struct rollout_content *content)
{
    return track->deployment != NULL &&
           strcmp(content->deployment_digest, track->content.deployment_digest) == 0;
}

static json_t *slot_body(struct engine *engine, struct track *track, enum binding_role role,
                         const struct rollout_content *content, const struct slot_want *want)
{
    json_t *body;
    if (is_current(track, content)) {
        const struct binding_wants wants = {
            .active = true, .replicas = -1, .scaled_by_route = want->scaled_by_route};
        body = fresh_body(engine, track, track_slot_role(track, role), &wants);
    } else {
        body = wrap(track, track->bindings[role].object, content->slot_spec[role]);
        json_t *configs = configs_of(body);
        if (want->scaled_by_route) {
            json_object_set_new(configs, "scaledByRoute", json_true());
            json_object_del(configs, "replicas");
        }
    }
    raise(configs_of(body), "replicas", want->replicas);
    return body;
}

/* The recorded one was of another moment; its limits are the content's. */
static void set_autoscalers(const struct track *track, json_t *configs,
                            const struct route_want *want)
{
    OWNED_JSON *recorded = json_incref(json_object_get(configs, "autoscaling"));
    const json_t *first = json_array_get(recorded, 0);
    if (first == NULL)
        return;
    json_t *autoscalers = json_array();
    for (int i = 0; i < 2; i++) {
        json_t *autoscaler = want->scale[i] ? json_deep_copy(first) : NULL;
        if (autoscaler == NULL)
            continue;
        json_object_set_new(autoscaler, "name", json_sprintf("%s-%c", track->component, 'a' + i));
        json_array_append_new(autoscalers, autoscaler);
    }
    if (json_array_size(autoscalers) == 0)
        json_object_del(configs, "autoscaling");
    else
        json_object_set(configs, "autoscaling", autoscalers);
    json_decref(autoscalers);
}

static void set_backends(const struct track *track, json_t *configs, const struct route_want *want)
{
    json_t *backends = json_array();
    for (int i = 0; i < 2; i++) {
        char name[NAME_SIZE + 4];
        text_put(name, sizeof name, "%s-%c", track->component, 'a' + i);
        if (want->list[i])
            json_array_append_new(backends,
                                  json_pack("{s:s, s:i}", "name", name, "weight", want->weight[i]));
    }
    json_object_set_new(configs, "backends", backends);
    const char slot[2] = {want->active_slot, '\0'};
    json_object_set_new(configs, "activeSlot", json_string(slot));
}

struct binding_wants track_route_wants(const struct route_want *want)
{
    return (struct binding_wants){
        .active = true,
        .weight_a = want->weight[0],
        .weight_b = want->weight[1],
        .list_a = want->list[0],
        .list_b = want->list[1],
        .active_slot = want->active_slot,
        .scale_a = want->scale[0],
        .scale_b = want->scale[1],
        .matches = want->matches,
        .match_count = want->match_count,
        .match_slot = want->match_slot,
        .replicas = -1,
    };
}

/* No more than they may make: a route that asks for more is not rendered at all, and its weights
 * would not move. */
static void raise_autoscalers(json_t *autoscalers, int64_t minimum)
{
    for (size_t i = 0; i < json_array_size(autoscalers); i++) {
        json_t *autoscaler = json_array_get(autoscalers, i);
        const int64_t most = json_integer_value(json_object_get(autoscaler, "maxReplicas"));
        raise(autoscaler, "minReplicas", minimum < most ? minimum : most);
    }
}

static json_t *route_body(struct engine *engine, struct track *track,
                          const struct rollout_content *content)
{
    const struct route_want *want = &track->wants.route;
    json_t *body;
    if (is_current(track, content)) {
        const struct binding_wants wants = track_route_wants(want);
        body = fresh_body(engine, track, ROLE_ROUTE, &wants);
    } else {
        const struct binding_wants wants = {.matches = want->matches,
                                            .match_count = want->match_count,
                                            .match_slot = want->match_slot};
        body = wrap(track, track->bindings[BINDING_ROUTE].object, content->route_spec);
        set_backends(track, configs_of(body), want);
        set_autoscalers(track, configs_of(body), want);
        if (deployment_put_matches(configs_of(body), track->component, &wants) < 0)
            engine->status = -ENOMEM;
    }
    raise_autoscalers(json_object_get(configs_of(body), "autoscaling"), want->scale_minimum);
    return body;
}

/* --- goals --------------------------------------------------------------------------------------
 */

static const char *release_of(const struct binding *binding)
{
    return binding->release == NULL ? "" : binding->release;
}

static void note_question(struct engine *engine, struct binding *binding, const struct track *track,
                          const json_t *body, bool current)
{
    const char *release = json_text_or(json_at(body, "spec", "releaseName", NULL), "");
    if (strcmp(release_of(binding), release) != 0) {
        free(binding->release);
        binding->release = strdup(release);
        if (binding->release == NULL)
            engine->status = -ENOMEM;
    }
    binding->image = current && binding->role != BINDING_ROUTE ? track->deployment->image : NULL;
    binding->weight[0] = track->wants.route.weight[0];
    binding->weight[1] = track->wants.route.weight[1];
    json_t *matches = binding->role == BINDING_ROUTE
                          ? json_object_get(configs_of(json_unconst(body)), "matches")
                          : NULL;
    json_decref(binding->matches);
    binding->matches = json_incref(matches);
    binding->match_slot = track->wants.route.match_slot;
}

/* Drift is left alone where the policy says so; what git changed is written all the same. */
static bool is_permitted(const struct engine *engine, const struct object *object)
{
    return !object_is_drift(object) || unit_drift_policy(engine, object->unit) == DRIFT_CORRECT;
}

/* The server takes a binding to a release that does not exist, and says so only much later. */
static bool release_stands(struct engine *engine, struct binding *binding)
{
    const struct object *object = binding->object;
    const struct object_key key = {KIND_COMPONENT_RELEASE, object->key.namespace_name,
                                   release_of(binding)};
    if (binding->needs == NULL || strcmp(binding->needs->key.name, key.name) != 0) {
        struct object *release = object_get(engine, &key);
        if (release == NULL)
            return false;
        if (release->unit == NULL)
            unit_attach(engine, object->unit, release);
        unit_hold(&binding->needs, release);
    }
    if (binding->needs->presence == PRESENCE_UNKNOWN && !object_is_equal(object))
        binding->needs->missing = true; /* read it */
    return binding->needs->presence == PRESENCE_PRESENT;
}

static void want_undeployed(struct engine *engine, struct track *track, struct binding *binding)
{
    struct object *object = binding->object;
    binding->undeploy = true;
    if (object->presence != PRESENCE_PRESENT) {
        object_want_nothing(engine, object);
        return;
    }
    /* Only the state is said: all else stays as it is. */
    json_t *body = json_pack("{s:{s:s, s:{s:s, s:s}}, s:{s:s}}", "metadata", "name",
                             object->key.name, "labels", LABEL_MANAGED_BY, LABEL_MANAGED_BY_CELLD,
                             LABEL_CELL, track->unit->name, "spec", "state", "Undeploy");
    object_want(engine, object, body, false);
    object->permit = true;
}

static void want_content(struct engine *engine, struct track *track, struct binding *binding,
                         const struct rollout_content *content)
{
    struct object *object = binding->object;
    const bool routing = binding->role == BINDING_ROUTE;
    const struct packed *recorded =
        routing ? content->route_spec : content->slot_spec[binding->role];
    if (recorded == NULL && !is_current(track, content)) {
        object_want_nothing(engine, object);
        return;
    }
    binding->undeploy = false;
    json_t *body = routing ? route_body(engine, track, content)
                           : slot_body(engine, track, binding->role, content,
                                       &track->wants.slot[binding->role]);
    note_question(engine, binding, track, body, is_current(track, content));
    const bool adopt = track->unit->cell->adopt.value;
    object_want(engine, object, body, adopt);
    /* Nor one whose namespace in the data plane is not there, for repairs as for all else. */
    const bool ground = object->presence == PRESENCE_PRESENT || project_is_bound(track->node);
    object->permit = is_permitted(engine, object) && release_stands(engine, binding) && ground;
}

static void want_binding(struct engine *engine, struct track *track, enum binding_role role,
                         enum content_choice choice, bool look)
{
    struct binding *binding = &track->bindings[role];
    if (binding->object == NULL)
        return;
    /* What was planned at rest is too late for a rollout that waits for it. */
    if (look && !binding->look)
        binding->due = (struct mono_time){0};
    binding->look = look;
    switch (choice) {
    case CONTENT_UNTOUCHED:
        binding->undeploy = false;
        object_want_nothing(engine, binding->object);
        return;
    case CONTENT_STABLE:
        want_content(engine, track, binding, &track->rollout.stable);
        return;
    case CONTENT_NEXT:
        want_content(engine, track, binding, &track->rollout.next);
        return;
    case CONTENT_UNDEPLOYED:
        want_undeployed(engine, track, binding);
        return;
    case CONTENT_ADDRESS:
        want_content(engine, track, binding, &track->content);
        return;
    }
}

void track_want(struct engine *engine, struct track *track)
{
    const struct rollout_wants *wants = &track->wants;
    want_binding(engine, track, BINDING_A, wants->slot[0].content, wants->look_slot[0]);
    if (!track->rollout.routed)
        return;
    want_binding(engine, track, BINDING_B, wants->slot[1].content, wants->look_slot[1]);
    want_binding(engine, track, BINDING_ROUTE, wants->route.content, wants->look_route);
}
