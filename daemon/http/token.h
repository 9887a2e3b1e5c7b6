/* The documents of OAuth2 client credentials and the life of a token. Pure: time is given.
 *
 * The way: the server's /.well-known/oauth-protected-resource names the issuer, the issuer's
 * /.well-known/openid-configuration names the token endpoint, and that takes the credentials in a
 * form body. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"
#include "daemon/http/secret.h"

#include <jansson.h>

#include <stdbool.h>

#define TOKEN_RESOURCE_PATH "/.well-known/oauth-protected-resource"
#define TOKEN_CONFIGURATION_PATH "/.well-known/openid-configuration"

/* *ret_required: false when the server says that it checks no tokens. *ret_issuer is owned, and
 * NULL exactly then. Returns 0, ERR_INVALID with the place in the document, or -ENOMEM. */
int token_read_resource(const json_t *document, bool *ret_required, char **ret_issuer,
                        struct error *err) __attribute__((warn_unused_result));

/* *ret_endpoint is owned. Returns as above. */
int token_read_configuration(const json_t *document, char **ret_endpoint, struct error *err)
    __attribute__((warn_unused_result));

/* A lifetime that is missing counts as 5 minutes; more than a day as a day. */
int token_read_grant(const json_t *document, struct secret **ret_token,
                     struct duration *ret_lifetime, struct error *err)
    __attribute__((warn_unused_result));

/* The form that asks for a token: owned. `scope` may be NULL. */
int token_form(const char *client_id, const struct secret *client_secret, const char *scope,
               struct secret **ret_form, struct error *err) __attribute__((warn_unused_result));

/* When a token that was obtained at `now` is to be replaced, and when it is of no use any more. */
struct token_life {
    struct mono_time refresh, end;
};

struct token_life token_life(struct mono_time now, struct duration lifetime);
