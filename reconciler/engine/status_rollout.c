#include "reconciler/engine/status_rollout.h"

#include "config/base/text.h"
#include "config/manifest/effective.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/status.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/track_view.h"
#include "reconciler/engine/trial_query.h"
#include "reconciler/engine/trial_show.h"

#include <inttypes.h>
#include <string.h>

static const char *const strategies[STRATEGY_COUNT] = {"rolling", "blue-green", "canary"};

json_t *status_content(const struct rollout_content *content, bool there)
{
    if (!there)
        return json_null();
    return json_pack("{s:s, s:s, s:o, s:o}", "release", content->release_digest, "deployment",
                     content->deployment_digest, "revision", status_text(content->revision),
                     "baked", status_time(content->baked_wall_ms));
}

json_t *status_replicas(const struct binding *binding)
{
    if (!binding->answered || binding->gate->replicas_wanted == 0)
        return json_null();
    return json_pack("{s:i, s:i, s:i}", "wanted", binding->gate->replicas_wanted, "ready",
                     binding->gate->replicas_ready, "available", binding->gate->replicas_available);
}

/* --- a rollout ----------------------------------------------------------------------------------
 */

static json_t *step_json(int weight, int64_t soak_ms, bool pause, bool judged)
{
    return json_pack("{s:i, s:I, s:b, s:b}", "weight", weight, "soak_ms", (json_int_t)soak_ms,
                     "pause", (int)pause, "analysis", (int)judged);
}

bool status_step_is_judged(const struct rollout_step *step)
{
    return (step->analysis.value || !step->analysis.set) && step->weight.value > 0;
}

json_t *status_steps(const struct rollout_policy *policy, bool judged)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < policy->step_count; i++) {
        const struct rollout_step *step = &policy->steps[i];
        json_array_append_new(steps,
                              step_json((int)step->weight.value, step->soak.value.ms,
                                        step->pause.value, judged && status_step_is_judged(step)));
    }
    return steps;
}

const char *status_strategy_name(enum strategy strategy)
{
    return strategies[strategy];
}

static json_t *stages_json(const struct rollout *rollout)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < rollout->stage_count; i++) {
        const struct rollout_stage *stage = &rollout->room->stages[i];
        json_array_append_new(
            steps, step_json(stage->weight, stage->soak_ms, stage->pause, stage->analysis));
    }
    return steps;
}

static json_t *credit_json(const struct rollout *rollout, const struct rollout_view *view,
                           bool shown, int64_t needed)
{
    if (!shown)
        return json_null();
    const int64_t left = rollout_soak_left(rollout, view);
    return json_pack("{s:I, s:I, s:I}", "needed_ms", (json_int_t)needed, "done_ms",
                     (json_int_t)(needed - left), "left_ms", (json_int_t)left);
}

static const char *health_of(const struct binding *binding)
{
    return binding->answered ? gate_verdict_name(binding->gate->verdict) : "unknown";
}

/* Whose content stands on a slot: "old" is what was stable before, on its way out. */
static const char *role_of(const struct rollout *rollout, char slot,
                           const struct rollout_content **ret_content)
{
    *ret_content = NULL;
    if (rollout->has_next && slot == rollout->next_slot &&
        rollout_effective(rollout) != ROLLOUT_PREPARE) {
        *ret_content = &rollout->next;
        return "next";
    }
    if (rollout->has_stable && slot == rollout->stable_slot) {
        *ret_content = &rollout->stable;
        return "stable";
    }
    if (rollout->state != ROLLOUT_CLEANUP)
        return NULL;
    if (rollout->has_previous) /* what was returned from is not kept */
        *ret_content = &rollout->previous;
    return "old";
}

/* The live route was seen with the weights that are wanted now. */
static bool is_verified(const struct track *track)
{
    const struct gate_answer *seen = look_seen(&track->bindings[BINDING_ROUTE]);
    return seen != NULL && seen->weights_verified;
}

static json_t *slot_json(const struct track *track, size_t index)
{
    const struct rollout *rollout = &track->rollout;
    const char letter[2] = {rollout->routed ? (char)('a' + index) : '\0', '\0'};
    const struct binding *binding = &track->bindings[index];
    const struct rollout_content *content;
    const char *role = role_of(rollout, letter[0], &content);
    const bool routed = rollout->routed;
    const int weight = routed ? track->wants.route.weight[index] : 0;
    const bool live = is_verified(track);
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:i, s:o}", "slot", status_text(letter), "role",
                     status_text(role), "content", status_content(content, content != NULL),
                     "health", health_of(binding), "replicas", status_replicas(binding), "weight",
                     weight, "weight_live", live ? json_integer(weight) : json_null());
}

