/* Workflow runs as the server shows them: what gates and builds have in common. */
#pragma once

#include "reconciler/engine/internal.h"

/* Workflow or ClusterWorkflow; always sent. */
const char *workflow_kind(const struct workflow_reference *workflow);

/* Path of the schema of its parameters. */
void workflow_schema_path(const struct engine *engine, const struct workflow_reference *workflow,
                          struct text *out);

void workflow_run_path(const struct engine *engine, const char *run, struct text *out);
void workflow_runs_path(const struct engine *engine, struct text *out);

enum workflow_outcome {
    WORKFLOW_UNDER_WAY,
    WORKFLOW_SUCCEEDED,
    WORKFLOW_FAILED,
    WORKFLOW_LOST, /* its engine's object is gone: nobody knows */
};

/* How far a run is; *ret_reason and *ret_message are borrowed from it. */
enum workflow_outcome workflow_outcome(const json_t *run, const char **ret_reason,
                                       const char **ret_message);
