#include "tests/reconciler/judge/docket.h"

#include <criterion/criterion.h>

struct judge docket_start(size_t metrics)
{
    struct judge_settings settings = judge_settings_default;
    settings.lag.ms = 0;
    settings.rho = 0;
    struct judge judge;
    judge_init(&judge, &settings, metrics, (struct wall_time){0});
    judge_step(&judge, 20, (struct wall_time){0});
    return judge;
}

enum judge_counting docket_add(struct judge *judge, double canary, double canary_bad, double stable,
                               double stable_bad)
{
    struct judge_window window;
    const struct wall_time now = {judge->until.ms + judge->settings.window.ms +
                                  judge->settings.lag.ms};
    cr_assert(judge_plan(judge, now, &window));
    const struct judge_counts counts = {canary, canary_bad, stable, stable_bad};
    return judge_count(judge, window, &counts);
}

json_t *docket_row(const struct judge *judge)
{
    json_t *value = judge_to_json(judge);
    cr_assert_not_null(value);
    return value;
}
