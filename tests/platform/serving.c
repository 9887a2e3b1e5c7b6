/* What a gateway and the pods behind it would see: routes, services, pods. */
#include "config/base/check.h"
#include "tests/platform/live_deployment.h"
#include "tests/platform/state.h"

#include <string.h>

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(0x100000001b3) + (hash >> 29);
}

uint64_t platform_serving_version(const struct platform *p)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < p->live.count; i++) {
        const struct live *live = p->live.entries[i].value;
        hash = mix(hash, live->resource_version);
        for (size_t k = 0; k < live->pod_count; k++) {
            const struct live_pod *pod = &live->pods[k];
            hash = mix(hash, pod->resource_version << 2 |
                                 (uint64_t)live_deployment_pod_is_ready(p, pod) << 1 |
                                 (uint64_t)live_deployment_pod_is_kept(p, live, pod));
        }
    }
    return hash;
}

static void add_pods(const struct platform *p, const struct live *live, json_t *pods)
{
    const json_t *object = live->tampered != NULL ? live->tampered : live->wanted;
    const json_t *labels =
        json_at(values_get(object, "spec"), "template", "metadata", "labels", NULL);
    for (size_t i = 0; i < live->pod_count; i++) {
        const struct live_pod *pod = &live->pods[i];
        if (!live_deployment_pod_is_kept(p, live, pod))
            continue;
        json_array_append_new(
            pods, json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:o}", "namespace", live->ns, "name",
                            pod->name, "uid", pod->uid, "workload", live->name, "image", pod->image,
                            "ready", (int)live_deployment_pod_is_ready(p, pod), "labels",
                            labels == NULL ? json_object() : values_copy(labels)));
    }
}

static json_t *show_service(const struct live *live)
{
    const json_t *object = live->tampered != NULL ? live->tampered : live->wanted;
    const json_t *selector = json_at(values_get(object, "spec"), "selector", NULL);
    return json_pack("{s:s,s:s,s:o}", "namespace", live->ns, "name", live->name, "selector",
                     selector == NULL ? json_object() : values_copy(selector));
}

json_t *platform_serving(const struct platform *p)
{
    json_t *routes = json_array(), *services = json_array(), *pods = json_array();
    json_t *workloads = json_array();
    for (size_t i = 0; i < p->live.count; i++) {
        const struct live *live = p->live.entries[i].value;
        if (strcmp(live->kind, "HTTPRoute") == 0) {
            json_array_append_new(routes, live_show(p, live));
        } else if (strcmp(live->kind, "Service") == 0) {
            json_array_append_new(services, show_service(live));
        } else if (strcmp(live->kind, "Deployment") == 0) {
            add_pods(p, live, pods);
            json_array_append_new(workloads,
                                  json_pack("{s:s,s:s,s:i}", "namespace", live->ns, "name",
                                            live->name, "restarts", (int)live->restarts));
        }
    }
    json_t *all = json_pack("{s:o,s:o,s:o,s:o}", "routes", routes, "services", services, "pods",
                            pods, "workloads", workloads);
    CHECK(all != NULL);
    return all;
}
