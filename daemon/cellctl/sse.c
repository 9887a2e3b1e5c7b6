#include "daemon/cellctl/sse.h"

#include "config/base/json.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES ((size_t)1 << 20)

void sse_init(struct sse *sse, client_event *event, void *context)
{
    *sse = (struct sse){.event = event, .context = context};
    text_init(&sse->line, LINE_BYTES);
    text_init(&sse->data, LINE_BYTES);
}

void sse_fini(struct sse *sse)
{
    text_fini(&sse->line);
    text_fini(&sse->data);
}

static void clear(struct text *text)
{
    text_fini(text);
    text_init(text, LINE_BYTES);
}

static bool deliver(struct sse *sse)
{
    bool more = true;
    OWNED_JSON *value = NULL;
    if (sse->data.length > 0 &&
        json_read(text_get(&sse->data), sse->data.length, "an event", &value, NULL) == 0)
        more = sse->event(sse->context, sse->type, value);
    clear(&sse->data);
    sse->type[0] = '\0';
    return more;
}

/* What follows "name:" and one space; NULL when the line is another field. */
static const char *field(const char *line, const char *name)
{
    const size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    return line + length + (line[length + 1] == ' ' ? 2 : 1);
}

static bool take_line(struct sse *sse)
{
    const char *line = text_get(&sse->line);
    if (line[0] == '\0')
        return deliver(sse);
    const char *type = field(line, "event");
    const char *data = field(line, "data");
    if (type != NULL)
        (void)snprintf(sse->type, sizeof(sse->type), "%s", type);
    if (data != NULL)
        text_add(&sse->data, data);
    return true;
}

bool sse_feed(struct sse *sse, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
            text_add_char(&sse->line, bytes[i]);
            continue;
        }
        if (text_status(&sse->line) != 0 || !take_line(sse))
            return false;
        clear(&sse->line);
    }
    return text_status(&sse->line) == 0;
}
