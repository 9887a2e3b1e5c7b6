/* A release binding becomes data-plane objects: the context that every type shares, names, labels,
 * validation, and the order of the result. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void render_fail(struct render *r, const char *format, ...)
{
    if (r->error[0] != '\0')
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->error, sizeof(r->error), format, arguments);
    va_end(arguments);
}

void render_data_plane_namespace(const char *ns, const char *project, const char *environment,
                                 char ret_name[static 64])
{
    const char *const parts[] = {"dp", ns, project, environment};
    values_name(ret_name, 64, 63, parts, 4);
}

json_t *render_metadata(const struct render *r, const char *name, json_t *extra_labels)
{
    json_t *labels = json_copy(r->labels);
    json_object_update(labels, extra_labels);
    json_decref(extra_labels);
    return json_pack("{s:s,s:s,s:o}", "name", name, "namespace", r->data_plane_namespace, "labels",
                     labels);
}

/* Becomes a label of the live object, which is why long ones are cut. */
static void make_id(const char *kind, const char *name, char ret_id[static NAME_SIZE])
{
    char lower[64] = "";
    for (size_t i = 0; kind[i] != '\0' && i + 1 < sizeof(lower); i++)
        lower[i] = (char)(kind[i] | 0x20);
    const char *const parts[] = {lower, name};
    if (strlen(lower) + 1 + strlen(name) > LABEL_LIMIT)
        values_name(ret_id, NAME_SIZE, LABEL_LIMIT, parts, 2);
    else
        snprintf(ret_id, NAME_SIZE, "%s-%s", lower, name);
}

void render_add(struct render *r, json_t *object)
{
    CHECK(object != NULL);
    char id[NAME_SIZE];
    make_id(values_text(object, "kind"), values_text(values_get(object, "metadata"), "name"), id);
    json_array_append_new(r->resources, json_pack("{s:s,s:o}", "id", id, "object", object));
}

json_t *render_service_ports(const json_t *workload)
{
    json_t *ports = json_array();
    json_t *endpoints = values_get(workload, "endpoints");
    const char *name;
    json_t *endpoint;
    json_t *names = json_array();
    json_object_foreach(endpoints, name, endpoint) json_array_append_new(names, json_string(name));
    /* the platform walks maps in the order of their keys */
    for (size_t i = 0; i < json_array_size(names); i++)
        for (size_t k = i + 1; k < json_array_size(names); k++)
            if (strcmp(json_string_value(json_array_get(names, i)),
                       json_string_value(json_array_get(names, k))) > 0) {
                json_t *swap = json_incref(json_array_get(names, i));
                json_array_set(names, i, json_array_get(names, k));
                json_array_set_new(names, k, swap);
            }
    for (size_t i = 0; i < json_array_size(names); i++) {
        name = json_string_value(json_array_get(names, i));
        endpoint = values_get(endpoints, name);
        const int64_t port = values_int(endpoint, "port", 0);
        const bool udp = strcmp(values_text(endpoint, "type"), "UDP") == 0;
        json_array_append_new(ports, json_pack("{s:s,s:I,s:I,s:s}", "name", name, "port",
                                               (json_int_t)port, "targetPort",
                                               (json_int_t)values_int(endpoint, "targetPort", port),
                                               "protocol", udp ? "UDP" : "TCP"));
    }
    json_decref(names);
    return ports;
}

json_t *render_autoscaler(const struct render *r, const char *name, const json_t *scale)
{
    json_t *metrics = json_array();
    static const char *const sources[][2] = {{"cpuPercent", "cpu"}, {"memoryPercent", "memory"}};
    for (size_t i = 0; i < 2; i++) {
        const int64_t percent = values_int(scale, sources[i][0], 0);
        if (percent > 0)
            json_array_append_new(metrics, json_pack("{s:s,s:{s:s,s:{s:s,s:I}}}", "type",
                                                     "Resource", "resource", "name", sources[i][1],
                                                     "target", "type", "Utilization",
                                                     "averageUtilization", (json_int_t)percent));
    }
    return json_pack("{s:s,s:s,s:o,s:{s:{s:s,s:s,s:s},s:I,s:I,s:o}}", "apiVersion",
                     "autoscaling/v2", "kind", "HorizontalPodAutoscaler", "metadata",
                     render_metadata(r, name, NULL), "spec", "scaleTargetRef", "apiVersion",
                     "apps/v1", "kind", "Deployment", "name", name, "minReplicas",
                     (json_int_t)values_int(scale, "minReplicas", 1), "maxReplicas",
                     (json_int_t)values_int(scale, "maxReplicas", 1), "metrics", metrics);
}

