/* What is asked of a source of metrics, and what its answers say. Pure. */
#pragma once

#include "reconciler/engine/trial.h"

#define TRIAL_HISTORY DURATION_S(3600)

/* There is something to judge, and a way to judge it: two slots. */
bool trial_query_can_judge(const struct rollout_policy *policy, bool routed);

/* What the manifest wants to be judged; owned, NULL without memory. */
json_t *trial_query_source(const struct rollout_policy *policy);

/* Settings of the judge: what the manifest says, with `rho` of the history (negative = unknown). */
struct judge_settings trial_query_settings(int64_t interval_ms, double rho);

/* The judge of a source whose latencies have their edges; false when no metric is left. */
bool trial_query_seat(const json_t *source, double rho, struct wall_time start,
                      struct judge *judge);

/* Names on the data plane, from a look at what the binding renders. */
void trial_query_note_names(struct engine *engine, struct binding *binding, const json_t *tree);

/* Both sides' names are known. */
bool trial_query_knows_names(const struct track *track);

/* The query of a window, or of the history up to `window.to`; owned. */
json_t *trial_query_window(const struct engine *engine, const struct track *track,
                           struct judge_window window, bool canary);
json_t *trial_query_history(const struct engine *engine, const struct track *track);

/* The stable release's past: a new source with edges, and the scatter of errors. Owned; NULL
 * without memory. `answer` NULL = nothing is known. */
json_t *trial_query_learn(const json_t *source, const json_t *answer, double *ret_rho);

/* One count per judged metric. False: there is no data in it. What is no number becomes NaN, which
 * the judge refuses. */
bool trial_query_counts(const struct trial *trial, const json_t *answer,
                        struct judge_counts ret_counts[static JUDGE_METRICS_LIMIT]);

/* Pods that were never asked take long for their first requests: of the first window in which the
 * new release has any, how slow they were is left out of the counts. False: it has none in it. */
bool trial_query_warm_up(const struct trial *trial,
                         struct judge_counts counts[static JUDGE_METRICS_LIMIT]);
