/* What must hold for metrics and verdicts (S13, S14, S19). Used by law.c. */
#pragma once

#include "tests/simulation/law.h"

/* Metrics are asked for. */
void law_judge_query(struct law *law, const json_t *query);

/* They are answered, rightly or not. */
void law_judge_told(struct law *law, const json_t *query, bool wrong);

/* A row `judge/<track>` becomes durable. */
void law_judge_row(struct law *law, const char *track, const json_t *before, const json_t *value);
