#include "daemon/socket/call.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/text.h"
#include "daemon/socket/httpd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What the kernel says for a user that does not exist in our user namespace. */
#define UID_OVERFLOW 65534u

static char no_memory[] = "{\"kind\":\"unavailable\",\"message\":\"out of memory\"}";

bool call_is_get(const struct call *call)
{
    return strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
}

bool call_is_post(const struct call *call)
{
    return strcmp(call->method, "POST") == 0;
}

int call_query(const struct call *call, const char *name, char *ret_text, size_t size)
{
    const char *raw = MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
    if (raw == NULL)
        return 0;
    return target_decode(raw, ret_text, size) == 0 ? 1 : -EINVAL;
}

const char *call_header(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

struct query_check {
    const char *const *allowed;
    const char *unknown;
};

static enum MHD_Result check_name(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct query_check *check = context;
    (void)kind;
    (void)value;
    for (const char *const *allowed = check->allowed; *allowed != NULL; allowed++) {
        if (strcmp(*allowed, name) == 0)
            return MHD_YES;
    }
    check->unknown = name;
    return MHD_NO;
}

const char *call_unknown_query(const struct call *call, const char *const *allowed)
{
    struct query_check check = {.allowed = allowed};
    (void)MHD_get_connection_values(call->connection, MHD_GET_ARGUMENT_KIND, check_name, &check);
    return check.unknown;
}

void call_operator(const struct call *call, char ret_name[static CALL_OPERATOR_SIZE])
{
    char claimed[64] = "";
    const char *header = call_header(call, "X-Celld-Operator");
    if (header != NULL && strlen(header) < sizeof(claimed)) {
        (void)text_put(claimed, sizeof(claimed), "%s", header);
        for (char *c = claimed; *c != '\0'; c++) {
            if ((unsigned char)*c < 0x21 || (unsigned char)*c > 0x7E || *c == '(')
                *c = '?';
        }
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer;
    socklen_t size = sizeof(peer);
    const bool known = info != NULL &&
                       getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
                       peer.uid != UID_OVERFLOW;
    const char *name = claimed[0] == '\0' ? "unknown" : claimed;
    if (known)
        (void)text_put(ret_name, CALL_OPERATOR_SIZE, "%s (uid %u)", name, peer.uid);
    else
        (void)text_put(ret_name, CALL_OPERATOR_SIZE, "%s", name);
}

struct MHD_Response *call_make_response(char *bytes, size_t length, const char *type)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(bytes);
        return NULL;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    return response;
}

void call_response(struct call *call, int status, struct MHD_Response *response)
{
    CHECK(call->response == NULL && !call->queued);
    if (response == NULL) {
        /* The text is static: MHD needs memory for the response only. When even that is not there,
         * the connection is closed. */
        response = MHD_create_response_from_buffer(sizeof(no_memory) - 1, no_memory,
                                                   MHD_RESPMEM_PERSISTENT);
        status = MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    call->status = status;
    call->response = response;
    httpd_answered(call);
}

void call_text(struct call *call, int status, const char *type, const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    call_response(call, status, copy == NULL ? NULL : call_make_response(copy, length, type));
}

void call_answer(struct call *call, int status, json_t *body)
{
    char *bytes = body == NULL ? NULL : json_escaped(body);
    json_decref(body);
    call_response(call, status,
                  bytes == NULL ? NULL
                                : call_make_response(bytes, strlen(bytes), "application/json"));
}

static const char *kind_of(int status)
{
    switch (status) {
    case MHD_HTTP_BAD_REQUEST:
        return "invalid";
    case MHD_HTTP_FORBIDDEN:
        return "denied";
    case MHD_HTTP_NOT_FOUND:
        return "not-found";
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return "limit";
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return "unavailable";
    case MHD_HTTP_GATEWAY_TIMEOUT:
        return "timeout";
    case MHD_HTTP_METHOD_NOT_ALLOWED:
        return "invalid";
    default:
        return "conflict";
    }
}

void call_message(struct call *call, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char message[768];
    (void)text_vput(message, sizeof(message), format, arguments);
    va_end(arguments);
    call_answer(call, status, json_pack("{s:s, s:s}", "kind", kind_of(status), "message", message));
}
