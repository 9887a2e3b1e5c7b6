/* What a person can do about a component that does not move by itself. */
#pragma once

#include "reconciler/engine/internal.h"

/* The verb of `cellctl rollout` that gets on what is paused or held; NULL = there is none. */
const char *track_advice_verb(const struct track *track);

/* Appends one clause, or nothing. */
void track_advice_add(const struct track *track, struct text *out);
