/* Releases that are made from Component and Workload: each once, and only what git wants in it. */
#include "config/base/json.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(source, .timeout = 600);

static void shop(struct world *world, int revision, const char *image, const char *extra)
{
    repository_commit(world, revision, platform_small, "shop", image, extra, NULL);
    world_run(world, 1000);
}

static int64_t slow_generate(void *context, const struct world_request *request)
{
    (void)context;
    return strstr(request->path, "generate-release") == NULL ? 0 : 20000;
}

static size_t generated(const struct world *world)
{
    return world_asked(world, "POST", "/generate-release");
}

/* It is not asked for again when the manifest is read again, and let go when git wants another. */
Test(source, git_moves_on_while_a_release_is_being_made)
{
    static const struct {
        const char *image, *extra;
        size_t generated;
    } rows[] = {
        {"registry.example/shop:1", "  replicas: 2\n", 2},
        {"registry.example/shop:2", NULL, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world_options options;
        world_options_default(&options);
        options.delay = slow_generate;
        struct world *world = world_new(&options);
        shop(world, 1, "registry.example/shop:1", NULL);
        world_run(world, 9000);
        shop(world, 2, rows[i].image, rows[i].extra);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "shop-api-a", "development", rows[i].image);
        cr_expect_leq(generated(world), rows[i].generated, "%zu: %zu", i, generated(world));
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

Test(source, a_release_that_is_refused_is_asked_for_again)
{
    static const struct meddling rows[][2] = {
        {{"POST", "generate-release", 0, 2, ANSWER_RECEIVED, 404, "{}", true}},
        {{"POST", "generate-release", 0, 2, ANSWER_RECEIVED, 200, "[]", false}},
        {{"POST", "generate-release", 0, 2, ANSWER_RECEIVED, 201, NULL, false}},
        {{"POST", "generate-release", 0, 2, ANSWER_RECEIVED, 302, "{}", true}},
        {{"POST", "generate-release", 0, 2, ANSWER_UNKNOWN, 0, NULL, false}},
        {{"POST", "generate-release", 0, 2, ANSWER_NOT_SENT, 0, NULL, true}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct meddler meddler;
        struct world *world = meddle_world(&meddler, rows[i]);
        shop(world, 1, "registry.example/shop:1", NULL);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_gt(meddler.replaced, 0, "%zu", i);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        expect_no_dangers(world);
        world_free(world);
    }
}

#define OTHER_CONTENT                                                                              \
    "{\"metadata\": {\"name\": \"%s\"}, \"spec\": {\"owner\": {\"projectName\": \"acme-shop\", "   \
    "\"componentName\": \"shop-api-a\"}, \"workload\": {\"container\": {\"image\": "               \
    "\"theirs:1\"}}}}"

static size_t generated_of(const struct world *world, const char *component)
{
    char path[128];
    snprintf(path, sizeof path, "/components/%s/generate-release", component);
    return world_asked(world, "POST", path);
}

static size_t differing(const struct world *world)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const json_t *event = json_array_get(world->published, i);
        count += strcmp(json_text_or(json_object_get(event, "type"), ""), "release-differs") == 0;
    }
    return count;
}

/* It stands under the name that ours would have: told once, neither used nor made anew until
 * somebody has deleted it. */
Test(source, a_release_of_other_content_is_told_and_not_used)
{
    struct world *world = repository_world();
    shop(world, 1, "registry.example/shop:1", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    char name[128], body[512];
    snprintf(name, sizeof name, "%s", repository_release(world, "shop-api-a-development"));
    snprintf(body, sizeof body, OTHER_CONTENT, name);
    world_free(world);

    const struct meddling items[] = {
        {"GET", "/componentreleases/shop-api-a-", 0, 1000, ANSWER_RECEIVED, 200, body, false},
        {.method = NULL}};
    struct meddler meddler;
    world = meddle_world(&meddler, items);
    shop(world, 1, "registry.example/shop:1", NULL);
    world_run(world, MINUTES(12));
    cr_expect_eq(differing(world), 1);
    cr_expect_eq(generated_of(world, "shop-api-a"), 0);
    expect_why(world, "shop", "development", "holds other content than git wants");
    /* It differs in another way: that is told as well. */
    snprintf(body, sizeof body, "{\"metadata\": {\"name\": \"%s\"}, \"spec\": {}}", name);
    world_run(world, MINUTES(3));
    cr_expect_eq(differing(world), 2);
    meddler.items[0].times = 0;
    cr_expect(world_run_until(world, CONDITION_CONVERGED, MINUTES(60)));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_no_dangers(world);
    world_free(world);
}

/* Slot b stands after three canaries, with its record: what it was made from stays with it, though
 * nothing would go there any more. */
Test(source, a_second_slot_keeps_its_source_while_it_stands)
{
    static const char canary[] = "  rollout: {strategy: blue-green, bake: 10s}\n";
    struct world *world = repository_world();
    for (int i = 1; i <= 4; i++) {
        char image[32];
        snprintf(image, sizeof image, "registry.example/shop:%d", i);
        shop(world, i, image, i < 4 ? canary : NULL);
        expect_condition(world, CONDITION_CONVERGED);
    }
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:4");
    const struct unit *unit = unit_find(world->engine, "shop");
    const struct object *slot = unit->tracks[0]->bindings[BINDING_B].object;
    json_t *component = platform_object(world->platform, "components", "acme", "shop-api-b");
    cr_expect_eq(component != NULL, slot != NULL && slot->inventory);
    json_decref(component);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* What somebody changed stays under the policy `report`, until a release is made from it. */
Test(source, drift_of_what_a_release_was_made_from_is_reported)
{
    struct world *world = repository_world();
    shop(world, 1, "registry.example/shop:1", "  drift: report\n");
    expect_condition(world, CONDITION_CONVERGED);
    json_t *patch = json_pack("{s:{s:{s:s}}}", "spec", "container", "image", "theirs:9");
    expect_changed(world, "workloads", "acme", "shop-api-a", patch);
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(3));
    cr_expect_eq(world->writes, writes);
    cr_expect(world_published(world, "drift-found", "shop"));
    shop(world, 2, "registry.example/shop:2", "  drift: report\n");
    world_run(world, MINUTES(2));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

/* After a restart nothing was compared with a release that was made before: it is read again. */
Test(source, git_goes_back_to_an_older_release_after_a_restart)
{
    struct world *world = repository_world();
    shop(world, 1, "registry.example/shop:1", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    shop(world, 2, "registry.example/shop:2", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    const size_t before = generated(world);
    world_kill(world);
    world_run(world, MINUTES(1));
    bool ok = false;
    world_command(world, "rollback",
                  json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
    cr_expect(ok);
    world_run(world, MINUTES(2));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    shop(world, 3, "registry.example/shop:1", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    cr_expect_eq(generated(world), before, "it was made before");
    expect_silence(world);
    world_free(world);
}
