/* The NetworkPolicy that OpenChoreo adds after rendering. It opens an endpoint's `port`, not its
 * `targetPort`. */
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

static json_t *port_of(const json_t *port)
{
    return json_pack("{s:O,s:O}", "port", values_get(port, "port"), "protocol",
                     values_get(port, "protocol"));
}

/* Ports that one side may reach: a gateway port is listed once for each gateway. */
static json_t *ports_for(const struct render *r, bool gateway, bool others)
{
    json_t *all = render_service_ports(r->workload), *list = json_array();
    size_t i, k;
    json_t *port, *visibility;
    json_array_foreach(all, i, port)
    {
        const json_t *endpoint =
            values_get(values_get(r->workload, "endpoints"), values_text(port, "name"));
        bool open = !gateway && !others;
        unsigned times = 0;
        json_array_foreach(values_get(endpoint, "visibility"), k, visibility)
        {
            const char *side = json_string_value(visibility);
            const bool outer = strcmp(side, "internal") == 0 || strcmp(side, "external") == 0;
            times += outer;
            open = open || (others && strcmp(side, "namespace") == 0);
        }
        for (unsigned n = 0; n < (gateway ? times : open ? 1 : 0); n++)
            json_array_append_new(list, port_of(port));
    }
    json_decref(all);
    return list;
}

static void add_rule(json_t *rules, json_t *from, json_t *ports)
{
    if (json_array_size(ports) > 0)
        json_array_append_new(rules, json_pack("{s:[o],s:o}", "from", from, "ports", ports));
    else {
        json_decref(from);
        json_decref(ports);
    }
}

json_t *render_policy(const struct render *r)
{
    json_t *rules = json_array();
    add_rule(rules, json_pack("{s:{}}", "podSelector"), ports_for(r, false, false));
    add_rule(rules,
             json_pack("{s:{s:{s:s,s:s}}}", "namespaceSelector", "matchLabels",
                       "openchoreo.dev/environment", r->binding->environment,
                       "openchoreo.dev/namespace", r->binding->ns),
             ports_for(r, false, true));
    add_rule(rules,
             json_pack("{s:{},s:{s:[{s:s,s:s}]}}", "namespaceSelector", "podSelector",
                       "matchExpressions", "key", "openchoreo.dev/system-component", "operator",
                       "Exists"),
             ports_for(r, true, false));
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "openchoreo-%s", r->binding->component);
    json_t *spec = json_pack("{s:{s:O},s:[s]}", "podSelector", "matchLabels", r->selectors,
                             "policyTypes", "Ingress");
    if (json_array_size(rules) > 0)
        json_object_set(spec, "ingress", rules);
    json_decref(rules);
    return json_pack("{s:s,s:s,s:{s:s,s:s},s:o}", "apiVersion", "networking.k8s.io/v1", "kind",
                     "NetworkPolicy", "metadata", "name", name, "namespace",
                     r->data_plane_namespace, "spec", spec);
}
