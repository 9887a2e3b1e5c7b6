#include "daemon/celld/executor.h"
#include "daemon/celld/gauges.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(gauges, .timeout = 60);

static const char *scrape(struct metrics *metrics)
{
    static char all[65536];
    OWNED_TEXT text;
    text_init(&text, sizeof(all) - 1);
    metrics_write(metrics, &text);
    cr_assert_eq(text_status(&text), 0);
    (void)snprintf(all, sizeof(all), "%s", text_get(&text));
    return all;
}

static void expect_lines(const char *all, const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char line[128];
        (void)snprintf(line, sizeof(line), "\n%s\n", lines[i]);
        cr_expect_not_null(strstr(all, line), "no line \"%s\" in:\n%s", lines[i], all);
    }
}
#define EXPECT_LINES(all, ...)                                                                     \
    expect_lines(all, (const char *const[]){__VA_ARGS__},                                          \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

Test(gauges, say_what_the_facts_are)
{
    struct metrics *metrics = metrics_new(256);
    struct engine *engine = engine_new(&engine_options_default);
    struct gauges_facts facts = {
        .engine = engine,
        .writable = true,
        .steps = 12,
        .journal = {.appended = 5,
                    .commits = 4,
                    .failures = 1,
                    .file_bytes = 4096,
                    .waiting = 2,
                    .slowest_commit_us = 1500},
        .fetches = {.fetches = 7, .failures = 3},
    };
    gauges_write(metrics, &facts);
    EXPECT_LINES(scrape(metrics), "celld_writable 1", "celld_steps_total 12",
                 "celld_fetches_total 7", "celld_fetch_failures_total 3",
                 "celld_journal_rows_total 5", "celld_journal_commits_total 4",
                 "celld_journal_failures_total 1", "celld_journal_file_bytes 4096",
                 "celld_journal_waiting 2", "celld_journal_slowest_commit_microseconds 1500",
                 "celld_condition{condition=\"starting\"} 1",
                 "celld_condition{condition=\"held\"} 0", "celld_nodes{state=\"converged\"} 0",
                 "celld_nodes{state=\"waiting\"} 0", "celld_nodes{state=\"held\"} 0",
                 "celld_cells 0", "celld_objects 0", "celld_objects_drifted 0", "celld_holds 0",
                 "celld_repository_ok 1", "celld_requests_in_flight 0", "celld_reads_total 0",
                 "celld_writes_total 0", "celld_decisions_total 0", "# EOF");
    /* What changes is seen, and nothing comes twice. */
    const struct error err = {.kind = ERROR_UNAVAILABLE, .detail = "no answer"};
    struct engine_event event = {.kind = EVENT_REPOSITORY_FAILED, .now = executor_now()};
    struct effect_list effects;
    event.as.repository_failed.reason = "Unreachable";
    event.as.repository_failed.error = &err;
    effect_list_init(&effects);
    cr_assert_eq(engine_step(engine, &event, &effects), 0);
    effect_list_fini(&effects);
    facts.steps = 13;
    facts.fetches.failures = 4;
    gauges_write(metrics, &facts);
    const char *all = scrape(metrics);
    EXPECT_LINES(all, "celld_repository_ok 0", "celld_steps_total 13",
                 "celld_fetch_failures_total 4");
    cr_expect_null(strstr(all, "celld_decisions_total 0"), "%s", all);
    const char *first = strstr(all, "\ncelld_steps_total");
    cr_assert_not_null(first);
    cr_expect_null(strstr(first + 1, "\ncelld_steps_total"));
    engine_free(engine);
    metrics_free(metrics);
}

Test(gauges, without_an_engine_nothing_is_made_up)
{
    struct metrics *metrics = metrics_new(256);
    const struct gauges_facts facts = {.steps = 3};
    gauges_write(metrics, &facts);
    const char *all = scrape(metrics);
    EXPECT_LINES(all, "celld_writable 0", "celld_steps_total 3",
                 "celld_condition{condition=\"starting\"} 1", "celld_cells 0",
                 "celld_control_plane_known 0");
    cr_expect_null(strstr(all, "celld_reads"), "%s", all);
    metrics_free(metrics);
}
