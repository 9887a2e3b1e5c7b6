/* Memory that runs out: makes allocations of the code under test fail on purpose. The program is
 * linked with scarcity_wrap() in CMake, so that malloc and its kin come here first; jansson is told
 * by itself. What the test and Criterion allocate between two calls is not touched. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* From here on the allocation after `spared` further ones fails, once or (`lasting`) with all that
 * follow, until scarcity_end(). */
void scarcity_begin(uint64_t spared, bool lasting);

/* From here on each allocation fails with a chance of one in `rarity`; the same seed fails the
 * same ones. */
void scarcity_begin_by_chance(uint64_t seed, uint64_t rarity);

/* Memory is back; the number of allocations that failed since scarcity_begin(). */
uint64_t scarcity_end(void);
