#include "reconciler/engine/track.h"

#include "reconciler/engine/build.h"
#include "reconciler/engine/contract.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/project.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/scope.h"
#include "reconciler/engine/secret.h"
#include "reconciler/engine/source.h"
#include "reconciler/engine/track_advice.h"
#include "reconciler/engine/track_found.h"
#include "reconciler/engine/track_note.h"
#include "reconciler/engine/track_want.h"
#include "reconciler/engine/trial.h"
#include "reconciler/engine/trial_row.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A rollout settles within so many rounds of one step, or goes on with the next event. */
#define ROUNDS 12

void track_init(struct track *track, struct unit *unit, const char *component, const char *target)
{
    track->unit = unit;
    snprintf(track->component, sizeof track->component, "%s", component);
    snprintf(track->target, sizeof track->target, "%s", target);
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        track->bindings[i].track = track;
        track->bindings[i].role = (enum binding_role)i;
    }
    track->due = (struct mono_time){NEVER};
    rollout_init(&track->rollout, unit->name, track->component, track->target, false);
}

static void drop_references(struct track *track)
{
    for (size_t i = 0; i < track->reference_count; i++)
        track->references[i]->holders--;
    free(TAKE(track->references));
    track->reference_count = 0;
}

static void drop_deployment(struct track *track)
{
    track->deployment = deployment_free(track->deployment);
    track->wants.route.matches = NULL; /* they were its steps' */
    track->wants.route.match_count = 0;
}

void track_free(struct track *track)
{
    track->deployment = deployment_free(track->deployment);
    rollout_content_fini(&track->content);
    rollout_fini(&track->rollout);
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        free(track->bindings[i].gate);
        free(track->bindings[i].release);
        free(track->bindings[i].names);
        json_decref(track->bindings[i].live);
        json_decref(track->bindings[i].matches);
        (void)packed_unref(track->bindings[i].found);
    }
    free(track->note);
    free(track->refusal);
    free(track->references);
    trial_row_free(track->trial);
    free(track);
}

void track_rest(struct track *track)
{
    drop_deployment(track);
    (void)packed_unref(TAKE(track->content.slot_spec[0]));
    (void)packed_unref(TAKE(track->content.slot_spec[1]));
    (void)packed_unref(TAKE(track->content.route_spec));
    (void)packed_unref(TAKE(track->content.endpoints));
    (void)packed_unref(TAKE(track->content.needs));
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        track->bindings[i].image = NULL;
        free(TAKE(track->bindings[i].names));
        if (track->bindings[i].request == 0) {
            free(TAKE(track->bindings[i].gate));
            track->bindings[i].answered = false;
        }
    }
}

bool track_is_live(const struct track *track)
{
    return track->manifest != NULL && track->place != NULL;
}

void track_component_name(const struct track *track, enum binding_role role,
                          char ret_name[static NAME_SIZE + 2])
{
    const enum component_role component = track_slot_role(track, role);
    snprintf(ret_name, NAME_SIZE + 2, "%s%s", track->component,
             component == ROLE_SLOT_A   ? "-a"
             : component == ROLE_SLOT_B ? "-b"
                                        : "");
}

enum component_role track_slot_role(const struct track *track, enum binding_role role)
{
    if (role == BINDING_ROUTE)
        return ROLE_ROUTE;
    if (!track->rollout.routed)
        return ROLE_SINGLE;
    return role == BINDING_A ? ROLE_SLOT_A : ROLE_SLOT_B;
}

bool track_is_done(const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    return track->has_content && track->recorded && !track->recalled &&
           rollout->state == ROLLOUT_IDLE && rollout->has_stable && !rollout->settle_due &&
           rollout->stable.baked_wall_ms != 0 &&
           strcmp(rollout->stable.deployment_digest, track->content.deployment_digest) == 0;
}

/* --- from the manifest --------------------------------------------------------------------------
 */

static json_t *endpoints_json(const struct component *component)
{
    static const char *const types[ENDPOINT_TYPE_COUNT] = {
        [ENDPOINT_HTTP] = "HTTP",       [ENDPOINT_GRPC] = "gRPC",
        [ENDPOINT_GRAPHQL] = "GraphQL", [ENDPOINT_WEBSOCKET] = "Websocket",
        [ENDPOINT_TCP] = "TCP",         [ENDPOINT_UDP] = "UDP",
    };
    json_t *endpoints = json_object();
    for (size_t i = 0; i < component->endpoint_count; i++) {
        const struct endpoint *endpoint = &component->endpoints[i];
        json_object_set_new(endpoints, endpoint->name.text,
                            json_pack("{s:s, s:i, s:s?, s:i}", "type", types[endpoint->type],
                                      "port", (int)endpoint->port, "basePath",
                                      endpoint->base_path.text, "visibility",
                                      (int)endpoint->visibility));
    }
    return endpoints;
}

