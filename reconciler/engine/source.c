#include "reconciler/engine/source.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/astray.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- from the manifest --------------------------------------------------------------------------
 */

static void want_object(struct engine *engine, struct unit *unit, struct object **place,
                        struct desired_object *desired)
{
    struct object *object = object_get(engine, &desired->key);
    if (object != NULL) {
        unit_attach(engine, unit, object);
        unit_hold(place, object);
        object->wanted = true;
        object_want(engine, object, TAKE(desired->body), desired->adopt);
    }
    desired_object_fini(desired);
}

void source_free(struct source *source)
{
    free(source->message);
    free(source);
}

static void drop(struct engine *engine, struct source *source)
{
    if (source->release != NULL)
        source->release->poll = false;
    if (source->request != 0) {
        request_cancel(engine, source->request);
        source->release->making = false;
    }
    unit_hold(&source->component, NULL);
    unit_hold(&source->workload, NULL);
    unit_hold(&source->release, NULL);
    source_free(source);
}

static void want_release(struct engine *engine, struct source *source)
{
    const struct object_key key = {
        KIND_COMPONENT_RELEASE, engine->platform->namespace_name.text,
        deployment_release_name(source->track->deployment, source->role)};
    struct object *release = object_get(engine, &key);
    if (release == NULL)
        return;
    unit_attach(engine, source->unit, release);
    unit_hold(&source->release, release);
    release->wanted = true;
    if (release->goal == GOAL_ABSENT) {
        /* What was to go with its component is wanted again, if it still stands. */
        object_want_nothing(engine, release);
        release->condemned = false;
        release->sound = false;
        release->missing = true;
        release->routine = false;
    } else if (release->presence == PRESENCE_PRESENT && !release->sound) {
        /* It was read when no content had its name: nothing was compared with it. */
        release->missing = true;
        release->routine = false;
    }
}

/* With all its three objects, or not at all. */
static void add(struct engine *engine, struct unit *unit, struct track *track,
                enum component_role role)
{
    struct source *source = calloc(1, sizeof *source);
    struct desired_object component = {0}, workload = {0};
    if (source == NULL || deployment_component(track->deployment, role, &component) < 0 ||
        deployment_workload(track->deployment, role, &workload) < 0) {
        desired_object_fini(&component);
        free(source);
        engine->status = -ENOMEM;
        return;
    }
    source->unit = unit;
    source->role = role;
    source->track = track;
    text_put(source->name, sizeof source->name, "%s",
             deployment_component_name(track->deployment, role));
    want_object(engine, unit, &source->component, &component);
    want_object(engine, unit, &source->workload, &workload);
    want_release(engine, source);
    if (engine->status == 0)
        unit->sources[unit->source_count++] = source;
    else
        drop(engine, source);
}

/* A release that is being made goes on being made: asked for again, it would be refused. */
static void carry_over(struct engine *engine, struct unit *unit, struct source *before)
{
    for (size_t i = 0; i < unit->source_count; i++) {
        struct source *source = unit->sources[i];
        if (source->release != before->release)
            continue;
        source->request = before->request;
        source->due = before->due;
        source->failures = before->failures;
        source->message = TAKE(before->message);
        request_give(engine, source->request, source);
        before->request = 0;
        return;
    }
}

static bool uses_second_slot(const struct unit *unit, const struct track *track)
{
    for (size_t i = 0; i < unit->track_count; i++) {
        const struct track *other = unit->tracks[i];
        if (strcmp(other->component, track->component) != 0)
            continue;
        const struct rollout *rollout = &other->rollout;
        const struct object *slot = other->bindings[BINDING_B].object;
        if (rollout->stable_slot == 'b' || (rollout->has_next && rollout->next_slot == 'b') ||
            (slot != NULL && slot->inventory))
            return true;
        if (other->deployment != NULL &&
            other->deployment->effective->rollout.strategy != STRATEGY_ROLLING)
            return true;
    }
    return false;
}

