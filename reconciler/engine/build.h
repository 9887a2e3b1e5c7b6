/* Builds: components whose manifest names a build instead of an image. Each source tree is built
 * once, by a workflow run of the component "X-build"; the image of the last good run is what the
 * component is deployed with, so a build under way or a broken one leaves alone what is live. */
#pragma once

#include "reconciler/engine/internal.h"

/* The last good image; NULL = none yet. Borrowed until the next step. */
const char *build_image(const struct engine *engine, const char *cell, const char *component);

/* Which trees the new revision has. */
void build_take_trees(struct engine *engine, const struct engine_event *event);

/* The Components "X-build" of a compiled cell become goals, and may be written. */
void build_desire(struct engine *engine, struct unit *unit);
void build_permit(struct engine *engine, struct unit *unit);

/* The component as git has it now; NULL = it is not to be built (any more). */
const struct component *build_manifest(const struct engine *engine,
                                       const struct build_record *build);

/* The wanted tree is not built yet, and time will change that; or only a person or git can. */
bool build_moves(const struct engine *engine, const struct build_record *build);
bool build_is_held(const struct engine *engine, const struct build_record *build);

/* It is to go on: not done, not failed, its cell at work. */
bool build_may_run(const struct engine *engine, const struct build_record *build);

/* Git wants other content of the cell than what can be deployed so far: a build will bring it. */
bool build_is_awaited(const struct engine *engine, const struct unit *unit);

/* Appends why it is held. */
void build_explain_hold(const struct engine *engine, const struct build_record *build,
                        struct text *out);

/* Appends one clause when the build is what the component waits for. */
bool build_explain(const struct engine *engine, const struct track *track, struct text *out);

/* Failed builds of a cell (of one component of it, unless NULL) are tried once more. How many. */
size_t build_retry(struct engine *engine, const char *cell, const char *component);

void build_apply(struct engine *engine, const char *cell, const char *component,
                 const json_t *value);
json_t *build_row(const struct build_record *build);
void build_put(struct engine *engine, const struct build_record *build);
void build_free_all(struct engine *engine);
