#include "daemon/analysis/source.h"

#include "config/base/check.h"
#include "config/base/digest.h"
#include "config/base/owned.h"
#include "daemon/analysis/webhook.h"
#include "daemon/http/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Few, since each answer may be large and is read in memory. */
#define CONNECTIONS 3

/* "https://host:port" and "/path" of the webhook's address. */
static int split_url(const char *url, char **ret_server, char **ret_path, struct error *err)
{
    const char *host = strstr(url, "://");
    const char *path = host == NULL ? NULL : strchr(host + 3, '/');
    *ret_server = path == NULL ? strdup(url) : strndup(url, (size_t)(path - url));
    *ret_path = strdup(path == NULL ? "/" : path);
    return *ret_server == NULL || *ret_path == NULL ? error_no_memory(err) : 0;
}

static struct token_source token_of(const struct source_options *options, const char *secret)
{
    const struct metrics_server_settings *server = options->server;
    switch (server->auth) {
    case METRICS_AUTH_NONE:
        return (struct token_source){.kind = TOKEN_NONE};
    case METRICS_AUTH_TOKEN:
    case METRICS_AUTH_BASIC:
        return (struct token_source){
            .kind = TOKEN_FILE, .token_file = secret, .user = server->user.text};
    case METRICS_AUTH_OAUTH:
        return (struct token_source){.kind = TOKEN_CLIENT_CREDENTIALS,
                                     .client_id = server->identity.client_id.text,
                                     .client_secret_file = secret,
                                     .scope = server->identity.scope.text,
                                     .issuer = server->identity.issuer.text,
                                     .endpoint = server->identity.token_url.text};
    case METRICS_AUTH_PLATFORM:
        return *options->platform;
    }
    CHECK_UNREACHABLE();
}

static int open_client(uv_loop_t *loop, const struct source_options *options, const char *url,
                       struct source *source, struct error *err)
{
    OWNED(owned_free) char *secret = NULL;
    const int result =
        options->find_secret(&options->server->identity.secret, "its secret", &secret, err);
    if (result < 0)
        return result;
    const struct client_options client = {
        .base_url = url,
        .ca_file = options->server->identity.ca_file.text,
        .token = token_of(options, secret),
        .connections = CONNECTIONS,
        .total_timeout = options->server->timeout.value,
        .clock = options->clock,
        .seed = options->seed,
    };
    return client_new(loop, &client, &source->client, err);
}

/* The signing secret is tried once, so that a wrong one is found at the start. */
static int find_signature(const struct source_options *options, struct source *source,
                          struct error *err)
{
    OWNED(secret_freep) struct secret *key = NULL;
    if (options->signature == NULL)
        return 0;
    const int result =
        options->find_secret(options->signature, "its signature", &source->signature_file, err);
    return result < 0 || source->signature_file == NULL
               ? result
               : secret_read(source->signature_file, SECRET_BYTES, &key, err);
}

static void free_parts(struct source *source)
{
    free(source->server);
    free(source->path);
    free(source->signature_file);
}

int source_init(uv_loop_t *loop, const struct source_options *options, struct source *ret_source,
                struct error *err)
{
    struct source source = {
        .provider = options->provider,
        .target = options->target,
        .prometheus = options->prometheus,
        .timeout = options->server->timeout.value,
    };
    const char *url = options->server->url.text;
    int result = find_signature(options, &source, err);
    if (result == 0 && options->provider == QUESTION_WEBHOOK) {
        result = split_url(url, &source.server, &source.path, err);
        url = source.server;
    }
    if (result == 0)
        result = open_client(loop, options, url, &source, err);
    if (result < 0) {
        free_parts(&source);
        (void)error_context(err, "%s%s%s", question_provider_name(options->provider),
                            options->target == NULL ? "" : " of ",
                            options->target == NULL ? "" : options->target);
        return result;
    }
    *ret_source = source;
    return 0;
}

void source_close(struct source *source, void (*closed)(void *context), void *context)
{
    free_parts(source);
    client_close(source->client, closed, context);
}

struct signing {
    const char *body;
    struct digest digest;
};

static int sign(void *context, const char *bytes, size_t length)
{
    struct signing *signing = context;
    signing->digest = digest_keyed(bytes, length, signing->body, strlen(signing->body));
    return 0;
}

int source_sign(const struct source *source, const char *body, char **ret_header, struct error *err)
{
    OWNED(secret_freep) struct secret *key = NULL;
    struct signing signing = {.body = body};
    *ret_header = NULL;
    if (source->signature_file == NULL)
        return 0;
    const int result = secret_read(source->signature_file, SECRET_BYTES, &key, err);
    if (result < 0)
        return result;
    (void)secret_use(key, sign, &signing);
    return asprintf(ret_header, WEBHOOK_SIGNATURE ": sha256=%s", signing.digest.text) < 0
               ? error_no_memory(err)
               : 0;
}
