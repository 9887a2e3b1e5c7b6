#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

static const char *scheme_of(const char *type)
{
    static const char *const schemes[][2] = {{"HTTP", "http"},    {"GraphQL", "http"},
                                             {"Websocket", "ws"}, {"gRPC", "grpc"},
                                             {"TCP", "tcp"},      {"UDP", "udp"}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
        if (strcmp(schemes[i][0], type) == 0)
            return schemes[i][1];
    return "http";
}

static const struct object *plane_of(const struct platform *p, const struct object *binding)
{
    const struct object *environment =
        store_find(p, KIND_ENVIRONMENT, binding->ns, binding->environment);
    if (environment == NULL)
        return NULL;
    const json_t *ref = values_get(environment->spec, "dataPlaneRef");
    const bool cluster = strcmp(values_text(ref, "kind"), "ClusterDataPlane") == 0;
    return store_find(p, cluster ? KIND_CLUSTER_DATA_PLANE : KIND_DATA_PLANE,
                      cluster ? NULL : binding->ns, values_text(ref, "name"));
}

/* URLs of one gateway for one route: a listener each for http and https. */
static json_t *gateway_urls(const struct platform *p, const struct object *binding,
                            const json_t *route, const char *side)
{
    const struct object *plane = plane_of(p, binding);
    const json_t *gateway =
        plane == NULL ? NULL : json_at(plane->spec, "gateway", "ingress", side, NULL);
    const json_t *spec = values_get(route, "spec");
    const char *host = json_text_or(json_array_get(values_get(spec, "hostnames"), 0), "");
    const json_t *rule = json_array_get(values_get(spec, "rules"), 0);
    const json_t *match = json_array_get(values_get(rule, "matches"), 0);
    const char *path = values_text(values_get(match, "path"), "value");
    json_t *urls = json_object();
    static const char *const listeners[] = {"http", "https"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *listener = values_get(gateway, listeners[i]);
        if (listener == NULL)
            continue;
        const bool grpc = strcmp(values_text(route, "kind"), "GRPCRoute") == 0;
        json_t *url = json_pack("{s:s,s:s,s:O}", "scheme",
                                !grpc    ? listeners[i]
                                : i == 0 ? "grpc"
                                         : "grpcs",
                                "host", host, "port", values_get(listener, "port"));
        if (path[0] != '\0')
            json_object_set_new(url, "path", json_string(path));
        json_object_set_new(urls, listeners[i], url);
    }
    return urls;
}

static void add_gateway_urls(const struct platform *p, const struct object *binding,
                             const json_t *resources, const char *name, json_t *endpoint)
{
    size_t i;
    json_t *resource;
    json_array_foreach(resources, i, resource)
    {
        const json_t *object = values_get(resource, "object");
        const json_t *labels = values_get(values_get(object, "metadata"), "labels");
        const char *side = values_text(labels, "openchoreo.dev/endpoint-visibility");
        if (strcmp(values_text(labels, "openchoreo.dev/endpoint-name"), name) != 0)
            continue;
        json_object_set_new(endpoint,
                            strcmp(side, "internal") == 0 ? "internalURLs" : "externalURLs",
                            gateway_urls(p, binding, object, side));
    }
}

static const char *service_name(const json_t *resources)
{
    size_t i;
    json_t *resource;
    json_array_foreach(resources, i, resource)
    {
        const json_t *object = values_get(resource, "object");
        if (strcmp(values_text(object, "kind"), "Service") == 0)
            return values_text(values_get(object, "metadata"), "name");
    }
    return NULL;
}

json_t *connections_endpoints(struct platform *p, const struct object *binding,
                              const json_t *workload, const json_t *resources,
                              const char *data_plane_namespace)
{
    json_t *list = json_array();
    const char *service = service_name(resources);
    json_t *ports = render_service_ports(workload); /* in the order of names */
    size_t i;
    json_t *port;
    json_array_foreach(ports, i, port)
    {
        const char *name = values_text(port, "name");
        const json_t *wanted = values_get(values_get(workload, "endpoints"), name);
        const char *type = values_text(wanted, "type"), *base = values_text(wanted, "basePath");
        json_t *endpoint = json_pack("{s:s,s:s}", "name", name, "type", type);
        if (service != NULL) {
            json_t *host = json_sprintf("%s.%s.svc.cluster.local", service, data_plane_namespace);
            json_t *url = json_pack("{s:s,s:o,s:O}", "scheme", scheme_of(type), "host", host,
                                    "port", values_get(port, "port"));
            if (base[0] != '\0')
                json_object_set_new(url, "path", json_string(base));
            json_object_set_new(endpoint, "serviceURL", url);
        }
        add_gateway_urls(p, binding, resources, name, endpoint);
        json_array_append_new(list, endpoint);
    }
    json_decref(ports);
    return list;
}

static const json_t *offered(const struct object *provider, const char *name)
{
    size_t i;
    json_t *endpoint;
    json_array_foreach(values_get(provider->status, "endpoints"), i, endpoint)
    {
        if (strcmp(values_text(endpoint, "name"), name) == 0)
            return values_get(endpoint, "serviceURL");
    }
    return NULL;
}

void connections_resolve(struct platform *p, const struct object *binding, const json_t *workload,
                         json_t **ret_resolved, json_t **ret_pending)
{
    json_t *resolved = json_array(), *pending = json_array();
    size_t i;
    json_t *dependency;
    json_array_foreach(values_get(values_get(workload, "dependencies"), "endpoints"), i, dependency)
    {
        const char *component = values_text(dependency, "component");
        const char *given = values_text(dependency, "project");
        const char *project = given[0] == '\0' ? binding->project : given;
        const char *name = values_text(dependency, "name");
        const struct object *provider =
            store_binding(p, binding->ns, project, component, binding->environment);
        const json_t *url = provider == NULL ? NULL : offered(provider, name);
        json_t *entry = json_pack("{s:s,s:s,s:s,s:s}", "namespace", binding->ns, "project", project,
                                  "component", component, "endpoint", name);
        if (url != NULL) {
            json_object_set_new(entry, "url", values_copy(url));
            json_object_set(entry, "visibility", values_get(dependency, "visibility"));
            json_object_set_new(entry, "#", json_integer((json_int_t)i));
            json_array_append_new(resolved, entry);
            continue;
        }
        json_object_set_new(
            entry, "reason",
            provider == NULL
                ? json_sprintf("ReleaseBinding not found for component %s/%s", project, component)
                : json_sprintf("endpoint \"%s\" not yet resolved", name));
        json_array_append_new(pending, entry);
    }
    *ret_resolved = resolved;
    *ret_pending = pending;
}
