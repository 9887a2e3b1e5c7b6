#include "reconciler/engine/gate_run.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/parameter.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/workflow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ATTEMPTS 3 /* runs with an unknown outcome before a person is asked */
#define TTL "2h"   /* how long the server keeps a finished run: long enough for us to be down */
#define DEFAULT_TIMEOUT DURATION_S(1800)

static void conclude(struct engine *engine, struct gate_record *gate, enum gate_state state,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

static void conclude(struct engine *engine, struct gate_record *gate, enum gate_state state,
                     const char *format, ...)
{
    struct gate_record next = *gate;
    va_list arguments;
    va_start(arguments, format);
    text_vput(next.message, sizeof next.message, format, arguments);
    va_end(arguments);
    next.state = state;
    next.since_ms = engine->now.wall.ms;
    gate_put(engine, &next);
    engine->progress++;
    history_publish(engine, state == GATE_STATE_PASSED ? PUBLISH_NOTICE : PUBLISH_WARNING,
                    state == GATE_STATE_PASSED   ? "gate-passed"
                    : state == GATE_STATE_FAILED ? "gate-failed"
                                                 : "gate-unknown",
                    &(struct history_about){.cell = gate->cell}, "gate %s of %s before %s: %s",
                    gate->name, gate->cell, gate->environment, next.message);
}

static void send(struct engine *engine, struct gate_record *gate, const char *method,
                 const char *path, json_t *body)
{
    gate->request = request_add(engine, &(struct request_order){.purpose = REQUEST_GATE,
                                                                .owner = gate,
                                                                .method = method,
                                                                .path = path,
                                                                .body = body,
                                                                .urgent = true});
}

static void ask_schema(struct engine *engine, struct gate_record *gate)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    workflow_schema_path(engine, &gate->manifest->workflow, &path);
    gate->step = GATE_STEP_SCHEMA;
    send(engine, gate, "GET", text_get(&path), NULL);
}

static void read_run(struct engine *engine, struct gate_record *gate)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    workflow_run_path(engine, gate->run, &path);
    gate->step = GATE_STEP_READ;
    send(engine, gate, "GET", text_get(&path), NULL);
}

static void delete_run(struct engine *engine, struct gate_record *gate)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    workflow_run_path(engine, gate->run, &path);
    gate->step = GATE_STEP_DELETE;
    send(engine, gate, "DELETE", text_get(&path), NULL);
}

static void post_run(struct engine *engine, struct gate_record *gate)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    workflow_runs_path(engine, &path);
    gate->step = GATE_STEP_POST;
    /* Standalone: with one of the owner labels the run would fail at once. */
    json_t *body = json_pack("{s:{s:s, s:{s:s}, s:{s:s}}, s:{s:{s:s, s:s, s:O}, s:s}}", "metadata",
                             "name", gate->run, "labels", LABEL_MANAGED_BY, LABEL_MANAGED_BY_CELLD,
                             "annotations", ANNOTATION_DIGEST, gate->digests, "spec", "workflow",
                             "kind", workflow_kind(&gate->manifest->workflow), "name",
                             gate->manifest->workflow.name.text, "parameters", gate->parameters,
                             "ttlAfterCompletion", TTL);
    if (body == NULL)
        engine->status = -ENOMEM;
    else
        send(engine, gate, "POST", text_get(&path), body);
}

