/* The end of a seed: the faults stop, and all comes to rest. Used by run.c. */
#pragma once

#include "tests/simulation/law.h"
#include "tests/simulation/people.h"
#include "tests/simulation/run.h"
#include "tests/simulation/script.h"

#define SECONDS(n) (INT64_C(1000) * (n))
#define LIST_INTERVAL SECONDS(30) /* the engine's */

struct run {
    struct world *world;
    struct weather weather;
    struct law law;
    struct script script;
    struct traffic traffic;
    struct people people;
    struct chance chance;
    bool print;
    int64_t beat_ms, look_ms;
    int64_t instant_ms;
    unsigned instant_steps;
    struct run_result *result;
};

/* The law was broken: the first time counts. */
bool run_is_broken(const struct run *run);

/* The next event, if it is due until then. */
void run_step(struct run *run, int64_t until_ms);

/* Lets time go by. */
void run_go(struct run *run, int64_t ms);

/* The last commit, and what must hold after it. */
void run_end(struct run *run);
