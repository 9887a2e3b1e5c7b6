#include "reconciler/engine/why.h"

#include "config/base/text.h"
#include "reconciler/engine/astray.h"
#include "reconciler/engine/bootstrap.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/health.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/project.h"
#include "reconciler/engine/provider.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <string.h>

struct question {
    const struct engine *engine;
    struct instant now;
};

/* An object of the cell that celld cannot get on with; those of the node itself first. */
static const struct object *stuck_object(const struct node *node)
{
    const struct object *found = NULL;
    for (size_t i = 0; i < node->unit->attached_count; i++) {
        const struct object *object = node->unit->attached[i];
        if (!operation_is_stuck(object))
            continue;
        if (strcmp(object->target, node->name) == 0)
            return object;
        if (object->target[0] == '\0' && found == NULL)
            found = object;
    }
    return found;
}

static void add_trouble(const struct unit *unit, const char *name, struct text *out)
{
    const char *trouble = project_trouble(unit, name);
    if (trouble != NULL)
        text_format(out, ": %s", trouble);
}

static bool explain_bootstrap(const struct engine *engine, const struct node *node,
                              struct text *out)
{
    const struct unit *unit = node->unit;
    if (!node_is_open(engine, node))
        return false;
    if (!object_is_equal(unit->objects[0])) {
        text_format(out, "project %s is being made", unit->project);
    } else if (unit->project_release[0] == '\0' && !node->binding_ready) {
        text_format(out, "project %s has no release yet", unit->project);
        add_trouble(unit, unit->project, out);
    } else if (!project_is_bound(node) || !project_stands(node)) {
        text_format(out, "the project binding %s is not ready on project release %s",
                    node->binding->key.name, project_release_for(node));
        add_trouble(unit, node->binding->key.name, out);
    } else if (project_moves(node)) {
        text_format(out, "the project binding %s is being moved to project release %s",
                    node->binding->key.name, project_release_for(node));
    } else {
        return false;
    }
    return true;
}

static const struct track *first_open(const struct engine *engine, const struct node *node)
{
    const struct track *waiting = NULL;
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node != node || track_is_done(track))
            continue;
        /* The one that others wait for tells more than those that wait. */
        if (provider_missing(engine, track) == NULL || rollout_is_active(&track->rollout))
            return track;
        waiting = waiting == NULL ? track : waiting;
    }
    return waiting;
}

static bool explain_source(const struct track *track, struct text *out)
{
    for (size_t i = 0; i < track->unit->source_count; i++) {
        const struct source *source = track->unit->sources[i];
        if (source->message == NULL || strcmp(source->track->component, track->component) != 0)
            continue;
        text_add(out, source->message);
        return true;
    }
    return false;
}

/* Of a target where something failed, though others of its components still go on. */
static const struct track *first_failed(const struct engine *engine, const struct node *node)
{
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node == node && track->rollout.state == ROLLOUT_HELD)
            return track;
    }
    return first_open(engine, node);
}

static bool explain_track(const struct question *question, const struct node *node,
                          enum wait_kind through, struct text *out)
{
    const struct engine *engine = question->engine;
    const struct track *track =
        through == WAIT_CANCELLED ? first_failed(engine, node) : first_open(engine, node);
    if (track == NULL)
        return false;
    if (track->rollout.state == ROLLOUT_PREPARE && explain_source(track, out))
        return true;
    if (!provider_explain(engine, track, out))
        track_explain(engine, track, question->now, out);
    return true;
}

/* What stands was promoted without proof: what comes after waits for a person's word. */
static bool explain_unproven(const struct node *node, struct text *out)
{
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        const struct rollout_content *stable = &track->rollout.stable;
        if (track->node != node || !stable->unproven || stable->accepted)
            continue;
        text_format(out,
                    "release %s of %s was promoted there without proof that it is good; `cellctl "
                    "rollout promote %s %s %s` accepts it, a new release makes it unnecessary",
                    stable->release_digest, track->component, node->unit->name, track->component,
                    node->name);
        return true;
    }
    return false;
}

/* The content that git wants is not there yet. */
static bool explain_build(const struct engine *engine, const struct node *node, struct text *out)
{
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node == node && build_explain(engine, track, out))
            return true;
    }
    return false;
}

static bool explain_releases(const struct unit *unit, struct text *out)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        if (astray_explain(unit->attached[i], out))
            return true;
    }
    return false;
}

static void add_health(const struct engine *engine, const struct node *node, const char *name,
                       struct text *out)
{
    text_format(out, "%s is live at %.12s", name, node->unit->good_commit);
    if (engine->facts[node->index].healthy)
        return;
    text_add(out, ", but not healthy");
    health_explain(engine, node, out);
}

