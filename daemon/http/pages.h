/* The pages of one list, one after the other: which items are new, where the next page is, and
 * whether what came is a list at all. Pure.
 *
 * Anything that a sane server would not do (a cursor that returns, an object that changes its
 * identity between pages, more pages than the cap) makes the list torn: nothing may be concluded
 * from it. */
#pragma once

#include "config/base/error.h"

#include <jansson.h>

#include <stddef.h>

struct pages;

/* NULL without memory. */
struct pages *pages_new(unsigned max_pages);
struct pages *pages_free(struct pages *pages);

/* Takes the next page in. `body` is borrowed.
 * Returns 0 and the items that were not there before, an owned array; ERR_INVALID or ERR_LIMIT when
 * the list is torn; -ENOMEM. */
int pages_add(struct pages *pages, const json_t *body, json_t **ret_items, struct error *err)
    __attribute__((warn_unused_result));

/* The next page's cursor; NULL when there is none. Borrowed until the next pages_add(). */
const char *pages_cursor(const struct pages *pages);

/* The next page's cursor as the body seems to say before it is read: a guess. Owned; NULL = none,
 * or none that is plain. */
char *pages_peek(const char *body, size_t length);

unsigned pages_count(const struct pages *pages);
size_t pages_items(const struct pages *pages);
size_t pages_duplicates(const struct pages *pages);
