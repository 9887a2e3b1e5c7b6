/* What a track's rollout is shown of the world. */
#pragma once

#include "reconciler/engine/internal.h"

/* The view that the rollout is shown, of a track that is live; `ret_plan` is its storage. */
void track_view(const struct engine *engine, const struct track *track,
                struct rollout_plan *ret_plan, struct rollout_view *ret_view);

/* Has the releases read that content of before needs. */
void track_view_ask_releases(struct engine *engine, struct track *track);
