/* Which query parameters of a list really filter. The server ignores what it does not know, per
 * kind: a filter that is ignored gives everything, and everything looks like "mine". Pure. */
#pragma once

#include <stdbool.h>

/* `collection` is the last segment of the list's path ("releasebindings"), `filter` the name of the
 * query parameter ("component"). */
bool filter_works(const char *collection, const char *filter);

/* Checks each query parameter of a list's path ("/api/v1/…/components?project=a"). Returns true, or
 * false and the first name that would be ignored in `ret_filter`. */
#define FILTER_NAME_SIZE 64
bool filter_check_path(const char *path, char ret_filter[static FILTER_NAME_SIZE]);
