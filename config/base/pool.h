/* Pieces of one size out of larger blocks: many that come and go together leave no holes between
 * what stays, and many that stay have none between them. Not for several threads at a time. */
#pragma once

#include <stddef.h>

struct pool;

/* Returns NULL without memory. */
struct pool *pool_new(size_t size);

/* Returns NULL. All pieces must have been given back. */
struct pool *pool_free(struct pool *pool);

/* Of a piece. */
size_t pool_size(const struct pool *pool);

/* Zeroed, aligned for any type; NULL without memory. */
void *pool_take(struct pool *pool);

/* A block without pieces is freed at once. NULL is fine. */
void pool_give(void *bytes);
