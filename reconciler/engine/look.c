#include "reconciler/engine/look.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/trial_query.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void look_forget(struct binding *binding)
{
    binding->answered = false;
    binding->calm = 0;
    binding->due = (struct mono_time){0};
}

static void send(struct engine *engine, struct binding *binding, bool tree)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    object_key_path(&binding->object->key, &path);
    if (tree)
        text_add(&path, "/k8sresources/tree");
    binding->request = request_add(engine, &(struct request_order){.purpose = REQUEST_LOOK,
                                                                   .owner = binding,
                                                                   .method = "GET",
                                                                   .path = text_get(&path),
                                                                   .large = tree,
                                                                   .urgent = tree});
}

#define REST_INTERVAL DURATION_S(60)

static bool is_task(const struct binding *binding)
{
    return binding->track->manifest != NULL &&
           binding->track->manifest->type == COMPONENT_SCHEDULED_TASK;
}

static bool is_worth_it(const struct binding *binding)
{
    return (binding->look || binding->watched || is_task(binding)) &&
           object_is_equal(binding->object);
}

struct mono_time look_pump(struct engine *engine, struct binding *binding)
{
    const struct mono_time never = {NEVER};
    const struct object *object = binding->object;
    if (object == NULL || binding->request != 0)
        return never;
    if (binding->epoch != object->epoch || binding->judged != object->desired)
        look_forget(binding);
    if (!is_worth_it(binding))
        return never;
    if (binding->due.ms > engine->now.mono.ms)
        return binding->due;
    binding->epoch = object->epoch;
    binding->judged = object->desired;
    send(engine, binding, false);
    return never;
}

const struct gate_answer *look_seen(const struct binding *binding)
{
    const struct object *object = binding->object;
    const bool now =
        binding->answered && binding->epoch == object->epoch && binding->judged == object->desired;
    return now ? binding->gate : NULL;
}

/* At rest there is no hurry: what is known to be sick stays so, and the control plane complains for
 * a while of what runs already. */
static bool has_time(const struct binding *binding)
{
    const struct gate_answer *seen = look_seen(binding);
    return !binding->look && (!binding->watched || binding->track->sick ||
                              (seen != NULL && seen->verdict == GATE_SETTLED));
}

static void later(struct engine *engine, struct binding *binding)
{
    if (has_time(binding)) {
        binding->due = (struct mono_time){engine->now.mono.ms + REST_INTERVAL.ms};
        return;
    }
    int64_t delay = engine->options.poll_fastest.ms << (binding->calm < 16 ? binding->calm : 16);
    if (delay > engine->options.poll_slowest.ms)
        delay = engine->options.poll_slowest.ms;
    binding->due = (struct mono_time){engine->now.mono.ms + delay};
}

static void note_autoscalers(struct binding *binding, const json_t *tree)
{
    binding->autoscaled[0] = binding->autoscaled[1] = false;
    const json_t *releases = json_object_get(tree, "renderedReleases");
    for (size_t r = 0; r < json_array_size(releases); r++) {
        const json_t *nodes = json_object_get(json_array_get(releases, r), "nodes");
        for (size_t n = 0; n < json_array_size(nodes); n++) {
            const json_t *object = json_object_get(json_array_get(nodes, n), "object");
            if (strcmp(json_text_or(json_object_get(object, "kind"), ""),
                       "HorizontalPodAutoscaler") != 0)
                continue;
            const char *scaled =
                json_text_or(json_at(object, "spec", "scaleTargetRef", "name", NULL), "");
            for (int slot = 0; slot < 2; slot++) {
                char prefix[NAME_SIZE + 8];
                text_put(prefix, sizeof prefix, "%s-%c-", binding->track->component, 'a' + slot);
                if (strncmp(scaled, prefix, strlen(prefix)) == 0 &&
                    json_integer_value(json_at(object, "status", "currentReplicas", NULL)) > 0)
                    binding->autoscaled[slot] = true;
            }
        }
    }
}

/* Why nothing can be told of it, in the server's words. */
static void say_unreadable(const struct error *err, struct gate_answer *answer)
{
    if (answer->verdict == GATE_UNKNOWN && err != NULL)
        text_put(answer->text, sizeof answer->text, "the tree of resources cannot be read: %.200s",
                 err->detail);
}

