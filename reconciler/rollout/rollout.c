/* The machine's states and the moves that it has.
 *
 *                    new content, and the plan lets it start
 *          ┌──────┐ ───────────────────────────────────▶ ┌─────────┐   endpoints fewer  ┌────────┐
 *    ┌───▶ │ IDLE │                                      │ PREPARE │ ─────────────────▶ │ NARROW │
 *    │     └──────┘ ◀───┐                                └─────────┘                    └────────┘
 *    │       ▲ │ ▲      │ baked,                              │ release made                 │
 *    │       │ │ │      │ in place                            ▼                              │
 *    │       │ │ │   ┌──────┐   route   ┌───────┐ settled ┌────────┐ ◀─────────────────────────┘
 *    │       │ │ │   │ BAKE │ ◀──────── │ ROUTE │ ◀────── │ DEPLOY │
 *    │       │ │ │   └──────┘  stands   └───────┘         └────────┘ ◀──┐
 *    │       │ │ │   baked │ ▲               ▲     two slots │           │ the new slot vanished
 *    │       │ │ │         ▼ └────────────┐  │               ▼           │
 *    │       │ │ └─ ┌─────────┐  all traffic on it      ┌──────┐ ────────┘
 *    │       │ │    │ CLEANUP │           └──┴───────── │ STEP │ ⟲ next step
 *    │       │ │    └─────────┘                         └──────┘
 *    │       │ │ must not start
 *    │       │ ▼                          any of PREPARE … BAKE:
 *    │     ┌──────┐ ◀─── frozen ────────── rollback forbidden, both bad, unreadable ──▶ back again
 *    │     │ HELD │                        pause, too little evidence ──▶ PAUSED ──▶ back again
 *    │     └──────┘                        failed, judged bad, superseded, aborted, cancelled:
 *    │       ▲                               with a stable release ──▶ ROLLBACK ──▶ IDLE or HELD
 *    └───────┴─────────────────────────────  without one ────────────▶ WITHDRAW ──▶ IDLE or HELD
 *
 * In place, superseding content goes from any of these (and from HELD) straight to PREPARE. */
#include "reconciler/rollout/rollout.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/rollout/machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define S(state) (1u << ROLLOUT_##state)
#define BACK (S(ROLLBACK) | S(WITHDRAW) | S(PAUSED) | S(HELD))

/* From each state, the set of states that may follow it. */
static const unsigned moves[ROLLOUT_STATE_COUNT] = {
    [ROLLOUT_IDLE] = S(PREPARE) | S(HELD),
    [ROLLOUT_PREPARE] = S(PREPARE) | S(NARROW) | S(DEPLOY) | S(IDLE) | BACK,
    [ROLLOUT_NARROW] = S(PREPARE) | S(DEPLOY) | BACK,
    [ROLLOUT_DEPLOY] = S(PREPARE) | S(STEP) | S(ROUTE) | S(BAKE) | BACK,
    [ROLLOUT_STEP] = S(DEPLOY) | S(ROUTE) | S(BAKE) | BACK,
    [ROLLOUT_ROUTE] = S(PREPARE) | S(DEPLOY) | S(BAKE) | BACK,
    [ROLLOUT_BAKE] = S(PREPARE) | S(DEPLOY) | S(CLEANUP) | S(IDLE) | BACK,
    [ROLLOUT_PAUSED] = S(PREPARE) | S(NARROW) | S(DEPLOY) | S(STEP) | S(ROUTE) | S(BAKE) | S(IDLE) |
                       S(ROLLBACK) | S(WITHDRAW) | S(HELD),
    [ROLLOUT_CLEANUP] = S(IDLE),
    [ROLLOUT_ROLLBACK] = S(IDLE) | S(HELD),
    [ROLLOUT_WITHDRAW] = S(IDLE) | S(HELD),
    [ROLLOUT_HELD] = S(IDLE) | S(PREPARE) | S(NARROW) | S(DEPLOY) | S(STEP) | S(ROUTE) | S(BAKE) |
                     S(ROLLBACK) | S(WITHDRAW),
};

typedef void state_step(struct advance *advance);

