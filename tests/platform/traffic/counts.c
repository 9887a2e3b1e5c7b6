#include "tests/platform/traffic/counts.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <stdlib.h>
#include <string.h>

/* Series of pods that are gone are shown so long. */
#define LINGER_MS 60000

struct workload {
    char *ns, *name;
    unsigned restarts;
    uint64_t requests, failed; /* of pods that are forgotten */
    struct workload *next;
};

struct traffic_counts {
    struct traffic_pod_count *pods;
    struct traffic_backend_count *backends;
    struct workload *workloads;
    struct traffic_backend_count **by_number;
    uint64_t requests, failed, outcomes[TRAFFIC_OUTCOME_COUNT];
};

static char *copy(const char *text)
{
    char *same = strdup(text);
    CHECK(same != NULL);
    return same;
}

struct traffic_counts *traffic_counts_new(void)
{
    struct traffic_counts *c = calloc(1, sizeof(*c));
    CHECK(c != NULL);
    return c;
}

static void free_pod(struct traffic_pod_count *pod)
{
    free(pod->ns);
    free(pod->workload);
    free(pod->name);
    free(pod->image);
    free(pod);
}

struct traffic_counts *traffic_counts_free(struct traffic_counts *c)
{
    if (c == NULL)
        return NULL;
    for (struct traffic_pod_count *pod = c->pods, *next; pod != NULL; pod = next) {
        next = pod->next;
        free_pod(pod);
    }
    for (struct traffic_backend_count *b = c->backends, *next; b != NULL; b = next) {
        next = b->next;
        free(b->ns);
        free(b->route);
        free(b->name);
        free(b);
    }
    for (struct workload *w = c->workloads, *next; w != NULL; w = next) {
        next = w->next;
        free(w->ns);
        free(w->name);
        free(w);
    }
    free(c->by_number);
    free(c);
    return NULL;
}

static struct workload *get_workload(struct traffic_counts *c, const char *ns, const char *name)
{
    struct workload **at = &c->workloads;
    for (; *at != NULL; at = &(*at)->next)
        if (strcmp((*at)->name, name) == 0 && strcmp((*at)->ns, ns) == 0)
            return *at;
    *at = calloc(1, sizeof(**at));
    CHECK(*at != NULL);
    (*at)->ns = copy(ns);
    (*at)->name = copy(name);
    return *at;
}

struct traffic_pod_count *traffic_counts_pod(struct traffic_counts *c,
                                             const struct traffic_pod *pod, int64_t now_ms)
{
    struct traffic_pod_count *count = calloc(1, sizeof(*count));
    CHECK(count != NULL);
    count->ns = copy(pod->ns);
    count->workload = copy(pod->workload);
    count->name = copy(pod->name);
    count->image = copy(pod->image);
    count->since_ms = now_ms;
    count->next = c->pods;
    c->pods = count;
    return count;
}

static bool is_method(const char *method, struct traffic_slice slice)
{
    return traffic_slice_is(slice, method);
}

static void set_method(char ret_method[static 12], struct traffic_slice slice)
{
    snprintf(ret_method, 12, "%.*s", slice.length < 11 ? (int)slice.length : 11, slice.at);
}

static void count_duration(struct traffic_pod_count *pod, struct traffic_slice method,
                           double seconds)
{
    static const double edges[TRAFFIC_EDGE_COUNT] = TRAFFIC_EDGES;
    size_t i = 0, bucket = 0;
    while (i + 1 < TRAFFIC_KIND_COUNT && pod->durations[i].count > 0 &&
           !is_method(pod->durations[i].method, method))
        i++;
    if (pod->durations[i].count++ == 0)
        set_method(pod->durations[i].method, method);
    while (bucket < TRAFFIC_EDGE_COUNT && seconds > edges[bucket])
        bucket++;
    pod->durations[i].buckets[bucket]++;
    pod->durations[i].seconds += seconds;
}

void traffic_counts_answer(struct traffic_pod_count *pod, struct traffic_slice method, int status,
                           double seconds)
{
    size_t i = 0;
    while (i + 1 < TRAFFIC_KIND_COUNT && pod->kinds[i].requests > 0 &&
           (pod->kinds[i].status != status || !is_method(pod->kinds[i].method, method)))
        i++;
    if (pod->kinds[i].requests++ == 0) {
        set_method(pod->kinds[i].method, method);
        pod->kinds[i].status = status;
    }
    count_duration(pod, method, seconds);
}

