/* What a person can do about a component that does not move by itself. */
#pragma once

#include "reconciler/engine/internal.h"

/* Appends one clause, or nothing. */
void track_advice_add(const struct track *track, struct text *out);
