#include "daemon/socket/backlog.h"

#include "config/base/json.h"
#include "config/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A larger event is sent without its data. */
#define EVENT_BYTES ((size_t)64 * 1024)

int backlog_init(struct backlog *history, size_t capacity)
{
    *history = (struct backlog){.capacity = capacity == 0 ? 1 : capacity};
    history->ring = calloc(history->capacity, sizeof(*history->ring));
    return history->ring == NULL ? -ENOMEM : 0;
}

static void forget_first(struct backlog *history)
{
    struct backlog_event *event = &history->ring[history->first];
    free(event->stream);
    history->first = (history->first + 1) % history->capacity;
    history->count--;
}

void backlog_fini(struct backlog *history)
{
    while (history->count > 0)
        forget_first(history);
    free(history->ring);
    history->ring = NULL;
}

/* The type is written into a line of its own: only plain words may go there. */
static const char *plain_type(const json_t *event)
{
    const char *type = json_text_or(json_object_get(event, "type"), "event");
    return type[0] != '\0' && type[strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0'
               ? type
               : "event";
}

static char *as_stream(uint64_t sequence, const json_t *event, struct backlog_event *ret_event)
{
    char *line = json_escaped(event);
    if (line == NULL)
        return NULL;
    OWNED_TEXT text;
    text_init(&text, strlen(line) + 128);
    text_format(&text, "id: %llu\nevent: %s\ndata: ", (unsigned long long)sequence,
                plain_type(event));
    const size_t data = text.length;
    text_add(&text, line);
    text_add(&text, "\n\n");
    free(line);
    *ret_event =
        (struct backlog_event){.sequence = sequence, .stream_length = text.length, .data = data};
    ret_event->stream = text_take(&text);
    return ret_event->stream;
}

json_t *backlog_value(const struct backlog_event *event)
{
    return json_loadb(event->stream + event->data, event->stream_length - event->data - 2, 0, NULL);
}

int backlog_add(struct backlog *history, uint64_t sequence, const json_t *event)
{
    if (sequence <= history->newest)
        return 0;
    OWNED_JSON *value = json_deep_copy(event);
    if (value == NULL || json_object_set_new(value, "sequence", json_integer((json_int_t)sequence)))
        return -ENOMEM;
    struct backlog_event added = {.stream = NULL};
    char *stream = as_stream(sequence, value, &added);
    if (stream != NULL && added.stream_length > EVENT_BYTES) {
        free(stream);
        (void)json_object_set_new(value, "data", json_null());
        stream = as_stream(sequence, value, &added);
    }
    if (stream == NULL)
        return -ENOMEM;
    if (history->count == history->capacity)
        forget_first(history);
    history->ring[(history->first + history->count) % history->capacity] = added;
    history->count++;
    history->newest = sequence;
    return 1;
}

static const struct backlog_event *at(const struct backlog *history, size_t index)
{
    return &history->ring[(history->first + index) % history->capacity];
}

const struct backlog_event *backlog_next(const struct backlog *history, uint64_t after)
{
    size_t low = 0;
    size_t high = history->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (at(history, middle)->sequence > after)
            high = middle;
        else
            low = middle + 1;
    }
    return low == history->count ? NULL : at(history, low);
}

uint64_t backlog_oldest(const struct backlog *history)
{
    return history->count == 0 ? 0 : at(history, 0)->sequence;
}

uint64_t backlog_before_last(const struct backlog *history, size_t count)
{
    if (count == 0 || history->count == 0)
        return history->newest;
    const size_t index = count >= history->count ? 0 : history->count - count;
    return at(history, index)->sequence - 1;
}
