#include "config/base/utf8.h"

#include <string.h>

/* By what a first byte says; 0 = it is none. */
static size_t size_of(unsigned char first)
{
    return first < 0x80   ? 1
           : first < 0xC2 ? 0
           : first < 0xE0 ? 2
           : first < 0xF0 ? 3
           : first < 0xF5 ? 4
                          : 0;
}

size_t utf8_read(const char *bytes, size_t length, uint32_t *ret_point)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char first = (unsigned char)bytes[0];
    const size_t size = size_of(first);
    if (size == 0 || size > length)
        return 0;
    uint32_t point = size == 1 ? first : first & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        const unsigned char next = (unsigned char)bytes[i];
        if ((next & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (next & 0x3Fu);
    }
    if (point < lowest[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return 0;
    *ret_point = point;
    return size;
}

bool utf8_is_valid(const char *text)
{
    size_t left = strlen(text), size = 0;
    for (uint32_t point; left > 0; text += size, left -= size) {
        size = utf8_read(text, left, &point);
        if (size == 0)
            return false;
    }
    return true;
}

/* All that is left begins a character, and lacks its end. */
static bool is_cut(const char *text, size_t left)
{
    for (size_t i = 1; i < left; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80)
            return false;
    }
    return size_of((unsigned char)*text) > left;
}

void utf8_mend(char *text)
{
    size_t left = strlen(text), size = 0;
    for (uint32_t point; left > 0; text += size, left -= size) {
        size = utf8_read(text, left, &point);
        if (size > 0)
            continue;
        if (is_cut(text, left)) {
            *text = '\0';
            return;
        }
        *text = '?';
        size = 1;
    }
}
