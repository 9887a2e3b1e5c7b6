/* Recorded answers of a control plane, as the tests below tests/reconciler/ use them. */
#pragma once

#include <jansson.h>

#include <stdint.h>

/* Reads tests/reconciler/data/<name>; a missing or broken file fails the test. Owned. */
json_t *data_load(const char *name);

/* The next number of a seeded sequence. */
uint64_t data_random(uint64_t *seed);

/* Changes one value somewhere below `value`, adds a member, or takes one away. */
void data_disturb(json_t *value, uint64_t *seed);