static struct packed *spec_of(struct engine *engine, const struct deployment *deployment,
                              enum component_role role, const struct binding_wants *wants)
{
    struct desired_object object = {0};
    if (deployment_binding(deployment, role, wants, &object) < 0) {
        engine->status = -ENOMEM;
        return NULL;
    }
    struct packed *spec = packed_take(json_incref(json_object_get(object.body, "spec")));
    desired_object_fini(&object);
    if (spec == NULL)
        engine->status = -ENOMEM;
    return spec;
}

static void fill_content(struct engine *engine, struct track *track)
{
    const struct deployment *deployment = track->deployment;
    struct rollout_content *content = &track->content;
    rollout_content_fini(content);
    snprintf(content->release_digest, sizeof content->release_digest, "%s",
             deployment->release_digest);
    snprintf(content->deployment_digest, sizeof content->deployment_digest, "%s",
             deployment->deployment_digest);
    snprintf(content->route_digest, sizeof content->route_digest, "%s", deployment->route_digest);
    snprintf(content->revision, sizeof content->revision, "%s", track->unit->good_commit);
    content->needs = packed_take(deployment_needs(deployment));
    if (content->needs == NULL)
        engine->status = -ENOMEM;
    const struct binding_wants slot = {.active = true, .replicas = -1};
    if (!deployment->routed) {
        content->slot_spec[0] = spec_of(engine, deployment, ROLE_SINGLE, &slot);
        return;
    }
    const struct binding_wants route = {.active = true,
                                        .weight_a = 100,
                                        .list_a = true,
                                        .active_slot = 'a',
                                        .scale_a = true,
                                        .replicas = -1};
    content->slot_spec[0] = spec_of(engine, deployment, ROLE_SLOT_A, &slot);
    content->slot_spec[1] = spec_of(engine, deployment, ROLE_SLOT_B, &slot);
    content->route_spec = spec_of(engine, deployment, ROLE_ROUTE, &route);
    content->endpoints = packed_take(endpoints_json(deployment->component));
    if (content->endpoints == NULL)
        engine->status = -ENOMEM;
}

static void name_binding(struct engine *engine, struct track *track, enum binding_role role)
{
    struct binding *binding = &track->bindings[role];
    const enum component_role component = track_slot_role(track, role);
    const struct object_key key = {KIND_RELEASE_BINDING, engine->platform->namespace_name.text,
                                   deployment_binding_name(track->deployment, component)};
    struct object *object = object_get(engine, &key);
    if (object == NULL)
        return;
    unit_attach(engine, track->unit, object);
    unit_hold(&binding->object, object);
    object->wanted = true;
    object->route = role == BINDING_ROUTE;
    object->target = words_target(engine, track->target);
}

static void take_references(struct engine *engine, struct track *track)
{
    drop_references(track);
    struct desired_list list = {0};
    if (deployment_references(track->deployment, &list) < 0) {
        engine->status = -ENOMEM;
        return;
    }
    track->references = calloc(list.count == 0 ? 1 : list.count, sizeof(struct object *));
    for (size_t i = 0; track->references != NULL && i < list.count; i++) {
        struct object *object = object_get(engine, &list.items[i].key);
        if (object == NULL)
            break;
        unit_attach(engine, track->unit, object);
        object->wanted = true;
        object->holders++;
        track->references[track->reference_count++] = object;
        object_want(engine, object, TAKE(list.items[i].body), list.items[i].adopt);
    }
    if (track->references == NULL)
        engine->status = -ENOMEM;
    desired_list_fini(&list);
}

/* What the content names must stand as long as the content may. */
static void note_secrets(struct engine *engine, struct track *track)
{
    if (track->reference_count == 0)
        return;
    json_t *names = json_array();
    for (size_t i = 0; i < track->reference_count; i++)
        json_array_append_new(names, json_string(track->references[i]->key.name));
    const bool whole = json_array_size(names) == track->reference_count;
    track->content.secrets = packed_take(names);
    if (!whole || track->content.secrets == NULL)
        engine->status = -ENOMEM;
}

