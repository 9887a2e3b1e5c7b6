/* What must hold for metrics and verdicts (S13, S14, S19). Used by law.c. */
#pragma once

#include "tests/simulation/law.h"

/* Metrics are asked for. */
void law_judge_query(struct law *law, const json_t *query);
