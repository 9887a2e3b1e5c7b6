/* Where the requests of one client get their bearer token from: nothing, a credential file, or
 * OAuth2 client credentials. One fetch runs at a time, however many requests wait for it. */
#pragma once

#include "daemon/http/address.h"
#include "daemon/http/client.h"
#include "daemon/http/exchange.h"

struct authority;

struct authority_options {
    struct token_source source;
    const struct address *server; /* kept */
    bool allow_plaintext;
    const struct exchange_settings *settings; /* kept */
    struct duration total_timeout;            /* of each of the three requests */
    clock_reader *clock;
    uint64_t seed;
    /* A fetch ended, well or not: ask again. Called from the loop. */
    void (*changed)(void *context);
    void *context;
};

/* Reads the credential once, so that a wrong one is found at the start.
 * Returns 0 and an owned authority, ERR_INVALID or the error of the credential, -ENOMEM. */
int authority_new(const struct authority_options *options, struct authority **ret_authority,
                  struct error *err) __attribute__((warn_unused_result));

/* Before the first authority_token(). `multi` is kept. */
void authority_attach(struct authority *authority, struct multi *multi);

struct authority *authority_free(struct authority *authority);

enum authority_state { AUTHORITY_READY, AUTHORITY_WAIT, AUTHORITY_FAILED };

/* READY: *ret_token is borrowed until the next call (NULL = send none), *ret_generation names it.
 * WAIT: a fetch runs, `changed` will be called. FAILED: *err says why, with retry_after_ms. */
enum authority_state authority_token(struct authority *authority, const struct secret **ret_token,
                                     uint64_t *ret_generation, struct error *err);

/* The tokens are for Basic, not for Bearer. */
bool authority_is_basic(const struct authority *authority);

/* The server accepted, or refused (401), the token of that generation. After a refusal returns true
 * when another token can be had, so that one more attempt makes sense. */
void authority_accepted(struct authority *authority, uint64_t generation);
bool authority_refused(struct authority *authority, uint64_t generation);
