/* Slabs under many threads. Not for Criterion, which ThreadSanitizer cannot run. */
#include "config/base/check.h"
#include "daemon/celld/json_heap.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define PIECES 4096
#define ROUNDS 40

struct piece {
    unsigned char *bytes;
    size_t size;
};

struct shelf {
    pthread_mutex_t lock;
    struct piece pieces[PIECES]; /* put by one thread, taken by any other */
};

static struct shelf shelf = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill(struct piece *piece, uint64_t *state)
{
    piece->size = (size_t)(draw(state) % 10 == 0 ? draw(state) % 4000 : draw(state) % 200) + 1;
    piece->bytes = json_heap_alloc(piece->size);
    CHECK(piece->bytes != NULL);
    CHECK((uintptr_t)piece->bytes % 16 == 0);
    memset(piece->bytes, (int)(piece->size & 0xFF), piece->size);
}

static void drop(struct piece *piece)
{
    for (size_t i = 0; i < piece->size; i++)
        CHECK(piece->bytes[i] == (piece->size & 0xFF));
    json_heap_free(piece->bytes);
    *piece = (struct piece){NULL, 0};
}

static void *work(void *context)
{
    uint64_t state = (uintptr_t)context * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < (size_t)ROUNDS * PIECES; i++) {
        struct piece mine;
        fill(&mine, &state);
        CHECK(pthread_mutex_lock(&shelf.lock) == 0);
        struct piece *place = &shelf.pieces[draw(&state) % PIECES];
        struct piece other = *place;
        *place = mine;
        CHECK(pthread_mutex_unlock(&shelf.lock) == 0);
        if (other.bytes != NULL)
            drop(&other);
    }
    return NULL;
}

static void survives_many_threads(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (size_t i = 0; i < PIECES; i++) {
        if (shelf.pieces[i].bytes != NULL)
            drop(&shelf.pieces[i]);
    }
}

/* What is empty goes back, whatever the order in which it ran empty. */
static void gives_everything_back(void)
{
    enum { COUNT = 50000 };
    static void *pieces[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        CHECK((pieces[i] = json_heap_alloc(i % 512 + 1)) != NULL);
    const size_t most = json_heap_bytes();
    CHECK(most > (size_t)10 * 1024 * 1024);
    for (size_t i = 0; i < COUNT; i += 2)
        json_heap_free(pieces[i]);
    for (size_t i = 1; i < COUNT; i += 2)
        json_heap_free(pieces[i]);
    CHECK(json_heap_bytes() <= (size_t)512 * 1024);
}

/* New pieces fill the oldest slabs: what stays does not keep the others. */
static void few_that_stay_keep_little(void)
{
    enum { COUNT = 100000 };
    static void *pieces[COUNT];
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            if (pieces[i] == NULL)
                CHECK((pieces[i] = json_heap_alloc(64)) != NULL);
        }
        for (size_t i = round == 3 ? 0 : (size_t)(COUNT / 20); i < COUNT; i++) {
            json_heap_free(pieces[i]);
            pieces[i] = NULL;
        }
        CHECK(round == 3 || json_heap_bytes() < (size_t)1024 * 1024);
    }
}

int main(void)
{
    json_heap_free(NULL);
    survives_many_threads();
    gives_everything_back();
    few_that_stay_keep_little();
    (void)puts("ok");
    return EXIT_SUCCESS;
}
