/* Looks at the live state: what a list says, what it may hide, and what is told of it. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(looking, .timeout = 600);

static void commit(struct world *world, int revision)
{
    char image[64];
    snprintf(image, sizeof image, "registry.example/shop:%d", revision);
    repository_commit(world, revision, platform_small, "shop", image, NULL, NULL);
}

static struct world *converged(struct meddler *meddler, const struct meddling *items)
{
    struct world *world = items == NULL ? repository_world() : meddle_world(meddler, items);
    commit(world, 1);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

static char *control_plane_message(const struct world *world, bool *ret_known)
{
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *control = json_object_get(status, "control_plane");
    *ret_known = json_is_true(json_object_get(control, "known"));
    char *message = strdup(json_text_or(json_object_get(control, "message"), ""));
    json_decref(status);
    return message;
}

static void expect_message(const struct world *world, bool known, const char *part)
{
    bool is_known = false;
    char *message = control_plane_message(world, &is_known);
    cr_expect_eq(is_known, known);
    if (part[0] == '\0')
        cr_expect_str_eq(message, "");
    else
        cr_expect_not_null(strstr(message, part), "\"%s\" lacks \"%s\"", message, part);
    free(message);
}

static int remove_by_hand(struct world *world, const char *path)
{
    struct platform_response response;
    const struct platform_request request = {.method = "DELETE", .path = path};
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    const int status = response.status;
    platform_response_fini(&response);
    return status;
}

/* --- lists that come back empty -----------------------------------------------------------------
 */

/* What keeps the live state unknown is told for as long as it does, and by `why` as well. */
Test(looking, an_empty_list_while_one_of_them_stands_is_told_until_it_is_over)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"LIST", "/releasebindings", 40, 1000, ANSWER_RECEIVED, 200, "[]", false},
        {.method = NULL}};
    struct world *world = converged(&meddler, items);
    meddler.items[0].skip = 0;
    const uint64_t version = engine_version(world->engine);
    world_run(world, MINUTES(3));
    cr_expect_gt(meddler.replaced, 0);
    cr_expect_gt(engine_version(world->engine), version);
    cr_expect(world_published(world, "live-state-unknown", NULL));
    expect_message(world, false, "the list of ReleaseBindings came back empty");
    expect_message(world, false, "is the right to list missing?");
    expect_why(world, "shop", NULL, "came back empty although celld made some");
    meddler.items[0].times = 0;
    world_run(world, MINUTES(2));
    expect_message(world, true, "");
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

Test(looking, an_empty_list_whose_objects_may_not_be_read_is_unknown)
{
    static const struct {
        enum answer_outcome outcome;
        int status;
    } answers[] = {{ANSWER_RECEIVED, 403}, {ANSWER_NOT_SENT, 0}, {ANSWER_UNKNOWN, 404}};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct meddler meddler;
        const struct meddling items[] = {
            {"LIST", "/workloads", 40, 1000, ANSWER_RECEIVED, 200, "[]", false},
            {"GET", "/workloads/", 40, 1000, answers[i].outcome, answers[i].status, NULL, false},
            {.method = NULL}};
        struct world *world = converged(&meddler, items);
        meddler.items[0].skip = meddler.items[1].skip = 0;
        const uint64_t writes = world->writes;
        world_run(world, MINUTES(3));
        expect_message(world, false, "reading one of them is refused or fails");
        cr_expect_eq(world->writes, writes);
        meddler.items[0].times = meddler.items[1].times = 0;
        world_run(world, MINUTES(3));
        expect_message(world, true, "");
        expect_silence(world);
        world_free(world);
    }
}

/* Somebody really removed all of a kind: then the list is right, and they are made again. */
Test(looking, an_empty_list_that_is_true_is_believed)
{
    struct world *world = converged(NULL, NULL);
    cr_assert_lt(
        remove_by_hand(world, "/api/v1/namespaces/acme/releasebindings/shop-api-development"), 300);
    world_run(world, 200);
    cr_assert_lt(
        remove_by_hand(world, "/api/v1/namespaces/acme/releasebindings/shop-api-a-development"),
        300);
    world_run(world, MINUTES(4));
    cr_expect(!world_published(world, "live-state-unknown", NULL));
    cr_expect(world_published(world, "drift-found", "shop"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    cr_expect_eq(platform_danger(world->platform).duplicate_binding, 0);
    expect_silence(world);
    world_free(world);
}

/* --- lists that do not come ---------------------------------------------------------------------
 */

Test(looking, a_list_that_breaks_off_is_told_and_read_again)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"LIST", "/components", 40, 1000, ANSWER_NOT_SENT, 0, NULL, false}, {.method = NULL}};
    struct world *world = converged(&meddler, items);
    meddler.items[0].skip = 0;
    const uint64_t version = engine_version(world->engine);
    world_run(world, MINUTES(2));
    expect_message(world, true, "Components cannot be listed: meddled with");
    cr_expect_gt(engine_version(world->engine), version);
    /* What is known stays known, and git goes on. */
    commit(world, 2);
    world_run(world, MINUTES(4));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    meddler.items[0].times = 0;
    world_run(world, MINUTES(2));
    expect_message(world, true, "");
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* Before anything was seen completely, nothing is done. */
Test(looking, nothing_is_written_before_the_first_complete_look)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"LIST", "/secretreferences", 0, 1000, ANSWER_RECEIVED, 500, NULL, false},
        {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    commit(world, 1);
    world_run(world, MINUTES(3));
    cr_expect_eq(world->writes, 0);
    cr_expect_eq(engine_condition(world->engine), CONDITION_STARTING);
    bool ok = true;
    world_command(world, "rollback",
                  json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
    cr_expect(!ok);
    expect_message(world, false, "SecretReferences cannot be listed");
    meddler.items[0].times = 0;
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* What has no name, or is none of ours, says nothing. */
Test(looking, strange_items_of_a_list_are_passed_over)
{
    struct meddler meddler;
    const struct meddling items[] = {{"LIST", "/deploymentpipelines", 0, 1000, ANSWER_RECEIVED, 200,
                                      "[5, {}, {\"metadata\": {\"name\": 7}}, {\"metadata\": "
                                      "{\"name\": \"theirs\"}}]",
                                      false},
                                     {.method = NULL}};
    struct world *world = converged(&meddler, items);
    cr_expect_gt(meddler.replaced, 0);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_silence(world);
    world_free(world);
}
