#include "reconciler/engine/track_advice.h"

#include "config/base/check.h"

static void say(const struct track *track, struct text *out, const char *verb, const char *what)
{
    text_format(out, "`cellctl rollout %s %s %s %s` %s", verb, track->unit->name, track->component,
                track->target, what);
}

static void paused(const struct track *track, struct text *out)
{
    if (track->rollout.hold == HOLD_INSUFFICIENT) {
        text_add(out, "; it goes on by itself once more requests prove it; ");
        say(track, out, "promote", "goes on without proof, ");
        say(track, out, "abort", "goes back");
        return;
    }
    text_add(out, "; ");
    say(track, out, "resume", "goes on, ");
    say(track, out, "abort", "goes back");
}

static const char *verb_of_held(const struct rollout *rollout)
{
    switch (rollout->hold) {
    case HOLD_ABORTED:
    case HOLD_PLATFORM:
    case HOLD_UNREADABLE:
    case HOLD_STABLE_SICK:
    case HOLD_WEIGHT:
    case HOLD_NO_METRICS:
    case HOLD_INSUFFICIENT:
    case HOLD_FORBIDDEN:
    case HOLD_STUCK:
        return "retry";
    case HOLD_NONE:
    case HOLD_QUARANTINED:
    case HOLD_CANCELLED:
    case HOLD_GUARD:
    case HOLD_REFUSED:
        return NULL;
    }
    CHECK_UNREACHABLE();
}

const char *track_advice_verb(const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    if (rollout->state == ROLLOUT_PAUSED)
        return rollout->hold == HOLD_INSUFFICIENT ? "promote" : "resume";
    return verb_of_held(rollout);
}

static void held(const struct track *track, struct text *out)
{
    const char *verb = verb_of_held(&track->rollout);
    if (track->rollout.hold == HOLD_QUARANTINED) {
        text_format(out,
                    "; push a fix, or let the same content try again with `cellctl quarantine "
                    "clear %s --component %s --target %s`",
                    track->unit->name, track->component, track->target);
    } else if (verb != NULL) {
        text_add(out, "; ");
        say(track, out, verb, "tries again now");
    }
}

void track_advice_add(const struct track *track, struct text *out)
{
    if (track->rollout.state == ROLLOUT_PAUSED)
        paused(track, out);
    else if (track->rollout.state == ROLLOUT_HELD)
        held(track, out);
}
