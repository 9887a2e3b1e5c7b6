#include "config/base/check.h"
#include "reconciler/compile/parts.h"

#include <errno.h>
#include <string.h>

/* The types' own limit. */
#define DEADLINE_LIMIT_S 3600

/* What a worker without a probe must have run before it counts. */
#define WORKER_MIN_READY_S 10

static int64_t seconds_up(struct duration duration)
{
    return duration.ms / 1000 + (duration.ms % 1000 != 0 ? 1 : 0);
}

static int refuse(struct error *err, struct source_pos at, const char *component, const char *what)
{
    const int status = error_set(err, ERROR_INVALID, ERR_INVALID, "%s %s", component, what);
    if (err != NULL)
        err->where = at;
    return status;
}

/* --- parameters ----------------------------------------------------------------------------- */

static void longest(struct duration *deadline, const struct layer *layer)
{
    if (layer->rollout != NULL && layer->rollout->progress_deadline.set &&
        layer->rollout->progress_deadline.value.ms > deadline->ms)
        *deadline = layer->rollout->progress_deadline.value;
}

static void longest_of(struct duration *deadline, const struct override *overrides, size_t count,
                       const char *component)
{
    for (size_t i = 0; i < count; i++) {
        longest(deadline, &overrides[i].layer);
        for (size_t k = 0; k < overrides[i].component_count; k++)
            if (strcmp(overrides[i].components[k].component.text, component) == 0)
                longest(deadline, &overrides[i].components[k].layer);
    }
}

/* The release is the same on all targets, so the type gets the longest deadline of them; celld's
 * own clock keeps the shorter ones. */
static int64_t deadline_seconds(const struct deployment *deployment)
{
    const struct cell *cell = deployment->cell;
    const char *name = deployment->component->name.text;
    struct duration deadline = deployment->common->rollout.progress_deadline.value;
    longest_of(&deadline, cell->environments, cell->environment_count, name);
    longest_of(&deadline, cell->targets, cell->target_count, name);
    const int64_t seconds = seconds_up(deadline);
    return seconds < 1 ? 1 : seconds > DEADLINE_LIMIT_S ? DEADLINE_LIMIT_S : seconds;
}

static const char *probe_name(enum probe_kind kind)
{
    switch (kind) {
    case PROBE_NONE:
        return "none";
    case PROBE_HTTP:
        return "http";
    case PROBE_TCP:
        return "tcp";
    case PROBE_GRPC:
        return "grpc";
    }
    CHECK_UNREACHABLE();
}

static void put_seconds(struct body *body, json_t *object, const char *key,
                        const struct manifest_duration *duration)
{
    if (duration->set)
        body_put(body, object, key, json_integer(seconds_up(duration->value)));
}

static void put_readiness(struct body *body, json_t *parameters, const struct readiness *readiness)
{
    if (!readiness->set || readiness->kind == PROBE_NONE)
        return;
    json_t *probe = body_put_object(body, parameters, "readiness");
    body_put_text(body, probe, "kind", probe_name(readiness->kind));
    if (readiness->kind == PROBE_HTTP)
        body_put_text(body, probe, "path", readiness->path.text);
    if (readiness->port != 0)
        body_put(body, probe, "port", json_integer(readiness->port));
    put_seconds(body, probe, "initialDelaySeconds", &readiness->initial_delay);
    put_seconds(body, probe, "periodSeconds", &readiness->period);
    put_seconds(body, probe, "timeoutSeconds", &readiness->timeout);
    if (readiness->failure_threshold.set)
        body_put(body, probe, "failureThreshold", json_integer(readiness->failure_threshold.value));
}

static void put_parameters(struct body *body, const struct deployment *deployment)
{
    json_t *parameters = deployment->parts->parameters;
    const int64_t deadline = deadline_seconds(deployment);
    body_put(body, parameters, "progressDeadlineSeconds", json_integer(deadline));
    if (deployment->routed)
        put_readiness(body, parameters, &deployment->common->readiness);
    else if (deadline <= WORKER_MIN_READY_S)
        body_put(body, parameters, "minReadySeconds", json_integer(deadline - 1));
}

