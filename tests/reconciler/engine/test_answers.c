/* Every answer that a read or a write may get, at every kind of object: what is known decides, and
 * the end is the same. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(answers, .timeout = 600);

static const struct {
    enum answer_outcome outcome;
    int status;
    const char *body;
} answers[] = {
    {ANSWER_UNKNOWN, 0, NULL},    {ANSWER_NOT_SENT, 0, NULL},   {ANSWER_RECEIVED, 200, "[]"},
    {ANSWER_RECEIVED, 200, "{}"}, {ANSWER_RECEIVED, 201, NULL}, {ANSWER_RECEIVED, 204, NULL},
    {ANSWER_RECEIVED, 301, "{}"}, {ANSWER_RECEIVED, 400, "{}"}, {ANSWER_RECEIVED, 401, "{}"},
    {ANSWER_RECEIVED, 403, "{}"}, {ANSWER_RECEIVED, 404, "{}"}, {ANSWER_RECEIVED, 409, "{}"},
    {ANSWER_RECEIVED, 422, "{}"}, {ANSWER_RECEIVED, 429, "{}"}, {ANSWER_RECEIVED, 500, "\"text\""},
    {ANSWER_RECEIVED, 501, NULL},
};
#define ANSWERS (sizeof answers / sizeof *answers)

static const struct {
    const char *method, *path;
} places[] = {
    {"GET", "/projects/"},
    {"POST", "/projects"},
    {"GET", "/environments/"},
    {"POST", "/environments"},
    {"POST", "/deploymentpipelines"},
    {"POST", "/projectreleasebindings"},
    {"POST", "/components"},
    {"POST", "/workloads"},
    {"POST", "generate-release"},
    {"GET", "/componentreleases/"},
    {"GET", "/releasebindings/"},
    {"POST", "/releasebindings"},
    {"PUT", "/releasebindings/"},
    {"PUT", "/workloads/"},
    {"LIST", "/releasebindings"},
    {"LIST", "/projects"},
    {"GET", "/tree"},
};
#define PLACES (sizeof places / sizeof *places)

/* Two releases one after another, while the answers to the second and third request of a kind are
 * replaced; then the control plane is itself again. */
static void two_releases(size_t place, size_t answer, bool lost)
{
    const struct meddling items[] = {{places[place].method, places[place].path, 1, 2,
                                      answers[answer].outcome, answers[answer].status,
                                      answers[answer].body, lost},
                                     {.method = NULL}};
    char what[128];
    snprintf(what, sizeof what, "%s %s: %d, %d%s", places[place].method, places[place].path,
             (int)answers[answer].outcome, answers[answer].status, lost ? ", lost" : "");
    struct meddler meddler;
    struct world *world = meddle_world(&meddler, items);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(3));
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
    world_run(world, MINUTES(2));
    expect_no_dangers(world);
    meddler.items[0].times = 0;
    const bool converged = world_run_until(world, CONDITION_CONVERGED, MINUTES(40));
    char *why = world_why(world, "shop", NULL);
    cr_expect(converged, "%s: %s", what, why);
    free(why);
    const struct platform_running running =
        platform_running(world->platform, "acme", "shop-api-a", "development");
    cr_expect_str_eq(running.image, "registry.example/shop:2", "%s", what);
    char *differ = world_rows_differ(world);
    cr_expect_null(differ, "%s: journal and engine differ in %s", what, differ);
    free(differ);
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(3));
    cr_expect_eq(world->writes, writes, "%s: it goes on writing", what);
    expect_no_dangers(world);
    world_free(world);
}

/* One pair in so many, spread so that each answer and each place come up; with ANSWERS=all in the
 * environment every one. */
static size_t stride(void)
{
    const char *wish = getenv("ANSWERS");
    return wish != NULL && strcmp(wish, "all") == 0 ? 1 : 5;
}

Test(answers, whatever_is_said_the_end_is_the_same)
{
    for (size_t i = 0; i < PLACES * ANSWERS; i += stride())
        two_releases(i / ANSWERS, i % ANSWERS, i / stride() % 2 == 0);
}

#define PLATFORM_OF(cells_)                                                                        \
    PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"                                     \
                  "  environments: [{name: development}]\n"                                        \
                  "  phases: [{name: all, cells: [" cells_ "]}]\n"

/* Removal: each DELETE answered in each way. */
Test(answers, whatever_is_said_what_is_to_go_goes)
{
    static const char both[] = PLATFORM_OF("billing, shop"), one[] = PLATFORM_OF("shop");
    static const char *const paths[] = {"/releasebindings/", "/projectreleasebindings/",
                                        "/components/", "/projects/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths * ANSWERS; i += stride()) {
        const size_t answer = i % ANSWERS;
        if (answers[answer].status == 404 && i % 2 == 0)
            continue; /* believed: it is gone */
        const struct meddling items[] = {{"DELETE", paths[i / ANSWERS], 0, 2,
                                          answers[answer].outcome, answers[answer].status,
                                          answers[answer].body, i % 2 == 0},
                                         {.method = NULL}};
        struct meddler meddler;
        struct world *world = meddle_world(&meddler, items);
        repository_commit(world, 1, both, "billing", "registry.example/billing:1", NULL, "shop",
                          "registry.example/shop:1", NULL, NULL);
        world_run(world, MINUTES(3));
        repository_commit(world, 2, one, "shop", "registry.example/shop:1", NULL, NULL);
        const int status = answers[answer].status;
        world_run(world, status == 400 || status == 422 ? MINUTES(90) : MINUTES(10));
        cr_expect_gt(meddler.replaced, 0, "%zu", i);
        json_t *project = platform_object(world->platform, "projects", "acme", "acme-billing");
        cr_expect_null(project, "DELETE %s: %d, %d", paths[i / ANSWERS],
                       (int)answers[answer].outcome, answers[answer].status);
        json_decref(project);
        expect_no_dangers(world);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        world_free(world);
    }
}
