#include "daemon/celld/gauges.h"

#include "config/base/json.h"
#include "daemon/celld/executor.h"

#include <string.h>

static json_int_t count(const json_t *status, const char *name)
{
    return json_integer_value(json_at(status, "counts", name, NULL));
}

void gauges_status_line(const struct engine *engine, struct text *out)
{
    OWNED_JSON *status = engine_status(engine, executor_now());
    const char *condition = json_text_or(json_at(status, "condition", NULL), "starting");
    const char *commit = json_text_or(json_at(status, "revision", "commit", NULL), "no revision");
    text_format(out,
                "%s: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
                " (cell, target) converged, %" JSON_INTEGER_FORMAT " cells on %zu targets, at %.7s",
                condition, count(status, "converged"), count(status, "nodes"),
                count(status, "cells"), json_array_size(json_at(status, "targets", NULL)), commit);
}

void gauges_holds(const struct engine *engine, struct text *out)
{
    OWNED_JSON *status = engine_status(engine, executor_now());
    size_t index;
    const json_t *hold;
    json_array_foreach(json_at(status, "holds", NULL), index, hold)
    {
        text_format(out, "  %s\n", json_text_or(json_at(hold, "message", NULL), "held"));
        const char *command = json_text_or(json_at(hold, "command", NULL), NULL);
        if (command != NULL)
            text_format(out, "    %s\n", command);
    }
}

/* --- for monitoring --------------------------------------------------------------------------- */

static void set(struct metrics *metrics, enum metrics_type type, const char *name, const char *help,
                int64_t value)
{
    metric_set(metrics_family(metrics, type, name, help, NULL), NULL, value);
}

/* One series a word: of states of which one holds, or of which each has a number. */
static void set_labelled(struct metrics *metrics, const char *name, const char *help,
                         const char *label, const char *word, int64_t value)
{
    const char *const names[] = {label, NULL};
    const char *const labels[] = {word, NULL};
    metric_set(metrics_family(metrics, METRICS_GAUGE, name, help, names), labels, value);
}

static void write_condition(struct metrics *metrics, const json_t *status)
{
    static const char *const words[] = {"starting", "working", "converged", "held"};
    const char *now = json_text_or(json_at(status, "condition", NULL), "starting");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        set_labelled(metrics, "celld_condition", "1 for the condition that holds.", "condition",
                     words[i], strcmp(words[i], now) == 0);
}

static void write_nodes(struct metrics *metrics, const json_t *status)
{
    static const char *const words[] = {"converged", "working", "waiting", "held"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        set_labelled(metrics, "celld_nodes", "Cells on targets, by state.", "state", words[i],
                     count(status, words[i]));
}

static void write_engine(struct metrics *metrics, const json_t *status)
{
    const struct {
        const char *name, *help;
        int64_t value;
    } gauges[] = {
        {"celld_cells", "Cells in the revision.", count(status, "cells")},
        {"celld_objects", "Objects in the inventory.", count(status, "objects")},
        {"celld_objects_drifted", "Objects that somebody else changed.", count(status, "drifted")},
        {"celld_holds", "Waits that only a person or a new revision ends.",
         (int64_t)json_array_size(json_at(status, "holds", NULL))},
        {"celld_control_plane_known", "1 when the live state could be read completely.",
         json_is_true(json_at(status, "control_plane", "known", NULL))},
        {"celld_repository_ok", "1 when the last fetch and reading went well.",
         json_is_true(json_at(status, "repository", "ok", NULL))},
        {"celld_requests_in_flight", "Requests to the control plane that wait for an answer.",
         json_integer_value(json_at(status, "requests", "in_flight", NULL))},
        {"celld_requests_queued", "Requests to the control plane that wait to be sent.",
         json_integer_value(json_at(status, "requests", "queued", NULL))},
    };
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
        set(metrics, METRICS_GAUGE, gauges[i].name, gauges[i].help, gauges[i].value);
    write_condition(metrics, status);
    write_nodes(metrics, status);
    if (status == NULL)
        return;
    set(metrics, METRICS_COUNTER, "celld_reads", "Requests that read the control plane.",
        json_integer_value(json_at(status, "requests", "reads", NULL)));
    set(metrics, METRICS_COUNTER, "celld_writes", "Requests that wrote to the control plane.",
        json_integer_value(json_at(status, "requests", "writes", NULL)));
    set(metrics, METRICS_COUNTER, "celld_decisions",
        "Decisions that changed something for an operator.",
        json_integer_value(json_at(status, "version", NULL)));
}

void gauges_write(struct metrics *metrics, const struct gauges_facts *facts)
{
    const struct journal_counters *journal = &facts->journal;
    OWNED_JSON *status =
        facts->engine == NULL ? NULL : engine_status(facts->engine, executor_now());
    const struct {
        enum metrics_type type;
        const char *name, *help;
        uint64_t value;
    } numbers[] = {
        {METRICS_GAUGE, "celld_writable",
         "1 when the journal takes rows: otherwise celld acts not.", facts->writable},
        {METRICS_COUNTER, "celld_steps", "Steps of the engine.", facts->steps},
        {METRICS_COUNTER, "celld_fetches", "Fetches of the repository that ended.",
         facts->fetches.fetches},
        {METRICS_COUNTER, "celld_fetch_failures", "Fetches of the repository that ended badly.",
         facts->fetches.failures},
        {METRICS_COUNTER, "celld_metrics_questions", "Questions to the judge's sources.",
         facts->questions.asked},
        {METRICS_COUNTER, "celld_metrics_failures",
         "Questions to the judge's sources that could not be answered.", facts->questions.failed},
        {METRICS_GAUGE, "celld_metrics_waiting",
         "Questions to the judge's sources that wait or are under way.",
         facts->questions.waiting + facts->questions.running},
        {METRICS_COUNTER, "celld_notices_sent", "Notices that a sink took.", facts->notices.sent},
        {METRICS_COUNTER, "celld_notices_lost", "Notices that were given up.", facts->notices.lost},
        {METRICS_COUNTER, "celld_journal_rows", "Rows appended to the journal.", journal->appended},
        {METRICS_COUNTER, "celld_journal_commits", "Transactions of the journal.",
         journal->commits},
        {METRICS_COUNTER, "celld_journal_failures", "Writes of the journal that failed.",
         journal->failures},
        {METRICS_GAUGE, "celld_journal_file_bytes", "Size of the journal.", journal->file_bytes},
        {METRICS_GAUGE, "celld_journal_waiting", "Units that are not durable yet.",
         journal->waiting},
        {METRICS_GAUGE, "celld_journal_slowest_commit_microseconds",
         "The slowest transaction of the journal since the start.", journal->slowest_commit_us},
    };
    write_engine(metrics, status);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        set(metrics, numbers[i].type, numbers[i].name, numbers[i].help, (int64_t)numbers[i].value);
}
