#include "gitwatch/tree_path.h"

#include "config/base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t character, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (character >= ranges[i].first && character <= ranges[i].last)
            return true;
    return false;
}

/* Characters that show nothing, or turn the direction of what follows. */
static bool is_invisible(uint32_t character)
{
    static const struct range ranges[] = {
        {0x00, 0x1f},     {0x7f, 0xa0},     {0xad, 0xad},       {0x34f, 0x34f},   {0x61c, 0x61c},
        {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},   {0x2000, 0x200f}, {0x2028, 0x202f},
        {0x205f, 0x206f}, {0x3000, 0x3000}, {0x3164, 0x3164},   {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
        {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
    };
    return in_ranges(character, ranges, sizeof(ranges) / sizeof(ranges[0]));
}

/* Marks that combine with the letter before them: the composed form of the name differs. */
static bool is_combining(uint32_t character)
{
    static const struct range ranges[] = {
        {0x300, 0x36f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f},
    };
    return in_ranges(character, ranges, sizeof(ranges) / sizeof(ranges[0]));
}

/* What NTFS, FAT or HFS+ would open as .git: case, "git~N", trailing dots, spaces and streams. */
static bool is_dot_git(const char *name, size_t length)
{
    if (length >= 5 && strncasecmp(name, "git~", 4) == 0 && name[4] >= '0' && name[4] <= '9')
        return true;
    if (length < 4 || strncasecmp(name, ".git", 4) != 0)
        return false;
    for (size_t i = 4; i < length; i++) {
        if (name[i] == ':')
            return true;
        if (name[i] != '.' && name[i] != ' ')
            return false;
    }
    return true;
}

static const char *character_problem(const char *name, size_t length)
{
    for (size_t i = 0; i < length;) {
        uint32_t character = 0;
        const size_t count = utf8_read(name + i, length - i, &character);
        if (count == 0)
            return "is not UTF-8";
        if (character == '/' || character == '\\')
            return "holds a slash or backslash";
        if (character != ' ' && is_invisible(character))
            return "holds a control, invisible or direction character";
        if (is_combining(character))
            return "holds a letter with a separate accent (write it composed, NFC)";
        i += count;
    }
    return NULL;
}

const char *tree_path_name_problem(const char *name, size_t length)
{
    if (length == 0)
        return "is empty";
    if (length > TREE_NAME_LIMIT)
        return "is longer than 255 bytes";
    if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
        return "is '.' or '..'";
    if (is_dot_git(name, length))
        return "is what some systems take for .git";
    return character_problem(name, length);
}

const char *tree_path_problem(const char *path)
{
    if (strnlen(path, TREE_PATH_LIMIT + 1) > TREE_PATH_LIMIT)
        return "is longer than 1024 bytes";
    if (path[0] == '\0')
        return NULL;
    for (const char *step = path;; step++) {
        const size_t length = strcspn(step, "/");
        const char *problem = tree_path_name_problem(step, length);
        if (problem != NULL)
            return length == 0 ? "has an empty step, or begins or ends with a slash" : problem;
        step += length;
        if (*step == '\0')
            return NULL;
    }
}

char *tree_path_escape(const char *bytes, size_t length, char *ret_text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        char escaped[8];
        const char *piece = bytes + i;
        uint32_t character = 0;
        const size_t count = utf8_read(piece, length - i, &character);
        size_t piece_length = count;
        if (count == 0 || is_invisible(character)) {
            piece_length = (size_t)snprintf(escaped, sizeof(escaped), "\\x%02x",
                                            (unsigned)(unsigned char)*piece);
            piece = escaped;
        }
        if (used + piece_length >= size)
            break;
        memcpy(ret_text + used, piece, piece_length);
        used += piece_length;
        i += piece == escaped ? 1 : count;
    }
    if (size > 0)
        ret_text[used] = '\0';
    return ret_text;
}

/* One step against one step of the pattern, '*' for any number of bytes. */
static bool step_matches(const char *pattern, size_t pattern_length, const char *step,
                         size_t step_length)
{
    size_t p = 0;
    size_t s = 0;
    size_t star = SIZE_MAX;
    size_t star_step = 0;
    while (s < step_length) {
        if (p < pattern_length && pattern[p] == '*') {
            star = p++;
            star_step = s;
        } else if (p < pattern_length && pattern[p] == step[s]) {
            p++;
            s++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            s = ++star_step;
        } else {
            return false;
        }
    }
    while (p < pattern_length && pattern[p] == '*')
        p++;
    return p == pattern_length;
}

enum { PATTERN_STEPS = 32 };

struct step {
    const char *text;
    size_t length;
};

static size_t split(const char *path, struct step *steps)
{
    size_t count = 0;
    while (*path != '\0' && count < PATTERN_STEPS) {
        const size_t length = strcspn(path, "/");
        steps[count++] = (struct step){path, length};
        path += length;
        if (*path == '/')
            path++;
    }
    return count;
}

static bool is_any(const struct step *step)
{
    return step->length == 2 && memcmp(step->text, "**", 2) == 0;
}

/* The set of places in the pattern that the path read so far can stand at, as bits; a set bit at a
 * double asterisk also stands behind it. */
static uint64_t close_over(const struct step *steps, size_t count, uint64_t places)
{
    for (size_t i = 0; i < count; i++)
        if ((places >> i & 1) != 0 && is_any(&steps[i]))
            places |= UINT64_C(1) << (i + 1);
    return places;
}

unsigned tree_path_match(const char *pattern, const char *path)
{
    struct step steps[PATTERN_STEPS];
    const size_t count = split(pattern, steps);
    uint64_t written = 1; /* places that the last step reached by a step written in the pattern */
    uint64_t places = close_over(steps, count, written);
    while (*path != '\0' && places != 0) {
        const size_t length = strcspn(path, "/");
        uint64_t wild = 0;
        written = 0;
        for (size_t i = 0; i < count; i++) {
            if ((places >> i & 1) == 0)
                continue;
            if (is_any(&steps[i]))
                wild |= UINT64_C(1) << i;
            else if (step_matches(steps[i].text, steps[i].length, path, length))
                written |= UINT64_C(1) << (i + 1);
        }
        places = close_over(steps, count, wild | written);
        path += length;
        if (*path == '/')
            path++;
    }
    const uint64_t end = UINT64_C(1) << count;
    unsigned result = (places & end) != 0 ? TREE_MATCH_FULL : 0;
    if ((written & ~end) != 0)
        result |= TREE_MATCH_BELOW;
    else if ((places & ~end) != 0)
        result |= TREE_MATCH_BELOW_WILD;
    return result;
}
