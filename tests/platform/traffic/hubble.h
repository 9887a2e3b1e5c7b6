/* The counts of all pods as Cilium's Hubble exposes them with the option httpV2 and the label
 * context that OpenChoreo's module asks for, in Prometheus' text format:
 *
 *   hubble_http_requests_total{method, protocol, status, reporter="server",
 *     source_ip, source_namespace, source_workload, source_pod, destination_ip,
 *     destination_namespace, destination_workload, destination_pod, traffic_direction}
 *   hubble_http_request_duration_seconds_{bucket,sum,count}{the same without protocol and status}
 *
 * The source is always the gateway. What daemon/analysis/dialect.h says of "hubble" reads it. */
#pragma once

#include "tests/platform/traffic/counts.h"

#include <stddef.h>

/* Owned. */
char *hubble_text(const struct traffic_counts *counts, size_t *ret_length);
