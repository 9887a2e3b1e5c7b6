/* The engine's state in few words: a line for the service manager, the holds for --once. */
#pragma once

#include "config/base/text.h"
#include "reconciler/engine/engine.h"

/* "converged: 8 cells on 4 targets at 1f2e3d4" or "working: 12 of 32 (cell, target) converged". */
void gauges_status_line(const struct engine *engine, struct text *out);

/* A line a hold: what waits for whom, and the command that ends it. */
void gauges_holds(const struct engine *engine, struct text *out);
