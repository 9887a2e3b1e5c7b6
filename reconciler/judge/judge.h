/* The judge: canary against stable in the same windows, by a sequential test that is valid at every
 * look, so that it may be asked as often as one likes.
 *
 * Pure: counts come in, a verdict comes out. Its state goes through the journal bit by bit, so that
 * a replay gives the same verdict: sums are made in one fixed order, contraction of floating-point
 * expressions is off, and nothing but log, exp and sqrt of libm is used. A window is planned and
 * journaled before it is queried, and counted once.
 *
 * The mathematics. In a window the canary has n_c requests and e_c bad ones, the stable release n_s
 * and e_s. Given the sum of bad ones, each falls on the canary with probability q(th) = th n_c /
 * (th n_c + n_s) when its rate is th times the stable one's. For tolerance th0 and each th1 of a
 * grid, log M += [ e_c ln(q(th1)/q(th0)) + e_s ln((1 - q(th1))/(1 - q(th0))) ] / phi is a
 * supermartingale's logarithm as long as the ratio is at most th0, whatever the error rate does:
 * outages that both share cancel. The release is condemned when the mean over the grid reaches
 * 1/alpha. phi >= 1 corrects for errors that come in clusters. In the same way the release passes
 * when "its rate is at least p_bad" is refuted. */
#pragma once

#include "config/base/error.h"
#include "config/base/text.h"
#include "config/base/time.h"
#include "reconciler/judge/verdict.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JUDGE_METRICS_LIMIT 8
#define JUDGE_RELATIVE_GRID 6
#define JUDGE_PASS_GRID 4

struct judge_settings {
    double alpha;                /* chance of condemning a good release; default 0.01 */
    double beta;                 /* chance of passing one that is bad; default 0.05 */
    double tolerance;            /* ratio of rates that is still good; default 1.25 */
    double p_bad;                /* share of bad requests that must be ruled out; default 0.02 */
    double p_limit;              /* absolute limit of the guard; 0 = none; of all metrics */
    double rho;                  /* correlation of bad requests within a window; default 0.003 */
    struct duration window, lag; /* length of one look; how old its end must be */
};
extern const struct judge_settings judge_settings_default;

/* Counts of one metric in one window; fractions are fine (extrapolated increases). */
struct judge_counts {
    double canary_requests, canary_bad, stable_requests, stable_bad;
};

struct judge_window {
    struct wall_time from, to;
};

/* What is known of one metric. */
struct judge_metric {
    double p_bad, p_limit; /* its own; 0 = the settings' */
    struct judge_counts sum;
    double relative[JUDGE_RELATIVE_GRID]; /* log M against th1 of the grid */
    double pass[JUDGE_PASS_GRID];         /* log M of "canary below p_bad" */
    double guard[JUDGE_RELATIVE_GRID];    /* log M of "canary above p_limit" */
    double inside[JUDGE_PASS_GRID];       /* log M of "stable below p_limit" */
    double bake[JUDGE_RELATIVE_GRID];     /* log M of "above what the stable release had" */
};

struct judge {
    struct judge_settings settings;
    size_t metric_count;
    struct judge_metric metrics[JUDGE_METRICS_LIMIT];
    struct wall_time until;          /* end of the last window that was counted, or start of all */
    struct judge_window pending;     /* planned and not answered; to.ms 0 = none */
    int64_t judged_ms;               /* total length of the windows with usable counts */
    unsigned failures;               /* windows in a row whose metrics could not be read */
    int weight;                      /* percent of the step */
    struct wall_time step_from;      /* when it stood */
    bool baking;                     /* there is no stable traffic to compare with any more */
    double step_canary, step_stable; /* requests since the weight stood, of the first metric */
    double silent;                   /* stable requests since the canary's last one */
    bool condemned;                  /* sticks */
};

void judge_init(struct judge *judge, const struct judge_settings *settings, size_t metric_count,
                struct wall_time start);

