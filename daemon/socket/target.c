#include "daemon/socket/target.h"

#include "config/base/utf8.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes `length` raw bytes into `ret_text`. */
static int decode(const char *raw, size_t length, bool is_query, char *ret_text, size_t size)
{
    size_t written = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)raw[i];
        if (c == '%') {
            const int high = i + 2 < length ? hex(raw[i + 1]) : -1;
            const int low = high >= 0 ? hex(raw[i + 2]) : -1;
            if (low < 0)
                return -EINVAL;
            c = (unsigned char)(high << 4 | low);
            i += 2;
            if (c == '/' && !is_query)
                return -EINVAL;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        if (c < 0x20 || c == 0x7F || written + 1 >= size)
            return -EINVAL;
        ret_text[written++] = (char)c;
    }
    ret_text[written] = '\0';
    return utf8_is_valid(ret_text) ? 0 : -EINVAL;
}

int target_decode(const char *raw, char *ret_text, size_t size)
{
    return decode(raw, strlen(raw), true, ret_text, size);
}

int target_parse(struct target_path *target, const char *raw)
{
    target->count = 0;
    if (raw[0] != '/' || raw[1] == '\0' || strlen(raw) >= sizeof(target->storage))
        return -EINVAL;
    char *place = target->storage;
    for (const char *from = raw + 1;;) {
        const size_t length = strcspn(from, "/");
        if (length == 0 || target->count == TARGET_SEGMENTS)
            return -EINVAL;
        if (decode(from, length, false, place,
                   sizeof(target->storage) - (size_t)(place - target->storage)) != 0)
            return -EINVAL;
        if (strcmp(place, ".") == 0 || strcmp(place, "..") == 0)
            return -EINVAL;
        target->segments[target->count++] = place;
        place += strlen(place) + 1;
        if (from[length] == '\0')
            return 0;
        from += length + 1;
    }
}
