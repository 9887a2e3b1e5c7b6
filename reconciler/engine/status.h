/* What the engine says about itself, as JSON: the bodies of the status socket's answers, which
 * cellctl prints. Built by status.c, status_cell.c, why.c and preview.c (plan, diff, render). Keys
 * are stable; times are RFC 3339 in UTC or null; unknown texts are null, never "".
 *
 * GET /v1/status = engine_status():
 *
 *   { "instance": "…", "condition": "starting" | "working" | "converged" | "held",
 *     "message": "…" | null,                  only while nothing is known: why
 *     "time": "2026-11-22T20:44:09Z",
 *     "version": 1234,                        engine_version(): unchanged = nothing to redraw
 *     "revision": { "commit": "40 hex" | null, "subject": "…", "since": TIME, "rewritten": bool,
 *                   "converged": TIME | null },
 *     "repository": { "ok": bool, "reason": "RefMissing" | null, "message": "…" | null,
 *                     "since": TIME | null },
 *     "platform": { "name": "ecommerce" | null, "namespace": "…" | null, "ready": bool,
 *                   "broken": "platform.yaml:3:5: …" | null, "message": "…" | null },
 *     "control_plane": { "known": bool, "looked": TIME | null, "message": "…" | null },
 *     "suspended": bool,                      everything is
 *     "targets": [ { "name": "production-eu", "environment": "production", "region": "eu",
 *                    "production": bool } ],
 *     "phases":  [ { "name": "foundation", "cells": ["cart", …] } ],
 *     "counts": { "cells": n, "nodes": n, "converged": n, "working": n, "waiting": n, "held": n,
 *                 "objects": n, "drifted": n },
 *     "requests": { "in_flight": n, "queued": n, "reads": n, "writes": n },  since the start
 *     "holds": [ HOLD ],                      what a person can decide now
 *     "cells": [ CELL ] }                     by phase, then name
 *
 *   HOLD = { "kind": "gate" | "prune" | "quarantine" | "object" | "build" | "rollout" |
 *                    "health",
 *            "cell": "cart" | null, "target": "production" | null, "environment": "…" | null,
 *            "name": "release-approval" | null, "since": TIME | null, "message": "…",
 *            "command": "cellctl approve cart production release-approval" | null }
 *
 * GET /v1/cells/{cell} = engine_cell_status(): CELL with "objects":
 *
 *   CELL = { "name": "cart", "project": "ecommerce-cart", "phase": "foundation" | null,
 *            "path": "cells/cart/cell.yaml", "description": "…" | null,
 *            "suspended": bool, "broken": "path:line:column: …" | null, "removed": bool,
 *            "drift": "correct" | "report" | "freeze", "depends_on": [ "cart", … ],
 *            "targets": [ NODE ], "message": "…" | null,
 *            "objects": [ OBJECT ] }          only of one cell
 *
 *   NODE = { "target": "production-eu", "environment": "production", "region": "eu",
 *            "state": "converged" | "forward" | "rolling" | "baking" | "repairing" |
 *                     "rolled-back" | "unknown",
 *            "healthy": bool,
 *            "wait": null | "phase" | "dependency" | "promotion" | "gate" | "region" | "freeze" |
 *                    "suspended" | "broken" | "quarantine" | "cancelled" | "capacity" |
 *                    "platform" | "approval" | "unknown",
 *            "message": "…",                  why, in one line: the same as engine_why()
 *            "digest": "wanted deployment digests", "release_digest": "…",
 *            "since": TIME | null, "components": [ COMPONENT ] }
 *
 *   COMPONENT = { "name": "cartservice",
 *                 "state": "idle" | "prepare" | "narrow" | "deploy" | "route" | "step" |
 *                          "paused" | "bake" | "cleanup" | "rollback" | "withdraw" | "held",
 *                 "strategy": "rolling" | "blue-green" | "canary", "slot": "a" | null,
 *                 "wanted": CONTENT | null, "stable": CONTENT | null, "next": CONTENT | null,
 *                 "weight": 0..100, "step": n, "attempt": n, "since": TIME | null,
 *                 "replicas": { "wanted": n, "ready": n, "available": n } | null,
 *                 "health": "settled" | "progressing" | "failed" | "stale" | "unknown" |
 *                           "undeployed",
 *                 "last_outcome": "promoted" | "rolled-back" | … | null,
 *                 "quarantined": bool,
 *                 "unproven": bool,              its stable release was promoted without proof
 *                 "reason": "…" | null, "message": "…" | null,
 *                 "rollout": ROLLOUT | null }    null = there was no attempt yet
 *   CONTENT = { "release": "4f1d20aa9b3c", "deployment": "…", "revision": "40 hex",
 *               "baked": TIME | null }
 *   ROLLOUT = { "id": "cartservice/production/7",  as in the events' "rollout"
 *               "active": bool,                    false: what is told is the last attempt
 *               "state": as COMPONENT's, "strategy": as COMPONENT's,
 *               "attempt": n, "started": TIME | null,
 *               "fast": bool,                    known good content: no steps, not judged
 *               "unproven": bool, "outcome": "promoted" | "rolled-back" | … | null,
 *               "steps": [ { "weight": 0..100, "soak_ms": n, "pause": bool, "analysis": bool } ],
 *               "step": n,                       index into steps; their number = all traffic
 *               "weight": 0..100,                wanted on the new release now
 *               "weight_verified": bool,         the live route bears it
 *               "weight_counted": "not-counted" | "too-few" | "confirmed" | "off",
 *               "soak": CREDIT | null,           of this step, while it stands
 *               "bake": CREDIT | null,           while it bakes
 *               "slots": [ SLOT ],               a, b; one of a single component
 *               "analysis": ANALYSIS | null,     null = it is not judged
 *               "waits_for": "…" | null, "since": TIME | null }   since it is in this state
 *   CREDIT = { "needed_ms": n, "done_ms": n, "left_ms": n }  time that counts, not the clock's
 *   SLOT = { "slot": "a" | "b" | null, "role": "stable" | "next" | "old" | null (empty),
 *            "content": CONTENT | null, "health": as COMPONENT's,
 *            "replicas": as COMPONENT's, "weight": n (wanted), "weight_live": n | null }
 *   ANALYSIS = { "provider": "prometheus", "template": "hubble" | null, "interval_ms": n,
 *                "verdict": "continue" | "pass" | "rollback" | "insufficient" | "no-data" |
 *                           "provider-error" | "guard",
 *                "insufficient": "hold" | "promote" | "rollback",    what then happens
 *                "message": "error-rate: 12 of 80 bad (15.00 %) against …" | null,
 *                "against": EVIDENCE, "for": EVIDENCE,      rollback, pass from "threshold" on
 *                "requests": { "canary": x, "stable": x }, "bad": { the same },  first metric
 *                "requests_per_second": x | null,           both sides, as the windows show
 *                "metrics": [ { "name": "latency", "kind": "error-rate" | "latency" | "ratio" |
 *                               "histogram", "edge": seconds | null (slower = bad),
 *                               "bad_limit": share to be ruled out, "guard": share | null,
 *                               "message": "left out: …" | null,
 *                               "canary": { "requests": x, "bad": x, "share": x | null },
 *                               "stable": { the same } } ],
 *                "windows": n, "judged_ms": n,              with data, so far
 *                "pending": { "from": TIME, "to": TIME } | null,  asked for, not answered
 *                "next": TIME | null,                       when the next window is asked for
 *                "failures": n, "error": "…" | null,        in a row; the last one
 *                "baking": bool,
 *                "run": "…" | null }                        provider workflow: its run
 *   EVIDENCE = { "log": x, "value": x, "threshold": x, "log_threshold": x, "reached": 0..1 }
 *              value = e^log, at most 1e13; reached = log / log_threshold, for a bar
 *   OBJECT = { "kind": "ReleaseBinding", "namespace": "acme" | null, "name": "…",
 *              "presence": "unknown" | "absent" | "present" | "terminating",
 *              "goal": "present" | "absent" | "none", "equal": bool, "inventory": bool,
 *              "operation": "idle" | "reading" | "writing" | "deleting" | "waiting" | "held",
 *              "drifted": bool, "message": "…" | null }
 *
 * GET /v1/cells/{cell}/why[?target=] = {"cell", "target" | null, "message": engine_why() }
 *
 * GET /v1/plan[?ref=] = engine_plan():
 *
 *   { "hash": "12 hex", "revision": "40 hex" | null, "changes": n, "complete": bool,
 *     "message": "…" | null,                  why it is not complete
 *     "nodes": [ { "cell", "target" | null (what a cell has once), "phase": n,
 *                  "action": "deploy" | "update" | "repair" | "none",
 *                  "wait": as in NODE, "message": "…" | null,
 *                  "components": [ { "name", "from": digest | null, "to": digest,
 *                                    "strategy": "rolling", "slot": "a" | "b" | null (has none),
 *                                    "steps": as ROLLOUT's, empty = all traffic at once,
 *                                    "bake_ms": n } ],
 *                  "objects": [ { "action": "create" | "update" | "adopt" | "delete" | "keep",
 *                                 "kind", "name", "message": "…" | null,
 *                                 "differences": [ DIFFERENCE ] } ] } ] }
 *   DIFFERENCE = { "pointer": "/spec/releaseName", "live": value | null, "desired": value | null }
 *
 * GET /v1/diff[?cell=] = engine_diff(): { "time": TIME | null, "objects": [ { "cell" | null,
 *     "kind", "name", "cause": "drift" | "change" | "missing" | "foreign",
 *     "corrected": bool, "differences": [ DIFFERENCE ] } ] }
 *
 * GET /v1/render[?cell=][&target=] = engine_render(): { "objects": [ body with "kind" and
 *     "apiVersion" ], "message": null | "why some are missing" }
 *
 * GET /v1/rollout?cell=&component=&target=[&rps=] = engine_rollout(): what a rollout would do and
 * could prove:
 *
 *   { "cell", "component", "target", "strategy": "canary", "analysis": bool,
 *     "from": CONTENT | null, "to": CONTENT | null,      what stands, what git wants
 *     "first": bool,                                     no stable release yet: all traffic at once
 *     "steps": as ROLLOUT's,
 *     "bake_ms": n, "progress_deadline_ms": n, "insufficient": "hold" | "promote" | "rollback",
 *     "attempts": n, "rollback_forbidden": bool,
 *     "settings": { "alpha", "beta", "tolerance", "bad_limit", "rho", "window_ms", "lag_ms" } |
 *                 null,
 *     "metrics": [ { "name", "kind", "bad_limit", "guard": share | null } ],
 *     "requests_per_second": x | null, "measured": TIME | null,   when; null = it was given
 *     "prospects": [ { "weight": 5, "soak_ms": n,        one per judged step; bake: weight 100
 *                      "rows": [ { "bad": 0.01, "requests": n, "ms": n | null (never),
 *                                  "within": bool } ] } ],        fits into the soak
 *     "sentence": "at 5 % of 10 requests a second, 1 % of bad requests can be ruled out in 10m"
 *                 | null,
 *     "rollout": ROLLOUT | null, "message": "…" | null }
 *
 * GET /v1/quarantine = engine_quarantine(): { "entries": [ { "cell", "component", "target",
 *     "digest", "since": TIME, "reason", "evidence", "by_operator": bool } ] }
 *
 * GET /v1/history = engine_history(): { "events": [ EVENT ] } oldest first, those still kept
 *   EVENT = { "sequence": n, "time": TIME, "level": "info" | "notice" | "warning" | "error" |
 *             "debug", "type": "rollout-started", "cell" | null, "component" | null,
 *             "target" | null, "revision" | null, "rollout" | null, "message": "…",
 *             "data": object | null }
 *   EFFECT_PUBLISH carries the same; its data holds "sequence" too.
 *   Events of a rollout have "data": { "attempt", "strategy", "release", "deployment", "revision"
 *     (of the new release), "step", "weight", "duration_ms" (since it began), "replicas": {…} |
 *     null, "hold": "quarantined" | … | null, "analysis": ANALYSIS | null (its numbers then) }
 *
 * Commands: POST /v1/commands/{verb} with the arguments as the body; EFFECT_REPLY's body is
 * {"message": "…", …}. Verbs and arguments (? = may be missing):
 *
 *   approve     { "cell"?, "environment"?, "gate"? }  a gate; { "prune": "HASH" }; { "all": true }
 *   suspend     { "cell"? }        without a cell: everything
 *   resume      { "cell"? }
 *   rollback    { "cell", "component"?, "target" }
 *   sync        { }
 *   apply       { "hash" }         ok = false when anything moved since
 *   quarantine  { "clear": true, "cell"?, "component"?, "target"?, "digest"? }
 *   rollout     { "action": "pause" | "resume" | "promote" | "abort" | "retry", "cell",
 *                 "component", "target" }
 */
#pragma once

#include "reconciler/engine/engine.h"
#include "reconciler/plan/plan.h"

struct node;
struct unit;

const char *status_node_state_name(enum node_state state);
const char *status_condition_name(enum engine_condition condition);
const char *status_level_name(enum publish_level level);

/* RFC 3339, or null for 0. */
json_t *status_time(int64_t wall_ms);
json_t *status_text(const char *text); /* null for "" and NULL */

/* CELL and NODE of above; `objects` adds the cell's objects. */
json_t *status_cell(const struct engine *engine, const struct unit *unit, struct instant now,
                    bool objects);
json_t *status_node(const struct engine *engine, const struct node *node, struct instant now);

/* It moves by itself. */
bool status_node_works(const struct engine *engine, const struct node *node);

/* ... or waits for something that does. */
bool status_node_moves(const struct engine *engine, const struct node *node);
