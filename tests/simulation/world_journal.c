#include "tests/simulation/world_journal.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void row_remove(struct world *world, size_t at)
{
    free(world->rows[at].key);
    json_decref(world->rows[at].value);
    world->row_count--;
    memmove(&world->rows[at], &world->rows[at + 1],
            (world->row_count - at) * sizeof(struct world_row));
}

/* As bytes, the way a journal keeps it. */
static json_t *keep(const struct world *world, const json_t *value)
{
    if (!world->options.bytes)
        return json_deep_copy(value);
    char *text = json_canonical(value);
    CHECK(text != NULL);
    json_t *copy = json_loads(text, JSON_DECODE_ANY, NULL);
    free(text);
    return copy;
}

void world_journal_put(struct world *world, const char *key, json_t *value)
{
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, key) == 0) {
            row_remove(world, i);
            break;
        }
    }
    world->sequence++;
    if (value == NULL)
        return;
    if (world->row_count == world->row_capacity) {
        world->row_capacity = world->row_capacity == 0 ? 64 : world->row_capacity * 2;
        world->rows = reallocarray(world->rows, world->row_capacity, sizeof(struct world_row));
        CHECK(world->rows != NULL);
    }
    struct world_row *row = &world->rows[world->row_count++];
    *row = (struct world_row){world->sequence, strdup(key), keep(world, value)};
    CHECK(row->key != NULL && row->value != NULL);
}

/* Credits of time and marks of looks run on between two rows of a rollout; the row of its next move
 * takes them up. */
static const char *const running[] = {"counted_at_mono", "counted_at_wall", "waited_ms",
                                      "fault_ms",        "sick_ms",         "soaked_ms",
                                      "soaked_at_mono",  "soaked_at_wall",  "soaking",
                                      "progress_at",     "failure_look",    "failure_looks"};

static bool is_running(const char *field)
{
    for (size_t i = 0; i < sizeof running / sizeof *running; i++) {
        if (strcmp(running[i], field) == 0)
            return true;
    }
    return false;
}

static bool is_equal_row(const json_t *a, const json_t *b)
{
    json_t *left = json_copy(json_unconst(a)), *right = json_copy(json_unconst(b));
    for (size_t i = 0; i < sizeof running / sizeof *running; i++) {
        json_object_del(left, running[i]);
        json_object_del(right, running[i]);
    }
    const bool equal = json_equal(left, right);
    json_decref(left);
    json_decref(right);
    return equal;
}

/* "key: the first field that differs". */
static char *describe(const struct world *world, const struct effect *row)
{
    const char *name = "";
    for (size_t k = 0; k < world->row_count; k++) {
        if (strcmp(world->rows[k].key, row->as.persist.key) != 0)
            continue;
        const char *field;
        json_t *value, *all = json_copy(row->as.persist.value);
        json_object_foreach(all, field, value)
        {
            if (!is_running(field) &&
                !json_equal(value, json_object_get(world->rows[k].value, field)) &&
                (name[0] == '\0' || strcmp(field, name) < 0))
                name = field;
        }
        char *text = NULL;
        CHECK(asprintf(&text, "%s: %s", row->as.persist.key, name) > 0);
        json_decref(all);
        return text;
    }
    return strdup(row->as.persist.key);
}

/* How a commit fares stands in the event that told it first; its own row follows. */
static bool is_told_by_events(const char *key)
{
    return strncmp(key, "commit/", 7) == 0;
}

char *world_rows_differ(const struct world *world)
{
    struct effect_list rows;
    CHECK(engine_rows(world->engine, &rows) == 0);
    char *different = NULL;
    size_t matched = 0;
    for (size_t i = 0; i < rows.count && different == NULL; i++) {
        const char *key = rows.items[i].as.persist.key;
        bool equal = is_told_by_events(key);
        for (size_t k = 0; k < world->row_count && !equal; k++)
            equal = strcmp(world->rows[k].key, key) == 0 &&
                    is_equal_row(world->rows[k].value, rows.items[i].as.persist.value);
        if (equal) {
            matched++;
            continue;
        }
        different = describe(world, &rows.items[i]);
    }
    if (different == NULL && matched != world->row_count) {
        for (size_t k = 0; k < world->row_count && different == NULL; k++) {
            bool found = is_told_by_events(world->rows[k].key);
            for (size_t i = 0; i < rows.count && !found; i++)
                found = strcmp(world->rows[k].key, rows.items[i].as.persist.key) == 0;
            if (!found)
                different = strdup(world->rows[k].key);
        }
    }
    effect_list_fini(&rows);
    return different;
}

void world_journal_fini(struct world *world)
{
    while (world->row_count > 0)
        row_remove(world, world->row_count - 1);
    free(world->rows);
}
