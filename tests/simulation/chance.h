/* Seeded chance: the same seed gives the same choices everywhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

/* Streams of one seed do not disturb each other: a draw more in one changes none in another. */
struct chance chance_stream(uint64_t seed, uint64_t stream);

uint64_t chance_next(struct chance *chance);
unsigned chance_below(struct chance *chance, unsigned limit);             /* 0 for limit 0 */
int64_t chance_between(struct chance *chance, int64_t low, int64_t high); /* both included */
bool chance_percent(struct chance *chance, unsigned percent);
