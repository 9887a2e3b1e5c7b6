/* One server that the judge's numbers come from: how it is reached, and what asking it takes. */
#pragma once

#include "config/base/error.h"
#include "config/settings/settings.h"
#include "daemon/analysis/question.h"
#include "daemon/http/client.h"

#include <uv.h>

#include <stdint.h>

/* Where a secret's file is: settings_file_secret(). */
typedef int source_find_secret(const struct secret_source *source, const char *what,
                               char **ret_path, struct error *err);

struct source_options {
    enum question_provider provider;
    const char *target;                           /* NULL = for all; kept */
    const struct metrics_server_settings *server; /* kept */
    const struct prometheus_settings *prometheus; /* kept; of a Prometheus */
    const struct secret_source *signature;        /* of a webhook; NULL = none */
    const struct token_source *platform;          /* for auth platform */
    source_find_secret *find_secret;
    clock_reader *clock; /* NULL = clock_now */
    uint64_t seed;
};

struct source {
    enum question_provider provider;
    const char *target;
    const struct prometheus_settings *prometheus;
    struct duration timeout;
    struct client *client;
    char *server, *path;  /* of a webhook */
    char *signature_file; /* of a webhook; NULL = none */
};

/* Reads the credentials once. Returns 0; ERR_INVALID with what is wrong, or -ENOMEM. */
int source_init(uv_loop_t *loop, const struct source_options *options, struct source *ret_source,
                struct error *err) __attribute__((warn_unused_result));

/* Ends all requests; `closed` is called when the client is gone. */
void source_close(struct source *source, void (*closed)(void *context), void *context);

/* The header that signs `body`: owned; *ret_header is NULL without a signing secret. Reads the
 * secret's file. Errors as secret_read(). */
int source_sign(const struct source *source, const char *body, char **ret_header, struct error *err)
    __attribute__((warn_unused_result));