static void judge(struct engine *engine, struct binding *binding, const json_t *tree,
                  const struct error *err)
{
    char component[NAME_SIZE + 2];
    track_component_name(binding->track, binding->role, component);
    /* Types of others may do without the variables of connections. */
    const struct deployment *deployment = binding->track->deployment;
    const bool connected = binding->image != NULL && deployment->component->type != COMPONENT_OTHER;
    const struct gate_question question = {
        .component = component,
        .release_name = binding->release == NULL ? "" : binding->release,
        .image = binding->image,
        .undeploy = binding->undeploy,
        .generation_before = binding->object->before,
        .route = binding->role == BINDING_ROUTE,
        .weight_a = binding->weight[0],
        .weight_b = binding->weight[1],
        .variables = connected ? deployment->variables : NULL,
        .variable_count = connected ? deployment->variable_count : 0,
        .matches = binding->matches,
        .match_slot = binding->match_slot,
    };
    struct gate_answer answer = {0};
    gate_judge(&question, binding->live, tree, &answer);
    say_unreadable(err, &answer);
    if (binding->role == BINDING_ROUTE)
        note_autoscalers(binding, tree);
    trial_query_note_names(engine, binding, tree);
    if (binding->gate == NULL)
        binding->gate = calloc(1, sizeof *binding->gate);
    if (binding->gate == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    const bool news = !binding->answered || binding->gate->verdict != answer.verdict ||
                      binding->gate->progress != answer.progress;
    binding->calm = news ? 0 : binding->calm + 1;
    *binding->gate = answer;
    binding->answered = true;
    binding->looks++;
    if (news) {
        engine->version++;
        engine->progress++;
    }
}

static void count_failed_runs(struct engine *engine, struct binding *binding, const json_t *tree)
{
    const struct track *track = binding->track;
    const int failed = gate_failed_runs(tree);
    const struct history_about about = {
        .cell = track->unit->name, .component = track->component, .target = track->target};
    if (failed > 0 && binding->failed_runs == 0)
        history_publish(engine, PUBLISH_WARNING, "task-failing", &about,
                        "%s on %s: its last run failed, though the control plane says Ready",
                        track->component, track->target);
    else if (failed == 0 && binding->failed_runs > 0)
        history_publish(engine, PUBLISH_NOTICE, "task-mended", &about, "%s on %s runs well again",
                        track->component, track->target);
    binding->failed_runs = failed;
}

void look_watch_tasks(struct engine *engine, struct unit *unit, struct mono_time *due)
{
    for (size_t i = 0; i < unit->track_count; i++) {
        struct binding *binding = &unit->tracks[i]->bindings[BINDING_A];
        if (binding->object == NULL || !is_task(binding))
            continue;
        const struct mono_time next = look_pump(engine, binding);
        if (next.ms < due->ms)
            *due = next;
    }
}

/* The binding was read: is it still the one that the look began with? */
static void take_binding(struct engine *engine, struct binding *binding, const json_t *live)
{
    object_observed(engine, binding->object, live);
    json_decref(TAKE(binding->live));
    if (!is_worth_it(binding))
        return;
    binding->live = json_deep_copy(live);
    if (binding->live == NULL)
        engine->status = -ENOMEM;
    else
        send(engine, binding, true);
}

static void take_tree(struct engine *engine, struct binding *binding,
                      const struct engine_event *event)
{
    const bool read = event->as.answer.outcome == ANSWER_RECEIVED &&
                      event->as.answer.status == 200 && json_is_object(event->as.answer.body);
    judge(engine, binding, read ? event->as.answer.body : NULL,
          read ? NULL : event->as.answer.error);
    if (read && is_task(binding))
        count_failed_runs(engine, binding, event->as.answer.body);
}

void look_answer(struct engine *engine, struct binding *binding, const struct request *request,
                 const struct engine_event *event)
{
    CHECK(binding->request == request->id);
    binding->request = 0;
    const bool stale =
        binding->epoch != binding->object->epoch || binding->judged != binding->object->desired;
    const bool received = event->as.answer.outcome == ANSWER_RECEIVED;
    unit_queue(engine, binding->track->unit);
    if (stale) { /* a write came between: what was read before it is not so any more */
        json_decref(TAKE(binding->live));
        look_forget(binding);
        return;
    }
    if (request->large) {
        take_tree(engine, binding, event);
        json_decref(TAKE(binding->live));
    } else if (received && event->as.answer.status == 200 &&
               json_is_object(event->as.answer.body)) {
        take_binding(engine, binding, event->as.answer.body);
    } else if (received && event->as.answer.status == 404) {
        binding->object->missing = true; /* confirmed where objects are worked on */
    } else {
        binding->calm++;
    }
    later(engine, binding);
}
