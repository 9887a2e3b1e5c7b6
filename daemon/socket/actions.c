/* What is answered later: plans and commands. */
#include "config/base/json.h"
#include "daemon/socket/server.h"

#include <string.h>

#define REF_BYTES 256

static const char *const verbs[] = {
    "sync", "apply", "approve", "rollback", "suspend", "resume", "quarantine", "rollout", "reload",
};

static bool is_verb(const char *verb)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i], verb) == 0)
            return true;
    }
    return false;
}

/* A git revision as people write it; never anything that a command line or a parser could take for
 * something else. */
static bool is_ref(const char *ref)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._/-";
    return ref[0] != '-' && ref[strspn(ref, allowed)] == '\0' && strstr(ref, "..") == NULL;
}

void answers_plan(struct socket_server *server, struct call *call)
{
    char ref[REF_BYTES];
    const int has_ref = call_query(call, "ref", ref, sizeof(ref));
    if (has_ref < 0 || (has_ref > 0 && (ref[0] == '\0' || !is_ref(ref)))) {
        call_message(call, MHD_HTTP_BAD_REQUEST,
                     "\"ref\" must be a branch, a tag or a commit of the repository");
        return;
    }
    struct error error;
    call->id = ++server->last_id;
    if (server->backend.plan(server->backend.context, call->id, has_ref > 0 ? ref : NULL, &error) !=
        0)
        answers_error(call, &error);
}

void answers_command(struct socket_server *server, struct call *call)
{
    const char *verb = call->path.segments[2];
    if (!is_verb(verb)) {
        call_message(call, MHD_HTTP_NOT_FOUND, "there is no command \"%s\"", verb);
        return;
    }
    struct error error;
    OWNED_JSON *arguments = NULL;
    if (call->body_length == 0)
        arguments = json_object();
    else if (json_read(call->body, call->body_length, "the body", &arguments, &error) != 0) {
        answers_error(call, &error);
        return;
    }
    if (!json_is_object(arguments)) {
        call_message(call, MHD_HTTP_BAD_REQUEST, "the body must be a JSON object");
        return;
    }
    char operator_name[CALL_OPERATOR_SIZE];
    call_operator(call, operator_name);
    call->id = ++server->last_id;
    if (server->backend.command(server->backend.context, call->id, verb, arguments, operator_name,
                                &error) != 0)
        answers_error(call, &error);
}

static struct call *find(const struct server_door *door, uint64_t id)
{
    if (door->httpd == NULL)
        return NULL;
    for (struct call *call = httpd_calls(door->httpd); call != NULL; call = call->next) {
        if (call->id == id && call->response == NULL && !call->queued)
            return call;
    }
    return NULL;
}

void socket_reply(struct socket_server *server, uint64_t id, bool ok, json_t *body)
{
    struct call *call = find(&server->admin, id);
    if (call == NULL)
        call = find(&server->status, id);
    if (call == NULL) {
        json_decref(body);
        return;
    }
    const char *kind = json_text_or(json_object_get(body, "kind"), "conflict");
    call_answer(call, ok ? MHD_HTTP_OK : answers_status_of(kind), body);
}
