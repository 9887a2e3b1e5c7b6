/* The ReleaseBinding controller. One pass does what the real one does, in its order: it renders and
 * writes the RenderedRelease first, and believes the old state of the resources until the data
 * plane has been looked at again. That is why its conditions lie for a while. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

#define SKIPPED " (observability release skipped: no observability resources to deploy)"

static void rendered_name(const struct object *b, char ret_name[static NAME_SIZE])
{
    snprintf(ret_name, NAME_SIZE, "%.150s-%.150s", b->component, b->environment);
}

static void set(struct platform *p, struct object *b, json_t *status, const char *type, bool ok,
                const char *reason, const char *message)
{
    condition_set(status, type, ok ? "True" : "False", reason, message, b->generation, p->now_ms);
}

/* Ready inherits from the first part that is not. */
static void aggregate(struct platform *p, struct object *b, json_t *status)
{
    static const char *const parts[] = {"ReleaseSynced", "ConnectionsResolved",
                                        "ResourceDependenciesReady", "ResourcesReady"};
    if (condition_find(status, "ReleaseSynced") == NULL) {
        set(p, b, status, "Ready", false, "ReleaseSynced", "Release is not synced");
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        const json_t *part = condition_find(status, parts[i]);
        if (part != NULL && strcmp(values_text(part, "status"), "True") == 0)
            continue;
        if (part == NULL)
            set(p, b, status, "Ready", false, "ResourcesProgressing",
                "Resources are being evaluated");
        else
            set(p, b, status, "Ready", false, values_text(part, "reason"),
                values_text(part, "message"));
        return;
    }
    set(p, b, status, "Ready", true, "Ready", "ReleaseBinding is ready");
}

static json_t *begin(struct platform *p, struct object *b)
{
    json_t *status = condition_begin(b);
    if (values_int(status, "observedGeneration", 0) != b->generation) {
        char time[32];
        json_object_set_new(status, "observedGeneration", json_integer(b->generation));
        json_object_set_new(status, "lastSpecUpdateTime",
                            json_string(values_time(p->now_ms, time)));
    }
    return status;
}

static void fail(struct platform *p, struct object *b, const char *reason, const char *message)
{
    json_t *status = begin(p, b);
    set(p, b, status, "ReleaseSynced", false, reason, message);
    set(p, b, status, "Ready", false, reason, message);
    store_set_status(p, b, status);
}

/* Everything the binding names must be there; what is not ends the pass without another look. */
static bool find_parts(struct platform *p, struct object *b)
{
    char text[1024];
    const char *release_name = values_text(b->spec, "releaseName");
    const struct object *release = store_find(p, KIND_COMPONENT_RELEASE, b->ns, release_name);
    if (release == NULL) {
        snprintf(text, sizeof(text), "ComponentRelease \"%s\" not found", release_name);
        fail(p, b, "ComponentReleaseNotFound", text);
        return false;
    }
    if (strcmp(release->component, b->component) != 0 ||
        strcmp(release->project, b->project) != 0) {
        snprintf(text, sizeof(text),
                 "Invalid ComponentRelease configuration: release binding owner (project: \"%s\", "
                 "component: \"%s\") does not match component release owner (project: \"%s\", "
                 "component: \"%s\")",
                 b->project, b->component, release->project, release->component);
        fail(p, b, "InvalidReleaseConfiguration", text);
        return false;
    }
    const struct object *environment = store_find(p, KIND_ENVIRONMENT, b->ns, b->environment);
    if (environment == NULL) {
        snprintf(text, sizeof(text), "Environment \"%s\" not found", b->environment);
        fail(p, b, "EnvironmentNotFound", text);
        return false;
    }
    const json_t *plane = values_get(environment->spec, "dataPlaneRef");
    const bool cluster = strcmp(values_text(plane, "kind"), "ClusterDataPlane") == 0;
    if (store_find(p, cluster ? KIND_CLUSTER_DATA_PLANE : KIND_DATA_PLANE, cluster ? NULL : b->ns,
                   values_text(plane, "name")) == NULL) {
        snprintf(text, sizeof(text), "%s \"%s\" not found", values_text(plane, "kind"),
                 values_text(plane, "name"));
        fail(p, b, "DataPlaneNotFound", text);
        return false;
    }
    if (store_find(p, KIND_COMPONENT, b->ns, b->component) == NULL) {
        snprintf(text, sizeof(text), "Component \"%s\" not found", b->component);
        fail(p, b, "ComponentNotFound", text);
        return false;
    }
    return store_find(p, KIND_PROJECT, b->ns, b->project) != NULL;
}

