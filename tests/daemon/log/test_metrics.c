#include "config/base/owned.h"
#include "daemon/metrics/metrics.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static void set_gauge(void *context)
{
    metric_set(context, NULL, 3);
}

Test(metrics, are_written_as_openmetrics)
{
    static const char *const names[] = {"cell", "target", NULL};
    struct metrics *metrics = metrics_new(10);
    struct metric *writes =
        metrics_family(metrics, METRICS_COUNTER, "celld_writes", "Writes \\ sent", names);
    struct metric *held = metrics_family(metrics, METRICS_GAUGE, "celld_held", "Held", NULL);
    struct metric *took =
        metrics_family(metrics, METRICS_HISTOGRAM, "celld_commit_seconds", "Commits", NULL);
    cr_assert_eq(metrics_family(metrics, METRICS_COUNTER, "celld_writes", "Writes", names), writes);
    metrics_on_collect(metrics, set_gauge, held);
    metric_add(writes, (const char *const[]){"cart", "testing", NULL}, 2);
    metric_add(writes, (const char *const[]){"a\"b\\c\nd", "testing", NULL}, 1);
    metric_add(writes, (const char *const[]){"cart", "testing", NULL}, 1);
    metric_observe_ms(took, NULL, 4);
    metric_observe_ms(took, NULL, 70);
    metric_observe_ms(took, NULL, 100000);
    OWNED(text_fini) struct text out;
    text_init(&out, 65536);
    metrics_write(metrics, &out);
    const char *text = text_get(&out);
    static const char *const parts[] = {
        "# TYPE celld_writes counter\n# HELP celld_writes Writes \\\\ sent\n",
        "celld_writes_total{cell=\"cart\",target=\"testing\"} 3\n",
        "celld_writes_total{cell=\"a\\\"b\\\\c\\nd\",target=\"testing\"} 1\n",
        "# TYPE celld_held gauge\n",
        "celld_held 3\n",
        "celld_commit_seconds_bucket{le=\"0.005\"} 1\n",
        "celld_commit_seconds_bucket{le=\"0.050\"} 1\n",
        "celld_commit_seconds_bucket{le=\"0.100\"} 2\n",
        "celld_commit_seconds_bucket{le=\"60.000\"} 2\n",
        "celld_commit_seconds_bucket{le=\"+Inf\"} 3\n",
        "celld_commit_seconds_sum 100.074\n",
        "celld_commit_seconds_count 3\n",
        "celld_metrics_dropped_total 0\n",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        cr_expect_not_null(strstr(text, parts[i]), "%s is not in\n%s", parts[i], text);
    cr_assert_str_eq(text + strlen(text) - 6, "# EOF\n");
    metrics_free(metrics);
}

Test(metrics, are_bounded)
{
    static const char *const names[] = {"cell", NULL};
    struct metrics *metrics = metrics_new(5);
    struct metric *family = metrics_family(metrics, METRICS_COUNTER, "celld_x", "X", names);
    for (int i = 0; i < 100; i++) {
        char cell[16];
        (void)snprintf(cell, sizeof(cell), "cell-%d", i);
        metric_add(family, (const char *const[]){cell, NULL}, 1);
    }
    OWNED(text_fini) struct text out;
    text_init(&out, 65536);
    metrics_write(metrics, &out);
    cr_assert_not_null(strstr(text_get(&out), "celld_metrics_dropped_total 95\n"));
    cr_assert_null(strstr(text_get(&out), "cell-5"));
    metrics_free(metrics);
}

Test(metrics, nothing_at_all_is_accepted)
{
    struct metric *family = metrics_family(NULL, METRICS_GAUGE, "celld_x", "X", NULL);
    cr_assert_null(family);
    metric_add(family, NULL, 1);
    metric_set(family, NULL, 1);
    metric_observe_ms(family, NULL, 1);
    cr_assert_null(metrics_free(NULL));
}