static void cannot_compile(struct engine *engine, struct track *track, int result,
                           const struct error *err)
{
    OWNED_TEXT note;
    text_init(&note, MESSAGE_SIZE);
    track->needs_image = result == -EAGAIN;
    if (track->needs_image)
        text_format(&note, "%s has no image yet: its build was not begun", track->component);
    else if (err->where.path != NULL)
        text_format(&note, "%.100s:%u:%u: %.120s", err->where.path, err->where.line,
                    err->where.column, err->detail);
    else
        text_format(&note, "%.250s", err->detail);
    track->note = text_take(&note);
    if (track->note == NULL)
        engine->status = -ENOMEM;
}

/* What would be refused with any image is said before there is one. */
static int compile(struct engine *engine, struct track *track, struct error *err)
{
    const char *image = build_image(engine, track->unit->name, track->component);
    int result = deployment_new(&engine->context, track->unit->cell, track->manifest, track->place,
                                image, &track->deployment, err);
    if (result != -EAGAIN)
        return result;
    struct deployment *any = NULL;
    result = deployment_new(&engine->context, track->unit->cell, track->manifest, track->place,
                            "unbuilt", &any, err);
    deployment_free(any);
    return result == 0 ? -EAGAIN : result;
}

void track_compile(struct engine *engine, struct track *track)
{
    drop_deployment(track);
    for (size_t i = 0; i < BINDING_COUNT; i++)
        track->bindings[i].image = NULL; /* it was the deployment's */
    track->has_content = false;
    track->needs_image = false;
    free(TAKE(track->note));
    if (!track_is_live(track))
        return;
    struct error err = {0};
    const int result = compile(engine, track, &err);
    if (result == -ENOMEM) {
        engine->status = -ENOMEM;
        return;
    }
    if (result < 0) {
        cannot_compile(engine, track, result, &err);
        return;
    }
    track->has_content = true;
    track->rollout.routed = track->deployment->routed;
    fill_content(engine, track);
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        if (i == BINDING_A || track->deployment->routed)
            name_binding(engine, track, (enum binding_role)i);
    }
    take_references(engine, track);
    note_secrets(engine, track);
}

/* --- the view -----------------------------------------------------------------------------------
 */

