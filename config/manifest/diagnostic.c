#include "config/manifest/diagnostic.h"

#include "config/base/arena.h"
#include "config/base/check.h"

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
static size_t printable(const char *text)
{
    const unsigned char c = (unsigned char)text[0];
    if (c < 0x20 || c == 0x7F)
        return 0;
    if (c < 0x80)
        return 1;
    const size_t size = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC2 ? 2 : 0;
    for (size_t i = 1; i < size; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80)
            return 0;
    }
    if (c == 0xC2 && (unsigned char)text[1] < 0xA1)
        return 0;
    if (c == 0xE2) {
        const unsigned second = (unsigned char)text[1], third = (unsigned char)text[2];
        if (second == 0x80 &&
            ((third >= 0x8B && third <= 0x8F) || (third >= 0xA8 && third <= 0xAE)))
            return 0;
        if (second == 0x81 && third >= 0xA0 && third <= 0xAF)
            return 0;
    }
    return size;
}

/* A copy with everything unprintable as \xNN, cut at the limit. NULL without memory. */
static const char *copy_escaped(struct diagnostics *list, const char *text)
{
    OWNED_TEXT out;
    text_init(&out, (size_t)MESSAGE_LIMIT * 4);
    while (*text != '\0' && out.length < MESSAGE_LIMIT - 8) {
        const size_t size = printable(text);
        if (size == 0)
            text_format(&out, "\\x%02X", (unsigned)(unsigned char)*text);
        else
            text_add_bytes(&out, text, size);
        text += size == 0 ? 1 : size;
    }
    if (*text != '\0')
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