static void explain(void *context, size_t index, enum wait_kind through, struct text *out)
{
    const struct question *question = context;
    const struct engine *engine = question->engine;
    const struct node *node = engine->nodes[index];
    const struct unit *unit = node->unit;
    if (unit->broken) {
        text_add(out, unit->reason);
        return;
    }
    if (unit->problem != NULL) {
        text_add(out, unit->problem);
        return;
    }
    if (!engine->known) {
        text_add(out, engine->look_message[0] == '\0' ? "the live state is being read"
                                                      : engine->look_message);
        return;
    }
    if (bootstrap_explain_platform(engine, out))
        return;
    const struct object *stuck = stuck_object(node);
    if (stuck != NULL) {
        text_add(out, operation_message(stuck));
        return;
    }
    if (explain_bootstrap(engine, node, out) || explain_track(question, node, through, out))
        return;
    if (engine->facts[index].state == NODE_CONVERGED && explain_unproven(node, out))
        return;
    if (engine->facts[index].state == NODE_REPAIRING && explain_releases(unit, out))
        return;
    if (engine->facts[index].state == NODE_REPAIRING)
        text_add(out, "its objects are being put right");
    else if (engine->facts[index].state == NODE_CONVERGED)
        add_health(engine, node, "it", out);
    else if (!explain_build(engine, node, out))
        text_add(out, "it is being compared");
}

/* What is live is as git wants it, but for sources that are not built yet. */
static void add_builds(const struct engine *engine, const struct node *node, struct text *out)
{
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        OWNED_TEXT message;
        text_init(&message, 2048);
        if (track->node == node && build_explain(engine, track, &message))
            text_format(out, "; %s", text_get(&message));
    }
}

/* Its newest manifest cannot be used: what was good before stays. */
static bool keeps_last_good(const struct unit *unit)
{
    return unit->broken || unit->problem != NULL;
}

void why_node(const struct engine *engine, const struct node *node, struct instant now,
              struct text *out)
{
    struct question question = {engine, now};
    struct plan_input input = node_plan_input(engine);
    input.now = now.wall;
    if (keeps_last_good(node->unit)) {
        text_format(out, "%s on %s keeps its last good state: ", node->unit->name, node->name);
        explain(&question, node->index, WAIT_NONE, out);
        return;
    }
    if (engine->facts[node->index].state == NODE_CONVERGED) {
        char name[3 * NAME_SIZE];
        text_put(name, sizeof name, "%s on %s", node->unit->name, node->name);
        add_health(engine, node, name, out);
        add_builds(engine, node, out);
        return;
    }
    /* For the plan it is suspended, but no `resume` would help. */
    if (unit_is_frozen(engine, node->unit)) {
        text_format(out,
                    "%s on %s stands still: somebody changed its objects, and its drift policy is "
                    "freeze; `cellctl diff %s` shows what",
                    node->unit->name, node->name, node->unit->name);
        return;
    }
    if (plan_explain(&input, engine->verdicts, node->index, explain, &question, out) < 0)
        return; /* the text remembers */
}

/* The first target where something is to be said. */
static const struct node *node_to_explain(const struct engine *engine, const struct unit *unit)
{
    for (size_t i = 0; i < unit->node_count; i++) {
        if (engine->facts[unit->nodes[i]->index].state != NODE_CONVERGED)
            return unit->nodes[i];
    }
    for (size_t i = 0; i < unit->node_count; i++) {
        if (!engine->facts[unit->nodes[i]->index].healthy)
            return unit->nodes[i];
    }
    return unit->node_count == 0 ? NULL : unit->nodes[0];
}

static void explain_nodeless(const struct engine *engine, const struct unit *unit, struct text *out)
{
    if (unit->removed)
        text_format(out, "%s is not in git any more; what is left of it is being removed",
                    unit->name);
    else if (unit->broken)
        text_format(out, "%s was never readable: %s", unit->name, unit->reason);
    else
        text_format(out, "%s waits for the platform: %s", unit->name, engine->platform_reason);
}

int engine_why(const struct engine *engine, const char *cell, const char *target,
               struct instant now, struct text *out)
{
    const struct unit *unit = unit_find(engine, cell);
    if (unit == NULL || (!unit->recorded && !unit->broken))
        return -ENOENT;
    const struct node *node = NULL;
    for (size_t i = 0; target != NULL && i < unit->node_count; i++) {
        if (strcmp(unit->nodes[i]->name, target) == 0)
            node = unit->nodes[i];
    }
    if (target != NULL && node == NULL)
        return -ENOENT;
    if (target == NULL)
        node = node_to_explain(engine, unit);
    if (node == NULL)
        explain_nodeless(engine, unit, out);
    else if (target == NULL && !keeps_last_good(unit) &&
             engine->facts[node->index].state == NODE_CONVERGED &&
             engine->facts[node->index].healthy)
        text_format(out, "%s is live on every target at %.12s", unit->name, unit->good_commit);
    else
        why_node(engine, node, now, out);
    return text_status(out) == -ENOMEM ? -ENOMEM : 0;
}
