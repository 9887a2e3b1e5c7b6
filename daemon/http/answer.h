/* From the raw end of an exchange to what it proves: checks content type, JSON and identity, reads
 * error bodies, and puts one sentence into the error. Pure. */
#pragma once

#include "daemon/http/client.h"
#include "daemon/http/exchange.h"

/* Texts may be NULL where client_request says so. All borrowed for the call. */
struct answer_question {
    enum http_method method;
    bool is_read; /* whatever its method is, nothing changes by it */
    const char *path;
    const char *prospect; /* what happens after a failure; NULL = by verdict, "" = unsaid */
    size_t body_cap;
    const char *expect_name, *expect_namespace, *expect_uid;
    const struct secret *hidden; /* in messages; NULL = nothing */
    struct wall_time now;
};

/* Fills *ret_result, except `took`. Its body, if any, is *ret_body, which the caller owns; else
 * that is NULL. */
void answer_read(const struct exchange_answer *raw, const struct answer_question *question,
                 struct client_result *ret_result, json_t **ret_body);

/* The outcome of a request that never left, with the error that kept it. */
void answer_not_sent(const struct error *error, struct client_result *ret_result);