void source_build(struct engine *engine, struct unit *unit)
{
    struct source **before = unit->sources;
    const size_t count = unit->source_count;
    struct source **sources = calloc(unit->track_count * 3 + 1, sizeof(struct source *));
    if (sources == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    unit->sources = sources;
    unit->source_count = 0;
    const char *done = "";
    for (size_t i = 0; i < unit->track_count; i++) {
        struct track *track = unit->tracks[i];
        if (track->deployment == NULL || strcmp(done, track->component) == 0)
            continue;
        done = track->component;
        if (!track->deployment->routed) {
            add(engine, unit, track, ROLE_SINGLE);
            continue;
        }
        add(engine, unit, track, ROLE_SLOT_A);
        if (uses_second_slot(unit, track))
            add(engine, unit, track, ROLE_SLOT_B);
        add(engine, unit, track, ROLE_ROUTE);
    }
    for (size_t i = 0; i < count; i++) {
        carry_over(engine, unit, before[i]);
        drop(engine, before[i]);
    }
    free(before);
}

static bool has_second_slot(const struct unit *unit, const struct track *track)
{
    for (size_t i = 0; i < unit->source_count; i++) {
        const struct source *source = unit->sources[i];
        if (source->role == ROLE_SLOT_B && strcmp(source->track->component, track->component) == 0)
            return true;
    }
    return false;
}

void source_keep_up(struct engine *engine, struct unit *unit)
{
    for (size_t i = 0; i < unit->track_count; i++) {
        const struct track *track = unit->tracks[i];
        if (track->rollout.has_next && track->rollout.next_slot == 'b' &&
            track->deployment != NULL && !has_second_slot(unit, track)) {
            source_build(engine, unit);
            return;
        }
    }
}

/* --- what is needed -----------------------------------------------------------------------------
 */

/* The rollout prepares what this is the source of. */
static bool is_prepared(const struct source *source, const struct track *track)
{
    if (source->role == ROLE_ROUTE)
        return track->wants.prepare_route;
    return track->wants.prepare &&
           track_slot_role(track, track->rollout.next_slot == 'b' ? BINDING_B : BINDING_A) ==
               source->role;
}

static bool is_of(const struct source *source, const struct track *track)
{
    return strcmp(track->component, source->track->component) == 0 && track->has_content;
}

/* A binding that names its release is to be written: after a deletion, say, it may be gone. */
static bool is_missed(const struct source *source, const struct track *track)
{
    const enum binding_role role = source->role == ROLE_ROUTE    ? BINDING_ROUTE
                                   : source->role == ROLE_SLOT_B ? BINDING_B
                                                                 : BINDING_A;
    const struct binding *binding = &track->bindings[role];
    const struct object *object = binding->object;
    return object->goal == GOAL_PRESENT && !binding->undeploy &&
           object->presence != PRESENCE_UNKNOWN && !object_is_equal(object) &&
           strcmp(binding->release, source->release->key.name) == 0;
}

/* Some target prepares the wanted content. */
static bool is_needed(const struct source *source)
{
    for (size_t i = 0; i < source->unit->track_count; i++) {
        const struct track *track = source->unit->tracks[i];
        if (is_of(source, track) && is_missed(source, track))
            return true;
        if (!is_of(source, track) || !track->rollout.has_next ||
            strcmp(track->rollout.next.release_digest, track->content.release_digest) != 0)
            continue;
        if (is_prepared(source, track))
            return true;
    }
    return false;
}

/* Its release is on its way or about to be: worth knowing, not yet worth making. */
static bool is_of_interest(const struct source *source)
{
    for (size_t i = 0; i < source->unit->track_count; i++) {
        const struct track *track = source->unit->tracks[i];
        if (is_of(source, track) && rollout_is_active(&track->rollout))
            return true;
    }
    return false;
}

bool source_has_release(const struct track *track, enum binding_role role)
{
    const enum component_role wanted = track_slot_role(track, role);
    for (size_t i = 0; i < track->unit->source_count; i++) {
        const struct source *source = track->unit->sources[i];
        if (source->role == wanted && is_of(source, track))
            /* A Component that goes takes its releases along. */
            return source->release->sound && source->component->presence == PRESENCE_PRESENT;
    }
    return false;
}

/* --- making -------------------------------------------------------------------------------------
 */

/* The wanted release stands on some target: what else differs goes into no release. */
static bool is_released(const struct source *source)
{
    for (size_t i = 0; i < source->unit->track_count; i++) {
        const struct track *track = source->unit->tracks[i];
        if (is_of(source, track) && track->rollout.has_stable &&
            strcmp(track->rollout.stable.release_digest, track->content.release_digest) == 0)
            return true;
    }
    return false;
}

static bool may_write(const struct engine *engine, const struct source *source,
                      const struct object *object, bool needed)
{
    if (object_is_drift(object))
        return needed || unit_drift_policy(engine, object->unit) == DRIFT_CORRECT;
    return needed || (object->inventory && is_released(source));
}

/* What runs was made of it, and it is not there any more. */
static bool is_lost(const struct engine *engine, const struct source *source)
{
    return source->release->astray && source->release->presence == PRESENCE_ABSENT &&
           is_released(source) && unit_drift_policy(engine, source->unit) == DRIFT_CORRECT;
}

static void generate(struct engine *engine, struct source *source)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    object_key_path(&source->component->key, &path);
    text_add(&path, "/generate-release");
    object_intent(engine, source->release, 'G');
    source->release->making = true;
    source->request =
        request_add(engine, &(struct request_order){.purpose = REQUEST_RELEASE,
                                                    .owner = source,
                                                    .method = "POST",
                                                    .path = text_get(&path),
                                                    .urgent = true,
                                                    .body = json_pack("{s:s}", "releaseName",
                                                                      source->release->key.name)});
}