/* The run's name and the attempt are durable before it is posted. */
static void begin_run(struct engine *engine, struct gate_record *gate)
{
    struct gate_record next = *gate;
    next.state = GATE_STATE_RUNNING;
    next.attempt++;
    next.started_ms = engine->now.wall.ms;
    next.since_ms = engine->now.wall.ms;
    next.uid[0] = '\0';
    struct digest digest;
    char text[4 * NAME_SIZE];
    text_put(text, sizeof text, "%s/%s/%s/%s", gate->cell, gate->environment, gate->name,
             gate->digests);
    digest = digest_bytes(text, strlen(text));
    text_put(next.run, sizeof next.run, "gate-%.20s-%.16s-%.8s-%" PRIu64, gate->cell, gate->name,
             digest.text, next.attempt);
    text_put(next.message, sizeof next.message, "run %s is under way", next.run);
    gate_put(engine, &next);
    history_publish(engine, PUBLISH_INFO, "gate-started",
                    &(struct history_about){.cell = gate->cell},
                    "gate %s of %s before %s: workflow %s runs as %s", gate->name, gate->cell,
                    gate->environment, gate->manifest->workflow.name.text, gate->run);
    post_run(engine, gate);
}

static struct duration timeout_of(const struct gate_record *gate)
{
    return gate->manifest->timeout.set ? gate->manifest->timeout.value : DEFAULT_TIMEOUT;
}

static void pump(struct engine *engine, struct gate_record *gate)
{
    if (gate->request != 0 || gate->due.ms > engine->now.mono.ms)
        return;
    switch (gate->state) {
    case GATE_STATE_CLOSED:
        ask_schema(engine, gate);
        return;
    case GATE_STATE_RUNNING:
        if (engine->now.wall.ms - gate->started_ms > timeout_of(gate).ms)
            delete_run(engine, gate);
        else
            read_run(engine, gate);
        return;
    case GATE_STATE_UNKNOWN:
        if (gate->attempt % ATTEMPTS != 0)
            ask_schema(engine, gate);
        return;
    case GATE_STATE_PASSED:
    case GATE_STATE_FAILED:
        return;
    }
}

