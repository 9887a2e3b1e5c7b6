/* Workflow runs: gates and builds. The engine behind is a clock: steps of equal length that start
 * when the run is rendered. What a run's status says of it is as old as the controller's last look.
 *
 *   NEW -> PENDING -> NAMED (ttl copied) -> RENDERED -> RUNNING -> ENDED -> CLOSED (completedAt)
 *            |-> ENDED when the run may not use the workflow
 *            |-> stays when an expression fails: no message, no ttl, doubling retries */
#include "config/base/check.h"
#include "tests/platform/workflow_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISSING "Workflow is not found in the cluster"

enum { NEW, PENDING, NAMED, RENDERED, RUNNING, ENDED, CLOSED };

static void set(struct platform *p, struct object *o, json_t *status, const char *type, bool ok,
                const char *reason, const char *message)
{
    condition_set(status, type, ok ? "True" : "False", reason, message, o->generation, p->now_ms);
}

static void again(struct platform *p, struct object *o, int64_t ms)
{
    agenda_set(p, o, SLOT_RECONCILE, p->now_ms + ms);
}

static void retry(struct platform *p, struct object *o)
{
    o->backoff_ms = o->backoff_ms == 0 ? 5 : o->backoff_ms * 2;
    if (o->backoff_ms > p->options.timing.retry_limit)
        o->backoff_ms = p->options.timing.retry_limit;
    again(p, o, o->backoff_ms);
}

const struct object *workflow_engine_workflow(const struct platform *p, const struct object *run)
{
    const json_t *ref = values_get(run->spec, "workflow");
    const bool cluster = strcmp(values_text(ref, "kind"), "ClusterWorkflow") == 0;
    return store_find(p, cluster ? KIND_CLUSTER_WORKFLOW : KIND_WORKFLOW, cluster ? NULL : run->ns,
                      values_text(ref, "name"));
}

static void end_with(struct platform *p, struct object *o, bool ok, const char *reason,
                     const char *completed, const char *running, const char *last)
{
    json_t *status = condition_begin(o);
    set(p, o, status, "WorkflowCompleted", true, reason, completed);
    set(p, o, status, "WorkflowRunning", false, "WorkflowRunning", running);
    set(p, o, status, ok ? "WorkflowSucceeded" : "WorkflowFailed", true, reason, last);
    store_set_status(p, o, status);
    o->stage = ENDED;
    again(p, o, 80);
}

static void begin(struct platform *p, struct object *o)
{
    char time[32];
    json_t *status = condition_begin(o);
    json_object_set_new(status, "startedAt", json_string(values_time(p->now_ms, time)));
    const struct object *workflow = workflow_engine_workflow(p, o);
    const json_t *plane = workflow == NULL ? NULL : values_get(workflow->spec, "workflowPlaneRef");
    if (workflow != NULL &&
        store_find(p, KIND_CLUSTER_WORKFLOW_PLANE, NULL, values_text(plane, "name")) == NULL &&
        !workflow_engine_is_component_run(o)) {
        set(p, o, status, "WorkflowCompleted", false, "WorkflowPlaneNotFound",
            "No workflow plane found for the workflow associated with this workflow run");
    } else {
        set(p, o, status, "WorkflowCompleted", false, "WorkflowPending",
            "Workflow has not completed yet");
        o->stage = PENDING;
        again(p, o, 40);
    }
    store_set_status(p, o, status);
}

/* Component runs are checked before anything is rendered. */
static void check_owner(struct platform *p, struct object *o)
{
    char refused[512];
    if (workflow_engine_refuses(p, o, refused, sizeof(refused))) {
        end_with(p, o, false, "ComponentValidationFailed", refused, refused, refused);
        return;
    }
    const struct object *workflow = workflow_engine_workflow(p, o);
    const json_t *ttl = workflow == NULL ? NULL : values_get(workflow->spec, "ttlAfterCompletion");
    o->stage = NAMED;
    if (ttl != NULL && values_get(o->spec, "ttlAfterCompletion") == NULL) {
        json_t *spec = json_copy(o->spec);
        json_object_set(spec, "ttlAfterCompletion", values_mutable(ttl));
        store_set_spec(p, o, spec);
    }
    again(p, o, 60);
}

static void render(struct platform *p, struct object *o)
{
    if (!workflow_engine_renders(p, o)) {
        retry(p, o);
        return;
    }
    char ns[NAME_SIZE];
    snprintf(ns, sizeof(ns), "workflows-%s", o->ns);
    json_t *status = condition_begin(o);
    json_object_set_new(status, "runReference",
                        json_pack("{s:s,s:s,s:s,s:s}", "apiVersion", "argoproj.io/v1alpha1", "kind",
                                  "Workflow", "name", o->name, "namespace", ns));
    store_set_status(p, o, status);
    o->stage = RENDERED;
    o->since_ms = p->now_ms + workflow_engine_pace(p, o).late_ms + 100;
    /* rendering takes several passes, and the delay of earlier failures is not forgotten */
    o->backoff_ms *= 4;
    retry(p, o);
}

static void update_tasks(struct platform *p, struct object *o)
{
    json_t *status = condition_begin(o);
    json_object_set_new(status, "tasks", workflow_engine_tasks(p, o));
    store_set_status(p, o, status);
}

