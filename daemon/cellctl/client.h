/* Requests to celld over its Unix sockets, by libcurl. Blocks. */
#pragma once

#include "config/base/error.h"
#include "config/base/text.h"
#include "daemon/cellctl/command.h"

#include <curl/curl.h>
#include <jansson.h>

#include <stdbool.h>

/* Adds "/segment", escaped, to a path. */
void client_add_segment(struct text *path, const char *segment);

/* Adds "?name=value" or "&name=value", escaped; nothing when value is NULL. */
void client_add_query(struct text *path, const char *name, const char *value);

/* GET on the status socket. Returns 0 and owned JSON; -ECONNREFUSED (nobody there), -EACCES,
 * ERR_HTTP with what celld answered (also in *ret_value, owned, when it was JSON), ... */
int client_get(const struct invocation *invocation, const char *path, json_t **ret_value,
               struct error *err) __attribute__((warn_unused_result));

/* POST /v1/commands/<verb> on the admin socket. Takes `arguments`. */
int client_command(const struct invocation *invocation, const char *verb, json_t *arguments,
                   json_t **ret_value, struct error *err) __attribute__((warn_unused_result));

/* A handle set up for a request to a socket, owned; NULL without memory. */
CURL *client_easy(const char *socket_path, const char *path);

/* A stream that was silent for so long is broken: a heartbeat comes every few seconds. */
#define CLIENT_SILENCE_S 60L

/* One event of a stream; false = enough. */
typedef bool client_event(void *context, const char *type, const json_t *event);

/* GET of a stream; returns when it ended (0) or broke. */
int client_stream(const struct invocation *invocation, const char *path, client_event *event,
                  void *context, struct error *err) __attribute__((warn_unused_result));
