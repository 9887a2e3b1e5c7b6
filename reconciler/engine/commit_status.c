#include "reconciler/engine/commit_status.h"

#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/engine/emit.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/why.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_TYPE "commit-status"

static const char *const state_names[] = {
    [COMMIT_UNTOLD] = "",
    [COMMIT_PENDING] = "pending",
    [COMMIT_SUCCESS] = "success",
    [COMMIT_FAILURE] = "failure",
};

static enum commit_state state_named(const char *name)
{
    for (size_t i = 0; i < sizeof state_names / sizeof *state_names; i++) {
        if (strcmp(state_names[i], name) == 0)
            return (enum commit_state)i;
    }
    return COMMIT_UNTOLD;
}

/* --- the table ---------------------------------------------------------------------------------
 */

static struct commit_status *find(const struct unit *unit, const char *environment)
{
    for (size_t i = 0; i < unit->status_count; i++) {
        if (strcmp(unit->statuses[i].environment, environment) == 0)
            return &unit->statuses[i];
    }
    return NULL;
}

static struct commit_status *get(struct engine *engine, struct unit *unit, const char *environment)
{
    struct commit_status *status = find(unit, environment);
    if (status != NULL)
        return status;
    struct commit_status *statuses =
        reallocarray(unit->statuses, unit->status_count + 1, sizeof *statuses);
    if (statuses == NULL) {
        engine->status = -ENOMEM;
        return NULL;
    }
    unit->statuses = statuses;
    status = &statuses[unit->status_count++];
    *status = (struct commit_status){0};
    text_put(status->environment, sizeof status->environment, "%s", environment);
    return status;
}

/* As a row or an event has it. */
static struct commit_status *take(struct engine *engine, struct unit *unit, const char *environment,
                                  const json_t *value)
{
    struct commit_status *status = get(engine, unit, environment);
    if (status == NULL)
        return NULL;
    row_text(value, "commit", status->commit, sizeof status->commit);
    status->state = state_named(json_text_or(json_object_get(value, "state"), ""));
    return status;
}

void commit_status_apply(struct engine *engine, const char *cell, const char *environment,
                         const json_t *value)
{
    struct unit *unit = unit_get(engine, cell);
    if (unit == NULL)
        return;
    if (value == NULL) {
        struct commit_status *status = find(unit, environment);
        if (status != NULL)
            *status = unit->statuses[--unit->status_count];
        return;
    }
    struct commit_status *status = take(engine, unit, environment, value);
    if (status == NULL)
        return;
    status->recorded = true;
    status->recorded_state = status->state;
    memcpy(status->recorded_commit, status->commit, sizeof status->commit);
}

json_t *commit_status_row(const struct commit_status *status)
{
    return json_pack("{s:s, s:s}", "commit", status->recorded_commit, "state",
                     state_names[status->recorded_state]);
}

static bool is_recorded(const struct commit_status *status)
{
    return status->recorded && status->recorded_state == status->state &&
           strcmp(status->recorded_commit, status->commit) == 0;
}

static void record(struct engine *engine, const struct unit *unit,
                   const struct commit_status *status)
{
    char key[KEY_SIZE];
    text_put(key, sizeof key, "commit/%s/%s", unit->name, status->environment);
    record_add(
        engine, key,
        json_pack("{s:s, s:s}", "commit", status->commit, "state", state_names[status->state]));
}

/* The event is durable before the row: after a crash between them it tells what the row could not.
 */
void commit_status_told(struct engine *engine, const json_t *event)
{
    const json_t *data = json_object_get(event, "data");
    const char *cell = json_text_or(json_object_get(event, "cell"), NULL);
    const char *environment = json_text_or(json_object_get(data, "environment"), NULL);
    if (strcmp(json_text_or(json_object_get(event, "type"), ""), EVENT_TYPE) != 0 || cell == NULL ||
        environment == NULL)
        return;
    struct unit *unit = unit_find(engine, cell);
    if (unit != NULL && take(engine, unit, environment, data) != NULL)
        commit_status_touch(engine, unit);
}

void commit_status_touch(struct engine *engine, struct unit *unit)
{
    unit->status_due = engine->status_due = true;
}

/* --- what is the case --------------------------------------------------------------------------
 */

struct finding {
    enum commit_state state; /* COMMIT_UNTOLD: nothing to tell yet, or not known */
    const struct node *node; /* that explains it */
};

static struct finding look_at(const struct engine *engine, const struct unit *unit,
                              const struct environment *environment)
{
    struct finding finding = {COMMIT_UNTOLD, NULL};
    size_t done = 0, open = 0, moving = 0;
    bool doubtful = false;
    for (size_t i = 0; i < unit->node_count; i++) {
        const struct node *node = unit->nodes[i];
        if (node->target->environment != environment)
            continue;
        switch (engine->facts[node->index].state) {
        case NODE_ROLLED_BACK:
            return (struct finding){COMMIT_FAILURE, node};
        case NODE_ROLLING:
        case NODE_BAKING:
            moving++;
            finding.node = node;
            break;
        case NODE_UNKNOWN:
            return (struct finding){COMMIT_UNTOLD, NULL};
        case NODE_FORWARD:
            open++;
            break;
        case NODE_CONVERGED:
            if (node->health == HEALTH_SICK)
                return (struct finding){COMMIT_FAILURE, node};
            doubtful = doubtful || node->health == HEALTH_DOUBTFUL;
            done++;
            break;
        case NODE_REPAIRING:
            done++;
            break;
        }
    }
    if (moving > 0 || (open > 0 && done > 0))
        finding.state = COMMIT_PENDING;
    else if (open == 0 && !doubtful)
        finding.state = COMMIT_SUCCESS;
    return finding;
}