/* --- environment configuration -------------------------------------------------------------- */

static void put_amounts(struct body *body, json_t *resources, const char *key,
                        const struct resource_amounts *amounts)
{
    if (amounts->cpu.text == NULL && amounts->memory.text == NULL)
        return;
    json_t *object = body_put_object(body, resources, key);
    body_put_text(body, object, "cpu", amounts->cpu.text);
    body_put_text(body, object, "memory", amounts->memory.text);
}

static void put_resources(struct body *body, json_t *configs, const struct resources *resources)
{
    json_t *object = json_object();
    put_amounts(body, object, "requests", &resources->requests);
    put_amounts(body, object, "limits", &resources->limits);
    if (json_object_size(object) == 0)
        json_decref(object);
    else
        body_put(body, configs, "resources", object);
}

/* A worker has no route that could carry its autoscaler. */
static int put_worker_scaling(struct body *body, const struct deployment *deployment,
                              struct error *err)
{
    const struct scaling *scaling = &deployment->effective->scaling;
    if (!scaling->set)
        return 0;
    if (scaling->memory.set)
        return refuse(err, scaling->memory.at, deployment->component->name.text,
                      "cannot scale by memory: only a component with endpoints can; scale by cpu");
    json_t *object = body_put_object(body, deployment->parts->configs, "autoscaling");
    body_put(body, object, "enabled", json_true());
    body_put(body, object, "minReplicas", json_integer(scaling->min.set ? scaling->min.value : 1));
    if (scaling->max.set)
        body_put(body, object, "maxReplicas", json_integer(scaling->max.value));
    if (scaling->cpu.set)
        body_put(body, object, "cpuPercent", json_integer(scaling->cpu.value));
    return 0;
}

static int put_schedule(struct body *body, const struct deployment *deployment, struct error *err)
{
    const struct effective *effective = deployment->effective;
    const struct component *component = deployment->component;
    if (effective->schedule.text == NULL)
        return refuse(err, component->at, component->name.text,
                      "needs a schedule: five cron fields, or @daily and the like");
    if (component->endpoint_count > 0)
        return refuse(err, component->endpoints[0].at, component->name.text,
                      "is a scheduled task and cannot have endpoints");
    body_put_text(body, deployment->parts->configs, "schedule", effective->schedule.text);
    body_put_text(body, deployment->parts->configs, "timeZone", effective->time_zone.text);
    return 0;
}

/* --- all together --------------------------------------------------------------------------- */

static int fill(struct body *body, const struct deployment *deployment, struct error *err)
{
    struct deployment_parts *parts = deployment->parts;
    const struct component *component = deployment->component;
    parts->type_kind = "ClusterComponentType";
    switch (component->type) {
    case COMPONENT_OTHER:
        parts->type_kind =
            component->type_kind.text == NULL ? "ComponentType" : component->type_kind.text;
        parts->type_name = component->type_name.text;
        if (component->parameters != NULL) {
            json_decref(parts->parameters);
            parts->parameters = json_deep_copy(component->parameters);
        }
        if (deployment->effective->resources.set)
            put_resources(body, parts->configs, &deployment->effective->resources);
        return 0;
    case COMPONENT_SCHEDULED_TASK:
        parts->type_name = TYPE_TASK;
        put_resources(body, parts->configs, &deployment->effective->resources);
        return put_schedule(body, deployment, err);
    case COMPONENT_SERVICE:
    case COMPONENT_WEB_APPLICATION:
    case COMPONENT_WORKER:
        parts->type_name = deployment->routed ? TYPE_SLOT : TYPE_WORKER;
        put_parameters(body, deployment);
        put_resources(body, parts->configs, &deployment->effective->resources);
        return deployment->routed ? 0 : put_worker_scaling(body, deployment, err);
    }
    CHECK_UNREACHABLE();
}

int parts_type(struct deployment *deployment, struct error *err)
{
    struct body body = {0};
    deployment->parts->parameters = json_object();
    deployment->parts->configs = json_object();
    const int status = fill(&body, deployment, err);
    if (status != 0)
        return status;
    return body.status != 0 || deployment->parts->parameters == NULL ? error_no_memory(err) : 0;
}