static void merge_keyed(json_t *list, const json_t *overrides, bool files)
{
    size_t i, k;
    json_t *override, *there;
    json_array_foreach(overrides, i, override)
    {
        bool found = false;
        json_array_foreach(list, k, there)
        {
            if (strcmp(values_text(there, "key"), values_text(override, "key")) != 0 ||
                (files &&
                 strcmp(values_text(there, "mountPath"), values_text(override, "mountPath")) != 0))
                continue;
            json_array_set(list, k, override);
            found = true;
            break;
        }
        if (!found)
            json_array_append(list, override);
    }
}

/* The release's workload with the binding's overrides. */
static json_t *effective_workload(const struct render *r)
{
    json_t *workload = values_copy(values_get(r->release, "workload"));
    const json_t *over = json_at(r->binding->spec, "workloadOverrides", "container", NULL);
    json_t *container = values_get(workload, "container");
    static const char *const lists[] = {"env", "files"};
    for (size_t i = 0; i < 2 && over != NULL; i++) {
        const json_t *items = values_get(over, lists[i]);
        if (items == NULL)
            continue;
        if (values_get(container, lists[i]) == NULL)
            json_object_set_new(container, lists[i], json_array());
        merge_keyed(values_get(container, lists[i]), items, i == 1);
    }
    return workload;
}

static void make_labels(struct render *r)
{
    const struct object *b = r->binding;
    r->labels =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "openchoreo.dev/component", b->component,
                  "openchoreo.dev/component-uid", r->component->uid, "openchoreo.dev/environment",
                  b->environment, "openchoreo.dev/environment-uid", r->environment->uid,
                  "openchoreo.dev/namespace", b->ns, "openchoreo.dev/project", b->project,
                  "openchoreo.dev/project-uid", r->project->uid);
    CHECK(r->labels != NULL);
    r->selectors = json_incref(r->labels);
}

/* Parameters of the release and configurations of the binding, with the type's defaults. */
static void make_context(struct render *r)
{
    const json_t *parameters = json_at(r->type, "parameters", "openAPIV3Schema", NULL);
    const json_t *configs = json_at(r->type, "environmentConfigs", "openAPIV3Schema", NULL);
    r->parameters =
        schema_default(parameters, json_at(r->release, "componentProfile", "parameters", NULL));
    const json_t *given = values_get(r->binding->spec, "componentTypeEnvironmentConfigs");
    r->configs = schema_default(configs, given);
    char problems[MESSAGE_SIZE];
    schema_check(parameters, r->parameters, problems, sizeof(problems));
    if (problems[0] != '\0')
        render_fail(r,
                    "Failed to render resources: failed to build component context: parameters "
                    "validation failed: %s",
                    problems);
    schema_check(configs, r->configs, problems, sizeof(problems));
    if (problems[0] != '\0')
        render_fail(r,
                    "Failed to render resources: failed to build component context: "
                    "environmentConfigs validation failed: %s",
                    problems);
}

/* The environment's own gateway settings win over those of its data plane. */
static void make_gateway(struct render *r)
{
    const json_t *plane = r->data_plane == NULL ? NULL : values_get(r->data_plane->spec, "gateway");
    r->gateway = plane == NULL ? json_object() : values_copy(plane);
    const json_t *own = values_get(r->environment->spec, "gateway");
    if (own != NULL)
        values_merge(r->gateway, own);
}

static int compare_resources(const json_t *left, const json_t *right)
{
    const json_t *x = values_get(left, "object"), *y = values_get(right, "object");
    const int kinds = strcmp(values_text(x, "kind"), values_text(y, "kind"));
    return kinds != 0 ? kinds
                      : strcmp(values_text(values_get(x, "metadata"), "name"),
                               values_text(values_get(y, "metadata"), "name"));
}

