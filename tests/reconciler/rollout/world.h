/* A small world for the rollout machine: bindings that take up what is wanted after a while, in
 * virtual time. It says what happened as one line of text, and checks after each round what must
 * never be. */
#pragma once

#include "reconciler/rollout/rollout.h"

#define SIM_LOG_SIZE 8192

/* What the log says of a canary in which all went well. */
#define WORLD_CANARY_GOOD "prepare deploy step:5:20:50:100 bake cleanup idle"

/* How content behaves once it stands on a slot. */
enum behaviour { BEHAVES, FAILS, NEVER_READY, UNREADABLE, IGNORED };

struct sim_binding {
    bool exists;
    char content[DIGEST_SHORT + 1]; /* deployment digest; "" = undeployed */
    char before[DIGEST_SHORT + 1];  /* what it carried before; runs on until it is settled */
    int weight[2];
    bool list[2];
    bool scaled;
    int64_t replicas;
    char active;
    int64_t ready_at; /* mono: when the gate settles */
    uint64_t look;
    bool ever_settled;
};

struct world {
    struct rollout rollout;
    struct rollout_view view;
    struct rollout_plan plan;
    struct rollout_content contents[4]; /* "aaa", "bbb", "ccc", "ddd" */
    struct sim_binding slot[2], route;
    enum behaviour behaviour[4], route_behaviour;
    int64_t settle_ms;
    bool restart_each_round; /* through the journal row, on another boot */
    bool quarantine_kept;    /* what the machine condemns stays condemned */
    char quarantined[4][DIGEST_SHORT + 1];
    size_t quarantine_count;
    char log[SIM_LOG_SIZE];
    int most_weight; /* on `next`, since the last world_clear() */
    struct rollout_result result;
};

void world_init(struct world *world, bool routed, enum strategy strategy);
void world_start(struct world *world, bool routed, enum strategy strategy, bool restarts);
void world_fini(struct world *world);

/* Git wants contents[i]. */
void world_want(struct world *world, size_t content);

/* Rounds until `ms` of virtual time have gone by, one each `tick_ms`. */
void world_run(struct world *world, int64_t ms, int64_t tick_ms);
void world_round(struct world *world);

/* Until the state is reached; fails the test after `limit_ms`. */
void world_until(struct world *world, enum rollout_state state, int64_t limit_ms);
void world_command(struct world *world, enum rollout_command command);
void world_clear(struct world *world);

/* A stable release of contents[0], settled, in IDLE, with an empty log. */
void world_with_stable(struct world *world);

/* A world of canaries with a stable release; and then until contents[1] is at its first step. */
void world_canary(struct world *world);
void world_until_first_step(struct world *world);

/* Ports differ between contents: "port" flips, names widen and narrow. */
void world_endpoints(struct world *world, size_t content, const char *json);
