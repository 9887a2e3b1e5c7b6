/* One question to OpenChoreo's observer: the topology of a project's traffic within the window,
 * POST /api/v1alpha1/metrics/runtime-topology. Pure.
 *
 * One answer has both slots: the requests of all edges that lead to a slot's component. Its counts
 * come from increase() over the window. "Unsuccessful" is 4xx and 5xx alike: mistakes of clients
 * count for both releases, which the judge compares. There are only percentiles of latency, no
 * counts: metrics other than the error rate have no data, and there is no history. */
#pragma once

#include "config/base/error.h"
#include "daemon/analysis/question.h"

#include <jansson.h>

#define OBSERVER_PATH "/api/v1alpha1/metrics/runtime-topology"

/* The request's body; owned. *ret_body is NULL when there is nothing to ask: observer_answer() with
 * no body then. Returns 0; ERR_INVALID when the question does not say where; -ENOMEM. */
int observer_request(const struct question *question, char **ret_body, struct error *err)
    __attribute__((warn_unused_result));

/* The answer for the engine; owned. ERR_INVALID when `body` is no topology; -ENOMEM. */
int observer_answer(const struct question *question, const json_t *body, json_t **ret_answer,
                    struct error *err) __attribute__((warn_unused_result));
