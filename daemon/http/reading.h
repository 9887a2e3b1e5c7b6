/* Reading an answer: at once when it is short, on a worker thread when it is long, so that the loop
 * and the other transfers go on meanwhile. */
#pragma once

#include "daemon/http/answer.h"

#include <uv.h>

#include <stdbool.h>

/* Embedded by the owner; all but `is_running` is the reading's own until `done`. */
struct reading {
    uv_work_t work;
    const struct exchange_answer *raw;
    struct answer_question question;
    struct client_result result; /* its body is `body` */
    json_t *body;                /* owned */
    bool is_running;
    void (*done)(struct reading *reading);
};

/* It is read on a worker thread. */
bool reading_is_long(const struct exchange_answer *raw);

/* Borrows `raw` and what the question points to until `done`, which is called on the loop: from
 * inside this function, or later. */
void reading_start(struct reading *reading, uv_loop_t *loop, const struct exchange_answer *raw,
                   const struct answer_question *question, void (*done)(struct reading *reading));

/* Hurries the end of a reading whose result nobody wants; `done` is still called. */
void reading_hurry(struct reading *reading);

/* Frees the result. Not while it runs. */
void reading_fini(struct reading *reading);
