#include "reconciler/engine/track_advice.h"

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

static void held(const struct track *track, struct text *out)
{
    const struct rollout *rollout = &track->rollout;
    switch (rollout->hold) {
    case HOLD_QUARANTINED:
        text_format(out,
                    "; push a fix, or let the same content try again with `cellctl quarantine "
                    "clear %s --component %s --target %s`",
                    track->unit->name, track->component, track->target);
        return;
    case HOLD_ABORTED:
    case HOLD_PLATFORM:
    case HOLD_UNREADABLE:
    case HOLD_STABLE_SICK:
    case HOLD_WEIGHT:
    case HOLD_NO_METRICS:
    case HOLD_INSUFFICIENT:
    case HOLD_FORBIDDEN:
    case HOLD_STUCK:
        text_add(out, "; ");
        say(track, out, "retry", "tries again now");
        return;
    case HOLD_NONE:
    case HOLD_CANCELLED:
    case HOLD_GUARD:
    case HOLD_REFUSED:
        return;
    }
}

void track_advice_add(const struct track *track, struct text *out)
{
    if (track->rollout.state == ROLLOUT_PAUSED)
        paused(track, out);
    else if (track->rollout.state == ROLLOUT_HELD)
        held(track, out);
}
