/* How long events are kept: by number and by age, in memory and in the journal. */
#include "config/base/json.h"
#include "reconciler/engine/engine.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(history, .timeout = 600);

#define HOUR INT64_C(3600000)
#define START_MS INT64_C(1795348800000)

/* The journal's side: which events have a row. */
struct rows {
    struct row {
        char *key;
        json_t *value;
    } rows[512];
    size_t count;
};

static void persist(struct rows *rows, const struct effect_list *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind != EFFECT_PERSIST)
            continue;
        size_t at = 0;
        while (at < rows->count && strcmp(rows->rows[at].key, effect->as.persist.key) != 0)
            at++;
        if (at == rows->count) {
            cr_assert_lt(at, sizeof(rows->rows) / sizeof(rows->rows[0]));
            rows->rows[rows->count++] = (struct row){strdup(effect->as.persist.key), NULL};
        }
        json_decref(rows->rows[at].value);
        rows->rows[at].value = json_incref(effect->as.persist.value);
    }
}

static size_t kept(const struct rows *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++)
        count += strncmp(rows->rows[i].key, "event/", 6) == 0 && rows->rows[i].value != NULL;
    return count;
}

static void rows_free(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        free(rows->rows[i].key);
        json_decref(rows->rows[i].value);
    }
}

static void step(struct engine *engine, struct rows *rows, struct engine_event *event, int64_t ms)
{
    struct effect_list effects;
    effect_list_init(&effects);
    event->now = (struct instant){.mono = {ms}, .wall = {START_MS + ms}};
    cr_assert_eq(engine_step(engine, event, &effects), 0);
    persist(rows, &effects);
    effect_list_fini(&effects);
}

static void tick(struct engine *engine, struct rows *rows, int64_t ms)
{
    step(engine, rows, &(struct engine_event){.kind = EVENT_TICK}, ms);
}

/* One event for operators: another reason than the last time. */
static void happen(struct engine *engine, struct rows *rows, int64_t ms)
{
    static unsigned number;
    char reason[32];
    const struct error err = {.kind = ERROR_UNAVAILABLE, .detail = "no answer"};
    struct engine_event event = {.kind = EVENT_REPOSITORY_FAILED};
    (void)snprintf(reason, sizeof(reason), "Reason%u", ++number);
    event.as.repository_failed.reason = reason;
    event.as.repository_failed.error = &err;
    step(engine, rows, &event, ms);
}

static size_t in_memory(const struct engine *engine, json_int_t *ret_first, json_int_t *ret_last)
{
    OWNED_JSON *history = engine_history(engine);
    const json_t *events = json_object_get(history, "events");
    const size_t count = json_array_size(events);
    *ret_first = json_integer_value(json_at(json_array_get(events, 0), "sequence", NULL));
    *ret_last = json_integer_value(json_at(json_array_get(events, count - 1), "sequence", NULL));
    return count;
}

static struct engine *start(const struct engine_options *options, struct rows *rows, int64_t ms)
{
    struct engine *engine = engine_new(options);
    cr_assert_not_null(engine);
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].value == NULL)
            continue;
        struct engine_event event = {.kind = EVENT_RESTORE};
        event.as.restore.key = rows->rows[i].key;
        event.as.restore.value = rows->rows[i].value;
        step(engine, rows, &event, ms);
    }
    step(engine, rows, &(struct engine_event){.kind = EVENT_START}, ms);
    return engine;
}

Test(history, old_events_go_and_the_newest_stays)
{
    struct engine_options options = engine_options_default;
    struct rows rows = {.count = 0};
    json_int_t first, last;
    options.events_age = (struct duration){24 * HOUR};
    struct engine *engine = start(&options, &rows, 0);
    for (int i = 0; i < 10; i++)
        happen(engine, &rows, i * HOUR);
    cr_assert_eq(in_memory(engine, &first, &last), 10);
    const json_int_t newest = last;
    tick(engine, &rows, 24 * HOUR);
    cr_expect_eq(in_memory(engine, &first, &last), 10, "none is older than a day");
    tick(engine, &rows, 28 * HOUR + 1);
    cr_expect_eq(in_memory(engine, &first, &last), 5);
    cr_expect_eq(kept(&rows), 5);
    cr_expect_eq(last, newest);
    tick(engine, &rows, 1000 * HOUR);
    cr_expect_eq(in_memory(engine, &first, &last), 1);
    cr_expect_eq(first, newest);
    /* Numbers go on, also behind a restart. */
    engine_free(engine);
    engine = start(&options, &rows, 1000 * HOUR);
    happen(engine, &rows, 1001 * HOUR);
    tick(engine, &rows, 1001 * HOUR);
    cr_expect_eq(in_memory(engine, &first, &last), 1);
    cr_expect_eq(last, newest + 1);
    cr_expect_eq(kept(&rows), 1);
    engine_free(engine);
    rows_free(&rows);
}

