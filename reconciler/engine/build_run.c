#include "reconciler/engine/build_run.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/parameter.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/workflow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS 3 /* runs with an unknown outcome before a person is asked */
#define TTL "2h"   /* how long the server keeps a finished run: long enough for us to be down */
#define TIMEOUT DURATION_S(3600)
#define ANNOTATION_WORKLOAD "openchoreo.dev/workload"
#define IMAGE_LIMIT 1024

static void conclude(struct engine *engine, struct build_record *build, enum build_state state,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

static void conclude(struct engine *engine, struct build_record *build, enum build_state state,
                     const char *format, ...)
{
    struct build_record next = *build;
    va_list arguments;
    va_start(arguments, format);
    text_vput(next.message, sizeof next.message, format, arguments);
    va_end(arguments);
    next.state = state;
    build->failures = 0;
    build->due = (struct mono_time){0};
    build_put(engine, &next);
    engine->progress++;
    history_publish(engine, PUBLISH_WARNING,
                    state == BUILD_FAILED ? "build-failed" : "build-unknown",
                    &(struct history_about){.cell = build->cell, .component = build->component},
                    "build of %s: %s", build->component, next.message);
}

/* Nobody knows what became of the run: another one, a few times. */
static void conclude_unknown(struct engine *engine, struct build_record *build, const char *what)
{
    conclude(engine, build, build->attempt % ATTEMPTS == 0 ? BUILD_FAILED : BUILD_NONE,
             "run %.100s %s: its outcome is unknown", build->run, what);
}

static void send(struct engine *engine, struct build_record *build, const char *method,
                 const struct text *path, json_t *body)
{
    build->request = request_add(engine, &(struct request_order){.purpose = REQUEST_BUILD,
                                                                 .owner = build,
                                                                 .method = method,
                                                                 .path = text_get(path),
                                                                 .body = body,
                                                                 .urgent = true});
}

static void ask_schema(struct engine *engine, struct build_record *build,
                       const struct component *component)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    workflow_schema_path(engine, &component->build.workflow, &path);
    build->step = BUILD_STEP_SCHEMA;
    send(engine, build, "GET", &path, NULL);
}

static void touch_run(struct engine *engine, struct build_record *build, bool remove)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    workflow_run_path(engine, build->run, &path);
    build->step = remove ? BUILD_STEP_DELETE : BUILD_STEP_READ;
    send(engine, build, remove ? "DELETE" : "GET", &path, NULL);
}

static void post_run(struct engine *engine, struct build_record *build,
                     const struct component *component)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    workflow_runs_path(engine, &path);
    char project[NAME_SIZE], owner[NAME_SIZE + 8];
    platform_project_name(engine->platform, build->cell, project, sizeof project);
    text_put(owner, sizeof owner, "%s-build", build->component);
    build->step = BUILD_STEP_POST;
    /* With only one of the owner labels the run would fail at once. */
    json_t *body = json_pack(
        "{s:{s:s, s:{s:s, s:s, s:s}, s:{s:s}}, s:{s:{s:s, s:s, s:O}, s:s}}", "metadata", "name",
        build->run, "labels", LABEL_MANAGED_BY, LABEL_MANAGED_BY_CELLD, "openchoreo.dev/project",
        project, "openchoreo.dev/component", owner, "annotations", ANNOTATION_DIGEST, build->tree,
        "spec", "workflow", "kind", workflow_kind(&component->build.workflow), "name",
        component->build.workflow.name.text, "parameters", build->parameters, "ttlAfterCompletion",
        TTL);
    if (body == NULL)
        engine->status = -ENOMEM;
    else
        send(engine, build, "POST", &path, body);
}

static void name_run(const struct build_record *build, uint64_t attempt, char *ret_name,
                     size_t size)
{
    char component[NAME_SIZE], more[24] = "";
    const struct digest digest = digest_bytes(build->component, strlen(build->component));
    /* The name is a label's value, too, which has its limit. */
    if (strlen(build->component) > 36)
        text_put(component, sizeof component, "%.27s-%.8s", build->component, digest.text);
    else
        text_put(component, sizeof component, "%s", build->component);
    if (attempt > 1)
        text_put(more, sizeof more, "-%" PRIu64, attempt);
    text_put(ret_name, size, "%s-build-%.12s%s", component, build->wanted, more);
}

/* The run is named durably, then looked for: one of the same tree may stand already. */
static void begin_run(struct engine *engine, struct build_record *build)
{
    struct build_record next = *build;
    /* Runs are named by the tree: of another way to build the same one, this is one more. */
    const size_t tree = strcspn(build->wanted, "-");
    next.attempt = strncmp(build->tree, build->wanted, tree) == 0 ? build->attempt + 1 : 1;
    text_put(next.tree, sizeof next.tree, "%s", build->wanted);
    next.state = BUILD_RUNNING;
    next.started_ms = engine->now.wall.ms;
    next.uid[0] = next.message[0] = '\0';
    name_run(build, next.attempt, next.run, sizeof next.run);
    build_put(engine, &next);
    history_publish(engine, PUBLISH_INFO, "build-started",
                    &(struct history_about){.cell = build->cell, .component = build->component},
                    "%s is built from %.12s as run %s", build->component, build->tree, build->run);
    touch_run(engine, build, false);
}

