#include "reconciler/engine/health.h"

#include "config/base/text.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"

/* Pods that are moved to another machine are away for a while: what lasts longer is sick. */
#define GRACE DURATION_S(300)

static bool is_at_rest(const struct track *track)
{
    return track_is_live(track) && track->rollout.has_stable && !rollout_is_active(&track->rollout);
}

static bool is_asked(const struct object *object)
{
    return object != NULL && (object->complain || object->presence != PRESENCE_PRESENT);
}

/* --- what is the case ---------------------------------------------------------------------------
 */

static bool is_failed(const struct binding *binding, const struct gate_answer *seen)
{
    return seen != NULL && seen->verdict == GATE_FAILED &&
           (!seen->needs_second_look || binding->calm > 0);
}

enum health health_of(const struct engine *engine, const struct track *track)
{
    const struct binding *binding = track_stable_slot(track);
    if (!is_at_rest(track) || !is_asked(binding->object))
        return HEALTH_WELL;
    if (!binding->complains)
        return HEALTH_DOUBTFUL; /* what was seen may have been before it */
    const struct gate_answer *seen = look_seen(binding);
    if (seen != NULL && seen->verdict == GATE_SETTLED)
        return HEALTH_WELL;
    const bool lasts = engine->now.mono.ms >= binding->complains_since.ms + GRACE.ms;
    /* What crashes over and over is on its way now and then. */
    return track->sick || lasts || is_failed(binding, seen) ? HEALTH_SICK : HEALTH_DOUBTFUL;
}

enum health health_of_node(const struct engine *engine, const struct node *node)
{
    enum health worst = HEALTH_WELL;
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        const enum health health = track->node == node ? health_of(engine, track) : HEALTH_WELL;
        worst = health > worst ? health : worst;
    }
    return worst;
}

/* --- looking ------------------------------------------------------------------------------------
 */

static void watch(struct engine *engine, struct binding *binding, bool rests, struct mono_time *due)
{
    const bool asked = is_asked(binding->object);
    if (asked && !binding->complains) {
        binding->complains_since = engine->now.mono;
        if (rests)
            look_forget(binding);
    }
    binding->complains = asked;
    binding->watched = asked && rests;
    if (!binding->watched)
        return;
    const struct mono_time next = look_pump(engine, binding);
    const struct mono_time end = {binding->complains_since.ms + GRACE.ms};
    if (next.ms < due->ms)
        *due = next;
    if (end.ms > engine->now.mono.ms && end.ms < due->ms)
        *due = end;
}

void health_watch(struct engine *engine, struct unit *unit, struct mono_time *due)
{
    for (size_t i = 0; i < unit->track_count; i++) {
        struct track *track = unit->tracks[i];
        const struct binding *stable = is_at_rest(track) ? track_stable_slot(track) : NULL;
        for (size_t k = 0; k < BINDING_ROUTE; k++)
            watch(engine, &track->bindings[k], stable == &track->bindings[k], due);
    }
}

/* --- telling ------------------------------------------------------------------------------------
 */

void health_explain_track(const struct track *track, struct text *out)
{
    const struct binding *binding = track_stable_slot(track);
    const struct gate_answer *seen = look_seen(binding);
    text_format(out, "%s: ", track->component);
    if (seen != NULL)
        text_add(out, seen->text);
    else if (binding->object->presence == PRESENCE_ABSENT)
        text_format(out, "its binding %s is not there", binding->object->key.name);
    else
        text_format(out, "the control plane says that its binding %s is not ready",
                    binding->object->key.name);
}

static void explain_inaction(const struct engine *engine, const struct unit *unit, struct text *out)
{
    if (unit_is_suspended(engine, unit))
        text_add(out, "; celld does nothing about it, because the cell is suspended");
    else if (unit_is_frozen(engine, unit))
        text_add(out, "; celld does nothing about it, because somebody changed the cell's objects "
                      "and its drift policy is freeze");
    else
        text_add(out, "; the release was good when it was let through, so celld does not take it "
                      "back: push a mended one, or order `cellctl rollback`");
}

void health_explain(const struct engine *engine, const struct node *node, struct text *out)
{
    if (node->health == HEALTH_WELL)
        return;
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node != node || health_of(engine, track) != node->health)
            continue;
        text_add(out, ": ");
        health_explain_track(track, out);
        break;
    }
    if (node->health == HEALTH_SICK)
        explain_inaction(engine, node->unit, out);
    else
        text_add(out, "; celld is looking whether it comes back by itself");
}

void health_apply(struct track *track, const json_t *value)
{
    track->sick = value != NULL;
    track->sick_since.ms = row_number(value, "since");
}

json_t *health_row(const struct track *track)
{
    return json_pack("{s:I}", "since", (json_int_t)track->sick_since.ms);
}

static void remember(struct engine *engine, struct track *track, bool sick)
{
    char key[KEY_SIZE];
    text_put(key, sizeof key, "sick/%s/%s/%s", track->unit->name, track->component, track->target);
    if (sick)
        record_add(engine, key, json_pack("{s:I}", "since", (json_int_t)engine->now.wall.ms));
    else
        record_remove(engine, key);
}

void health_forget(struct engine *engine, struct track *track)
{
    if (track->sick)
        remember(engine, track, false);
}

static void tell(struct engine *engine, struct track *track, bool sick)
{
    const struct history_about about = {
        .cell = track->unit->name, .component = track->component, .target = track->target};
    OWNED_TEXT text;
    text_init(&text, 1024);
    health_explain_track(track, &text);
    if (sick)
        history_publish(engine, PUBLISH_WARNING, "release-sick", &about,
                        "release %s on %s, which was good, is not healthy any more: %s",
                        track->rollout.stable.release_digest, track->target, text_get(&text));
    else
        history_publish(engine, PUBLISH_NOTICE, "release-well", &about,
                        "release %s of %s on %s is healthy again",
                        track->rollout.stable.release_digest, track->component, track->target);
    /* Only then: after a death in between it is told again. */
    remember(engine, track, sick);
}

void health_update(struct engine *engine, struct unit *unit)
{
    for (size_t i = 0; i < unit->track_count; i++) {
        struct track *track = unit->tracks[i];
        const enum health health = health_of(engine, track);
        if (!is_at_rest(track))
            health_forget(engine, track); /* its rollout tells how it is */
        else if (health != HEALTH_DOUBTFUL && track->sick != (health == HEALTH_SICK))
            tell(engine, track, health == HEALTH_SICK);
    }
}