static json_t *slots_json(const struct track *track)
{
    json_t *slots = json_array();
    for (size_t i = 0; i < (track->rollout.routed ? 2u : 1u); i++)
        json_array_append_new(slots, slot_json(track, i));
    return slots;
}

static const char *share_name(enum share_check share)
{
    static const char *const names[] = {
        [SHARE_NOT_COUNTED] = "not-counted",
        [SHARE_TOO_FEW] = "too-few",
        [SHARE_CONFIRMED] = "confirmed",
        [SHARE_OFF] = "off",
    };
    return names[share];
}

static json_t *outcome_json(const struct rollout *rollout)
{
    const bool over = !rollout_is_active(rollout) && rollout->last_outcome != OUTCOME_NONE;
    return over ? json_string(rollout_outcome_name(rollout->last_outcome)) : json_null();
}

static bool is_over(const struct rollout *rollout, const struct rollout_view *view)
{
    return rollout_effective(rollout) == ROLLOUT_STEP && rollout->verified &&
           rollout_soak_left(rollout, view) == 0;
}

static json_t *numbers_json(const struct engine *engine, const struct track *track,
                            const struct rollout_view *view)
{
    const struct rollout *rollout = &track->rollout;
    const enum rollout_state state = rollout_effective(rollout);
    const bool soaks = state == ROLLOUT_STEP && rollout->verified;
    const int64_t soak =
        rollout->step < rollout->stage_count ? rollout->room->stages[rollout->step].soak_ms : 0;
    return json_pack("{s:o, s:I, s:i, s:b, s:s, s:o, s:o, s:o, s:o}", "steps", stages_json(rollout),
                     "step", (json_int_t)rollout->step, "weight", rollout->weight,
                     "weight_verified", (int)is_verified(track), "weight_counted",
                     share_name(view->share), "soak", credit_json(rollout, view, soaks, soak),
                     "bake", credit_json(rollout, view, state == ROLLOUT_BAKE, rollout->bake_ms),
                     "slots", slots_json(track), "analysis",
                     track->trial == NULL
                         ? json_null()
                         : trial_show(engine, track->trial, is_over(rollout, view)));
}

json_t *status_rollout(const struct engine *engine, const struct track *track, struct instant now)
{
    const struct rollout *rollout = &track->rollout;
    if (rollout->attempt == 0)
        return json_null();
    struct rollout_plan plan;
    struct rollout_view view;
    track_view(engine, track, &plan, &view);
    view.now = now;
    char id[3 * NAME_SIZE];
    text_put(id, sizeof id, "%s/%s/%" PRIu64, track->component, track->target, rollout->attempt);
    OWNED_TEXT waits;
    text_init(&waits, 1024);
    rollout_explain(rollout, &view, &waits);
    json_t *shown = json_pack(
        "{s:s, s:b, s:s, s:s, s:I, s:o, s:b, s:b, s:o, s:o, s:o}", "id", id, "active",
        (int)rollout_is_active(rollout), "state", rollout_state_name(rollout->state), "strategy",
        strategies[rollout->strategy], "attempt", (json_int_t)rollout->attempt, "started",
        status_time(rollout->started.ms), "fast", (int)rollout->fast, "unproven",
        (int)rollout->unproven, "outcome", outcome_json(rollout), "waits_for",
        status_text(text_get(&waits)), "since", status_time(rollout->state_since.ms));
    return json_join(shown, numbers_json(engine, track, &view));
}

json_t *status_rollout_data(const struct engine *engine, const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    const struct rollout_content *content = rollout->has_next ? &rollout->next : &rollout->stable;
    const struct binding *binding =
        &track->bindings[(rollout->has_next ? rollout->next_slot : rollout->stable_slot) == 'b'
                             ? BINDING_B
                             : BINDING_A];
    const int64_t duration = engine->now.wall.ms - rollout->started.ms;
    return json_pack(
        "{s:I, s:s, s:o, s:o, s:o, s:I, s:i, s:I, s:o, s:o, s:o}", "attempt",
        (json_int_t)rollout->attempt, "strategy", strategies[rollout->strategy], "release",
        status_text(content->release_digest), "deployment", status_text(content->deployment_digest),
        "revision", status_text(content->revision), "step", (json_int_t)rollout->step, "weight",
        rollout->weight, "duration_ms", (json_int_t)(duration > 0 ? duration : 0), "replicas",
        status_replicas(binding), "hold",
        rollout->hold == HOLD_NONE ? json_null() : json_string(rollout_hold_name(rollout->hold)),
        "analysis", track->trial == NULL ? json_null() : trial_show(engine, track->trial, false));
}
