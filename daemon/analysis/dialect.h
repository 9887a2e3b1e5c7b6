/* Whose metrics a Prometheus holds: names and labels of the requests that reach one slot, as the
 * software of the data plane really writes them. Pure, constant.
 *
 * hubble: Cilium's Hubble, with the metrics option that OpenChoreo's Cilium module asks for,
 *   httpV2:exemplars=true;labelsContext=source_ip,source_namespace,source_workload,
 *   destination_ip,destination_namespace,destination_workload,traffic_direction,
 *   source_pod,destination_pod
 * and with L7 visibility (CiliumNetworkPolicies with HTTP rules; OpenChoreo writes them when the
 * DataPlane is annotated openchoreo.dev/networkpolicyprovider: cilium). Then each response counts
 * once, where it left:
 *   hubble_http_requests_total{method, protocol, status, reporter="server",
 *     destination_namespace, destination_workload, destination_pod, destination_ip,
 *     source_namespace, source_workload, source_pod, source_ip, traffic_direction}
 *   hubble_http_request_duration_seconds_bucket{the same without protocol and status, le}
 *     in seconds; le: 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf
 * `status` is the whole code ("200", "503"); `destination_workload` is the Deployment. Bad is 5xx.
 * A gRPC call that fails is an HTTP 200 to Hubble: take another source for it.
 * (cilium: pkg/hubble/metrics/http/handler.go, pkg/hubble/metrics/api/context.go)
 *
 * istio: the standard metrics, by the destination's proxy:
 *   istio_requests_total{destination_workload_namespace, destination_workload, response_code,
 *     grpc_response_status, reporter="destination"}
 *   istio_request_duration_milliseconds_bucket{the same, le} in milliseconds
 * Bad is 5xx, and of gRPC calls, which are all HTTP 200, the statuses that name the server's own
 * failures (2, 4, 12 to 15). Replicas are told apart by `pod`, which the scrape adds.
 *
 * envoy-gateway: Envoy's statistics of clusters:
 *   envoy_cluster_upstream_rq_xx{envoy_cluster_name, envoy_response_code_class}
 *   envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name, le} in milliseconds
 * Slots can be told apart only where each backend is a cluster of its own, named
 * <httproute|grpcroute>/<namespace>/<route>/rule/<i>/backend/<j>: Envoy Gateway makes those when
 * backends have filters or differ in kind. It makes one cluster for all of a rule otherwise, and
 * then there is no data. The route is called <component>-<endpoint>[-internal]-<8 hex digits>; j is
 * 0 for slot a and 1 for slot b.
 *
 * nginx: NGINX Plus behind NGINX Gateway Fabric (the open source build counts nothing per upstream;
 * an upstream is called <namespace>_<service>_<port>):
 *   nginx_http_upstream_peer_responses_total{nginx_upstream_name, nginx_peer_address,
 *     nginx_status_range ("2xx", "5xx")}
 * There is no histogram: latency is no data.
 *
 * query: nothing is known; every metric brings its own queries. */
#pragma once

#include <stddef.h>

/* Placeholders that stand in selectors: ${namespace}, ${workload}, ${service} of the slot's data
 * plane, and ${cluster}, ${upstream}: patterns (RE2) that are made of them. */
struct dialect {
    const char *name;
    const char *selector; /* matchers of one slot, without braces; NULL = knows no metrics */
    const char *requests; /* counter */
    const char *code;     /* label of `requests`; bad when its value begins with '5' */
    const char *call;     /* label with the status of a gRPC call; NULL = there is none */
    const char *alive;    /* matchers of `requests` that any workload's series have; NULL = a slot
                             without series says nothing, whatever others have */
    const char *buckets;  /* histogram; NULL = there is none */
    double per_second;    /* units of `le` in a second: 1, or 1000 for milliseconds */
    const char *replica;  /* label that tells a slot's replicas apart; NULL = none does */
};

/* NULL when there is none of that name. */
const struct dialect *dialect_find(const char *name);
