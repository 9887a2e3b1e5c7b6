/* A judge that is a workflow: one run per judged step, which passes or fails. It is a gate's run
 * with all that belongs to it: its outcome may also be unknown, and then it says nothing. */
#pragma once

#include "reconciler/engine/trial.h"

bool trial_workflow_is(const struct trial *trial);

/* The record is of a run that judges; otherwise of a gate between environments. */
bool trial_workflow_owns(const struct gate_record *gate);

/* A step stands: nothing of an earlier run counts for it. Before the trial's row is put. */
void trial_workflow_begin(struct engine *engine, const struct track *track, size_t step);

/* After a plan: runs that are waited for are begun. */
void trial_workflow_want(struct engine *engine);

/* What the step's run says; *ret_record (may be NULL) is it, or NULL. */
enum judge_verdict trial_workflow_verdict(const struct engine *engine, const struct trial *trial,
                                          const struct gate_record **ret_record);

/* The attempt is over. */
void trial_workflow_end(struct engine *engine, const struct track *track);