void gate_run_pump(struct engine *engine)
{
    engine->gate_due = (struct mono_time){NEVER};
    for (size_t i = 0; i < engine->gate_count && engine->status == 0; i++) {
        struct gate_record *gate = engine->gates[i];
        if (!gate->wanted || gate->manifest->kind != GATE_WORKFLOW)
            continue;
        pump(engine, gate);
        const bool moves = gate->state == GATE_STATE_CLOSED || gate->state == GATE_STATE_RUNNING ||
                           (gate->state == GATE_STATE_UNKNOWN && gate->attempt % ATTEMPTS != 0);
        if (gate->request == 0 && moves && gate->due.ms < engine->gate_due.ms)
            engine->gate_due = gate->due;
    }
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void later(struct engine *engine, struct gate_record *gate, bool failed,
                  const struct error *err)
{
    gate->failures = failed ? gate->failures + 1 : 0;
    gate->due = failed ? request_backoff(engine, gate->failures, err)
                       : (struct mono_time){engine->now.mono.ms + engine->options.poll_slowest.ms};
}

static void take_schema(struct engine *engine, struct gate_record *gate, const json_t *schema)
{
    const struct node_parameters given = {
        .manifest = gate->manifest->workflow.parameters,
        .cell = gate->cell,
        .environment = gate->environment,
        .revision = engine->commit,
        .digests = gate->digests,
    };
    char project[NAME_SIZE];
    platform_project_name(engine->platform, gate->cell, project, sizeof project);
    struct error err = {0};
    json_t *parameters = NULL;
    const int result = parameter_fill(schema, &given, project, &parameters, &err);
    if (result == -ENOMEM) {
        engine->status = -ENOMEM;
        return;
    }
    if (result < 0) {
        conclude(engine, gate, GATE_STATE_FAILED, "workflow %s would not get what it needs: %.180s",
                 gate->manifest->workflow.name.text, err.detail);
        return;
    }
    json_decref(gate->parameters);
    gate->parameters = parameters;
    begin_run(engine, gate);
}

static void take_run(struct engine *engine, struct gate_record *gate, const json_t *run)
{
    const char *uid = object_uid(run);
    if (gate->uid[0] == '\0') {
        /* Ours when it bears our digests: its POST's answer was lost. */
        struct gate_record next = *gate;
        text_put(next.uid, sizeof next.uid, "%s", uid);
        gate_put(engine, &next);
    } else if (strcmp(gate->uid, uid) != 0) {
        conclude(engine, gate, GATE_STATE_UNKNOWN,
                 "run %s is another execution than the one celld began: its outcome is unknown",
                 gate->run);
        return;
    }
    const char *reason, *message;
    switch (workflow_outcome(run, &reason, &message)) {
    case WORKFLOW_UNDER_WAY:
        later(engine, gate, false, NULL);
        return;
    case WORKFLOW_SUCCEEDED:
        conclude(engine, gate, GATE_STATE_PASSED, "run %s succeeded", gate->run);
        return;
    case WORKFLOW_LOST:
        conclude(engine, gate, GATE_STATE_UNKNOWN, "run %s was lost by its engine: outcome unknown",
                 gate->run);
        return;
    case WORKFLOW_FAILED:
        conclude(engine, gate, GATE_STATE_FAILED, "run %s failed: %.40s %.120s", gate->run, reason,
                 message);
        return;
    }
}

static void answer_post(struct engine *engine, struct gate_record *gate,
                        const struct engine_event *event)
{
    const int status = event->as.answer.status;
    if (event->as.answer.outcome == ANSWER_RECEIVED && status == 201)
        take_run(engine, gate, event->as.answer.body);
    else if (event->as.answer.outcome == ANSWER_RECEIVED &&
             (status == 400 || status == 404 || status == 422))
        conclude(engine, gate, GATE_STATE_FAILED, "run %s was refused (%d): %.150s", gate->run,
                 status, event->as.answer.error->detail);
    else
        later(engine, gate, true,
              event->as.answer.error); /* an existing name is a 500, too: read */
}

static void answer_read(struct engine *engine, struct gate_record *gate,
                        const struct engine_event *event)
{
    const int status = event->as.answer.status;
    const bool received = event->as.answer.outcome == ANSWER_RECEIVED;
    if (received && status == 200 && json_is_object(event->as.answer.body)) {
        take_run(engine, gate, event->as.answer.body);
    } else if (received && status == 404 && gate->uid[0] != '\0') {
        conclude(engine, gate, GATE_STATE_UNKNOWN, "run %s is gone: its outcome is unknown",
                 gate->run);
    } else if (received && status == 404) {
        /* Its POST never arrived; after a restart its parameters are made anew as well. */
        if (gate->parameters != NULL)
            post_run(engine, gate);
        else
            conclude(engine, gate, GATE_STATE_CLOSED, "run %s was not begun", gate->run);
    } else {
        later(engine, gate, true, event->as.answer.error);
    }
}

void gate_run_answer(struct engine *engine, struct gate_record *gate, const struct request *request,
                     const struct engine_event *event)
{
    CHECK(gate->request == request->id);
    gate->request = 0;
    const bool received = event->as.answer.outcome == ANSWER_RECEIVED;
    const int status = event->as.answer.status;
    if (!gate->wanted)
        return;
    switch (gate->step) {
    case GATE_STEP_SCHEMA:
        if (received && status == 200)
            take_schema(engine, gate, event->as.answer.body);
        else if (received && status == 404)
            conclude(engine, gate, GATE_STATE_FAILED, "there is no %s %s",
                     workflow_kind(&gate->manifest->workflow), gate->manifest->workflow.name.text);
        else
            later(engine, gate, true, event->as.answer.error);
        break;
    case GATE_STEP_POST:
        answer_post(engine, gate, event);
        break;
    case GATE_STEP_READ:
        answer_read(engine, gate, event);
        break;
    case GATE_STEP_DELETE:
        if (received && (status / 100 == 2 || status == 404))
            conclude(engine, gate, GATE_STATE_UNKNOWN,
                     "run %s did not end in time and was removed: its outcome is unknown",
                     gate->run);
        else
            later(engine, gate, true, event->as.answer.error);
        break;
    }
}
