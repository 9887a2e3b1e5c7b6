/* What the parts of the rollout machine share. Private to this folder. */
#pragma once

#include "reconciler/rollout/rollout.h"

/* One advance. `moved` = what is wanted has changed: the view tells nothing about it, so that no
 * further decision is made in this advance. */
struct advance {
    struct rollout *rollout;
    const struct rollout_view *view;
    struct rollout_result *result;
    bool moved;
};

/* --- rollout.c ---------------------------------------------------------------------------- */

/* The one way from state to state; aborts on a move that the diagram does not have. */
void machine_move(struct advance *advance, enum rollout_state state);
void machine_note(struct advance *advance, enum rollout_note_kind kind, const char *digest,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* That it is held, by which hold and why. */
void machine_note_held(struct advance *advance, const char *digest);
bool machine_may_move(enum rollout_state from, enum rollout_state to);

/* --- binding.c: what one look says -------------------------------------------------------- */

bool binding_is_settled(const struct binding_view *binding);
/* Of a slot that was settled: nothing speaks against it since. Not to see it is no reason. */
bool binding_may_carry(const struct binding_view *slot);
bool binding_is_verified(const struct binding_view *route); /* settled, and the weights stand */
bool binding_is_unseen(const struct binding_view *binding);
bool binding_has_vanished(const struct binding_view *binding);
bool binding_is_gone(const struct binding_view *binding); /* as wanted: undeployed, or not there */

/* --- begin.c: the start of an attempt ----------------------------------------------------- */

void begin_attempt(struct advance *advance, const struct rollout_content *content, bool returning);
/* Back to `previous`, which must be there. */
void begin_return(struct advance *advance);
/* The slot on which `content` would be brought. */
char begin_slot(const struct rollout *rollout, const struct rollout_content *content,
                enum strategy strategy);
/* What the idle side must be able to carry before traffic moves, in both directions; -1 = not seen.
 */
int64_t begin_replicas(const struct rollout *rollout, const struct rollout_view *view);

/* --- failure.c: what needs no judge ------------------------------------------------------- */

bool failure_is_overdue(const struct advance *advance);
/* Whether a look shows a failure; resources that cannot be applied are one after the grace. */
bool failure_is_shown(const struct advance *advance, const struct binding_view *binding);
/* While content is brought: counts the grace as long as one of them (NULL = not concerned) cannot
 * be applied. To be called before failure_is_shown(), in each advance. */
void failure_watch_apply(struct advance *advance, const struct binding_view *slot,
                         const struct binding_view *route);
/* Takes a look into account; true when two have shown the failure. */
bool failure_is_confirmed(struct advance *advance, const struct binding_view *binding);
/* Goes back, and condemns the content when nothing else can be at fault. */
void failure_condemn(struct advance *advance, const char *what, const char *text);
/* What a look shows is wrong: is it the content's fault, or is there no room for its pods? */
void failure_blame(struct advance *advance, const struct binding_view *binding, const char *what);
/* Not ready in time: whose fault is it? */
void failure_slot_overdue(struct advance *advance, const struct binding_view *slot);

/* --- forward.c: the way to the new release ------------------------------------------------ */

void forward_prepare(struct advance *advance);
void forward_narrow(struct advance *advance);
void forward_deploy(struct advance *advance);
void forward_route(struct advance *advance);
void forward_bake(struct advance *advance);
void forward_paused(struct advance *advance);
/* While nothing moves, a slot may vanish all the same: true when its traffic is taken off. */
bool forward_vanished(struct advance *advance);
/* Ends the pause or hold and goes on in `from`. */
void forward_resume(struct advance *advance);
void forward_enter_route(struct advance *advance);
/* Stays where it is until the reason is gone, or a person says so. */
void forward_pause(struct advance *advance, enum rollout_hold hold, const char *why);
/* The autoscaler gave the slot that bears the traffic more pods: the other one gets as many, before
 * any of the traffic comes to it. True when it was asked for. */
bool forward_keep_up(struct advance *advance, char bearer);
/* Moves on when all traffic stands on the new content. */
void forward_promoted(struct advance *advance);

/* --- step.c: weights ---------------------------------------------------------------------- */

void step_advance(struct advance *advance);
/* Why its soak does not count, though its slot is ready; NULL = it does. */
const char *step_fault(const struct rollout *rollout, const struct rollout_view *view);
/* The step as it stands; beyond the last one, all traffic. */
struct rollout_stage step_current(const struct rollout *rollout);
/* Steps that are judged have shown nothing for the release, or not enough. */
bool step_lacks_proof(const struct rollout *rollout, const struct rollout_view *view);
void step_enter(struct advance *advance, size_t step);

/* --- backward.c: the way back ------------------------------------------------------------- */

struct way_back {
    enum rollout_hold hold;
    enum rollout_outcome outcome;
    bool quarantine;
    bool by_operator; /* a person's word also ends what may not go back by itself */
};
void backward_begin(struct advance *advance, struct way_back way, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void backward_hold_in_place(struct advance *advance, enum rollout_hold hold, const char *format,
                            ...) __attribute__((format(printf, 3, 4)));
void backward_rollback(struct advance *advance);
void backward_withdraw(struct advance *advance);
void backward_cleanup(struct advance *advance);

/* --- rest.c: between attempts ------------------------------------------------------------- */

void rest_idle(struct advance *advance);
void rest_held(struct advance *advance);

/* --- interrupt.c: git, the plan and operators may change what an attempt is for ----------- */

void interrupt_attempt(struct advance *advance);
void interrupt_command(struct advance *advance);

/* --- credit.c: time ----------------------------------------------------------------------- */

/* Counts the time since the last advance towards deadlines. */
void credit_clocks(struct advance *advance);
void credit_restart_wait(struct advance *advance);
/* Before the end of an advance: what has grown is journaled now and then, so that a restart extends
 * no deadline. */
void credit_keep(struct advance *advance);
/* The journal says what the rollout does. */
void credit_kept(struct rollout *rollout);
/* What a look says about the time since the last one. */
enum soak_look {
    SOAK_STOPPED,
    SOAK_UNSEEN, /* nothing yet: the next look decides */
    SOAK_GOOD,
};
/* Counts what is good towards the soak; true when `needed_ms` are reached and this look is good. */
bool credit_soak(struct advance *advance, enum soak_look look, bool judged, int64_t needed_ms);
void credit_restart_soak(struct advance *advance);
/* Why the judge has nothing to go by; NULL = it has. */
const char *credit_blindness(const struct rollout_view *view);
/* The bake counts only as far as it was judged, for as long as there is something to judge by. */
bool credit_bake_is_judged(const struct rollout *rollout, const struct rollout_view *view);
/* There was nothing to judge by for so long that it counts unjudged. */
bool credit_bake_is_given_up(const struct rollout *rollout, const struct rollout_view *view);
int64_t credit_remaining_ms(const struct rollout *rollout, const struct rollout_view *view);

/* --- content.c ---------------------------------------------------------------------------- */

/* In which order slot and route have to be changed. */
enum content_change {
    CHANGE_NONE,   /* the route stays as it is */
    CHANGE_WIDER,  /* slot first, then route */
    CHANGE_NARROW, /* route first, then slot */
    CHANGE_FLIP,   /* both at once: a new slot and one write of the route */
};
#define CONTENT_CHANGE_COUNT (CHANGE_FLIP + 1)
enum content_change content_change(const struct rollout_content *from,
                                   const struct rollout_content *to);
bool content_is(const struct rollout_content *content, const char *deployment_digest);
/* Same digest, other spec: replicas and scaling change without a rollout. */
bool content_refresh(struct rollout_content *content, const struct rollout_content *wanted);

/* --- check.c ------------------------------------------------------------------------------ */

/* The first rule that does not hold; NULL = all do. */
const char *check_find(const struct rollout *rollout);

/* --- small words -------------------------------------------------------------------------- */

/* Index of a slot's letter; a single component uses 0. */
static inline size_t slot_index(char slot)
{
    return slot == 'b' ? 1 : 0;
}

/* The new content has a slot of its own, and the stable one stays warm. */
static inline bool rollout_two_slots(const struct rollout *rollout)
{
    return rollout->has_stable && rollout->has_next && rollout->next_slot != rollout->stable_slot;
}

/* The component changed between having endpoints and having none: other OpenChoreo components, of
 * types that cannot be changed, would have to take over. Nothing is done then. */
static inline bool rollout_kind_changed(const struct rollout *rollout)
{
    return (rollout->has_stable && rollout->routed != (rollout->stable_slot != 0)) ||
           (rollout->has_next && rollout->routed != (rollout->next_slot != 0));
}
