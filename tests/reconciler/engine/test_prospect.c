/* What a rollout would do and could prove, told before it begins. */
#include "config/base/json.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(prospect, .timeout = 180);

Test(prospect, what_can_be_proven_is_told_before)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    const struct instant now = world_now(traffic.world);
    json_t *plan =
        engine_rollout(traffic.world->engine, "shop", "shop-api", "development", 10, now);
    cr_assert_not_null(plan);
    cr_expect_str_eq(
        json_text_or(json_object_get(plan, "sentence"), ""),
        "at 5 % of 10 requests a second, 5 % of bad requests can be ruled out in 2m24s");
    const json_t *prospects = json_object_get(plan, "prospects");
    cr_expect_eq(json_array_size(prospects), 3);
    cr_expect(json_is_null(json_object_get(plan, "measured")));
    json_decref(plan);
    plan = engine_rollout(traffic.world->engine, "shop", "shop-api", "development", 0, now);
    const double rate = json_number_value(json_object_get(plan, "requests_per_second"));
    cr_expect(rate > 9 && rate < 11, "%g", rate);
    cr_expect(json_is_string(json_object_get(plan, "measured")));
    json_decref(plan);
    cr_expect_null(engine_rollout(traffic.world->engine, "shop", "nothing", "development", 0, now));
    traffic_free(&traffic);
}
