#include "tests/platform/path.h"

#include "tests/platform/state.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static unsigned hex(char c)
{
    return (unsigned)(isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10);
}

static void decode(char *text, bool query)
{
    char *out = text;
    for (char *in = text; *in != '\0'; in++) {
        if (*in == '%' && isxdigit((unsigned char)in[1]) && isxdigit((unsigned char)in[2])) {
            *out++ = (char)(unsigned char)(hex(in[1]) << 4 | hex(in[2]));
            in += 2;
        } else {
            *out = *in;
            if (query && *in == '+')
                *out = ' ';
            out++;
        }
    }
    *out = '\0';
}

static void parse_query(struct path *path, char *query)
{
    char *rest = NULL;
    for (char *pair = strtok_r(query, "&", &rest); pair != NULL;
         pair = strtok_r(NULL, "&", &rest)) {
        char *value = strchr(pair, '=');
        if (value != NULL)
            *value++ = '\0';
        decode(pair, true);
        if (value != NULL)
            decode(value, true);
        json_t *text = json_string(value == NULL ? "" : value);
        if (text != NULL && values_get(path->query, pair) == NULL)
            json_object_set_new(path->query, pair, text);
        else
            json_decref(text);
    }
}

void path_parse(struct path *path, const char *line)
{
    *path = (struct path){.query = json_object()};
    const size_t length = strlen(line);
    path->too_long = length >= sizeof(path->bytes);
    if (path->too_long)
        return;
    memcpy(path->bytes, line, length + 1);
    char *query = strchr(path->bytes, '?');
    if (query != NULL) {
        *query++ = '\0';
        parse_query(path, query);
    }
    char *rest = NULL;
    for (char *segment = strtok_r(path->bytes, "/", &rest); segment != NULL;
         segment = strtok_r(NULL, "/", &rest)) {
        if (path->count == PATH_SEGMENTS) {
            path->too_long = true;
            return;
        }
        decode(segment, false);
        path->segments[path->count++] = segment;
    }
}

void path_fini(struct path *path)
{
    json_decref(path->query);
}
