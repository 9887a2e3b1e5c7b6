#include "daemon/celld/json_heap.h"

#include "config/base/check.h"

#include <jansson.h>

#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SLAB_BYTES ((size_t)64 * 1024)
#define STEP 16u
#define CLASSES 32u      /* up to 512 bytes; larger ones are malloc's */
#define SPARE_SLABS 4u   /* empty ones that are kept: lists come one after the other */
#define FIRST_TABLE 256u /* places for slabs' addresses */

struct slab {
    struct slab *next, *previous; /* among those of its class with room: the oldest first */
    uint64_t number;              /* by age */
    void *free;                   /* pieces that came back: each holds the next one's address */
    uint32_t class, used, fresh;  /* `fresh` pieces were never handed out */
    alignas(STEP) unsigned char bytes[];
};

struct heap {
    pthread_mutex_t lock;
    struct slab *with_room[CLASSES];
    struct slab *spare;
    size_t spare_count, slab_count;
    uint64_t made;
    uintptr_t *table; /* open addressing, by address; 0 = free */
    size_t table_size;
};

static struct heap heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- which addresses are slabs ------------------------------------------------------------------
 */

static size_t place_of(uintptr_t base)
{
    const uint64_t hash = (uint64_t)(base / SLAB_BYTES) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 32) & (heap.table_size - 1);
    while (heap.table[at] != 0 && heap.table[at] != base)
        at = (at + 1) & (heap.table_size - 1);
    return at;
}

static bool grow_table(void)
{
    uintptr_t *old = heap.table;
    const size_t old_size = heap.table_size;
    const size_t size = old_size == 0 ? FIRST_TABLE : old_size * 2;
    uintptr_t *table = calloc(size, sizeof(*table));
    if (table == NULL)
        return false;
    heap.table = table;
    heap.table_size = size;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i] != 0)
            heap.table[place_of(old[i])] = old[i];
    }
    free(old);
    return true;
}

/* What stands behind the freed place may have been meant for it. */
static void forget(uintptr_t base)
{
    size_t at = place_of(base);
    heap.table[at] = 0;
    for (at = (at + 1) & (heap.table_size - 1); heap.table[at] != 0;
         at = (at + 1) & (heap.table_size - 1)) {
        const uintptr_t moved = heap.table[at];
        heap.table[at] = 0;
        heap.table[place_of(moved)] = moved;
    }
}

/* NULL = not from here. */
static struct slab *slab_of(void *pointer)
{
    const uintptr_t base = (uintptr_t)pointer & ~(uintptr_t)(SLAB_BYTES - 1);
    return heap.table_size > 0 && heap.table[place_of(base)] == base ? (struct slab *)base : NULL;
}

/* --- slabs --------------------------------------------------------------------------------------
 */

/* Twice the size is asked for, and what is not aligned goes back. */
static void *map_aligned(void)
{
    unsigned char *area =
        mmap(NULL, 2 * SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return NULL;
    const size_t before = (SLAB_BYTES - (uintptr_t)area % SLAB_BYTES) % SLAB_BYTES;
    if (before > 0)
        CHECK(munmap(area, before) == 0);
    CHECK(munmap(area + before + SLAB_BYTES, SLAB_BYTES - before) == 0);
    return area + before;
}

static void put_first(struct slab **list, struct slab *slab)
{
    slab->previous = NULL;
    slab->next = *list;
    if (*list != NULL)
        (*list)->previous = slab;
    *list = slab;
}

/* The oldest are filled first, so that the others run empty. */
static void put_by_age(struct slab **list, struct slab *slab)
{
    struct slab *before = NULL;
    for (struct slab *at = *list; at != NULL && at->number < slab->number; at = at->next)
        before = at;
    if (before == NULL) {
        put_first(list, slab);
        return;
    }
    slab->previous = before;
    slab->next = before->next;
    if (before->next != NULL)
        before->next->previous = slab;
    before->next = slab;
}

static void take_out(struct slab **list, struct slab *slab)
{
    if (slab->previous != NULL)
        slab->previous->next = slab->next;
    else
        *list = slab->next;
    if (slab->next != NULL)
        slab->next->previous = slab->previous;
}

static uint32_t capacity_of(uint32_t class)
{
    return (uint32_t)((SLAB_BYTES - sizeof(struct slab)) / ((size_t)(class + 1) * STEP));
}

static struct slab *new_slab(void)
{
    struct slab *slab = heap.spare;
    if (slab != NULL) {
        take_out(&heap.spare, slab);
        heap.spare_count--;
        return slab;
    }
    if ((heap.slab_count + 1) * 2 > heap.table_size && !grow_table())
        return NULL;
    slab = map_aligned();
    if (slab == NULL)
        return NULL;
    heap.table[place_of((uintptr_t)slab)] = (uintptr_t)slab;
    slab->number = heap.made++;
    heap.slab_count++;
    return slab;
}

static void retire(struct slab *slab)
{
    take_out(&heap.with_room[slab->class], slab);
    if (heap.spare_count < SPARE_SLABS) {
        put_first(&heap.spare, slab);
        heap.spare_count++;
        return;
    }
    forget((uintptr_t)slab);
    heap.slab_count--;
    CHECK(munmap(slab, SLAB_BYTES) == 0);
}

static void *take_piece(uint32_t class)
{
    struct slab *slab = heap.with_room[class];
    if (slab == NULL) {
        slab = new_slab();
        if (slab == NULL)
            return NULL;
        slab->free = NULL;
        slab->class = class;
        slab->used = 0;
        slab->fresh = capacity_of(class);
        put_first(&heap.with_room[class], slab);
    }
    void *piece = slab->free;
    if (piece != NULL)
        slab->free = *(void **)piece;
    else
        piece = slab->bytes + (size_t)--slab->fresh * (class + 1) * STEP;
    slab->used++;
    if (slab->free == NULL && slab->fresh == 0)
        take_out(&heap.with_room[class], slab);
    return piece;
}

static void give_back(struct slab *slab, void *piece)
{
    const bool was_full = slab->free == NULL && slab->fresh == 0;
    CHECK(slab->used > 0);
    *(void **)piece = slab->free;
    slab->free = piece;
    slab->used--;
    if (was_full)
        put_by_age(&heap.with_room[slab->class], slab);
    if (slab->used == 0)
        retire(slab);
}

/* --- for jansson --------------------------------------------------------------------------------
 */

void *json_heap_alloc(size_t size)
{
    if (size == 0 || size > (size_t)CLASSES * STEP)
        return malloc(size);
    CHECK(pthread_mutex_lock(&heap.lock) == 0);
    void *piece = take_piece((uint32_t)((size - 1) / STEP));
    CHECK(pthread_mutex_unlock(&heap.lock) == 0);
    return piece;
}

void json_heap_free(void *pointer)
{
    if (pointer == NULL)
        return;
    CHECK(pthread_mutex_lock(&heap.lock) == 0);
    struct slab *slab = slab_of(pointer);
    if (slab != NULL)
        give_back(slab, pointer);
    CHECK(pthread_mutex_unlock(&heap.lock) == 0);
    if (slab == NULL)
        free(pointer);
}

size_t json_heap_bytes(void)
{
    CHECK(pthread_mutex_lock(&heap.lock) == 0);
    const size_t bytes = heap.slab_count * SLAB_BYTES;
    CHECK(pthread_mutex_unlock(&heap.lock) == 0);
    return bytes;
}

void json_heap_start(void)
{
#ifndef __SANITIZE_ADDRESS__ /* it watches malloc's pieces only */
    json_set_alloc_funcs(json_heap_alloc, json_heap_free);
#endif
}
