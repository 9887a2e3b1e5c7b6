/* The work on one object, when the control plane, other people or the cell's end come in between.
 */
#include "config/base/json.h"
#include "reconciler/resource/object.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(operation, .timeout = 600);

#define PLATFORM_OF(cells)                                                                         \
    PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"                                     \
                  "  environments: [{name: development}]\n"                                        \
                  "  phases: [{name: all, cells: [" cells "]}]\n"

static const char both[] = PLATFORM_OF("billing, shop"), one[] = PLATFORM_OF("shop");

static void commit_both(struct world *world, int revision)
{
    repository_commit(world, revision, both, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
}

static void commit_one(struct world *world, int revision)
{
    repository_commit(world, revision, one, "shop", "registry.example/shop:1", NULL, NULL);
}

static size_t published(const struct world *world, const char *type)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const json_t *event = json_array_get(world->published, i);
        count += strcmp(json_text_or(json_object_get(event, "type"), ""), type) == 0;
    }
    return count;
}

/* --- what was begun and is not wanted any more --------------------------------------------------
 */

static size_t left_of(const struct world *world, const char *part)
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

/* Killed after its n-th write left, with the cell gone from git when celld is back: nothing of it
 * stays, though only an intent tells of the last thing that was made. */
Test(operation, what_was_begun_before_a_crash_is_found_when_nobody_wants_it)
{
    for (uint64_t after = 5; after < 34; after += 2) {
        struct world *world = repository_world();
        commit_both(world, 1);
        const int64_t until = world->now_ms + MINUTES(2);
        while (world->writes < after && world_step(world, until)) {
        }
        world->good = manifest_set_unref(world->good);
        world->set = manifest_set_unref(world->set);
        world_kill(world);
        commit_one(world, 2);
        world_run(world, MINUTES(8));
        cr_expect_eq(left_of(world, "billing"), 0, "after %u", (unsigned)after);
        expect_condition(world, CONDITION_CONVERGED);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* A PUT whose outcome nobody knows, and its object is to go before it could be read back. */
Test(operation, an_unknown_outcome_is_settled_before_the_removal)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"PUT", "/workloads/billing-api", 0, 1, ANSWER_UNKNOWN, 0, NULL, false},
        {"GET", "/workloads/billing-api", 1000, 3, ANSWER_RECEIVED, 500, NULL, false},
        {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    commit_both(world, 1);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, both, "billing", "registry.example/billing:2", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    const int64_t until = world->now_ms + MINUTES(2);
    while (meddler.replaced == 0 && world_step(world, until)) {
    }
    meddler.items[1].skip = meddler.seen[1];
    meddler.items[1].times = 12;
    commit_one(world, 3);
    world_run(world, MINUTES(20));
    cr_expect_eq(left_of(world, "billing"), 0);
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* Every request takes its time, and the cell comes and goes meanwhile: answers that nobody waits
 * for any more do no harm. */
static int64_t slowly(void *context, const struct world_request *request)
{
    uint64_t *state = context;
    (void)request;
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (int64_t)((*state >> 33) % 7000);
}

Test(operation, answers_that_come_late_belong_to_nobody)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        uint64_t state = seed;
        struct world_options options;
        world_options_default(&options);
        options.delay = slowly;
        options.context = &state;
        options.engine.list_interval = (struct duration){3000};
        options.engine.parallel_requests = seed % 2 == 0 ? 2 : 8;
        struct world *world = world_new(&options);
        for (int revision = 1; revision < 12; revision++) {
            if (revision % 2 == 1)
                commit_both(world, revision);
            else
                commit_one(world, revision);
            world_run(world, (int64_t)(3000 + (state >> 40) % 20000));
        }
        commit_one(world, 12);
        world_run(world, MINUTES(20));
        cr_expect_eq(left_of(world, "billing"), 0, "seed %u", (unsigned)seed);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        cr_expect_eq(platform_danger(world->platform).duplicate_binding, 0);
        cr_expect_eq(platform_danger(world->platform).namespace_destroyed, 0);
        world_free(world);
    }
}