/* A metric with limits of its own (0 = the settings'). Before anything is counted. */
void judge_limit(struct judge *judge, size_t metric, double p_bad, double p_limit);

/* A weight stands from `now` on: requests are counted anew for the share. Windows go on. */
void judge_step(struct judge *judge, int weight, struct wall_time now);

/* All traffic is on the canary; from here it is compared with what the stable release had. */
void judge_bake(struct judge *judge, struct wall_time now);

/* The next window to query: closed, and behind `now` by the lag. Stays the same until it is
 * answered. Persist the judge before the query leaves. False: it is too early. */
bool judge_plan(struct judge *judge, struct wall_time now, struct judge_window *ret_window);

/* What happened before `until` is not looked at any more: a planned window is forgotten. */
void judge_skip(struct judge *judge, struct wall_time until);

/* All that was counted is forgotten, and windows begin at `from`, which may be before those that
 * were counted. What is condemned stays so. */
void judge_begin_anew(struct judge *judge, struct wall_time from);

enum judge_counting {
    JUDGE_COUNTED,
    JUDGE_STALE,    /* not the planned window: counted already, or forgotten */
    JUDGE_UNUSABLE, /* not numbers that can be (NaN, negative, more bad ones than requests) */
};

/* The planned window's counts, one per metric. A window that is not usable is left out: it is
 * neither a pass nor a failure. */
enum judge_counting judge_count(struct judge *judge, struct judge_window window,
                                const struct judge_counts *counts);

/* The planned window could not be read: it is tried again. After `give_up` it is left out. */
void judge_failed(struct judge *judge, struct judge_window window, bool give_up);

/* `soak_over`: the step's time is over, so that nothing proven means VERDICT_INSUFFICIENT. */
enum judge_verdict judge_verdict(const struct judge *judge, bool soak_over);

/* Does the share of requests fit the weight? `besides`: others come to the canary whatever the
 * weight is, so that more than its part says nothing. */
enum share_check judge_share(const struct judge *judge, bool besides);

/* The numbers in one sentence: "12 of 80 bad against 3 of 900; evidence 250 of 100". */
void judge_explain(const struct judge *judge, struct text *out);

/* Mean of M over grid and metrics; log. */
double judge_log_relative(const struct judge *judge);
/* What condemns: the same, or while it bakes the evidence against the limit, if that is more. */
double judge_log_against(const struct judge *judge);
/* The metric with the most evidence against the release: the one that judge_explain() tells. */
size_t judge_worst(const struct judge *judge);
/* The metric with the least evidence for passing; log. */
double judge_log_pass(const struct judge *judge);

json_t *judge_to_json(const struct judge *judge);
/* Returns 0, or ERR_INVALID (then *judge is untouched). */
int judge_from_json(const json_t *row, struct judge *judge, struct error *err)
    __attribute__((warn_unused_result));

/* Correlation of bad requests within a window, from the scatter between the stable release's
 * replicas: `counts` holds windows x replicas pairs (requests, bad), row by row. Negative when it
 * says nothing (too few requests or replicas). */
double judge_dispersion(const double (*counts)[2], size_t windows, size_t replicas);

/* What a plan can prove: requests without a bad one that the canary needs before "at least p_bad"
 * is refuted. */
double judge_requests_needed(const struct judge_settings *settings, double p_bad);

struct judge_prospect {
    double p_bad;
    double requests;          /* needed, when none of them is bad */
    struct duration duration; /* at the given traffic and weight; ms INT64_MAX = never */
};
/* "A 1 % regression can be excluded in 10 min at 5 % of 10 rps": fills rows for 5, 2, 1, 0.1 %. */
#define JUDGE_PROSPECTS 4
void judge_prospects(const struct judge_settings *settings, double requests_per_second, int weight,
                     struct judge_prospect ret_rows[static JUDGE_PROSPECTS]);

const char *judge_verdict_name(enum judge_verdict verdict);