static void finish(struct platform *p, struct object *o)
{
    update_tasks(p, o);
    const bool ok = !workflow_engine_fails(p, o);
    end_with(p, o, ok, ok ? "WorkflowSucceeded" : "WorkflowFailed",
             ok ? "Workflow has completed successfully" : "Workflow has completed with failure",
             "Argo Workflow running has completed",
             ok ? "Workflow completed successfully" : "Workflow execution failed");
}

static void look(struct platform *p, struct object *o)
{
    if (workflow_engine_is_lost(p, o)) {
        end_with(p, o, false, "WorkflowFailed", MISSING, MISSING, MISSING);
        return;
    }
    if (p->now_ms < o->since_ms) {
        retry(p, o);
        return;
    }
    if (o->stage == RENDERED) {
        json_t *status = condition_begin(o);
        set(p, o, status, "WorkflowRunning", true, "WorkflowRunning", "Argo Workflow is running");
        store_set_status(p, o, status);
        o->stage = RUNNING;
    }
    if (p->now_ms >= workflow_engine_end(p, o)) {
        finish(p, o);
        return;
    }
    update_tasks(p, o);
    again(p, o, p->options.timing.workflow_poll);
}

static int64_t ttl_ms(const struct object *o)
{
    const char *text = values_text(o->spec, "ttlAfterCompletion");
    if (text[0] == '\0')
        return -1;
    int64_t total = 0;
    while (*text != '\0') {
        char *unit;
        const int64_t number = strtoll(text, &unit, 10);
        total += number * (*unit == 'd'   ? 86400000
                           : *unit == 'h' ? 3600000
                           : *unit == 'm' ? 60000
                                          : 1000);
        text = *unit == '\0' ? unit : unit + 1;
    }
    return total;
}

/* The ttl runs from completedAt, which only rendered runs live to see. */
static void wait_for_ttl(struct platform *p, struct object *o)
{
    const int64_t ttl = ttl_ms(o);
    if (ttl < 0 || values_get(o->status, "runReference") == NULL)
        return;
    if (p->now_ms >= o->backoff_ms + ttl)
        store_delete(p, o);
    else
        agenda_set(p, o, SLOT_RECONCILE, o->backoff_ms + ttl);
}

static void close_run(struct platform *p, struct object *o)
{
    char time[32];
    json_t *status = condition_begin(o);
    json_object_set_new(status, "completedAt", json_string(values_time(p->now_ms, time)));
    store_set_status(p, o, status);
    o->stage = CLOSED;
    o->backoff_ms = p->now_ms; /* from here on: when it was completed */
    wait_for_ttl(p, o);
}

void workflow_reconcile(struct platform *p, struct object *o)
{
    if (o->deleted_ms >= 0)
        return;
    if (o->stage == NEW)
        begin(p, o);
    else if (o->stage == PENDING)
        check_owner(p, o);
    else if (o->stage == NAMED)
        render(p, o);
    else if (o->stage == RENDERED || o->stage == RUNNING)
        look(p, o);
    else if (o->stage == ENDED)
        close_run(p, o);
    else
        wait_for_ttl(p, o);
}

/* ---- /status, /logs, /events ---- */

static json_t *show_steps(const struct object *run)
{
    json_t *steps = json_array();
    size_t i;
    json_t *task;
    json_array_foreach(values_get(run->status, "tasks"), i, task)
    {
        json_t *step =
            json_pack("{s:O,s:O,s:O}", "name", values_get(task, "name"), "phase",
                      values_get(task, "phase"), "startedAt", values_get(task, "startedAt"));
        if (values_get(task, "completedAt") != NULL)
            json_object_set(step, "finishedAt", values_get(task, "completedAt"));
        json_array_append_new(steps, step);
    }
    return steps;
}

static void answer_status(struct platform *p, const struct object *run, struct answer *a)
{
    const char *phase = condition_is(run->status, "WorkflowSucceeded", "True") ? "Succeeded"
                        : condition_is(run->status, "WorkflowFailed", "True")  ? "Failed"
                        : condition_is(run->status, "WorkflowRunning", "True") ? "Running"
                                                                               : "Pending";
    const bool live = values_get(run->status, "runReference") != NULL &&
                      !workflow_engine_is_lost(p, run) && strcmp(phase, "Pending") != 0;
    answer_json(a, 200,
                json_pack("{s:b,s:s,s:o}", "hasLiveObservability", (int)live, "status", phase,
                          "steps", show_steps(run)));
}

void workflow_answer(struct platform *p, struct object *run, const char *what, const json_t *query,
                     struct answer *a)
{
    const bool logs = strcmp(what, "logs") == 0, events = strcmp(what, "events") == 0;
    if (strcmp(what, "status") == 0)
        answer_status(p, run, a);
    else if (!logs && !events)
        answer_text(a, 404, "404 page not found\n");
    else if (logs && !tree_check_seconds(query, a))
        return;
    else if (values_get(run->status, "runReference") == NULL)
        answer_error(a, 404, logs ? "WorkflowRun not found" : "WorkflowRunReference not found");
    else if (workflow_engine_is_lost(p, run))
        answer_internal(a);
    else
        answer_json(a, 200, json_array());
}
