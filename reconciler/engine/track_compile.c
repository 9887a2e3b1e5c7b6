#include "reconciler/engine/track_compile.h"

#include "config/base/text.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/words.h"

#include <errno.h>
#include <stdlib.h>

static void drop_references(struct track *track)
{
    for (size_t i = 0; i < track->reference_count; i++)
        track->references[i]->holders--;
    free(TAKE(track->references));
    track->reference_count = 0;
}

static json_t *endpoints_json(const struct component *component)
{
    static const char *const types[ENDPOINT_TYPE_COUNT] = {
        [ENDPOINT_HTTP] = "HTTP",       [ENDPOINT_GRPC] = "gRPC",
        [ENDPOINT_GRAPHQL] = "GraphQL", [ENDPOINT_WEBSOCKET] = "Websocket",
        [ENDPOINT_TCP] = "TCP",         [ENDPOINT_UDP] = "UDP",
    };
    json_t *endpoints = json_object();
    for (size_t i = 0; i < component->endpoint_count; i++) {
        const struct endpoint *endpoint = &component->endpoints[i];
        json_object_set_new(endpoints, endpoint->name.text,
                            json_pack("{s:s, s:i, s:s?, s:i}", "type", types[endpoint->type],
                                      "port", (int)endpoint->port, "basePath",
                                      endpoint->base_path.text, "visibility",
                                      (int)endpoint->visibility));
    }
    return endpoints;
}

static struct packed *spec_of(struct engine *engine, const struct deployment *deployment,
                              enum component_role role, const struct binding_wants *wants)
{
    struct desired_object object = {0};
    if (deployment_binding(deployment, role, wants, &object) < 0) {
        engine->status = -ENOMEM;
        return NULL;
    }
    struct packed *spec = packed_take(json_incref(json_object_get(object.body, "spec")));
    desired_object_fini(&object);
    if (spec == NULL)
        engine->status = -ENOMEM;
    return spec;
}

static void fill_content(struct engine *engine, struct track *track)
{
    const struct deployment *deployment = track->deployment;
    struct rollout_content *content = &track->content;
    rollout_content_fini(content);
    text_put(content->release_digest, sizeof content->release_digest, "%s",
             deployment->release_digest);
    text_put(content->deployment_digest, sizeof content->deployment_digest, "%s",
             deployment->deployment_digest);
    text_put(content->route_digest, sizeof content->route_digest, "%s", deployment->route_digest);
    text_put(content->revision, sizeof content->revision, "%s", track->unit->good_commit);
    content->needs = packed_take(deployment_needs(deployment));
    if (content->needs == NULL)
        engine->status = -ENOMEM;
    const struct binding_wants slot = {.active = true, .replicas = -1};
    if (!deployment->routed) {
        content->slot_spec[0] = spec_of(engine, deployment, ROLE_SINGLE, &slot);
        return;
    }
    const struct binding_wants route = {.active = true,
                                        .weight_a = 100,
                                        .list_a = true,
                                        .active_slot = 'a',
                                        .scale_a = true,
                                        .replicas = -1};
    content->slot_spec[0] = spec_of(engine, deployment, ROLE_SLOT_A, &slot);
    content->slot_spec[1] = spec_of(engine, deployment, ROLE_SLOT_B, &slot);
    content->route_spec = spec_of(engine, deployment, ROLE_ROUTE, &route);
    content->endpoints = packed_take(endpoints_json(deployment->component));
    if (content->endpoints == NULL)
        engine->status = -ENOMEM;
}

static void name_binding(struct engine *engine, struct track *track, enum binding_role role)
{
    struct binding *binding = &track->bindings[role];
    char component[NAME_SIZE + 2], name[2 * NAME_SIZE + 4];
    track_component_name(track, role, component);
    text_put(name, sizeof name, "%s-%s", component, track->target);
    const struct object_key key = {KIND_RELEASE_BINDING, engine->platform->namespace_name.text,
                                   name};
    struct object *object = object_get(engine, &key);
    if (object == NULL)
        return;
    unit_attach(engine, track->unit, object);
    unit_hold(&binding->object, object);
    object->wanted = true;
    object->route = role == BINDING_ROUTE;
    object->target = words_target(engine, track->target);
}

