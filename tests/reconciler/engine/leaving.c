#include "tests/reconciler/engine/leaving.h"

#include "config/base/json.h"

#include <criterion/criterion.h>

#include <string.h>

const char leaving_both[] = LEAVING_PLATFORM("billing, shop", "");
const char leaving_one[] = LEAVING_PLATFORM("shop", "");
const char leaving_generous_both[] = LEAVING_PLATFORM("billing, shop", LEAVING_GENEROUS);
const char leaving_generous_one[] = LEAVING_PLATFORM("shop", LEAVING_GENEROUS);

void leaving_commit_both(struct world *world, int revision, const char *platform)
{
    repository_commit(world, revision, platform, "billing", "registry.example/billing:1", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
}

void leaving_commit_one(struct world *world, int revision, const char *platform)
{
    repository_commit(world, revision, platform, "shop", "registry.example/shop:1", NULL, NULL);
}

struct world *leaving_world(void)
{
    struct world *world = repository_world();
    leaving_commit_both(world, 1, leaving_both);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

size_t leaving_left(const struct world *world, const char *part)
{
    static const char *const collections[] = {"projects",          "projectreleasebindings",
                                              "components",        "workloads",
                                              "componentreleases", "releasebindings"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof collections / sizeof *collections; i++) {
        json_t *names = platform_objects(world->platform, collections[i]);
        for (size_t k = 0; k < json_array_size(names); k++)
            count += strstr(json_text_or(json_object_get(json_array_get(names, k), "name"), ""),
                            part) != NULL;
        json_decref(names);
    }
    return count;
}
