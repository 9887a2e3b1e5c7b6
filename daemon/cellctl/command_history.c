#include "config/base/json.h"
#include "daemon/cellctl/attempts.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/event_line.h"
#include "daemon/cellctl/grid.h"
#include "daemon/cellctl/hint.h"
#include "daemon/cellctl/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_events(const struct invocation *invocation, const json_t *history)
{
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, history) == 0 ? EXIT_FINE : EXIT_WRONG;
    size_t index;
    const json_t *event;
    json_array_foreach(json_object_get(history, "events"), index, event)
    {
        if (event_line_print(invocation, event) != 0)
            return EXIT_WRONG;
    }
    return EXIT_FINE;
}

static enum output_colour tone_of(const char *result)
{
    if (result == NULL)
        return COLOUR_BUSY;
    if (strcmp(result, "promoted") == 0)
        return COLOUR_GOOD;
    return strcmp(result, "superseded") == 0 ? COLOUR_QUIET : COLOUR_BAD;
}

/* To the second; the zone is always UTC. */
static void add_time(struct grid *grid, const char *time)
{
    if (time == NULL)
        grid_add(grid, COLOUR_QUIET, "before");
    else
        grid_format(grid, COLOUR_QUIET, "%.19sZ", time);
}

static void add_attempt(struct grid *grid, const json_t *attempt)
{
    const char *result = view_text(attempt, "result");
    const char *verdict = view_text(attempt, "verdict");
    const char *revision = view_text(attempt, "revision");
    const char *by = view_text(attempt, "by");
    const char *evidence = view_text(attempt, "evidence");
    char took[OUTPUT_AGE_SIZE] = "";
    if (json_is_integer(json_object_get(attempt, "duration_ms")))
        output_age(view_number(attempt, "duration_ms"), took);
    add_time(grid, view_text(attempt, "started"));
    grid_format(grid, COLOUR_NONE, "%s/%s", json_text_or(json_object_get(attempt, "cell"), "?"),
                json_text_or(json_object_get(attempt, "component"), "?"));
    grid_add(grid, COLOUR_NONE, view_text(attempt, "target"));
    grid_format(grid, COLOUR_NONE, "%lld", view_number(attempt, "attempt"));
    grid_add(grid, COLOUR_NONE, view_text(attempt, "release"));
    grid_add(grid, COLOUR_NONE, view_text(attempt, "strategy"));
    grid_add(grid, tone_of(result), result == NULL ? "under way" : result);
    grid_add(grid, COLOUR_NONE, verdict);
    grid_add(grid, COLOUR_NONE, took[0] == '\0' ? NULL : took);
    if (by != NULL)
        grid_add(grid, COLOUR_NONE, by);
    else
        grid_format(grid, COLOUR_NONE, "git%s%.8s", revision == NULL ? "" : " ",
                    revision == NULL ? "" : revision);
    /* The numbers, where they decided or have not yet; otherwise what did. */
    const bool went_back = result != NULL && strcmp(result, "promoted") != 0;
    const bool decided = view_is(attempt, "verdict", went_back ? "rollback" : "pass");
    grid_add(grid, COLOUR_NONE,
             evidence != NULL && (result == NULL || decided)
                 ? evidence
                 : json_text_or(json_object_get(attempt, "message"), ""));
}

static void print_attempts(const struct invocation *invocation, const json_t *attempts)
{
    static const char *const heads[] = {"STARTED", "COMPONENT", "TARGET", "TRY",
                                        "RELEASE", "STRATEGY",  "RESULT", "VERDICT",
                                        "TOOK",    "BY",        "WHY"};
    size_t index;
    const json_t *attempt;
    OWNED(grid_freep) struct grid *grid = grid_new(sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        grid_add(grid, COLOUR_HEAD, heads[i]);
    json_array_foreach(json_object_get(attempts, "attempts"), index, attempt)
    {
        add_attempt(grid, attempt);
    }
    if (grid_rows(grid) == 1)
        (void)puts("no rollout is kept in the history; all events: cellctl history --events");
    else
        grid_print(grid, stdout, invocation->colour);
}

static int show_attempts(const struct invocation *invocation, const json_t *history)
{
    const char *most = invocation_option(invocation, "limit");
    OWNED_JSON *value = attempts_of(history);
    json_t *attempts = json_object_get(value, "attempts");
    while (most != NULL && json_array_size(attempts) > strtoull(most, NULL, 10))
        (void)json_array_remove(attempts, 0);
    if (json_array_size(json_object_get(history, "events")) == 0 &&
        hint_check_cell(invocation) != EXIT_FINE)
        return EXIT_WRONG;
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    print_attempts(invocation, value);
    return EXIT_FINE;
}

int command_run_history(const struct invocation *invocation)
{
    const bool events = invocation_option(invocation, "events") != NULL;
    const char *most = invocation_option(invocation, "limit");
    struct error error;
    OWNED_JSON *value = NULL;
    OWNED_TEXT path;
    text_init(&path, 4096);
    if (most != NULL && (most[0] == '\0' || most[strspn(most, "0123456789")] != '\0')) {
        (void)fputs("cellctl history: --limit takes a number\n", stderr);
        return EXIT_USAGE;
    }
    text_add(&path, "/v1/history");
    client_add_query(&path, "cell", invocation_argument(invocation, 0));
    client_add_query(&path, "target", invocation_option(invocation, "target"));
    if (events)
        client_add_query(&path, "limit", most);
    if (client_get(invocation, text_get(&path), &value, &error) != 0)
        return hint_fail(invocation, &error);
    return events ? print_events(invocation, value) : show_attempts(invocation, value);
}