enum written { WRITTEN_NOTHING, WRITTEN_CREATED, WRITTEN_UPDATED, WRITTEN_CONFLICT };

static enum written write_rendered(struct platform *p, struct object *b, json_t *resources,
                                   struct object **ret_rendered)
{
    char name[NAME_SIZE];
    rendered_name(b, name);
    struct object *rendered = store_find(p, KIND_RENDERED, b->ns, name);
    if (rendered != NULL && rendered->owner != b)
        return WRITTEN_CONFLICT;
    *ret_rendered = rendered;
    if (rendered != NULL && rendered->deleted_ms >= 0)
        return WRITTEN_NOTHING;
    json_t *spec =
        json_pack("{s:s,s:O,s:O,s:s}", "environmentName", b->environment, "owner",
                  values_get(b->spec, "owner"), "resources", resources, "targetPlane", "dataplane");
    if (rendered == NULL) {
        rendered = store_add(p, KIND_RENDERED, b->ns, name,
                             json_pack("{s:s,s:s,s:s,s:s}", "openchoreo.dev/component",
                                       b->component, "openchoreo.dev/environment", b->environment,
                                       "openchoreo.dev/namespace", b->ns, "openchoreo.dev/project",
                                       b->project),
                             NULL, spec);
        store_ref(b);
        rendered->owner = b;
        *ret_rendered = rendered;
        controllers_created(p, rendered);
        return WRITTEN_CREATED;
    }
    const int64_t before = rendered->generation;
    store_set_spec(p, rendered, spec);
    if (rendered->generation == before)
        return WRITTEN_NOTHING;
    controllers_changed(p, rendered, true);
    return WRITTEN_UPDATED;
}

/* ---- what the rendered release's last look says ---- */

static const json_t *find_health(const json_t *status, const char *kind)
{
    size_t i;
    json_t *resource;
    json_array_foreach(values_get(status, "resources"), i, resource)
    {
        if (strcmp(values_text(resource, "kind"), kind) == 0)
            return resource;
    }
    return NULL;
}

static bool all_healthy(const json_t *status, size_t *ret_count, const char **ret_name)
{
    size_t i;
    json_t *resource;
    *ret_count = json_array_size(values_get(status, "resources"));
    json_array_foreach(values_get(status, "resources"), i, resource)
    {
        const char *health = values_text(resource, "healthStatus");
        if (strcmp(health, "Healthy") != 0 && strcmp(health, "Suspended") != 0) {
            *ret_name = values_text(resource, "name");
            return false;
        }
    }
    return true;
}

static void judge_deployment(struct platform *p, struct object *b, json_t *status,
                             const json_t *primary)
{
    char text[512];
    const char *name = values_text(primary, "name"), *health = values_text(primary, "healthStatus");
    if (strcmp(health, "Healthy") == 0) {
        set(p, b, status, "ResourcesReady", true, "Ready",
            "Primary workload Deployment and all supporting resources are ready");
    } else if (strcmp(health, "Suspended") == 0) {
        set(p, b, status, "ResourcesReady", true, "ReadyWithSuspendedResources",
            "Primary workload Deployment is suspended (scaled to 0)");
    } else {
        const bool degraded = strcmp(health, "Degraded") == 0;
        snprintf(text, sizeof(text), "Primary workload Deployment/%s is %s", name,
                 degraded ? "degraded" : "progressing");
        set(p, b, status, "ResourcesReady", false,
            degraded ? "ResourcesDegraded" : "ResourcesProgressing", text);
    }
}

/* The component's own type says what the primary workload is, whatever its release holds. */
static bool wants_deployment(const struct platform *p, const struct object *b)
{
    const struct object *component = store_find(p, KIND_COMPONENT, b->ns, b->component);
    const json_t *type = component == NULL ? NULL : values_get(component->spec, "componentType");
    return strncmp(values_text(type, "name"), "deployment/", 11) == 0;
}

