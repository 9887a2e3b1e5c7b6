#include "daemon/analysis/dialect.h"

#include <string.h>

static const struct dialect dialects[] = {
    {
        .name = "hubble",
        .selector = "destination_namespace=\"${namespace}\",destination_workload=\"${workload}\","
                    "reporter=\"server\"",
        .requests = "hubble_http_requests_total",
        .code = "status",
        .alive = "destination_namespace!=\"\",destination_workload!=\"\",reporter=\"server\"",
        .buckets = "hubble_http_request_duration_seconds_bucket",
        .per_second = 1,
        .replica = "destination_pod",
    },
    {
        .name = "istio",
        .selector = "destination_workload_namespace=\"${namespace}\","
                    "destination_workload=\"${workload}\",reporter=\"destination\"",
        .requests = "istio_requests_total",
        .code = "response_code",
        .call = "grpc_response_status",
        .alive = "destination_workload_namespace!=\"\",destination_workload!=\"\","
                 "reporter=\"destination\"",
        .buckets = "istio_request_duration_milliseconds_bucket",
        .per_second = 1000,
        .replica = "pod",
    },
    {
        .name = "envoy-gateway",
        .selector = "envoy_cluster_name=~\"${cluster}\"",
        .requests = "envoy_cluster_upstream_rq_xx",
        .code = "envoy_response_code_class",
        .buckets = "envoy_cluster_upstream_rq_time_bucket",
        .per_second = 1000,
    },
    {
        .name = "nginx",
        .selector = "nginx_upstream_name=~\"${upstream}\"",
        .requests = "nginx_http_upstream_peer_responses_total",
        .code = "nginx_status_range",
        .per_second = 1,
        .replica = "nginx_peer_address",
    },
    {.name = "query", .per_second = 1},
};

const struct dialect *dialect_find(const char *name)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
        if (strcmp(dialects[i].name, name) == 0)
            return &dialects[i];
    }
    return NULL;
}
