/* Components that others connect to: who waits for whose first release, and whose address is made
 * known before that.
 *
 * A component begins when those that it connects to stand. Where they wait for it in turn, by a
 * connection of theirs or by the order of phases and cells, it goes ahead: first their routes are
 * written with no slot behind them, so that its pods have all their variables from the start. */
#pragma once

#include "reconciler/engine/internal.h"

/* The first that it still waits for; NULL = it may begin. */
const struct track *provider_missing(const struct engine *engine, const struct track *track);

/* Once in each step of a track: what it waits for, whom it goes ahead of, who awaits it. */
void provider_step(struct engine *engine, struct track *track);

/* After a step: its address is known now, or is not any more. */
void provider_tell(struct engine *engine, struct track *track);

/* The address of some component is to be known there, whatever the plan lets begin. */
bool provider_is_awaited_on(const struct node *node);
