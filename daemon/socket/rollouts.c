/* What operators see of rollouts, component by component, and what one could prove. */
#include "config/base/time.h"
#include "daemon/socket/server.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

/* `cell` NULL = of all. */
static void answer(struct socket_server *server, struct call *call, const char *cell)
{
    char component[ANSWERS_QUERY_BYTES];
    char target[ANSWERS_QUERY_BYTES];
    char active[ANSWERS_QUERY_BYTES];
    if (!answers_query(call, "component", component) || !answers_query(call, "target", target) ||
        !answers_query(call, "active", active))
        return;
    if (active[0] != '\0' && strcmp(active, "true") != 0) {
        call_message(call, MHD_HTTP_BAD_REQUEST, "the parameter \"active\" is true, or left out");
        return;
    }
    json_t *entries = server->backend.rollouts(server->backend.context, cell, or_null(component),
                                               or_null(target), active[0] != '\0');
    if (json_is_null(entries)) {
        json_decref(entries);
        call_message(call, MHD_HTTP_NOT_FOUND, "there is no cell \"%s\"", cell);
        return;
    }
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
    answer(server, call, NULL);
}

void rollouts_answer_cell(struct socket_server *server, struct call *call)
{
    answer(server, call, call->path.segments[2]);
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