static void add_up(const struct traffic_pod_count *pod, uint64_t *requests, uint64_t *failed)
{
    for (size_t i = 0; i < TRAFFIC_KIND_COUNT; i++) {
        *requests += pod->kinds[i].requests;
        *failed += pod->kinds[i].status >= 500 ? pod->kinds[i].requests : 0;
    }
}

static void forget_old(struct traffic_counts *c, int64_t now_ms)
{
    for (struct traffic_pod_count **at = &c->pods; *at != NULL;) {
        struct traffic_pod_count *pod = *at;
        if (pod->gone_ms == 0 || now_ms < pod->gone_ms + LINGER_MS) {
            at = &pod->next;
            continue;
        }
        struct workload *w = get_workload(c, pod->ns, pod->workload);
        add_up(pod, &w->requests, &w->failed);
        *at = pod->next;
        free_pod(pod);
    }
}

static void write_line(FILE *log, int64_t now_ms, const char *event, json_t *line)
{
    if (log != NULL && line != NULL) {
        json_object_set_new(line, "at", json_integer(now_ms));
        json_object_set_new(line, "event", json_string(event));
        if (json_dumpf(line, log, JSON_COMPACT) == 0) {
            fputc('\n', log);
            fflush(log);
        }
    }
    json_decref(line);
}

static void look_at_pods(struct traffic_counts *c, const struct traffic_table *t, int64_t now_ms,
                         FILE *log)
{
    for (struct traffic_pod_count *pod = c->pods; pod != NULL; pod = pod->next) {
        bool there = pod->gone_ms > 0;
        for (size_t i = 0; i < t->pod_count && !there; i++)
            there = t->pods[i].ready && strcmp(t->pods[i].name, pod->name) == 0 &&
                    strcmp(t->pods[i].ns, pod->ns) == 0;
        if (!there)
            pod->gone_ms = now_ms;
        if (there && pod->since_ms != now_ms)
            continue;
        write_line(log, now_ms, there ? "serving" : "gone",
                   json_pack("{s:s,s:s,s:s,s:s}", "namespace", pod->ns, "pod", pod->name,
                             "workload", pod->workload, "image", pod->image));
    }
}

static void look_at_workloads(struct traffic_counts *c, const struct traffic_table *t,
                              int64_t now_ms, FILE *log)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(t->source, "workloads"), i, row)
    {
        const char *ns = json_text_or(json_object_get(row, "namespace"), "");
        const char *name = json_text_or(json_object_get(row, "name"), "");
        struct workload *w = get_workload(c, ns, name);
        const unsigned restarts = (unsigned)json_integer_value(json_object_get(row, "restarts"));
        if (w->restarts == restarts)
            continue;
        w->restarts = restarts;
        write_line(log, now_ms, "restarted",
                   json_pack("{s:s,s:s,s:i}", "namespace", ns, "workload", name, "restarts",
                             (int)restarts));
    }
}

static struct traffic_backend_count *
get_backend(struct traffic_counts *c, const struct traffic_route *route, const char *name)
{
    struct traffic_backend_count **at = &c->backends;
    for (; *at != NULL; at = &(*at)->next)
        if (strcmp((*at)->name, name) == 0 && strcmp((*at)->route, route->name) == 0 &&
            strcmp((*at)->ns, route->ns) == 0)
            return *at;
    *at = calloc(1, sizeof(**at));
    CHECK(*at != NULL);
    (*at)->ns = copy(route->ns);
    (*at)->route = copy(route->name);
    (*at)->name = copy(name);
    return *at;
}

/* Rules for testers look at headers; the others share by weight. */
static bool is_for_testers(const struct traffic_rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].header_count == 0)
            return false;
    return true;
}

static void look_at_rule(struct traffic_counts *c, const struct traffic_route *route,
                         const struct traffic_rule *rule, json_t *weights, bool *changed)
{
    for (size_t i = 0; i < rule->backend_count; i++) {
        struct traffic_backend_count *b = get_backend(c, route, rule->backends[i].name);
        c->by_number[rule->backends[i].number] = b;
        if (is_for_testers(rule) || b->there)
            continue;
        *changed = *changed || b->weight != rule->backends[i].weight;
        b->there = true;
        b->weight = rule->backends[i].weight;
        json_object_set_new(weights, b->name, json_integer(b->weight));
    }
}

