/* Which path is answered by what. The table is the whole surface; daemon/api/openapi.yaml describes
 * it. */
#include "daemon/socket/server.h"

#include <string.h>

#define QUERY_MOST 4

struct route {
    const char *segments[TARGET_SEGMENTS]; /* "*" = any one */
    bool acts;                             /* POST, on the admin socket only */
    bool scraped;                          /* on the port for monitoring too */
    bool knows;                            /* there is no answer while nothing is known */
    const char *query[QUERY_MOST + 1];
    void (*answer)(struct socket_server *server, struct call *call);
};

static const struct route routes[] = {
    {{"healthz"}, .scraped = true, .answer = answers_health},
    {{"readyz"}, .scraped = true, .answer = answers_ready},
    {{"metrics"}, .scraped = true, .answer = answers_metrics},
    {{"v1", "healthz"}, .answer = answers_health},
    {{"v1", "readyz"}, .answer = answers_ready},
    {{"v1", "metrics"}, .answer = answers_metrics},
    {{"v1", "version"}, .answer = answers_version},
    {{"v1", "status"}, .answer = answers_status},
    {{"v1", "cells", "*"}, .knows = true, .answer = answers_cell},
    {{"v1", "cells", "*", "why"}, .knows = true, .query = {"target"}, .answer = answers_why},
    {{"v1", "cells", "*", "rollouts"},
     .knows = true,
     .query = {"component", "target", "active"},
     .answer = rollouts_answer_cell},
    {{"v1", "rollouts"},
     .knows = true,
     .query = {"component", "target", "active"},
     .answer = rollouts_answer_all},
    {{"v1", "rollout"},
     .knows = true,
     .query = {"cell", "component", "target", "rps"},
     .answer = rollouts_answer_prospect},
    {{"v1", "plan"}, .query = {"ref"}, .answer = answers_plan},
    {{"v1", "diff"}, .knows = true, .query = {"cell"}, .answer = answers_diff},
    {{"v1", "render"}, .knows = true, .query = {"cell", "target"}, .answer = answers_render},
    {{"v1", "gates"}, .knows = true, .answer = answers_gates},
    {{"v1", "quarantine"}, .knows = true, .answer = answers_quarantine},
    {{"v1", "events"}, .query = {"after", "last", "limit"}, .answer = answers_events},
    {{"v1", "history"}, .query = {"cell", "target", "limit", "before"}, .answer = answers_history},
    {{"v1", "commands", "*"}, .acts = true, .answer = answers_command},
};

static bool matches(const struct route *route, const struct target_path *path)
{
    for (size_t i = 0; i < TARGET_SEGMENTS; i++) {
        const char *wanted = route->segments[i];
        if (wanted == NULL || i == path->count)
            return wanted == NULL && i == path->count;
        if (strcmp(wanted, "*") != 0 && strcmp(wanted, path->segments[i]) != 0)
            return false;
    }
    return path->count == TARGET_SEGMENTS;
}

static void refuse_method(struct call *call, const struct route *route)
{
    call_message(call, MHD_HTTP_METHOD_NOT_ALLOWED, "%s is not for this path; it takes %s",
                 call->method, route->acts ? "POST" : "GET");
}

static void answer(const struct server_door *door, struct call *call, const struct route *route)
{
    const struct socket_backend *backend = &door->server->backend;
    const char *absent = route->knows ? backend->absent(backend->context) : NULL;
    const char *unknown = call_unknown_query(call, route->query);
    if (route->acts ? !call_is_post(call) : !call_is_get(call))
        refuse_method(call, route);
    else if (route->acts && !door->acts)
        call_message(call, MHD_HTTP_FORBIDDEN,
                     "this socket is for reading; acting is for the admin socket");
    else if (!route->acts && call->body_length > 0)
        call_message(call, MHD_HTTP_BAD_REQUEST, "a GET has no body");
    else if (unknown != NULL)
        call_message(call, MHD_HTTP_BAD_REQUEST, "unknown parameter \"%s\"", unknown);
    else if (absent != NULL)
        call_message(call, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", absent);
    else
        route->answer(door->server, call);
}

void routes_handle(void *context, struct call *call)
{
    const struct server_door *door = context;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (matches(&routes[i], &call->path) && (routes[i].scraped || !door->scrapes)) {
            answer(door, call, &routes[i]);
            return;
        }
    }
    call_message(call, MHD_HTTP_NOT_FOUND, "there is nothing at this path; see %s",
                 door->scrapes ? "/metrics" : "/v1/status");
}
