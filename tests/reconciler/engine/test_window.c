/* Windows and freezes gate what begins, and never stop what is under way; what fails too often is
 * left to a person. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(window, .timeout = 600);

static char zone_bytes[8192];
static struct zone_file berlin = {.name = "Europe/Berlin", .bytes = zone_bytes};

static void load(void)
{
    FILE *file = fopen(TEST_SOURCE_DIR "/tests/reconciler/plan/zones/Berlin", "rb");
    cr_assert_not_null(file);
    berlin.length = fread(zone_bytes, 1, sizeof zone_bytes, file);
    (void)fclose(file);
    cr_assert_gt(berlin.length, 0);
}

static const char office_hours[] = PLATFORM_HEAD
    "  environments:\n"
    "    - name: development\n"
    "      gates:\n"
    "        - {name: office, window: {days: [mon, tue, wed, thu], from: \"09:00\", to: \"16:00\", "
    "zone: Europe/Berlin}}\n"
    "  phases: [{name: first, cells: [shop]}]\n";

/* So long that no look wakes what waits: the window does. */
#define WEEK (MINUTES(60) * 24 * 7)

static struct world *world_at(const char *time, int64_t look_interval)
{
    struct wall_time wall;
    struct world_options options;
    world_options_default(&options);
    options.engine.list_interval = (struct duration){look_interval};
    struct world *world = world_new(&options);
    cr_assert_eq(wall_time_parse(time, &wall), 0);
    world->wall_offset_ms = wall.ms - world->now_ms;
    world->zones = &berlin;
    world->zone_count = 1;
    return world;
}

static void run_to(struct world *world, const char *time)
{
    struct wall_time wall;
    cr_assert_eq(wall_time_parse(time, &wall), 0);
    world_run(world, wall.ms - world_now(world).wall.ms);
}

static const char *release(const struct world *world)
{
    return repository_release(world, "shop-api-a-development");
}

static void push(struct world *world, int revision, const char *platform, const char *image,
                 const char *extra)
{
    repository_commit(world, revision, platform, "shop", image, extra, NULL);
}