static void view_plan(const struct engine *engine, const struct track *track,
                      struct rollout_plan *ret_plan)
{
    *ret_plan = (struct rollout_plan){
        .progress_deadline = DURATION_S(600),
        .apply_grace = engine->options.apply_grace,
        .attempts = TRACK_ATTEMPTS,
        .production = track->place != NULL && track->place->environment->production.value,
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
    if (policy->attempts.set)
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

static json_t *older_spec(const struct track *track, enum binding_role role)
{
    const struct rollout_content *next = &track->rollout.next;
    return packed_open(role == BINDING_ROUTE ? next->route_spec : next->slot_spec[role]);
}

/* The way back leads to a release that was made before: it only has to be there still. */
static bool has_older_release(const struct engine *engine, const struct track *track,
                              enum binding_role role)
{
    OWNED_JSON *spec = older_spec(track, role);
    const struct object_key key = {KIND_COMPONENT_RELEASE, engine->platform->namespace_name.text,
                                   json_text_or(json_object_get(spec, "releaseName"), "")};
    const struct object *release = object_find(engine, &key);
    return release != NULL && release->presence == PRESENCE_PRESENT;
}

static void ask_older_releases(struct engine *engine, struct track *track)
{
    if (track->rollout.state != ROLLOUT_PREPARE || !track->has_content ||
        strcmp(track->rollout.next.deployment_digest, track->content.deployment_digest) == 0)
        return;
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        OWNED_JSON *spec = older_spec(track, (enum binding_role)i);
        const struct object_key key = {KIND_COMPONENT_RELEASE,
                                       engine->platform->namespace_name.text,
                                       json_text_or(json_object_get(spec, "releaseName"), "")};
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
    const bool older =
        track->rollout.has_next && track->has_content &&
        strcmp(track->rollout.next.deployment_digest, track->content.deployment_digest) != 0;
    view.has_release = older ? has_older_release(engine, track, role)
                             : source_has_release(track, role) && has_references(track);
    view.look = binding->looks;
    if (role != BINDING_ROUTE)
        view.autoscaler_acts = track->bindings[BINDING_ROUTE].autoscaled[role];
    if (binding->answered && binding->gate != NULL && binding->epoch == object->epoch &&
        binding->judged == object->desired)
        view.gate = *binding->gate;
    return view;
}

void track_view(const struct engine *engine, const struct track *track,
                struct rollout_plan *ret_plan, struct rollout_view *ret_view)
{
    view_plan(engine, track, ret_plan);
    const struct node_verdict *verdict =
        track->node == NULL ? NULL : &engine->verdicts[track->node->index];
    *ret_view = (struct rollout_view){
        .now = engine->now,
        .wanted = track->has_content ? &track->content : NULL,
        .plan = ret_plan,
        .may_start = verdict != NULL && verdict->may_start && track->node->binding_ready &&
                     !track->unit->foreign && !project_moves(track->node) && track->has_content &&
                     !track->yields && track_providers_stand(engine, track) &&
                     !secret_is_missing(engine, track, NULL),
        .refusal = track->refusal == NULL || track->yields ? NULL : track->refusal,
        .correct_drift = true, /* the policy is kept where objects are written */
        .stable_healthy = !trial_stable_is_sick(track),
        /* What goes back goes on doing so. */
        .cancel = verdict != NULL && verdict->cancel && !track->rollout.returning,
        .cancel_reason = "the primary region's rollout failed",
        .undo = scope_undoes(engine, track),
        .command = track->command,
    };
    if (scope_cancels(engine, track)) {
        ret_view->cancel = true;
        ret_view->cancel_reason = scope_reason(engine, track);
    }
    ret_view->quarantined =
        track->has_content && quarantine_find(engine, track->unit->name, track->component,
                                              track->target, track->content.deployment_digest);
    for (size_t i = 0; i < 2; i++)
        ret_view->slot[i] = view_binding(engine, track, (enum binding_role)i);
    ret_view->route = view_binding(engine, track, BINDING_ROUTE);
    trial_view(engine, track, ret_plan, ret_view);
}

/* --- a round ------------------------------------------------------------------------------------
 */

void track_step(struct engine *engine, struct track *track)
{
    track->due = (struct mono_time){NEVER};
    if (!track_is_live(track) || track->node == NULL || !track_recover(engine, track))
        return;
    const struct mono_time secrets = secret_ask(engine, track);
    contract_check(engine, track);
    track->waits = !track_providers_stand(engine, track);
    for (int round = 0; round < ROUNDS && engine->status == 0; round++) {
        struct rollout_plan plan;
        struct rollout_view view;
        struct rollout_result result = {0};
        track_view(engine, track, &plan, &view);
        rollout_wants(&track->rollout, &view, &track->wants);
        track_want(engine, track);
        track_view(engine, track, &plan, &view);
        if (track->command == COMMAND_ROLLBACK)
            snprintf(track->command_digest, sizeof track->command_digest, "%s",
                     track->rollout.has_next ? track->rollout.next.deployment_digest
                                             : track->rollout.stable.deployment_digest);
        rollout_advance(&track->rollout, &view, &result);
        track_take_result(engine, track, &result);
        trial_follow(engine, track, view.stable_healthy);
        track->wants = result.wants;
        track_want(engine, track);
        ask_older_releases(engine, track);
        track->due = result.wants.wake.mono;
        if (secrets.ms < track->due.ms && secrets.ms > engine->now.mono.ms)
            track->due = secrets;
        if (result.wants.wake.mono.ms > engine->now.mono.ms)
            return;
    }
    /* It would like to go on at once, and what it waits for is not there: an event will bring it,
     * or a little time. */
    track->due = (struct mono_time){engine->now.mono.ms + engine->options.poll_fastest.ms};
}

void track_explain(const struct engine *engine, const struct track *track, struct instant now,
                   struct text *out)
{
    if (!track_is_live(track)) {
        text_format(out, "%s is not in git any more", track->component);
        return;
    }
    if (!rollout_is_active(&track->rollout) && build_explain(engine, track, out))
        return;
    if (track->note != NULL) {
        text_add(out, track->note);
        return;
    }
    OWNED_TEXT secret;
    text_init(&secret, 2 * MESSAGE_SIZE);
    if (!rollout_is_active(&track->rollout) && secret_is_missing(engine, track, &secret)) {
        text_format(out, "%s waits: %s", track->component, text_get(&secret));
        return;
    }
    if (track->recalled && track->rollout.state == ROLLOUT_IDLE) {
        text_format(out, "%s went back: %s", track->component, scope_reason(engine, track));
        return;
    }
    if (track->yields && !rollout_is_active(&track->rollout)) {
        text_format(out, "%s waits: %s", track->component, track->refusal);
        return;
    }
    struct rollout_plan plan;
    struct rollout_view view;
    track_view(engine, track, &plan, &view);
    view.now = now;
    text_format(out, "%s ", track->component);
    rollout_explain(&track->rollout, &view, out);
    track_advice_add(track, out);
}

bool track_may_refer(const struct engine *engine, const struct track *track,
                     const struct object *reference)
{
    if (object_is_drift(reference))
        return unit_drift_policy(engine, track->unit) == DRIFT_CORRECT;
    return rollout_is_active(&track->rollout) || track_is_done(track) || reference->permit;
}
