#include "tests/platform/traffic/table.h"

#include "config/base/arena.h"
#include "config/base/check.h"
#include "config/base/json.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY_LIMIT ((size_t)64 * 1024 * 1024)

static const char *get_text(const json_t *object, const char *key)
{
    return json_text_or(json_object_get(object, key), "");
}

static void *get_array(const struct traffic_table *t, size_t count, size_t size)
{
    void *array = arena_array(t->arena, count, size);
    CHECK(array != NULL);
    return array;
}

static void read_pods(struct traffic_table *t, const json_t *list)
{
    t->pods = get_array(t, json_array_size(list), sizeof(*t->pods));
    size_t i;
    json_t *pod;
    json_array_foreach(json_unconst(list), i, pod)
    {
        t->pods[i] = (struct traffic_pod){.ns = get_text(pod, "namespace"),
                                          .name = get_text(pod, "name"),
                                          .uid = get_text(pod, "uid"),
                                          .workload = get_text(pod, "workload"),
                                          .image = get_text(pod, "image"),
                                          .ready = json_is_true(json_object_get(pod, "ready")),
                                          .number = i};
    }
    t->pod_count = json_array_size(list);
}

static bool fits(const json_t *selector, const json_t *labels)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_unconst(selector), key, value)
    {
        if (!json_equal(value, json_object_get(labels, key)))
            return false;
    }
    return json_object_size(selector) > 0;
}

static void read_services(struct traffic_table *t, const json_t *list, const json_t *pods)
{
    t->services = get_array(t, json_array_size(list), sizeof(*t->services));
    size_t i;
    json_t *service;
    json_array_foreach(json_unconst(list), i, service)
    {
        struct traffic_service *s = &t->services[i];
        s->ns = get_text(service, "namespace");
        s->name = get_text(service, "name");
        s->ready = get_array(t, t->pod_count, sizeof(*s->ready));
        for (size_t k = 0; k < t->pod_count; k++) {
            const json_t *labels = json_object_get(json_array_get(pods, k), "labels");
            if (t->pods[k].ready && strcmp(t->pods[k].ns, s->ns) == 0 &&
                fits(json_object_get(service, "selector"), labels))
                s->ready[s->ready_count++] = &t->pods[k];
        }
    }
    t->service_count = json_array_size(list);
}

static const struct traffic_service *find_service(const struct traffic_table *t, const char *ns,
                                                  const char *name)
{
    for (size_t i = 0; i < t->service_count; i++)
        if (strcmp(t->services[i].name, name) == 0 && strcmp(t->services[i].ns, ns) == 0)
            return &t->services[i];
    return NULL;
}

static void read_backends(struct traffic_table *t, struct traffic_rule *rule, const json_t *list,
                          const char *ns)
{
    rule->backends = get_array(t, json_array_size(list), sizeof(*rule->backends));
    rule->backend_count = json_array_size(list);
    size_t i;
    json_t *ref;
    json_array_foreach(json_unconst(list), i, ref)
    {
        const json_t *weight = json_object_get(ref, "weight");
        struct traffic_backend *b = &rule->backends[i];
        b->name = get_text(ref, "name");
        b->weight = json_is_integer(weight) && json_integer_value(weight) >= 0
                        ? (unsigned)json_integer_value(weight)
                        : 1;
        b->service = find_service(t, ns, b->name);
        b->number = t->backend_count++;
        rule->total += b->weight;
    }
}

static bool read_header(struct traffic_header_match *h, const json_t *wanted)
{
    const char *type = json_text_or(json_object_get(wanted, "type"), "Exact");
    h->name = get_text(wanted, "name");
    h->value = get_text(wanted, "value");
    h->regular = strcmp(type, "RegularExpression") == 0;
    if (!h->regular)
        return strcmp(type, "Exact") == 0;
    if (regcomp(&h->expression, h->value, REG_EXTENDED) == 0)
        return true;
    h->regular = false; /* nothing to free */
    return false;
}

