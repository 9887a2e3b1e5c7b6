#include "tests/platform/traffic/message.h"

#include <string.h>
#include <strings.h>

bool traffic_slice_is(struct traffic_slice slice, const char *text)
{
    return strlen(text) == slice.length && memcmp(slice.at, text, slice.length) == 0;
}

bool traffic_slice_is_name(struct traffic_slice slice, const char *text)
{
    return strlen(text) == slice.length && strncasecmp(slice.at, text, slice.length) == 0;
}

struct traffic_slice traffic_message_header(const struct traffic_message *message, const char *name)
{
    for (size_t i = 0; i < message->header_count; i++)
        if (traffic_slice_is_name(message->headers[i].name, name))
            return message->headers[i].value;
    return (struct traffic_slice){0};
}

static struct traffic_slice trim(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct traffic_slice){at, (size_t)(end - at)};
}

/* "GET /path HTTP/1.1" */
static bool read_request_line(const char *line, const char *end, struct traffic_message *m)
{
    const char *first = memchr(line, ' ', (size_t)(end - line));
    const char *last = memrchr(line, ' ', (size_t)(end - line));
    if (first == NULL || first == last || first == line || first[1] != '/')
        return false;
    m->method = (struct traffic_slice){line, (size_t)(first - line)};
    m->target = trim(first + 1, last);
    const struct traffic_slice version = {last + 1, (size_t)(end - last - 1)};
    m->keep_alive = traffic_slice_is(version, "HTTP/1.1");
    return m->keep_alive || traffic_slice_is(version, "HTTP/1.0");
}

/* "HTTP/1.1 200 OK" */
static bool read_status_line(const char *line, const char *end, struct traffic_message *m)
{
    if (end - line < 12 || memcmp(line, "HTTP/1.", 7) != 0)
        return false;
    m->keep_alive = line[7] == '1';
    for (const char *digit = line + 9; digit < line + 12; digit++) {
        if (*digit < '0' || *digit > '9')
            return false;
        m->status = m->status * 10 + (*digit - '0');
    }
    return true;
}

static bool read_length(struct traffic_slice text, size_t *ret)
{
    size_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || value > TRAFFIC_BODY_LIMIT)
            return false;
        value = value * 10 + (size_t)(text.at[i] - '0');
    }
    *ret = value;
    return text.length > 0 && value <= TRAFFIC_BODY_LIMIT;
}

static bool read_header(const char *line, const char *end, struct traffic_message *m)
{
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (colon == NULL || colon == line || m->header_count == TRAFFIC_HEADER_LIMIT)
        return false;
    struct traffic_header *h = &m->headers[m->header_count++];
    h->name = (struct traffic_slice){line, (size_t)(colon - line)};
    h->value = trim(colon + 1, end);
    if (traffic_slice_is_name(h->name, "content-length"))
        return read_length(h->value, &m->body_length);
    if (traffic_slice_is_name(h->name, "connection"))
        m->keep_alive = m->keep_alive ? !traffic_slice_is_name(h->value, "close")
                                      : traffic_slice_is_name(h->value, "keep-alive");
    return !traffic_slice_is_name(h->name, "transfer-encoding");
}

int traffic_message_read(const char *bytes, size_t length, bool request,
                         struct traffic_message *ret)
{
    const size_t seen = length < TRAFFIC_HEAD_LIMIT ? length : TRAFFIC_HEAD_LIMIT;
    const char *blank = memmem(bytes, seen, "\r\n\r\n", 4);
    if (blank == NULL)
        return length >= TRAFFIC_HEAD_LIMIT ? -1 : 0;
    ret->status = 0;
    ret->header_count = 0;
    ret->body_length = 0;
    ret->head_length = (size_t)(blank - bytes) + 4;
    const char *line = bytes;
    for (bool first = true; line < blank + 2; first = false) {
        const char *end = memmem(line, (size_t)(blank + 2 - line), "\r\n", 2);
        if (end == NULL)
            return -1;
        const bool fine = !first    ? read_header(line, end, ret)
                          : request ? read_request_line(line, end, ret)
                                    : read_status_line(line, end, ret);
        if (!fine)
            return -1;
        line = end + 2;
    }
    return 1;
}
