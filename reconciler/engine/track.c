#include "reconciler/engine/track.h"

#include "config/base/pool.h"
#include "config/base/text.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/contract.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/provider.h"
#include "reconciler/engine/scope.h"
#include "reconciler/engine/secret.h"
#include "reconciler/engine/track_advice.h"
#include "reconciler/engine/track_found.h"
#include "reconciler/engine/track_note.h"
#include "reconciler/engine/track_view.h"
#include "reconciler/engine/track_want.h"
#include "reconciler/engine/trial.h"
#include "reconciler/engine/trial_row.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A rollout settles within so many rounds of one step, or goes on with the next event. */
#define ROUNDS 12

void track_init(struct track *track, struct unit *unit, const char *component, const char *target)
{
    track->unit = unit;
    text_put(track->component, sizeof track->component, "%s", component);
    text_put(track->target, sizeof track->target, "%s", target);
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        track->bindings[i].track = track;
        track->bindings[i].role = (enum binding_role)i;
    }
    track->due = (struct mono_time){NEVER};
    rollout_init(&track->rollout, unit->name, track->component, track->target, false);
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
    pool_give(track);
}

void track_drop_deployment(struct track *track)
{
    track->deployment = deployment_free(track->deployment);
    track->wants.route.matches = NULL; /* they were its steps' */
    track->wants.route.match_count = 0;
    for (size_t i = 0; i < BINDING_COUNT; i++)
        track->bindings[i].image = NULL;
}

void track_rest(struct track *track)
{
    track_drop_deployment(track);
    (void)packed_unref(TAKE(track->content.slot_spec[0]));
    (void)packed_unref(TAKE(track->content.slot_spec[1]));
    (void)packed_unref(TAKE(track->content.route_spec));
    (void)packed_unref(TAKE(track->content.endpoints));
    (void)packed_unref(TAKE(track->content.needs));
    rollout_close(&track->rollout);
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        free(TAKE(track->bindings[i].names));
        if (track->bindings[i].request == 0 && !track->bindings[i].complains) {
            free(TAKE(track->bindings[i].gate));
            track->bindings[i].answered = false;
        }
    }
}

bool track_is_live(const struct track *track)
{
    return track->manifest != NULL && track->place != NULL;
}

const struct binding *track_stable_slot(const struct track *track)
{
    return &track->bindings[track->rollout.stable_slot == 'b' ? BINDING_B : BINDING_A];
}

void track_component_name(const struct track *track, enum binding_role role,
                          char ret_name[static NAME_SIZE + 2])
{
    const enum component_role component = track_slot_role(track, role);
    text_put(ret_name, NAME_SIZE + 2, "%s%s", track->component,
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
    return track->has_content && !track->recalled && rollout->state == ROLLOUT_IDLE &&
           !rollout->settle_due &&
           strcmp(rollout->stable.deployment_digest, track->content.deployment_digest) == 0;
}

/* --- a round ------------------------------------------------------------------------------------
 */

static void go_on(struct engine *engine, struct track *track)
{
    const struct mono_time secrets = secret_ask(engine, track);
    for (int round = 0; round < ROUNDS && engine->status == 0; round++) {
        struct rollout_plan plan;
        struct rollout_view view;
        struct rollout_result result = {0};
        track_view(engine, track, &plan, &view);
        rollout_wants(&track->rollout, &view, &track->wants);
        track_want(engine, track);
        track_view(engine, track, &plan, &view);
        if (track->command == COMMAND_ROLLBACK)
            text_put(track->command_digest, sizeof track->command_digest, "%s",
                     track->rollout.has_next ? track->rollout.next.deployment_digest
                                             : track->rollout.stable.deployment_digest);
        rollout_advance(&track->rollout, &view, &result);
        track_take_result(engine, track, &result);
        trial_follow(engine, track, view.stable_healthy);
        track->wants = result.wants;
        track_want(engine, track);
        track_view_ask_releases(engine, track);
        track->due = result.wants.wake.mono;
        if (secrets.ms < track->due.ms)
            track->due = secrets;
        if (result.wants.wake.mono.ms > engine->now.mono.ms)
            return;
    }
    /* It would like to go on at once, and what it waits for is not there: an event will bring it,
     * or a little time. */
    track->due = (struct mono_time){engine->now.mono.ms + engine->options.poll_fastest.ms};
}

void track_step(struct engine *engine, struct track *track)
{
    track->due = (struct mono_time){NEVER};
    if (!track_is_live(track) || !track_recover(engine, track))
        return;
    if (rollout_open(&track->rollout) < 0) {
        engine->status = -ENOMEM;
        return;
    }
    contract_check(engine, track);
    provider_step(engine, track);
    go_on(engine, track);
    provider_tell(engine, track);
}

void track_explain(const struct engine *engine, const struct track *track, struct instant now,
                   struct text *out)
{
    if (!rollout_is_active(&track->rollout) && build_explain(engine, track, out))
        return;
    if (track->note != NULL) {
        text_add(out, track->note);
        return;
    }
    OWNED_TEXT secret;
    text_init(&secret, (size_t)2 * MESSAGE_SIZE);
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
