/* How much one place in the code may say. Knows no clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many messages in so long; what is more is counted. */
#define LIMIT_BURST 30
#define LIMIT_INTERVAL_MS 10000
#define LIMIT_SITES 128

struct limit_site {
    uint64_t key; /* 0 = free */
    uint64_t since_ms;
    unsigned count, dropped;
};

struct limit {
    struct limit_site sites[LIMIT_SITES];
};

/* May the site speak now? *ret_dropped = how many it kept back before, when it may again. */
bool limit_may(struct limit *limit, uint64_t key, uint64_t now_ms, unsigned *ret_dropped);
