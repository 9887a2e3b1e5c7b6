/* The judge of one attempt: it is told which weight stands, asks for closed windows of metrics one
 * after another, and shows the rollout its verdict.
 *
 * One row of the journal, `judge/<cell>/<component>/<target>`, lives as long as the attempt. What
 * is asked is in it before it is asked, so that after a death the same window is asked again, and
 * counted once. An attempt is known by its number and its content's digest: numbers of another one
 * are never taken for it.
 *
 * EFFECT_QUERY_METRICS carries, and EVENT_METRICS answers:
 *
 *   query { "purpose": "window" | "history",
 *           "provider": "prometheus" | "observer" | "webhook",
 *           "template": "hubble" | "istio" | "envoy-gateway" | "nginx" | "query",
 *           "cell", "component", "target", "environment", "region", "namespace" (of the control
 *           plane), "project", "revision",
 *           "from", "to": RFC 3339, "from_ms", "to_ms": n,
 *           "canary": ARM | null, "stable": ARM | null,      null = it has no part in it
 *           "metrics": [ { "name", "kind": "error-rate" | "latency" | "ratio" | "histogram",
 *                          "numerator", "denominator", "histogram": query | null,
 *                          "edge": seconds | null } ] }
 *   ARM   { "slot": "a" | "b", "component": "cartservice-b", "binding", "release": digest,
 *           "namespace", "workload", "service": names on the data plane | null }
 *   answer to "window":  { "metrics": [ { "name", "canary": COUNT | null, "stable": COUNT | null }
 *                        ] }, COUNT = { "requests", "bad" }; null = there are no data
 *   answer to "history": { "metrics": [ { "name", "edges": [ { "le": seconds, "count" (cumulative)
 *                        } ] | null } ],
 *                          "replicas": [ [ [requests, bad], … per replica ], … per part ] | null }
 *
 * An error says nothing about the release. */
#pragma once

#include "reconciler/engine/internal.h"
#include "reconciler/judge/judge.h"

/* Failures in a row before it counts that the metrics cannot be had. */
#define TRIAL_PATIENCE 3

struct trial {
    struct track *track;
    /* Durable: */
    uint64_t attempt;
    char digest[DIGEST_SHORT + 1]; /* deployment digest of the judged content */
    /* What is asked, fixed when the attempt begins: {"provider", "template", "insufficient",
     * "interval_ms", "metrics": [{"name", "kind", "numerator", "denominator", "histogram",
     * "threshold", "edge", "message"}]}; a metric with a message is left out. */
    json_t *source;
    bool judging;      /* the stable release's history is known, or given up */
    bool looking;      /* windows are to be judged now */
    bool standing;     /* the judge was told of `step` */
    size_t step;       /* as rollout->step; stage_count + 1 = it bakes */
    int64_t step_ms;   /* length of the usable windows that began after it stood */
    uint64_t windows;  /* usable ones */
    unsigned failures; /* in a row */
    bool empty;        /* the last failure was an answer without data */
    bool warm;         /* the new release had requests in a window that was counted */
    char error[MESSAGE_SIZE];
    json_t *asked;      /* the query that is not answered yet; NULL = none */
    struct judge judge; /* once judging */
    /* Not: */
    char evidence[MESSAGE_SIZE];
    char blindness[MESSAGE_SIZE]; /* why it has nothing to go by; "" = nothing special */
    uint64_t request;
    struct mono_time due;
    struct gate *gate;          /* of the provider workflow: its run's manifest; owned */
    enum gate_state seen;       /* ... and how far it was */
    int64_t ahead_ms;           /* wall clock before boot clock when it last went a step; 0 = not */
    struct mono_time names_due; /* until then it waits for the names on the data plane */
};

/* Before a round: what the judge says. Fills plan->analysis, verdict, share, evidence,
 * blindness, judged_ms. */
void trial_view(const struct engine *engine, const struct track *track, struct rollout_plan *plan,
                struct rollout_view *view);

/* After a round: begins and ends with the attempt, and takes its steps in. */
void trial_follow(struct engine *engine, struct track *track, bool stable_healthy);

/* Asks what is due. Returns when it wants to be called again. */
struct mono_time trial_pump(struct engine *engine, struct track *track);

void trial_answer(struct engine *engine, const struct engine_event *event);

/* The component is gone: so is its row. */
void trial_drop(struct engine *engine, struct track *track);

/* Git wants it to be judged, and it can be. */
bool trial_is_wanted(const struct track *track);

enum judge_verdict trial_verdict(const struct engine *engine, const struct trial *trial,
                                 bool soak_over);

/* The metrics that are judged, in the order of the judge's; NULL past the last one. */
const json_t *trial_metric(const struct trial *trial, size_t index);
size_t trial_metric_count(const struct trial *trial);

/* The stable release's pods fail or are missing, as far as the last look tells. */
bool trial_stable_is_sick(const struct track *track);

/* For the files of the trial: it is this attempt's; the attempt goes forward; it has no steps, so
 * that its bake is compared with the time before it. */
bool trial_is_of(const struct trial *trial, const struct rollout *rollout);
bool trial_is_forward(const struct rollout *rollout);
bool trial_has_baseline(const struct rollout *rollout);
