#include "daemon/http/reading.h"

#include "config/base/check.h"

/* A worker's turn costs about as much as reading this much. */
#define SHORT_LIMIT ((size_t)16 * 1024)

/* On a worker: nobody else touches the reading, and what it borrows does not change. */
static void read_answer(uv_work_t *work)
{
    struct reading *reading = work->data;
    answer_read(reading->raw, &reading->question, &reading->result, &reading->body);
}

static void on_read(uv_work_t *work, int status)
{
    struct reading *reading = work->data;
    (void)status; /* cancelled before it began: nobody wants the result then */
    reading->is_running = false;
    reading->done(reading);
}

bool reading_is_long(const struct exchange_answer *raw)
{
    return raw->body_length > SHORT_LIMIT;
}

void reading_start(struct reading *reading, uv_loop_t *loop, const struct exchange_answer *raw,
                   const struct answer_question *question, void (*done)(struct reading *reading))
{
    CHECK(!reading->is_running);
    *reading = (struct reading){.raw = raw, .question = *question, .done = done};
    reading->work.data = reading;
    if (reading_is_long(raw) && uv_queue_work(loop, &reading->work, read_answer, on_read) == 0) {
        reading->is_running = true;
        return;
    }
    read_answer(&reading->work);
    done(reading);
}

void reading_hurry(struct reading *reading)
{
    if (reading->is_running)
        (void)uv_cancel((uv_req_t *)&reading->work);
}

void reading_fini(struct reading *reading)
{
    CHECK(!reading->is_running);
    json_decref(reading->body);
    reading->body = NULL;
}
