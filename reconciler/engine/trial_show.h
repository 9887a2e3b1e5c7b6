/* What a judge knows, as ANALYSIS of status.h. */
#pragma once

#include "reconciler/engine/trial.h"

/* Owned; NULL without memory. `soak_over`: the step's time is over. */
json_t *trial_show(const struct engine *engine, const struct trial *trial, bool soak_over);

/* Requests a second on both sides, as the judged windows show; 0 = not known. */
double trial_show_rate(const struct trial *trial);

/* "bad_limit" and "guard" of a metric as the judge takes them from its threshold. */
json_t *trial_show_limits(const struct judge *judge, size_t metric);
