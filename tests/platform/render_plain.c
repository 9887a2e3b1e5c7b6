/* Types that are not ours: what the stock `service` type gives, without an expression language. */
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

static json_t *plain_labels(const struct render *r)
{
    (void)r;
    return json_object();
}

static void add_routes(struct render *r)
{
    const char *name;
    json_t *endpoint;
    json_object_foreach(values_get(r->workload, "endpoints"), name, endpoint)
    {
        size_t i;
        json_t *visibility;
        json_array_foreach(values_get(endpoint, "visibility"), i, visibility)
        {
            const char *side = json_string_value(visibility);
            const json_t *gateway = values_get(values_get(r->gateway, "ingress"), side);
            const char *type = values_text(endpoint, "type");
            if (gateway == NULL || strcmp(type, "gRPC") == 0 || strcmp(type, "TCP") == 0 ||
                strcmp(type, "UDP") == 0)
                continue;
            const bool internal = strcmp(side, "internal") == 0;
            const char *const parts[] = {r->binding->component, name, "internal"};
            char route[NAME_SIZE];
            values_name(route, sizeof(route), 253, parts, internal ? 3 : 2);
            const char *host = values_text(values_get(gateway, "http"), "host");
            const char *base = values_text(endpoint, "basePath");
            json_t *hostname =
                json_sprintf("%s-%s.%s", r->binding->environment, r->binding->ns, host);
            json_t *prefix = json_sprintf("/%s-%s", r->binding->component, name);
            json_t *rule =
                json_pack("{s:[{s:{s:s,s:o}}],s:[{s:s,s:{s:{s:s,s:s}}}],s:[{s:s,s:O}]}", "matches",
                          "path", "type", "PathPrefix", "value", prefix, "filters", "type",
                          "URLRewrite", "urlRewrite", "path", "type", "ReplacePrefixMatch",
                          "replacePrefixMatch", base[0] == '\0' ? "/" : base, "backendRefs", "name",
                          r->binding->component, "port", values_get(endpoint, "port"));
            json_t *extra = json_pack("{s:s,s:s}", "openchoreo.dev/endpoint-name", name,
                                      "openchoreo.dev/endpoint-visibility", side);
            render_add(r, json_pack("{s:s,s:s,s:o,s:{s:[{s:O,s:O}],s:[o],s:[o]}}", "apiVersion",
                                    "gateway.networking.k8s.io/v1", "kind", "HTTPRoute", "metadata",
                                    render_metadata(r, route, extra), "spec", "parentRefs", "name",
                                    values_get(gateway, "name"), "namespace",
                                    values_get(gateway, "namespace"), "hostnames", hostname,
                                    "rules", rule));
        }
    }
}

static void add_deployment(struct render *r)
{
    if (values_get(r->configs, "imagePullPolicy") == NULL)
        json_object_set_new(r->configs, "imagePullPolicy", json_string("IfNotPresent"));
    if (values_get(r->configs, "resources") == NULL)
        json_object_set_new(r->configs, "resources", json_object());
    if (values_get(r->configs, "replicas") == NULL)
        json_object_set_new(r->configs, "replicas", json_integer(1));
    if (values_get(r->parameters, "terminationGracePeriodSeconds") == NULL)
        json_object_set_new(r->parameters, "terminationGracePeriodSeconds", json_integer(30));
    json_t *spec =
        json_pack("{s:O,s:{s:O},s:{s:{s:o},s:o}}", "replicas", values_get(r->configs, "replicas"),
                  "selector", "matchLabels", r->selectors, "template", "metadata", "labels",
                  json_copy(r->selectors), "spec", render_pod(r, false));
    render_add(r,
               json_pack("{s:s,s:s,s:o,s:o}", "apiVersion", "apps/v1", "kind", "Deployment",
                         "metadata", render_metadata(r, r->name, plain_labels(r)), "spec", spec));
}

void render_plain(struct render *r)
{
    const bool proxy = strcmp(values_text(r->type, "workloadType"), "proxy") == 0;
    if (!proxy)
        add_deployment(r);
    if (json_object_size(values_get(r->workload, "endpoints")) > 0) {
        render_add(r,
                   json_pack("{s:s,s:s,s:o,s:{s:s,s:O,s:o}}", "apiVersion", "v1", "kind", "Service",
                             "metadata", render_metadata(r, r->binding->component, plain_labels(r)),
                             "spec", "type", "ClusterIP", "selector", r->selectors, "ports",
                             render_service_ports(r->workload)));
        add_routes(r);
    }
    render_configuration(r);
}