static void look_at_route(struct traffic_counts *c, const struct traffic_route *route,
                          int64_t now_ms, FILE *log)
{
    json_t *weights = json_object(), *sent = json_object();
    bool changed = false;
    for (size_t i = 0; i < route->rule_count; i++)
        look_at_rule(c, route, &route->rules[i], weights, &changed);
    for (const struct traffic_backend_count *b = c->backends; b != NULL; b = b->next)
        if (strcmp(b->route, route->name) == 0 && strcmp(b->ns, route->ns) == 0)
            json_object_set_new(sent, b->name, json_integer((json_int_t)b->sent));
    json_t *line = json_pack("{s:s,s:s,s:o,s:o}", "namespace", route->ns, "route", route->name,
                             "weights", weights, "sent", sent);
    write_line(changed ? log : NULL, now_ms, "weights", line);
}

struct traffic_backend_count **traffic_counts_adopt(struct traffic_counts *c,
                                                    const struct traffic_table *t, int64_t now_ms,
                                                    FILE *log)
{
    forget_old(c, now_ms);
    look_at_pods(c, t, now_ms, log);
    look_at_workloads(c, t, now_ms, log);
    free(c->by_number);
    c->by_number = calloc(t->backend_count + 1, sizeof(*c->by_number));
    CHECK(c->by_number != NULL);
    for (struct traffic_backend_count *b = c->backends; b != NULL; b = b->next)
        b->there = false;
    for (size_t i = 0; i < t->route_count; i++)
        look_at_route(c, &t->routes[i], now_ms, log);
    for (struct traffic_backend_count *b = c->backends; b != NULL; b = b->next)
        b->weight = b->there ? b->weight : 0;
    return c->by_number;
}

void traffic_counts_gateway(struct traffic_counts *c, struct traffic_backend_count *backend,
                            enum traffic_outcome outcome, int status)
{
    const bool failed = status >= 500;
    c->requests++;
    c->failed += failed;
    c->outcomes[outcome]++;
    if (backend == NULL)
        return;
    backend->sent++;
    backend->failed += failed;
}

static json_t *show_pods(const struct traffic_counts *c)
{
    json_t *list = json_array();
    for (const struct traffic_pod_count *pod = c->pods; pod != NULL; pod = pod->next) {
        uint64_t requests = 0, failed = 0;
        add_up(pod, &requests, &failed);
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:b}", "namespace", pod->ns,
                                        "name", pod->name, "workload", pod->workload, "image",
                                        pod->image, "requests", (json_int_t)requests, "failed",
                                        (json_int_t)failed, "serving", (int)(pod->gone_ms == 0)));
    }
    return list;
}

static json_t *show_workloads(const struct traffic_counts *c)
{
    json_t *list = json_array();
    for (const struct workload *w = c->workloads; w != NULL; w = w->next) {
        uint64_t requests = w->requests, failed = w->failed;
        for (const struct traffic_pod_count *pod = c->pods; pod != NULL; pod = pod->next)
            if (strcmp(pod->workload, w->name) == 0 && strcmp(pod->ns, w->ns) == 0)
                add_up(pod, &requests, &failed);
        json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:I,s:I}", "namespace", w->ns, "name",
                                              w->name, "restarts", (int)w->restarts, "requests",
                                              (json_int_t)requests, "failed", (json_int_t)failed));
    }
    return list;
}

static json_t *show_routes(const struct traffic_counts *c)
{
    json_t *list = json_array();
    for (const struct traffic_backend_count *b = c->backends; b != NULL; b = b->next)
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:i,s:I,s:I}", "namespace", b->ns,
                                              "route", b->route, "backend", b->name, "weight",
                                              (int)b->weight, "sent", (json_int_t)b->sent, "failed",
                                              (json_int_t)b->failed));
    return list;
}

json_t *traffic_counts_show(const struct traffic_counts *c)
{
    json_t *outcomes = json_object();
    for (int i = 0; i < TRAFFIC_OUTCOME_COUNT; i++)
        json_object_set_new(outcomes, traffic_outcome_name((enum traffic_outcome)i),
                            json_integer((json_int_t)c->outcomes[i]));
    json_t *all = json_pack("{s:I,s:I,s:o,s:o,s:o,s:o}", "requests", (json_int_t)c->requests,
                            "failed", (json_int_t)c->failed, "outcomes", outcomes, "backends",
                            show_routes(c), "workloads", show_workloads(c), "pods", show_pods(c));
    CHECK(all != NULL);
    return all;
}

const struct traffic_pod_count *traffic_counts_first_pod(const struct traffic_counts *c)
{
    return c->pods;
}
