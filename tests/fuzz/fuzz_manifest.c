/* Loading: whatever a file says, there is a set, and a cell that is not broken can be compiled
 * from. The input is one file; its first byte says which. */
#include "config/base/arena.h"
#include "config/base/check.h"
#include "config/manifest/effective.h"
#include "config/manifest/load.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const char platform[] =
    "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n  namespace: shop\n"
    "  projectPrefix: shop-\n  regions: [us, eu]\n"
    "  environments: [{name: development}, {name: production, production: true, regions: [us, "
    "eu]}]\n  phases: [{name: all, cells: [cart, other]}]\n";
static const char cart[] =
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: cart}\nspec:\n  components:\n"
    "    - name: cartservice\n      image: registry.example/cart:1\n"
    "      endpoints: [{name: cart, type: grpc, port: 7070, visibility: [namespace]}]\n";
static const char other[] =
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: other}\nspec:\n  components:\n"
    "    - {name: reader, type: worker, image: \"registry.example/reader:1\"}\n"
    "  connections: [{name: cart, target: shop-cart, protocol: grpc}]\n";

static void use_cell(const struct manifest_set *set, const struct cell *cell)
{
    for (size_t i = 0; i < cell->component_count; i++) {
        for (size_t j = 0; j <= set->platform->target_count; j++) {
            struct effective *effective = NULL;
            struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
            CHECK(arena != NULL);
            const struct target *target =
                j < set->platform->target_count ? &set->platform->targets[j] : NULL;
            CHECK(effective_component(set, set->platform, cell, &cell->components[i], target, arena,
                                      &effective) == 0);
            CHECK(effective->rollout.progress_deadline.set && effective->rollout.bake.set);
            arena_free(arena);
        }
    }
}

static void use(const struct manifest_set *set)
{
    for (size_t i = 0; i < set->cell_count; i++) {
        const struct manifest_cell *entry = &set->cells[i];
        CHECK(entry->name != NULL && entry->broken == (entry->reason != NULL));
        CHECK(entry->broken || entry->cell != NULL);
        if (!entry->broken && set->platform != NULL)
            use_cell(set, entry->cell);
    }
    struct text text;
    text_init(&text, (size_t)16 * 1024 * 1024);
    CHECK(diagnostics_write(set->diagnostics, DIAGNOSTIC_SARIF, &text) == 0);
    text_fini(&text);
}

static struct manifest_file file_of(enum manifest_file_kind kind, const char *path,
                                    const char *bytes, size_t length)
{
    return (struct manifest_file){kind, path, bytes, length, "0000"};
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const enum manifest_file_kind kinds[] = {MANIFEST_FILE_PLATFORM, MANIFEST_FILE_CELL,
                                                    MANIFEST_FILE_COMPONENT, MANIFEST_FILE_NATIVE};
    struct manifest_file files[] = {
        file_of(MANIFEST_FILE_PLATFORM, "platform.yaml", platform, strlen(platform)),
        file_of(MANIFEST_FILE_CELL, "cells/cart/cell.yaml", cart, strlen(cart)),
        file_of(MANIFEST_FILE_COMPONENT, "cells/cart/cartservice/.choreo/component.yaml",
                "schemaVersion: 1.2\n", 19),
        file_of(MANIFEST_FILE_NATIVE, "native/a.yaml",
                "apiVersion: openchoreo.dev/v1alpha1\nkind: Environment\nmetadata: {name: x}\n",
                75),
        file_of(MANIFEST_FILE_CELL, "cells/other/cell.yaml", other, strlen(other)),
    };
    struct manifest_set *good = NULL, *set = NULL;
    struct error err;
    if (length == 0)
        return 0;
    CHECK(manifest_load(files, 5, NULL, NULL, NULL, &good, &err) == 0);
    const size_t which = bytes[0] % (sizeof(kinds) / sizeof(kinds[0]));
    files[which].bytes = (const char *)bytes + 1;
    files[which].length = length - 1;
    files[which].blob_id = "1111";
    CHECK(manifest_load(files, 5, NULL, good, length % 2 == 0 ? good : NULL, &set, &err) == 0);
    use(set);
    manifest_set_unref(set);
    manifest_set_unref(good);
    return 0;
}