/* False when it can never match. */
static bool read_match(struct traffic_table *t, struct traffic_match *m, const json_t *match)
{
    const json_t *path = json_object_get(match, "path"), *headers;
    const char *type = json_text_or(json_object_get(path, "type"), "PathPrefix");
    m->path = json_text_or(json_object_get(path, "value"), "/");
    m->exact = strcmp(type, "Exact") == 0;
    m->method = json_text_or(json_object_get(match, "method"), NULL);
    headers = json_object_get(match, "headers");
    m->headers = get_array(t, json_array_size(headers), sizeof(*m->headers));
    size_t i;
    json_t *header;
    bool sound = m->exact || strcmp(type, "PathPrefix") == 0;
    json_array_foreach(json_unconst(headers), i, header)
    {
        m->header_count++;
        sound = read_header(&m->headers[i], header) && sound;
    }
    return sound && json_object_get(match, "queryParams") == NULL;
}

static void read_rule(struct traffic_table *t, struct traffic_rule *rule, const json_t *source,
                      const char *ns)
{
    read_backends(t, rule, json_object_get(source, "backendRefs"), ns);
    const json_t *matches = json_object_get(source, "matches"), *filters;
    const size_t count = json_array_size(matches);
    rule->matches = get_array(t, count > 0 ? count : 1, sizeof(*rule->matches));
    if (count == 0)
        rule->match_count = read_match(t, &rule->matches[0], NULL);
    size_t i;
    json_t *item;
    json_array_foreach(json_unconst(matches), i, item)
    {
        struct traffic_match *m = &rule->matches[rule->match_count];
        *m = (struct traffic_match){0};
        if (read_match(t, m, item)) {
            rule->match_count++;
            continue;
        }
        for (size_t k = 0; k < m->header_count; k++)
            if (m->headers[k].regular)
                regfree(&m->headers[k].expression);
    }
    filters = json_object_get(source, "filters");
    json_array_foreach(json_unconst(filters), i, item)
    {
        const json_t *path = json_at(item, "urlRewrite", "path", NULL);
        rule->prefix_rewrite =
            json_text_or(json_object_get(path, "replacePrefixMatch"), rule->prefix_rewrite);
    }
}

static void read_route(struct traffic_table *t, struct traffic_route *route, const json_t *source)
{
    const json_t *metadata = json_object_get(source, "metadata");
    const json_t *spec = json_object_get(source, "spec");
    const json_t *hosts = json_object_get(spec, "hostnames"),
                 *rules = json_object_get(spec, "rules");
    route->ns = get_text(metadata, "namespace");
    route->name = get_text(metadata, "name");
    route->hosts = get_array(t, json_array_size(hosts), sizeof(*route->hosts));
    route->rules = get_array(t, json_array_size(rules), sizeof(*route->rules));
    size_t i;
    json_t *item;
    json_array_foreach(json_unconst(hosts), i, item) route->hosts[route->host_count++] =
        json_text_or(item, "");
    json_array_foreach(json_unconst(rules), i, item)
        read_rule(t, &route->rules[route->rule_count++], item, route->ns);
}

struct traffic_table *traffic_table_new(json_t *serving)
{
    struct traffic_table *t = calloc(1, sizeof(*t));
    CHECK(t != NULL);
    t->arena = arena_new(MEMORY_LIMIT);
    CHECK(t->arena != NULL);
    t->source = serving;
    const json_t *pods = json_object_get(serving, "pods");
    read_pods(t, pods);
    read_services(t, json_object_get(serving, "services"), pods);
    const json_t *routes = json_object_get(serving, "routes");
    t->routes = get_array(t, json_array_size(routes), sizeof(*t->routes));
    size_t i;
    json_t *route;
    json_array_foreach(json_unconst(routes), i, route)
        read_route(t, &t->routes[t->route_count++], route);
    return t;
}

static void free_rule(struct traffic_rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++) {
        struct traffic_match *m = &rule->matches[i];
        for (size_t k = 0; k < m->header_count; k++)
            if (m->headers[k].regular)
                regfree(&m->headers[k].expression);
    }
}

struct traffic_table *traffic_table_free(struct traffic_table *t)
{
    if (t == NULL)
        return NULL;
    for (size_t i = 0; i < t->route_count; i++)
        for (size_t k = 0; k < t->routes[i].rule_count; k++)
            free_rule(&t->routes[i].rules[k]);
    arena_free(t->arena);
    json_decref(t->source);
    free(t);
    return NULL;
}
