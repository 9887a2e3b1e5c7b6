/* Components that others connect to: who waits for whose first release, and whose address is made
 * known before that.
 *
 * A component begins when those that it connects to stand. Where they wait for it in turn, by a
 * connection of theirs or by the order of phases and cells, it goes ahead: first their routes are
 * written with no slot behind them, so that its pods have all their variables from the start. */
#pragma once

#include "reconciler/engine/internal.h"
#include "reconciler/engine/track_walk.h"

/* The first that it still waits for; NULL = it may begin. */
const struct track *provider_missing(const struct engine *engine, const struct track *track);

/* What a track waits for in turn is added: others' releases, and whole cells by the plan's order.
 * `context` is the engine. */
void provider_add_waits(struct track_walk *walk, const struct track *at, const void *context);

/* `track` cannot go on before `provider` does: it waits for it, be it by way of others. */
bool provider_is_waited_for(const struct engine *engine, const struct track *provider,
                            const struct track *track);

/* Its address is about to be known: that is work, though nothing of it may begin. */
bool provider_is_on_its_way(const struct track *track);

/* "shop-api waits for billing-api of billing, which it connects to"; false = it does not. */
bool provider_explain(const struct engine *engine, const struct track *track, struct text *out);

/* Once in each step of a track: what it waits for, whom it goes ahead of, who awaits it. */
void provider_step(struct engine *engine, struct track *track);

/* After a step: its address is known now, or is not any more. */
void provider_tell(struct engine *engine, struct track *track);

/* The address of some component is to be known there, whatever the plan lets begin. */
bool provider_is_awaited_on(const struct node *node);