Test(history, the_number_is_a_limit_in_memory_and_in_the_journal)
{
    struct engine_options options = engine_options_default;
    struct rows rows = {.count = 0};
    json_int_t first, last;
    options.events_kept = 150;
    struct engine *engine = start(&options, &rows, 0);
    for (int i = 0; i < 200; i++)
        happen(engine, &rows, i);
    cr_expect_eq(in_memory(engine, &first, &last), 150);
    cr_expect_eq(kept(&rows), 150);
    engine_free(engine);
    /* Fewer are wanted now: the rows of the others go, in parts. */
    options.events_kept = 10;
    engine = start(&options, &rows, 1000);
    cr_expect_eq(in_memory(engine, &first, &last), 10);
    const json_int_t newest = last;
    for (int i = 0; i < 5; i++)
        tick(engine, &rows, 1000 + i);
    cr_expect_eq(kept(&rows), 10, "%zu", kept(&rows));
    cr_expect_eq(in_memory(engine, &first, &last), 10);
    cr_expect_eq(last, newest);
    for (int i = 0; i < 5; i++)
        happen(engine, &rows, 2000 + i);
    cr_expect_eq(kept(&rows), 10);
    cr_expect_eq(in_memory(engine, &first, &last), 10);
    cr_expect_eq(last, newest + 5);
    engine_free(engine);
    rows_free(&rows);
}

Test(history, a_clock_that_goes_back_removes_nothing)
{
    struct engine_options options = engine_options_default;
    struct rows rows = {.count = 0};
    json_int_t first, last;
    options.events_age = (struct duration){HOUR};
    struct engine *engine = start(&options, &rows, 0);
    for (int i = 0; i < 5; i++)
        happen(engine, &rows, 100 * HOUR - (int64_t)i * 10 * HOUR);
    cr_expect_eq(in_memory(engine, &first, &last), 5);
    engine_free(engine);
    rows_free(&rows);
}

static void restore(struct engine *engine, struct rows *rows, const char *key, const char *value)
{
    json_t *parsed = value == NULL ? NULL : json_loads(value, 0, NULL);
    struct engine_event event = {.kind = EVENT_RESTORE};
    event.as.restore.key = key;
    event.as.restore.value = parsed;
    step(engine, rows, &event, 0);
    json_decref(parsed);
}

/* A journal in which a row in the middle was removed, and one says nothing of its time. */
Test(history, rows_that_are_missing_or_odd_leave_the_others)
{
    struct engine_options options = engine_options_default;
    struct rows rows = {.count = 0};
    options.events_age = (struct duration){HOUR};
    struct engine *engine = engine_new(&options);
    cr_assert_not_null(engine);
    cr_expect_null(engine_event(engine, 1), "there is none yet");
    restore(engine, &rows, "event/1", "{\"sequence\": 1}");
    restore(engine, &rows, "event/2", "{\"sequence\": 2}");
    restore(engine, &rows, "event/3", "{\"sequence\": 3, \"time\": \"yesterday\"}");
    restore(engine, &rows, "event/2", NULL);
    uint64_t first = 0, end = 0;
    engine_events(engine, &first, &end);
    cr_expect_eq(first, 1);
    cr_expect_eq(end, 4);
    static const bool stands[] = {false, true, false, true, false};
    for (uint64_t i = 0; i < sizeof stands / sizeof *stands; i++) {
        cr_expect_eq(engine_event(engine, i) != NULL, stands[i], "%u", (unsigned)i);
    }
    /* Nobody knows how old they are: their number alone lets them go. */
    step(engine, &rows, &(struct engine_event){.kind = EVENT_START}, 0);
    tick(engine, &rows, 1000 * HOUR);
    engine_events(engine, &first, &end);
    cr_expect_eq(first, 1);
    engine_free(engine);
    rows_free(&rows);
}

Test(history, rows_with_numbers_that_are_none_of_ours_change_nothing)
{
    static const char *const keys[] = {"event/0", "event/9223372036854775808",
                                       "event/18446744073709551615", "event/first"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct rows rows = {.count = 1};
        json_int_t first, last;
        rows.rows[0] = (struct row){strdup(keys[i]), json_pack("{s:s}", "type", "odd")};
        struct engine *engine = start(&engine_options_default, &rows, 0);
        happen(engine, &rows, 1000);
        cr_expect_eq(in_memory(engine, &first, &last), 1, "%s", keys[i]);
        cr_expect_eq(first, 1, "%s", keys[i]);
        cr_expect_eq(last, 1, "%s", keys[i]);
        engine_free(engine);
        rows_free(&rows);
    }
}
