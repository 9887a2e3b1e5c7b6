#include "daemon/cellctl/overview.h"

#include "config/base/json.h"
#include "daemon/cellctl/grid.h"
#include "daemon/cellctl/view.h"

#include <string.h>

#define TARGETS 64

static enum output_colour tone_of(const char *state)
{
    static const struct {
        const char *state;
        enum output_colour tone;
    } tones[] = {
        {"converged", COLOUR_GOOD},  {"rolling", COLOUR_BUSY},     {"baking", COLOUR_BUSY},
        {"repairing", COLOUR_BUSY},  {"forward", COLOUR_BUSY},     {"working", COLOUR_BUSY},
        {"rolled-back", COLOUR_BAD}, {"held", COLOUR_BAD},         {"broken", COLOUR_BAD},
        {"quarantine", COLOUR_BAD},  {"cancelled", COLOUR_BAD},    {"failed", COLOUR_BAD},
        {"settled", COLOUR_GOOD},    {"progressing", COLOUR_BUSY}, {"idle", COLOUR_GOOD},
    };
    for (size_t i = 0; state != NULL && i < sizeof(tones) / sizeof(tones[0]); i++) {
        if (strcmp(state, tones[i].state) == 0)
            return tones[i].tone;
    }
    return COLOUR_QUIET;
}

/* How many components are through. */
static void count_components(const json_t *node, size_t *ret_done, size_t *ret_all)
{
    size_t index;
    const json_t *component;
    *ret_done = 0;
    *ret_all = json_array_size(json_object_get(node, "components"));
    json_array_foreach(json_object_get(node, "components"), index, component)
    {
        *ret_done += strcmp(json_text_or(json_object_get(component, "state"), ""), "idle") == 0;
    }
}

/* As git wants it, waiting for nothing, and healthy. */
static bool stands_well(const json_t *node)
{
    return view_is(node, "state", "converged") && view_text(node, "wait") == NULL &&
           !json_is_false(json_object_get(node, "healthy"));
}

/* "converged", "rolling 1/2", "waits: gate", "rolled-back". */
static void add_node(struct grid *grid, const json_t *node)
{
    if (node == NULL) {
        grid_add(grid, COLOUR_QUIET, "-");
        return;
    }
    const char *state = json_text_or(json_object_get(node, "state"), "unknown");
    const char *wait = view_text(node, "wait");
    size_t done = 0;
    size_t all = 0;
    count_components(node, &done, &all);
    if (stands_well(node))
        grid_add(grid, COLOUR_GOOD, state);
    else if (strcmp(state, "converged") == 0 && wait == NULL)
        grid_add(grid, COLOUR_BAD, "not healthy");
    else if (wait != NULL && (strcmp(state, "forward") == 0 || strcmp(state, "converged") == 0))
        grid_format(grid, tone_of(wait), "waits: %s", wait);
    else if (strcmp(state, "rolling") == 0 && all > 1)
        grid_format(grid, COLOUR_BUSY, "rolling %zu/%zu", done, all);
    else
        grid_add(grid, tone_of(state), state);
}

static const json_t *node_on(const json_t *cell, const char *target)
{
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(cell, "targets"), index, node)
    {
        if (strcmp(json_text_or(json_object_get(node, "target"), ""), target) == 0)
            return node;
    }
    return NULL;
}

static const char *cell_mark(const json_t *cell)
{
    if (json_is_string(json_object_get(cell, "broken")))
        return " (broken)";
    if (json_is_true(json_object_get(cell, "suspended")))
        return " (suspended)";
    return json_is_true(json_object_get(cell, "removed")) ? " (removed)" : "";
}

static void print_matrix(FILE *file, const json_t *status, bool colour)
{
    const json_t *targets = json_object_get(status, "targets");
    const size_t target_count =
        json_array_size(targets) < TARGETS ? json_array_size(targets) : TARGETS;
    OWNED(grid_freep) struct grid *grid = grid_new(2 + target_count);
    grid_add(grid, COLOUR_HEAD, "PHASE");
    grid_add(grid, COLOUR_HEAD, "CELL");
    for (size_t i = 0; i < target_count; i++)
        grid_add(grid, COLOUR_HEAD, view_text(json_array_get(targets, i), "name"));
    size_t index;
    const json_t *cell;
    json_array_foreach(json_object_get(status, "cells"), index, cell)
    {
        const char *mark = cell_mark(cell);
        grid_add(grid, COLOUR_QUIET, view_text(cell, "phase"));
        grid_format(grid, mark[0] == '\0' ? COLOUR_NONE : COLOUR_BAD, "%s%s",
                    json_text_or(json_object_get(cell, "name"), "?"), mark);
        for (size_t i = 0; i < target_count; i++)
            add_node(grid,
                     node_on(cell, json_text_or(json_object_get(json_array_get(targets, i), "name"),
                                                "")));
    }
    grid_print(grid, file, colour);
}

