/* The client of one HTTP server (a control plane, an observer): requests in, classified answers
 * out, on a uv loop. It decides nothing: it never repeats a request on its own, except once with a
 * fresh token after a 401, which proves that nothing happened.
 *
 * All functions are called on the loop's thread and none blocks, but for reading a credential file
 * when a token is due. Callbacks come from the loop, never from inside the function that started
 * the request, and may call any function here. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"
#include "daemon/http/classify.h"
#include "daemon/http/clock.h"

#include <jansson.h>
#include <uv.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_OBJECT_CAP ((size_t)1 * 1024 * 1024)
#define CLIENT_TREE_CAP ((size_t)4 * 1024 * 1024)
#define CLIENT_LIST_CAP ((size_t)8 * 1024 * 1024)
#define CLIENT_BODY_CAP ((size_t)4 * 1024 * 1024) /* of a request */

enum token_kind {
    TOKEN_NONE,
    TOKEN_FILE,              /* a bearer token in a credential file, read at each use; with a user
                                it is the password of HTTP's Basic */
    TOKEN_CLIENT_CREDENTIALS /* OAuth2; what is not given is discovered from the server itself */
};

struct token_source {
    enum token_kind kind;
    const char *token_file;         /* TOKEN_FILE */
    const char *user;               /* TOKEN_FILE; NULL = none; up to SECRET_USER_LIMIT */
    const char *client_id;          /* TOKEN_CLIENT_CREDENTIALS */
    const char *client_secret_file; /* read at each use */
    const char *scope;              /* NULL = none */
    const char *issuer;             /* NULL = what the server names */
    const char *endpoint;           /* where tokens are; NULL = what the issuer names */
    const char *resource;           /* address of the server that names the issuer; NULL = this */
};

/* Zero means the default, for every number. Texts are copied. */
struct client_options {
    const char *base_url;   /* "https://host[:port][/prefix]" */
    bool allow_plaintext;   /* http:// to other hosts than loopback; say so loudly */
    const char *ca_file;    /* PEM, instead of the system's; NULL = the system's */
    const char *user_agent; /* NULL = "celld/<version>" */
    struct token_source token;
    unsigned connections;            /* at the same time; default 6 */
    unsigned queue_limit;            /* requests that wait or run; default 4096 */
    int64_t requests_per_second;     /* default 200; negative = no limit */
    int64_t burst;                   /* default 400 */
    struct duration connect_timeout; /* default 5 s */
    struct duration total_timeout;   /* default 30 s, from the moment a request leaves the queue */
    struct duration low_speed_time;  /* default 20 s below … */
    int64_t low_speed_bytes_per_second; /* … default 64 */
    clock_reader *clock;                /* NULL = clock_now */
    uint64_t seed;                      /* of the jitter */
};

struct client;

/* Returns 0 and an owned client; ERR_INVALID with a text for an option that cannot be (address,
 * credential file that is missing or readable by others), -ENOMEM. `loop` is kept. */
int client_new(uv_loop_t *loop, const struct client_options *options, struct client **ret_client,
               struct error *err) __attribute__((warn_unused_result));

enum client_outcome {
    CLIENT_ANSWERED, /* the server answered, and the verdict says what it proves */
    CLIENT_NOT_SENT, /* no byte of it left: it did not happen */
    CLIENT_UNKNOWN,  /* it may or may not have happened */
};

struct client_result {
    enum client_outcome outcome;
    enum verdict verdict;
    int status;           /* 0 = no answer */
    const json_t *body;   /* borrowed for the callback (json_incref() to keep); NULL = none. Also of
                             an answer with an error, if it is JSON */
    struct error error;   /* kind ERROR_NONE exactly when the verdict is VERDICT_DONE; carries
                             http_status and retry_after_ms */
    struct duration took; /* from leaving the queue */
};

typedef void client_done(void *context, uint64_t id, const struct client_result *result);

struct client_request {
    uint64_t id; /* the caller's; unique among the requests that wait or run */
    enum http_method method;
    bool is_read;             /* a POST that only asks: never an unknown outcome */
    const char *path;         /* below base_url, from the '/' on, with its query; copied */
    const char *body;         /* JSON; NULL = none; copied and wiped afterwards */
    const char *content_type; /* of the body; static; NULL = JSON */
    const char *prospect;     /* what happens after a failure, for messages; static; NULL = by
                                 verdict, "" = nothing is said */
    const char *header;       /* one more: "Name: value", printable; NULL = none; copied */
    size_t body_length;
    size_t body_cap;               /* of the answer, after decompression; 0 = CLIENT_OBJECT_CAP */
    struct duration total_timeout; /* zero = the client's */
    struct duration delay;         /* not before this much from now */
    const char *request_id; /* X-Request-ID, [A-Za-z0-9._-]{1,64}; NULL = the id in decimal */
    /* When given, the answer's metadata must carry them: a proxy that mixes answers up is no proof
     * of anything. */
    const char *expect_name, *expect_namespace, *expect_uid;
    /* Called instead of `done` when the request ends by client_cancel() or client_close(): the last
     * moment to free `context`. May be NULL. Must not call the client. */
    void (*dropped)(void *context);
    /* Called when a long answer of status 200 has come and before it is read, which takes a while:
     * `body` is what the server sent, good for the call. May be NULL; may send requests. */
    void (*arrived)(void *context, uint64_t id, const char *body, size_t length);
};

/* Queues a request. Returns 0, and `done` is called exactly once later unless the request is
 * cancelled. ERR_INVALID (path, id in use, body too large), ERR_LIMIT (queue full) or -ENOMEM
 * otherwise, and nothing is called. */
int client_send(struct client *client, const struct client_request *request, client_done *done,
                void *context, struct error *err) __attribute__((warn_unused_result));

/* Sends nothing: calls `done` from the loop, soon, as for a request that was cancelled before it
 * left. Until then it counts as one, and client_cancel() ends it. For steps between requests that
 * must be as easy to stop as a request. Returns as client_send(). */
int client_defer(struct client *client, uint64_t id, client_done *done,
                 void (*dropped)(void *context), void *context, struct error *err)
    __attribute__((warn_unused_result));

/* A request that has not ended goes by another id from now on, which must be free. */
void client_rename(struct client *client, uint64_t id, uint64_t other);

/* Ends a request without calling `done`. Whether the server saw it stays unknown. An id that does
 * not exist (any more) is ignored. */
void client_cancel(struct client *client, uint64_t id);

/* Requests that wait or run. */
size_t client_pending(const struct client *client);

/* Credentials and objects travel readable by anybody on the way. */
bool client_is_plaintext(const struct client *client);

/* Ends everything and frees the client; `closed` is called when its last handle is gone. The client
 * must not be used after this call. */
void client_close(struct client *client, void (*closed)(void *context), void *context);
