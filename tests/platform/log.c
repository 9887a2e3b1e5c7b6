/* Every request in order: tests and the example read the order of writes from it. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdlib.h>
#include <string.h>

static void free_logged(struct platform_logged *entry)
{
    values_free_text(entry->method);
    values_free_text(entry->path);
    values_free_text(entry->body);
    values_free_text(entry->subject);
    values_free_text(entry->request_id);
    *entry = (struct platform_logged){0};
}

static char *copy_bytes(const char *bytes, size_t length)
{
    char *copy = values_alloc(length + 1, 1);
    memcpy(copy, bytes, length);
    return copy;
}

struct platform_logged *log_add(struct platform *p, const struct platform_request *request,
                                const char *subject)
{
    const size_t limit = p->options.log_limit;
    if (p->log_count == limit) { /* the oldest makes room */
        free_logged(&p->log[p->log_start]);
        p->log_start = (p->log_start + 1) % limit;
        p->log_count--;
    }
    if (p->log_capacity < limit)
        p->log = values_grow(p->log, &p->log_capacity, p->log_count + 1, sizeof(*p->log));
    struct platform_logged *entry = &p->log[(p->log_start + p->log_count) % limit];
    p->log_count++;
    const bool write = strcmp(request->method, "GET") != 0;
    *entry = (struct platform_logged){
        .number = ++p->counts.requests,
        .at_ms = p->now_ms,
        .method = values_copy_text(request->method),
        .path = values_copy_text(request->path),
        .body =
            write && request->body != NULL ? copy_bytes(request->body, request->body_length) : NULL,
        .subject = values_copy_text(subject),
        .request_id = values_copy_text(request->request_id == NULL ? "" : request->request_id),
    };
    return entry;
}

size_t platform_log_count(const struct platform *p)
{
    return p->log_count;
}

const struct platform_logged *platform_log_at(const struct platform *p, size_t i)
{
    CHECK(i < p->log_count);
    return &p->log[(p->log_start + i) % p->options.log_limit];
}

void platform_log_clear(struct platform *p)
{
    for (size_t i = 0; i < p->log_count; i++)
        free_logged(&p->log[(p->log_start + i) % p->options.log_limit]);
    p->log_count = 0;
    p->log_start = 0;
}

void log_fini(struct platform *p)
{
    platform_log_clear(p);
    free(p->log);
}
