/* Gates between environments: which stand open for which digests, by whom or by what. A gate stands
 * once per (cell, environment, set of release digests) and holds for all regions. */
#pragma once

#include "reconciler/engine/internal.h"

/* As plan_gate_lookup; `context` is the engine. */
enum gate_state gate_lookup(void *context, const char *cell, const struct environment *environment,
                            const struct gate *gate, const char *release_digests);
void *gate_context(const struct engine *engine);

/* After a plan: runs that are waited for are begun. */
void gate_want(struct engine *engine);

/* Opens gates between environments by a person's word. Returns how many; NULL = all that are waited
 * for. What judges a rollout is no such gate. */
size_t gate_approve(struct engine *engine, const char *cell, const char *environment,
                    const char *name, const char *operator_name);

struct gate_record *gate_find(const struct engine *engine, const char *cell,
                              const char *environment, const char *name);
void gate_put(struct engine *engine, const struct gate_record *gate);

void gate_apply(struct engine *engine, const char *cell, const char *environment, const char *name,
                const json_t *value);
json_t *gate_row(const struct gate_record *gate);
void gate_free_all(struct engine *engine);

const char *gate_state_name(enum gate_state state);
