#include "config/manifest/diagnostic.h"

#include "config/base/arena.h"
#include "config/base/check.h"
#include "config/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_LIMIT 1024u
#define MEMORY_LIMIT ((size_t)16 * 1024 * 1024)

struct diagnostics {
    struct arena *arena;
    struct diagnostic *items;
    size_t count, capacity, cap, dropped, errors;
    int status;
};

struct diagnostics *diagnostics_new(size_t cap)
{
    struct diagnostics *list = calloc(1, sizeof(*list));
    if (list == NULL)
        return NULL;
    list->cap = cap;
    list->arena = arena_new(MEMORY_LIMIT);
    if (list->arena == NULL) {
        free(list);
        return NULL;
    }
    return list;
}

struct diagnostics *diagnostics_free(struct diagnostics *list)
{
    if (list == NULL)
        return NULL;
    arena_free(list->arena);
    free(list->items);
    free(list);
    return NULL;
}

void diagnostics_freep(struct diagnostics **list)
{
    *list = diagnostics_free(*list);
}

static bool make_room(struct diagnostics *list)
{
    if (list->count < list->capacity)
        return true;
    const size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
    struct diagnostic *items = realloc(list->items, capacity * sizeof(*items));
    if (items == NULL)
        return false;
    list->items = items;
    list->capacity = capacity;
    return true;
}

/* Bytes of the character at `text`, 0 when it is not one that may be printed as it stands: control
 * characters, and those that are invisible or turn the direction of the text. */
static size_t printable(const char *text, size_t length)
{
    uint32_t point = 0;
    const size_t size = utf8_read(text, length, &point);
    const bool is_hidden =
        point < 0x20 || (point >= 0x7F && point <= 0xA0) || (point >= 0x200B && point <= 0x200F) ||
        (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F);
    return is_hidden ? 0 : size;
}

/* A copy with everything unprintable as \xNN, cut at the limit. NULL without memory. */
static const char *copy_escaped(struct diagnostics *list, const char *text)
{
    OWNED_TEXT out;
    text_init(&out, (size_t)MESSAGE_LIMIT * 4);
    size_t left = strlen(text);
    while (left > 0 && out.length < MESSAGE_LIMIT - 8) {
        const size_t size = printable(text, left);
        const size_t taken = size == 0 ? 1 : size;
        if (size == 0)
            text_format(&out, "\\x%02X", (unsigned)(unsigned char)*text);
        else
            text_add_bytes(&out, text, size);
        text += taken;
        left -= taken;
    }
    if (left > 0)
        text_add(&out, "...");
    return text_status(&out) < 0 ? NULL : arena_copy(list->arena, text_get(&out), out.length);
}

static bool copy_optional(struct diagnostics *list, const char **text)
{
    if (*text == NULL)
        return true;
    *text = copy_escaped(list, *text);
    return *text != NULL;
}

/* Neighbours mostly stand in the same file: its path is kept once. */
static bool copy_path(struct diagnostics *list, struct source_pos *at)
{
    if (at->path == NULL)
        return true;
    const char *last = list->count > 0 ? list->items[list->count - 1].at.path : NULL;
    if (last != NULL && strcmp(last, at->path) == 0) {
        at->path = last;
        return true;
    }
    return copy_optional(list, &at->path);
}

void diagnostics_add(struct diagnostics *list, const struct diagnostic *diagnostic)
{
    CHECK(diagnostic->code != NULL && diagnostic->message != NULL);
    if (diagnostic->severity == DIAGNOSTIC_ERROR)
        list->errors++;
    if (list->count >= list->cap) {
        list->dropped++;
        return;
    }
    struct diagnostic copy = *diagnostic;
    if (!make_room(list) || !copy_path(list, &copy.at) || !copy_optional(list, &copy.message) ||
        !copy_optional(list, &copy.hint) || !copy_optional(list, &copy.cell) ||
        !copy_path(list, &copy.related) || !copy_optional(list, &copy.related_message)) {
        list->dropped++;
        list->status = -ENOMEM;
        return;
    }
    list->items[list->count++] = copy;
}

size_t diagnostics_count(const struct diagnostics *list)
{
    return list->count;
}

const struct diagnostic *diagnostics_get(const struct diagnostics *list, size_t index)
{
    CHECK(index < list->count);
    return &list->items[index];
}

size_t diagnostics_error_count(const struct diagnostics *list)
{
    return list->errors;
}

size_t diagnostics_dropped(const struct diagnostics *list)
{
    return list->dropped;
}

int diagnostics_status(const struct diagnostics *list)
{
    return list->status;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int compare(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;
    int order = compare_texts(a->at.path, b->at.path);
    if (order == 0)
        order = compare_numbers(a->at.line, b->at.line);
    if (order == 0)
        order = compare_numbers(a->at.column, b->at.column);
    if (order == 0)
        order = strcmp(a->code, b->code);
    return order != 0 ? order : strcmp(a->message, b->message);
}

void diagnostics_sort(struct diagnostics *list)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(list->items[0]), compare);
}
