#include "daemon/http/pages.h"

#include "config/base/json.h"
#include "config/base/owned.h"
#include "config/base/text.h"

#include <stdlib.h>
#include <string.h>

/* A cursor has to fit into a URL. */
#define CURSOR_LIMIT ((size_t)8 * 1024)

struct pages {
    unsigned max_pages, count;
    size_t items, duplicates;
    json_t *cursors; /* object: each cursor that was seen */
    json_t *seen;    /* object: "<namespace>/<name>" to uid */
    char *cursor;
};

struct pages *pages_new(unsigned max_pages)
{
    struct pages *pages = calloc(1, sizeof(*pages));
    if (pages == NULL)
        return NULL;
    pages->max_pages = max_pages;
    pages->cursors = json_object();
    pages->seen = json_object();
    return pages->cursors == NULL || pages->seen == NULL ? pages_free(pages) : pages;
}

struct pages *pages_free(struct pages *pages)
{
    if (pages != NULL) {
        json_decref(pages->cursors);
        json_decref(pages->seen);
        free(pages->cursor);
        free(pages);
    }
    return NULL;
}

static int torn(struct error *err, const char *pointer, size_t index, const char *what)
{
    return error_set(err, ERROR_UNAVAILABLE, ERR_INVALID, "the list is torn: %s%zu%s", pointer,
                     index, what);
}

/* Keeps the items that are new. An item is known by its uid; where there is none, by its name. */
static int take_item(struct pages *pages, json_t *item, size_t index, json_t *items,
                     struct error *err)
{
    const json_t *metadata = json_object_get(item, "metadata");
    const char *name = json_string_value(json_object_get(metadata, "name"));
    const json_t *uid = json_object_get(metadata, "uid");
    if (name == NULL || *name == '\0')
        return torn(err, "/items/", index, "/metadata/name is no text");
    if (uid != NULL && !json_is_string(uid))
        return torn(err, "/items/", index, "/metadata/uid is no text");
    OWNED_TEXT key;
    text_init(&key, 4096);
    text_format(&key, "%s/%s", json_text_or(json_object_get(metadata, "namespace"), ""), name);
    if (text_status(&key) < 0)
        return torn(err, "/items/", index, "/metadata/name is too long");
    const json_t *before = json_object_get(pages->seen, text_get(&key));
    if (before != NULL) {
        if (uid != NULL && !json_equal(before, uid))
            return torn(err, "/items/", index,
                        " has another uid than on an earlier page: it was made anew meanwhile");
        pages->duplicates++;
        return 0;
    }
    json_t *known = uid == NULL ? json_null() : json_string(json_string_value(uid));
    if (json_object_set_new(pages->seen, text_get(&key), known) < 0 ||
        json_array_append(items, item) < 0)
        return error_no_memory(err);
    pages->items++;
    return 0;
}

static int take_cursor(struct pages *pages, const json_t *body, struct error *err)
{
    const json_t *value = json_at(body, "pagination", "nextCursor", NULL);
    free(pages->cursor);
    pages->cursor = NULL;
    if (value == NULL || json_is_null(value) ||
        (json_is_string(value) && json_string_length(value) == 0))
        return 0;
    if (!json_is_string(value) || json_string_length(value) > CURSOR_LIMIT)
        return error_set(err, ERROR_UNAVAILABLE, ERR_INVALID,
                         "the list is torn: /pagination/nextCursor is no cursor");
    const char *cursor = json_string_value(value);
    if (json_object_get(pages->cursors, cursor) != NULL)
        return error_set(err, ERROR_UNAVAILABLE, ERR_INVALID,
                         "the list is torn: page %u leads back to a page before it", pages->count);
    if (pages->count >= pages->max_pages)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "the list has more than %u pages",
                         pages->max_pages);
    pages->cursor = strdup(cursor);
    if (pages->cursor == NULL || json_object_set_new(pages->cursors, cursor, json_true()) < 0)
        return error_no_memory(err);
    return 0;
}

int pages_add(struct pages *pages, const json_t *body, json_t **ret_items, struct error *err)
{
    const json_t *all = json_object_get(body, "items");
    if (!json_is_array(all))
        return error_set(err, ERROR_UNAVAILABLE, ERR_INVALID, "the answer is no list: /items is %s",
                         all == NULL ? "missing" : "no array");
    OWNED_JSON *items = json_array();
    if (items == NULL)
        return error_no_memory(err);
    pages->count++;
    size_t index;
    json_t *item;
    json_array_foreach(all, index, item)
    {
        const int result = take_item(pages, item, index, items, err);
        if (result < 0)
            return result;
    }
    const int result = take_cursor(pages, body, err);
    if (result == 0)
        *ret_items = TAKE(items);
    return result;
}

const char *pages_cursor(const struct pages *pages)
{
    return pages->cursor;
}

/* Quotes inside of texts are escaped, so this can only be a key; whose key is not known. */
char *pages_peek(const char *body, size_t length)
{
    static const char key[] = "\"nextCursor\"";
    const size_t window = CURSOR_LIMIT + 256;
    const char *end = body + length;
    const char *from = length > window ? end - window : body;
    const char *at = NULL;
    while ((from = memmem(from, (size_t)(end - from), key, sizeof(key) - 1)) != NULL) {
        from += sizeof(key) - 1;
        at = from;
    }
    while (at != NULL && at < end && (*at == ' ' || *at == ':'))
        at++;
    if (at == NULL || at == end || *at++ != '"')
        return NULL;
    const char *last = memchr(at, '"', (size_t)(end - at));
    if (last == NULL || last == at || memchr(at, '\\', (size_t)(last - at)) != NULL)
        return NULL;
    return strndup(at, (size_t)(last - at));
}

unsigned pages_count(const struct pages *pages)
{
    return pages->count;
}

size_t pages_items(const struct pages *pages)
{
    return pages->items;
}

size_t pages_duplicates(const struct pages *pages)
{
    return pages->duplicates;
}