/* --- going on -----------------------------------------------------------------------------------
 */

static bool stands(const struct engine *engine, enum resource_kind kind, const char *namespace_name,
                   const char *name)
{
    const struct object_key key = {kind, namespace_name, name};
    const struct object *object = object_find(engine, &key);
    return object != NULL && object->goal == GOAL_PRESENT && object_is_equal(object);
}

/* A run of a component that is not there, or whose type does not list the workflow yet, is refused
 * for good. */
static bool may_begin(const struct engine *engine, const struct build_record *build)
{
    char owner[NAME_SIZE + 8];
    text_put(owner, sizeof owner, "%s-build", build->component);
    return engine->base->ready && stands(engine, KIND_CLUSTER_COMPONENT_TYPE, "", "cell-build") &&
           stands(engine, KIND_COMPONENT, engine->platform->namespace_name.text, owner);
}

static void pump(struct engine *engine, struct build_record *build)
{
    const struct component *component = build_manifest(engine, build);
    const bool other = strcmp(build->tree, build->wanted) != 0;
    if (!other && build->state == BUILD_RUNNING) {
        const bool late = engine->now.wall.ms - build->started_ms > TIMEOUT.ms;
        touch_run(engine, build, late && build->uid[0] != '\0');
    } else if (may_begin(engine, build)) {
        ask_schema(engine, build, component);
    }
}

void build_run_pump(struct engine *engine)
{
    engine->build_due = (struct mono_time){NEVER};
    if (engine->platform == NULL || engine->looks == 0)
        return;
    for (size_t i = 0; i < engine->build_count && engine->status == 0; i++) {
        struct build_record *build = engine->builds[i];
        if (build->request != 0 || !build_may_run(engine, build))
            continue;
        if (build->due.ms <= engine->now.mono.ms)
            pump(engine, build);
        /* One that may not begin yet goes on with the event that lets it. */
        if (build->request == 0 && build->due.ms > engine->now.mono.ms &&
            build->due.ms < engine->build_due.ms)
            engine->build_due = build->due;
    }
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void later(struct engine *engine, struct build_record *build, bool failed,
                  const struct error *err)
{
    build->failures = failed ? build->failures + 1 : 0;
    build->due = failed ? request_backoff(engine, build->failures, err)
                        : (struct mono_time){engine->now.mono.ms + engine->options.poll_slowest.ms};
}

static void take_schema(struct engine *engine, struct build_record *build,
                        const struct component *component, const json_t *schema)
{
    const struct build_parameters given = {
        .manifest = component->build.workflow.parameters,
        .url = engine->repository_url,
        .branch = engine->branch,
        .commit = build->commit,
        .path = component_build_path(component),
    };
    struct error err = {0};
    json_t *parameters = NULL;
    const int result = parameter_fill_build(schema, &given, &parameters, &err);
    build->missing = false;
    if (result == -ENOMEM) {
        engine->status = -ENOMEM;
        return;
    }
    if (result < 0) {
        struct build_record next = *build;
        text_put(next.tree, sizeof next.tree, "%s", build->wanted);
        build_put(engine, &next);
        conclude(engine, build, BUILD_FAILED, "workflow %s would not get what it needs: %.150s",
                 component->build.workflow.name.text, err.detail);
        return;
    }
    json_decref(build->parameters);
    build->parameters = parameters;
    if (build->state == BUILD_RUNNING && strcmp(build->tree, build->wanted) == 0)
        post_run(engine, build, component); /* named before a restart */
    else
        begin_run(engine, build);
}

static bool is_image(const char *image)
{
    const size_t length = strlen(image);
    if (length == 0 || length > IMAGE_LIMIT)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (image[i] <= ' ' || image[i] > '~')
            return false;
    }
    return true;
}

/* The last step of the workflow leaves the Workload that it made on the run. */
static void take_image(struct engine *engine, struct build_record *build, const json_t *run)
{
    const char *text =
        json_text_or(json_at(run, "metadata", "annotations", ANNOTATION_WORKLOAD, NULL), "");
    OWNED_JSON *workload = NULL;
    if (json_read(text, strlen(text), ANNOTATION_WORKLOAD, &workload, NULL) == -ENOMEM) {
        engine->status = -ENOMEM;
        return;
    }
    const char *named = json_text_or(json_at(workload, "spec", "container", "image", NULL), "");
    if (!is_image(named)) {
        conclude(engine, build, BUILD_FAILED, "run %s succeeded and names no image", build->run);
        return;
    }
    char image[IMAGE_LIMIT + 1];
    text_put(image, sizeof image, "%s", named);
    struct build_record next = *build;
    next.state = BUILD_DONE;
    next.image = image;
    next.message[0] = '\0';
    build_put(engine, &next);
    engine->progress++;
    history_publish(engine, PUBLISH_NOTICE, "build-succeeded",
                    &(struct history_about){.cell = build->cell, .component = build->component},
                    "%s was built by run %s: %.200s", build->component, build->run, image);
    struct unit *unit = unit_find(engine, build->cell);
    unit->stale = true;
    unit_wake(engine, unit);
}

