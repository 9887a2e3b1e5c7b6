/* Objects of the data plane: applied by rendered releases, overwritten without asking who had them
 * before. */
#include "config/base/check.h"
#include "tests/platform/live_deployment.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_key(char key[static NAME_SIZE * 2], const char *ns, const char *kind,
                     const char *name)
{
    snprintf(key, (size_t)NAME_SIZE * 2, "%s/%s/%s", ns, kind, name);
}

struct live *live_find(const struct platform *p, const char *ns, const char *kind, const char *name)
{
    char key[NAME_SIZE * 2];
    make_key(key, ns, kind, name);
    return index_find(&p->live, key);
}

void live_free(struct live *live)
{
    json_decref(live->wanted);
    json_decref(live->tampered);
    json_decref(live->jobs);
    json_decref(live->lagging);
    if (live->rendered != NULL)
        store_unref(live->rendered);
    free(live->pods);
    free(live->key);
    free(live->ns);
    free(live->kind);
    free(live->name);
    free(live);
}

static struct live *add_live(struct platform *p, const char *ns, const char *kind, const char *name)
{
    char key[NAME_SIZE * 2];
    make_key(key, ns, kind, name);
    struct live *live = values_alloc(1, sizeof(*live));
    live->key = values_copy_text(key);
    live->ns = values_copy_text(ns);
    live->kind = values_copy_text(kind);
    live->name = values_copy_text(name);
    random_uid(p, live->uid);
    live->created_ms = p->now_ms;
    live->generation = 1;
    live->scaled = 1;
    live->resource_version = ++p->resource_version;
    index_put(&p->live, key, live);
    return live;
}

static void take_over(struct platform *p, struct live *live, struct object *rendered)
{
    if (live->rendered == rendered)
        return;
    if (live->rendered != NULL) {
        if (!live->rendered->gone && strcmp(live->rendered->key, rendered->key) != 0) {
            p->dangers.route_taken++;
            live->rendered->contested = true;
            rendered->contested = true;
        }
        store_unref(live->rendered);
    }
    store_ref(rendered);
    live->rendered = rendered;
}

bool live_apply(struct platform *p, struct object *rendered, const char *id, json_t *object)
{
    const json_t *metadata = values_get(object, "metadata");
    const char *ns = values_text(metadata, "namespace"), *name = values_text(metadata, "name");
    const char *kind = values_text(object, "kind");
    struct live *live = live_find(p, ns, kind, name);
    const bool fresh = live == NULL;
    if (fresh)
        live = add_live(p, ns, kind, name);
    take_over(p, live, rendered);
    snprintf(live->id, sizeof(live->id), "%s", id);
    snprintf(live->rendered_uid, sizeof(live->rendered_uid), "%s", rendered->uid);
    if (live->tampered == NULL && live->wanted == object)
        return false;
    const json_t *before = live->tampered != NULL ? live->tampered : live->wanted;
    const json_t *old_spec = values_get(before, "spec"), *new_spec = values_get(object, "spec");
    const bool same_spec =
        old_spec == new_spec || (old_spec != NULL && json_equal(old_spec, new_spec));
    const bool same = !fresh && json_equal(before, object);
    const bool deployment = strcmp(kind, "Deployment") == 0;
    json_t *lagging = deployment && !fresh && !same ? live_deployment_status(p, live) : NULL;
    json_decref(live->wanted);
    json_decref(live->tampered);
    live->wanted = json_incref(object);
    live->tampered = NULL;
    if (same)
        return false;
    if (!fresh && !same_spec)
        live->generation++;
    live->changed_ms = p->now_ms;
    live->resource_version = ++p->resource_version;
    if (deployment) {
        json_decref(live->lagging);
        live->lagging = lagging;
        live_deployment_changed(p, live);
    }
    return true;
}

void live_remove(struct platform *p, struct live *live)
{
    index_remove(&p->live, live->key);
    p->resource_version++;
    live_free(live);
}

void live_remove_namespace(struct platform *p, const char *ns)
{
    char from[NAME_SIZE * 2];
    make_key(from, ns, "", "");
    from[strlen(from) - 1] = '\0'; /* "<ns>/" */
    size_t i = index_from(&p->live, from);
    bool destroyed = false;
    while (i < p->live.count && strncmp(p->live.entries[i].key, from, strlen(from)) == 0) {
        destroyed = true;
        live_remove(p, p->live.entries[i].value);
    }
    if (destroyed)
        p->dangers.namespace_destroyed++;
}

static const json_t *content(const struct live *live)
{
    return live->tampered != NULL ? live->tampered : live->wanted;
}

static bool is_route(const struct live *live)
{
    return strcmp(live->kind, "HTTPRoute") == 0 || strcmp(live->kind, "GRPCRoute") == 0;
}

static json_t *route_condition(const struct live *live, const char *type, bool ok)
{
    char time[32];
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "type", type, "status", ok ? "True" : "False",
                     "reason", ok ? type : "BackendNotFound", "message", "", "lastTransitionTime",
                     values_time(live->created_ms, time), "observedGeneration",
                     (json_int_t)live->generation);
}

static bool has_backends(const struct platform *p, const struct live *live)
{
    size_t i, k;
    json_t *rule, *ref;
    json_array_foreach(values_get(values_get(content(live), "spec"), "rules"), i, rule)
    {
        json_array_foreach(values_get(rule, "backendRefs"), k, ref)
        {
            if (live_find(p, live->ns, "Service", values_text(ref, "name")) == NULL)
                return false;
        }
    }
    return true;
}

