/* Bearer tokens, the discovery documents and the client credentials grant. Tokens are opaque here:
 * what a client sees is the shape of the answers and that tokens expire. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void platform_token_add(struct platform *p, const char *token, const char *subject,
                        int64_t expires_ms)
{
    struct token *all = realloc(p->tokens, (p->token_count + 1) * sizeof(*all));
    CHECK(all != NULL);
    p->tokens = all;
    all[p->token_count++] =
        (struct token){values_copy_text(token), values_copy_text(subject), expires_ms};
}

static void refuse(struct answer *a, const char *code, const char *message)
{
    answer_json(a, 401, json_pack("{s:s,s:s}", "error", code, "message", message));
}

static const char *check_token(struct platform *p, const char *text, struct answer *a)
{
    if (p->static_token != NULL && strcmp(text, p->static_token) == 0)
        return "celld";
    const struct token *found = NULL;
    for (size_t i = 0; i < p->token_count; i++)
        if (strcmp(p->tokens[i].text, text) == 0)
            found = &p->tokens[i];
    if (found == NULL || found->expires_ms <= p->now_ms)
        refuse(a, "INVALID_TOKEN", "invalid or expired token");
    else if (strcmp(found->subject, "!issuer") == 0)
        refuse(a, "INVALID_CLAIMS", "token claims validation failed");
    else if (found->subject[0] == '\0')
        refuse(a, "INVALID_CLAIMS", "Failed to resolve subject from token");
    else
        return found->subject;
    return NULL;
}

const char *tokens_subject(struct platform *p, const char *authorization, struct answer *a)
{
    if (!p->options.security)
        return "";
    if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0) {
        refuse(a, "MISSING_TOKEN", "missing or invalid authentication token");
        return NULL;
    }
    return check_token(p, authorization + 7, a);
}

static void form_value(const char *body, const char *key, char *ret_value, size_t size)
{
    ret_value[0] = '\0';
    const size_t length = strlen(key);
    for (const char *at = body; at != NULL && *at != '\0';) {
        const char *end = strchr(at, '&');
        const size_t pair = end == NULL ? strlen(at) : (size_t)(end - at);
        if (pair > length && strncmp(at, key, length) == 0 && at[length] == '=')
            snprintf(ret_value, size, "%.*s", (int)(pair - length - 1), at + length + 1);
        at = end == NULL ? NULL : end + 1;
    }
}

void tokens_issue(struct platform *p, const char *body, struct answer *a)
{
    char grant[64], client[256], secret[256], token[64];
    form_value(body, "grant_type", grant, sizeof(grant));
    form_value(body, "client_id", client, sizeof(client));
    form_value(body, "client_secret", secret, sizeof(secret));
    if (strcmp(grant, "client_credentials") != 0) {
        answer_json(a, 400, json_pack("{s:s}", "error", "unsupported_grant_type"));
        return;
    }
    if (client[0] == '\0' || secret[0] == '\0' || strcmp(secret, "wrong") == 0) {
        answer_json(a, 401, json_pack("{s:s}", "error", "invalid_client"));
        return;
    }
    snprintf(token, sizeof(token), "standin-%016" PRIx64 "%016" PRIx64, random_next(p),
             random_next(p));
    const int64_t life = p->options.timing.token_life;
    platform_token_add(p, token, client, p->now_ms + life);
    answer_json(a, 200,
                json_pack("{s:s,s:s,s:I}", "access_token", token, "token_type", "Bearer",
                          "expires_in", (json_int_t)(life / 1000)));
}
