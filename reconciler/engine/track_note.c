#include "reconciler/engine/track_note.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/contract.h"
#include "reconciler/engine/emit.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/scope.h"
#include "reconciler/engine/status_rollout.h"

#include <errno.h>
#include <inttypes.h>

static const struct note_kind {
    enum publish_level level;
    const char *type;
} note_kinds[ROLLOUT_NOTE_KIND_COUNT] = {
    [NOTE_STARTED] = {PUBLISH_NOTICE, "rollout-started"},
    [NOTE_STEP] = {PUBLISH_INFO, "rollout-step"},
    [NOTE_SETTLED] = {PUBLISH_INFO, "rollout-settled"},
    [NOTE_PAUSED] = {PUBLISH_NOTICE, "rollout-paused"},
    [NOTE_RESUMED] = {PUBLISH_NOTICE, "rollout-resumed"},
    [NOTE_PROMOTED] = {PUBLISH_NOTICE, "rollout-promoted"},
    [NOTE_BAKED] = {PUBLISH_NOTICE, "rollout-baked"},
    [NOTE_ROLLBACK] = {PUBLISH_WARNING, "rollback-started"},
    [NOTE_ROLLED_BACK] = {PUBLISH_WARNING, "rolled-back"},
    [NOTE_SUPERSEDED] = {PUBLISH_NOTICE, "rollout-superseded"},
    [NOTE_WITHDRAWN] = {PUBLISH_WARNING, "rollout-withdrawn"},
    [NOTE_HELD] = {PUBLISH_WARNING, "rollout-held"},
    [NOTE_ALARM] = {PUBLISH_ERROR, "rollout-alarm"},
    [NOTE_QUARANTINE] = {PUBLISH_WARNING, "rollout-quarantine"},
    [NOTE_DRIFT] = {PUBLISH_NOTICE, "rollout-drift"},
};

static void publish(struct engine *engine, const struct track *track, enum publish_level level,
                    const char *type, const char *text)
{
    char rollout[NAME_SIZE * 3];
    text_put(rollout, sizeof rollout, "%s/%s/%" PRIu64, track->component, track->target,
             track->rollout.attempt);
    history_publish(engine, level, type,
                    &(struct history_about){.cell = track->unit->name,
                                            .component = track->component,
                                            .target = track->target,
                                            .rollout = rollout,
                                            .data = status_rollout_data(engine, track)},
                    "%s", text);
}

/* It would be tried again, had it not been tried so often already. */
static bool is_given_up(const struct rollout *rollout)
{
    switch (rollout->hold) {
    case HOLD_PLATFORM:
    case HOLD_UNREADABLE:
    case HOLD_STABLE_SICK:
    case HOLD_WEIGHT:
    case HOLD_NO_METRICS:
    case HOLD_INSUFFICIENT:
        return !rollout->has_next && rollout->retry_at.ms == 0;
    case HOLD_NONE:
    case HOLD_QUARANTINED:
    case HOLD_ABORTED:
    case HOLD_CANCELLED:
    case HOLD_GUARD:
    case HOLD_FORBIDDEN:
    case HOLD_STUCK:
    case HOLD_REFUSED:
        return false;
    }
    CHECK_UNREACHABLE();
}

static void page(struct engine *engine, const struct track *track)
{
    history_publish(
        engine, PUBLISH_ERROR, "rollout-alarm",
        &(struct history_about){
            .cell = track->unit->name, .component = track->component, .target = track->target},
        "%s on %s was tried %u times and is not tried again before somebody says so "
        "(`cellctl rollout retry`): %.200s",
        track->component, track->target, track->rollout.attempts_used, track->rollout.room->reason);
}

static void take_note(struct engine *engine, struct track *track, const struct rollout_note *note)
{
    const struct note_kind *kind = &note_kinds[note->kind];
    engine->progress++;
    if (note->kind == NOTE_QUARANTINE)
        return;
    publish(engine, track, kind->level, kind->type, note->text);
}

static void answer_command(struct engine *engine, struct track *track,
                           const struct rollout_result *result)
{
    const uint64_t id = track->command_id;
    CHECK(result->command[0] != '\0'); /* every command is answered at once */
    if (result->command_done) {
        char text[MESSAGE_SIZE * 2];
        text_put(text, sizeof text, "%s by %s: %s", rollout_command_name(track->command),
                 track->command_by, result->command);
        publish(engine, track, PUBLISH_NOTICE, "rollout-ordered", text);
    }
    track->command = COMMAND_NONE;
    track->command_id = 0;
    if (id == 0)
        return;
    struct effect effect = {.kind = EFFECT_REPLY};
    effect.as.reply.id = id;
    effect.as.reply.ok = result->command_done;
    effect.as.reply.body = json_pack("{s:s}", "message", result->command);
    if (effect.as.reply.body == NULL)
        engine->status = -ENOMEM;
    emit_effect(engine, &effect);
}

void track_take_result(struct engine *engine, struct track *track,
                       const struct rollout_result *result)
{
    rollout_check(&track->rollout);
    /* First of all: once the journal says that content failed, it must not begin again. */
    for (size_t i = 0; i < result->note_count; i++) {
        const struct rollout_note *note = &result->notes[i];
        if (note->kind != NOTE_QUARANTINE)
            continue;
        scope_begin(engine, track);
        quarantine_add(engine, track, note->digest, note->text, track->rollout.room->evidence,
                       false);
    }
    if (track->command == COMMAND_ROLLBACK && result->command_done) {
        char reason[MESSAGE_SIZE];
        text_put(reason, sizeof reason, "rolled back by %s", track->command_by);
        quarantine_add(engine, track, track->command_digest, reason, "", true);
    }
    if (result->changed) {
        char key[KEY_SIZE];
        text_put(key, sizeof key, "rollout/%s/%s/%s", track->unit->name, track->component,
                 track->target);
        record_add(engine, key, rollout_to_json(&track->rollout));
        engine->version++;
    }
    if (result->note_count > 0) {
        scope_moved(engine);
        contract_changed(engine);
    }
    if (track->command != COMMAND_NONE)
        answer_command(engine, track, result);
    for (size_t i = 0; i < result->note_count; i++) {
        take_note(engine, track, &result->notes[i]);
        if (result->notes[i].kind == NOTE_HELD && is_given_up(&track->rollout))
            page(engine, track);
    }
}
