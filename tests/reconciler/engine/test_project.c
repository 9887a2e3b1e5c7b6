/* A cell's project gets a new release: its bindings follow, target by target, and only where that
 * release is the project's own and celld's word counts. */
#include "config/base/json.h"
#include "reconciler/engine/project.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(project, .timeout = 600);

#define BINDINGS "projectreleasebindings"

/* development, testing, production on us and eu; no gates. */
static const char wide[] = PLATFORM_HEAD "  environments:\n"
                                         "    - {name: development}\n"
                                         "    - {name: testing}\n"
                                         "    - {name: production, regions: [us, eu]}\n"
                                         "  phases:\n"
                                         "    - {name: first, cells: [billing]}\n"
                                         "    - {name: second, cells: [shop]}\n";

static void commit(struct world *world, int revision, const char *image)
{
    repository_commit(world, revision, wide, "billing", "registry.example/billing:1", NULL, "shop",
                      image, NULL, NULL);
}

static void converge(struct world *world)
{
    commit(world, 1, "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
}

static void tamper(struct world *world, const char *collection, const char *ns, const char *name,
                   json_t *patch)
{
    cr_assert(
        platform_tamper(world->platform, collection, ns, name, patch, world_platform_now(world)));
    json_decref(patch);
}

/* The platform team changes what namespaces of projects look like: every project gets a new
 * release. */
static void change_type(struct world *world, const char *label)
{
    tamper(world, "clusterprojecttypes", NULL, "default",
           json_pack("{s:{s:{s:s}}}", "spec", "labels", "generation", label));
}

static json_t *live(const struct world *world, const char *collection, const char *name)
{
    return platform_object(world->platform, collection, "acme", name);
}

/* What a binding is pinned to, or a project's newest release. Borrowed until the fourth next call.
 */
static const char *text_at(const struct world *world, const char *collection, const char *name,
                           const char *part, const char *field, const char *more)
{
    static char texts[4][128];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    json_t *object = live(world, collection, name);
    snprintf(text, sizeof texts[0], "%s",
             json_text_or(json_at(object, part, field, more, NULL), ""));
    json_decref(object);
    return text;
}

static const char *pin(const struct world *world, const char *binding)
{
    return text_at(world, BINDINGS, binding, "spec", "projectRelease", NULL);
}

static const char *latest(const struct world *world, const char *project)
{
    return text_at(world, "projects", project, "status", "latestRelease", "name");
}

/* Names of the project bindings that were written since the log was cleared, in order. */
static const char *written(const struct world *world)
{
    static char names[1024];
    names[0] = '\0';
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *row = platform_log_at(world->platform, i);
        const char *name = strstr(row->path, BINDINGS "/");
        if (name == NULL || strcmp(row->method, "GET") == 0)
            continue;
        const size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", length == 0 ? "" : " ",
                 name + strlen(BINDINGS "/acme-"));
    }
    return names;
}

static const char *const targets[] = {"development", "testing", "production", "production-eu"};

/* Each was written once, the first before the second. */
static void expect_before(const struct world *world, const char *first, const char *there,
                          const char *second, const char *here)
{
    char names[2][64], all[1024];
    snprintf(all, sizeof all, " %s ", written(world));
    snprintf(names[0], sizeof names[0], " %s%s ", first, there);
    snprintf(names[1], sizeof names[1], " %s%s ", second, here);
    const char *a = strstr(all, names[0]), *b = strstr(all, names[1]);
    cr_assert(a != NULL && b != NULL && a < b, "%s before %s: %s", names[0], names[1], all);
    cr_expect_null(strstr(b + 1, names[1]), "%s", all);
}

static void expect_all_on_latest(const struct world *world, const char *project)
{
    for (size_t i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-%s", project, targets[i]);
        cr_expect_str_eq(pin(world, name), latest(world, project), "%s", name);
    }
}

Test(project, bindings_follow_a_new_release_environment_by_environment_in_phase_order)
{
    struct world *world = repository_world();
    converge(world);
    char before[128];
    snprintf(before, sizeof before, "%s", latest(world, "acme-shop"));
    platform_log_clear(world->platform);
    change_type(world, "2");
    world_run(world, MINUTES(5));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_str_neq(latest(world, "acme-shop"), before);
    expect_all_on_latest(world, "acme-shop");
    expect_all_on_latest(world, "acme-billing");
    for (size_t i = 0; i < 4; i++) {
        expect_before(world, "billing-", targets[i], "shop-", targets[i]);
        if (i > 0) {
            expect_before(world, "billing-", targets[i - 1], "billing-", targets[i]);
            expect_before(world, "shop-", targets[i - 1], "shop-", targets[i]);
        }
    }
    expect_silence(world);
    expect_no_dangers(world);
    world_free(world);
}

