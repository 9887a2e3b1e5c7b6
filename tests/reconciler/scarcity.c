#include "tests/reconciler/scarcity.h"

#include <jansson.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* Names that the linker's --wrap gives. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__real_reallocarray(void *pointer, size_t count, size_t size);
char *__real_strdup(const char *string);
char *__real_strndup(const char *string, size_t most);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
void *__wrap_reallocarray(void *pointer, size_t count, size_t size);
char *__wrap_strdup(const char *string);
char *__wrap_strndup(const char *string, size_t most);
json_t *__real_json_loads(const char *input, size_t flags, json_error_t *error);
json_t *__wrap_json_loads(const char *input, size_t flags, json_error_t *error);
json_t *__real_json_loadb(const char *bytes, size_t length, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *bytes, size_t length, size_t flags, json_error_t *error);

enum mode { PLENTY, COUNTED, BY_CHANCE };

static enum mode mode;
static uint64_t left, failed, state, odds;
static bool lasts;

static bool by_chance(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % odds == 0;
}

static bool fails(void)
{
    bool now = false;
    switch (mode) {
    case PLENTY:
        return false;
    case COUNTED:
        now = left == 0 && (lasts || failed == 0);
        if (left > 0)
            left--;
        break;
    case BY_CHANCE:
        now = by_chance();
        break;
    }
    if (now) {
        failed++;
        errno = ENOMEM;
    }
    return now;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size)
{
    return fails() ? NULL : __real_realloc(pointer, size);
}

void *__wrap_reallocarray(void *pointer, size_t count, size_t size)
{
    return fails() ? NULL : __real_reallocarray(pointer, count, size);
}

char *__wrap_strdup(const char *string)
{
    return fails() ? NULL : __real_strdup(string);
}

char *__wrap_strndup(const char *string, size_t most)
{
    return fails() ? NULL : __real_strndup(string, most);
}

static json_t *without_words(json_error_t *error)
{
    if (error != NULL)
        *error = (json_error_t){.line = -1};
    return NULL;
}

/* jansson's parser goes on without the bytes for which it found no memory, and writes beyond its
 * buffer then: nothing that a caller could notice or prevent. Here it fails as a whole or not. */
json_t *__wrap_json_loads(const char *input, size_t flags, json_error_t *error)
{
    if (fails())
        return without_words(error);
    const enum mode before = mode;
    mode = PLENTY;
    json_t *value = __real_json_loads(input, flags, error);
    mode = before;
    return value;
}

json_t *__wrap_json_loadb(const char *bytes, size_t length, size_t flags, json_error_t *error)
{
    if (fails())
        return without_words(error);
    const enum mode before = mode;
    mode = PLENTY;
    json_t *value = __real_json_loadb(bytes, length, flags, error);
    mode = before;
    return value;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static void begin(enum mode wanted)
{
    mode = wanted;
    failed = 0;
    json_set_alloc_funcs(malloc, free);
}

void scarcity_begin(uint64_t spared, bool lasting)
{
    left = spared;
    lasts = lasting;
    begin(COUNTED);
}

void scarcity_begin_by_chance(uint64_t seed, uint64_t rarity)
{
    state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    odds = rarity;
    begin(BY_CHANCE);
}

uint64_t scarcity_end(void)
{
    mode = PLENTY;
    return failed;
}
