/* The sums behind the judge: products of likelihood ratios, in logarithms. Private to this folder.
 */
#pragma once

#include "reconciler/judge/judge.h"

/* log of the mean of exp(logs[i]). */
double evidence_mean(const double *logs, size_t count);

void evidence_add(struct judge_metric *metric, const struct judge_settings *settings,
                  const struct judge_counts *counts, bool baking);

/* Log evidence of one look that a share is below p_bad, per grid point. */
void evidence_add_below(double logs[static JUDGE_PASS_GRID], double p_bad, double requests,
                        double bad, double phi);

/* Wilson's interval of a share. */
void evidence_interval(double bad, double requests, double z, double *ret_low, double *ret_high);