static void print_line(FILE *file, const char *before, const char *text)
{
    if (text == NULL)
        return;
    (void)fputs(before, file);
    output_text(file, text);
    (void)fputc('\n', file);
}

static void print_head(FILE *file, const json_t *status, bool colour)
{
    const json_t *revision = json_object_get(status, "revision");
    const json_t *platform = json_object_get(status, "platform");
    const char *condition = json_text_or(json_object_get(status, "condition"), "unknown");
    char age[OUTPUT_AGE_SIZE];
    output_text(file, json_text_or(json_object_get(platform, "name"), "celld"));
    (void)fprintf(file, "  %s", output_colour_begin(colour, tone_of(condition)));
    output_text(file, condition);
    (void)fputs(output_colour_end(colour, tone_of(condition)), file);
    if (json_is_true(json_object_get(status, "suspended")))
        (void)fputs("  suspended", file);
    const char *commit = view_text(revision, "commit");
    if (commit != NULL) {
        (void)fprintf(file, "  revision %.12s ", commit);
        output_text(file, json_text_or(json_object_get(revision, "subject"), ""));
        output_age_at(json_object_get(revision, "since"), json_object_get(status, "time"), age);
        if (age[0] != '\0')
            (void)fprintf(file, " (%s)", age);
    }
    (void)fputc('\n', file);
    print_line(file, "", view_text(status, "message"));
    print_line(file, "platform: ", view_text(platform, "broken"));
    print_line(file, "platform: ", view_text(platform, "message"));
    print_line(file, "repository: ", view_text(json_object_get(status, "repository"), "message"));
    print_line(file,
               "control plane: ", view_text(json_object_get(status, "control_plane"), "message"));
}

/* "cart on production …", "gate tests of cart …", "cells/cart/cell.yaml:7:3: …". A component that
 * is called after its cell does not name it. */
static bool names_cell(const char *message, const char *cell)
{
    char on[128];
    char of[128];
    const char *place = strstr(message, ".yaml:");
    (void)snprintf(on, sizeof(on), "%.100s on ", cell);
    (void)snprintf(of, sizeof(of), " of %.100s ", cell);
    return strncmp(message, on, strlen(on)) == 0 || strstr(message, of) != NULL ||
           (place != NULL && (size_t)(place - message) < strcspn(message, " "));
}

/* "cart on production: message", without what the message says itself. */
static void print_about(FILE *file, const char *before, const char *cell, const char *target,
                        const char *message)
{
    (void)fputs(before, file);
    if (message == NULL || cell == NULL || !names_cell(message, cell)) {
        output_text(file, cell == NULL ? "" : cell);
        (void)fputs(cell != NULL && target != NULL ? " on " : "", file);
        output_text(file, target == NULL ? "" : target);
        (void)fputs(cell != NULL || target != NULL ? ": " : "", file);
    }
    output_text(file, message == NULL ? "" : message);
    (void)fputc('\n', file);
}

/* Waiting for somebody else, whose own line says why. */
static bool is_derived(const char *wait)
{
    static const char *const waits[] = {"promotion", "region", "phase", "dependency"};
    for (size_t i = 0; wait != NULL && i < sizeof(waits) / sizeof(waits[0]); i++) {
        if (strcmp(wait, waits[i]) == 0)
            return true;
    }
    return false;
}

static const char *take(const char **text)
{
    const char *taken = *text;
    *text = "";
    return taken;
}

/* Of each cell that is not through, the first target and those with a reason of their own. */
static void print_reasons_of(FILE *file, const json_t *cell, const char **before)
{
    size_t index;
    const json_t *node;
    bool first = true;
    if (json_is_string(json_object_get(cell, "broken")))
        print_about(file, take(before), view_text(cell, "name"), NULL, view_text(cell, "broken"));
    json_array_foreach(json_object_get(cell, "targets"), index, node)
    {
        const char *wait = view_text(node, "wait");
        if (stands_well(node))
            continue;
        if (first || !is_derived(wait))
            print_about(file, take(before), view_text(cell, "name"), view_text(node, "target"),
                        view_text(node, "message"));
        first = false;
    }
}

