/* Kubernetes quantities ("1000m", "1", "128Mi", "1e3"), compared by value and exactly. */
#pragma once

#include <stdbool.h>

/* True when both texts are quantities of the same value: "1000m" and "1". */
bool quantity_equal(const char *a, const char *b);

/* True when the text is a quantity at all. */
bool quantity_is_valid(const char *text);
