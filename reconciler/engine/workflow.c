#include "reconciler/engine/workflow.h"

#include "reconciler/engine/object.h"

#include <string.h>

const char *workflow_kind(const struct workflow_reference *workflow)
{
    return workflow->kind.text == NULL ? "ClusterWorkflow" : workflow->kind.text;
}

void workflow_schema_path(const struct engine *engine, const struct workflow_reference *workflow,
                          struct text *out)
{
    const bool near = strcmp(workflow_kind(workflow), "Workflow") == 0;
    const struct object_key key = {near ? KIND_WORKFLOW : KIND_CLUSTER_WORKFLOW,
                                   near ? engine->platform->namespace_name.text : "",
                                   workflow->name.text};
    object_key_path(&key, out);
    text_add(out, "/schema");
}

void workflow_run_path(const struct engine *engine, const char *run, struct text *out)
{
    const struct object_key key = {KIND_WORKFLOW_RUN, engine->platform->namespace_name.text, run};
    object_key_path(&key, out);
}

void workflow_runs_path(const struct engine *engine, struct text *out)
{
    object_collection_path(KIND_WORKFLOW_RUN, engine->platform->namespace_name.text, out);
}

enum workflow_outcome workflow_outcome(const json_t *run, const char **ret_reason,
                                       const char **ret_message)
{
    const json_t *completed = object_condition(run, "WorkflowCompleted");
    *ret_reason = json_text_or(json_object_get(completed, "reason"), "");
    *ret_message = json_text_or(json_object_get(completed, "message"), "");
    if (strcmp(json_text_or(json_object_get(completed, "status"), ""), "True") != 0)
        return WORKFLOW_UNDER_WAY;
    if (strcmp(*ret_reason, "WorkflowSucceeded") == 0)
        return WORKFLOW_SUCCEEDED;
    /* A component that is "not found" refuses the run, and says so with another reason. */
    return strcmp(*ret_reason, "ComponentValidationFailed") != 0 &&
                   strstr(*ret_message, "not found") != NULL
               ? WORKFLOW_LOST
               : WORKFLOW_FAILED;
}
