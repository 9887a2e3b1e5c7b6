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
    (void)packed_unref(history->ring[history->first].value);
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

json_t *backlog_value(const struct backlog_event *event)
{
    OWNED_JSON *value = packed_open(event->value);
    if (value == NULL ||
        json_object_set_new(value, "sequence", json_integer((json_int_t)event->sequence)) < 0 ||
        (strlen(packed_text(event->value)) > EVENT_BYTES &&
         json_object_set_new(value, "data", json_null()) < 0))
        return NULL;
    return TAKE(value);
}

char *backlog_stream(const struct backlog_event *event)
{
    OWNED_JSON *value = backlog_value(event);
    OWNED(owned_free) char *line = value == NULL ? NULL : json_escaped(value);
    if (line == NULL)
        return NULL;
    OWNED_TEXT text;
    text_init(&text, strlen(line) + 128);
    text_format(&text, "id: %llu\nevent: %s\ndata: ", (unsigned long long)event->sequence,
                plain_type(value));
    text_add(&text, line);
    text_add(&text, "\n\n");
    return text_take(&text);
}

void backlog_add(struct backlog *history, uint64_t sequence, struct packed *event)
{
    if (sequence <= history->newest)
        return;
    if (history->count == history->capacity)
        forget_first(history);
    history->ring[(history->first + history->count) % history->capacity] =
        (struct backlog_event){.sequence = sequence, .value = packed_ref(event)};
    history->count++;
    history->newest = sequence;
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