static json_t *gateway_ref(const struct live *live)
{
    const json_t *parents = values_get(values_get(content(live), "spec"), "parentRefs");
    json_t *ref = json_copy(json_array_get(parents, 0));
    if (ref == NULL)
        ref = json_object();
    json_object_set_new(ref, "group", json_string("gateway.networking.k8s.io"));
    json_object_set_new(ref, "kind", json_string("Gateway"));
    return ref;
}

json_t *live_status(const struct platform *p, const struct live *live)
{
    if (strcmp(live->kind, "Deployment") == 0)
        return live_deployment_status(p, live);
    if (is_route(live))
        return json_pack("{s:[{s:[o,o],s:s,s:o}]}", "parents", "conditions",
                         route_condition(live, "Accepted", true),
                         route_condition(live, "ResolvedRefs", has_backends(p, live)),
                         "controllerName", "example.net/gateway", "parentRef", gateway_ref(live));
    if (live->scheduled_ms > 0) {
        char time[32];
        return json_pack("{s:s}", "lastScheduleTime", values_time(live->scheduled_ms, time));
    }
    return NULL;
}

const char *live_health(const struct platform *p, const struct live *live)
{
    if (strcmp(live->kind, "Deployment") == 0)
        return live_deployment_health(p, live);
    if (strcmp(live->kind, "CronJob") == 0) {
        if (values_true(values_get(content(live), "spec"), "suspend"))
            return "Suspended";
        return live->scheduled_ms > 0 ? "Healthy" : "Progressing";
    }
    return "Healthy";
}

/* The gateway API fills in what a route leaves out. */
static void default_route(json_t *object)
{
    size_t i, k;
    json_t *item, *ref;
    json_t *spec = values_get(object, "spec");
    json_array_foreach(values_get(spec, "parentRefs"), i, item)
    {
        json_object_set_new(item, "group", json_string("gateway.networking.k8s.io"));
        json_object_set_new(item, "kind", json_string("Gateway"));
    }
    json_array_foreach(values_get(spec, "rules"), i, item)
    {
        json_array_foreach(values_get(item, "backendRefs"), k, ref)
        {
            json_object_set_new(ref, "group", json_string(""));
            json_object_set_new(ref, "kind", json_string("Service"));
        }
    }
}

static void add_rendered_labels(const struct live *live, json_t *metadata)
{
    json_t *labels = values_get(metadata, "labels");
    if (labels == NULL) {
        labels = json_object();
        json_object_set_new(metadata, "labels", labels);
    }
    const struct object *rendered = live->rendered;
    json_object_set_new(labels, "openchoreo.dev/managed-by",
                        json_string("renderedrelease-controller"));
    json_object_set_new(labels, "openchoreo.dev/rendered-release-name",
                        json_string(rendered->name));
    json_object_set_new(labels, "openchoreo.dev/rendered-release-namespace",
                        json_string(rendered->ns));
    json_object_set_new(labels, "openchoreo.dev/rendered-release-resource-id",
                        json_string(live->id));
    json_object_set_new(labels, "openchoreo.dev/rendered-release-uid",
                        json_string(live->rendered_uid));
}

json_t *live_show(const struct platform *p, const struct live *live)
{
    json_t *object = values_copy(content(live));
    json_t *metadata = values_get(object, "metadata");
    char text[32];
    if (live->rendered != NULL)
        add_rendered_labels(live, metadata);
    json_object_set_new(metadata, "uid", json_string(live->uid));
    json_object_set_new(metadata, "creationTimestamp",
                        json_string(values_time(live->created_ms, text)));
    if (strcmp(live->kind, "ConfigMap") != 0)
        json_object_set_new(metadata, "generation", json_integer(live->generation));
    snprintf(text, sizeof(text), "%llu", (unsigned long long)live->resource_version);
    json_object_set_new(metadata, "resourceVersion", json_string(text));
    if (is_route(live))
        default_route(object);
    if (strcmp(live->kind, "Deployment") == 0 &&
        values_get(values_get(object, "spec"), "replicas") == NULL && live->scaled > 1)
        json_object_set_new(values_get(object, "spec"), "replicas", json_integer(live->scaled));
    json_t *status = live_status(p, live);
    if (status != NULL)
        json_object_set_new(object, "status", status);
    return object;
}

json_t *platform_live(const struct platform *p, const char *kind, const char *ns, const char *name)
{
    const struct live *live = live_find(p, ns, kind, name);
    return live == NULL ? NULL : live_show(p, live);
}

json_t *platform_live_all(const struct platform *p, const char *kind)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->live.count; i++) {
        const struct live *live = p->live.entries[i].value;
        if (kind == NULL || strcmp(live->kind, kind) == 0)
            json_array_append_new(list, live_show(p, live));
    }
    return list;
}

bool platform_tamper_live(struct platform *p, const char *kind, const char *ns, const char *name,
                          const json_t *patch_or_null)
{
    struct live *live = live_find(p, ns, kind, name);
    if (live == NULL)
        return false;
    struct object *rendered = live->rendered;
    /* its controller looks again at some time within the stable period, as it always does */
    if (rendered != NULL && !rendered->gone)
        agenda_sooner(p, rendered, SLOT_APPLY,
                      p->now_ms + p->options.timing.status +
                          random_below(p, p->options.timing.stable_poll));
    if (patch_or_null == NULL) {
        live_remove(p, live);
        return true;
    }
    json_t *changed = values_copy(content(live));
    values_merge(changed, patch_or_null);
    json_decref(live->tampered);
    live->tampered = changed;
    live->generation++;
    live->resource_version = ++p->resource_version;
    if (strcmp(kind, "Deployment") == 0)
        live_deployment_changed(p, live);
    return true;
}

int live_wanted(const struct live *live)
{
    return live_deployment_wanted(live);
}

int64_t live_next_due(const struct platform *p)
{
    return p->pods_due > p->now_ms ? p->pods_due : INT64_MAX;
}
