#include "reconciler/engine/track_view.h"

#include "config/base/check.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/project.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/scope.h"
#include "reconciler/engine/secret.h"
#include "reconciler/engine/source.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/trial.h"
#include "reconciler/engine/unit.h"

#include <string.h>

static void view_plan(const struct engine *engine, const struct track *track,
                      struct rollout_plan *ret_plan)
{
    *ret_plan = (struct rollout_plan){
        .progress_deadline = DURATION_S(600),
        .apply_grace = engine->options.apply_grace,
        .attempts = TRACK_ATTEMPTS,
        .production = track->place->environment->production.value,
    };
    if (track->deployment == NULL)
        return;
    const struct effective *effective = track->deployment->effective;
    const struct rollout_policy *policy = &effective->rollout;
    ret_plan->strategy = track->deployment->routed ? policy->strategy : STRATEGY_ROLLING;
    ret_plan->steps = policy->steps;
    ret_plan->step_count = policy->step_count;
    ret_plan->bake = policy->bake.value;
    ret_plan->progress_deadline = policy->progress_deadline.value;
    ret_plan->rollback_forbidden = policy->rollback_forbidden.value;
    ret_plan->attempts = (int)policy->attempts.value;
    ret_plan->scaled = track->deployment->routed && effective->scaling.set;
    ret_plan->insufficient = policy->analysis.insufficient;
}

static bool has_references(const struct track *track)
{
    for (size_t i = 0; i < track->reference_count; i++) {
        if (!object_is_equal(track->references[i]))
            return false;
    }
    return true;
}

/* What is under way is not what git wants, or that cannot be made: it leads to a release that was
 * made before, which only has to be there still. */
static bool is_older(const struct track *track)
{
    return !track->has_content ||
           strcmp(track->rollout.next.deployment_digest, track->content.deployment_digest) != 0;
}

static json_t *older_spec(const struct track *track, enum binding_role role)
{
    const struct rollout_content *next = &track->rollout.next;
    return packed_open(role == BINDING_ROUTE ? next->route_spec : next->slot_spec[role]);
}

static struct object_key older_release(const struct engine *engine, const json_t *spec)
{
    return (struct object_key){KIND_COMPONENT_RELEASE, engine->platform->namespace_name.text,
                               json_text_or(json_object_get(spec, "releaseName"), "")};
}

static bool has_older_release(const struct engine *engine, const struct track *track,
                              enum binding_role role)
{
    OWNED_JSON *spec = older_spec(track, role);
    const struct object_key key = older_release(engine, spec);
    const struct object *release = object_find(engine, &key);
    return release != NULL && release->presence == PRESENCE_PRESENT && !release->astray;
}

void track_view_ask_releases(struct engine *engine, struct track *track)
{
    if (track->rollout.state != ROLLOUT_PREPARE || !is_older(track))
        return;
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        OWNED_JSON *spec = older_spec(track, (enum binding_role)i);
        const struct object_key key = older_release(engine, spec);
        struct object *release = key.name[0] == '\0' ? NULL : object_get(engine, &key);
        if (release == NULL)
            continue;
        if (release->unit == NULL)
            unit_attach(engine, track->unit, release);
        if (release->presence == PRESENCE_UNKNOWN)
            release->missing = true; /* read it */
    }
}

static struct binding_view view_binding(const struct engine *engine, const struct track *track,
                                        enum binding_role role)
{
    const struct binding *binding = &track->bindings[role];
    const struct object *object = binding->object;
    struct binding_view view = {.gate = {.verdict = GATE_STALE}};
    if (object == NULL)
        return view;
    view.known = object->presence != PRESENCE_UNKNOWN && !object->intent && !object->missing;
    view.exists = object->presence == PRESENCE_PRESENT || object->presence == PRESENCE_TERMINATING;
    view.terminating = object->presence == PRESENCE_TERMINATING;
    view.matches = object_is_equal(object) || (binding->undeploy && !view.exists && view.known);
    view.has_release = track->rollout.has_next && is_older(track)
                           ? has_older_release(engine, track, role)
                           : source_has_release(track, role) && has_references(track);
    view.look = binding->looks;
    if (role != BINDING_ROUTE)
        view.autoscaler_acts = track->bindings[BINDING_ROUTE].autoscaled[role];
    const struct gate_answer *seen = look_seen(binding);
    if (seen != NULL)
        view.gate = *seen;
    return view;
}

void track_view(const struct engine *engine, const struct track *track,
                struct rollout_plan *ret_plan, struct rollout_view *ret_view)
{
    CHECK(track_is_live(track));
    view_plan(engine, track, ret_plan);
    const struct node_verdict *verdict = node_verdict_of(engine, track->node);
    *ret_view = (struct rollout_view){
        .now = engine->now,
        .wanted = track->has_content ? &track->content : NULL,
        .plan = ret_plan,
        .may_start = verdict->place && project_is_bound(track->node) && !track->unit->foreign &&
                     !project_moves(track->node) && track->has_content && !track->yields &&
                     !track->waits && !secret_is_missing(engine, track, NULL),
        .refusal = track->refusal == NULL || track->yields ? NULL : track->refusal,
        .correct_drift = true, /* the policy is kept where objects are written */
        .stable_healthy = !trial_stable_is_sick(track),
        /* What goes back goes on doing so. */
        .cancel = verdict->cancel && !track->rollout.returning,
        .cancel_reason = "the primary region's rollout failed",
        .undo = scope_undoes(engine, track),
        .awaited = track->awaited,
        .command = track->command,
    };
    if (scope_cancels(engine, track)) {
        ret_view->cancel = true;
        ret_view->cancel_reason = scope_reason(engine, track);
    }
    ret_view->quarantined = quarantine_of(engine, track) != NULL;
    for (size_t i = 0; i < 2; i++)
        ret_view->slot[i] = view_binding(engine, track, (enum binding_role)i);
    ret_view->route = view_binding(engine, track, BINDING_ROUTE);
    trial_view(engine, track, ret_plan, ret_view);
}