static void take_references(struct engine *engine, struct track *track)
{
    drop_references(track);
    struct desired_list list = {0};
    if (deployment_references(track->deployment, &list) < 0) {
        engine->status = -ENOMEM;
        return;
    }
    track->references = calloc(list.count == 0 ? 1 : list.count, sizeof(struct object *));
    for (size_t i = 0; track->references != NULL && i < list.count; i++) {
        struct object *object = object_get(engine, &list.items[i].key);
        if (object == NULL)
            break;
        unit_attach(engine, track->unit, object);
        object->wanted = true;
        object->holders++;
        track->references[track->reference_count++] = object;
        object_want(engine, object, TAKE(list.items[i].body), list.items[i].adopt);
    }
    if (track->references == NULL)
        engine->status = -ENOMEM;
    desired_list_fini(&list);
}

static void name_bindings(struct engine *engine, struct track *track)
{
    name_binding(engine, track, BINDING_A);
    if (!track->rollout.routed)
        return;
    name_binding(engine, track, BINDING_B);
    name_binding(engine, track, BINDING_ROUTE);
}

/* What the content names must stand as long as the content may. */
static void note_secrets(struct engine *engine, struct track *track)
{
    if (track->reference_count == 0)
        return;
    json_t *names = json_array();
    for (size_t i = 0; i < track->reference_count; i++)
        json_array_append_new(names, json_string(track->references[i]->key.name));
    const bool whole = json_array_size(names) == track->reference_count;
    track->content.secrets = packed_take(names);
    if (!whole || track->content.secrets == NULL)
        engine->status = -ENOMEM;
}

static void cannot_compile(struct engine *engine, struct track *track, int result,
                           const struct error *err)
{
    OWNED_TEXT note;
    text_init(&note, MESSAGE_SIZE);
    track->needs_image = result == -EAGAIN;
    if (track->needs_image)
        text_format(&note, "%s has no image yet: its build was not begun", track->component);
    else if (err->where.path != NULL)
        text_format(&note, "%.100s:%u:%u: %.120s", err->where.path, err->where.line,
                    err->where.column, err->detail);
    else
        text_format(&note, "%.250s", err->detail);
    track->note = text_take(&note);
    if (track->note == NULL)
        engine->status = -ENOMEM;
}

/* What stands is made of components whose types cannot be changed, and others would have to take
 * over from them: neither is done. */
static bool is_another_kind(const struct track *track, const struct deployment *deployment)
{
    const struct rollout *rollout = &track->rollout;
    const char slot = rollout->has_stable ? rollout->stable_slot : rollout->next_slot;
    return (rollout->has_stable || rollout->has_next) && deployment->routed != (slot != 0);
}

static int refuse_kind(const struct track *track, struct error *err)
{
    const int result =
        error_set(err, ERROR_INVALID, -EINVAL,
                  "it cannot change between having endpoints and having none: give the new kind "
                  "another name, or go back in git");
    err->where = track->manifest->name.at;
    return result;
}

static int compile_with(struct engine *engine, struct track *track, const char *image,
                        struct error *err)
{
    struct deployment *deployment = NULL;
    int result = deployment_new(&engine->context, track->unit->cell, track->manifest, track->place,
                                image, &deployment, err);
    if (result == 0 && is_another_kind(track, deployment)) {
        deployment_free(TAKE(deployment));
        result = refuse_kind(track, err);
    }
    track->deployment = deployment;
    return result;
}

/* What would be refused with any image is said before there is one. */
static int compile(struct engine *engine, struct track *track, struct error *err)
{
    const char *image = build_image(engine, track->unit->name, track->component);
    int result = compile_with(engine, track, image, err);
    if (result != -EAGAIN)
        return result;
    result = compile_with(engine, track, "unbuilt", err);
    track_drop_deployment(track);
    return result == 0 ? -EAGAIN : result;
}

void track_compile(struct engine *engine, struct track *track)
{
    track_drop_deployment(track);
    track->has_content = false;
    free(TAKE(track->note));
    if (!track_is_live(track))
        return;
    struct error err = {0};
    const int result = compile(engine, track, &err);
    if (result == -ENOMEM) {
        engine->status = -ENOMEM;
        return;
    }
    if (result < 0) {
        cannot_compile(engine, track, result, &err);
        /* What stands there is kept all the same. */
        if (track->recorded)
            name_bindings(engine, track);
        return;
    }
    track->has_content = true;
    track->rollout.routed = track->deployment->routed;
    fill_content(engine, track);
    name_bindings(engine, track);
    take_references(engine, track);
    note_secrets(engine, track);
}
