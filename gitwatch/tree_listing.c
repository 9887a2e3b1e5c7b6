#include "gitwatch/tree_listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* gcc 12's analyzer loses sight of what is kept in a grown array. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

/* Room for one more in an array whose capacity is the next power of two. */
static void *grow(void *array, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return array;
    return reallocarray(array, count == 0 ? 1 : count * 2, size);
}

int tree_listing_add_file(struct tree_listing *listing, const struct tree_file *file)
{
    struct tree_file *files = grow(listing->files, listing->file_count, sizeof(*files));
    if (files == NULL)
        return -ENOMEM;
    listing->files = files;
    struct tree_file *added = &files[listing->file_count];
    *added = *file;
    added->bytes = NULL;
    added->path = strdup(file->path);
    if (added->path == NULL)
        return -ENOMEM;
    listing->file_count++;
    return 0;
}

int tree_listing_add_finding(struct tree_listing *listing, enum tree_problem problem,
                             const char *path, const char *message, size_t limit)
{
    if (listing->finding_count >= limit) {
        listing->findings_dropped++;
        listing->complete = false;
        return 0;
    }
    struct tree_finding *findings =
        grow(listing->findings, listing->finding_count, sizeof(*findings));
    if (findings == NULL)
        return -ENOMEM;
    listing->findings = findings;
    struct tree_finding *added = &findings[listing->finding_count];
    *added = (struct tree_finding){.problem = problem, .path = strdup(path)};
    if (added->path == NULL)
        return -ENOMEM;
    /* Counted before it is whole, so that it is freed with the listing. */
    listing->finding_count++;
    added->message = strdup(message);
    return added->message == NULL ? -ENOMEM : 0;
}

static bool is_below(const char *path, const char *directory, size_t length)
{
    return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* The first file whose path is not before "<directory>/". */
static size_t first_below(const struct tree_listing *listing, const char *directory, size_t length)
{
    size_t low = 0;
    size_t high = listing->file_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const char *path = listing->files[middle].path;
        int order = strncmp(path, directory, length);
        if (order == 0)
            order = (int)(unsigned char)path[length] - '/';
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int tree_listing_reuse(struct tree_listing *listing, const struct tree_listing *previous,
                       const char *directory, size_t finding_limit)
{
    const size_t length = strlen(directory);
    int status = 0;
    for (size_t i = first_below(previous, directory, length);
         status == 0 && i < previous->file_count &&
         is_below(previous->files[i].path, directory, length);
         i++) {
        struct tree_file file = previous->files[i];
        file.unchanged = true;
        status = tree_listing_add_file(listing, &file);
    }
    for (size_t i = 0; status == 0 && i < previous->finding_count; i++) {
        const struct tree_finding *finding = &previous->findings[i];
        if (is_below(finding->path, directory, length))
            status = tree_listing_add_finding(listing, finding->problem, finding->path,
                                              finding->message, finding_limit);
    }
    return status;
}

void tree_listing_drop(struct tree_listing *listing, size_t index)
{
    free(listing->files[index].path);
    free(listing->files[index].bytes);
    memmove(&listing->files[index], &listing->files[index + 1],
            (listing->file_count - index - 1) * sizeof(listing->files[0]));
    listing->file_count--;
}

static int compare_files(const void *a, const void *b)
{
    const struct tree_file *left = a;
    const struct tree_file *right = b;
    return strcmp(left->path, right->path);
}

static int compare_findings(const void *a, const void *b)
{
    const struct tree_finding *left = a;
    const struct tree_finding *right = b;
    const int order = strcmp(left->path, right->path);
    return order != 0 ? order : (int)left->problem - (int)right->problem;
}

void tree_listing_sort(struct tree_listing *listing)
{
    if (listing->file_count > 1)
        qsort(listing->files, listing->file_count, sizeof(listing->files[0]), compare_files);
    if (listing->finding_count > 1)
        qsort(listing->findings, listing->finding_count, sizeof(listing->findings[0]),
              compare_findings);
}

const struct tree_file *tree_listing_find(const struct tree_listing *listing, const char *path)
{
    size_t low = 0;
    size_t high = listing->file_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(listing->files[middle].path, path);
        if (order == 0)
            return &listing->files[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct tree_listing *tree_listing_free(struct tree_listing *listing)
{
    if (listing == NULL)
        return NULL;
    for (size_t i = 0; i < listing->file_count; i++) {
        free(listing->files[i].path);
        free(listing->files[i].bytes);
    }
    for (size_t i = 0; i < listing->finding_count; i++) {
        free(listing->findings[i].path);
        free(listing->findings[i].message);
    }
    free(listing->files);
    free(listing->findings);
    free(listing);
    return NULL;
}

void tree_listing_freep(struct tree_listing **listing)
{
    *listing = tree_listing_free(*listing);
}
