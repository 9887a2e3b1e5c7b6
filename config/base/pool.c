#include "config/base/pool.h"

#include "config/base/check.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A block is a part of what is there, up to what malloc() maps apart and gives back at once. */
#define FEWEST_PIECES 8u
#define BLOCK_LARGEST ((size_t)256 * 1024)

struct piece {
    struct block *block;
    alignas(max_align_t) union {
        struct piece *next; /* while it is free */
        unsigned char bytes[1];
    };
};
#define HEAD offsetof(struct piece, bytes)

struct block {
    struct pool *pool;
    struct block *next, *previous; /* among those with room */
    struct piece *free;            /* that came back */
    size_t count, used, begun;     /* pieces: `begun` of them were handed out at some time */
    alignas(max_align_t) unsigned char bytes[];
};

struct pool {
    size_t size, stride, used;
    struct block *with_room;
};

struct pool *pool_new(size_t size)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL)
        return NULL;
    const size_t alignment = alignof(max_align_t);
    pool->size = size;
    pool->stride = HEAD + (size + alignment - 1) / alignment * alignment;
    return pool;
}

struct pool *pool_free(struct pool *pool)
{
    CHECK(pool == NULL || pool->used == 0);
    free(pool);
    return NULL;
}

size_t pool_size(const struct pool *pool)
{
    return pool->size;
}

static void put(struct block *block)
{
    struct pool *pool = block->pool;
    block->previous = NULL;
    block->next = pool->with_room;
    if (block->next != NULL)
        block->next->previous = block;
    pool->with_room = block;
}

static void take_out(struct block *block)
{
    if (block->previous != NULL)
        block->previous->next = block->next;
    else
        block->pool->with_room = block->next;
    if (block->next != NULL)
        block->next->previous = block->previous;
}

static struct block *add_block(struct pool *pool)
{
    size_t count = pool->used / 2;
    if (count > BLOCK_LARGEST / pool->stride)
        count = BLOCK_LARGEST / pool->stride;
    if (count < FEWEST_PIECES)
        count = FEWEST_PIECES;
    struct block *block = malloc(sizeof(*block) + count * pool->stride);
    if (block == NULL)
        return NULL;
    *block = (struct block){.pool = pool, .count = count};
    put(block);
    return block;
}

static bool is_full(const struct block *block)
{
    return block->used == block->count;
}

void *pool_take(struct pool *pool)
{
    struct block *block = pool->with_room != NULL ? pool->with_room : add_block(pool);
    if (block == NULL)
        return NULL;
    struct piece *piece = block->free;
    if (piece != NULL)
        block->free = piece->next;
    else
        piece = (struct piece *)(void *)(block->bytes + block->begun++ * pool->stride);
    block->used++;
    pool->used++;
    if (is_full(block))
        take_out(block);
    piece->block = block;
    return memset(piece->bytes, 0, pool->size);
}

void pool_give(void *bytes)
{
    if (bytes == NULL)
        return;
    struct piece *piece = (struct piece *)(void *)((unsigned char *)bytes - HEAD);
    struct block *block = piece->block;
    CHECK(block->used > 0);
    if (is_full(block))
        put(block);
    piece->next = block->free;
    block->free = piece;
    block->used--;
    block->pool->used--;
    if (block->used > 0)
        return;
    take_out(block);
    free(block);
}
