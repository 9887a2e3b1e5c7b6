#include "config/base/check.h"
#include "config/base/digest.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

json_t *values_mutable(const json_t *value)
{
    const union {
        const json_t *given;
        json_t *same;
    } both = {.given = value};
    return both.same;
}

void values_free_text(const char *text)
{
    const union {
        const char *given;
        char *same;
    } both = {.given = text};
    free(both.same);
}

json_t *values_copy(const json_t *value)
{
    json_t *copy = json_deep_copy(value);
    CHECK(copy != NULL);
    return copy;
}

json_t *values_get(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

const char *values_text(const json_t *object, const char *key)
{
    return json_text_or(json_object_get(object, key), "");
}

int64_t values_int(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool values_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

void values_merge(json_t *target, const json_t *patch)
{
    const char *key;
    json_t *value;
    json_object_foreach(values_mutable(patch), key, value)
    {
        json_t *there = json_object_get(target, key);
        if (json_is_null(value)) {
            json_object_del(target, key);
        } else if (json_is_object(value) && json_is_object(there)) {
            values_merge(there, value);
        } else {
            CHECK(json_object_set_new(target, key, values_copy(value)) == 0);
        }
    }
}

bool values_glob(const char *glob, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text != '\0') {
        if (*glob == '*') {
            star = glob++;
            resume = text;
        } else if (*glob == *text) {
            glob++;
            text++;
        } else if (star != NULL) {
            glob = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

char *values_time(int64_t ms, char ret_text[static 32])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    CHECK(gmtime_r(&seconds, &parts) != NULL);
    CHECK(strftime(ret_text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0);
    return ret_text;
}

char *values_copy_text(const char *text)
{
    char *copy = strdup(text);
    CHECK(copy != NULL);
    return copy;
}

void *values_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    CHECK(memory != NULL);
    return memory;
}

void *values_grow(void *items, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return items;
    size_t larger = *capacity == 0 ? 8 : *capacity * 2;
    while (larger < needed)
        larger *= 2;
    void *moved = realloc(items, larger * size);
    CHECK(moved != NULL);
    *capacity = larger;
    return moved;
}

void values_hash(const char *text, size_t digits, char *ret_text)
{
    const struct digest digest = digest_bytes(text, strlen(text));
    memcpy(ret_text, digest.text, digits);
    ret_text[digits] = '\0';
}

void values_hash_json(const json_t *value, size_t digits, char *ret_text)
{
    struct digest digest;
    CHECK(digest_json(value, &digest) == 0);
    memcpy(ret_text, digest.text, digits);
    ret_text[digits] = '\0';
}

/* Lower-case letters, digits and hyphens; everything else becomes a hyphen. */
static void sanitize(char *text)
{
    for (char *c = text; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
        else if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9')))
            *c = '-';
    }
}

void values_name(char *ret_name, size_t size, size_t limit, const char *const *parts, size_t count)
{
    char joined[NAME_SIZE * 2] = "", base[NAME_SIZE * 2] = "", hash[9];
    /* every part has the same share, whether the others need theirs or not */
    const size_t share = (limit - 8 - count) / count;
    for (size_t i = 0; i < count; i++) {
        const size_t used = strlen(joined), kept = strlen(base);
        snprintf(joined + used, sizeof(joined) - used, "%s%s", i == 0 ? "" : "-", parts[i]);
        snprintf(base + kept, sizeof(base) - kept, "%s%.*s", i == 0 ? "" : "-", (int)share,
                 parts[i]);
    }
    values_hash(joined, 8, hash);
    sanitize(base);
    snprintf(ret_name, size, "%.*s-%s", (int)(size - 10), base, hash);
}