static void judge_resources(struct platform *p, struct object *b, json_t *status,
                            const struct object *rendered)
{
    char text[1024];
    const json_t *seen = rendered == NULL ? NULL : rendered->status;
    const json_t *applied = condition_find(seen, "ResourcesApplied");
    size_t count;
    const char *lagging = "";
    if (applied != NULL && strcmp(values_text(applied, "status"), "True") != 0) {
        set(p, b, status, "ResourcesReady", false, "ResourceApplyFailed",
            values_text(applied, "message"));
        return;
    }
    if (json_array_size(values_get(seen, "resources")) == 0) {
        char name[NAME_SIZE];
        rendered_name(b, name);
        snprintf(text, sizeof(text), "Release \"%s\" has no resources yet", name);
        set(p, b, status, "ResourcesReady", false, "ResourcesProgressing", text);
        return;
    }
    const json_t *deployment = find_health(seen, "Deployment");
    const json_t *task = find_health(seen, "CronJob");
    if (deployment != NULL) {
        judge_deployment(p, b, status, deployment);
    } else if (task != NULL) {
        task_judge(p, b, status, task);
    } else if (wants_deployment(p, b)) {
        set(p, b, status, "ResourcesReady", false, "ResourcesProgressing",
            "Primary workload not found");
    } else if (all_healthy(seen, &count, &lagging)) {
        snprintf(text, sizeof(text), "All %zu resources ready", count);
        set(p, b, status, "ResourcesReady", true, "Ready", text);
    } else {
        snprintf(text, sizeof(text), "Resource %s is progressing", lagging);
        set(p, b, status, "ResourcesReady", false, "ResourcesProgressing", text);
    }
}

/* ---- one pass ---- */

static json_t *without_marks(const json_t *resolved)
{
    json_t *list = values_copy(resolved);
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry) json_object_del(entry, "#");
    return list;
}

static void set_list(json_t *status, const char *key, json_t *list)
{
    if (json_array_size(list) > 0)
        json_object_set(status, key, list);
    else
        json_object_del(status, key);
    json_decref(list);
}

/* Returns whether all connections are there. */
static bool set_connections(struct platform *p, struct object *b, json_t *status,
                            const json_t *resolved, const json_t *pending)
{
    char text[128];
    const size_t done = json_array_size(resolved), open = json_array_size(pending);
    set_list(status, "resolvedConnections", without_marks(resolved));
    set_list(status, "pendingConnections", values_copy(pending));
    if (open > 0) {
        snprintf(text, sizeof(text), "%zu connections pending, %zu resolved", open, done);
        set(p, b, status, "ConnectionsResolved", false, "ConnectionsPending", text);
        return false;
    }
    if (done > 0) {
        snprintf(text, sizeof(text), "All %zu connections resolved", done);
        set(p, b, status, "ConnectionsResolved", true, "AllConnectionsResolved", text);
    } else {
        set(p, b, status, "ConnectionsResolved", true, "NoConnections",
            "No connections to resolve");
    }
    set(p, b, status, "ResourceDependenciesReady", true, "NoResourceDependencies",
        "No resource dependencies to resolve");
    return true;
}

static void finish_pass(struct platform *p, struct object *b, json_t *status, enum written written,
                        const struct object *rendered)
{
    char text[1024], name[NAME_SIZE];
    rendered_name(b, name);
    if (written == WRITTEN_NOTHING) {
        snprintf(text, sizeof(text), "Dataplane Release \"%s\" is up to date" SKIPPED, name);
        set(p, b, status, "ReleaseSynced", true, "ReleaseSynced", text);
        judge_resources(p, b, status, rendered);
        aggregate(p, b, status);
        return;
    }
    const size_t count = json_array_size(values_get(rendered->spec, "resources"));
    snprintf(text, sizeof(text), "Dataplane Release \"%s\" %s with %zu resources" SKIPPED, name,
             written == WRITTEN_CREATED ? "created" : "updated", count);
    set(p, b, status, "ReleaseSynced", true, "ReleaseCreated", text);
    aggregate(p, b, status);
    agenda_sooner(p, b, SLOT_RECONCILE, p->now_ms + p->options.timing.status + 5);
}

