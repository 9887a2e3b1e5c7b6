#include "reconciler/engine/quarantine.h"

#include "config/base/text.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const struct quarantine *entry, const char *cell, const char *component,
                   const char *target, const char *digest)
{
    int order = strcmp(entry->cell, cell);
    if (order == 0)
        order = strcmp(entry->component, component);
    if (order == 0)
        order = strcmp(entry->target, target);
    return order != 0 ? order : strcmp(entry->digest, digest);
}

/* Position of the entry, or where it would stand. */
static size_t place_of(const struct engine *engine, const char *cell, const char *component,
                       const char *target, const char *digest, bool *ret_found)
{
    size_t low = 0, high = engine->quarantine_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare(engine->quarantines[middle], cell, component, target, digest) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = low < engine->quarantine_count &&
                 compare(engine->quarantines[low], cell, component, target, digest) == 0;
    return low;
}

const struct quarantine *quarantine_find(const struct engine *engine, const char *cell,
                                         const char *component, const char *target,
                                         const char *digest)
{
    bool found;
    const size_t at = place_of(engine, cell, component, target, digest, &found);
    return found ? engine->quarantines[at] : NULL;
}

const struct quarantine *quarantine_of(const struct engine *engine, const struct track *track)
{
    return !track->has_content ? NULL
                               : quarantine_find(engine, track->unit->name, track->component,
                                                 track->target, track->content.deployment_digest);
}

static struct quarantine *insert(struct engine *engine, size_t at)
{
    if (engine->quarantine_count == engine->quarantine_capacity) {
        const size_t capacity =
            engine->quarantine_capacity == 0 ? 8 : engine->quarantine_capacity * 2;
        struct quarantine **entries =
            reallocarray(engine->quarantines, capacity, sizeof(struct quarantine *));
        if (entries == NULL)
            return NULL;
        engine->quarantines = entries;
        engine->quarantine_capacity = capacity;
    }
    struct quarantine *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return NULL;
    memmove(&engine->quarantines[at + 1], &engine->quarantines[at],
            (engine->quarantine_count - at) * sizeof(struct quarantine *));
    engine->quarantines[at] = entry;
    engine->quarantine_count++;
    return entry;
}