static state_step *const steps[ROLLOUT_STATE_COUNT] = {
    [ROLLOUT_IDLE] = rest_idle,
    [ROLLOUT_PREPARE] = forward_prepare,
    [ROLLOUT_NARROW] = forward_narrow,
    [ROLLOUT_DEPLOY] = forward_deploy,
    [ROLLOUT_STEP] = step_advance,
    [ROLLOUT_ROUTE] = forward_route,
    [ROLLOUT_PAUSED] = forward_paused,
    [ROLLOUT_BAKE] = forward_bake,
    [ROLLOUT_CLEANUP] = backward_cleanup,
    [ROLLOUT_ROLLBACK] = backward_rollback,
    [ROLLOUT_WITHDRAW] = backward_withdraw,
    [ROLLOUT_HELD] = rest_held,
};

/* While a deadline runs, looks must not be further apart than this to count in full. */
#define WAKE_LIMIT_MS INT64_C(30000)

bool machine_may_move(enum rollout_state from, enum rollout_state to)
{
    return (moves[from] & (1u << to)) != 0;
}

static void transition(struct rollout *rollout, enum rollout_state state, struct wall_time now)
{
    CHECK(machine_may_move(rollout->state, state));
    rollout->state = state;
    rollout->state_since = now;
}

void machine_move(struct advance *advance, enum rollout_state state)
{
    struct rollout *rollout = advance->rollout;
    transition(rollout, state, advance->view->now.wall);
    credit_restart_wait(advance);
    credit_restart_soak(advance);
    rollout->progress = rollout->fault_ms = 0;
    rollout->failure_looks = 0;
    advance->result->changed = true;
    advance->moved = true;
}

void machine_note(struct advance *advance, enum rollout_note_kind kind, const char *digest,
                  const char *format, ...)
{
    struct rollout_result *result = advance->result;
    CHECK(result->note_count < ROLLOUT_NOTES_LIMIT);
    struct rollout_note *note = &result->notes[result->note_count++];
    note->kind = kind;
    (void)text_put(note->digest, sizeof(note->digest), "%s", digest);
    va_list arguments;
    va_start(arguments, format);
    (void)text_vput(note->text, sizeof(note->text), format, arguments);
    va_end(arguments);
}

void machine_note_held(struct advance *advance, const char *digest)
{
    const struct rollout *rollout = advance->rollout;
    machine_note(advance, NOTE_HELD, digest, "is held (%s): %s", rollout_hold_name(rollout->hold),
                 rollout->room->reason);
}

/* The route's autoscaler takes a slot over once it was seen to act: until then the slot keeps its
 * number, so that it never falls to the default of one. */
static void hand_over_scaling(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    for (size_t i = 0; i < 2; i++) {
        bool scaled = rollout->scaled[i];
        if (!view->plan->scaled || !rollout->routed)
            scaled = false;
        else if (view->route.known && view->route.matches && view->slot[i].known &&
                 view->slot[i].autoscaler_acts && advance->result->wants.route.scale[i])
            scaled = true;
        if (scaled != rollout->scaled[i]) {
            rollout->scaled[i] = scaled;
            advance->result->changed = true;
            advance->moved = true;
        }
    }
}

static void check_view(const struct rollout *rollout, const struct rollout_view *view)
{
    CHECK(view->plan != NULL);
    CHECK(view->wanted == NULL || view->wanted->deployment_digest[0] != '\0');
    CHECK(rollout->cell != NULL && rollout->component != NULL && rollout->target != NULL);
}

static void decide_wake(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    struct rollout_wants *wants = &advance->result->wants;
    wants->wake = (struct instant){.mono = {INT64_MAX}, .wall = {INT64_MAX}};
    int64_t delay = INT64_MAX;
    if (advance->moved)
        delay = 0;
    else if (rollout->state == ROLLOUT_STEP || rollout->state == ROLLOUT_BAKE)
        delay = credit_remaining_ms(rollout, view);
    else if (rollout->state == ROLLOUT_HELD && !rollout->has_next && rollout->retry_at.ms != 0 &&
             !rollout_retry_is_due(rollout, view->now.wall)) /* then it waits for others */
        delay = rollout->retry_at.ms - view->now.wall.ms;
    const bool deadline = rollout_is_active(rollout) && rollout->state != ROLLOUT_PAUSED;
    if (!advance->moved && deadline && (delay > WAKE_LIMIT_MS || delay == 0))
        delay = delay == 0 ? 1000 : WAKE_LIMIT_MS;
    if (delay == INT64_MAX)
        return;
    wants->wake.mono.ms = view->now.mono.ms + delay;
    wants->wake.wall.ms = view->now.wall.ms + delay;
}

