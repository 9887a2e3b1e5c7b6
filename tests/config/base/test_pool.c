#include "config/base/arena.h"
#include "config/base/pool.h"

#include <criterion/criterion.h>

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#define SIZE 41 /* of no alignment */
#define MANY 20000

static unsigned char *take(struct pool *pool)
{
    unsigned char *piece = pool_take(pool);
    cr_assert_not_null(piece);
    cr_assert_eq((uintptr_t)piece % alignof(max_align_t), 0);
    for (size_t i = 0; i < SIZE; i++)
        cr_assert_eq(piece[i], 0);
    return piece;
}

Test(pool, pieces_are_zeroed_and_apart)
{
    static unsigned char *pieces[MANY];
    struct pool *pool = pool_new(SIZE);
    cr_assert_not_null(pool);
    for (size_t i = 0; i < MANY; i++)
        (void)memset(pieces[i] = take(pool), (int)(i % 255) + 1, SIZE);
    for (size_t i = 0; i < MANY; i += 3)
        pool_give(pieces[i]);
    for (size_t i = 0; i < MANY; i += 3)
        (void)memset(pieces[i] = take(pool), (int)(i % 255) + 1, SIZE);
    for (size_t i = 0; i < MANY; i++) {
        for (size_t at = 0; at < SIZE; at++)
            cr_assert_eq(pieces[i][at], (unsigned char)(i % 255 + 1), "piece %zu", i);
        pool_give(pieces[i]);
    }
    cr_expect_null(pool_free(pool));
}

Test(pool, what_came_back_is_handed_out_again)
{
    struct pool *pool = pool_new(SIZE);
    unsigned char *first = take(pool), *second = take(pool);
    pool_give(first);
    cr_expect_eq(take(pool), first);
    pool_give(second);
    pool_give(first);
    second = take(pool); /* of a new block */
    pool_give(second);
    cr_expect_null(pool_free(pool));
}

Test(pool, a_region_takes_pieces_and_more_where_they_do_not_suffice)
{
    struct pool *pool = pool_new(256);
    cr_assert_eq(pool_size(pool), 256);
    struct arena *arena = arena_new_in(pool, 100000);
    cr_assert_not_null(arena);
    char *texts[100];
    for (size_t i = 0; i < 100; i++) {
        texts[i] = arena_alloc(arena, i % 10 == 9 ? 1000 : 50);
        cr_assert_not_null(texts[i]);
        (void)memset(texts[i], (int)i, 50);
    }
    for (size_t i = 0; i < 100; i++) {
        for (size_t at = 0; at < 50; at++)
            cr_assert_eq(texts[i][at], (char)i, "%zu", i);
    }
    cr_expect_eq(arena_used(arena), 90 * 50 + 10 * 1000);
    arena_reset(arena);
    cr_expect_not_null(arena_text(arena, "again"));
    cr_expect_null(arena_free(arena));
    cr_expect_null(pool_free(pool)); /* which checks that all came back */
}

Test(pool, giving_nothing_back_is_fine)
{
    pool_give(NULL);
    cr_expect_null(pool_free(NULL));
}
