#include "daemon/http/filter.h"

#include <stddef.h>
#include <string.h>

/* "*" = every collection. Everything else is ignored by the server without a word. */
static const struct {
    const char *collection, *filter;
} working[] = {
    {"*", "labelSelector"},
    {"components", "project"},
    {"projectreleases", "project"},
    {"projectreleasebindings", "project"},
    {"releasebindings", "component"},
    {"workloads", "component"},
    {"componentreleases", "component"},
};
#define WORKING_COUNT (sizeof(working) / sizeof(working[0]))

bool filter_works(const char *collection, const char *filter)
{
    for (size_t i = 0; i < WORKING_COUNT; i++) {
        if (strcmp(working[i].filter, filter) == 0 &&
            (strcmp(working[i].collection, "*") == 0 ||
             strcmp(working[i].collection, collection) == 0))
            return true;
    }
    return false;
}

static void copy_name(const char *from, size_t length, char *to)
{
    if (length >= FILTER_NAME_SIZE)
        length = FILTER_NAME_SIZE - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

bool filter_check_path(const char *path, char ret_filter[static FILTER_NAME_SIZE])
{
    const size_t length = strcspn(path, "?");
    size_t start = length;
    while (start > 0 && path[start - 1] != '/')
        start--;
    char collection[FILTER_NAME_SIZE];
    copy_name(path + start, length - start, collection);
    const char *rest = path[length] == '?' ? path + length + 1 : "";
    while (*rest != '\0') {
        const size_t field = strcspn(rest, "&");
        size_t name_length = strcspn(rest, "=&");
        char name[FILTER_NAME_SIZE];
        copy_name(rest, name_length, name);
        if (!filter_works(collection, name)) {
            memcpy(ret_filter, name, sizeof(name));
            return false;
        }
        rest += field;
        if (*rest == '&')
            rest++;
    }
    return true;
}
