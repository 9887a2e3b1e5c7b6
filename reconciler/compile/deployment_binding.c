#include "config/base/check.h"
#include "config/base/json.h"
#include "reconciler/compile/desired.h"
#include "reconciler/compile/parts.h"

#include <errno.h>

/* --- route ---------------------------------------------------------------------------------- */

static void add_backend(struct body *body, json_t *backends, const char *name, int weight)
{
    json_t *backend = json_object();
    body_put_text(body, backend, "name", name);
    body_put(body, backend, "weight", json_integer(weight));
    body_append(body, backends, backend);
}

static void add_autoscaler(struct body *body, json_t *autoscalers, const char *name,
                           const struct scaling *scaling)
{
    json_t *autoscaler = json_object();
    body_put_text(body, autoscaler, "name", name);
    body_put(body, autoscaler, "minReplicas",
             json_integer(scaling->min.set ? scaling->min.value : 1));
    body_put(body, autoscaler, "maxReplicas",
             json_integer(scaling->max.set ? scaling->max.value
                                           : (scaling->min.set ? scaling->min.value : 1)));
    if (scaling->cpu.set)
        body_put(body, autoscaler, "cpuPercent", json_integer(scaling->cpu.value));
    if (scaling->memory.set)
        body_put(body, autoscaler, "memoryPercent", json_integer(scaling->memory.value));
    body_append(body, autoscalers, autoscaler);
}

static json_t *route_configs(struct body *body, const struct deployment *deployment,
                             const struct binding_wants *wants)
{
    const char *a = deployment->component_names[ROLE_SLOT_A];
    const char *b = deployment->component_names[ROLE_SLOT_B];
    const char *route = deployment->component_names[ROLE_ROUTE];
    const struct scaling *scaling = &deployment->effective->scaling;
    json_t *configs = json_object();
    json_t *backends = body_put_array(body, configs, "backends");
    if (wants->list_a)
        add_backend(body, backends, a, wants->weight_a);
    if (wants->list_b)
        add_backend(body, backends, b, wants->weight_b);
    if (wants->active_slot != 0)
        body_put_text(body, configs, "activeSlot", wants->active_slot == 'a' ? "a" : "b");
    if (deployment_put_matches(configs, route, wants) < 0)
        body->status = -ENOMEM;
    if (!scaling->set || (!wants->scale_a && !wants->scale_b))
        return configs;
    json_t *autoscalers = body_put_array(body, configs, "autoscaling");
    if (wants->scale_a)
        add_autoscaler(body, autoscalers, a, scaling);
    if (wants->scale_b)
        add_autoscaler(body, autoscalers, b, scaling);
    return configs;
}

/* --- slot and single ------------------------------------------------------------------------ */

/* Until an autoscaler has taken over, a component that scales runs within its bounds. */
static int64_t own_replicas(const struct effective *effective)
{
    const struct scaling *scaling = &effective->scaling;
    int64_t replicas = effective->replicas;
    if (scaling->set && scaling->max.set && replicas > scaling->max.value)
        replicas = scaling->max.value;
    if (scaling->set && scaling->min.set && replicas < scaling->min.value)
        replicas = scaling->min.value;
    return replicas;
}

static bool takes_replicas(const struct deployment *deployment, int64_t replicas)
{
    switch (deployment->component->type) {
    case COMPONENT_SERVICE:
    case COMPONENT_WEB_APPLICATION:
    case COMPONENT_WORKER:
        /* A worker's own autoscaler, once on, has the say. */
        return deployment->routed || !deployment->effective->scaling.set;
    case COMPONENT_SCHEDULED_TASK:
        return false;
    case COMPONENT_OTHER:
        /* Most types have it, with 1 as the default; those without it need not hear of it. */
        return replicas != 1;
    }
    CHECK_UNREACHABLE();
}

static json_t *slot_configs(struct body *body, const struct deployment *deployment,
                            const struct binding_wants *wants)
{
    json_t *configs = json_deep_copy(deployment->parts->configs);
    const int64_t replicas =
        wants->replicas >= 0 ? wants->replicas : own_replicas(deployment->effective);
    if (deployment->routed && wants->scaled_by_route)
        body_put(body, configs, "scaledByRoute", json_true());
    else if (takes_replicas(deployment, replicas))
        body_put(body, configs, "replicas", json_integer(replicas));
    return configs;
}

/* --- ReleaseBinding ------------------------------------------------------------------------- */

int deployment_binding(const struct deployment *deployment, enum component_role role,
                       const struct binding_wants *wants, struct desired_object *ret_object)
{
    CHECK(role != ROLE_BUILD);
    struct body body = {0};
    json_t *object = body_new(&body, deployment->binding_names[role], deployment->cell->name.text);
    json_t *spec = body_put_object(&body, object, "spec");
    json_t *owner = body_put_object(&body, spec, "owner");
    body_put_text(&body, owner, "projectName", deployment->project);
    body_put_text(&body, owner, "componentName", deployment->component_names[role]);
    body_put_text(&body, spec, "environment", deployment->target->name);
    body_put_text(&body, spec, "releaseName",
                  wants->release_name == NULL ? deployment->release_names[role]
                                              : wants->release_name);
    body_put_text(&body, spec, "state", wants->active ? "Active" : "Undeploy");
    body_put(&body, spec, "componentTypeEnvironmentConfigs",
             role == ROLE_ROUTE ? route_configs(&body, deployment, wants)
                                : slot_configs(&body, deployment, wants));
    /* Written also when empty: an override that is no longer wanted must go. */
    body_put(&body, spec, "workloadOverrides",
             role == ROLE_ROUTE ? json_object() : json_deep_copy(deployment->parts->overrides));
    if (body.status != 0) {
        json_decref(object);
        return -ENOMEM;
    }
    const struct cell *cell = deployment->cell;
    return desired_object_make(
        KIND_RELEASE_BINDING, deployment->context->platform->namespace_name.text, object,
        cell->adopt.set && cell->adopt.value, deployment->component->at, ret_object);
}
