/* Attempts to roll a release out, put together from the events that they left. */
#pragma once

#include <jansson.h>

#include <stddef.h>

/* From an answer of /v1/history: owned { "attempts": [ ATTEMPT ] }, in the order in which they
 * began; NULL without memory.
 *
 *   ATTEMPT = { "cell", "component", "target", "attempt": n, "rollout":
 * "checkoutservice/testing/7", "release": "…" | null, "revision": "40 hex" | null, "strategy":
 * "canary" | null, "started": TIME | null (not kept any more), "ended": TIME | null (under way),
 *               "duration_ms": n | null, "result": "promoted" | "rolled-back" | … | null,
 *               "verdict": "pass" | … | null (not judged), "message": "…" of its last event,
 *               "evidence": "error-rate: 12 of 80 bad …" | null,
 *               "by": "alice (uid 1000)" | null (git's doing) } */
json_t *attempts_of(const json_t *history);
