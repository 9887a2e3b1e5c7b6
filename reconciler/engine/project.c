#include "reconciler/engine/project.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/bootstrap.h"
#include "reconciler/engine/fingerprint.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/provider.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* After a move the first Ready may still be that of the release before: it counts when it is seen
 * again. */
#define LOOKS_AFTER_MOVE 2

/* --- what objects tell --------------------------------------------------------------------------
 */

static struct node *node_of(const struct object *object)
{
    for (size_t i = 0; i < object->unit->node_count; i++) {
        if (object->unit->nodes[i]->binding == object)
            return object->unit->nodes[i];
    }
    return NULL;
}

/* What a release is made from: the type by name, and the parameters. */
static uint64_t content_of(const json_t *type, const json_t *parameters)
{
    const bool none = json_object_size(parameters) == 0;
    uint64_t content = fingerprint_json(json_object_get(type, "kind"));
    content = content * 31 + fingerprint_json(json_object_get(type, "name"));
    return content * 31 + fingerprint_json(none ? NULL : parameters);
}

static void keep_trouble(struct engine *engine, struct unit *unit, const char *name,
                         const char *message)
{
    OWNED_TEXT trouble;
    text_init(&trouble, MESSAGE_SIZE);
    text_format(&trouble, "%s: %.200s", name, message);
    unit->trouble = text_take(&trouble);
    if (unit->trouble == NULL)
        engine->status = -ENOMEM;
}

/* The server's own words about what is not Ready, until it is. */
static void note_trouble(struct engine *engine, const struct object *object, const json_t *live)
{
    struct unit *unit = object->unit;
    const json_t *condition = object_condition(live, "Ready");
    const bool ready = object_condition_is_true(live, "Ready");
    if (condition == NULL || (ready && project_trouble(unit, object->key.name) == NULL))
        return;
    free(TAKE(unit->trouble));
    const char *message = json_text_or(json_object_get(condition, "message"), "");
    if (!ready && message[0] != '\0')
        keep_trouble(engine, unit, object->key.name, message);
}

const char *project_trouble(const struct unit *unit, const char *name)
{
    const size_t length = strlen(name);
    return unit->trouble != NULL && strncmp(unit->trouble, name, length) == 0 &&
                   unit->trouble[length] == ':'
               ? unit->trouble + length + 2
               : NULL;
}

static void observed_project(struct engine *engine, const struct object *object, const json_t *live)
{
    struct unit *unit = object->unit;
    if (strcmp(object->key.name, unit->project) != 0)
        return; /* a native one */
    const json_t *spec = json_object_get(live, "spec");
    const char *latest = json_text_or(json_at(live, "status", "latestRelease", "name", NULL), "");
    note_trouble(engine, object, live);
    if (strcmp(unit->project_release, latest) != 0)
        unit_queue(engine, unit);
    text_put(unit->project_release, sizeof unit->project_release, "%s",
             object->presence == PRESENCE_PRESENT ? latest : "");
    unit->project_content =
        content_of(json_object_get(spec, "type"), json_object_get(spec, "parameters"));
}

static bool is_sound(const struct unit *unit)
{
    return unit->release != NULL && unit->release->presence == PRESENCE_PRESENT &&
           unit->release->sound && unit->release_content == unit->project_content &&
           strcmp(unit->release->key.name, unit->project_release) == 0;
}

static void observed_release(struct engine *engine, struct object *object, const json_t *live)
{
    struct unit *unit = object->unit;
    if (unit->release != object)
        return;
    const json_t *spec = json_object_get(live, "spec");
    const char *owner = json_text_or(json_at(spec, "owner", "projectName", NULL), "");
    const uint64_t before = unit->release_content;
    unit->release_content =
        content_of(json_object_get(spec, "projectType"), json_object_get(spec, "parameters"));
    object->sound = strcmp(owner, unit->project) == 0;
    unit_queue(engine, unit);
    if (is_sound(unit) || before == unit->release_content)
        return;
    history_publish(engine, PUBLISH_WARNING, "project-release-differs",
                    &(struct history_about){.cell = unit->name},
                    "ProjectRelease %s is not made from project %s as it is now: its bindings stay "
                    "where they are until one is",
                    object->key.name, unit->project);
}

static void observed_binding(struct engine *engine, const struct object *object, const json_t *live)
{
    struct node *node = node_of(object);
    if (node == NULL)
        return;
    const char *release = json_text_or(json_at(live, "spec", "projectRelease", NULL), "");
    if (!project_is_known(node) || strcmp(node->binding_release, release) != 0) {
        node->looks = 0;
        node->looks_wanted = node->binding_release[0] == '\0' ? 1 : LOOKS_AFTER_MOVE;
        text_put(node->binding_release, sizeof node->binding_release, "%s", release);
        unit_queue(engine, object->unit);
    }
    note_trouble(engine, object, live);
    /* A binding that is being deleted still says Ready, and so does one right after a write. */
    const bool risen = object->before < 0 || object->generation > object->before;
    const bool ready = object_condition_is_true(live, "Ready") &&
                       object->presence == PRESENCE_PRESENT && release[0] != '\0' && risen;
    if (ready != node->binding_ready || (ready && !project_stands(node)))
        unit_queue(engine, object->unit);
    node->binding_ready = ready;
    if (ready && !project_stands(node))
        node->looks++;
}

