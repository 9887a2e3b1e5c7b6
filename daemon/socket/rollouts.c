/* What operators see of rollouts: picked from the status, component by component, and what one
 * could prove. */
#include "config/base/json.h"
#include "config/base/time.h"
#include "daemon/socket/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Which of them are wanted; "" = all. */
struct wanted {
    char component[ANSWERS_QUERY_BYTES], target[ANSWERS_QUERY_BYTES], active[ANSWERS_QUERY_BYTES];
};

static bool fits(const char *wanted, const json_t *object, const char *key)
{
    return wanted[0] == '\0' || strcmp(json_text_or(json_object_get(object, key), ""), wanted) == 0;
}

/* Not at rest: under way, held, or out of action. */
static bool is_active(const json_t *component)
{
    return json_is_true(json_object_get(json_object_get(component, "rollout"), "active")) ||
           json_is_true(json_object_get(component, "quarantined")) ||
           !fits("idle", component, "state");
}

static json_t *entry_of(const json_t *cell, const json_t *node, const json_t *component)
{
    return json_pack("{s:O?, s:O?, s:O?, s:O?, s:{s:O?, s:O?, s:O?}, s:O?}", "cell",
                     json_object_get(cell, "name"), "target", json_object_get(node, "target"),
                     "environment", json_object_get(node, "environment"), "region",
                     json_object_get(node, "region"), "node", "state",
                     json_object_get(node, "state"), "wait", json_object_get(node, "wait"),
                     "message", json_object_get(node, "message"), "component", component);
}

/* By component and then by target: what belongs together stands together. */
static void add_targets(json_t *entries, const json_t *cell, const char *component,
                        const struct wanted *wanted)
{
    size_t at;
    size_t index;
    const json_t *node;
    const json_t *one;
    json_array_foreach(json_object_get(cell, "targets"), at, node)
    {
        if (!fits(wanted->target, node, "target"))
            continue;
        json_array_foreach(json_object_get(node, "components"), index, one)
        {
            if (fits(component, one, "name") && (wanted->active[0] == '\0' || is_active(one)))
                (void)json_array_append_new(entries, entry_of(cell, node, one));
        }
    }
}

static bool is_listed(const json_t *names, const char *name)
{
    size_t index;
    const json_t *one;
    json_array_foreach(names, index, one)
    {
        if (strcmp(json_text_or(one, ""), name) == 0)
            return true;
    }
    return false;
}

static void add_cell(json_t *entries, const json_t *cell, const struct wanted *wanted)
{
    OWNED_JSON *names = json_array();
    size_t at;
    size_t index;
    const json_t *node;
    const json_t *component;
    json_array_foreach(json_object_get(cell, "targets"), at, node)
    {
        json_array_foreach(json_object_get(node, "components"), index, component)
        {
            const char *name = json_text_or(json_object_get(component, "name"), "");
            if (!fits(wanted->component, component, "name") || is_listed(names, name))
                continue;
            (void)json_array_append_new(names, json_string(name));
            add_targets(entries, cell, name, wanted);
        }
    }
}

static bool read_wanted(struct call *call, struct wanted *ret_wanted)
{
    if (!answers_query(call, "component", ret_wanted->component) ||
        !answers_query(call, "target", ret_wanted->target) ||
        !answers_query(call, "active", ret_wanted->active))
        return false;
    if (ret_wanted->active[0] == '\0' || strcmp(ret_wanted->active, "true") == 0)
        return true;
    call_message(call, MHD_HTTP_BAD_REQUEST, "the parameter \"active\" is true, or left out");
    return false;
}

/* Takes `entries`. */
static void answer(struct socket_server *server, struct call *call, json_t *entries)
{
    char now[WALL_TIME_TEXT_SIZE];
    struct timespec clock;
    (void)clock_gettime(CLOCK_REALTIME, &clock);
    wall_time_format(
        (struct wall_time){.ms = (int64_t)clock.tv_sec * 1000 + clock.tv_nsec / 1000000}, now);
    const uint64_t version = server->backend.version(server->backend.context);
    call_answer(call, MHD_HTTP_OK,
                json_pack("{s:s, s:I, s:o}", "time", now, "version", (json_int_t)version,
                          "rollouts", entries));
}

void rollouts_answer_all(struct socket_server *server, struct call *call)
{
    struct wanted wanted;
    if (!read_wanted(call, &wanted))
        return;
    OWNED_JSON *status = server->backend.status(server->backend.context);
    json_t *entries = status == NULL ? NULL : json_array();
    size_t index;
    const json_t *cell;
    json_array_foreach(json_object_get(status, "cells"), index, cell)
    {
        add_cell(entries, cell, &wanted);
    }
    answer(server, call, entries);
}

void rollouts_answer_cell(struct socket_server *server, struct call *call)
{
    struct wanted wanted;
    OWNED_JSON *cell = NULL;
    if (!read_wanted(call, &wanted))
        return;
    const int result = server->backend.cell(server->backend.context, call->path.segments[2], &cell);
    if (result == -ENOENT || json_is_null(cell)) {
        call_message(call, MHD_HTTP_NOT_FOUND, "there is no cell \"%s\"", call->path.segments[2]);
        return;
    }
    json_t *entries = result == 0 ? json_array() : NULL;
    if (entries != NULL)
        add_cell(entries, cell, &wanted);
    answer(server, call, entries);
}

/* "12.5": requests a second; false when it is no such number. */
static bool read_rate(const char *text, double *ret_rate)
{
    char *end = NULL;
    *ret_rate = 0;
    if (text[0] == '\0')
        return true;
    if (strlen(text) > 18 || text[strspn(text, "0123456789.")] != '\0')
        return false;
    *ret_rate = strtod(text, &end);
    return *end == '\0' && *ret_rate > 0;
}

void rollouts_answer_prospect(struct socket_server *server, struct call *call)
{
    char cell[ANSWERS_QUERY_BYTES];
    char component[ANSWERS_QUERY_BYTES];
    char target[ANSWERS_QUERY_BYTES];
    char rate[ANSWERS_QUERY_BYTES];
    double requests_per_second = 0;
    if (!answers_query(call, "cell", cell) || !answers_query(call, "component", component) ||
        !answers_query(call, "target", target) || !answers_query(call, "rps", rate))
        return;
    if (cell[0] == '\0' || component[0] == '\0' || target[0] == '\0') {
        call_message(call, MHD_HTTP_BAD_REQUEST, "cell, component and target are needed");
        return;
    }
    if (!read_rate(rate, &requests_per_second)) {
        call_message(call, MHD_HTTP_BAD_REQUEST,
                     "\"rps\" must be requests a second, as 10 or 0.5, above 0");
        return;
    }
    json_t *prospect = server->backend.rollout(server->backend.context, cell, component, target,
                                               requests_per_second);
    if (prospect == NULL)
        call_message(call, MHD_HTTP_NOT_FOUND,
                     "there is no component \"%s\" of a cell \"%s\" on a target \"%s\"", component,
                     cell, target);
    else
        call_answer(call, MHD_HTTP_OK, prospect);
}
