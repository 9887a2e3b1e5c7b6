/* What stands in a world, for those who test it. */
#include "config/base/json.h"
#include "tests/simulation/world.h"

#include <stdlib.h>
#include <string.h>

bool world_published(const struct world *world, const char *type, const char *cell)
{
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const json_t *event = json_array_get(world->published, i);
        if (strcmp(json_text_or(json_object_get(event, "type"), ""), type) == 0 &&
            (cell == NULL || strcmp(json_text_or(json_object_get(event, "cell"), ""), cell) == 0))
            return true;
    }
    return false;
}

size_t world_times_published(const struct world *world, const char *type)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const json_t *event = json_array_get(world->published, i);
        count += strcmp(json_text_or(json_object_get(event, "type"), ""), type) == 0;
    }
    return count;
}

bool world_has_row(const struct world *world, const char *key)
{
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, key) == 0)
            return true;
    }
    return false;
}

bool world_has_rows(const struct world *world, const char *prefix)
{
    for (size_t i = 0; i < world->row_count; i++) {
        if (strncmp(world->rows[i].key, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

bool world_stands(const struct world *world, const char *collection, const char *name)
{
    json_t *object = platform_object(world->platform, collection, "acme", name);
    const bool found = object != NULL;
    json_decref(object);
    return found;
}

size_t world_asked(const struct world *world, const char *method, const char *part)
{
    size_t count = 0;
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *entry = platform_log_at(world->platform, i);
        count += strcmp(entry->method, method) == 0 && strstr(entry->path, part) != NULL;
    }
    return count;
}

size_t world_deletes(const struct world *world)
{
    return world_asked(world, "DELETE", "");
}

int world_handle(struct world *world, const char *method, const char *path, json_t *body)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    struct platform_response response;
    const struct platform_request request = {.method = method,
                                             .path = path,
                                             .body = text,
                                             .body_length = text == NULL ? 0 : strlen(text)};
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    const int status = response.status;
    platform_response_fini(&response);
    free(text);
    json_decref(body);
    return status;
}
