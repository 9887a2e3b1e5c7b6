#include "reconciler/engine/command.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/emit.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/observe.h"
#include "reconciler/engine/prune.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct command {
    struct engine *engine;
    uint64_t id;
    const json_t *arguments;
    const char *who;
};

static const char *argument(const struct command *command, const char *name)
{
    return json_text_or(json_object_get(command->arguments, name), NULL);
}

static void reply(const struct command *command, bool ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void reply(const struct command *command, bool ok, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    text_vput(message, sizeof message, format, arguments);
    va_end(arguments);
    struct effect effect = {.kind = EFFECT_REPLY};
    effect.as.reply.id = command->id;
    effect.as.reply.ok = ok;
    effect.as.reply.body = json_pack("{s:s}", "message", message);
    if (effect.as.reply.body == NULL)
        command->engine->status = -ENOMEM;
    emit_effect(command->engine, &effect);
    command->engine->version++;
}

/* The unit that the arguments name; answers itself when there is none. */
static struct unit *unit_of(const struct command *command)
{
    const char *name = argument(command, "cell");
    struct unit *unit = name == NULL ? NULL : unit_find(command->engine, name);
    if (unit == NULL)
        reply(command, false, name == NULL ? "which cell?" : "there is no cell %s", name);
    return unit;
}

/* --- verbs --------------------------------------------------------------------------------------
 */

static void approve(const struct command *command)
{
    struct engine *engine = command->engine;
    const char *prune = argument(command, "prune");
    if (prune != NULL) {
        if (prune_approve(engine, prune, command->who))
            reply(command, true, "the removal is approved");
        else
            reply(command, false, "no removal with the hash %s is held: look at `cellctl status`",
                  prune);
        return;
    }
    const bool all = json_is_true(json_object_get(command->arguments, "all"));
    const char *cell = argument(command, "cell");
    if (!all && cell == NULL) {
        reply(command, false, "which cell? (or all)");
        return;
    }
    const size_t count = gate_approve(engine, cell, argument(command, "environment"),
                                      argument(command, "gate"), command->who);
    if (count == 0)
        reply(command, false, "no such gate%s%s waits for approval: look at `cellctl status`",
              cell == NULL ? "" : " of ", cell == NULL ? "" : cell);
    else
        reply(command, true, "%zu gate%s approved", count, count == 1 ? "" : "s");
}

static void set_suspended(const struct command *command, bool suspended)
{
    struct engine *engine = command->engine;
    const char *cell = argument(command, "cell");
    struct unit *unit = cell == NULL ? NULL : unit_of(command);
    if (cell != NULL && unit == NULL)
        return;
    char key[KEY_SIZE];
    text_put(key, sizeof key, "suspend/%s", cell == NULL ? "*" : cell);
    if (suspended)
        record_add(engine, key, json_pack("{s:b}", "suspended", 1));
    else
        record_remove(engine, key);
    if (engine->applied[0] != '\0')
        record_remove(engine, "applied");
    history_publish(engine, PUBLISH_NOTICE, suspended ? "suspended" : "resumed",
                    &(struct history_about){.cell = cell}, "%s was %s by %s",
                    cell == NULL ? "everything" : cell, suspended ? "suspended" : "resumed",
                    command->who);
    engine->plan_dirty = true;
    engine->prune_dirty = true;
    unit_queue_all(engine);
    reply(command, true, "%s is %s", cell == NULL ? "everything" : cell,
          suspended ? "suspended" : "at work again");
}

static void suspend(const struct command *command)
{
    set_suspended(command, true);
}

static void resume(const struct command *command)
{
    set_suspended(command, false);
}

static void sync(const struct command *command)
{
    struct engine *engine = command->engine;
    const struct effect effect = {.kind = EFFECT_FETCH};
    emit_effect(engine, &effect);
    observe_again(engine);
    for (size_t i = 0; i < engine->unit_count; i++)
        unit_wake(engine, engine->units[i]);
    unit_wake(engine, engine->base);
    reply(command, true, "looking at the repository and the live state now");
}

static void apply(const struct command *command)
{
    struct engine *engine = command->engine;
    const char *wanted = argument(command, "hash");
    OWNED_JSON *plan = engine_plan(engine, NULL, engine->now);
    const char *hash = json_text_or(json_object_get(plan, "hash"), "");
    if (hash[0] == '\0') { /* otherwise "" would be its hash */
        engine->status = -ENOMEM;
        return;
    }
    if (wanted == NULL || strcmp(wanted, hash) != 0) {
        reply(command, false, "the plan is another one by now (%s): look at `cellctl plan` again",
              hash);
        return;
    }
    if (engine->pruning.held != NULL) {
        char held[DIGEST_SHORT + 1];
        text_put(held, sizeof held, "%s", engine->pruning.held_hash);
        prune_approve(engine, held, command->who);
    }
    record_add(engine, "applied", json_pack("{s:s}", "revision", engine->commit));
    history_publish(engine, PUBLISH_NOTICE, "applied", NULL, "plan %s was applied by %s", hash,
                    command->who);
    engine->plan_dirty = true;
    observe_again(engine);
    unit_queue_all(engine);
    reply(command, true, "plan %s is being carried out", hash);
}

static void clear_quarantine(const struct command *command)
{
    struct engine *engine = command->engine;
    const size_t count =
        quarantine_clear(engine, argument(command, "cell"), argument(command, "component"),
                         argument(command, "target"), argument(command, "digest"));
    engine->plan_dirty = true;
    unit_queue_all(engine);
    if (count > 0)
        history_publish(engine, PUBLISH_NOTICE, "quarantine-cleared",
                        &(struct history_about){.cell = argument(command, "cell")},
                        "%zu quarantine entr%s lifted by %s", count, count == 1 ? "y" : "ies",
                        command->who);
    if (count > 0)
        reply(command, true, "%zu lifted", count);
    else
        reply(command, false,
              "nothing of that is in quarantine: look at `cellctl quarantine list`");
}

/* --- rollouts -----------------------------------------------------------------------------------
 */

static size_t command_tracks(const struct command *command, struct unit *unit,
                             enum rollout_command what)
{
    const char *component = argument(command, "component"), *target = argument(command, "target");
    size_t count = 0;
    for (size_t i = 0; i < unit->track_count; i++) {
        struct track *track = unit->tracks[i];
        if (!track_is_live(track) || strcmp(target, track->target) != 0 ||
            (component != NULL && strcmp(component, track->component) != 0))
            continue;
        track->command = what;
        text_put(track->command_by, sizeof track->command_by, "%s", command->who);
        count++;
    }
    return count;
}

/* How much the command is for this rollout: of an attempt under way, of one that has something to
 * go back to or to try again, or of none. */
static int suitability(const struct track *track)
{
    if (track->rollout.state != ROLLOUT_IDLE && track->rollout.state != ROLLOUT_HELD)
        return 2;
    return track->rollout.state == ROLLOUT_HELD || track->rollout.has_previous;
}

/* Of several, the one that it is most for answers for all. */
static void give_id(const struct command *command, struct unit *unit, enum rollout_command what)
{
    struct track *best = NULL;
    for (size_t i = 0; i < unit->track_count; i++) {
        struct track *track = unit->tracks[i];
        if (track->command == what && (best == NULL || suitability(track) >= suitability(best)))
            best = track;
    }
    CHECK(best != NULL);
    best->command_id = command->id;
}

/* A cell that is left alone takes no orders: nobody would answer them. Says so itself. */
static bool is_left_alone(const struct command *command, const struct unit *unit)
{
    if (unit_is_suspended(command->engine, unit))
        reply(command, false, "%s is suspended: resume it first", unit->name);
    else if (unit->problem != NULL)
        reply(command, false, "%s cannot be compiled: %s", unit->name, unit->problem);
    else if (unit_is_frozen(command->engine, unit))
        reply(command, false, "somebody changed the objects of %s, and its drift policy is freeze",
              unit->name);
    else
        return false;
    return true;
}

static void order(const struct command *command, enum rollout_command what)
{
    struct engine *engine = command->engine;
    struct unit *unit = unit_of(command);
    if (unit == NULL)
        return;
    if (argument(command, "target") == NULL) {
        reply(command, false, "on which target?");
        return;
    }
    if (is_left_alone(command, unit))
        return;
    if (engine->looks == 0 || command_tracks(command, unit, what) == 0) {
        reply(command, false, "there is no such rollout of %s", unit->name);
        return;
    }
    give_id(command, unit, what);
    unit_queue(engine, unit);
}

static void rollback(const struct command *command)
{
    order(command, COMMAND_ROLLBACK);
}

/* What cannot be built has no rollout that could be tried again. */
static bool retry_builds(const struct command *command)
{
    const char *cell = argument(command, "cell");
    const size_t count =
        cell == NULL ? 0 : build_retry(command->engine, cell, argument(command, "component"));
    if (count > 0)
        reply(command, true, "%zu build%s tried again", count, count == 1 ? " is" : "s are");
    return count > 0;
}

static void act(const struct command *command, const char *action)
{
    if (action != NULL && strcmp(action, "retry") == 0 && retry_builds(command))
        return;
    for (int i = COMMAND_PAUSE; action != NULL && i <= COMMAND_RETRY; i++) {
        const enum rollout_command what = (enum rollout_command)i;
        if (strcmp(rollout_command_name(what), action) == 0) {
            order(command, what);
            return;
        }
    }
    reply(command, false, "pause, resume, promote, promote-full, abort or retry?");
}

static void rollout(const struct command *command)
{
    act(command, argument(command, "action"));
}

/* --- dispatch -----------------------------------------------------------------------------------
 */

static const struct verb {
    const char *name;
    void (*run)(const struct command *command);
} verbs[] = {
    {"approve", approve},
    {"suspend", suspend},
    {"resume", resume},
    {"sync", sync},
    {"apply", apply},
    {"rollback", rollback},
    {"quarantine", clear_quarantine},
    {"quarantine-clear", clear_quarantine},
    {"rollout", rollout},
};

/* "rollout-pause" says the same as "rollout" with the action "pause". */
static bool take_rollout_verb(const struct command *command, const char *verb)
{
    if (strncmp(verb, "rollout-", 8) != 0)
        return false;
    act(command, verb + 8);
    return true;
}

void command_take(struct engine *engine, const struct engine_event *event)
{
    const struct command command = {
        .engine = engine,
        .id = event->as.command.id,
        .arguments = event->as.command.arguments,
        .who = event->as.command.operator_name == NULL ? "an operator"
                                                       : event->as.command.operator_name,
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, event->as.command.verb) == 0) {
            verbs[i].run(&command);
            return;
        }
    }
    if (!take_rollout_verb(&command, event->as.command.verb))
        reply(&command, false, "there is no command %.64s", event->as.command.verb);
}
