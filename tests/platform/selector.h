/* Label selectors: `a=b`, `a==b`, `a!=b`, `a in (x,y)`, `a notin (x,y)`, `a`, `!a`, joined by
 * commas. */
#pragma once

#include <jansson.h>

#include <stdbool.h>

/* True when it can be read. */
bool selector_is_sound(const char *selector);
bool selector_fits(const char *selector, const json_t *labels);
