/* The journal's row of a judge: as it was written it is read back, and one that says what cannot be
 * is none, so that the attempt is judged anew. */
#include "config/base/json.h"
#include "reconciler/engine/trial_query.h"
#include "reconciler/engine/trial_row.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(trial_row, .timeout = 600);

static json_t *good_row(void)
{
    struct trial trial = {.attempt = 3, .digest = "0123456789ab", .judging = true, .looking = true};
    trial.source =
        json_loads("{\"provider\": \"prometheus\", \"template\": \"hubble\", \"insufficient\": "
                   "\"hold\", \"interval_ms\": 60000, \"metrics\": [{\"name\": \"error-rate\", "
                   "\"kind\": \"error-rate\", \"edge\": null}]}",
                   0, NULL);
    trial.asked = json_pack("{s:s}", "purpose", "window");
    cr_assert(trial_query_seat(trial.source, -1, (struct wall_time){1000}, &trial.judge));
    json_t *row = trial_row(&trial);
    json_decref(trial.source);
    json_decref(trial.asked);
    cr_assert_not_null(row);
    return row;
}

struct place {
    struct engine *engine;
    struct track *track;
};

static struct place place_new(void)
{
    struct engine_options options = engine_options_default;
    options.instance = "test";
    struct place place = {.engine = engine_new(&options)};
    struct unit *unit = unit_get(place.engine, "shop");
    place.track = unit_track_get(place.engine, unit, "shop-api", "development");
    cr_assert_not_null(place.track);
    return place;
}

/* `path` is a way of keys and indices through the row, with blanks between them. */
static void put(json_t *row, const char *path, const char *value)
{
    char text[64];
    snprintf(text, sizeof text, "%s", path);
    json_t *at = row;
    char *key = strtok(text, " ");
    for (char *next; (next = strtok(NULL, " ")) != NULL; key = next)
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
                               : json_object_get(at, key);
    if (value == NULL)
        json_object_del(at, key);
    else
        json_object_set_new(at, key, json_loads(value, JSON_DECODE_ANY, NULL));
}

Test(trial_row, says_all_of_it_or_counts_as_none)
{
    static const struct {
        const char *path, *value; /* NULL = the member is missing */
        bool read;
    } rows[] = {
        {"attempt", "4", true},
        {"attempt", "-4", false},
        {"version", "2", false},
        {"version", NULL, false},
        {"step", "33", true},
        {"step", "34", false},
        {"step", "-1", false},
        {"step_ms", "-1", false},
        {"windows", "-1", false},
        {"failures", "-1", false},
        {"failures", "4294967296", false},
        {"judging", NULL, true},
        {"judging", "\"yes\"", true},
        {"asked", NULL, true},
        {"asked", "[]", true},
        {"error", "5", true},
        {"source", NULL, false},
        {"source", "[]", false},
        {"source provider", NULL, false},
        {"source provider", "7", false},
        {"source insufficient", NULL, false},
        {"source template", NULL, false},
        {"source template", "null", true},
        {"source interval_ms", "0", false},
        {"source interval_ms", "\"60s\"", false},
        {"source metrics", NULL, false},
        {"source metrics", "{}", false},
        {"source metrics 0 name", NULL, false},
        {"source metrics 0 kind", "null", false},
        {"source metrics 0 edge", NULL, false},
        {"source metrics 0 edge", "0.5", true},
        /* the judge has a seat for each metric, and for no other */
        {"source metrics", "[]", false},
        {"source metrics 0 message", "\"left out\"", false},
        {"judge", NULL, false},
        {"judge", "{}", false},
        {"judge", "7", false},
    };
    struct place place = place_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *row = good_row();
        put(row, rows[i].path, rows[i].value);
        trial_row_apply(place.engine, place.track, row);
        const char *value = rows[i].value == NULL ? "missing" : rows[i].value;
        cr_expect_eq(place.track->trial != NULL, rows[i].read, "%s %s", rows[i].path, value);
        if (place.track->trial != NULL) {
            json_t *again = trial_row(place.track->trial);
            cr_assert_not_null(again, "%s %s", rows[i].path, value);
            trial_row_apply(place.engine, place.track, again);
            cr_assert_not_null(place.track->trial);
            json_t *same = trial_row(place.track->trial);
            cr_expect(json_equal(again, same), "%s %s", rows[i].path, value);
            json_decref(again);
            json_decref(same);
        }
        json_decref(row);
    }
    engine_free(place.engine);
}

/* Nothing was learnt yet, or all metrics were left out: then there is no judge. */
Test(trial_row, without_a_judge_is_read_while_there_is_nothing_to_judge)
{
    struct place place = place_new();
    json_t *row = good_row();
    json_object_del(row, "judge");
    put(row, "judging", "false");
    trial_row_apply(place.engine, place.track, row);
    cr_expect_not_null(place.track->trial);
    put(row, "judging", "true");
    put(row, "source metrics 0 message", "\"left out: its history shows nothing\"");
    trial_row_apply(place.engine, place.track, row);
    cr_assert_not_null(place.track->trial);
    cr_expect_eq(trial_verdict(place.engine, place.track->trial, false), VERDICT_NO_DATA);
    trial_row_apply(place.engine, place.track, NULL);
    cr_expect_null(place.track->trial);
    json_decref(row);
    engine_free(place.engine);
}

Test(trial_row, keeps_what_it_does_not_say_within_an_attempt_only)
{
    struct place place = place_new();
    json_t *row = good_row();
    trial_row_apply(place.engine, place.track, row);
    place.track->trial->request = 17;
    place.track->trial->names_due.ms = 5;
    trial_row_apply(place.engine, place.track, row);
    cr_expect_eq(place.track->trial->request, 17);
    cr_expect_eq(place.track->trial->names_due.ms, 5);
    put(row, "attempt", "4");
    trial_row_apply(place.engine, place.track, row);
    cr_expect_eq(place.track->trial->request, 0);
    cr_expect_eq(place.track->trial->names_due.ms, 0);
    json_decref(row);
    engine_free(place.engine);
}

/* In the middle of a canary the journal loses something of the judge: it learns again, counts
 * again, and lets no unproven release pass. */
Test(trial_row, that_is_damaged_lets_nothing_pass_unjudged)
{
    static const struct {
        const char *path, *value;
    } rows[] = {
        {"source", "{}"},       {"judge", NULL},         {"digest", "\"ffffffffffff\""},
        {"attempt", "1000000"}, {"standing", "\"yes\""}, {"source metrics 0 name", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct traffic traffic = {.rate = 10, .base = 0.005, .bad = 0.1};
        traffic_begin(&traffic, TRAFFIC_CANARY, "bad");
        traffic_until(&traffic, "development", "step", MINUTES(5));
        world_run(traffic.world, MINUTES(1));
        struct world *world = traffic.world;
        for (size_t k = 0; k < world->row_count; k++) {
            if (strcmp(world->rows[k].key, "judge/shop/shop-api/development") == 0)
                put(world->rows[k].value, rows[i].path, rows[i].value);
        }
        world_kill(world);
        traffic_until(&traffic, "development", "held", MINUTES(30));
        cr_expect_eq(traffic_quarantines(&traffic), 1, "%s", rows[i].path);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        char *differ = world_rows_differ(world);
        cr_expect_null(differ, "%s: %s", rows[i].path, differ);
        free(differ);
        traffic_free(&traffic);
    }
}
