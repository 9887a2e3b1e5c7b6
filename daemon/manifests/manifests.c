#include "daemon/manifests/manifests.h"

#include "config/base/owned.h"

#include <stdlib.h>

#define COMPONENT_FILES "**/.choreo/component.yaml"
#define PATTERNS 192

struct reading {
    const struct manifests_patterns *where;
    manifests_lister *list;
    void *context;
    const char *patterns[PATTERNS];
    enum manifest_file_kind kinds[PATTERNS];
    size_t count;
};

static void add(struct reading *reading, enum manifest_file_kind kind, const char *pattern)
{
    if (reading->count == PATTERNS)
        return;
    reading->patterns[reading->count] = pattern;
    reading->kinds[reading->count++] = kind;
}

/* The files of a listing, as the loader takes them. */
struct sorted {
    struct manifest_file *files;
    struct manifest_problem *problems;
    struct manifest_source source;
};

static int sort(const struct reading *reading, const struct tree_listing *listing,
                struct sorted *sorted, struct error *err)
{
    sorted->files = calloc(listing->file_count + 1, sizeof(*sorted->files));
    sorted->problems = calloc(listing->finding_count + 1, sizeof(*sorted->problems));
    if (sorted->files == NULL || sorted->problems == NULL)
        return error_no_memory(err);
    for (size_t i = 0; i < listing->file_count; i++) {
        const struct tree_file *file = &listing->files[i];
        sorted->files[i] = (struct manifest_file){.kind = reading->kinds[file->pattern],
                                                  .path = file->path,
                                                  .bytes = file->bytes,
                                                  .length = (size_t)file->size,
                                                  .blob_id = file->blob.hex};
    }
    for (size_t i = 0; i < listing->finding_count; i++)
        sorted->problems[i] = (struct manifest_problem){.path = listing->findings[i].path,
                                                        .message = listing->findings[i].message};
    sorted->source = (struct manifest_source){.files = sorted->files,
                                              .file_count = listing->file_count,
                                              .problems = sorted->problems,
                                              .problem_count = listing->finding_count,
                                              .incomplete = !listing->complete,
                                              .platform_path = reading->where->platform_file};
    return 0;
}

static void sorted_fini(struct sorted *sorted)
{
    free(sorted->files);
    free(sorted->problems);
}

static int list(const struct reading *reading, struct tree_listing **ret_listing, struct error *err)
{
    const struct tree_selection selection = {.patterns = reading->patterns,
                                             .count = reading->count};
    return reading->list(reading->context, &selection, ret_listing, err);
}

/* The platform's manifests besides those of the settings. Its own file is read for that first,
 * which costs one look at one directory. */
static int add_natives(struct reading *reading, const struct manifest_set *previous,
                       const struct manifest_set *fallback, struct platform **ret_platform,
                       struct error *err)
{
    OWNED(tree_listing_freep) struct tree_listing *listing = NULL;
    struct sorted sorted = {.files = NULL};
    int result = list(reading, &listing, err);
    if (result == 0)
        result = sort(reading, listing, &sorted, err);
    if (result == 0)
        result = manifest_load_platform(&sorted.source, &manifest_limits_default, previous,
                                        fallback, ret_platform, err);
    sorted_fini(&sorted);
    if (result < 0)
        return result;
    const struct platform *platform = *ret_platform;
    for (size_t i = 0; platform != NULL && i < platform->native_paths.count; i++)
        add(reading, MANIFEST_FILE_NATIVE, platform->native_paths.items[i].text);
    return 0;
}

static int read_all(struct reading *reading, const struct manifest_set *previous,
                    const struct manifest_set *fallback, struct manifest_set **ret_set,
                    struct error *err)
{
    const struct manifests_patterns *patterns = reading->where;
    OWNED(tree_listing_freep) struct tree_listing *listing = NULL;
    struct sorted sorted = {.files = NULL};
    for (size_t i = 0; i < patterns->cell_file_count; i++)
        add(reading, MANIFEST_FILE_CELL, patterns->cell_files[i]);
    add(reading, MANIFEST_FILE_COMPONENT, COMPONENT_FILES);
    for (size_t i = 0; i < patterns->native_file_count; i++)
        add(reading, MANIFEST_FILE_NATIVE, patterns->native_files[i]);
    int result = list(reading, &listing, err);
    if (result == 0)
        result = sort(reading, listing, &sorted, err);
    if (result == 0)
        result = manifest_load_source(&sorted.source, &manifest_limits_default, previous, fallback,
                                      ret_set, err);
    sorted_fini(&sorted);
    return result;
}

int manifests_read(const struct manifests_patterns *patterns, manifests_lister *lister,
                   void *context, const struct manifest_set *previous,
                   const struct manifest_set *fallback, struct manifest_set **ret_set,
                   struct error *err)
{
    struct reading reading = {.where = patterns, .list = lister, .context = context};
    struct platform *platform = NULL; /* lends the patterns' texts */
    add(&reading, MANIFEST_FILE_PLATFORM, patterns->platform_file);
    int result = add_natives(&reading, previous, fallback, &platform, err);
    if (result == 0)
        result = read_all(&reading, previous, fallback, ret_set, err);
    if (platform != NULL)
        (void)platform_unref(platform);
    return result;
}
