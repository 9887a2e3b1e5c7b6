/* Contents that were judged bad on a target: git naming one again does not bring it back. */
#pragma once

#include "reconciler/engine/internal.h"

const struct quarantine *quarantine_find(const struct engine *engine, const char *cell,
                                         const char *component, const char *target,
                                         const char *digest);

void quarantine_add(struct engine *engine, const struct track *track, const char *digest,
                    const char *reason, const char *evidence, bool by_operator);

/* Lifts all entries that fit; NULL = any. Returns how many. */
size_t quarantine_clear(struct engine *engine, const char *cell, const char *component,
                        const char *target, const char *digest);

/* What git does not name any more keeps its entries as long as events are kept, so that a cell
 * which is taken out and put back does not bring bad content with it, and no more than so many of
 * them; then they go. Call only with a complete revision. */
#define QUARANTINE_GONE_LIMIT 500
void quarantine_age(struct engine *engine);

/* What git wants of the track is condemned there; NULL = it is not. */
const struct quarantine *quarantine_of(const struct engine *engine, const struct track *track);

void quarantine_apply(struct engine *engine, const char *cell, const char *component,
                      const char *target, const char *digest, const json_t *value);
json_t *quarantine_row(const struct quarantine *entry);
