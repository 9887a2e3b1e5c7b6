#include "reconciler/engine/history.h"

#include "config/base/text.h"
#include "reconciler/engine/emit.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* One step does a bounded part of what fewer or younger events cost. */
enum { DROPS_AT_ONCE = 64 };

static struct packed **slot_of(const struct engine *engine, uint64_t sequence)
{
    return &engine->events[sequence % engine->options.events_kept];
}

/* Numbers follow one another; after a gap nothing that came before is counted on. */
static void start_at(struct engine *engine, uint64_t sequence)
{
    for (size_t i = 0; i < engine->options.events_kept; i++)
        (void)packed_unref(TAKE(engine->events[i]));
    engine->event_first = engine->event_row = sequence;
}

void history_apply(struct engine *engine, uint64_t sequence, const json_t *value)
{
    if (sequence == 0 || sequence > INT64_MAX)
        return; /* none of ours */
    if (engine->events == NULL)
        engine->events = calloc(engine->options.events_kept, sizeof *engine->events);
    if (engine->events == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    if (value == NULL) {
        if (sequence >= engine->event_first && sequence < engine->event_next) {
            (void)packed_unref(TAKE(*slot_of(engine, sequence)));
            if (sequence == engine->event_first)
                engine->event_first++;
        }
        if (sequence == engine->event_row)
            engine->event_row++;
        return;
    }
    if (sequence != engine->event_next)
        start_at(engine, sequence);
    engine->event_next = sequence + 1;
    if (engine->event_next - engine->event_first > engine->options.events_kept)
        engine->event_first = engine->event_next - engine->options.events_kept;
    struct packed **slot = slot_of(engine, sequence);
    (void)packed_unref(*slot);
    *slot = packed_take(json_incref(json_unconst(value)));
    if (*slot == NULL)
        engine->status = -ENOMEM;
}

json_t *history_event(const struct engine *engine, uint64_t sequence)
{
    return packed_open(*slot_of(engine, sequence));
}

void history_fini(struct engine *engine)
{
    if (engine->events != NULL) {
        for (size_t i = 0; i < engine->options.events_kept; i++)
            (void)packed_unref(engine->events[i]);
    }
    free(engine->events);
}

static bool is_old(const struct engine *engine, uint64_t sequence)
{
    struct wall_time time;
    OWNED_JSON *event = history_event(engine, sequence);
    const char *text = json_text_or(json_object_get(event, "time"), "");
    return wall_time_parse(text, &time) == 0 &&
           engine->now.wall.ms - time.ms > engine->options.events_age.ms;
}

/* The newest one stays whatever its age: the next number follows from it. */
static bool may_go(const struct engine *engine, size_t room)
{
    return engine->event_row + 1 < engine->event_next &&
           (engine->event_row < engine->event_first ||
            engine->event_next - engine->event_row + room > engine->options.events_kept ||
            is_old(engine, engine->event_row));
}

static void drop(struct engine *engine, size_t room)
{
    char key[64];
    for (int i = 0; i < DROPS_AT_ONCE && may_go(engine, room); i++) {
        text_put(key, sizeof key, "event/%" PRIu64, engine->event_row);
        record_remove(engine, key);
    }
}

void history_expire(struct engine *engine)
{
    drop(engine, 0);
}

static void keep(struct engine *engine, json_t *value)
{
    char key[64];
    const uint64_t sequence = engine->event_next == 0 ? 1 : engine->event_next;
    drop(engine, 1);
    text_put(key, sizeof key, "event/%" PRIu64, sequence);
    record_add(engine, key, value);
}

static void send(struct engine *engine, enum publish_level level, const char *type,
                 const struct history_about *about, const char *message, json_t *data)
{
    struct effect effect = {.kind = EFFECT_PUBLISH};
    effect.as.publish.level = level;
    effect.as.publish.type = type;
    effect.as.publish.cell = emit_text(engine, about->cell);
    effect.as.publish.component = emit_text(engine, about->component);
    effect.as.publish.target = emit_text(engine, about->target);
    effect.as.publish.revision =
        engine->commit[0] == '\0' ? NULL : emit_text(engine, engine->commit);
    effect.as.publish.rollout = emit_text(engine, about->rollout);
    effect.as.publish.message = emit_text(engine, message);
    effect.as.publish.data = data;
    emit_effect(engine, &effect);
}

void history_publish(struct engine *engine, enum publish_level level, const char *type,
                     const struct history_about *about, const char *format, ...)
{
    struct history_about known = {0};
    if (about != NULL)
        known = *about;
    /* The platform's unit has no name. */
    if (known.cell != NULL && known.cell[0] == '\0')
        known.cell = NULL;
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    text_vput(message, sizeof message, format, arguments);
    va_end(arguments);
    engine->version++;
    json_t *data = known.data == NULL ? json_object() : known.data;
    char time[WALL_TIME_TEXT_SIZE];
    wall_time_format(engine->now.wall, time);
    const uint64_t sequence = engine->event_next == 0 ? 1 : engine->event_next;
    keep(engine,
         json_pack("{s:I, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s, s:O}", "sequence",
                   (json_int_t)sequence, "time", time, "level", status_level_name(level), "type",
                   type, "cell", known.cell, "component", known.component, "target", known.target,
                   "revision", engine->commit[0] == '\0' ? NULL : engine->commit, "rollout",
                   known.rollout, "message", message, "data", data));
    /* A copy: the kept row must not change behind the journal's back. */
    json_t *sent = json_copy_whole(data);
    json_decref(data);
    if (sent == NULL ||
        json_object_set_new(sent, "sequence", json_integer((json_int_t)sequence)) < 0)
        engine->status = -ENOMEM;
    send(engine, level, type, &known, message, sent);
}

json_t *engine_history(const struct engine *engine)
{
    json_t *events = json_array();
    for (uint64_t i = engine->event_first; i < engine->event_next; i++)
        json_array_append_new(events, history_event(engine, i));
    return json_pack("{s:o}", "events", events);
}

void engine_events(const struct engine *engine, uint64_t *ret_first, uint64_t *ret_end)
{
    *ret_first = engine->event_first;
    *ret_end = engine->event_next;
}

struct packed *engine_event(const struct engine *engine, uint64_t sequence)
{
    if (engine->events == NULL || sequence < engine->event_first || sequence >= engine->event_next)
        return NULL;
    return *slot_of(engine, sequence);
}
