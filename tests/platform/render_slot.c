/* cell-slot and cell-worker: a Deployment, for slots with a Service, perhaps with an autoscaler. */
#include "tests/platform/state.h"

#include <string.h>

static json_t *slot_labels(const struct render *r)
{
    return json_pack("{s:O,s:O}", "celld.dev/service", values_get(r->parameters, "service"),
                     "celld.dev/slot", values_get(r->parameters, "slot"));
}

static int64_t probe_port(const struct render *r, const json_t *readiness)
{
    const int64_t port = values_int(readiness, "port", 0);
    if (port > 0)
        return port;
    json_t *ports = render_service_ports(r->workload);
    const int64_t first = values_int(json_array_get(ports, 0), "targetPort", 0);
    json_decref(ports);
    return first;
}

static void add_probe(const struct render *r, json_t *pod)
{
    const json_t *readiness = values_get(r->parameters, "readiness");
    const char *kind = values_text(readiness, "kind");
    if (kind[0] == '\0' || strcmp(kind, "none") == 0)
        return;
    json_t *probe = json_object();
    static const char *const copied[] = {"initialDelaySeconds", "periodSeconds", "timeoutSeconds",
                                         "failureThreshold"};
    for (size_t i = 0; i < 4; i++)
        json_object_set(probe, copied[i], values_get(readiness, copied[i]));
    json_t *target = json_pack("{s:I}", "port", (json_int_t)probe_port(r, readiness));
    if (strcmp(kind, "http") == 0)
        json_object_set(target, "path", values_get(readiness, "path"));
    json_object_set_new(probe,
                        strcmp(kind, "http") == 0  ? "httpGet"
                        : strcmp(kind, "tcp") == 0 ? "tcpSocket"
                                                   : "grpc",
                        target);
    json_object_set_new(json_array_get(values_get(pod, "containers"), 0), "readinessProbe", probe);
}

static void add_deployment(struct render *r, json_t *extra)
{
    json_t *pod = render_pod(r, false);
    add_probe(r, pod);
    json_t *labels = json_copy(r->selectors);
    json_object_update(labels, extra);
    json_t *spec =
        json_pack("{s:O,s:O,s:{s:O},s:{s:{s:o},s:o}}", "progressDeadlineSeconds",
                  values_get(r->parameters, "progressDeadlineSeconds"), "minReadySeconds",
                  values_get(r->parameters, "minReadySeconds"), "selector", "matchLabels",
                  r->selectors, "template", "metadata", "labels", labels, "spec", pod);
    if (!values_true(values_get(r->configs, "autoscaling"), "enabled") &&
        !values_true(r->configs, "scaledByRoute"))
        json_object_set(spec, "replicas", values_get(r->configs, "replicas"));
    render_add(r, json_pack("{s:s,s:s,s:o,s:o}", "apiVersion", "apps/v1", "kind", "Deployment",
                            "metadata", render_metadata(r, r->name, extra), "spec", spec));
}

static void add_own_autoscaler(struct render *r)
{
    const json_t *scale = values_get(r->configs, "autoscaling");
    if (values_true(scale, "enabled"))
        render_add(r, render_autoscaler(r, r->name, scale));
}

void render_slot(struct render *r)
{
    add_deployment(r, slot_labels(r));
    if (json_object_size(values_get(r->workload, "endpoints")) > 0)
        render_add(r,
                   json_pack("{s:s,s:s,s:o,s:{s:s,s:O,s:o}}", "apiVersion", "v1", "kind", "Service",
                             "metadata", render_metadata(r, r->binding->component, slot_labels(r)),
                             "spec", "type", "ClusterIP", "selector", r->selectors, "ports",
                             render_service_ports(r->workload)));
    add_own_autoscaler(r);
    render_configuration(r);
}

void render_worker(struct render *r)
{
    add_deployment(r, json_object());
    add_own_autoscaler(r);
    render_configuration(r);
}