void quarantine_apply(struct engine *engine, const char *cell, const char *component,
                      const char *target, const char *digest, const json_t *value)
{
    bool found;
    const size_t at = place_of(engine, cell, component, target, digest, &found);
    if (value == NULL) {
        if (!found)
            return;
        free(engine->quarantines[at]);
        engine->quarantine_count--;
        memmove(&engine->quarantines[at], &engine->quarantines[at + 1],
                (engine->quarantine_count - at) * sizeof(struct quarantine *));
        return;
    }
    struct quarantine *entry = found ? engine->quarantines[at] : insert(engine, at);
    if (entry == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    text_put(entry->cell, sizeof entry->cell, "%s", cell);
    text_put(entry->component, sizeof entry->component, "%s", component);
    text_put(entry->target, sizeof entry->target, "%s", target);
    text_put(entry->digest, sizeof entry->digest, "%s", digest);
    entry->since_ms = row_number(value, "since");
    entry->gone_ms = row_number(value, "gone");
    row_text(value, "reason", entry->reason, sizeof entry->reason);
    row_text(value, "evidence", entry->evidence, sizeof entry->evidence);
    entry->by_operator = json_is_true(json_object_get(value, "by_operator"));
}

json_t *quarantine_row(const struct quarantine *entry)
{
    return json_pack("{s:I, s:I, s:s, s:s, s:b}", "since", (json_int_t)entry->since_ms, "gone",
                     (json_int_t)entry->gone_ms, "reason", entry->reason, "evidence",
                     entry->evidence, "by_operator", (int)entry->by_operator);
}

static void key_of(const struct quarantine *entry, char ret_key[static KEY_SIZE])
{
    text_put(ret_key, KEY_SIZE, "quarantine/%s/%s/%s/%s", entry->cell, entry->component,
             entry->target, entry->digest);
}

void quarantine_add(struct engine *engine, const struct track *track, const char *digest,
                    const char *reason, const char *evidence, bool by_operator)
{
    struct quarantine entry = {.since_ms = engine->now.wall.ms, .by_operator = by_operator};
    text_put(entry.cell, sizeof entry.cell, "%s", track->unit->name);
    text_put(entry.component, sizeof entry.component, "%s", track->component);
    text_put(entry.target, sizeof entry.target, "%s", track->target);
    text_put(entry.digest, sizeof entry.digest, "%s", digest);
    text_put(entry.reason, sizeof entry.reason, "%s", reason);
    text_put(entry.evidence, sizeof entry.evidence, "%s", evidence);
    char key[KEY_SIZE];
    key_of(&entry, key);
    record_add(engine, key, quarantine_row(&entry));
    history_publish(engine, PUBLISH_WARNING, "quarantined",
                    &(struct history_about){
                        .cell = entry.cell, .component = entry.component, .target = entry.target},
                    "content %s is quarantined: %s", digest, reason);
}

static bool fits(const char *wanted, const char *value)
{
    return wanted == NULL || strcmp(wanted, value) == 0;
}

size_t quarantine_clear(struct engine *engine, const char *cell, const char *component,
                        const char *target, const char *digest)
{
    size_t cleared = 0;
    for (size_t i = engine->quarantine_count; i-- > 0;) {
        const struct quarantine *entry = engine->quarantines[i];
        if (!fits(cell, entry->cell) || !fits(component, entry->component) ||
            !fits(target, entry->target) || !fits(digest, entry->digest))
            continue;
        char key[KEY_SIZE];
        key_of(entry, key);
        record_remove(engine, key);
        cleared++;
    }
    return cleared;
}

/* --- what git does not name any more ------------------------------------------------------------
 */

/* While a manifest cannot be used nobody knows what it would name. */
static bool is_named(const struct engine *engine, const struct quarantine *entry)
{
    const struct unit *unit = unit_find(engine, entry->cell);
    if (unit == NULL || unit->removed)
        return false;
    if (unit->broken || unit->problem != NULL || unit->stale)
        return true;
    const struct track *track =
        unit_track_find(engine, entry->cell, entry->component, entry->target);
    return track != NULL && track_is_live(track);
}

static void mark(struct engine *engine, const struct quarantine *entry, int64_t gone_ms)
{
    char key[KEY_SIZE];
    struct quarantine next = *entry;
    next.gone_ms = gone_ms;
    key_of(entry, key);
    record_add(engine, key, quarantine_row(&next));
}

static void drop(struct engine *engine, const struct quarantine *entry)
{
    char key[KEY_SIZE];
    key_of(entry, key);
    history_publish(engine, PUBLISH_INFO, "quarantine-dropped",
                    &(struct history_about){.cell = entry->cell,
                                            .component = entry->component,
                                            .target = entry->target},
                    "git has not named %s on %s for long: content %s is not quarantined any more",
                    entry->component, entry->target, entry->digest);
    record_remove(engine, key);
}

static const struct quarantine *longest_gone(const struct engine *engine)
{
    const struct quarantine *found = NULL;
    for (size_t i = 0; i < engine->quarantine_count; i++) {
        const struct quarantine *entry = engine->quarantines[i];
        if (entry->gone_ms != 0 && (found == NULL || entry->gone_ms < found->gone_ms))
            found = entry;
    }
    return found;
}

void quarantine_age(struct engine *engine)
{
    const int64_t now = engine->now.wall.ms;
    size_t gone = 0;
    for (size_t i = engine->quarantine_count; i-- > 0 && engine->status == 0;) {
        const struct quarantine *entry = engine->quarantines[i];
        const bool named = is_named(engine, entry);
        if (named != (entry->gone_ms == 0))
            mark(engine, entry, named ? 0 : now);
        if (!named && entry->gone_ms != 0 && now - entry->gone_ms > engine->options.events_age.ms)
            drop(engine, entry);
        else
            gone += entry->gone_ms != 0;
    }
    for (; gone > QUARANTINE_GONE_LIMIT && engine->status == 0; gone--)
        drop(engine, longest_gone(engine));
}

json_t *engine_quarantine(const struct engine *engine)
{
    json_t *entries = json_array();
    for (size_t i = 0; i < engine->quarantine_count; i++) {
        const struct quarantine *entry = engine->quarantines[i];
        char since[WALL_TIME_TEXT_SIZE];
        wall_time_format((struct wall_time){entry->since_ms}, since);
        json_array_append_new(
            entries, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "cell", entry->cell,
                               "component", entry->component, "target", entry->target, "digest",
                               entry->digest, "since", since, "reason", entry->reason, "evidence",
                               entry->evidence, "by_operator", (int)entry->by_operator));
    }
    return json_pack("{s:o}", "entries", entries);
}
