/* Reads the platform's file, or shares the earlier revision's. */
#include "config/base/arena.h"
#include "config/base/digest.h"
#include "config/base/text.h"
#include "config/manifest/document.h"
#include "config/manifest/loader.h"
#include "config/manifest/problem.h"
#include "config/manifest/shapes.h"

#include <errno.h>
#include <string.h>

#define PLATFORM_BYTES ((size_t)32 * 1024 * 1024)

/* Of path and content: what git calls them. */
static struct digest content_digest(const struct manifest_file *file)
{
    char text[2048];
    const int length = text_put(text, sizeof(text), "%s\n%s", file->path, file->blob_id);
    const size_t size = length < 0 ? 0 : (size_t)length;
    return digest_bytes(text, size < sizeof(text) ? size : sizeof(text) - 1);
}

static struct platform *platform_new(const struct manifest_file *file)
{
    struct arena *arena = arena_new(PLATFORM_BYTES);
    struct platform *platform = arena == NULL ? NULL : arena_alloc(arena, sizeof(*platform));
    if (platform == NULL) {
        arena_free(arena);
        return NULL;
    }
    platform->arena = arena;
    platform->references = 1;
    platform->path = arena_text(arena, file->path);
    if (platform->path == NULL)
        return platform_unref(platform);
    memcpy(platform->content_digest, content_digest(file).text, DIGEST_TEXT_SIZE);
    return platform;
}

static void decode(struct loader *loader, const struct manifest_file *file,
                   struct platform *platform, const struct document *document)
{
    struct decoder decoder = {.path = platform->path,
                              .arena = platform->arena,
                              .found = loader->set->diagnostics,
                              .json = &platform->json};
    const struct yaml_node *root = document_root(loader, document, file, "Platform");
    if (root != NULL)
        decode_mapping(&decoder, &platform_shape, root, platform);
    if (platform->pipeline.text == NULL)
        platform->pipeline = platform->name;
    if (decoder.status < 0)
        loader->status = decoder.status;
}

static void read_file(struct loader *loader, const struct manifest_file *file)
{
    struct manifest_set *set = loader->set;
    struct document document;
    struct platform *platform = platform_new(file);
    if (platform == NULL) {
        loader->status = -ENOMEM;
        return;
    }
    document_open(loader, file, platform->arena, &document);
    if (document_is_whole(&document))
        decode(loader, file, platform, &document);
    if (document_errors(loader, &document) > 0) {
        set->platform_reason = document_reason(loader, &document, file);
        platform_unref(platform);
    } else {
        set->platform = platform;
        set->platform_silent = document_is_silent(loader, &document);
    }
}

static bool share(struct loader *loader, const struct manifest_file *file)
{
    const struct manifest_set *previous = loader->previous;
    const struct digest digest = content_digest(file);
    if (previous == NULL || previous->platform == NULL || !previous->platform_silent ||
        strcmp(previous->platform->content_digest, digest.text) != 0)
        return false;
    loader->set->platform = platform_ref(previous->platform);
    loader->set->platform_silent = true;
    return true;
}

void loader_read_platform(struct loader *loader)
{
    struct manifest_set *set = loader->set;
    size_t count = 0;
    const struct manifest_file *const *files = loader_files(loader, MANIFEST_FILE_PLATFORM, &count);
    if (count == 0) {
        const char *path = loader->source->platform_path;
        problem_report_platform(loader, path == NULL ? "platform.yaml" : path);
    } else if (count > 1) {
        loader_error(loader, NULL, "E_TWO_PLATFORMS", (struct source_pos){files[1]->path, 1, 1},
                     "keep one", "the revision has %zu platform files", count);
    } else if (!share(loader, files[0])) {
        read_file(loader, files[0]);
    }
    if (set->platform == NULL && loader->fallback != NULL && loader->fallback->platform != NULL)
        set->platform = platform_ref(loader->fallback->platform);
    loader->platform = set->platform;
}
