/* Time zones for window gates: rules read from a TZif file's bytes (RFC 8536), which the shell
 * takes from the system's time zone database. The core itself opens no file. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"
#include "config/manifest/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone_rules;

/* Reads version 2 or later, with the rule for times behind the last transition.
 * Returns 0 and owned rules; ERR_SYNTAX or -ENOMEM. */
int zone_rules_parse(const void *bytes, size_t length, struct zone_rules **ret_rules,
                     struct error *err) __attribute__((warn_unused_result));
struct zone_rules *zone_rules_free(struct zone_rules *rules);

/* Seconds east of UTC at `time`. Here and below, rules NULL = UTC. */
int32_t zone_offset(const struct zone_rules *rules, struct wall_time time);

/* Whether a window gate is open, and when that may change next. */
bool zone_window_is_open(const struct gate *gate, const struct zone_rules *rules,
                         struct wall_time now, struct wall_time *ret_next_change);
