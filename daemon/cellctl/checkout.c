#include "daemon/cellctl/checkout.h"

#include "config/base/digest.h"
#include "config/base/owned.h"
#include "daemon/file/file.h"
#include "gitwatch/tree_path.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct reader {
    const struct tree_selection *selection;
    const struct tree_limits *limits;
    struct tree_listing *listing;
    size_t prefix; /* of the directory, in the paths that fts gives */
    struct error *err;
};

static bool selects(const struct tree_selection *selection, const char *path, size_t *ret_pattern)
{
    for (size_t i = 0; i < selection->count; i++) {
        if ((tree_path_match(selection->patterns[i], path) & TREE_MATCH_FULL) != 0) {
            *ret_pattern = i;
            return true;
        }
    }
    return false;
}

static bool selects_below(const struct tree_selection *selection, const char *path)
{
    for (size_t i = 0; i < selection->count; i++) {
        if ((tree_path_match(selection->patterns[i], path) &
             (TREE_MATCH_BELOW | TREE_MATCH_BELOW_WILD)) != 0)
            return true;
    }
    return false;
}

static int failed(struct error *err, const char *path)
{
    const int code = errno > 0 ? -errno : -EIO;
    return error_set(err, ERROR_UNAVAILABLE, code, "cannot read %s: %s", path, strerror(-code));
}

static int add_finding(struct reader *reader, enum tree_problem problem, const char *path,
                       const char *message)
{
    return tree_listing_add_finding(reader->listing, problem, path, message,
                                    reader->limits->findings) == 0
               ? 0
               : error_no_memory(reader->err);
}

static int take_file(struct reader *reader, const char *full, const char *path, size_t pattern)
{
    const struct file_terms terms = {.limit = (size_t)reader->limits->file_bytes, .no_link = true};
    char *bytes = NULL;
    size_t size = 0;
    int result = file_read(full, &terms, &bytes, &size, reader->err);
    if (result == ERR_LIMIT) {
        char message[128];
        (void)snprintf(message, sizeof(message), "is larger than the limit of %zu bytes",
                       terms.limit);
        return add_finding(reader, TREE_PROBLEM_SIZE, path, message);
    }
    if (result != 0)
        return result;
    struct tree_file file = {.path = strdup(path), .size = size, .pattern = pattern};
    const struct digest digest = digest_bytes(bytes, size);
    (void)snprintf(file.blob.hex, sizeof(file.blob.hex), "%.40s", digest.text);
    if (file.path != NULL)
        result = tree_listing_add_file(reader->listing, &file);
    const bool added = file.path != NULL && result == 0;
    free(file.path);
    if (!added) {
        free(bytes);
        return error_no_memory(reader->err);
    }
    reader->listing->files[reader->listing->file_count - 1].bytes = bytes;
    return 0;
}

static int take_entry(struct reader *reader, FTS *walk, FTSENT *entry)
{
    const char *path = entry->fts_path + reader->prefix;
    path += *path == '/';
    size_t pattern = 0;
    switch (entry->fts_info) {
    case FTS_D:
        if (entry->fts_level > 0 &&
            (strcmp(entry->fts_name, ".git") == 0 || !selects_below(reader->selection, path)))
            (void)fts_set(walk, entry, FTS_SKIP);
        return 0;
    case FTS_SL:
    case FTS_SLNONE:
        return selects(reader->selection, path, &pattern)
                   ? add_finding(reader, TREE_PROBLEM_SYMLINK, path,
                                 "is a symbolic link; celld reads files only")
                   : 0;
    case FTS_F:
        return selects(reader->selection, path, &pattern)
                   ? take_file(reader, entry->fts_accpath, path, pattern)
                   : 0;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        errno = entry->fts_errno;
        return failed(reader->err, entry->fts_path);
    default:
        return 0; /* directories on the way back, devices, sockets */
    }
}

static int walk(struct reader *reader, FTS *fts)
{
    int result = 0;
    for (FTSENT *entry = fts_read(fts); entry != NULL && result == 0; entry = fts_read(fts)) {
        if (++reader->listing->entries_seen > reader->limits->entries)
            return error_set(reader->err, ERROR_LIMIT, ERR_LIMIT,
                             "there are more than %u files and directories",
                             reader->limits->entries);
        result = take_entry(reader, fts, entry);
        if (reader->listing->file_count > reader->limits->files)
            return error_set(reader->err, ERROR_LIMIT, ERR_LIMIT,
                             "there are more than %u manifests", reader->limits->files);
    }
    return result;
}

int checkout_read(const char *directory, const struct tree_selection *selection,
                  const struct tree_limits *limits, struct tree_listing **ret_listing,
                  struct error *err)
{
    struct stat about;
    if (stat(directory, &about) != 0)
        return failed(err, directory);
    if (!S_ISDIR(about.st_mode))
        return error_set(err, ERROR_INVALID, -ENOTDIR,
                         "%s is no directory; name the root of the repository", directory);
    OWNED(owned_free) char *copy = strdup(directory);
    if (copy == NULL)
        return error_no_memory(err);
    OWNED(tree_listing_freep) struct tree_listing *listing = calloc(1, sizeof(*listing));
    /* NOLINTBEGIN(clang-analyzer-unix.Malloc): the analyzer does not know OWNED's cleanup */
    if (listing == NULL)
        return error_no_memory(err);
    char *const roots[] = {copy, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    if (fts == NULL)
        return failed(err, directory);
    /* NOLINTEND(clang-analyzer-unix.Malloc) */
    struct reader reader = {.selection = selection,
                            .limits = limits,
                            .listing = listing,
                            .prefix = strlen(directory),
                            .err = err};
    const int result = walk(&reader, fts);
    (void)fts_close(fts);
    if (result != 0)
        return result;
    listing->complete = listing->findings_dropped == 0;
    tree_listing_sort(listing);
    *ret_listing = TAKE(listing);
    return 0;
}
