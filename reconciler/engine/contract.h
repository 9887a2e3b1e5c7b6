/* Connections between components on one target: what a release needs of others, and what others
 * that are live need of it. */
#pragma once

#include "reconciler/engine/internal.h"

/* Looks whether what git wants of `track` would take an endpoint from a live consumer: then
 * track->refusal says who needs what, and track->yields whether that consumer is just about to do
 * without it. */
void contract_check(struct engine *engine, struct track *track);

/* Something of the provider is among what content connects to. */
bool contract_needs(const struct packed *needs, const struct track *provider);

/* The live release of `provider` has every endpoint that the content of `track` connects to. */
bool contract_is_met(const struct track *track, const struct track *provider);

/* A release that yields is held back until this consumer of it has moved. */
bool contract_yields_to(const struct engine *engine, const struct track *track,
                        const struct track *consumer);

/* A release came or went: those that were held back because of it look again. */
void contract_changed(struct engine *engine);
