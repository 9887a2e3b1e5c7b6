#include "daemon/http/authority.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "daemon/http/answer.h"
#include "daemon/http/backoff.h"
#include "daemon/http/token.h"

#include <stdlib.h>
#include <string.h>

#define DOCUMENT_CAP ((size_t)256 * 1024)
#define BACKOFF_BASE DURATION_S(1)
#define BACKOFF_CAP DURATION_S(60)

/* A token that was never accepted and is this young will not be better the second time. */
#define TOO_YOUNG_TO_REPLACE INT64_C(10000)

/* How long "this server checks no tokens" is believed. */
#define OPEN_SERVER_LIFETIME DURATION_S(300)

/* RESOURCE -> CONFIGURATION -> GRANT -> IDLE; once the endpoint is known IDLE -> GRANT -> IDLE; any
 * failure -> IDLE, and what was discovered is forgotten. With an issuer in the settings it begins
 * at CONFIGURATION, with an endpoint at GRANT. */
enum step { STEP_IDLE, STEP_RESOURCE, STEP_CONFIGURATION, STEP_GRANT };

struct authority {
    struct multi *multi;
    enum token_kind kind;
    char *token_file, *user, *client_id, *client_secret_file, *scope;
    const struct address *server;
    bool allow_plaintext;
    const struct exchange_settings *settings;
    struct duration total_timeout;
    clock_reader *clock;
    void (*changed)(void *context);
    void *context;

    struct secret *token; /* NULL with `is_held`: the server wants none */
    bool is_held, is_accepted;
    uint64_t generation;
    struct mono_time obtained;
    struct token_life life;

    enum step step;
    struct exchange *exchange;
    struct secret *credential, *form; /* of the exchange */
    char *url;                        /* where to */
    struct address issuer, endpoint;
    char *given_issuer, *given_endpoint; /* NULL = discovered */
    struct address resource;             /* discovery begins there; url NULL = at the server */
    struct backoff backoff;
    struct mono_time not_before; /* the next fetch, after a failure */
    struct error failure;
};

static int copy_text(const char *text, char **ret_copy)
{
    if (text == NULL)
        return 0;
    *ret_copy = strdup(text);
    return *ret_copy == NULL ? -ENOMEM : 0;
}

static int copy_source(struct authority *authority, const struct token_source *source,
                       struct error *err)
{
    authority->kind = source->kind;
    if (copy_text(source->token_file, &authority->token_file) < 0 ||
        copy_text(source->user, &authority->user) < 0 ||
        copy_text(source->client_id, &authority->client_id) < 0 ||
        copy_text(source->client_secret_file, &authority->client_secret_file) < 0 ||
        copy_text(source->scope, &authority->scope) < 0 ||
        copy_text(source->issuer, &authority->given_issuer) < 0 ||
        copy_text(source->endpoint, &authority->given_endpoint) < 0)
        return error_no_memory(err);
    return 0;
}

/* Reads the credential for nothing but its errors. */
static int try_source(const struct authority *authority, struct error *err)
{
    const char *path = NULL;
    switch (authority->kind) {
    case TOKEN_NONE:
        return 0;
    case TOKEN_FILE:
        path = authority->token_file;
        break;
    case TOKEN_CLIENT_CREDENTIALS:
        if (authority->client_id == NULL || authority->client_id[0] == '\0')
            return error_set(err, ERROR_INVALID, ERR_INVALID, "a client id is missing");
        path = authority->client_secret_file;
        break;
    }
    if (path == NULL)
        return error_set(err, ERROR_INVALID, ERR_INVALID, "the credential's file is missing");
    OWNED(secret_freep) struct secret *secret = NULL;
    return secret_read(path, SECRET_LINE, &secret, err);
}

/* What the settings say is known without asking. */
static int know_given(struct authority *authority, struct error *err)
{
    int result = 0;
    if (authority->given_issuer != NULL && authority->issuer.url == NULL)
        result = address_init(&authority->issuer, authority->given_issuer,
                              authority->allow_plaintext, "the issuer in the settings", err);
    if (result == 0 && authority->given_endpoint != NULL && authority->endpoint.url == NULL)
        result =
            address_init(&authority->endpoint, authority->given_endpoint,
                         authority->allow_plaintext, "the token endpoint in the settings", err);
    return result;
}

