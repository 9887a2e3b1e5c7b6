#include "reconciler/engine/status.h"

#include "config/base/check.h"
#include "reconciler/engine/bootstrap.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/status_hold.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"

#include <stdio.h>
#include <string.h>

/* --- names --------------------------------------------------------------------------------------
 */

const char *status_node_state_name(enum node_state state)
{
    static const char *const names[NODE_STATE_COUNT] = {
        [NODE_CONVERGED] = "converged", [NODE_FORWARD] = "forward",
        [NODE_ROLLING] = "rolling",     [NODE_BAKING] = "baking",
        [NODE_REPAIRING] = "repairing", [NODE_ROLLED_BACK] = "rolled-back",
        [NODE_UNKNOWN] = "unknown",
    };
    return names[state];
}

const char *status_condition_name(enum engine_condition condition)
{
    switch (condition) {
    case CONDITION_STARTING:
        return "starting";
    case CONDITION_WORKING:
        return "working";
    case CONDITION_CONVERGED:
        return "converged";
    case CONDITION_HELD:
        return "held";
    }
    CHECK_UNREACHABLE();
}

const char *status_level_name(enum publish_level level)
{
    switch (level) {
    case PUBLISH_INFO:
        return "info";
    case PUBLISH_NOTICE:
        return "notice";
    case PUBLISH_WARNING:
        return "warning";
    case PUBLISH_ERROR:
        return "error";
    }
    CHECK_UNREACHABLE();
}

json_t *status_time(int64_t wall_ms)
{
    if (wall_ms == 0)
        return json_null();
    char text[WALL_TIME_TEXT_SIZE];
    wall_time_format((struct wall_time){wall_ms}, text);
    return json_string(text);
}

json_t *status_text(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : json_string(text);
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static json_t *revision_json(const struct engine *engine)
{
    return json_pack("{s:o, s:o, s:o, s:b, s:o}", "commit", status_text(engine->commit), "subject",
                     status_text(engine->subject), "since", status_time(engine->revision_ms),
                     "rewritten", (int)engine->rewritten, "converged",
                     status_time(engine->converged_ms));
}

static json_t *platform_json(const struct engine *engine)
{
    OWNED_TEXT message;
    text_init(&message, 1024);
    const bool waits = engine->platform != NULL && engine->looks > 0 &&
                       bootstrap_explain_platform(engine, &message);
    const struct platform *platform = engine->platform;
    return json_pack("{s:o, s:o, s:b, s:o, s:o}", "name",
                     status_text(platform == NULL ? NULL : platform->name.text), "namespace",
                     status_text(platform == NULL ? NULL : platform->namespace_name.text), "ready",
                     (int)engine->base->ready, "broken",
                     status_text(engine->platform_broken ? engine->platform_reason : NULL),
                     "message", status_text(waits ? text_get(&message) : NULL));
}

static json_t *targets_json(const struct engine *engine)
{
    json_t *targets = json_array();
    for (size_t i = 0; engine->platform != NULL && i < engine->platform->target_count; i++) {
        const struct target *target = &engine->platform->targets[i];
        json_array_append_new(targets, json_pack("{s:s, s:s, s:s, s:b}", "name", target->name,
                                                 "environment", target->environment->name.text,
                                                 "region", target->region->name.text, "production",
                                                 (int)target->environment->production.value));
    }
    return targets;
}

static json_t *phases_json(const struct engine *engine)
{
    json_t *phases = json_array();
    for (size_t i = 0; engine->platform != NULL && i < engine->platform->phase_count; i++) {
        const struct phase *phase = &engine->platform->phases[i];
        json_t *cells = json_array();
        for (size_t k = 0; k < phase->cells.count; k++)
            json_array_append_new(cells, json_string(phase->cells.items[k].text));
        json_array_append_new(phases,
                              json_pack("{s:s, s:o}", "name", phase->name.text, "cells", cells));
    }
    return phases;
}

static json_t *counts_json(const struct engine *engine)
{
    int converged = 0, working = 0, waiting = 0, held = 0, drifted = 0, objects = 0, cells = 0;
    for (size_t i = 0; i < engine->node_count; i++) {
        const struct node *node = engine->nodes[i];
        const bool stands = engine->facts[i].state == NODE_CONVERGED;
        if (stands && node->health == HEALTH_WELL)
            converged++;
        else if (stands)
            ++*(node->health == HEALTH_SICK ? &held : &working);
        else if (status_node_works(engine, node))
            working++;
        else if (status_node_moves(engine, node))
            waiting++;
        else
            held++;
    }
    for (size_t i = 0; i < engine->object_count; i++) {
        objects += engine->object_list[i]->inventory;
        drifted += engine->object_list[i]->drifted;
    }
    for (size_t i = 0; i < engine->unit_count; i++)
        cells += !engine->units[i]->removed;
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "cells", cells, "nodes",
                     (int)engine->node_count, "converged", converged, "working", working, "waiting",
                     waiting, "held", held, "objects", objects, "drifted", drifted);
}

static json_t *cells_json(const struct engine *engine, struct instant now)
{
    json_t *cells = json_array();
    int last = -1;
    for (size_t i = 0; i < engine->unit_count; i++) {
        if (engine->units[i]->phase > last)
            last = engine->units[i]->phase;
    }
    for (int phase = -1; phase <= last; phase++) {
        for (size_t i = 0; i < engine->unit_count; i++) {
            const struct unit *unit = engine->units[i];
            const bool shown = !unit->removed || unit->recorded;
            if (unit->phase == phase && shown)
                json_array_append_new(cells, status_cell(engine, unit, now, false));
        }
    }
    return cells;
}

json_t *engine_status(const struct engine *engine, struct instant now)
{
    json_t *control =
        json_pack("{s:b, s:o, s:o}", "known", (int)engine->known, "looked",
                  status_time(engine->looked.ms), "message", status_text(engine->look_message));
    json_t *repository = json_pack("{s:b, s:o, s:o, s:o}", "ok", (int)engine->repository_ok,
                                   "reason", status_text(engine->repository_reason), "message",
                                   status_text(engine->repository_message), "since",
                                   status_time(engine->repository_since.ms));
    json_t *requests = json_pack("{s:I, s:I, s:I, s:I}", "in_flight", (json_int_t)engine->in_flight,
                                 "queued", (json_int_t)engine->queued, "reads",
                                 (json_int_t)engine->reads, "writes", (json_int_t)engine->writes);
    return json_pack(
        "{s:s, s:s, s:n, s:o, s:I, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
        "instance", engine->instance, "condition", status_condition_name(engine_condition(engine)),
        "message", "time", status_time(now.wall.ms), "version", (json_int_t)engine->version,
        "revision", revision_json(engine), "repository", repository, "platform",
        platform_json(engine), "control_plane", control, "suspended", (int)engine->all_suspended,
        "targets", targets_json(engine), "phases", phases_json(engine), "counts",
        counts_json(engine), "requests", requests, "holds", status_holds(engine), "cells",
        cells_json(engine, now));
}
