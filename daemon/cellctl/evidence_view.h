/* What the judge knows of a rollout, in plain words. */
#pragma once

#include "daemon/cellctl/view.h"

#include <jansson.h>

/* The lines of an ANALYSIS; nothing for null. `judged`: the judge decides what comes next. */
void evidence_view_print(const struct view *view, const json_t *analysis, bool judged);
