/* Memory for jansson's values, apart from all other memory.
 *
 * JSON comes in tens of megabytes (pages of a look, compiled resources) and goes again, in small
 * pieces. Between them the long-lived objects would be scattered over pages that can never be given
 * back. Here the pieces live in slabs of one size each, and an empty slab goes back to the system.
 *
 * Any thread may allocate, and any other free. Texts that callers free() themselves must not come
 * from here: write JSON with json_canonical() or json_escaped(), not with json_dumps(). */
#pragma once

#include <stddef.h>

/* Tells jansson. Before its first use, once. */
void json_heap_start(void);

/* As malloc() and free(); for jansson, and for tests. */
void *json_heap_alloc(size_t size);
void json_heap_free(void *pointer);

/* Bytes of slabs that are held now. */
size_t json_heap_bytes(void);
