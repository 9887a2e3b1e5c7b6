/* The request line taken apart: segments of the path, percent-decoded, and the query. */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

#define PATH_SEGMENTS 10

struct path {
    char bytes[2048];
    const char *segments[PATH_SEGMENTS];
    size_t count;
    json_t *query; /* owned object of texts; the first of equal names wins */
    bool too_long;
};

void path_parse(struct path *path, const char *line);
void path_fini(struct path *path);
