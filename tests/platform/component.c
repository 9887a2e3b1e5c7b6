/* Components: validation, autoDeploy, and what goes with them when they are deleted. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

static void set_ready(struct platform *p, struct object *o, json_t *status, bool ok,
                      const char *reason, const char *text)
{
    condition_set(status, "Ready", ok ? "True" : "False", reason, text, o->generation, p->now_ms);
    json_object_set_new(status, "observedGeneration", json_integer(o->generation));
}

static const struct object *type_of(const struct platform *p, const struct object *o,
                                    const char **ret_name)
{
    const json_t *ref = values_get(o->spec, "componentType");
    const char *name = values_text(ref, "name"), *slash = strchr(name, '/');
    const bool cluster = strcmp(values_text(ref, "kind"), "ClusterComponentType") == 0;
    *ret_name = slash == NULL ? name : slash + 1;
    return store_find(p, cluster ? KIND_CLUSTER_COMPONENT_TYPE : KIND_COMPONENT_TYPE,
                      cluster ? NULL : o->ns, *ret_name);
}

/* The environment of the project's pipeline that no path leads to. */
static const char *root_environment(const struct platform *p, const struct object *o)
{
    const struct object *project = store_find(p, KIND_PROJECT, o->ns, o->project);
    const json_t *ref = project == NULL ? NULL : values_get(project->spec, "deploymentPipelineRef");
    const struct object *pipeline = store_find(p, KIND_PIPELINE, o->ns, values_text(ref, "name"));
    if (pipeline == NULL)
        return NULL;
    const json_t *paths = values_get(pipeline->spec, "promotionPaths");
    size_t i, k, m;
    json_t *path, *other, *target;
    json_array_foreach(paths, i, path)
    {
        const char *source = values_text(values_get(path, "sourceEnvironmentRef"), "name");
        bool is_target = false;
        json_array_foreach(paths, k, other)
        {
            json_array_foreach(values_get(other, "targetEnvironmentRefs"), m, target) is_target =
                is_target || strcmp(values_text(target, "name"), source) == 0;
        }
        if (!is_target)
            return source;
    }
    return NULL;
}

static void bind_latest(struct platform *p, struct object *o, const char *environment,
                        const char *release, const char *binding_name)
{
    struct object *binding = store_binding(p, o->ns, o->project, o->name, environment);
    if (binding == NULL) {
        json_t *spec = json_pack("{s:{s:s,s:s},s:s,s:s,s:s}", "owner", "projectName", o->project,
                                 "componentName", o->name, "environment", environment,
                                 "releaseName", release, "state", "Active");
        binding = store_add(p, KIND_RELEASE_BINDING, o->ns, binding_name, NULL, NULL, spec);
        controllers_created(p, binding);
    } else if (strcmp(values_text(binding->spec, "releaseName"), release) != 0) {
        json_t *spec = json_copy(binding->spec);
        json_object_set_new(spec, "releaseName", json_string(release));
        store_set_spec(p, binding, spec);
        agenda_sooner(p, binding, SLOT_RECONCILE, p->now_ms + p->options.timing.status);
    }
}

static void deploy(struct platform *p, struct object *o, json_t *status)
{
    const char *environment = root_environment(p, o), *missing;
    json_t *spec;
    if (environment == NULL || release_snapshot(p, o, &spec, &missing) != 0) {
        set_ready(p, o, status, true, "Reconciled", "Component validated successfully");
        return;
    }
    char hash[16], name[NAME_SIZE], binding[NAME_SIZE], text[1024];
    json_t *content = json_copy(spec);
    json_object_del(content, "owner");
    values_hash_json(content, 10, hash);
    json_decref(content);
    snprintf(name, sizeof(name), "%.300s-%s", o->name, hash);
    snprintf(binding, sizeof(binding), "%.150s-%.150s", o->name, environment);
    if (store_find(p, KIND_COMPONENT_RELEASE, o->ns, name) == NULL)
        store_add(p, KIND_COMPONENT_RELEASE, o->ns, name, NULL, NULL, json_incref(spec));
    json_decref(spec);
    bind_latest(p, o, environment, name, binding);
    json_object_set_new(status, "latestRelease",
                        json_pack("{s:s,s:s}", "name", name, "releaseHash", hash));
    snprintf(text, sizeof(text),
             "ComponentRelease \"%s\" and ReleaseBinding \"%s\" successfully managed for "
             "environment \"%s\"",
             name, binding, environment);
    set_ready(p, o, status, true, "ComponentReleaseReady", text);
}

void component_reconcile(struct platform *p, struct object *o)
{
    if (o->deleted_ms >= 0)
        return;
    json_t *status = condition_begin(o);
    const char *type_name;
    char text[512];
    size_t count;
    const struct object *type = type_of(p, o, &type_name);
    const struct object *workload = release_workload(p, o, &count);
    if (type == NULL) {
        snprintf(text, sizeof(text), "%s \"%s\" not found",
                 values_text(values_get(o->spec, "componentType"), "kind"), type_name);
        set_ready(p, o, status, false, "ComponentTypeNotFound", text);
    } else if (workload == NULL) {
        snprintf(text, sizeof(text),
                 "Workload for component \"%s\" not found, waiting for workload to be created",
                 o->name);
        set_ready(p, o, status, false, "WorkloadNotFound", text);
    } else if (count > 1) {
        snprintf(text, sizeof(text),
                 "Multiple Workloads found for component \"%s\" (expected exactly 1)", o->name);
        set_ready(p, o, status, false, "InvalidConfiguration", text);
    } else if (values_true(o->spec, "autoDeploy")) {
        deploy(p, o, status);
    } else {
        set_ready(p, o, status, true, "Reconciled", "Component validated successfully");
    }
    store_set_status(p, o, status);
}

static size_t delete_children(struct platform *p, const struct object *o, enum kind kind)
{
    size_t from, to, left = 0;
    store_range(p, kind, o->ns, &from, &to);
    for (size_t i = to; i-- > from;) {
        struct object *child = store_at(p, kind, i);
        const char *owner = kind == KIND_WORKFLOW_RUN
                                ? values_text(child->labels, "openchoreo.dev/component")
                                : child->component;
        if (strcmp(owner, o->name) != 0)
            continue;
        left++;
        store_delete(p, child);
    }
    return left;
}

void component_finalize(struct platform *p, struct object *o)
{
    json_t *status = condition_begin(o);
    condition_set(status, "Finalizing", "True", "Finalizing", "Component is finalizing",
                  o->generation, p->now_ms);
    store_set_status(p, o, status);
    delete_children(p, o, KIND_COMPONENT_RELEASE);
    delete_children(p, o, KIND_WORKLOAD);
    delete_children(p, o, KIND_WORKFLOW_RUN);
    const size_t left = delete_children(p, o, KIND_RELEASE_BINDING);
    if (left == 0 && o->stage > 0)
        store_remove(p, o);
    else
        agenda_set(p, o, SLOT_FINALIZE, p->now_ms + (left == 0 ? 10 : 120));
    o->stage = 1;
}