static void sort_resources(json_t *list)
{
    const size_t count = json_array_size(list);
    json_t **items = values_alloc(count + 1, sizeof(json_t *));
    for (size_t i = 0; i < count; i++) { /* stable: of two that collapse the later one wins */
        json_t *item = json_incref(json_array_get(list, i));
        size_t at = i;
        for (; at > 0 && compare_resources(items[at - 1], item) > 0; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
    json_array_clear(list);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, items[i]);
    free(items);
}

static json_t *without_metadata(const json_t *object)
{
    json_t *content = json_copy(values_mutable(object));
    json_object_del(content, "metadata");
    return content;
}

/* Pods of Deployments start anew whenever any other object of their component changes its content.
 */
static void stamp_pods(struct render *r)
{
    json_t *others = json_array(), *deployment = NULL;
    size_t i;
    json_t *resource;
    json_array_foreach(r->resources, i, resource)
    {
        json_t *object = values_get(resource, "object");
        if (strcmp(values_text(object, "kind"), "Deployment") == 0)
            deployment = object;
        else
            json_array_append_new(others, without_metadata(object));
    }
    if (deployment != NULL && json_array_size(others) > 0) {
        char hash[16];
        values_hash_json(others, 10, hash);
        json_t *metadata =
            values_get(values_get(values_get(deployment, "spec"), "template"), "metadata");
        json_object_set_new(metadata, "annotations",
                            json_pack("{s:s}", "openchoreo.dev/dp-resource-hash", hash));
    }
    json_decref(others);
}

static void render_type(struct render *r)
{
    const char *name = values_text(values_get(r->release, "componentType"), "name");
    const char *slash = strchr(name, '/');
    const char *type = slash == NULL ? "" : slash + 1;
    if (strcmp(type, "cell-slot") == 0)
        render_slot(r);
    else if (strcmp(type, "cell-route") == 0)
        render_route(r);
    else if (strcmp(type, "cell-worker") == 0)
        render_worker(r);
    else if (strcmp(type, "cell-task") == 0)
        render_task(r);
    else if (strcmp(type, "cell-build") != 0)
        render_plain(r);
}

static void render_fini(struct render *r)
{
    json_decref(r->workload);
    json_decref(r->parameters);
    json_decref(r->configs);
    json_decref(r->gateway);
    json_decref(r->labels);
    json_decref(r->selectors);
    json_decref(r->resources);
}

static bool find_parts(struct render *r)
{
    struct platform *p = r->platform;
    const struct object *b = r->binding;
    const struct object *release =
        store_find(p, KIND_COMPONENT_RELEASE, b->ns, values_text(b->spec, "releaseName"));
    r->component = store_find(p, KIND_COMPONENT, b->ns, b->component);
    r->project = store_find(p, KIND_PROJECT, b->ns, b->project);
    r->environment = store_find(p, KIND_ENVIRONMENT, b->ns, b->environment);
    if (release == NULL || r->component == NULL || r->project == NULL || r->environment == NULL)
        return false;
    r->release = release->spec;
    r->type = values_get(values_get(release->spec, "componentType"), "spec");
    const json_t *plane = values_get(r->environment->spec, "dataPlaneRef");
    const bool cluster = strcmp(values_text(plane, "kind"), "ClusterDataPlane") == 0;
    r->data_plane = store_find(p, cluster ? KIND_CLUSTER_DATA_PLANE : KIND_DATA_PLANE,
                               cluster ? NULL : b->ns, values_text(plane, "name"));
    return true;
}

json_t *render_binding(struct platform *p, struct object *binding, const json_t *resolved,
                       char ret_message[static MESSAGE_SIZE])
{
    struct render r = {.platform = p,
                       .binding = binding,
                       .resolved = values_mutable(resolved),
                       .resources = json_array()};
    json_t *result = NULL;
    if (!find_parts(&r)) {
        render_fail(&r, "Failed to render resources: a part of the release is missing");
    } else {
        const char *const parts[] = {binding->component, binding->environment};
        values_name(r.name, sizeof(r.name), 253, parts, 2);
        render_data_plane_namespace(binding->ns, binding->project, binding->environment,
                                    r.data_plane_namespace);
        make_labels(&r);
        make_gateway(&r);
        r.workload = effective_workload(&r);
        make_context(&r);
        if (r.error[0] == '\0' && render_validate(&r)) {
            render_type(&r);
            sort_resources(r.resources);
            stamp_pods(&r);
            json_t *policy = render_policy(&r);
            if (policy != NULL)
                render_add(&r, policy);
        }
    }
    if (r.error[0] == '\0')
        result = json_incref(r.resources);
    else
        snprintf(ret_message, MESSAGE_SIZE, "%s", r.error);
    render_fini(&r);
    return result;
}
