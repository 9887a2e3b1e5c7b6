/* SplitMix64: good enough to scatter delays and choices, not for secrets. The whole state is one
 * number, and every number is a good one. Source: Steele, Lea, Flood, "Fast splittable pseudorandom
 * number generators", 2014. */
#pragma once

#include <stdint.h>

static inline uint64_t splitmix_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