static void run_pass(struct platform *p, struct object *b, const json_t *workload)
{
    char message[MESSAGE_SIZE], text[512], name[NAME_SIZE];
    json_t *resolved, *pending;
    connections_resolve(p, b, workload, &resolved, &pending);
    json_t *resources = render_binding(p, b, resolved, message);
    struct object *rendered = NULL;
    const enum written written =
        resources == NULL ? WRITTEN_NOTHING : write_rendered(p, b, resources, &rendered);
    if (resources == NULL) {
        fail(p, b, "RenderingFailed", message);
    } else if (written == WRITTEN_CONFLICT) {
        rendered_name(b, name);
        snprintf(text, sizeof(text), "Release \"%s\" exists but is owned by another resource",
                 name);
        fail(p, b, "ReleaseOwnershipConflict", text);
    } else {
        char plane[64];
        render_data_plane_namespace(b->ns, b->project, b->environment, plane);
        json_t *status = begin(p, b);
        json_t *endpoints = connections_endpoints(p, b, workload, resources, plane);
        const json_t *before = values_get(b->status, "endpoints");
        const bool moved =
            json_array_size(endpoints) == 0 ? before != NULL : !json_equal(endpoints, before);
        set_list(status, "endpoints", endpoints);
        if (set_connections(p, b, status, resolved, pending)) {
            finish_pass(p, b, status, written, rendered);
        } else {
            p->dangers.double_rollout += written == WRITTEN_CREATED;
            aggregate(p, b, status);
        }
        store_set_status(p, b, status);
        if (moved)
            controllers_wake_consumers(p, b);
    }
    json_decref(resolved);
    json_decref(pending);
    json_decref(resources);
}

static void undeploy(struct platform *p, struct object *b)
{
    char name[NAME_SIZE];
    rendered_name(b, name);
    struct object *rendered = store_find(p, KIND_RENDERED, b->ns, name);
    const bool there = rendered != NULL && rendered->owner == b;
    const char *text = there ? "Resources being undeployed" : "Resources undeployed";
    json_t *status = begin(p, b);
    const bool had_endpoints = values_get(status, "endpoints") != NULL;
    json_object_del(status, "endpoints");
    static const char *const types[] = {"ReleaseSynced", "ResourcesReady", "Ready"};
    for (size_t i = 0; i < 3; i++)
        set(p, b, status, types[i], false, "ResourcesUndeployed", text);
    store_set_status(p, b, status);
    if (there)
        store_delete(p, rendered);
    if (had_endpoints)
        controllers_wake_consumers(p, b);
}

void binding_reconcile(struct platform *p, struct object *b)
{
    if (b->deleted_ms >= 0)
        return;
    if (strcmp(values_text(b->spec, "state"), "Undeploy") == 0) {
        undeploy(p, b);
        return;
    }
    if (!find_parts(p, b))
        return;
    const struct object *release =
        store_find(p, KIND_COMPONENT_RELEASE, b->ns, values_text(b->spec, "releaseName"));
    const json_t *workload = values_get(release->spec, "workload");
    b->has_dependencies =
        json_array_size(values_get(values_get(workload, "dependencies"), "endpoints")) > 0;
    run_pass(p, b, workload);
}

/* Deletes rendered releases by their labels, whoever owns them: of two bindings for one component
 * and environment the deleted one fights the other for ever. */
void binding_finalize(struct platform *p, struct object *b)
{
    json_t *status = condition_begin(b);
    condition_set(status, "Finalizing", "True", "Finalizing", "ReleaseBinding is finalizing",
                  b->generation, p->now_ms);
    store_set_status(p, b, status);
    char name[NAME_SIZE];
    rendered_name(b, name);
    struct object *rendered = store_find(p, KIND_RENDERED, b->ns, name);
    if (rendered == NULL || strcmp(rendered->component, b->component) != 0 ||
        strcmp(values_text(rendered->spec, "environmentName"), b->environment) != 0) {
        store_remove(p, b);
        return;
    }
    const char *last = json_text_or(b->memo, "");
    const int64_t again = p->options.timing.livelock_cycle / 2;
    if (last[0] == '\0' || strcmp(last, rendered->uid) == 0)
        store_delete(p, rendered);
    json_decref(b->memo);
    b->memo = json_string(rendered->uid);
    agenda_set(p, b, SLOT_FINALIZE, p->now_ms + again);
}