static int know_resource(struct authority *authority, const struct token_source *source,
                         struct error *err)
{
    return source->resource == NULL
               ? 0
               : address_init(&authority->resource, source->resource, authority->allow_plaintext,
                              "the server that names the issuer", err);
}

int authority_new(const struct authority_options *options, struct authority **ret_authority,
                  struct error *err)
{
    struct authority *authority = calloc(1, sizeof(*authority));
    if (authority == NULL)
        return error_no_memory(err);
    authority->server = options->server;
    authority->allow_plaintext = options->allow_plaintext;
    authority->settings = options->settings;
    authority->total_timeout = options->total_timeout;
    authority->clock = options->clock;
    authority->changed = options->changed;
    authority->context = options->context;
    authority->not_before = options->clock().mono;
    backoff_init(&authority->backoff, options->seed, BACKOFF_BASE, BACKOFF_CAP);
    int result = copy_source(authority, &options->source, err);
    if (result == 0)
        result = try_source(authority, err);
    if (result == 0)
        result = know_given(authority, err);
    if (result == 0)
        result = know_resource(authority, &options->source, err);
    if (result < 0) {
        authority_free(authority);
        return result;
    }
    *ret_authority = authority;
    return 0;
}

void authority_attach(struct authority *authority, struct multi *multi)
{
    authority->multi = multi;
}

/* What a fetch in progress holds. */
static void end_fetch(struct authority *authority)
{
    authority->exchange = exchange_free(authority->exchange);
    authority->form = secret_free(authority->form);
    authority->credential = secret_free(authority->credential);
    free(authority->url);
    authority->url = NULL;
    authority->step = STEP_IDLE;
}

static void forget_discovery(struct authority *authority)
{
    address_fini(&authority->issuer);
    address_fini(&authority->endpoint);
}

struct authority *authority_free(struct authority *authority)
{
    if (authority == NULL)
        return NULL;
    end_fetch(authority);
    forget_discovery(authority);
    secret_free(authority->token);
    address_fini(&authority->resource);
    free(authority->token_file);
    free(authority->user);
    free(authority->client_id);
    free(authority->client_secret_file);
    free(authority->scope);
    free(authority->given_issuer);
    free(authority->given_endpoint);
    free(authority);
    return NULL;
}

static void hold(struct authority *authority, struct secret *token, struct duration lifetime)
{
    secret_free(authority->token);
    authority->token = token;
    authority->is_held = true;
    authority->is_accepted = false;
    authority->generation++;
    authority->obtained = authority->clock().mono;
    authority->life = token_life(authority->obtained, lifetime);
}

static void fetch_failed(struct authority *authority, const struct error *failure)
{
    end_fetch(authority);
    forget_discovery(authority);
    authority->failure = *failure;
    /* It says nothing about the request that wants a token: neither that it is wrong nor that its
     * object does not exist. */
    if (failure->kind == ERROR_INVALID || failure->kind == ERROR_NOT_FOUND)
        authority->failure.kind = ERROR_DENIED;
    authority->failure.http_status = 0;
    struct duration wait = backoff_next(&authority->backoff);
    if (failure->retry_after_ms > wait.ms)
        wait.ms = failure->retry_after_ms;
    authority->not_before.ms = authority->clock().mono.ms + wait.ms;
}

static void fetch_succeeded(struct authority *authority, struct secret *token,
                            struct duration lifetime)
{
    end_fetch(authority);
    hold(authority, token, lifetime);
    backoff_reset(&authority->backoff);
    authority->not_before = authority->obtained;
}

static void on_answer(void *context, const struct exchange_answer *raw);

