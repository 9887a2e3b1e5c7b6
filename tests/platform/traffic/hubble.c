#include "tests/platform/traffic/hubble.h"

#include "config/base/check.h"
#include "config/base/text.h"

#define LIMIT ((size_t)64 * 1024 * 1024)

static void add_labels(struct text *out, const struct traffic_pod_count *pod, const char *method)
{
    text_format(out,
                "method=\"%s\",reporter=\"server\",source_ip=\"\","
                "source_namespace=\"gateway\",source_workload=\"gateway\","
                "source_pod=\"gateway-0\",destination_ip=\"\",destination_namespace=\"%s\","
                "destination_workload=\"%s\",destination_pod=\"%s\","
                "traffic_direction=\"ingress\"",
                method, pod->ns, pod->workload, pod->name);
}

static void add_requests(struct text *out, const struct traffic_pod_count *pod)
{
    for (size_t i = 0; i < TRAFFIC_KIND_COUNT && pod->kinds[i].requests > 0; i++) {
        const struct traffic_kind_count *kind = &pod->kinds[i];
        text_add(out, "hubble_http_requests_total{");
        add_labels(out, pod, kind->method);
        text_format(out, ",protocol=\"HTTP/1.1\",status=\"%d\"} %llu\n", kind->status,
                    (unsigned long long)kind->requests);
    }
}

static void add_bucket(struct text *out, const struct traffic_pod_count *pod, const char *method,
                       const char *edge, uint64_t count)
{
    text_add(out, "hubble_http_request_duration_seconds_bucket{");
    add_labels(out, pod, method);
    text_format(out, ",le=\"%s\"} %llu\n", edge, (unsigned long long)count);
}

static void add_durations(struct text *out, const struct traffic_pod_count *pod)
{
    static const double edges[TRAFFIC_EDGE_COUNT] = TRAFFIC_EDGES;
    for (size_t i = 0; i < TRAFFIC_KIND_COUNT && pod->durations[i].count > 0; i++) {
        const char *method = pod->durations[i].method;
        uint64_t count = 0;
        for (size_t k = 0; k < TRAFFIC_EDGE_COUNT; k++) {
            char edge[32];
            snprintf(edge, sizeof(edge), "%g", edges[k]);
            count += pod->durations[i].buckets[k];
            add_bucket(out, pod, method, edge, count);
        }
        add_bucket(out, pod, method, "+Inf", pod->durations[i].count);
        text_add(out, "hubble_http_request_duration_seconds_sum{");
        add_labels(out, pod, method);
        text_format(out, "} %.9g\n", pod->durations[i].seconds);
        text_add(out, "hubble_http_request_duration_seconds_count{");
        add_labels(out, pod, method);
        text_format(out, "} %llu\n", (unsigned long long)pod->durations[i].count);
    }
}

char *hubble_text(const struct traffic_counts *counts, size_t *ret_length)
{
    struct text out;
    text_init(&out, LIMIT);
    text_add(&out, "# HELP hubble_http_requests_total Count of HTTP requests by methods.\n"
                   "# TYPE hubble_http_requests_total counter\n");
    for (const struct traffic_pod_count *pod = traffic_counts_first_pod(counts); pod != NULL;
         pod = pod->next)
        add_requests(&out, pod);
    text_add(&out, "# HELP hubble_http_request_duration_seconds Quantiles of HTTP request "
                   "duration in seconds\n"
                   "# TYPE hubble_http_request_duration_seconds histogram\n");
    for (const struct traffic_pod_count *pod = traffic_counts_first_pod(counts); pod != NULL;
         pod = pod->next)
        add_durations(&out, pod);
    *ret_length = out.length;
    char *bytes = text_take(&out);
    text_fini(&out);
    CHECK(bytes != NULL);
    return bytes;
}
