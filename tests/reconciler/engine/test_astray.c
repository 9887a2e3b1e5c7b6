/* Releases that celld made, and that somebody else removes or puts others in the place of: noticed
 * by the ordinary look, while nothing else happens. */
#include "config/base/json.h"
#include "reconciler/engine/astray.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(astray, .timeout = 120);

#define RELEASES "/api/v1/namespaces/acme/componentreleases"

static struct world *converged(const char *extra)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", extra, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(1));
    return world;
}

static int ask(struct world *world, const char *method, const char *path, const char *body)
{
    const struct platform_request request = {.method = method,
                                             .path = path,
                                             .body = body,
                                             .body_length = body == NULL ? 0 : strlen(body)};
    struct platform_response response;
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    const int status = response.status;
    platform_response_fini(&response);
    return status;
}

static json_t *live_release(const struct world *world, const char *name)
{
    return platform_object(world->platform, "componentreleases", "acme", name);
}

static void take_away(struct world *world, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, RELEASES "/%s", name);
    cr_assert_eq(ask(world, "DELETE", path, NULL), 204);
    world_run(world, 10);
}

/* Another one of its name, as somebody else would make it. */
static void replace(struct world *world, const char *name, const char *image)
{
    json_t *release = live_release(world, name);
    take_away(world, name);
    json_t *spec = json_object_get(release, "spec");
    if (image != NULL)
        json_object_set_new(json_unconst(json_at(spec, "workload", "container", NULL)), "image",
                            json_string(image));
    json_t *body = json_pack("{s:{s:s}, s:O}", "metadata", "name", name, "spec", spec);
    char *text = json_dumps(body, 0);
    cr_assert_eq(ask(world, "POST", RELEASES, text), 201);
    free(text);
    json_decref(body);
    json_decref(release);
}

static void slot_release(const struct world *world, char ret_name[static 128])
{
    snprintf(ret_name, 128, "%s", repository_release(world, "shop-api-a-development"));
    cr_assert_neq(ret_name[0], '\0');
}

static void expect_image(const struct world *world, const char *name, const char *image)
{
    json_t *release = live_release(world, name);
    cr_expect_str_eq(
        json_text_or(json_at(release, "spec", "workload", "container", "image", NULL), ""), image);
    json_decref(release);
}

