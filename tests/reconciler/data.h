/* Recorded answers of a control plane, as the tests below tests/reconciler/ use them. */
#pragma once

#include <jansson.h>

/* Reads tests/reconciler/data/<name>; a missing or broken file fails the test. Owned. */
json_t *data_load(const char *name);
