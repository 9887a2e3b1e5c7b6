#include "config/base/check.h"
#include "config/base/json.h"
#include "reconciler/compile/desired.h"
#include "reconciler/compile/parts.h"
#include "reconciler/resource/diff.h"

#include <errno.h>

/* A route has no pods; its Workload must name an image all the same. It is never pulled. */
#define ROUTE_IMAGE "celld.dev/route:none"

static int finish(const struct deployment *deployment, enum resource_kind kind, struct body *body,
                  json_t *object, struct desired_object *ret_object)
{
    if (body->status != 0) {
        json_decref(object);
        return -ENOMEM;
    }
    const struct cell *cell = deployment->cell;
    return desired_object_make(kind, deployment->context->platform->namespace_name.text, object,
                               cell->adopt.set && cell->adopt.value, deployment->component->at,
                               ret_object);
}

/* --- Component ------------------------------------------------------------------------------ */

static const char *type_of(const struct deployment *deployment, enum component_role role)
{
    switch (role) {
    case ROLE_ROUTE:
        return TYPE_ROUTE;
    case ROLE_BUILD:
        return TYPE_BUILD;
    case ROLE_SLOT_A:
    case ROLE_SLOT_B:
    case ROLE_SINGLE:
        return deployment->parts->type_name;
    }
    CHECK_UNREACHABLE();
}

static const char *kind_of(const struct deployment *deployment, enum component_role role)
{
    return role == ROLE_SINGLE ? deployment->parts->type_kind : "ClusterComponentType";
}

static json_t *parameters_of(struct body *body, const struct deployment *deployment,
                             enum component_role role)
{
    if (role == ROLE_ROUTE || role == ROLE_BUILD)
        return json_object();
    json_t *parameters = json_deep_copy(deployment->parts->parameters);
    if (role == ROLE_SINGLE)
        return parameters;
    body_put_text(body, parameters, "service", deployment->component->name.text);
    body_put_text(body, parameters, "slot", role == ROLE_SLOT_A ? "a" : "b");
    return parameters;
}

static void describe(struct body *body, const struct deployment *deployment,
                     enum component_role role, json_t *object)
{
    const struct component *component = deployment->component;
    if (role != ROLE_ROUTE && role != ROLE_SINGLE)
        return;
    body_annotate(body, object, ANNOTATION_DISPLAY_NAME, component->display_name.text);
    body_annotate(body, object, ANNOTATION_DESCRIPTION, component->description.text);
}

int deployment_component(const struct deployment *deployment, enum component_role role,
                         struct desired_object *ret_object)
{
    struct body body = {0};
    json_t *object =
        body_new(&body, deployment->component_names[role], deployment->cell->name.text);
    describe(&body, deployment, role, object);
    json_t *spec = body_put_object(&body, object, "spec");
    body_put_text(&body, body_put_object(&body, spec, "owner"), "projectName", deployment->project);
    body_put(&body, spec, "autoDeploy", json_false());
    json_t *type = body_put_object(&body, spec, "componentType");
    body_put_text(&body, type, "kind", kind_of(deployment, role));
    body_put_text(&body, type, "name", type_of(deployment, role));
    /* Written also when empty: what another release wanted must go. */
    body_put(&body, spec, "parameters", parameters_of(&body, deployment, role));
    return finish(deployment, KIND_COMPONENT, &body, object, ret_object);
}

/* --- Workload ------------------------------------------------------------------------------- */

/* What generate-release freezes of it; the owner is added for the object itself. */
static json_t *workload_content(struct body *body, const struct deployment *deployment,
                                enum component_role role)
{
    const struct deployment_parts *parts = deployment->parts;
    json_t *spec = json_object();
    if (role == ROLE_ROUTE)
        body_put_text(body, body_put_object(body, spec, "container"), "image", ROUTE_IMAGE);
    else
        body_put(body, spec, "container", json_deep_copy(parts->container));
    body_put(body, spec, "endpoints", json_deep_copy(parts->endpoints));
    json_t *dependencies = body_put_object(body, spec, "dependencies");
    body_put(body, dependencies, "endpoints",
             role == ROLE_ROUTE ? json_array() : json_deep_copy(parts->dependencies));
    return spec;
}

int deployment_workload(const struct deployment *deployment, enum component_role role,
                        struct desired_object *ret_object)
{
    CHECK(role != ROLE_BUILD); /* the last step of a build writes that one */
    struct body body = {0};
    json_t *object =
        body_new(&body, deployment->component_names[role], deployment->cell->name.text);
    json_t *spec = workload_content(&body, deployment, role);
    json_t *owner = body_put_object(&body, spec, "owner");
    body_put_text(&body, owner, "projectName", deployment->project);
    body_put_text(&body, owner, "componentName", deployment->component_names[role]);
    body_put(&body, object, "spec", spec);
    return finish(deployment, KIND_WORKLOAD, &body, object, ret_object);
}

/* --- SecretReferences ----------------------------------------------------------------------- */

int deployment_references(const struct deployment *deployment, struct desired_list *ret_list)
{
    const json_t *references = deployment->parts->references;
    struct desired_list list;
    if (desired_list_init(&list, json_array_size(references) + 1) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < json_array_size(references); i++)
        if (desired_list_add(&list, KIND_SECRET_REFERENCE,
                             deployment->context->platform->namespace_name.text,
                             json_deep_copy(json_array_get(references, i)), false,
                             deployment->component->at) != 0) {
            desired_list_fini(&list);
            return -ENOMEM;
        }
    *ret_list = list;
    return 0;
}

/* --- ComponentRelease ----------------------------------------------------------------------- */

/* As a release of exactly this deployment would say it; the type's own text is not ours. */
static json_t *release_content(struct body *body, const struct deployment *deployment,
                               enum component_role role)
{
    json_t *spec = json_object();
    json_t *owner = body_put_object(body, spec, "owner");
    body_put_text(body, owner, "projectName", deployment->project);
    body_put_text(body, owner, "componentName", deployment->component_names[role]);
    json_t *type = body_put_object(body, spec, "componentType");
    body_put_text(body, type, "kind", kind_of(deployment, role));
    body_put_text(body, type, "name", type_of(deployment, role));
    body_put(body, body_put_object(body, spec, "componentProfile"), "parameters",
             parameters_of(body, deployment, role));
    body_put(body, spec, "workload", workload_content(body, deployment, role));
    return spec;
}

bool deployment_release_matches(const struct deployment *deployment, enum component_role role,
                                const json_t *release, struct text *ret_difference)
{
    struct body body = {0};
    struct difference difference = {0};
    OWNED_JSON *desired = json_object();
    body_put(&body, desired, "spec", release_content(&body, deployment, role));
    if (body.status != 0 ||
        diff_object(KIND_COMPONENT_RELEASE, desired, release, &difference) != 0) {
        if (ret_difference != NULL)
            text_add(ret_difference, "out of memory");
        return false;
    }
    const bool matches = difference.count == 0;
    for (size_t i = 0; ret_difference != NULL && i < difference.count; i++)
        text_format(ret_difference, "%s%s", i == 0 ? "" : ", ", difference.items[i].pointer);
    difference_fini(&difference);
    return matches;
}
