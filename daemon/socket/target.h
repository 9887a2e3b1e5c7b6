/* What a request asks for: the path in pieces, decoded and refused when it is anything but plain.
 */
#pragma once

#include <stddef.h>

#define TARGET_SEGMENTS 6
#define TARGET_BYTES 1024

struct target_path {
    const char *segments[TARGET_SEGMENTS];
    size_t count;
    char storage[TARGET_BYTES];
};

/* Reads a raw path ("/v1/cells/cart%2Db"). Returns 0, or -EINVAL: not absolute, an empty piece, "."
 * or "..", a bad escape, an escaped slash, a control character, no UTF-8, too long or too deep. */
int target_parse(struct target_path *target, const char *raw) __attribute__((warn_unused_result));

/* Decodes one value of the query ('+' is a space). Same refusals, but slashes are allowed. */
int target_decode(const char *raw, char *ret_text, size_t size) __attribute__((warn_unused_result));