/* Told once; it ends when git goes back, or gives the component another name. */
static void refuse_kind(struct advance *advance)
{
    static const char reason[] = "it cannot change between having endpoints and having none: "
                                 "give the new kind another name, or go back in git";
    struct rollout *rollout = advance->rollout;
    if (advance->view->command != COMMAND_NONE)
        (void)memcpy(advance->result->command, reason, sizeof(reason));
    if (rollout->hold == HOLD_REFUSED && strcmp(rollout->room->reason, reason) == 0)
        return;
    rollout->hold = HOLD_REFUSED;
    (void)memcpy(rollout->room->reason, reason, sizeof(reason));
    advance->result->changed = true;
    machine_note(advance, NOTE_HELD, rollout->stable.deployment_digest, "%s", reason);
}

void rollout_advance(struct rollout *rollout, const struct rollout_view *view,
                     struct rollout_result *ret_result)
{
    check_view(rollout, view);
    *ret_result = (struct rollout_result){0};
    struct advance advance = {.rollout = rollout, .view = view, .result = ret_result};
    rollout_wants(rollout, view, &ret_result->wants);
    credit_clocks(&advance);
    if (rollout_kind_changed(rollout)) {
        refuse_kind(&advance);
        return;
    }
    interrupt_command(&advance);
    if (!advance.moved)
        interrupt_attempt(&advance);
    if (!advance.moved)
        hand_over_scaling(&advance);
    if (!advance.moved)
        steps[rollout->state](&advance);
    credit_keep(&advance);
    rollout_check(rollout);
    rollout_wants(rollout, view, &ret_result->wants);
    decide_wake(&advance);
}

static const struct rollout_room nothing;

static struct rollout_room *no_room(void)
{
    /* Nobody writes to what is not his own. */
    const union {
        const struct rollout_room *shared;
        struct rollout_room *room;
    } room = {.shared = &nothing};
    return room.room;
}

int rollout_open(struct rollout *rollout)
{
    if (rollout->room != &nothing)
        return 0;
    struct rollout_room *room = calloc(1, sizeof(*room));
    if (room == NULL)
        return -ENOMEM;
    rollout->room = room;
    return 0;
}

static void let_go_of_room(struct rollout *rollout)
{
    if (rollout->room != &nothing)
        free(rollout->room);
    rollout->room = no_room();
}

void rollout_close(struct rollout *rollout)
{
    if (rollout->stage_count == 0 && rollout->room->reason[0] == '\0' &&
        rollout->room->evidence[0] == '\0')
        let_go_of_room(rollout);
}

void rollout_init(struct rollout *rollout, const char *cell, const char *component,
                  const char *target, bool routed)
{
    *rollout = (struct rollout){.cell = cell,
                                .component = component,
                                .target = target,
                                .routed = routed,
                                .room = no_room(),
                                .replicas = -1,
                                .soaked_at = {.mono = {INT64_MIN}},
                                .counted_at = {.mono = {INT64_MIN}}};
}

void rollout_fini(struct rollout *rollout)
{
    rollout_content_fini(&rollout->stable);
    rollout_content_fini(&rollout->next);
    rollout_content_fini(&rollout->previous);
    let_go_of_room(rollout);
}

void rollout_restarted(struct rollout *rollout)
{
    rollout->soaked_at.mono.ms = INT64_MIN;
    rollout->counted_at.mono.ms = INT64_MIN;
}

bool rollout_is_active(const struct rollout *rollout)
{
    return rollout->state != ROLLOUT_IDLE && (rollout->state != ROLLOUT_HELD || rollout->has_next);
}
