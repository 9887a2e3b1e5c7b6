#include "config/settings/settings.h"

#include "config/base/arena.h"
#include "config/manifest/decode.h"
#include "config/settings/shape.h"
#include "config/yaml/reader.h"

#include <errno.h>

#define MEMORY ((size_t)32 * 1024 * 1024)

static const struct yaml_limits limits = {
    .file_bytes = (size_t)1024 * 1024,
    .nodes = 10000,
    .depth = 32,
    .documents = 1,
    .scalar_bytes = (size_t)64 * 1024,
    .key_bytes = 253,
};

struct settings *settings_free(struct settings *settings)
{
    if (settings != NULL)
        arena_free(settings->arena); /* holds the settings themselves */
    return NULL;
}

void settings_freep(struct settings **settings)
{
    *settings = settings_free(*settings);
}

static int decode(const struct yaml_source *source, struct settings *settings,
                  struct diagnostics *found)
{
    const struct yaml_node *root = NULL;
    struct arena *nodes = arena_new(MEMORY);
    struct decoder decoder = {.path = settings->path, .arena = settings->arena, .found = found};
    int status =
        nodes == NULL ? -ENOMEM : yaml_read(source, &limits, nodes, settings->arena, found, &root);
    if (root != NULL && (status == 0 || status == ERR_INVALID)) {
        decode_mapping(&decoder, &settings_shape, root, settings);
        if (decoder.status < 0)
            status = decoder.status;
        else if (decoder.errors > 0)
            status = ERR_INVALID;
    }
    arena_free(nodes);
    return status == 0 || status == -ENOMEM ? status : ERR_INVALID;
}

int settings_read(const char *path, const char *bytes, size_t length, struct diagnostics *found,
                  struct settings **ret_settings)
{
    const struct yaml_source source = {path, bytes, length};
    struct arena *arena = arena_new(MEMORY);
    struct settings *settings = arena == NULL ? NULL : arena_alloc(arena, sizeof(*settings));
    if (settings == NULL) {
        arena_free(arena);
        return -ENOMEM;
    }
    settings->arena = arena;
    settings->path = arena_text(arena, path);
    const int status = settings->path == NULL ? -ENOMEM : decode(&source, settings, found);
    if (status < 0) {
        settings_free(settings);
        return status;
    }
    *ret_settings = settings;
    return 0;
}
