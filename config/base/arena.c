#include "config/base/arena.h"

#include "config/base/check.h"
#include "config/base/pool.h"
#include "config/base/text.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small blocks at first: most snapshots hold one cell, and there are many of them. Each further one
 * is a part of what is there. */
#define BLOCK_FIRST 512u
#define BLOCK_LARGEST ((size_t)64 * 1024)

struct block {
    struct block *next;
    size_t size, used;
    bool pooled;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *blocks; /* the newest first */
    struct pool *pool;    /* NULL = malloc() */
    size_t limit, used;
};

struct arena *arena_new(size_t limit)
{
    struct arena *arena = calloc(1, sizeof(*arena));
    if (arena == NULL)
        return NULL;
    arena->limit = limit;
    return arena;
}

struct arena *arena_new_in(struct pool *pool, size_t limit)
{
    struct arena *arena = arena_new(limit);
    if (arena != NULL)
        arena->pool = pool;
    return arena;
}

static void free_block(struct block *block)
{
    if (block->pooled)
        pool_give(block);
    else
        free(block);
}

struct arena *arena_free(struct arena *arena)
{
    if (arena == NULL)
        return NULL;
    for (struct block *block = arena->blocks; block != NULL;) {
        struct block *next = block->next;
        free_block(block);
        block = next;
    }
    free(arena);
    return NULL;
}

void arena_reset(struct arena *arena)
{
    struct block *kept = arena->blocks;
    if (kept == NULL)
        return;
    for (struct block *block = kept->next; block != NULL;) {
        struct block *next = block->next;
        free_block(block);
        block = next;
    }
    kept->next = NULL;
    kept->used = 0;
    arena->used = 0;
}

void arena_freep(struct arena **arena)
{
    *arena = arena_free(*arena);
}

static struct block *add_block(struct arena *arena, size_t at_least)
{
    const size_t grown = arena->used / 4 < BLOCK_LARGEST ? arena->used / 4 : BLOCK_LARGEST;
    const size_t wanted = grown < BLOCK_FIRST ? BLOCK_FIRST : grown;
    size_t size = at_least > wanted ? at_least : wanted;
    const bool pooled =
        arena->pool != NULL && sizeof(struct block) + at_least <= pool_size(arena->pool);
    if (pooled)
        size = pool_size(arena->pool) - sizeof(struct block);
    struct block *block = pooled ? pool_take(arena->pool) : malloc(sizeof(struct block) + size);
    if (block == NULL)
        return NULL;
    block->pooled = pooled;
    block->size = size;
    block->used = 0;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

/* `size` bytes at a multiple of `alignment` (a power of two), not zeroed. */
static void *take(struct arena *arena, size_t size, size_t alignment)
{
    struct block *block = arena->blocks;
    size_t start = block == NULL ? 0 : (block->used + alignment - 1) & ~(alignment - 1);
    if (size > arena->limit - arena->used)
        return NULL;
    if (block == NULL || start > block->size || block->size - start < size) {
        block = add_block(arena, size);
        start = 0;
    }
    if (block == NULL)
        return NULL;
    block->used = start + size;
    arena->used += size;
    return block->bytes + start;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *memory = take(arena, size, alignof(max_align_t));
    return memory == NULL || size == 0 ? memory : memset(memory, 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return arena_alloc(arena, count * size);
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? take(arena, length + 1, 1) : NULL;
    if (copy == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text));
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    CHECK(length >= 0);
    char *text = take(arena, (size_t)length + 1, 1);
    if (text != NULL)
        (void)text_vput(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