/* --- telling -----------------------------------------------------------------------------------
 */

static void describe(const struct engine *engine, const struct unit *unit, const char *environment,
                     const struct finding *finding, struct text *out)
{
    if (unit->broken)
        text_format(out, "%s cannot be used: %s", unit->name, unit->reason);
    else if (unit->problem != NULL)
        text_format(out, "%s cannot be used: %s", unit->name, unit->problem);
    else if (finding->state == COMMIT_FAILURE)
        why_node(engine, finding->node, engine->now, out);
    else if (finding->state == COMMIT_SUCCESS)
        text_format(out, "%s is live on every target of %s", unit->name, environment);
    else
        text_format(out, "%s is being brought to %s", unit->name, environment);
}

static void send(struct engine *engine, const char *context, const char *commit,
                 enum commit_state state, const char *message)
{
    struct effect effect = {.kind = EFFECT_COMMIT_STATUS};
    effect.as.commit_status.revision = emit_text(engine, commit);
    effect.as.commit_status.state = state_names[state];
    effect.as.commit_status.context = emit_text(engine, context);
    effect.as.commit_status.message = emit_text(engine, message);
    emit_effect(engine, &effect);
}

static void tell(struct engine *engine, struct unit *unit, const char *environment,
                 const struct finding *finding, const char *commit)
{
    static const enum publish_level levels[] = {
        [COMMIT_UNTOLD] = PUBLISH_INFO,
        [COMMIT_PENDING] = PUBLISH_INFO,
        [COMMIT_SUCCESS] = PUBLISH_NOTICE,
        [COMMIT_FAILURE] = PUBLISH_WARNING,
    };
    const char *state = state_names[finding->state];
    char context[2 * NAME_SIZE + 8];
    text_put(context, sizeof context, "celld/%s/%s", unit->name, environment);
    OWNED_TEXT message;
    text_init(&message, 512);
    describe(engine, unit, environment, finding, &message);
    json_t *data = json_pack("{s:s, s:s, s:s, s:s}", "context", context, "environment", environment,
                             "commit", commit, "state", state);
    if (data == NULL)
        engine->status = -ENOMEM;
    history_publish(engine, levels[finding->state], EVENT_TYPE,
                    &(struct history_about){.cell = unit->name, .data = data}, "%.12s: %s: %s",
                    commit, state, text_get(&message));
    send(engine, context, commit, finding->state, text_get(&message));
}

static void pump_environment(struct engine *engine, struct unit *unit,
                             const struct environment *environment)
{
    const char *name = environment->name.text;
    const bool unusable = unit->broken || unit->problem != NULL;
    struct finding finding = {COMMIT_FAILURE, NULL};
    if (!unusable)
        finding = look_at(engine, unit, environment);
    const char *commit = unit->broken ? engine->commit : unit->good_commit;
    const struct commit_status *known = find(unit, name);
    const bool same =
        known != NULL && known->state == finding.state && strcmp(known->commit, commit) == 0;
    if (!same && finding.state != COMMIT_UNTOLD && commit[0] != '\0')
        tell(engine, unit, name, &finding, commit);
    known = find(unit, name);
    if (known != NULL && !is_recorded(known))
        record(engine, unit, known);
}

static bool has_environment(const struct engine *engine, const char *name)
{
    for (size_t i = 0; i < engine->platform->environment_count; i++) {
        if (strcmp(engine->platform->environments[i].name.text, name) == 0)
            return true;
    }
    return false;
}

/* Cells and environments that git does not name any more have none. */
static void forget(struct engine *engine, struct unit *unit)
{
    for (size_t i = unit->status_count; i-- > 0;) {
        if (!unit->removed && has_environment(engine, unit->statuses[i].environment))
            continue;
        char key[KEY_SIZE];
        text_put(key, sizeof key, "commit/%s/%s", unit->name, unit->statuses[i].environment);
        record_remove(engine, key);
    }
}

void commit_status_pump(struct engine *engine)
{
    if (!engine->status_due || !engine->known || engine->plan_dirty || engine->queue != NULL)
        return;
    engine->status_due = false;
    for (size_t i = 0; i < engine->unit_count && engine->status == 0; i++) {
        struct unit *unit = engine->units[i];
        if (!unit->status_due)
            continue;
        if (unit->stale && !unit->removed) {
            engine->status_due = true; /* not compiled yet */
            continue;
        }
        unit->status_due = false;
        forget(engine, unit);
        for (size_t k = 0; !unit->removed && k < engine->platform->environment_count; k++)
            pump_environment(engine, unit, &engine->platform->environments[k]);
    }
}
