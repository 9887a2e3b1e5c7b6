/* What an operator of the platform has installed before any client comes: a project type, two data
 * planes with gateways, a workflow plane. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>

static void add(struct platform *p, enum kind kind, const char *name, json_t *spec)
{
    CHECK(spec != NULL);
    controllers_created(p, store_add(p, kind, NULL, name, NULL, NULL, spec));
}

static json_t *gateway(const char *region)
{
    json_t *outer = json_sprintf("%s.apps.example", region);
    json_t *inner = json_sprintf("%s.internal.example", region);
    return json_pack(
        "{s:{s:{s:s,s:s,s:{s:O,s:i,s:s},s:{s:o,s:i,s:s}},s:{s:s,s:s,s:{s:o,s:i,s:s}}}}", "ingress",
        "external", "name", "gateway-external", "namespace", "gateways", "http", "host", outer,
        "port", 8080, "listenerName", "http", "https", "host", outer, "port", 8443, "listenerName",
        "https", "internal", "name", "gateway-internal", "namespace", "gateways", "http", "host",
        inner, "port", 8081, "listenerName", "http");
}

void seed_platform(struct platform *p)
{
    if (p->options.bare)
        return;
    add(p, KIND_CLUSTER_PROJECT_TYPE, "default",
        json_pack("{s:[{s:s,s:s,s:{s:s,s:s,s:{s:s,s:s}}}]}", "resources", "id", "namespace",
                  "targetPlane", "dataplane", "template", "apiVersion", "v1", "kind", "Namespace",
                  "metadata", "name", "${metadata.namespace}", "labels", "${metadata.labels}"));
    static const char *const regions[] = {"us", "eu"};
    for (size_t i = 0; i < 2; i++)
        add(p, KIND_CLUSTER_DATA_PLANE, regions[i],
            json_pack("{s:s,s:{s:s},s:o}", "planeID", regions[i], "secretStoreRef", "name", "vault",
                      "gateway", gateway(regions[i])));
    add(p, KIND_CLUSTER_WORKFLOW_PLANE, "default", json_pack("{s:s}", "planeID", "default"));
}