Test(project, parameters_that_somebody_gave_a_project_bring_a_release_that_is_followed)
{
    struct world *world = repository_world();
    converge(world);
    tamper(world, "projects", "acme", "acme-shop",
           json_pack("{s:{s:{s:s}}}", "spec", "parameters", "tier", "gold"));
    world_run(world, MINUTES(5));
    expect_condition(world, CONDITION_CONVERGED);
    expect_all_on_latest(world, "acme-shop");
    cr_expect_str_eq(text_at(world, "projects", "acme-shop", "spec", "parameters", "tier"), "gold",
                     "a foreign field stays");
    expect_silence(world);
    world_free(world);
}

/* The control plane says Ready all the while, of the release before. */
Test(project, the_next_environment_waits_until_the_binding_is_seen_ready_on_the_new_release)
{
    struct world *world = repository_world();
    converge(world);
    change_type(world, "2");
    world_run(world, 2000);
    platform_stall(world->platform, world_platform_now(world) + MINUTES(4));
    platform_log_clear(world->platform);
    world_run(world, MINUTES(3));
    cr_expect_str_eq(written(world), "billing-development");
    cr_expect_str_eq(world_node_state(world, "billing", "development"), "forward");
    expect_why(world, "billing", "development",
               "the project binding acme-billing-development is not ready on project release");
    expect_why(world, "shop", "development", "shop on development waits for billing");
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    world_run(world, MINUTES(10));
    expect_condition(world, CONDITION_CONVERGED);
    expect_all_on_latest(world, "acme-shop");
    world_free(world);
}

Test(project, a_move_waits_for_the_rollout_that_is_under_way_and_a_rollout_for_the_move)
{
    struct world *world = repository_world();
    converge(world);
    platform_image_rule(world->platform, "*shop:2", PLATFORM_IMAGE_SLOW, MINUTES(2));
    commit(world, 2, "registry.example/shop:2");
    world_run(world, 30000);
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "rolling");
    change_type(world, "2");
    platform_log_clear(world->platform);
    world_run(world, 60000);
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "rolling");
    cr_expect_null(strstr(written(world), "shop-development"), "%s", written(world));
    world_run(world, MINUTES(20));
    expect_condition(world, CONDITION_CONVERGED);
    expect_all_on_latest(world, "acme-shop");
    for (size_t i = 0; i < 4; i++)
        expect_runs(world, "shop-api-a", targets[i], "registry.example/shop:2");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* Both wait for the same gate. */
Test(project, new_content_starts_where_the_binding_stands_on_the_new_release)
{
    static const char gated[] =
        PLATFORM_HEAD "  environments:\n"
                      "    - {name: development}\n"
                      "    - {name: testing, gates: [{name: approval, manual: {}}]}\n"
                      "  phases: [{name: first, cells: [shop]}]\n";
    struct world *world = repository_world();
    bool ok = false;
    for (int revision = 1; revision <= 2; revision++) {
        char image[64];
        snprintf(image, sizeof image, "registry.example/shop:%d", revision);
        repository_commit(world, revision, gated, "shop", image, NULL, NULL);
        if (revision == 2)
            change_type(world, "2");
        world_run(world, MINUTES(3));
        platform_log_clear(world->platform);
        world_command(world, "approve",
                      json_pack("{s:s, s:s, s:s, s:s}", "cell", "shop", "environment", "testing",
                                "gate", "approval", "by", "ann"),
                      &ok);
        cr_assert(ok);
        world_run(world, 1);
        if (revision == 2)
            expect_why(world, "shop", "testing",
                       "acme-shop-testing is being moved to project release");
        expect_condition(world, CONDITION_CONVERGED);
    }
    size_t moved = 0, deployed = 0;
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *row = platform_log_at(world->platform, i);
        if (strcmp(row->method, "PUT") != 0)
            continue;
        if (strstr(row->path, BINDINGS "/acme-shop-testing") != NULL)
            moved = i;
        if (strstr(row->path, "/releasebindings/shop-api-a-testing") != NULL && deployed == 0)
            deployed = i;
    }
    cr_expect_gt(moved, 0);
    cr_expect_gt(deployed, moved);
    cr_expect_str_eq(pin(world, "acme-shop-testing"), latest(world, "acme-shop"));
    world_free(world);
}

