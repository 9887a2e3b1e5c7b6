/* Which release a project's bindings are moved to, and by whom: only the newest, only where it is
 * the project's own, and only bindings that are celld's. */
#include "reconciler/engine/project.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/meddle.h"
#include "tests/reconciler/engine/projects.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(project_release, .timeout = 600);

Test(project_release, a_pin_that_somebody_set_back_is_put_right)
{
    struct world *world = repository_world();
    projects_converge(world);
    char before[128];
    snprintf(before, sizeof before, "%s", projects_latest(world, "acme-shop"));
    projects_change_type(world, "2");
    world_run(world, MINUTES(5));
    expect_condition(world, CONDITION_CONVERGED);
    expect_changed(world, PROJECTS_BINDINGS, "acme", "acme-shop-production",
                   json_pack("{s:{s:s}}", "spec", "projectRelease", before));
    world_run(world, MINUTES(2));
    projects_expect_latest(world, "acme-shop");
    cr_expect(world_published(world, "drift-found", "shop"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* An emptied pin is filled by the control plane with the newest release: no promotion of ours. */
Test(project_release, a_pin_that_was_emptied_goes_back_to_what_the_environment_before_stands_on)
{
    struct world *world = repository_world();
    projects_converge(world);
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_assert(ok);
    char before[128];
    snprintf(before, sizeof before, "%s", projects_latest(world, "acme-shop"));
    projects_change_type(world, "2");
    world_run(world, MINUTES(2));
    expect_changed(world, PROJECTS_BINDINGS, "acme", "acme-shop-production",
                   json_pack("{s:{s:n}}", "spec", "projectRelease"));
    world_run(world, MINUTES(2));
    cr_expect_str_eq(projects_pin(world, "acme-shop-development"), before,
                     "suspended: nothing moves");
    cr_expect_str_neq(projects_pin(world, "acme-shop-production"), before);
    world_command(world, "resume", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_assert(ok);
    platform_log_clear(world->platform);
    world_run(world, MINUTES(10));
    expect_condition(world, CONDITION_CONVERGED);
    projects_expect_latest(world, "acme-shop");
    world_free(world);
}

Test(project_release, a_binding_of_somebody_else_is_never_moved)
{
    struct world *world = repository_world();
    projects_converge(world);
    /* It is gone and another one stands in its place: not the one that celld made. */
    struct platform_response response;
    const struct platform_request removal = {.method = "DELETE",
                                             .path = "/api/v1/namespaces/acme/" PROJECTS_BINDINGS
                                                     "/acme-shop-testing"};
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_assert(ok);
    platform_handle(world->platform, &removal, world_platform_now(world), &response);
    platform_response_fini(&response);
    world_run(world, MINUTES(1));
    char body[512], before[128];
    snprintf(before, sizeof before, "%s", projects_latest(world, "acme-shop"));
    snprintf(body, sizeof body,
             "{\"metadata\":{\"name\":\"acme-shop-testing\"},\"spec\":{\"owner\":{\"projectName\":"
             "\"acme-shop\"},\"environment\":\"testing\",\"projectRelease\":\"%s\"}}",
             before);
    expect_created(world, "/api/v1/namespaces/acme/" PROJECTS_BINDINGS, body);
    projects_change_type(world, "2");
    world_command(world, "resume", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_assert(ok);
    platform_log_clear(world->platform);
    world_run(world, MINUTES(5));
    cr_expect_str_eq(projects_pin(world, "acme-shop-testing"), before);
    cr_expect_null(strstr(projects_written(world), "shop-testing"), "%s", projects_written(world));
    cr_expect_str_eq(projects_pin(world, "acme-shop-production"), before,
                     "nothing goes past an environment that is not there yet");
    expect_why(world, "shop", "testing", "stands there without celld's mark");
    world_free(world);
}

#define WRONG_RELEASE                                                                              \
    "{\"metadata\": {\"name\": \"%s\"}, \"spec\": {\"owner\": {\"projectName\": \"%s\"},"          \
    " \"projectType\": {\"kind\": \"ClusterProjectType\", \"name\": \"%s\"}}}"

Test(project_release, a_release_that_is_not_made_from_the_project_is_not_followed_until_it_is)
{
    /* What the releases are called is the control plane's choice: a first world tells. */
    struct world *world = repository_world();
    projects_converge(world);
    projects_change_type(world, "2");
    world_run(world, MINUTES(1));
    char shop[512], billing[512];
    snprintf(shop, sizeof shop, WRONG_RELEASE, projects_latest(world, "acme-shop"), "acme-shop",
             "other");
    snprintf(billing, sizeof billing, WRONG_RELEASE, projects_latest(world, "acme-billing"),
             "other", "default");
    world_free(world);

    const struct meddling wrong[] = {
        {"GET", "/projectreleases/acme-shop-", 0, 3, ANSWER_RECEIVED, 200, shop, false},
        {"GET", "/projectreleases/acme-billing-", 0, 1, ANSWER_RECEIVED, 200, billing, false},
        {"GET", "/projectreleases/acme-billing-", 0, 1, ANSWER_RECEIVED, 404, NULL, false},
        {0}};
    struct meddler meddler;
    world = meddle_world(&meddler, wrong);
    projects_converge(world);
    projects_change_type(world, "2");
    world_run(world, MINUTES(10));
    cr_expect_eq(meddler.replaced, 5);
    cr_expect(world_published(world, "project-release-differs", "shop"));
    cr_expect(world_published(world, "project-release-differs", "billing"));
    expect_condition(world, CONDITION_CONVERGED);
    projects_expect_latest(world, "acme-shop");
    projects_expect_latest(world, "acme-billing");
    expect_silence(world);
    world_free(world);
}

static int64_t slow_releases(void *context, const struct world_request *request)
{
    (void)context;
    return strstr(request->path, "/projectreleases/") != NULL ? 25000 : 0;
}

/* While a release is read, the project gets the next one: what comes of the first is nothing. */
Test(project_release, a_release_that_the_next_one_overtakes_is_not_followed)
{
    struct world_options options;
    world_options_default(&options);
    options.delay = slow_releases;
    struct world *world = world_new(&options);
    projects_converge(world);
    platform_log_clear(world->platform);
    projects_change_type(world, "2");
    char second[128] = "";
    while (second[0] == '\0') {
        cr_assert(world_step(world, world->now_ms + MINUTES(5)));
        for (size_t i = 0; i < world->request_count; i++) {
            if (strstr(world->requests[i]->path, "/projectreleases/acme-shop-") != NULL)
                snprintf(second, sizeof second, "%s", projects_latest(world, "acme-shop"));
        }
    }
    projects_change_type(world, "3");
    platform_advance(world->platform, world_platform_now(world) + 1000);
    world_run(world, MINUTES(15));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_str_neq(projects_latest(world, "acme-shop"), second);
    projects_expect_latest(world, "acme-shop");
    projects_expect_latest(world, "acme-billing");
    expect_silence(world);
    world_free(world);
}

/* What is read of a release counts for that release: not when the newest is another by now. */
Test(project_release, a_release_is_followed_as_the_newest_only)
{
    struct object release = {.key = {KIND_PROJECT_RELEASE, "acme", "second"},
                             .presence = PRESENCE_PRESENT,
                             .sound = true};
    const struct target target = {.primary = true};
    struct unit unit = {.release = &release, .release_content = 7, .project_content = 7};
    const struct node node = {
        .unit = &unit, .target = &target, .binding_release = "first", .looks_wanted = 1};
    snprintf(unit.project_release, sizeof unit.project_release, "second");
    cr_expect_str_eq(project_release_for(&node), "second");
    snprintf(unit.project_release, sizeof unit.project_release, "third");
    cr_expect_str_eq(project_release_for(&node), "first");
}

/* A condition without a word is no trouble that could be told. */
Test(project_release, what_is_not_ready_without_a_word_is_not_quoted)
{
    struct world *world = repository_world();
    projects_converge(world);
    struct unit *unit = unit_find(world->engine, "shop");
    struct object *project = unit->objects[0];
    static const char *const words[] = {"no room", ""};
    for (size_t i = 0; i < 2; i++) {
        json_t *told = platform_object(world->platform, "projects", "acme", "acme-shop");
        json_t *condition =
            json_pack("{s:s, s:s, s:s}", "type", "Ready", "status", "False", "message", words[i]);
        json_object_set_new(json_object_get(told, "status"), "conditions",
                            json_pack("[o]", condition));
        project_observed(world->engine, project, told);
        const char *trouble = project_trouble(unit, "acme-shop");
        cr_expect_str_eq(trouble == NULL ? "" : trouble, words[i]);
        json_decref(told);
    }
    world_free(world);
}
