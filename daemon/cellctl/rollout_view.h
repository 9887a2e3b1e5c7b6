/* Rollouts drawn for people, from the answers of /v1/rollouts and /v1/rollout. */
#pragma once

#include "config/base/text.h"
#include "daemon/cellctl/view.h"

#include <jansson.h>

/* The trees of an answer of /v1/rollouts: component by component, target by target. */
void rollout_view_print(const struct view *view, const json_t *rollouts);

/* One of its entries in one line: "order/checkoutservice on production: step 2 of 3 …". */
void rollout_view_line(const json_t *entry, struct text *out);

/* Steps in one line, the one at `step` marked: "5 % → [20 %] → 50 %". */
void rollout_view_steps(const struct view *view, const json_t *steps, long long step);
