/* Deaths while a release is judged, and answers that come twice or late: no window counts twice. */
#include "config/base/json.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(trial_death, .timeout = 600);

/* No two windows of a release overlap, unless they are the same one. */
static void expect_windows_apart(const struct traffic *traffic, size_t point)
{
    const char *key, *other;
    json_t *times, *more;
    json_object_foreach(traffic->asked, key, times)
    {
        json_object_foreach(traffic->asked, other, more)
        {
            const char *end = strstr(key, ".."), *release = strchr(key, ' ');
            const char *other_end = strstr(other, ".."), *other_release = strchr(other, ' ');
            if (strcmp(key, other) == 0 || strcmp(release, other_release) != 0)
                continue;
            const bool before = strncmp(end + 2, other, 20) <= 0;
            const bool after = strncmp(other_end + 2, key, 20) <= 0;
            cr_expect(before || after, "%zu: %s and %s", point, key, other);
        }
    }
}

/* The judged windows and the sums, as the last event keeps them. */
static void final(struct traffic *traffic, const char *type, char ret_text[static 256])
{
    const json_t *event = traffic_event(traffic, type);
    const json_t *shown = json_at(event, "data", "analysis", NULL);
    snprintf(ret_text, 256, "%s", json_text_or(json_object_get(shown, "verdict"), "none"));
}

#define POINTS 12

Test(trial_death, deaths_change_no_verdict_and_count_no_window_twice)
{
    static const struct {
        const char *tag, *state, *event, *verdict;
        double bad;
    } rows[] = {
        {"2", "idle", "rollout-baked", "pass", 0.005},
        {"bad", "held", "rollback-started", "rollback", 0.1},
    };
    for (size_t i = 0; i < (size_t)2 * POINTS; i++) {
        struct traffic traffic = {.rate = 10, .base = 0.005, .bad = rows[i % 2].bad};
        traffic_begin(&traffic, TRAFFIC_CANARY, rows[i % 2].tag);
        traffic_until(&traffic, "development", "step", MINUTES(5));
        /* At some effect, and again a little later. */
        traffic.world->kill_at_effect = traffic.world->effects + 1 + 3 * (i / 2);
        world_run(traffic.world, MINUTES(2));
        traffic.world->kill_at_effect = traffic.world->effects + 1 + i;
        traffic_until(&traffic, "development", rows[i % 2].state, MINUTES(60));
        char text[256];
        final(&traffic, rows[i % 2].event, text);
        cr_expect_str_eq(text, rows[i % 2].verdict, "%zu: %s", i, text);
        cr_expect_geq(traffic.world->kills, 1, "%zu", i);
        expect_windows_apart(&traffic, i);
        char *differ = world_rows_differ(traffic.world);
        cr_expect_null(differ, "%zu: %s", i, differ);
        free(differ);
        traffic_free(&traffic);
    }
}

static json_t *judge_row(const struct world *world)
{
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, "judge/shop/shop-api/development") == 0)
            return json_deep_copy(world->rows[i].value);
    }
    return NULL;
}

static void give(struct traffic *traffic, uint64_t id, const json_t *answer)
{
    struct effect_list effects;
    effect_list_init(&effects);
    struct engine_event event = {.kind = EVENT_METRICS, .now = world_now(traffic->world)};
    event.as.metrics.id = id;
    event.as.metrics.answer = answer;
    cr_assert_eq(engine_step(traffic->world->engine, &event, &effects), 0);
    for (size_t i = 0; i < effects.count; i++)
        cr_expect_neq(effects.items[i].kind, EFFECT_PERSIST);
    effect_list_fini(&effects);
}

Test(trial_death, an_answer_that_comes_twice_or_late_counts_for_nothing)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(3));
    json_t *before = judge_row(traffic.world);
    cr_assert_not_null(before);
    json_t *terrible =
        json_pack("{s:[{s:s, s:{s:i, s:i}, s:{s:i, s:i}}]}", "metrics", "name", "error-rate",
                  "canary", "requests", 500, "bad", 500, "stable", "requests", 5000, "bad", 0);
    for (uint64_t id = 0; id <= traffic.last + 3; id++)
        give(&traffic, id, terrible);
    json_t *after = judge_row(traffic.world);
    cr_expect(json_equal(before, after));
    cr_expect_str_neq(traffic_verdict(&traffic), "rollback");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    /* the attempt is over: nobody listens */
    give(&traffic, traffic.last, terrible);
    cr_expect_null(judge_row(traffic.world));
    json_decref(terrible);
    json_decref(before);
    json_decref(after);
    traffic_free(&traffic);
}

Test(trial_death, a_replay_of_the_journal_gives_the_same_bits)
{
    struct traffic traffic = {.rate = 7.3, .base = 0.0051};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(4));
    json_t *before = judge_row(traffic.world);
    world_kill(traffic.world);
    struct effect_list rows;
    cr_assert_eq(engine_rows(traffic.world->engine, &rows), 0);
    bool found = false;
    for (size_t i = 0; i < rows.count; i++) {
        if (strcmp(rows.items[i].as.persist.key, "judge/shop/shop-api/development") != 0)
            continue;
        found = true;
        cr_expect(json_equal(rows.items[i].as.persist.value, before));
    }
    cr_expect(found);
    effect_list_fini(&rows);
    json_decref(before);
    traffic_free(&traffic);
}