struct mono_time source_pump(struct engine *engine, struct source *source)
{
    const struct mono_time never = {NEVER};
    struct object *release = source->release;
    const bool lost = is_lost(engine, source);
    const bool needed = lost || is_needed(source);
    if (release->presence == PRESENCE_ABSENT)
        release->astray = lost; /* otherwise nobody misses it */
    /* The Workload refers to the Component, and generate-release to both. */
    source->component->permit = may_write(engine, source, source->component, needed);
    source->workload->permit =
        may_write(engine, source, source->workload, needed) && object_is_equal(source->component);
    /* Until somebody has deleted what stands in its place. */
    release->poll = needed && !release->sound && release->presence == PRESENCE_PRESENT;
    if (release->sound || !(needed || is_of_interest(source)))
        return never;
    const struct operation *read = release->operation;
    if (source->request != 0 || (read != NULL && read->request != 0))
        return never; /* one could overtake the other, and an old 404 be believed */
    if (release->presence == PRESENCE_UNKNOWN || release->intent) {
        release->missing = true; /* read it */
        return never;
    }
    if (release->presence != PRESENCE_ABSENT || !needed)
        return never;
    if (!object_is_equal(source->component) || !object_is_equal(source->workload))
        return never;
    if (source->due.ms > engine->now.mono.ms)
        return source->due;
    generate(engine, source);
    return never;
}

/* --- what came of it ----------------------------------------------------------------------------
 */

void source_observed(struct engine *engine, struct object *release, const json_t *live)
{
    for (size_t i = 0; i < release->unit->source_count; i++) {
        struct source *source = release->unit->sources[i];
        if (source->release != release || source->track->deployment == NULL)
            continue;
        OWNED_TEXT difference;
        text_init(&difference, MESSAGE_SIZE / 2);
        release->sound =
            release->presence == PRESENCE_PRESENT &&
            deployment_release_matches(source->track->deployment, source->role, live, &difference);
        if (release->sound) {
            free(TAKE(source->message));
            source->failures = 0;
            release->astray = false;
            if (!release->inventory || release->equal_live != release->live ||
                !object_is_same(release, live))
                object_record(engine, release, live);
            object_intent(engine, release, 0);
            engine->progress++;
            return;
        }
        release->astray = release->inventory;
        OWNED(owned_free) char *before = TAKE(source->message);
        words_say(
            engine, &source->message,
            "ComponentRelease %s holds other content than git wants (%s): somebody changed the "
            "Workload while it was made; delete that release",
            release->key.name, text_get(&difference));
        if (source->message != NULL && (before == NULL || strcmp(before, source->message) != 0))
            history_publish(engine, PUBLISH_ERROR, "release-differs",
                            &(struct history_about){.cell = release->unit->name}, "%s",
                            source->message);
        return;
    }
    astray_observed(engine, release, live);
}

static void take_failure(struct engine *engine, struct source *source, bool away,
                         const struct error *err)
{
    struct object *release = source->release;
    /* Also an existing name is a 500: what stands there is read before anything else. */
    release->missing = true;
    release->presence = PRESENCE_UNKNOWN;
    source->failures++;
    source->due = request_backoff(engine, source->failures, err);
    words_say(engine, &source->message, "generate-release %s failed: %.150s", release->key.name,
              err == NULL ? "the answer is no object" : err->detail);
    if (away) {
        source->component->missing = true;
        source->workload->missing = true;
    }
}

void source_answer(struct engine *engine, struct source *source, const struct request *request,
                   const struct engine_event *event)
{
    CHECK(source->request == request->id);
    source->request = 0;
    source->release->making = false;
    const int status = event->as.answer.outcome == ANSWER_RECEIVED ? event->as.answer.status : 0;
    if (status / 100 == 2 && json_is_object(event->as.answer.body))
        object_observed(engine, source->release, event->as.answer.body);
    else /* 404: Component or Workload went away meanwhile */
        take_failure(engine, source, status == 404, event->as.answer.error);
    unit_queue(engine, source->unit);
}
