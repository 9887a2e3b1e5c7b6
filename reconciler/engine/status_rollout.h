/* Rollouts as status.h says they look. Owned results; NULL without memory. */
#pragma once

#include "reconciler/engine/internal.h"

/* ROLLOUT; null before the first attempt. */
json_t *status_rollout(const struct engine *engine, const struct track *track, struct instant now);

/* The data of a rollout's events. */
json_t *status_rollout_data(const struct engine *engine, const struct track *track);

/* CONTENT, or null when there is none; a binding's replicas. */
json_t *status_content(const struct rollout_content *content, bool there);
json_t *status_replicas(const struct binding *binding);

/* A policy's steps, as ROLLOUT has them; `judged` = there is a judge. */
json_t *status_steps(const struct rollout_policy *policy, bool judged);
bool status_step_is_judged(const struct rollout_step *step);

const char *status_strategy_name(enum strategy strategy);
