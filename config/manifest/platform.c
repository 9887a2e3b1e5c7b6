/* Questions about a platform, and its lifetime. */
#include "config/base/arena.h"
#include "config/base/text.h"
#include "config/manifest/load.h"

#include <stdlib.h>
#include <string.h>

struct platform *platform_ref(struct platform *platform)
{
    platform->references++;
    return platform;
}

struct platform *platform_unref(struct platform *platform)
{
    if (platform == NULL || --platform->references > 0)
        return NULL;
    json_decref(platform->json);
    arena_free(platform->arena); /* holds the platform itself */
    return NULL;
}

struct cell *cell_ref(struct cell *cell)
{
    cell->references++;
    return cell;
}

struct cell *cell_unref(struct cell *cell)
{
    if (cell == NULL || --cell->references > 0)
        return NULL;
    json_decref(cell->json);
    arena_free(cell->arena); /* holds the cell itself */
    return NULL;
}

int platform_phase_of(const struct platform *platform, const char *cell)
{
    for (size_t i = 0; i < platform->phase_count; i++) {
        const struct manifest_texts *cells = &platform->phases[i].cells;
        for (size_t j = 0; j < cells->count; j++) {
            if (strcmp(cells->items[j].text, cell) == 0)
                return (int)i;
        }
    }
    return -1;
}

void platform_project_name(const struct platform *platform, const char *cell, char *ret_name,
                           size_t size)
{
    (void)text_put(ret_name, size, "%s%s", platform->project_prefix.text, cell);
}

const struct target *platform_target(const struct platform *platform, const char *name)
{
    for (size_t i = 0; i < platform->target_count; i++) {
        if (strcmp(platform->targets[i].name, name) == 0)
            return &platform->targets[i];
    }
    return NULL;
}

bool component_is_built(const struct component *component)
{
    return component->build.set && component->layer.image.text == NULL;
}

const char *component_build_path(const struct component *component)
{
    const char *path = component->build.context.text != NULL ? component->build.context.text
                                                             : component->source.text;
    return path == NULL ? "" : path;
}
