/* A judge with round numbers, and windows one after another. */
#pragma once

#include "reconciler/judge/judge.h"

struct judge docket_start(size_t metrics);

/* One window of one metric, planned and counted. */
enum judge_counting docket_add(struct judge *judge, double canary, double canary_bad, double stable,
                               double stable_bad);

/* Owned. */
json_t *docket_row(const struct judge *judge);
