#include "daemon/celld/gauges.h"

#include "config/base/json.h"
#include "daemon/celld/executor.h"

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