Test(astray, a_release_that_is_removed_is_made_again)
{
    struct world *world = converged(NULL);
    char name[128];
    slot_release(world, name);
    take_away(world, name);
    world_run(world, MINUTES(1));
    expect_image(world, name, "registry.example/shop:1");
    cr_expect(world_published(world, "release-astray", "shop"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    expect_no_dangers(world);
    world_free(world);
}

/* It is nobody's to delete but theirs who made it. */
Test(astray, another_release_under_its_name_is_told_and_stops_there_until_it_is_deleted)
{
    struct world *world = converged(NULL);
    char name[128];
    slot_release(world, name);
    replace(world, name, "registry.example/evil:1");
    world_run(world, MINUTES(1));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    cr_expect(world_published(world, "release-differs", "shop"));
    expect_why(world, "shop", "development", "is not the one that celld made: somebody put");
    expect_image(world, name, "registry.example/evil:1");
    json_t *status = engine_status(world->engine, world_now(world));
    char *text = json_dumps(json_object_get(status, "holds"), JSON_COMPACT);
    cr_expect_not_null(strstr(text, "delete it, then celld makes it again"), "%s", text);
    free(text);
    json_decref(status);
    expect_silence(world);
    take_away(world, name);
    world_run(world, MINUTES(1));
    expect_image(world, name, "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

Test(astray, one_of_the_same_content_is_as_good)
{
    struct world *world = converged(NULL);
    char name[128];
    slot_release(world, name);
    replace(world, name, NULL);
    world_run(world, MINUTES(1));
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
    cr_expect_not(world_published(world, "release-differs", "shop"));
    expect_silence(world);
    world_free(world);
}

/* Where the API's own rule that releases do not change is not kept. */
Test(astray, a_release_that_changes_all_the_same_is_told)
{
    struct world *world = converged(NULL);
    char name[128];
    slot_release(world, name);
    json_t *patch = json_pack("{s:{s:{s:{s:s}}}}", "spec", "workload", "container", "image",
                              "registry.example/evil:1");
    expect_changed(world, "componentreleases", "acme", name, patch);
    world_run(world, MINUTES(1));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    cr_expect(world_published(world, "release-differs", "shop"));
    world_free(world);
}

Test(astray, what_the_drift_policy_leaves_alone_is_told_all_the_same)
{
    struct world *world = converged("  drift: report\n");
    char name[128];
    slot_release(world, name);
    take_away(world, name);
    world_run(world, MINUTES(2));
    cr_expect_null(live_release(world, name));
    cr_expect(world_published(world, "release-astray", "shop"));
    world_free(world);
}

/* A release that only waits to be gone back to. */
Test(astray, another_in_the_place_of_one_of_before_is_not_gone_back_to)
{
    struct world *world = converged(NULL);
    char before[128];
    slot_release(world, before);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    replace(world, before, "registry.example/evil:1");
    world_run(world, MINUTES(1));
    cr_expect(world_published(world, "release-astray", "shop"));
    expect_condition(world, CONDITION_CONVERGED);
    bool ok = false;
    world_command(world, "rollback",
                  json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
    world_run(world, MINUTES(5));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

/* Labels are no content. */
Test(astray, a_release_that_somebody_labels_is_as_good_as_before)
{
    struct world *world = converged(NULL);
    char name[128];
    slot_release(world, name);
    for (int i = 0; i < 2; i++) { /* of what git wants, and of what it wanted before */
        json_t *patch = json_pack("{s:{s:s}}", "labels", "team", i == 0 ? "shop" : "others");
        expect_changed(world, "componentreleases", "acme", name, patch);
        world_run(world, MINUTES(2));
        cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
        cr_expect_not(world_published(world, "release-astray", "shop"));
        cr_expect_not(world_published(world, "release-differs", "shop"));
        expect_silence(world);
        repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
    }
    world_free(world);
}

/* Nothing runs of it, and nobody will want it. */
Test(astray, a_release_that_was_judged_bad_is_not_made_again)
{
    struct world *world = converged(NULL);
    repository_commit(world, 2, platform_small, "shop", "registry.example/broken:2", NULL, NULL);
    expect_condition(world, CONDITION_HELD);
    json_t *all = platform_objects(world->platform, "componentreleases");
    char name[128] = "";
    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *each = json_text_or(json_object_get(json_array_get(all, i), "name"), "");
        json_t *release = live_release(world, each);
        const char *image =
            json_text_or(json_at(release, "spec", "workload", "container", "image", NULL), "");
        if (strcmp(image, "registry.example/broken:2") == 0)
            snprintf(name, sizeof name, "%s", each);
        json_decref(release);
    }
    json_decref(all);
    cr_assert_neq(name[0], '\0');
    take_away(world, name);
    world_run(world, MINUTES(3));
    cr_expect_null(live_release(world, name));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_silence(world);
    world_free(world);
}

Test(astray, only_what_is_at_rest_and_ours_is_read_in_turn)
{
    static struct operation operation;
    static struct track track;
    struct track *tracks[] = {&track};
    struct unit unit = {.tracks = tracks, .track_count = 1};
    const struct object release = {
        .key = {KIND_COMPONENT_RELEASE, "acme", "r"}, .unit = &unit, .inventory = true};
    struct object other = release;
    cr_expect(astray_may_be_read(&other));
    other.key.kind = KIND_WORKLOAD;
    cr_expect_not(astray_may_be_read(&other));
    other = release;
    other.inventory = false;
    cr_expect_not(astray_may_be_read(&other));
    other = release;
    other.goal = GOAL_ABSENT;
    cr_expect_not(astray_may_be_read(&other));
    other = release;
    other.operation = &operation;
    cr_expect_not(astray_may_be_read(&other));
    track.rollout.state = ROLLOUT_DEPLOY;
    cr_expect_not(astray_may_be_read(&release));
}

Test(astray, is_a_matter_of_what_git_wants)
{
    static struct engine engine;
    struct object release = {.key = {KIND_COMPONENT_RELEASE, "acme", "r"}, .astray = true};
    struct text text;
    text_init(&text, 512);
    cr_expect_not(astray_is(&release));
    cr_expect_not(astray_explain(&release, &text));
    release.wanted = true;
    release.presence = PRESENCE_ABSENT;
    cr_expect(astray_explain(&release, &text));
    cr_expect_str_eq(text_get(&text), "ComponentRelease r is gone and is being made again");
    text_fini(&text);
    /* not ours, not wanted, or meant to go: nobody took it from us */
    for (int i = 0; i < 3; i++) {
        release.astray = false;
        release.inventory = i != 0;
        release.wanted = i != 1;
        release.goal = i == 2 ? GOAL_ABSENT : GOAL_NONE;
        astray_gone(&engine, &release);
        cr_expect_not(release.astray, "%d", i);
    }
    release.inventory = false;
    json_t *live = json_pack("{s:{s:s}}", "metadata", "uid", "other");
    astray_observed(&engine, &release, live);
    cr_expect_not(release.astray);
    json_decref(live);
}
