#include "config/base/check.h"
#include "reconciler/rollout/rollout.h"

static const char *const state_names[] = {
    [ROLLOUT_IDLE] = "idle",         [ROLLOUT_PREPARE] = "prepare",   [ROLLOUT_NARROW] = "narrow",
    [ROLLOUT_DEPLOY] = "deploy",     [ROLLOUT_STEP] = "step",         [ROLLOUT_ROUTE] = "route",
    [ROLLOUT_PAUSED] = "paused",     [ROLLOUT_BAKE] = "bake",         [ROLLOUT_CLEANUP] = "cleanup",
    [ROLLOUT_ROLLBACK] = "rollback", [ROLLOUT_WITHDRAW] = "withdraw", [ROLLOUT_HELD] = "held",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == ROLLOUT_STATE_COUNT, "one each");

static const char *const outcome_names[] = {
    [OUTCOME_NONE] = "none",
    [OUTCOME_PROMOTED] = "promoted",
    [OUTCOME_ROLLED_BACK] = "rolled-back",
    [OUTCOME_SUPERSEDED] = "superseded",
    [OUTCOME_ABORTED] = "aborted",
    [OUTCOME_WITHDRAWN] = "withdrawn",
};
_Static_assert(sizeof(outcome_names) / sizeof(outcome_names[0]) == ROLLOUT_OUTCOME_COUNT,
               "one each");

static const char *const hold_names[] = {
    [HOLD_NONE] = "none",
    [HOLD_QUARANTINED] = "quarantined",
    [HOLD_ABORTED] = "aborted",
    [HOLD_CANCELLED] = "cancelled",
    [HOLD_PLATFORM] = "platform",
    [HOLD_UNREADABLE] = "unreadable",
    [HOLD_STABLE_SICK] = "stable-sick",
    [HOLD_WEIGHT] = "weight",
    [HOLD_NO_METRICS] = "no-metrics",
    [HOLD_INSUFFICIENT] = "insufficient",
    [HOLD_GUARD] = "guard",
    [HOLD_FORBIDDEN] = "forbidden",
    [HOLD_STUCK] = "stuck",
    [HOLD_REFUSED] = "refused",
};
_Static_assert(sizeof(hold_names) / sizeof(hold_names[0]) == ROLLOUT_HOLD_COUNT, "one each");

static const char *const note_names[] = {
    [NOTE_STARTED] = "started",
    [NOTE_STEP] = "step",
    [NOTE_SETTLED] = "settled",
    [NOTE_PAUSED] = "paused",
    [NOTE_RESUMED] = "resumed",
    [NOTE_PROMOTED] = "promoted",
    [NOTE_BAKED] = "baked",
    [NOTE_ROLLBACK] = "rollback",
    [NOTE_ROLLED_BACK] = "rolled-back",
    [NOTE_SUPERSEDED] = "superseded",
    [NOTE_WITHDRAWN] = "withdrawn",
    [NOTE_HELD] = "held",
    [NOTE_ALARM] = "alarm",
    [NOTE_QUARANTINE] = "quarantine",
    [NOTE_DRIFT] = "drift",
};
_Static_assert(sizeof(note_names) / sizeof(note_names[0]) == ROLLOUT_NOTE_KIND_COUNT, "one each");

static const char *const command_names[] = {
    [COMMAND_NONE] = "none",
    [COMMAND_PAUSE] = "pause",
    [COMMAND_RESUME] = "resume",
    [COMMAND_PROMOTE] = "promote",
    [COMMAND_PROMOTE_FULL] = "promote-full",
    [COMMAND_ABORT] = "abort",
    [COMMAND_RETRY] = "retry",
    [COMMAND_ROLLBACK] = "rollback",
};
_Static_assert(sizeof(command_names) / sizeof(command_names[0]) == ROLLOUT_COMMAND_COUNT,
               "one each");

const char *rollout_state_name(enum rollout_state state)
{
    CHECK(state < ROLLOUT_STATE_COUNT);
    return state_names[state];
}

const char *rollout_outcome_name(enum rollout_outcome outcome)
{
    CHECK(outcome < ROLLOUT_OUTCOME_COUNT);
    return outcome_names[outcome];
}

const char *rollout_hold_name(enum rollout_hold hold)
{
    CHECK(hold < ROLLOUT_HOLD_COUNT);
    return hold_names[hold];
}

const char *rollout_note_name(enum rollout_note_kind kind)
{
    CHECK(kind < ROLLOUT_NOTE_KIND_COUNT);
    return note_names[kind];
}

const char *rollout_command_name(enum rollout_command command)
{
    CHECK((unsigned)command < ROLLOUT_COMMAND_COUNT);
    return command_names[command];
}