/* What was removed and is made again by others under the same name is theirs. */
Test(operation, what_others_make_in_the_place_of_what_was_removed_is_theirs)
{
    struct world *world = repository_world();
    commit_both(world, 1);
    expect_condition(world, CONDITION_CONVERGED);
    commit_one(world, 2);
    world_run(world, MINUTES(6));
    cr_assert_eq(left_of(world, "billing"), 0);
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

static void commit_native(struct world *world, int revision, const char *path, const char *text)
{
    char *cell = cell_text("shop", "registry.example/shop:1", NULL);
    const struct world_file files[] = {
        {"platform.yaml", one}, {"cells/shop/cell.yaml", cell}, {path, text}};
    char commit[41];
    snprintf(commit, sizeof commit, "%040x", (unsigned)revision);
    world_commit(world, commit, files, text == NULL ? 2 : 3);
    free(cell);
}

#define TRAIT                                                                                      \
    "apiVersion: openchoreo.dev/v1alpha1\nkind: ClusterTrait\nmetadata: {name: quiet}\n"           \
    "spec: {parameters: {}}\n"

/* Another object in the place of ours, while ours was to be removed: by its uid, or its mark. */
Test(operation, what_is_not_the_one_that_celld_made_is_not_removed)
{
    static const bool remade[] = {true, false};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        commit_native(world, 1, "native/trait.yaml", TRAIT);
        expect_condition(world, CONDITION_CONVERGED);
        world_run(world, MINUTES(1));
        commit_native(world, 2, NULL, NULL);
        if (remade[i]) {
            cr_assert_lt(world_handle(world, "DELETE", "/api/v1/clustertraits/quiet", NULL), 300);
            expect_created(world, "/api/v1/clustertraits",
                           "{\"metadata\": {\"name\": \"quiet\", \"labels\": "
                           "{\"app.kubernetes.io/managed-by\": \"celld\"}}, \"spec\": {}}");
        } else {
            json_t *patch = json_pack("{s:{s:n}}", "labels", LABEL_MANAGED_BY);
            cr_assert(platform_tamper(world->platform, "clustertraits", NULL, "quiet", patch,
                                      world_platform_now(world)));
            json_decref(patch);
        }
        world_run(world, MINUTES(3));
        cr_expect_eq(published(world, "ownership-lost"), 1, "%d", remade[i]);
        json_t *theirs = platform_object(world->platform, "clustertraits", NULL, "quiet");
        cr_expect_not_null(theirs);
        json_decref(theirs);
        expect_condition(world, CONDITION_CONVERGED);
        expect_silence(world);
        world_free(world);
    }
}

/* --- what stands there already ------------------------------------------------------------------
 */

/* An environment is never celld's to remove, so it need not be marked as celld's own either. */
Test(operation, an_environment_of_others_that_is_as_wanted_is_used)
{
    static const struct {
        const char *plane;
        bool used;
    } rows[] = {{"us", true}, {"eu", false}};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        expect_created(world, "/api/v1/namespaces",
                       "{\"metadata\": {\"name\": \"acme\", \"labels\": "
                       "{\"openchoreo.dev/control-plane\": \"true\"}}}");
        char body[256];
        snprintf(body, sizeof body,
                 "{\"metadata\": {\"name\": \"development\"}, \"spec\": {\"isProduction\": false, "
                 "\"dataPlaneRef\": {\"kind\": \"ClusterDataPlane\", \"name\": \"%s\"}}}",
                 rows[i].plane);
        expect_created(world, "/api/v1/namespaces/acme/environments", body);
        commit_one(world, 1);
        if (rows[i].used) {
            expect_condition(world, CONDITION_CONVERGED);
            expect_silence(world);
        } else {
            world_run(world, MINUTES(2));
            cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
            expect_why(world, "shop", NULL, "without celld's mark and differs in /spec");
            json_t *diff = engine_diff(world->engine, NULL);
            bool foreign = false;
            for (size_t k = 0; k < json_array_size(json_object_get(diff, "objects")); k++)
                foreign =
                    foreign ||
                    strcmp(json_text_or(
                               json_object_get(json_array_get(json_object_get(diff, "objects"), k),
                                               "cause"),
                               ""),
                           "foreign") == 0;
            cr_expect(foreign);
            json_decref(diff);
        }
        json_t *environment =
            platform_object(world->platform, "environments", "acme", "development");
        cr_expect_null(json_at(environment, "metadata", "labels", LABEL_MANAGED_BY, NULL));
        json_decref(environment);
        world_free(world);
    }
}

