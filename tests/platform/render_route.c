/* cell-route: the stable Service, the routes with weighted backends, the slots' autoscalers. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

static bool is_visible(const json_t *endpoint, const char *side)
{
    size_t i;
    json_t *visibility;
    json_array_foreach(values_get(endpoint, "visibility"), i, visibility)
    {
        if (strcmp(json_string_value(visibility), side) == 0)
            return true;
    }
    return false;
}

static bool has_backends(const struct render *r)
{
    return json_array_size(values_get(r->configs, "backends")) > 0;
}

static json_t *backend_refs(const struct render *r, const json_t *endpoint)
{
    json_t *list = json_array();
    size_t i;
    json_t *backend;
    json_array_foreach(values_get(r->configs, "backends"), i, backend) json_array_append_new(
        list, json_pack("{s:O,s:O,s:O}", "name", values_get(backend, "name"), "port",
                        values_get(endpoint, "port"), "weight", values_get(backend, "weight")));
    return list;
}

/* Hosts of the gateway's listeners, each once, behind a prefix. */
static json_t *hostnames(const json_t *gateway, const char *prefix)
{
    json_t *list = json_array();
    static const char *const schemes[] = {"http", "https"};
    const char *last = "";
    for (size_t i = 0; i < 2; i++) {
        const char *host = values_text(values_get(gateway, schemes[i]), "host");
        if (host[0] != '\0' && strcmp(host, last) != 0)
            json_array_append_new(list, json_sprintf("%s.%s", prefix, host));
        last = host;
    }
    return list;
}

static json_t *http_rule(const struct render *r, const char *name, const json_t *endpoint)
{
    const char *base = values_text(endpoint, "basePath");
    json_t *path = json_sprintf("/%s-%s", r->binding->component, name);
    return json_pack("{s:[{s:{s:s,s:o}}],s:[{s:s,s:{s:{s:s,s:s}}}],s:o}", "matches", "path", "type",
                     "PathPrefix", "value", path, "filters", "type", "URLRewrite", "urlRewrite",
                     "path", "type", "ReplacePrefixMatch", "replacePrefixMatch",
                     base[0] == '\0' ? "/" : base, "backendRefs", backend_refs(r, endpoint));
}

static bool knows_matches(const struct render *r)
{
    const json_t *schema = values_get(values_get(r->type, "environmentConfigs"), "openAPIV3Schema");
    return values_get(values_get(schema, "properties"), "matches") != NULL;
}

/* The rule in front of the weighted one: `rule` is taken for its path and filters. */
static json_t *match_rule(const struct render *r, const json_t *rule, const json_t *endpoint)
{
    const json_t *path = values_get(json_array_get(values_get(rule, "matches"), 0), "path");
    const json_t *filters = values_get(rule, "filters");
    json_t *list = json_array();
    size_t i;
    json_t *match;
    json_array_foreach(values_get(r->configs, "matches"), i, match)
    {
        json_t *entry =
            json_pack("{s:[{s:O,s:O,s:O}]}", "headers", "type", values_get(match, "type"), "name",
                      values_get(match, "name"), "value", values_get(match, "value"));
        if (path != NULL)
            json_object_set(entry, "path", json_unconst(path));
        json_array_append_new(list, entry);
    }
    json_t *front = json_pack("{s:o,s:[{s:O,s:O,s:i}]}", "matches", list, "backendRefs", "name",
                              values_get(r->configs, "matchBackend"), "port",
                              values_get(endpoint, "port"), "weight", 1);
    if (filters != NULL)
        json_object_set(front, "filters", json_unconst(filters));
    return front;
}

static json_t *rules_of(const struct render *r, json_t *rule, const json_t *endpoint)
{
    json_t *rules = json_array();
    if (knows_matches(r) && json_array_size(values_get(r->configs, "matches")) > 0)
        json_array_append_new(rules, match_rule(r, rule, endpoint));
    json_array_append_new(rules, rule);
    return rules;
}

static void add_endpoint_route(struct render *r, const char *name, const json_t *endpoint,
                               const char *side)
{
    const char *type = values_text(endpoint, "type");
    const bool grpc = strcmp(type, "gRPC") == 0;
    const bool http =
        strcmp(type, "HTTP") == 0 || strcmp(type, "GraphQL") == 0 || strcmp(type, "Websocket") == 0;
    if ((!grpc && !http) || !is_visible(endpoint, side))
        return;
    const json_t *gateway = values_get(values_get(r->gateway, "ingress"), side);
    const struct object *b = r->binding;
    const bool internal = strcmp(side, "internal") == 0;
    char route[NAME_SIZE], host[NAME_SIZE];
    const char *const parts[] = {b->component, name, "internal"};
    values_name(route, sizeof(route), 253, parts, internal ? 3 : 2);
    if (grpc) {
        const char *const labels[] = {b->component, name, b->environment, b->ns};
        values_name(host, sizeof(host), 63, labels, 4);
    } else {
        snprintf(host, sizeof(host), "%s-%s", b->environment, b->ns);
    }
    json_t *rule = grpc ? json_pack("{s:o}", "backendRefs", backend_refs(r, endpoint))
                        : http_rule(r, name, endpoint);
    json_t *extra = json_pack("{s:s,s:s}", "openchoreo.dev/endpoint-name", name,
                              "openchoreo.dev/endpoint-visibility", side);
    render_add(
        r, json_pack("{s:s,s:s,s:o,s:{s:[{s:O,s:O}],s:o,s:o}}", "apiVersion",
                     "gateway.networking.k8s.io/v1", "kind", grpc ? "GRPCRoute" : "HTTPRoute",
                     "metadata", render_metadata(r, route, extra), "spec", "parentRefs", "name",
                     values_get(gateway, "name"), "namespace", values_get(gateway, "namespace"),
                     "hostnames", hostnames(gateway, host), "rules", rules_of(r, rule, endpoint)));
}

static void add_service(struct render *r)
{
    const char *active = values_text(r->configs, "activeSlot");
    json_t *selector = json_pack("{s:s}", "celld.dev/service", r->binding->component);
    if (!has_backends(r))
        json_object_set_new(selector, "celld.dev/slot", json_string("none"));
    else if (active[0] != '\0')
        json_object_set_new(selector, "celld.dev/slot", json_string(active));
    render_add(r, json_pack("{s:s,s:s,s:o,s:{s:s,s:o,s:o}}", "apiVersion", "v1", "kind", "Service",
                            "metadata", render_metadata(r, r->binding->component, NULL), "spec",
                            "type", "ClusterIP", "selector", selector, "ports",
                            render_service_ports(r->workload)));
}

void render_route(struct render *r)
{
    add_service(r);
    size_t i;
    json_t *scale;
    json_array_foreach(values_get(r->configs, "autoscaling"), i, scale)
    {
        const char *const parts[] = {values_text(scale, "name"), r->binding->environment};
        char name[NAME_SIZE];
        values_name(name, sizeof(name), 253, parts, 2);
        render_add(r, render_autoscaler(r, name, scale));
    }
    static const char *const sides[] = {"external", "internal"};
    for (size_t side = 0; side < 2 && has_backends(r); side++) {
        const char *name;
        json_t *endpoint;
        json_object_foreach(values_get(r->workload, "endpoints"), name, endpoint)
            add_endpoint_route(r, name, endpoint, sides[side]);
    }
}