static void print_reasons(FILE *file, const json_t *status)
{
    size_t index;
    const json_t *cell;
    const char *before = "\n"; /* of the first line only */
    json_array_foreach(json_object_get(status, "cells"), index, cell)
    {
        print_reasons_of(file, cell, &before);
    }
}

static void print_holds(FILE *file, const json_t *status, bool colour)
{
    const json_t *holds = json_object_get(status, "holds");
    size_t index;
    const json_t *hold;
    if (json_array_size(holds) == 0)
        return;
    (void)fprintf(file, "\n%sNEEDS A PERSON%s\n", output_colour_begin(colour, COLOUR_HEAD),
                  output_colour_end(colour, COLOUR_HEAD));
    json_array_foreach(holds, index, hold)
    {
        print_about(file, "  ", view_text(hold, "cell"), view_text(hold, "target"),
                    view_text(hold, "message"));
        print_line(file, "    ", view_text(hold, "command"));
    }
}

void overview_print(FILE *file, const json_t *status, bool colour)
{
    print_head(file, status, colour);
    if (json_array_size(json_object_get(status, "cells")) > 0) {
        (void)fputc('\n', file);
        print_matrix(file, status, colour);
    }
    print_reasons(file, status);
    print_holds(file, status, colour);
}

/* Of what waits for another target only that: why it is not there yet is told there. */
static void print_target_reason(FILE *file, const json_t *cell, const json_t *node)
{
    const char *message = json_text_or(json_object_get(node, "message"), "");
    char text[512];
    (void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(message, ":"), message);
    print_about(file, "", view_text(cell, "name"), view_text(node, "target"),
                is_derived(view_text(node, "wait")) ? text : message);
}

static void add_component(struct grid *grid, const json_t *node, const json_t *component)
{
    const json_t *replicas = json_object_get(component, "replicas");
    const char *health = json_text_or(json_object_get(component, "health"), "unknown");
    const json_t *next = json_object_get(component, "next");
    grid_add(grid, COLOUR_QUIET, view_text(node, "target"));
    grid_add(grid, COLOUR_NONE, view_text(component, "name"));
    grid_add(grid, tone_of(view_text(component, "state")), view_text(component, "state"));
    /* Who rests is not looked at all the time. */
    grid_add(grid, tone_of(health),
             view_is(component, "state", "idle") && strcmp(health, "unknown") == 0 ? NULL : health);
    if (json_is_object(replicas))
        grid_format(grid, COLOUR_NONE, "%lld/%lld",
                    (long long)json_integer_value(json_object_get(replicas, "ready")),
                    (long long)json_integer_value(json_object_get(replicas, "wanted")));
    else
        grid_add(grid, COLOUR_QUIET, "-");
    grid_add(grid, COLOUR_NONE, view_text(json_object_get(component, "stable"), "release"));
    grid_add(grid, COLOUR_BUSY, view_text(next, "release"));
    /* One that rests has nothing to say that the columns do not, and what its cell says of the
     * target stands below. */
    const char *message = json_text_or(json_object_get(component, "message"), "");
    const bool rests = view_is(component, "state", "idle");
    const bool told = strstr(json_text_or(json_object_get(node, "message"), ""), message) != NULL;
    grid_add(grid, COLOUR_NONE, rests || told ? "" : message);
}

void overview_print_cell(FILE *file, const json_t *cell, bool colour)
{
    static const char *const heads[] = {"TARGET",   "COMPONENT", "STATE", "HEALTH",
                                        "REPLICAS", "RELEASE",   "NEXT",  ""};
    output_text(file, json_text_or(json_object_get(cell, "name"), "?"));
    (void)fputs(cell_mark(cell), file);
    (void)fputs("  ", file);
    output_text(file, json_text_or(json_object_get(cell, "path"), ""));
    (void)fputc('\n', file);
    print_line(file, "", view_text(cell, "description"));
    print_line(file, "broken: ", view_text(cell, "broken"));
    (void)fputc('\n', file);
    OWNED(grid_freep) struct grid *grid = grid_new(sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        grid_add(grid, COLOUR_HEAD, heads[i]);
    size_t node_index;
    size_t index;
    const json_t *node;
    const json_t *component;
    json_array_foreach(json_object_get(cell, "targets"), node_index, node)
    {
        json_array_foreach(json_object_get(node, "components"), index, component)
        {
            add_component(grid, node, component);
        }
    }
    grid_print(grid, file, colour);
    (void)fputc('\n', file);
    json_array_foreach(json_object_get(cell, "targets"), node_index, node)
    {
        print_target_reason(file, cell, node);
    }
}
