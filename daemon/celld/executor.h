/* Carries out what the engine wants, in its order: a row is durable before anything behind it is
 * done. Knows the journal and the control plane's client; decides nothing.
 *
 * Everything happens on the loop's thread. */
#pragma once

#include "config/base/error.h"
#include "daemon/celld/credentials.h"
#include "daemon/http/client.h"
#include "daemon/journal/journal.h"
#include "reconciler/engine/effect.h"
#include "reconciler/engine/event.h"

struct executor;

struct executor_hooks {
    void *context;
    /* An answer for the engine. May lead to executor_run(). */
    void (*deliver)(void *context, const struct engine_event *event);
    /* The effects that are not the executor's own: wake, fetch, pin, publish, reply, metrics, ...;
     * and every cancel, which may be meant for one of them. */
    void (*perform)(void *context, const struct effect *effect);
    /* A row could not be made durable: nothing behind it was done, and nothing will be before a
     * new executor runs. */
    void (*storage_failed)(void *context, const struct error *err);
};

/* All borrowed and outliving the executor; the hooks are copied. `credentials` may be NULL: there
 * are none. NULL without memory. */
struct executor *executor_new(struct journal *journal, struct client *client,
                              const struct credentials *credentials,
                              const struct executor_hooks *hooks);

/* Queues the effects and does what can be done now. Takes the list's content and leaves it empty.
 */
void executor_run(struct executor *executor, struct effect_list *effects);

/* Nothing waits to be made durable or done. */
bool executor_is_idle(const struct executor *executor);

/* Forgets what is queued, cancels what is under way; no hook is called any more. */
struct executor *executor_free(struct executor *executor);

/* Both clocks, now. */
struct instant executor_now(void);