/* What stood in the way goes: the next look shows it, and celld need not be told. */
Test(operation, a_hold_ends_when_what_stood_in_the_way_is_gone)
{
    struct world *world = repository_world();
    expect_created(world, "/api/v1/namespaces",
                   "{\"metadata\": {\"name\": \"acme\", \"labels\": "
                   "{\"openchoreo.dev/control-plane\": \"true\"}}}");
    expect_created(world, "/api/v1/namespaces/acme/projects",
                   "{\"metadata\": {\"name\": \"acme-shop\"}, \"spec\": "
                   "{\"deploymentPipelineRef\": {\"name\": \"theirs\"}}}");
    commit_one(world, 1);
    world_run(world, MINUTES(1));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_why(world, "shop", NULL, "adopt");
    cr_assert_lt(world_handle(world, "DELETE", "/api/v1/namespaces/acme/projects/acme-shop", NULL),
                 300);
    world_run(world, MINUTES(2));
    cr_expect_neq(engine_condition(world->engine), CONDITION_HELD);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* Ours was put aside and somebody made another one of its name: neither overwritten nor taken. */
Test(operation, what_others_made_in_the_place_of_ours_is_held)
{
    struct world *world = repository_world();
    commit_one(world, 1);
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

/* Deleted by others while nothing was to be corrected, and then git lets it go, too. */
Test(operation, what_others_deleted_is_forgotten_with_its_cell)
{
    struct world *world = repository_world();
    repository_commit(world, 1, both, "billing", "registry.example/billing:1", "  drift: report\n",
                      "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_assert_lt(
        world_handle(world, "DELETE", "/api/v1/namespaces/acme/workloads/billing-api", NULL), 300);
    world_run(world, MINUTES(2));
    cr_expect(!world_stands(world, "workloads", "billing-api"));
    cr_expect(world_published(world, "drift-found", "billing"));
    commit_one(world, 2);
    world_run(world, MINUTES(8));
    cr_expect_eq(left_of(world, "billing"), 0);
    expect_condition(world, CONDITION_CONVERGED);
    for (size_t i = 0; i < world->row_count; i++)
        cr_expect_null(strstr(world->rows[i].key, "/billing-api"), "%s", world->rows[i].key);
    expect_silence(world);
    world_free(world);
}

/* --- answers ------------------------------------------------------------------------------------
 */

/* The server keeps its own form of what is sent: celld takes it as written, once, and does not
 * write for ever. */
struct own_form {
    size_t shaped;
};

static json_t *shaped(struct own_form *form, const json_t *object)
{
    if (strcmp(json_text_or(json_at(object, "metadata", "name", NULL), ""), "acme-shop") != 0 ||
        json_at(object, "spec", "deploymentPipelineRef", NULL) == NULL)
        return NULL;
    json_t *copy = json_deep_copy(object);
    json_object_set_new(json_object_get(json_object_get(copy, "metadata"), "annotations"),
                        "openchoreo.dev/display-name", json_string("Shop, as the server likes it"));
    form->shaped++;
    return copy;
}

static int reshape(void *context, struct engine *engine, const struct engine_event *event,
                   struct effect_list *effects)
{
    struct engine_event changed = *event;
    json_t *copy = NULL;
    if (event->kind == EVENT_ANSWER && event->as.answer.body != NULL) {
        copy = shaped(context, event->as.answer.body);
        if (copy != NULL)
            changed.as.answer.body = copy;
    } else if (event->kind == EVENT_LISTED && event->as.listed.items != NULL) {
        copy = json_deep_copy(event->as.listed.items);
        for (size_t i = 0; i < json_array_size(copy); i++) {
            json_t *item = shaped(context, json_array_get(copy, i));
            if (item != NULL)
                json_array_set_new(copy, i, item);
        }
        changed.as.listed.items = copy;
    }
    const int status = engine_step(engine, &changed, effects);
    json_decref(copy);
    return status;
}

Test(operation, a_server_that_keeps_its_own_form_is_not_written_to_for_ever)
{
    struct own_form form = {0};
    struct world_options options;
    world_options_default(&options);
    options.step = reshape;
    options.context = &form;
    struct world *world = world_new(&options);
    commit_one(world, 1);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_gt(form.shaped, 0);
    cr_expect_eq(published(world, "server-changes-field"), 1);
    cr_expect_leq(world_asked(world, "PUT", "/projects/acme-shop"), 2);
    expect_silence(world);
    world_kill(world);
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* An answer about something else, one that tells of the end, and others that are none. */
Test(operation, a_strange_answer_is_nothing_to_build_on)
{
    static const char other[] = "{\"metadata\": {\"name\": \"other\", \"uid\": \"1\", \"labels\": "
                                "{\"app.kubernetes.io/managed-by\": \"celld\"}}, \"spec\": {}}";
    static const char ending[] =
        "{\"metadata\": {\"name\": \"acme-shop\", \"uid\": \"1\", \"deletionTimestamp\": "
        "\"2026-01-01T00:00:00Z\", \"labels\": {\"app.kubernetes.io/managed-by\": \"celld\"}}, "
        "\"spec\": {}}";
    const struct meddling cases[] = {
        {"GET", "/projects/", 0, 4, ANSWER_RECEIVED, 200, other, false},
        {"GET", "/projects/", 0, 4, ANSWER_RECEIVED, 200, ending, false},
        {"POST", "/projects", 0, 1, ANSWER_RECEIVED, 201, ending, false},
        {"POST", "/projects", 0, 1, ANSWER_RECEIVED, 100, NULL, false},
        {"LIST", "?component=", 0, 2, ANSWER_RECEIVED, 200,
         "[{}, {\"metadata\": {\"name\": \"far\"}, \"spec\": {\"environment\": \"development\", "
         "\"owner\": {\"componentName\": \"other\"}}}, {\"metadata\": {\"name\": "
         "\"shop-api-a-development\"}, \"spec\": {\"environment\": \"development\", \"owner\": "
         "{\"componentName\": \"shop-api-a\"}}}, {\"metadata\": {\"name\": \"near\"}, "
         "\"spec\": {\"environment\": \"testing\", \"owner\": {\"componentName\": "
         "\"shop-api-a\"}}}]",
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct meddling items[] = {cases[i], {.method = NULL}};
        struct meddler meddler;
        struct world *world = meddle_world(&meddler, items);
        commit_one(world, 1);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_gt(meddler.replaced, 0, "%zu", i);
        cr_expect_eq(world_asked(world, "PUT", "/projects/"), 0, "%zu", i);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* A trouble that lasts is told when it begins to last, and again now and then. */
Test(operation, a_trouble_that_lasts_is_told_again)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"POST", "/projects", 0, 10000, ANSWER_RECEIVED, 503, NULL, true}, {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    commit_one(world, 1);
    world_run(world, MINUTES(20));
    const size_t first = published(world, "operation-delayed");
    cr_expect_geq(first, 1);
    world_run(world, MINUTES(90));
    cr_expect_gt(published(world, "operation-delayed"), first);
    cr_expect_leq(published(world, "operation-delayed"), first + 6);
    expect_why(world, "shop", NULL, "meddled with");
    meddler.items[0].times = 0;
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

static bool told(const struct world *world, const char *words)
{
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const json_t *event = json_array_get(world->published, i);
        if (strcmp(json_text_or(json_object_get(event, "type"), ""), "operation-delayed") == 0 &&
            strstr(json_text_or(json_object_get(event, "message"), ""), words) != NULL)
            return true;
    }
    return false;
}

/* What the answer does not say is told where it is known, and nowhere else. */
Test(operation, a_race_that_is_lost_again_and_again_says_why_where_that_is_known)
{
    static const char served[] = "the control plane does not serve it";
    static const struct {
        struct meddling item;
        const char *failed;
        bool hint;
    } cases[] = {
        {{"POST", "/namespaces", 0, 5, ANSWER_RECEIVED, 409, NULL, true},
         "POST of Namespace acme failed",
         true},
        {{"POST", "/projects", 0, 5, ANSWER_RECEIVED, 409, NULL, true},
         "POST of Project acme-shop failed",
         false},
        {{"PUT", "/workloads/", 0, 5, ANSWER_RECEIVED, 409, NULL, true},
         "PUT of Workload shop-api-a failed",
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct meddling items[] = {cases[i].item, {.method = NULL}};
        struct meddler meddler;
        struct world *world = meddle_world(&meddler, items);
        for (int k = 1; k <= 2; k++) {
            char image[32];
            snprintf(image, sizeof image, "registry.example/shop:%d", k);
            repository_commit(world, k, platform_small, "shop", image, NULL, NULL);
            world_run(world, 1000);
            expect_condition(world, CONDITION_CONVERGED);
        }
        cr_expect_eq(meddler.replaced, 5, "%zu", i);
        cr_expect(told(world, cases[i].failed), "%zu", i);
        cr_expect_eq(told(world, served), cases[i].hint, "%zu", i);
        expect_no_dangers(world);
        world_free(world);
    }
}

Test(operation, rights_that_the_control_plane_does_not_know_are_named_as_the_reason)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.authorization = true;
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1",
                      "  access: [{role: developer, subject: {claim: groups, value: team}}]\n",
                      NULL);
    world_run(world, MINUTES(5));
    cr_expect(told(world, "leave out `access` where the control plane's authorization is off"));
    world_free(world);
}

/* Of the platform: what is declared may be taken over as it is, the rest by its label alone. */
Test(operation, what_others_made_of_the_platform_says_how_it_is_taken_over)
{
    static const struct {
        const char *path, *body, *way;
    } rows[] = {
        {"/api/v1/namespaces/acme/environments",
         "{\"metadata\": {\"name\": \"development\"}, \"spec\": {\"isProduction\": true, "
         "\"dataPlaneRef\": {\"kind\": \"ClusterDataPlane\", \"name\": \"us\"}}}",
         "declare it as it is"},
        {"/api/v1/namespaces/acme/deploymentpipelines",
         "{\"metadata\": {\"name\": \"acme\"}, \"spec\": {\"promotionPaths\": "
         "[{\"sourceEnvironmentRef\": {\"name\": \"theirs\"}}]}}",
         "declare it as it is"},
        {"/api/v1/clustercomponenttypes",
         "{\"metadata\": {\"name\": \"cell-worker\"}, \"spec\": {\"workloadType\": "
         "\"deployment\", \"resources\": [{\"id\": \"deployment\", \"template\": {}}]}}",
         "or remove it"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = repository_world();
        expect_created(world, "/api/v1/namespaces",
                       "{\"metadata\": {\"name\": \"acme\", \"labels\": "
                       "{\"openchoreo.dev/control-plane\": \"true\"}}}");
        expect_created(world, rows[i].path, rows[i].body);
        commit_one(world, 1);
        world_run(world, MINUTES(2));
        json_t *status = engine_status(world->engine, world_now(world));
        char *holds = json_dumps(json_object_get(status, "holds"), JSON_COMPACT);
        cr_expect_not_null(strstr(holds, "stands there without celld's mark"), "%zu: %s", i, holds);
        cr_expect_not_null(strstr(holds, rows[i].way), "%zu: %s", i, holds);
        free(holds);
        json_decref(status);
        world_free(world);
    }
}

static int64_t slow_searches(void *context, const struct world_request *request)
{
    (void)context;
    return strstr(request->path, "?component=") != NULL ? 20000 : 0;
}

/* Git gives the cell up while celld looks for a second binding: nothing comes of what is found. */
Test(operation, a_search_for_what_is_not_wanted_any_more_makes_nothing)
{
    struct world_options options;
    world_options_default(&options);
    options.delay = slow_searches;
    struct world *world = world_new(&options);
    commit_both(world, 1);
    bool searches = false;
    while (!searches) {
        cr_assert(world_step(world, world->now_ms + MINUTES(10)));
        for (size_t i = 0; i < world->request_count; i++)
            searches = searches || strstr(world->requests[i]->path, "?component=billing") != NULL;
    }
    commit_one(world, 2);
    world_run(world, MINUTES(30));
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *entry = platform_log_at(world->platform, i);
        cr_expect(strcmp(entry->method, "POST") != 0 ||
                      strstr(entry->path, "/releasebindings") == NULL || entry->body == NULL ||
                      strstr(entry->body, "billing") == NULL,
                  "%s", entry->path);
    }
    cr_expect_eq(left_of(world, "billing"), 0);
    expect_condition(world, CONDITION_CONVERGED);
    expect_no_dangers(world);
    world_free(world);
}

static int64_t late(void *context, const struct world_request *request)
{
    (void)context;
    return strcmp(request->method, "DELETE") == 0 ? 5000 : 0;
}

/* What is being done to an object is told while it is done. */
Test(operation, a_removal_under_way_is_told)
{
    struct world_options options;
    world_options_default(&options);
    options.delay = late;
    struct world *world = world_new(&options);
    commit_both(world, 1);
    expect_condition(world, CONDITION_CONVERGED);
    commit_one(world, 2);
    bool told = false;
    const int64_t until = world->now_ms + MINUTES(10);
    while (!told && world_step(world, until)) {
        json_t *cell = engine_cell_status(world->engine, "billing", world_now(world));
        char *text = json_dumps(cell, JSON_COMPACT);
        told = text != NULL && strstr(text, "\"operation\":\"deleting\"") != NULL;
        free(text);
        json_decref(cell);
    }
    cr_expect(told);
    world_free(world);
}

/* --- what the API cannot do ---------------------------------------------------------------------
 */

#define RELEASE(value)                                                                             \
    "apiVersion: openchoreo.dev/v1alpha1\nkind: ResourceRelease\n"                                 \
    "metadata: {name: queue-1}\nspec: {owner: {projectName: acme-shop, resourceName: queue}, "     \
    "parameters: {size: \"" value "\"}}\n"

Test(operation, what_has_no_put_is_held_when_git_changes_it)
{
    struct world *world = repository_world();
    commit_native(world, 1, "native/release.yaml", RELEASE("small"));
    expect_condition(world, CONDITION_CONVERGED);
    commit_native(world, 2, "native/release.yaml", RELEASE("large"));
    world_run(world, MINUTES(2));
    cr_expect(world_published(world, "object-held", NULL));
    json_t *status = engine_status(world->engine, world_now(world));
    char *text = json_dumps(json_object_get(status, "holds"), JSON_COMPACT);
    cr_expect_not_null(strstr(text, "the API cannot change it"), "%s", text);
    free(text);
    json_decref(status);
    world_free(world);
}