static int ask(struct authority *authority, enum step step, struct error *err)
{
    const struct exchange_request request = {
        .method = step == STEP_GRANT ? HTTP_POST : HTTP_GET,
        .is_read = true,
        .url = authority->url,
        .content_type = step == STEP_GRANT ? "application/x-www-form-urlencoded" : NULL,
        .body_cap = DOCUMENT_CAP,
        .total_timeout = authority->total_timeout,
        .form = step == STEP_GRANT ? authority->form : NULL,
    };
    authority->step = step;
    return exchange_start(authority->multi, authority->settings, &request, on_answer, authority,
                          &authority->exchange, err);
}

static int ask_document(struct authority *authority, enum step step, const struct address *at,
                        const char *path, struct error *err)
{
    authority->url = address_join(at, path);
    return authority->url == NULL ? error_no_memory(err) : ask(authority, step, err);
}

static int ask_grant(struct authority *authority, struct error *err)
{
    int result =
        secret_read(authority->client_secret_file, SECRET_LINE, &authority->credential, err);
    if (result == 0)
        result = token_form(authority->client_id, authority->credential, authority->scope,
                            &authority->form, err);
    return result < 0 ? result : ask_document(authority, STEP_GRANT, &authority->endpoint, "", err);
}

static int take_resource(struct authority *authority, const json_t *document, struct error *err)
{
    bool is_required = true;
    OWNED(owned_free) char *issuer = NULL;
    int result = token_read_resource(document, &is_required, &issuer, err);
    if (result < 0)
        return result;
    if (!is_required) {
        fetch_succeeded(authority, NULL, OPEN_SERVER_LIFETIME);
        return 0;
    }
    result = address_init(&authority->issuer, issuer, authority->allow_plaintext,
                          "the issuer that the server names", err);
    return result < 0 ? result
                      : ask_document(authority, STEP_CONFIGURATION, &authority->issuer,
                                     TOKEN_CONFIGURATION_PATH, err);
}

static int take_configuration(struct authority *authority, const json_t *document,
                              struct error *err)
{
    OWNED(owned_free) char *endpoint = NULL;
    int result = token_read_configuration(document, &endpoint, err);
    if (result == 0)
        result = address_init(&authority->endpoint, endpoint, authority->allow_plaintext,
                              "the token endpoint that the issuer names", err);
    return result < 0 ? result : ask_grant(authority, err);
}

static int take_grant(struct authority *authority, const json_t *document, struct error *err)
{
    struct secret *token = NULL;
    struct duration lifetime = {.ms = 0};
    const int result = token_read_grant(document, &token, &lifetime, err);
    if (result == 0)
        fetch_succeeded(authority, token, lifetime);
    return result;
}

static int take_document(struct authority *authority, enum step step, const json_t *document,
                         struct error *err)
{
    switch (step) {
    case STEP_RESOURCE:
        return take_resource(authority, document, err);
    case STEP_CONFIGURATION:
        return take_configuration(authority, document, err);
    case STEP_GRANT:
        return take_grant(authority, document, err);
    case STEP_IDLE:
        break;
    }
    CHECK_UNREACHABLE();
}

static void on_answer(void *context, const struct exchange_answer *raw)
{
    struct authority *authority = context;
    const enum step step = authority->step;
    const struct answer_question question = {
        .method = step == STEP_GRANT ? HTTP_POST : HTTP_GET,
        .is_read = true,
        .path = authority->url,
        .prospect = "celld has no access token and asks again",
        .body_cap = DOCUMENT_CAP,
        .hidden = authority->credential,
        .now = authority->clock().wall,
    };
    struct client_result answer;
    OWNED_JSON *body = NULL;
    answer_read(raw, &question, &answer, &body);
    /* Frees what `raw` borrows from; the next step starts anew. */
    end_fetch(authority);
    struct error failure = answer.error;
    int result = answer.verdict == VERDICT_DONE ? 0 : ERR_HTTP;
    if (result == 0)
        result = take_document(authority, step, body, &failure);
    if (result < 0)
        fetch_failed(authority, &failure);
    if (authority->step == STEP_IDLE)
        authority->changed(authority->context);
}