static void take_run(struct engine *engine, struct build_record *build, const json_t *run)
{
    const char *uid = object_uid(run);
    const char *tree =
        json_text_or(json_at(run, "metadata", "annotations", ANNOTATION_DIGEST, NULL), "");
    if (strcmp(tree, build->tree) != 0) {
        conclude_unknown(engine, build, "stands and was made from something else");
        return;
    }
    if (build->uid[0] == '\0') {
        struct build_record next = *build;
        text_put(next.uid, sizeof next.uid, "%s", uid);
        next.started_ms = engine->now.wall.ms; /* its time begins when it stands */
        build_put(engine, &next);
    } else if (strcmp(build->uid, uid) != 0) {
        conclude_unknown(engine, build, "is another execution than the one celld began");
        return;
    }
    const char *reason, *message;
    switch (workflow_outcome(run, &reason, &message)) {
    case WORKFLOW_UNDER_WAY:
        later(engine, build, false, NULL);
        return;
    case WORKFLOW_SUCCEEDED:
        take_image(engine, build, run);
        return;
    case WORKFLOW_LOST:
        conclude_unknown(engine, build, "was lost by its engine");
        return;
    case WORKFLOW_FAILED:
        conclude(engine, build, BUILD_FAILED, "run %.80s failed: %.40s %.100s", build->run, reason,
                 message);
        return;
    }
}

static void answer_schema(struct engine *engine, struct build_record *build,
                          const struct component *component, const struct engine_event *event)
{
    const bool received = event->as.answer.outcome == ANSWER_RECEIVED;
    if (received && event->as.answer.status == 200) {
        take_schema(engine, build, component, event->as.answer.body);
        return;
    }
    if (received && event->as.answer.status == 404) {
        build->missing = true;
        unit_queue(engine, unit_find(engine, build->cell));
    }
    later(engine, build, true, event->as.answer.error);
}

static void answer_post(struct engine *engine, struct build_record *build,
                        const struct engine_event *event)
{
    const int status = event->as.answer.status;
    const bool received = event->as.answer.outcome == ANSWER_RECEIVED;
    if (received && status == 201 && json_is_object(event->as.answer.body))
        take_run(engine, build, event->as.answer.body);
    else if (received && (status == 400 || status == 404 || status == 422))
        conclude(engine, build, BUILD_FAILED, "run %.80s was refused (%d): %.130s", build->run,
                 status, event->as.answer.error->detail);
    else
        later(engine, build, true, event->as.answer.error); /* a standing name is a 500, too */
}

static void answer_read(struct engine *engine, struct build_record *build,
                        const struct component *component, const struct engine_event *event)
{
    const int status = event->as.answer.status;
    const bool received = event->as.answer.outcome == ANSWER_RECEIVED;
    if (received && status == 200 && json_is_object(event->as.answer.body))
        take_run(engine, build, event->as.answer.body);
    else if (received && status == 404 && build->uid[0] != '\0')
        conclude_unknown(engine, build, "is gone");
    else if (received && status == 404 && build->parameters != NULL)
        post_run(engine, build, component);
    else if (received && status == 404 && may_begin(engine, build))
        ask_schema(engine, build, component); /* it was named before a restart */
    else
        later(engine, build, true, event->as.answer.error);
}

void build_run_answer(struct engine *engine, struct build_record *build,
                      const struct request *request, const struct engine_event *event)
{
    CHECK(build->request == request->id);
    build->request = 0;
    if (!build_may_run(engine, build))
        return; /* read again when it may go on */
    const struct component *component = build_manifest(engine, build);
    const int status = event->as.answer.status;
    switch (build->step) {
    case BUILD_STEP_SCHEMA:
        answer_schema(engine, build, component, event);
        break;
    case BUILD_STEP_POST:
        answer_post(engine, build, event);
        break;
    case BUILD_STEP_READ:
        answer_read(engine, build, component, event);
        break;
    case BUILD_STEP_DELETE:
        if (event->as.answer.outcome == ANSWER_RECEIVED && (status / 100 == 2 || status == 404))
            conclude_unknown(engine, build, "did not end in time and was removed");
        else
            later(engine, build, true, event->as.answer.error);
        break;
    }
    engine->version++;
}
