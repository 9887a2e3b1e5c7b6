/* What the law remembers of one component on one target, and what people said to it. */
#pragma once

#include "tests/simulation/law.h"

/* By "cell/component/target"; NULL = there are too many. */
struct law_track *law_track_of(struct law *law, const char *track);

/* Its row is gone: what comes back by that name is new, and counts its attempts from the start. */
void law_track_forget(struct law *law, const char *track);

/* What git says of it; NULL = nothing. `ret_target` points into `track`. */
const struct part *law_track_part(const struct law *law, const char *track,
                                  const struct plot **ret_plot, const char **ret_target);

/* A person spoke to the attempt that the row is about. */
bool law_track_is_by_hand(const struct law_track *known, const json_t *row);

/* A person speaks to a rollout; what came of it. */
void law_track_ordered(struct law *law, const char *track, const char *action);
void law_track_answered(struct law *law, const char *track, const char *action, bool done);