Test(project, a_pin_that_somebody_set_back_is_put_right)
{
    struct world *world = repository_world();
    converge(world);
    char before[128];
    snprintf(before, sizeof before, "%s", latest(world, "acme-shop"));
    change_type(world, "2");
    world_run(world, MINUTES(5));
    expect_condition(world, CONDITION_CONVERGED);
    tamper(world, BINDINGS, "acme", "acme-shop-production",
           json_pack("{s:{s:s}}", "spec", "projectRelease", before));
    world_run(world, MINUTES(2));
    expect_all_on_latest(world, "acme-shop");
    cr_expect(world_published(world, "drift-found", "shop"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* An emptied pin is filled by the control plane with the newest release: no promotion of ours. */
Test(project, a_pin_that_was_emptied_goes_back_to_what_the_environment_before_stands_on)
{
    struct world *world = repository_world();
    converge(world);
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_assert(ok);
    char before[128];
    snprintf(before, sizeof before, "%s", latest(world, "acme-shop"));
    change_type(world, "2");
    world_run(world, MINUTES(2));
    tamper(world, BINDINGS, "acme", "acme-shop-production",
           json_pack("{s:{s:n}}", "spec", "projectRelease"));
    world_run(world, MINUTES(2));
    cr_expect_str_eq(pin(world, "acme-shop-development"), before, "suspended: nothing moves");
    cr_expect_str_neq(pin(world, "acme-shop-production"), before);
    world_command(world, "resume", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_assert(ok);
    platform_log_clear(world->platform);
    world_run(world, MINUTES(10));
    expect_condition(world, CONDITION_CONVERGED);
    expect_all_on_latest(world, "acme-shop");
    world_free(world);
}

Test(project, a_binding_of_somebody_else_is_never_moved)
{
    struct world *world = repository_world();
    converge(world);
    /* It is gone and another one stands in its place: not the one that celld made. */
    struct platform_response response;
    const struct platform_request removal = {
        .method = "DELETE", .path = "/api/v1/namespaces/acme/" BINDINGS "/acme-shop-testing"};
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_assert(ok);
    platform_handle(world->platform, &removal, world_platform_now(world), &response);
    platform_response_fini(&response);
    world_run(world, MINUTES(1));
    char body[512], before[128];
    snprintf(before, sizeof before, "%s", latest(world, "acme-shop"));
    snprintf(body, sizeof body,
             "{\"metadata\":{\"name\":\"acme-shop-testing\"},\"spec\":{\"owner\":{\"projectName\":"
             "\"acme-shop\"},\"environment\":\"testing\",\"projectRelease\":\"%s\"}}",
             before);
    expect_created(world, "/api/v1/namespaces/acme/" BINDINGS, body);
    change_type(world, "2");
    world_command(world, "resume", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_assert(ok);
    platform_log_clear(world->platform);
    world_run(world, MINUTES(5));
    cr_expect_str_eq(pin(world, "acme-shop-testing"), before);
    cr_expect_null(strstr(written(world), "shop-testing"), "%s", written(world));
    cr_expect_str_eq(pin(world, "acme-shop-production"), before,
                     "nothing goes past an environment that is not there yet");
    expect_why(world, "shop", "testing", "stands there without celld's mark");
    world_free(world);
}

#define WRONG_RELEASE                                                                              \
    "{\"metadata\": {\"name\": \"%s\"}, \"spec\": {\"owner\": {\"projectName\": \"%s\"},"          \
    " \"projectType\": {\"kind\": \"ClusterProjectType\", \"name\": \"%s\"}}}"

Test(project, a_release_that_is_not_made_from_the_project_is_not_followed_until_it_is)
{
    /* What the releases are called is the control plane's choice: a first world tells. */
    struct world *world = repository_world();
    converge(world);
    change_type(world, "2");
    world_run(world, MINUTES(1));
    char shop[512], billing[512];
    snprintf(shop, sizeof shop, WRONG_RELEASE, latest(world, "acme-shop"), "acme-shop", "other");
    snprintf(billing, sizeof billing, WRONG_RELEASE, latest(world, "acme-billing"), "other",
             "default");
    world_free(world);

    const struct meddling wrong[] = {
        {"GET", "/projectreleases/acme-shop-", 0, 3, ANSWER_RECEIVED, 200, shop, false},
        {"GET", "/projectreleases/acme-billing-", 0, 1, ANSWER_RECEIVED, 200, billing, false},
        {"GET", "/projectreleases/acme-billing-", 0, 1, ANSWER_RECEIVED, 404, NULL, false},
        {0}};
    struct meddler meddler;
    world = meddle_world(&meddler, wrong);
    converge(world);
    change_type(world, "2");
    world_run(world, MINUTES(10));
    cr_expect_eq(meddler.replaced, 5);
    cr_expect(world_published(world, "project-release-differs", "shop"));
    cr_expect(world_published(world, "project-release-differs", "billing"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_all_on_latest(world, "acme-shop");
    expect_all_on_latest(world, "acme-billing");
    expect_silence(world);
    world_free(world);
}

static int64_t slow_releases(void *context, const struct world_request *request)
{
    (void)context;
    return strstr(request->path, "/projectreleases/") != NULL ? 25000 : 0;
}

/* While a release is read, the project gets the next one: what comes of the first is nothing. */
Test(project, a_release_that_the_next_one_overtakes_is_not_followed)
{
    struct world_options options;
    world_options_default(&options);
    options.delay = slow_releases;
    struct world *world = world_new(&options);
    converge(world);
    platform_log_clear(world->platform);
    change_type(world, "2");
    char second[128] = "";
    while (second[0] == '\0') {
        cr_assert(world_step(world, world->now_ms + MINUTES(5)));
        for (size_t i = 0; i < world->request_count; i++) {
            if (strstr(world->requests[i]->path, "/projectreleases/acme-shop-") != NULL)
                snprintf(second, sizeof second, "%s", latest(world, "acme-shop"));
        }
    }
    change_type(world, "3");
    platform_advance(world->platform, world_platform_now(world) + 1000);
    world_run(world, MINUTES(15));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_str_neq(latest(world, "acme-shop"), second);
    expect_all_on_latest(world, "acme-shop");
    expect_all_on_latest(world, "acme-billing");
    expect_silence(world);
    world_free(world);
}

/* An environment of several regions before others: each follows the one before it. */
Test(project, bindings_follow_through_several_regions)
{
    static const char regions[] = PLATFORM_HEAD "  environments:\n"
                                                "    - {name: development, regions: [us, eu]}\n"
                                                "    - {name: testing}\n"
                                                "    - {name: production}\n"
                                                "  phases: [{name: all, cells: [shop]}]\n";
    struct world *world = repository_world();
    repository_commit(world, 1, regions, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    change_type(world, "2");
    world_run(world, MINUTES(10));
    expect_condition(world, CONDITION_CONVERGED);
    static const char *const names[] = {"development", "development-eu", "testing", "production"};
    for (size_t i = 0; i < 4; i++) {
        char binding[64];
        snprintf(binding, sizeof binding, "acme-shop-%s", names[i]);
        cr_expect_str_eq(pin(world, binding), latest(world, "acme-shop"), "%s", binding);
    }
    world_free(world);
}

/* What is read of a release counts for that release: not when the newest is another by now. */
Test(project, a_release_is_followed_as_the_newest_only)
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
Test(project, what_is_not_ready_without_a_word_is_not_quoted)
{
    struct world *world = repository_world();
    converge(world);
    struct unit *unit = unit_find(world->engine, "shop");
    struct object *project = unit->objects[0];
    static const char *const words[] = {"no room", ""};
    for (size_t i = 0; i < 2; i++) {
        json_t *told = live(world, "projects", "acme-shop");
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

Test(project, a_plan_shows_the_move_before_it_is_made)
{
    struct world *world = repository_world();
    converge(world);
    bool ok = false;
    world_command(world, "suspend", json_object(), &ok);
    change_type(world, "2");
    world_run(world, MINUTES(2));
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    char *text = json_dumps(plan, JSON_COMPACT);
    cr_expect_not_null(strstr(text, "acme-shop-production-eu"), "%s", text);
    free(text);
    json_decref(plan);
    world_free(world);
}

/* Killed at any event of a move, it ends the same way: nothing moves out of order. */
Test(project, a_move_survives_a_death_at_any_moment)
{
    for (uint64_t at = 1; at <= 60; at += 3) {
        struct world *world = repository_world();
        converge(world);
        platform_log_clear(world->platform);
        change_type(world, "2");
        world->kill_at_event = world->events + at;
        world_run(world, MINUTES(6));
        cr_expect_eq(world->kills, 1);
        expect_condition(world, CONDITION_CONVERGED);
        expect_all_on_latest(world, "acme-shop");
        expect_all_on_latest(world, "acme-billing");
        cr_expect_eq(platform_danger(world->platform).namespace_destroyed, 0);
        expect_silence(world);
        world_free(world);
    }
}

/* celld --once would leave. */
Test(project, what_is_read_after_a_restart_is_not_held)
{
    struct world *world = repository_world();
    converge(world);
    world_kill(world);
    const int64_t until = world->now_ms + MINUTES(2);
    while (world_step(world, until))
        cr_assert(world->request_count > 0 || engine_condition(world->engine) != CONDITION_HELD,
                  "at %lld", (long long)world->now_ms);
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
    world_free(world);
}
