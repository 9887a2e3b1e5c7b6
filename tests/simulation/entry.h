/* A rollout's row of the journal, read. */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

/* The member is this text; absent ones are "". */
bool entry_is(const json_t *row, const char *member, const char *value);

/* 0, false and '\0' without the member. */
int64_t entry_number(const json_t *row, const char *member);
bool entry_flag(const json_t *row, const char *member);
char entry_slot(const json_t *row, const char *member);

/* Deployment digest of "stable", "next" or "previous". */
const char *entry_deployment(const json_t *row, const char *content);

/* The state whose wants count: of a pause, the one that it interrupts. */
const char *entry_effective(const json_t *row);
bool entry_is_forward(const char *state);
bool entry_has_all_traffic(const char *state);

/* Percent that a step gives to the next slot; beyond the last step 100. */
int64_t entry_stage_weight(const json_t *row, int64_t step);
