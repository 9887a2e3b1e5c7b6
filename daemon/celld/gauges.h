/* The daemon's state in few words and in numbers: a line for the service manager, the holds for
 * --once, and what monitoring reads. */
#pragma once

#include "config/base/text.h"
#include "daemon/analysis/sources.h"
#include "daemon/celld/repository.h"
#include "daemon/journal/journal.h"
#include "daemon/metrics/metrics.h"
#include "daemon/notify/notices.h"
#include "reconciler/engine/engine.h"

#include <stdbool.h>
#include <stdint.h>

/* "converged: 8 cells on 4 targets at 1f2e3d4" or "working: 12 of 32 (cell, target) converged". */
void gauges_status_line(const struct engine *engine, struct text *out);

/* A line a hold: what waits for whom, and the command that ends it. */
void gauges_holds(const struct engine *engine, struct text *out);

/* What is true now. */
struct gauges_facts {
    const struct engine *engine; /* NULL = there is none */
    bool writable;               /* the journal takes rows, and celld acts */
    uint64_t steps;              /* of the engine */
    struct journal_counters journal;
    struct repository_counters fetches;
    struct sources_counters questions;
    struct notices_counters notices;
};

/* Writes the facts into the families, which are made with the first call. Without an engine the
 * gauges that it feeds are 0 and its counters stay. */
void gauges_write(struct metrics *metrics, const struct gauges_facts *facts);
