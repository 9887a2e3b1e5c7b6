#include "daemon/http/token.h"

#include "config/base/owned.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIFETIME_UNKNOWN INT64_C(300)
#define LIFETIME_MAX INT64_C(86400)
#define REFRESH_MARGIN INT64_C(30000)

static int copy_text(const json_t *value, const char *document, const char *pointer,
                     char **ret_text, struct error *err)
{
    const char *text = json_string_value(value);
    if (text == NULL || *text == '\0')
        return error_set(err, ERROR_INVALID, ERR_INVALID, "%s: %s is %s", document, pointer,
                         value == NULL ? "missing" : "no text");
    char *copy = strdup(text);
    if (copy == NULL)
        return error_no_memory(err);
    *ret_text = copy;
    return 0;
}

int token_read_resource(const json_t *document, bool *ret_required, char **ret_issuer,
                        struct error *err)
{
    if (json_is_false(json_object_get(document, "openchoreo_security_enabled"))) {
        *ret_required = false;
        *ret_issuer = NULL;
        return 0;
    }
    const json_t *servers = json_object_get(document, "authorization_servers");
    const int result = copy_text(json_array_get(servers, 0), "protected resource document",
                                 "/authorization_servers/0", ret_issuer, err);
    if (result == 0)
        *ret_required = true;
    return result;
}

int token_read_configuration(const json_t *document, char **ret_endpoint, struct error *err)
{
    return copy_text(json_object_get(document, "token_endpoint"), "openid configuration",
                     "/token_endpoint", ret_endpoint, err);
}

static bool is_digits(const char *text)
{
    const size_t length = text == NULL ? 0 : strspn(text, "0123456789");
    return length > 0 && length < 10 && text[length] == '\0';
}

static int read_lifetime(const json_t *document, struct duration *ret_lifetime, struct error *err)
{
    const json_t *value = json_object_get(document, "expires_in");
    int64_t seconds = LIFETIME_UNKNOWN;
    if (json_is_integer(value))
        seconds = json_integer_value(value);
    else if (is_digits(json_string_value(value))) /* as some issuers write it */
        seconds = strtoll(json_string_value(value), NULL, 10);
    else if (value != NULL && !json_is_null(value))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "token answer: /expires_in is no whole number");
    if (seconds <= 0)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "token answer: /expires_in is %lld: the token is expired already",
                         (long long)seconds);
    *ret_lifetime = DURATION_S(seconds > LIFETIME_MAX ? LIFETIME_MAX : seconds);
    return 0;
}

int token_read_grant(const json_t *document, struct secret **ret_token,
                     struct duration *ret_lifetime, struct error *err)
{
    const json_t *type = json_object_get(document, "token_type");
    if (type != NULL &&
        (!json_is_string(type) || strcasecmp(json_string_value(type), "Bearer") != 0))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "token answer: /token_type is not \"Bearer\"");
    const json_t *token = json_object_get(document, "access_token");
    if (!json_is_string(token))
        return error_set(err, ERROR_INVALID, ERR_INVALID, "token answer: /access_token is %s",
                         token == NULL ? "missing" : "no text");
    struct duration lifetime = {.ms = 0};
    const int result = read_lifetime(document, &lifetime, err);
    if (result < 0)
        return result;
    const int made = secret_new(json_string_value(token), json_string_length(token), SECRET_LINE,
                                "token answer: /access_token", ret_token, err);
    if (made == 0)
        *ret_lifetime = lifetime;
    return made;
}

/* Replaces *form by itself with one field more. */
static int add_field(struct secret **form, const char *key, const struct secret *value)
{
    struct secret *longer = secret_form_field(*form, key, value);
    if (longer == NULL)
        return -1;
    secret_free(*form);
    *form = longer;
    return 0;
}

static int add_text_field(struct secret **form, const char *key, const char *text,
                          struct error *err)
{
    OWNED(secret_freep) struct secret *value = NULL;
    const int result = secret_new(text, strlen(text), SECRET_LINE, key, &value, err);
    if (result < 0)
        return result;
    return add_field(form, key, value) < 0 ? error_no_memory(err) : 0;
}

int token_form(const char *client_id, const struct secret *client_secret, const char *scope,
               struct secret **ret_form, struct error *err)
{
    static const char grant[] = "grant_type=client_credentials";
    OWNED(secret_freep) struct secret *form = NULL;
    int result = secret_new(grant, sizeof(grant) - 1, SECRET_LINE, "form", &form, err);
    if (result == 0)
        result = add_text_field(&form, "client_id", client_id, err);
    if (result == 0 && add_field(&form, "client_secret", client_secret) < 0)
        result = error_no_memory(err);
    if (result == 0 && scope != NULL && *scope != '\0')
        result = add_text_field(&form, "scope", scope, err);
    if (result == 0)
        *ret_form = TAKE(form);
    return result;
}

struct token_life token_life(struct mono_time now, struct duration lifetime)
{
    /* A quarter of a short life is as much as a refresh may take away from it. */
    const int64_t margin = lifetime.ms / 4 < REFRESH_MARGIN ? lifetime.ms / 4 : REFRESH_MARGIN;
    return (struct token_life){.refresh = {.ms = now.ms + lifetime.ms - margin},
                               .end = {.ms = now.ms + lifetime.ms}};
}
