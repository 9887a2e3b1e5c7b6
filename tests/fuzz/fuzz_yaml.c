/* The strict reader: no input may crash it, and what it gives out is a sound tree. */
#include "config/base/arena.h"
#include "config/base/check.h"
#include "config/yaml/reader.h"
#include "config/yaml/typed.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const struct yaml_limits limits = {262144, 10000, 32, 64, 65536, 253};

/* Nodes of one level and below it, without recursion past the reader's own depth. */
static size_t count_nodes(const struct yaml_node *node, size_t depth)
{
    size_t count = 0;
    CHECK(depth <= limits.depth);
    for (; node != NULL; node = node->next) {
        count++;
        CHECK(node->line > 0 && node->column > 0);
        if (node->kind == YAML_KIND_SCALAR)
            CHECK(strlen(node->text) == node->length);
        else
            count += count_nodes(node->first, depth + 1);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *nodes = arena_new((size_t)64 * 1024 * 1024);
    struct arena *texts = arena_new((size_t)64 * 1024 * 1024);
    struct diagnostics *found = diagnostics_new(20);
    const struct yaml_source source = {"fuzz.yaml", (const char *)bytes, length};
    const struct yaml_node *first = NULL;
    CHECK(nodes != NULL && texts != NULL && found != NULL);
    const int status = yaml_read(&source, &limits, nodes, texts, found, &first);
    CHECK((status < 0) == (diagnostics_error_count(found) > 0));
    if (status == 0) {
        CHECK(count_nodes(first, 0) <= limits.nodes);
        for (const struct yaml_node *root = first; root != NULL; root = root->next) {
            json_t *typed = yaml_typed(root);
            CHECK(typed != NULL);
            json_decref(typed);
        }
    }
    diagnostics_free(found);
    arena_free(texts);
    arena_free(nodes);
    return 0;
}
