/* The wall clock may be wrong, and be put right in the middle of a rollout. */
#include "reconciler/engine/trial.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(clock, .timeout = 600);

#define TIME ((size_t)19) /* characters, to the second */
#define CANARY                                                                                     \
    "{strategy: canary, steps: [{weight: 20, soak: 10m}], bake: 2m, progressDeadline: 5m, "        \
    "analysis: {provider: prometheus, metrics: [error-rate]}}"

static void begin(struct traffic *traffic)
{
    traffic_world(traffic);
    traffic_commit(traffic, 1, platform_small, "1", CANARY);
    expect_condition(traffic->world, CONDITION_CONVERGED);
    traffic_commit(traffic, 2, platform_small, "2", CANARY);
}

/* The time that a clock skips when it is put right was another release's. */
Test(clock, windows_do_not_reach_back_over_a_jump_of_the_clock)
{
    static const int64_t jumps[] = {MINUTES(-20), -10000, 2000, MINUTES(20)};
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        struct traffic traffic = {.rate = 10, .base = 0.005};
        begin(&traffic);
        traffic_until(&traffic, "development", "step", MINUTES(5));
        world_run(traffic.world, MINUTES(1));
        char before[WALL_TIME_TEXT_SIZE], after[WALL_TIME_TEXT_SIZE];
        wall_time_format(world_now(traffic.world).wall, before);
        traffic.world->wall_offset_ms += jumps[i];
        wall_time_format(world_now(traffic.world).wall, after);
        world_run(traffic.world, MINUTES(3));
        unsigned later = 0;
        const char *window;
        const json_t *times;
        json_object_foreach(traffic.asked, window, times)
        {
            const bool skipped =
                strncmp(window, before, TIME) > 0 && strncmp(window, after, TIME) < 0;
            cr_expect(jumps[i] < MINUTES(1) || !skipped, "%s", window);
            later += strncmp(window, after, TIME) >= 0;
        }
        cr_expect(jumps[i] < 0 || later > 0, "%u windows after a jump of %d ms", later,
                  (int)jumps[i]);
        cr_expect_str_eq(traffic_text(&traffic, "development", "state"), "step");
        cr_expect_eq(world_published(traffic.world, "metrics-unreadable", "shop"), i == 0);
        traffic_free(&traffic);
    }
}

static int64_t slow_metrics(void *context, const struct world_request *request)
{
    (void)context;
    return strcmp(request->method, "METRICS") == 0 ? 15000 : 0;
}

/* What is asked for when the clock jumps is not waited for any more, and its answer is not taken.
 */
Test(clock, an_answer_to_what_was_asked_before_a_jump_counts_for_nothing)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    begin(&traffic);
    traffic_until(&traffic, "development", "step", MINUTES(5));
    struct world *world = traffic.world;
    world->options.delay = slow_metrics;
    const struct track *track = unit_track_find(world->engine, "shop", "shop-api", "development");
    const int64_t until = world->now_ms + MINUTES(10);
    while (!track->trial->judging || track->trial->request == 0)
        cr_assert(world_step(world, until));
    const uint64_t request = track->trial->request, windows = track->trial->windows;
    world->wall_offset_ms += MINUTES(1);
    while (track->trial->asked != NULL)
        cr_assert(world_step(world, until));
    cr_assert_eq(track->trial->request, request);
    while (track->trial->request == request)
        cr_assert(world_step(world, until));
    cr_expect_eq(track->trial->windows, windows);
    cr_expect_eq(track->trial->failures, 0);
    world->options.delay = NULL;
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    traffic_free(&traffic);
}

#define WORKING_HOURS MINUTES(600)

/* Whether it was right before or is right now cannot be told: what it goes through again is not
 * judged, and not waited for either. */
Test(clock, a_bake_ends_though_the_clock_was_set_back_by_hours)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    begin(&traffic);
    traffic_until(&traffic, "development", "bake", MINUTES(30));
    struct world *world = traffic.world;
    world_run(world, 1000);
    world->wall_offset_ms -= WORKING_HOURS;
    world_run(world, MINUTES(1));
    const unsigned asked = traffic.windows;
    cr_expect_str_eq(traffic_verdict(&traffic), "provider-error");
    const json_t *told = json_object_get(traffic_event(&traffic, "metrics-unreadable"), "message");
    cr_expect_not_null(strstr(json_text_or(told, ""), "the clock was set back by 10h"));
    expect_why(world, "shop", "development",
               "(not counted now: the clock was set back, to before what was judged; it bakes "
               "unjudged in ");
    traffic_until(&traffic, "development", "idle", MINUTES(15));
    cr_expect_eq(traffic.windows, asked, "none is asked for twice");
    expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
    expect_condition(world, CONDITION_CONVERGED);
    traffic_free(&traffic);
}

Test(clock, a_step_that_the_clock_was_set_back_in_is_tried_again_and_condemns_nothing)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    begin(&traffic);
    traffic_until(&traffic, "development", "step", MINUTES(5));
    struct world *world = traffic.world;
    world_run(world, MINUTES(3));
    world->wall_offset_ms -= WORKING_HOURS;
    traffic_until(&traffic, "development", "held", MINUTES(10));
    expect_why(world, "shop", "development", "the clock was set back");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    traffic_until(&traffic, "development", "idle", MINUTES(30));
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
    expect_condition(world, CONDITION_CONVERGED);
    traffic_free(&traffic);
}

/* When it was planned the clock was ahead by hours: nobody waits for that time. */
Test(clock, a_retry_that_was_planned_by_a_wrong_clock_does_not_wait_for_it)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    begin(&traffic);
    struct world *world = traffic.world;
    world->wall_offset_ms += WORKING_HOURS;
    traffic.fault = TRAFFIC_DOWN;
    traffic_until(&traffic, "development", "held", MINUTES(30));
    world->wall_offset_ms -= WORKING_HOURS;
    traffic.fault = TRAFFIC_SOUND;
    traffic_until(&traffic, "development", "step", MINUTES(5));
    traffic_until(&traffic, "development", "idle", MINUTES(30));
    expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
    expect_condition(world, CONDITION_CONVERGED);
    traffic_free(&traffic);
}

/* It may not go back, so that a person is asked for. Who lets it go on need not wait for the clock:
 * it is judged anew. */
Test(clock, a_step_that_may_not_go_back_is_judged_anew_when_somebody_says_so)
{
    static const char policy[] =
        "{strategy: canary, steps: [{weight: 20, soak: 5m}], bake: 1m, progressDeadline: 5m, "
        "rollback: {forbidden: true}, analysis: {metrics: [error-rate], interval: 30s}}";
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_world(&traffic);
    struct world *world = traffic.world;
    traffic_commit(&traffic, 1, platform_small, "1", policy);
    expect_condition(world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, platform_small, "2", policy);
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(world, MINUTES(3));
    cr_expect_gt(traffic.windows, 0);
    world->wall_offset_ms -= WORKING_HOURS;
    traffic_until(&traffic, "development", "held", MINUTES(10));
    expect_why(world, "shop", "development", "its rollback is forbidden");
    world_run(world, MINUTES(5));
    cr_expect_str_eq(traffic_text(&traffic, "development", "state"), "held");
    cr_assert(traffic_order(&traffic, "retry", "development"));
    traffic_until(&traffic, "development", "idle", MINUTES(10));
    const json_t *rollout = traffic_rollout(&traffic, "development");
    cr_expect(!json_is_true(json_object_get(rollout, "unproven")));
    expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    expect_no_dangers(world);
    traffic_free(&traffic);
}
