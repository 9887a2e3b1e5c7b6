/* Environments, pipelines and planes. Deleting an environment cannot be taken back and takes all
 * that is deployed there; a pipeline that names it only holds it up. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

void environment_reconcile(struct platform *p, struct object *o)
{
    if (o->deleted_ms >= 0)
        return;
    json_t *status = condition_begin(o);
    condition_set(status, "Ready", "True", "EnvironmentReady", "Environment is ready",
                  o->generation, p->now_ms);
    store_set_status(p, o, status);
}

static bool names(const json_t *pipeline, const char *environment)
{
    size_t i, k;
    json_t *path, *target;
    json_array_foreach(values_get(pipeline, "promotionPaths"), i, path)
    {
        if (strcmp(values_text(values_get(path, "sourceEnvironmentRef"), "name"), environment) == 0)
            return true;
        json_array_foreach(values_get(path, "targetEnvironmentRefs"), k, target)
        {
            if (strcmp(values_text(target, "name"), environment) == 0)
                return true;
        }
    }
    return false;
}

static const struct object *holder(const struct platform *p, const struct object *o)
{
    size_t from, to;
    store_range(p, KIND_PIPELINE, o->ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        const struct object *pipeline = store_at(p, KIND_PIPELINE, i);
        if (names(pipeline->spec, o->name))
            return pipeline;
    }
    return NULL;
}

static void set_ready(struct platform *p, struct object *o, const char *reason, const char *text)
{
    json_t *status = condition_begin(o);
    condition_set(status, "Ready", "False", reason, text, o->generation, p->now_ms);
    store_set_status(p, o, status);
}

/* Begins the deletion of all bindings of a kind; the data-plane objects go at once. */
static size_t delete_bindings(struct platform *p, const struct object *o, enum kind kind)
{
    size_t from, to, left = 0;
    store_range(p, kind, o->ns, &from, &to);
    for (size_t i = to; i-- > from;) {
        struct object *binding = store_at(p, kind, i);
        if (strcmp(binding->environment, o->name) != 0)
            continue;
        left++;
        store_delete(p, binding);
    }
    return left;
}

void environment_finalize(struct platform *p, struct object *o)
{
    char text[512];
    const struct object *pipeline = holder(p, o);
    o->blocked = pipeline != NULL;
    if (pipeline != NULL) {
        snprintf(text, sizeof(text),
                 "Deletion blocked: environment is referenced by DeploymentPipeline \"%s\"",
                 pipeline->name);
        set_ready(p, o, "DeletionBlocked", text);
        return; /* a change of the pipeline wakes it */
    }
    const int64_t step = p->options.timing.environment / 2;
    if (o->stage++ % 2 == 0) {
        set_ready(p, o, "EnvironmentFinalizing", "Environment is finalizing");
        agenda_set(p, o, SLOT_FINALIZE, p->now_ms + step);
        return;
    }
    const size_t left =
        delete_bindings(p, o, KIND_RELEASE_BINDING) + delete_bindings(p, o, KIND_PROJECT_BINDING);
    if (left == 0) {
        store_remove(p, o);
        return;
    }
    snprintf(text, sizeof(text), "Deleting %zu release binding(s)", left);
    set_ready(p, o, "ReleaseBindingsPending", text);
    agenda_set(p, o, SLOT_FINALIZE, p->now_ms + step);
}

void pipeline_reconcile(struct platform *p, struct object *o)
{
    if (o->deleted_ms < 0) {
        json_t *status = condition_begin(o);
        condition_set(status, "Available", "True", "DeploymentPipelineAvailable",
                      "DeploymentPipeline is available", o->generation, p->now_ms);
        store_set_status(p, o, status);
    }
    size_t from, to;
    store_range(p, KIND_ENVIRONMENT, o->ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        struct object *environment = store_at(p, KIND_ENVIRONMENT, i);
        if (environment->deleted_ms >= 0 && environment->blocked)
            agenda_sooner(p, environment, SLOT_FINALIZE, p->now_ms + p->options.timing.status);
    }
}

void pipeline_finalize(struct platform *p, struct object *o)
{
    size_t from, to, users = 0;
    store_range(p, KIND_PROJECT, o->ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        const struct object *project = store_at(p, KIND_PROJECT, i);
        const json_t *ref = values_get(project->spec, "deploymentPipelineRef");
        users += strcmp(values_text(ref, "name"), o->name) == 0;
    }
    if (users == 0) {
        store_remove(p, o);
        return;
    }
    char text[256];
    snprintf(text, sizeof(text),
             "Deletion blocked: deployment pipeline is still referenced by %zu project(s)", users);
    json_t *status = condition_begin(o);
    condition_set(status, "Available", "False", "DeletionBlocked", text, o->generation, p->now_ms);
    store_set_status(p, o, status);
}

void plane_reconcile(struct platform *p, struct object *o)
{
    static const char *const subjects[] = {[KIND_CLUSTER_DATA_PLANE] = "ClusterDataplane",
                                           [KIND_DATA_PLANE] = "Dataplane",
                                           [KIND_CLUSTER_WORKFLOW_PLANE] = "Workflowplane",
                                           [KIND_WORKFLOW_PLANE] = "Workflowplane"};
    char text[128], reason[128], time[32];
    snprintf(text, sizeof(text), "%s is created", subjects[o->kind]);
    snprintf(reason, sizeof(reason), "%sCreated", kinds_info(o->kind)->name);
    values_time(p->now_ms, time);
    json_t *status = condition_begin(o);
    json_object_set_new(status, "agentConnection",
                        json_pack("{s:b,s:i,s:s,s:s,s:s}", "connected", 1, "connectedAgents", 1,
                                  "lastConnectedTime", time, "lastHeartbeatTime", time, "message",
                                  "1 agent connected"));
    condition_set(status, "Created", "True", reason, text, o->generation, p->now_ms);
    json_object_set_new(status, "observedGeneration", json_integer(o->generation));
    store_set_status(p, o, status);
}
