/* Reads server-sent events out of the bytes of a stream. */
#pragma once

#include "config/base/text.h"
#include "daemon/cellctl/client.h"

#include <stdbool.h>
#include <stddef.h>

struct sse {
    struct text line, data;
    char type[64];
    client_event *event;
    void *context;
};

void sse_init(struct sse *sse, client_event *event, void *context);
void sse_fini(struct sse *sse);

/* False when the receiver has enough, or a line is too long. */
bool sse_feed(struct sse *sse, const char *bytes, size_t length);
