/* Another object in the place of one that celld made: it is theirs, and stays as it is. */
#include "config/base/json.h"
#include "reconciler/resource/object.h"
#include "tests/reconciler/engine/leaving.h"

#include <criterion/criterion.h>

TestSuite(replaced, .timeout = 600);

/* What was removed and is made again by others under the same name is theirs. */
Test(replaced, what_others_make_in_the_place_of_what_was_removed_is_theirs)
{
    struct world *world = repository_world();
    leaving_commit_both(world, 1, leaving_generous_both);
    expect_condition(world, CONDITION_CONVERGED);
    leaving_commit_one(world, 2, leaving_generous_one);
    world_run(world, MINUTES(6));
    cr_assert_eq(leaving_left(world, "billing"), 0);
    expect_condition(world, CONDITION_CONVERGED);
    cr_assert_eq(
        world_handle(world, "POST", "/api/v1/namespaces/acme/projects",
                     json_pack("{s:{s:s}, s:{s:{s:s}}}", "metadata", "name", "acme-billing", "spec",
                               "deploymentPipelineRef", "name", "acme")),
        201);
    world_run(world, MINUTES(5));
    cr_expect(world_stands(world, "projects", "acme-billing"));
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* Ours was put aside and somebody made another one of its name: neither overwritten nor taken. */
Test(replaced, what_others_made_in_the_place_of_ours_is_held)
{
    struct world *world = repository_world();
    leaving_commit_one(world, 1, leaving_generous_one);
    expect_condition(world, CONDITION_CONVERGED);
    cr_assert_lt(world_handle(world, "DELETE", "/api/v1/namespaces/acme/workloads/shop-api", NULL),
                 300);
    platform_advance(world->platform, world_platform_now(world) + 10);
    expect_created(world, "/api/v1/namespaces/acme/workloads",
                   "{\"metadata\": {\"name\": \"shop-api\"}, \"spec\": {\"owner\": {"
                   "\"projectName\": \"acme-shop\", \"componentName\": \"shop-api\"}, "
                   "\"container\": {\"image\": \"theirs:1\"}}}");
    world_run(world, MINUTES(3));
    json_t *theirs = platform_object(world->platform, "workloads", "acme", "shop-api");
    cr_expect_str_eq(json_text_or(json_at(theirs, "spec", "container", "image", NULL), ""),
                     "theirs:1");
    json_decref(theirs);
    cr_expect(world_published(world, "object-held", "shop"));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    world_free(world);
}

#define TRAIT                                                                                      \
    "apiVersion: openchoreo.dev/v1alpha1\nkind: ClusterTrait\nmetadata: {name: quiet}\n"           \
    "spec: {parameters: {}}\n"

/* Another object in the place of ours, while ours was to be removed: by its uid, or its mark. */
Test(replaced, what_is_not_the_one_that_celld_made_is_not_removed)
{
    static const bool remade[] = {true, false};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        repository_commit_native(world, 1, leaving_generous_one, "native/trait.yaml", TRAIT);
        expect_condition(world, CONDITION_CONVERGED);
        world_run(world, MINUTES(1));
        repository_commit_native(world, 2, leaving_generous_one, NULL, NULL);
        if (remade[i]) {
            cr_assert_lt(world_handle(world, "DELETE", "/api/v1/clustertraits/quiet", NULL), 300);
            expect_created(world, "/api/v1/clustertraits",
                           "{\"metadata\": {\"name\": \"quiet\", \"labels\": "
                           "{\"app.kubernetes.io/managed-by\": \"celld\"}}, \"spec\": {}}");
        } else {
            json_t *patch = json_pack("{s:{s:n}}", "labels", LABEL_MANAGED_BY);
            expect_changed(world, "clustertraits", NULL, "quiet", patch);
        }
        world_run(world, MINUTES(3));
        cr_expect_eq(world_times_published(world, "ownership-lost"), 1, "%d", remade[i]);
        json_t *theirs = platform_object(world->platform, "clustertraits", NULL, "quiet");
        cr_expect_not_null(theirs);
        json_decref(theirs);
        expect_condition(world, CONDITION_CONVERGED);
        expect_silence(world);
        world_free(world);
    }
}
