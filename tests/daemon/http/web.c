#include "tests/daemon/http/web.h"

#include "config/base/check.h"

#include <microhttpd.h>

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct web {
    struct MHD_Daemon *daemon;
    web_handler *handler;
    void *context;
    atomic_uint count;
};

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static const char *argument_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result reply_with(struct MHD_Connection *connection, struct web_reply *reply)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.length, reply->body.bytes, MHD_RESPMEM_MUST_COPY);
    CHECK(response != NULL);
    if (reply->content_type != NULL)
        (void)MHD_add_response_header(response, "Content-Type", reply->content_type);
    if (reply->header != NULL)
        (void)MHD_add_response_header(response, reply->header, reply->value);
    const enum MHD_Result result =
        MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **slot)
{
    (void)version;
    struct web *web = context;
    struct text *body = *slot;
    if (body == NULL) {
        body = malloc(sizeof(*body));
        CHECK(body != NULL);
        text_init(body, (size_t)16 * 1024 * 1024);
        *slot = body;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        text_add_bytes(body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    const struct web_request request = {
        .number = atomic_load(&web->count),
        .method = method,
        .path = url,
        .cursor = argument_of(connection, "cursor"),
        .limit = argument_of(connection, "limit"),
        .project = argument_of(connection, "project"),
        .authorization = header_of(connection, "Authorization"),
        .request_id = header_of(connection, "X-Request-ID"),
        .content_type = header_of(connection, "Content-Type"),
        .signature = header_of(connection, "X-Celld-Signature"),
        .user_agent = header_of(connection, "User-Agent"),
        .accept_encoding = header_of(connection, "Accept-Encoding"),
        .transfer_encoding = header_of(connection, "Transfer-Encoding"),
        .body = text_get(body),
    };
    struct web_reply reply = {.status = 200, .content_type = "application/json"};
    text_init(&reply.body, (size_t)64 * 1024 * 1024);
    web->handler(web->context, &request, &reply);
    atomic_fetch_add(&web->count, 1);
    const enum MHD_Result result = reply_with(connection, &reply);
    text_fini(&reply.body);
    return result;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    struct text *body = *slot;
    if (body != NULL)
        text_fini(body);
    free(body);
}

static void log_nothing(void *context, const char *format, va_list arguments)
{
    (void)context;
    (void)format;
    (void)arguments;
}

struct web *web_start(const struct web_options *options)
{
    struct web *web = calloc(1, sizeof(*web));
    CHECK(web != NULL);
    web->handler = options->handler;
    web->context = options->context;
    const unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_ERROR_LOG;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    if (options->certificate == NULL)
        web->daemon =
            MHD_start_daemon(flags, 0, NULL, NULL, on_request, web, MHD_OPTION_EXTERNAL_LOGGER,
                             log_nothing, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                             MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    else
        web->daemon = MHD_start_daemon(
            flags | MHD_USE_TLS, 0, NULL, NULL, on_request, web, MHD_OPTION_EXTERNAL_LOGGER,
            log_nothing, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
            MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_HTTPS_MEM_CERT, options->certificate,
            MHD_OPTION_HTTPS_MEM_KEY, options->key, MHD_OPTION_HTTPS_PRIORITIES,
            options->priorities == NULL ? "NORMAL" : options->priorities, MHD_OPTION_END);
    CHECK(web->daemon != NULL);
    return web;
}

void web_stop(struct web *web)
{
    MHD_stop_daemon(web->daemon);
    free(web);
}

unsigned web_port(const struct web *web)
{
    return MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

unsigned web_count(const struct web *web)
{
    return atomic_load(&web->count);
}
