#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/grid.h"
#include "daemon/cellctl/hint.h"
#include "daemon/cellctl/rollout_view.h"
#include "daemon/cellctl/screen.h"

#include <string.h>

static void print_releases(const struct view *view, const json_t *plan)
{
    const char *from = view_text(json_object_get(plan, "from"), "release");
    const char *to = view_text(json_object_get(plan, "to"), "release");
    view_label(view, "release");
    output_text(view->file, from == NULL ? "(nothing)" : from);
    (void)fputs(view->unicode ? " → " : " -> ", view->file);
    output_text(view->file, to == NULL ? "(nothing)" : to);
    (void)fputs(from != NULL && to != NULL && strcmp(from, to) == 0 ? ": git wants what stands\n"
                                                                    : "\n",
                view->file);
}

static void print_traffic(const struct view *view, const json_t *plan)
{
    const json_t *rate = json_object_get(plan, "requests_per_second");
    const char *measured = view_text(plan, "measured");
    view_label(view, "traffic");
    if (!json_is_number(rate)) {
        (void)fputs("not known; say --rps N\n", view->file);
        return;
    }
    (void)fprintf(view->file, "%.3g requests/s%s", json_number_value(rate),
                  measured == NULL ? ", as given" : ", measured at ");
    output_text(view->file, measured == NULL ? "" : measured);
    (void)fputc('\n', view->file);
}

static void print_rules(const struct view *view, const json_t *plan)
{
    char bake[OUTPUT_AGE_SIZE];
    char deadline[OUTPUT_AGE_SIZE];
    const char *insufficient = json_text_or(json_object_get(plan, "insufficient"), "hold");
    output_span(view_number(plan, "bake_ms"), bake);
    output_span(view_number(plan, "progress_deadline_ms"), deadline);
    view_label(view, "then");
    (void)fprintf(view->file, "bake for %s; not ready within %s is a failure\n", bake, deadline);
    if (json_is_true(json_object_get(plan, "analysis"))) {
        view_label(view, "unproven");
        (void)fprintf(view->file, "when the time of a step is over and nothing is proven: ");
        output_text(view->file, insufficient);
        (void)fputc('\n', view->file);
    }
    if (json_is_true(json_object_get(plan, "rollback_forbidden")))
        view_line(view, "note", COLOUR_BAD,
                  "it is never rolled back by itself: it is held instead");
    view_line(view, "note", COLOUR_BUSY, view_text(plan, "message"));
}

/* `known`: the traffic is. */
static void add_row(struct grid *grid, const json_t *row, bool known)
{
    const json_t *needed = json_object_get(row, "ms");
    const bool within = json_is_true(json_object_get(row, "within"));
    char age[OUTPUT_AGE_SIZE] = "never";
    if (json_is_integer(needed))
        output_span(json_integer_value(needed), age);
    grid_format(grid, COLOUR_NONE, "%.3g %% bad",
                100 * json_number_value(json_object_get(row, "bad")));
    grid_format(grid, COLOUR_NONE, "%.0f", json_number_value(json_object_get(row, "requests")));
    grid_add(grid, within ? COLOUR_GOOD : COLOUR_BUSY, known ? age : NULL);
    grid_add(grid, within ? COLOUR_GOOD : COLOUR_QUIET, !known ? NULL : within ? "yes" : "no");
}

/* Evidence adds up over the steps: what all of them together can rule out. A bake without steps
 * stands alone, and its rows say it. */
static void print_total(const struct view *view, const json_t *plan)
{
    const double rate = json_number_value(json_object_get(plan, "requests_per_second"));
    const json_t *rows = NULL;
    const json_t *best = NULL;
    double requests = 0;
    size_t index;
    const json_t *one;
    json_array_foreach(json_object_get(plan, "prospects"), index, one)
    {
        rows = json_object_get(one, "rows");
        if (view_number(one, "weight") < 100)
            requests += rate * (double)view_number(one, "weight") / 100 *
                        (double)view_number(one, "soak_ms") / 1000;
    }
    if (rate <= 0 || rows == NULL || json_array_size(json_object_get(plan, "steps")) == 0)
        return;
    json_array_foreach(rows, index, one)
    {
        const double needed = json_number_value(json_object_get(one, "requests"));
        if (needed <= requests &&
            (best == NULL || needed > json_number_value(json_object_get(best, "requests"))))
            best = one;
    }
    (void)fprintf(view->file, "\nAll steps give the new release about %.0f requests: ", requests);
    if (best == NULL)
        (void)fputs("nothing can be ruled out.\n", view->file);
    else
        (void)fprintf(view->file, "%.3g %% bad can be ruled out.\n",
                      100 * json_number_value(json_object_get(best, "bad")));
}

