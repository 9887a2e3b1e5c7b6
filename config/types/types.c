#include "config/types/types.h"

#include "config/base/arena.h"
#include "config/base/check.h"
#include "config/types/embedded.h"
#include "config/yaml/reader.h"
#include "config/yaml/typed.h"

#include <errno.h>

#define MEMORY ((size_t)4 * 1024 * 1024)

static const struct yaml_limits limits = {
    .file_bytes = (size_t)256 * 1024,
    .nodes = 10000,
    .depth = 32,
    .documents = 1,
    .scalar_bytes = (size_t)64 * 1024,
    .key_bytes = 253,
};

static json_t *read_type(const struct embedded_file *file, struct arena *arena,
                         struct diagnostics *found)
{
    const struct yaml_source source = {file->name, (const char *)file->bytes, file->length};
    const struct yaml_node *root = NULL;
    const int status = yaml_read(&source, &limits, arena, arena, found, &root);
    /* They are ours: what cannot be read was never built. */
    CHECK(status == 0 || status == -ENOMEM);
    return status < 0 ? NULL : yaml_typed(root);
}

int component_types_load(json_t **ret_types, struct error *err)
{
    json_t *types = json_array();
    struct arena *arena = arena_new(MEMORY);
    struct diagnostics *found = diagnostics_new(1);
    bool complete = types != NULL && arena != NULL && found != NULL;
    for (size_t i = 0; complete && i < embedded_file_count; i++)
        complete = json_array_append_new(types, read_type(&embedded_files[i], arena, found)) == 0;
    diagnostics_free(found);
    arena_free(arena);
    if (!complete) {
        json_decref(types);
        return error_no_memory(err);
    }
    *ret_types = types;
    return 0;
}
