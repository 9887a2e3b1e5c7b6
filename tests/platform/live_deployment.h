/* Deployments and their pods. A pod is ready at an instant that is known when it starts, so that
 * the state of a rollout follows from the time alone. */
#pragma once

#include "tests/platform/state.h"

/* After a change of the object: new pods for a new template, more or fewer for another scale. */
void live_deployment_changed(struct platform *p, struct live *live);
json_t *live_deployment_status(const struct platform *p, const struct live *live);
const char *live_deployment_health(const struct platform *p, const struct live *live);
/* The pods of its newest template die, over and over. */
void live_deployment_crash(struct platform *p, struct live *live);
int live_deployment_wanted(const struct live *live);
/* Pods as of now, oldest template first: an owned array. */
json_t *live_deployment_pods(const struct platform *p, const struct live *live);
bool live_deployment_pod_is_ready(const struct platform *p, const struct live_pod *pod);
bool live_deployment_pod_is_kept(const struct platform *p, const struct live *live,
                                 const struct live_pod *pod);