Test(window, opens_and_closes_by_local_time, .init = load)
{
    static const struct {
        const char *what, *start, *before, *after;
    } rows[] = {
        {"winter", "2026-11-23T00:00:00Z", "2026-11-23T07:59:00Z", "2026-11-23T08:02:00Z"},
        {"summer", "2026-07-06T00:00:00Z", "2026-07-06T06:59:00Z", "2026-07-06T07:02:00Z"},
        {"the day after summer time began", "2026-03-29T00:00:00Z", "2026-03-30T06:59:00Z",
         "2026-03-30T07:02:00Z"},
        {"the day after it ended", "2026-10-25T00:00:00Z", "2026-10-26T07:59:00Z",
         "2026-10-26T08:02:00Z"},
        {"over the weekend", "2026-11-26T15:00:00Z", "2026-11-30T07:59:00Z",
         "2026-11-30T08:02:00Z"},
        {"open already", "2026-11-24T14:58:00Z", NULL, "2026-11-24T15:00:00Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_at(rows[i].start, WEEK);
        push(world, 1, office_hours, "registry.example/shop:1", NULL);
        if (rows[i].before != NULL) {
            run_to(world, rows[i].before);
            cr_expect_str_eq(release(world), "", "%s: began before", rows[i].what);
            expect_why(world, "shop", "development", "office");
        }
        run_to(world, rows[i].after);
        cr_expect_str_neq(release(world), "", "%s: did not begin", rows[i].what);
        expect_condition(world, CONDITION_CONVERGED);
        expect_no_dangers(world);
        world_free(world);
    }
}

/* Zones come with each revision; those that are known stay, and one that is none closes nothing. */
Test(window, zones_are_known_by_their_names, .init = load)
{
    const struct zone_file zones[] = {
        {"Europe/Paris", zone_bytes, berlin.length}, {"Nowhere/City", "?", 1}, berlin};
    struct world *world = world_at("2026-11-23T07:30:00Z", WEEK);
    world->zones = zones;
    world->zone_count = 3;
    push(world, 1, office_hours, "registry.example/shop:1", NULL);
    run_to(world, "2026-11-23T07:40:00Z");
    push(world, 2, office_hours, "registry.example/shop:2", NULL);
    run_to(world, "2026-11-23T07:59:00Z");
    cr_expect_str_eq(release(world), "");
    run_to(world, "2026-11-23T08:02:00Z");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

Test(window, that_closes_stops_nothing, .init = load)
{
    struct world *world = world_at("2026-11-24T14:50:00Z", WEEK);
    push(world, 1, office_hours, "registry.example/shop:1", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    run_to(world, "2026-11-24T14:59:30Z");
    push(world, 2, office_hours, "registry.example/shop:2", "  rollout: {bake: 5m}\n");
    run_to(world, "2026-11-24T15:02:00Z");
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "baking");
    world_kill(world);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    /* The next one waits for the morning. */
    push(world, 3, office_hours, "registry.example/shop:3", NULL);
    run_to(world, "2026-11-25T07:58:00Z");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    run_to(world, "2026-11-25T08:05:00Z");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:3");
    world_free(world);
}

static const char frozen[] = PLATFORM_HEAD
    "  environments: [{name: development}]\n"
    "  freeze: [{name: feast, from: 2026-12-24T10:00:00Z, to: 2026-12-27T10:00:00Z}]\n"
    "  phases: [{name: first, cells: [shop]}]\n";

Test(window, freezes_let_nothing_begin_and_everything_end, .init = load)
{
    static const struct {
        const char *image, *end;
    } rows[] = {
        {"registry.example/shop:2", "registry.example/shop:2"},
        {"registry.example/broken:2", "registry.example/shop:1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_at("2026-12-24T09:50:00Z", MINUTES(60));
        push(world, 1, frozen, "registry.example/shop:1", NULL);
        expect_condition(world, CONDITION_CONVERGED);
        run_to(world, "2026-12-24T09:59:30Z");
        /* Under way when the freeze begins: it ends, or goes back. */
        push(world, 2, frozen, rows[i].image, "  rollout: {bake: 3m, progressDeadline: 2m}\n");
        run_to(world, "2026-12-24T10:01:00Z");
        cr_expect_str_neq(world_node_state(world, "shop", "development"), "converged");
        run_to(world, "2026-12-24T10:20:00Z");
        expect_runs(world, "shop-api-a", "development", rows[i].end);
        push(world, 3, frozen, "registry.example/shop:3", NULL);
        run_to(world, "2026-12-27T08:00:00Z");
        expect_runs(world, "shop-api-a", "development", rows[i].end);
        expect_why(world, "shop", "development", "freeze feast");
        /* Drift is put right all the same. */
        json_t *patch =
            json_pack("{s:{s:{s:i}}}", "spec", "componentTypeEnvironmentConfigs", "replicas", 5);
        expect_changed(world, "releasebindings", "acme", "shop-api-a-development", patch);
        world_run(world, MINUTES(70));
        json_t *binding =
            platform_object(world->platform, "releasebindings", "acme", "shop-api-a-development");
        cr_expect_eq(json_integer_value(json_at(binding, "spec", "componentTypeEnvironmentConfigs",
                                                "replicas", NULL)),
                     1);
        json_decref(binding);
        run_to(world, "2026-12-27T11:30:00Z");
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:3");
        expect_no_dangers(world);
        world_free(world);
    }
}

static size_t count(const struct world *world, const char *type)
{
    size_t found = 0;
    for (size_t i = 0; i < json_array_size(world->published); i++)
        found +=
            strcmp(json_text_or(json_object_get(json_array_get(world->published, i), "type"), ""),
                   type) == 0;
    return found;
}

Test(window, so_many_attempts_and_then_a_person)
{
    struct world *world = repository_world();
    push(world, 1, platform_small, "registry.example/shop:1", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    const size_t started = count(world, "rollout-started");
    /* The control plane takes nothing up for a while, twice: nobody can blame the content. */
    for (int i = 0; i < 2; i++) {
        platform_stall(world->platform, world_platform_now(world) + 80000);
        if (i == 0)
            push(world, 2, platform_small, "registry.example/shop:2",
                 "  rollout: {progressDeadline: 1m, attempts: 2}\n");
        world_run(world, MINUTES(2));
        while (i == 0 && count(world, "rollout-started") - started < 2)
            cr_assert(world_step(world, world->now_ms + MINUTES(5)));
    }
    world_run(world, MINUTES(20));
    cr_expect_eq(count(world, "rollout-started") - started, 2);
    cr_expect_eq(count(world, "rollout-alarm"), 1);
    cr_expect(!world_published(world, "quarantined", "shop"));
    world_run(world, MINUTES(60));
    cr_expect_eq(count(world, "rollout-started") - started, 2, "%zu",
                 count(world, "rollout-started") - started);
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    bool ok = false;
    world_command(world, "rollout-retry",
                  json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
    cr_expect(ok);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}
