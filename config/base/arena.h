/* A region of memory that is filled piece by piece and freed at once. One per manifest snapshot and
 * per plan: build, use immutable, free. Not for several threads at a time. */
#pragma once

#include <stddef.h>

struct arena;
struct pool;

/* Returns NULL without memory. `limit` is the most bytes that it will ever hand out. */
struct arena *arena_new(size_t limit);

/* Its memory comes in pieces of a pool that outlives it, as far as they suffice: for regions that
 * come and go together. NULL = no pool. */
struct arena *arena_new_in(struct pool *pool, size_t limit);

struct arena *arena_free(struct arena *arena);

/* Gives everything back at once and keeps the largest piece of memory for what comes next. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned for any type; NULL without memory or past the limit. `size` 0 gives a valid
 * pointer. */
void *arena_alloc(struct arena *arena, size_t size);

/* Like arena_alloc(count * size), with the multiplication checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* Copies `length` bytes and adds a NUL. */
char *arena_copy(struct arena *arena, const char *text, size_t length);
char *arena_text(struct arena *arena, const char *text);
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far. */
size_t arena_used(const struct arena *arena);

void arena_freep(struct arena **arena);