static int ask_next(struct authority *authority, struct error *err)
{
    const int result = know_given(authority, err);
    if (result < 0)
        return result;
    if (authority->endpoint.url != NULL)
        return ask_grant(authority, err);
    if (authority->given_issuer != NULL)
        return ask_document(authority, STEP_CONFIGURATION, &authority->issuer,
                            TOKEN_CONFIGURATION_PATH, err);
    return ask_document(authority, STEP_RESOURCE,
                        authority->resource.url == NULL ? authority->server : &authority->resource,
                        TOKEN_RESOURCE_PATH, err);
}

static int begin_fetch(struct authority *authority, struct error *err)
{
    struct error failure = {.kind = ERROR_NONE};
    const int result = ask_next(authority, &failure);
    if (result < 0) {
        fetch_failed(authority, &failure);
        *err = authority->failure;
    }
    return result;
}

static enum authority_state token_from_file(struct authority *authority, struct error *err)
{
    OWNED(secret_freep) struct secret *token = NULL;
    if (secret_read(authority->token_file, SECRET_LINE, &token, err) < 0) {
        err->kind = ERROR_DENIED;
        return AUTHORITY_FAILED;
    }
    if (authority->user != NULL) {
        struct secret *basic = secret_basic(authority->user, token);
        secret_free(token);
        token = basic;
    }
    if (token == NULL) {
        (void)error_no_memory(err);
        return AUTHORITY_FAILED;
    }
    if (authority->token == NULL || !secret_equal(token, authority->token))
        hold(authority, TAKE(token), OPEN_SERVER_LIFETIME);
    return AUTHORITY_READY;
}

static enum authority_state token_from_grant(struct authority *authority, struct error *err)
{
    const struct mono_time now = authority->clock().mono;
    const bool may_fetch = authority->step == STEP_IDLE && now.ms >= authority->not_before.ms;
    if (authority->is_held && now.ms < authority->life.end.ms) {
        /* In good time, while the old one still serves. */
        if (may_fetch && now.ms >= authority->life.refresh.ms)
            (void)begin_fetch(authority, err);
        return AUTHORITY_READY;
    }
    if (authority->step != STEP_IDLE)
        return AUTHORITY_WAIT;
    if (may_fetch)
        return begin_fetch(authority, err) < 0 ? AUTHORITY_FAILED : AUTHORITY_WAIT;
    *err = authority->failure;
    err->retry_after_ms = authority->not_before.ms - now.ms;
    return AUTHORITY_FAILED;
}

enum authority_state authority_token(struct authority *authority, const struct secret **ret_token,
                                     uint64_t *ret_generation, struct error *err)
{
    enum authority_state state = AUTHORITY_READY;
    switch (authority->kind) {
    case TOKEN_NONE:
        break;
    case TOKEN_FILE:
        state = token_from_file(authority, err);
        break;
    case TOKEN_CLIENT_CREDENTIALS:
        state = token_from_grant(authority, err);
        break;
    }
    if (state == AUTHORITY_READY) {
        *ret_token = authority->token;
        *ret_generation = authority->generation;
    }
    return state;
}

bool authority_is_basic(const struct authority *authority)
{
    return authority->kind == TOKEN_FILE && authority->user != NULL;
}

void authority_accepted(struct authority *authority, uint64_t generation)
{
    if (generation == authority->generation)
        authority->is_accepted = true;
}

bool authority_refused(struct authority *authority, uint64_t generation)
{
    switch (authority->kind) {
    case TOKEN_NONE:
        return false;
    case TOKEN_FILE: {
        struct error unused;
        return token_from_file(authority, &unused) == AUTHORITY_READY &&
               authority->generation != generation;
    }
    case TOKEN_CLIENT_CREDENTIALS:
        break;
    }
    if (generation != authority->generation || !authority->is_held)
        return true;
    const int64_t age = authority->clock().mono.ms - authority->obtained.ms;
    if (!authority->is_accepted && age < TOO_YOUNG_TO_REPLACE)
        return false;
    authority->token = secret_free(authority->token);
    authority->is_held = false;
    return true;
}