/* The unit came to rest before there was something to move. */
static void call_for_work(struct engine *engine, struct unit *unit)
{
    if (unit->compiled || unit->stale || unit->project_release[0] == '\0' ||
        unit_is_suspended(engine, unit))
        return;
    for (size_t i = 0; i < unit->node_count; i++) {
        const struct node *node = unit->nodes[i];
        const char *release = i == 0 ? unit->project_release : project_release_for(node);
        if (strcmp(node->binding_release, release) == 0)
            continue;
        unit->stale = true;
        unit_queue(engine, unit);
        return;
    }
}

void project_observed(struct engine *engine, struct object *object, const json_t *live)
{
    if (object->key.kind == KIND_PROJECT)
        observed_project(engine, object, live);
    else if (object->key.kind == KIND_PROJECT_RELEASE)
        observed_release(engine, object, live);
    else
        observed_binding(engine, object, live);
    call_for_work(engine, object->unit);
}

void project_gone(struct engine *engine, struct object *object)
{
    struct unit *unit = object->unit;
    if (object->key.kind == KIND_PROJECT && strcmp(object->key.name, unit->project) == 0)
        unit->project_release[0] = '\0';
    struct node *node = object->key.kind == KIND_PROJECT_RELEASE_BINDING ? node_of(object) : NULL;
    if (node == NULL)
        return;
    node->binding_ready = false;
    node->looks = 0;
    node->binding_release[0] = '\0';
    unit_queue(engine, unit);
}

/* --- where bindings are to stand ----------------------------------------------------------------
 */

bool project_is_known(const struct node *node)
{
    return node->looks_wanted > 0 || node->binding == NULL ||
           node->binding->presence != PRESENCE_PRESENT;
}

bool project_is_bound(const struct node *node)
{
    return node->binding_ready && !object_is_leaving(node->binding);
}

bool project_stands(const struct node *node)
{
    return node->binding_release[0] != '\0' && node->looks >= node->looks_wanted;
}

/* The target that goes before this one; NULL = it is the first. */
static const struct node *node_before(const struct node *node)
{
    const struct target *target = node->target;
    if (target->primary && target->environment_index == 0)
        return NULL;
    const size_t environment =
        target->primary ? target->environment_index - 1 : target->environment_index;
    for (size_t i = 0;; i++) {
        CHECK(i < node->unit->node_count); /* every environment has a primary target */
        const struct node *other = node->unit->nodes[i];
        if (other->target->primary && other->target->environment_index == environment)
            return other;
    }
}

const char *project_release_for(const struct node *node)
{
    const struct unit *unit = node->unit;
    const struct node *before = node_before(node);
    if (before != NULL && project_stands(before))
        return before->binding_release;
    if (node->binding_release[0] == '\0' || (before == NULL && is_sound(unit)))
        return unit->project_release;
    return node->binding_release;
}

/* The newest release is read before anything moves to it, again and again until it fits. */
static void read_release(struct engine *engine, struct unit *unit, const struct node *first)
{
    if (first->binding_release[0] == '\0' || unit->project_release[0] == '\0' ||
        strcmp(first->binding_release, unit->project_release) == 0) {
        if (unit->release != NULL)
            unit->release->poll = false;
        return;
    }
    const struct object_key key = {KIND_PROJECT_RELEASE, engine->platform->namespace_name.text,
                                   unit->project_release};
    struct object *release = object_get(engine, &key);
    if (release == NULL)
        return;
    if (unit->release != release) {
        if (unit->release != NULL)
            unit->release->poll = false;
        unit_attach(engine, unit, release);
        unit_hold(&unit->release, release);
        unit->release_content = 0;
    }
    release->poll = !is_sound(unit);
}

static bool may_write(const struct engine *engine, const struct node *node, const char *release)
{
    if (object_is_drift(node->binding))
        return unit_drift_policy(engine, node->unit) == DRIFT_CORRECT;
    const bool moves =
        node->binding_release[0] != '\0' && strcmp(node->binding_release, release) != 0;
    /* Not while a rollout is being judged there. */
    return moves ? node_verdict_of(engine, node)->may_start &&
                       node_facts_of(engine, node)->state == NODE_FORWARD
                 : node_is_open(engine, node) || provider_is_awaited_on(node);
}

static void bind(struct engine *engine, struct node *node)
{
    struct object *object = node->binding;
    /* Its pin must be known before it can be kept. */
    if (!project_is_known(node) || (object->presence == PRESENCE_UNKNOWN &&
                                    (node_is_open(engine, node) || provider_is_awaited_on(node))))
        object->missing = true;
    const char *release = project_release_for(node);
    if (release[0] == '\0' || object->presence == PRESENCE_UNKNOWN || !project_is_known(node))
        return;
    struct desired_object desired = {0};
    struct error err = {0};
    if (compile_project_binding(&engine->context, node->unit->cell, node->target, release, &desired,
                                &err) < 0) {
        engine->status = -ENOMEM;
        return;
    }
    object_want(engine, object, TAKE(desired.body), desired.adopt);
    desired_object_fini(&desired);
    object->permit = may_write(engine, node, release);
    object->poll = object_is_equal(object) && (!node->binding_ready || !project_stands(node));
}

void project_bind(struct engine *engine, struct unit *unit)
{
    for (size_t i = 0; i < unit->node_count && engine->status == 0; i++) {
        if (i == 0)
            read_release(engine, unit, unit->nodes[i]);
        bind(engine, unit->nodes[i]);
    }
}

bool project_moves(const struct node *node)
{
    const struct object *object = node->binding;
    return object->managed && object->permit && bootstrap_is_pending(object) &&
           strcmp(node->binding_release, project_release_for(node)) != 0;
}