/* What each judged step can rule out by its own traffic. */
static void print_prospects(const struct view *view, const json_t *plan)
{
    static const char *const heads[] = {"AT", "SOAK", "RULES OUT", "REQUESTS", "IN", "FITS"};
    size_t step_index;
    size_t index;
    const json_t *step;
    const json_t *row;
    const bool known = json_is_number(json_object_get(plan, "requests_per_second"));
    OWNED(grid_freep) struct grid *grid = grid_new(sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        grid_add(grid, COLOUR_HEAD, heads[i]);
    json_array_foreach(json_object_get(plan, "prospects"), step_index, step)
    {
        char soak[OUTPUT_AGE_SIZE];
        char weight[24];
        output_span(view_number(step, "soak_ms"), soak);
        (void)snprintf(weight, sizeof(weight), "%lld %%", view_number(step, "weight"));
        if (view_number(step, "weight") == 100)
            (void)snprintf(weight, sizeof(weight), "bake");
        json_array_foreach(json_object_get(step, "rows"), index, row)
        {
            grid_add(grid, COLOUR_NONE, index > 0 ? "" : weight);
            grid_add(grid, COLOUR_NONE, index > 0 ? "" : soak);
            add_row(grid, row, known);
        }
    }
    if (grid_rows(grid) == 1)
        return;
    (void)fputc('\n', view->file);
    grid_print(grid, view->file, view->colour);
    print_total(view, plan);
}

static void print(const struct view *view, const json_t *plan)
{
    const char *sentence = view_text(plan, "sentence");
    output_text(view->file, json_text_or(json_object_get(plan, "cell"), "?"));
    (void)fputc('/', view->file);
    output_text(view->file, json_text_or(json_object_get(plan, "component"), "?"));
    (void)fputs(" on ", view->file);
    output_text(view->file, json_text_or(json_object_get(plan, "target"), "?"));
    (void)fputs(": ", view->file);
    output_text(view->file, json_text_or(json_object_get(plan, "strategy"), "?"));
    (void)fputc('\n', view->file);
    print_releases(view, plan);
    if (json_array_size(json_object_get(plan, "steps")) > 0) {
        view_label(view, "steps");
        rollout_view_steps(view, json_object_get(plan, "steps"), -1);
    }
    print_rules(view, plan);
    if (json_is_true(json_object_get(plan, "analysis"))) {
        print_traffic(view, plan);
        print_prospects(view, plan);
    } else {
        view_line(view, "judge", COLOUR_QUIET, "there is no analysis: only readiness is watched");
    }
    if (sentence != NULL) {
        (void)fputc('\n', view->file);
        output_text(view->file, sentence);
        (void)fputc('\n', view->file);
    }
}

int command_run_rollout_plan(const struct invocation *invocation)
{
    struct error error;
    OWNED_JSON *plan = NULL;
    OWNED_TEXT path;
    text_init(&path, 4096);
    text_add(&path, "/v1/rollout");
    client_add_query(&path, "cell", invocation->arguments[0]);
    client_add_query(&path, "component", invocation->arguments[1]);
    client_add_query(&path, "target", invocation->arguments[2]);
    client_add_query(&path, "rps", invocation_option(invocation, "rps"));
    if (client_get(invocation, text_get(&path), &plan, &error) != 0)
        return hint_fail(invocation, &error);
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, plan) == 0 ? EXIT_FINE : EXIT_WRONG;
    const struct view view = {
        .file = stdout, .colour = invocation->colour, .unicode = screen_is_unicode(), .indent = ""};
    print(&view, plan);
    return EXIT_FINE;
}
