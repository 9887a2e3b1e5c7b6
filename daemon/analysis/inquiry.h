/* One question on its way: asks the source what it takes, and puts the answers together.
 *
 * On the loop's thread; `ended` is called from the loop, never from inside inquiry_start(). */
#pragma once

#include "config/base/error.h"
#include "daemon/analysis/question.h"
#include "daemon/analysis/source.h"

#include <jansson.h>

struct inquiry;

/* Exactly one of `answer` (borrowed) and `err` is not NULL. The inquiry may be freed here. */
typedef void inquiry_ended(void *context, const json_t *answer, const struct error *err);

/* `source` is kept; `json` is the question. NULL without memory. */
struct inquiry *inquiry_new(struct source *source, const json_t *json, inquiry_ended *ended,
                            void *context);

/* Returns 0, and `ended` is called later; or what is wrong with the question, or why it cannot be
 * sent: then it is not. *ret_done: nothing has to be sent, `inquiry_answer()` has the answer and
 * `ended` is not called. */
int inquiry_start(struct inquiry *inquiry, bool *ret_done, struct error *err)
    __attribute__((warn_unused_result));
const json_t *inquiry_answer(const struct inquiry *inquiry);

/* Cancels what is under way, without `ended`. NULL is fine. Returns NULL. */
struct inquiry *inquiry_free(struct inquiry *inquiry);
