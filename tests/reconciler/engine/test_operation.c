/* The work on one object when the control plane answers in ways of its own: what is strange is not
 * built on, what lasts is told, and what it cannot do is held. */
#include "config/base/json.h"
#include "tests/reconciler/engine/leaving.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(operation, .timeout = 600);

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
    leaving_commit_one(world, 1, leaving_generous_one);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_gt(form.shaped, 0);
    cr_expect_eq(world_times_published(world, "server-changes-field"), 1);
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
        leaving_commit_one(world, 1, leaving_generous_one);
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
    leaving_commit_one(world, 1, leaving_generous_one);
    world_run(world, MINUTES(20));
    const size_t first = world_times_published(world, "operation-delayed");
    cr_expect_geq(first, 1);
    world_run(world, MINUTES(90));
    cr_expect_gt(world_times_published(world, "operation-delayed"), first);
    cr_expect_leq(world_times_published(world, "operation-delayed"), first + 6);
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

#define RELEASE(value)                                                                             \
    "apiVersion: openchoreo.dev/v1alpha1\nkind: ResourceRelease\n"                                 \
    "metadata: {name: queue-1}\nspec: {owner: {projectName: acme-shop, resourceName: queue}, "     \
    "parameters: {size: \"" value "\"}}\n"

Test(operation, what_has_no_put_is_held_when_git_changes_it)
{
    struct world *world = repository_world();
    repository_commit_native(world, 1, leaving_generous_one, "native/release.yaml",
                             RELEASE("small"));
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit_native(world, 2, leaving_generous_one, "native/release.yaml",
                             RELEASE("large"));
    world_run(world, MINUTES(2));
    cr_expect(world_published(world, "object-held", NULL));
    json_t *status = engine_status(world->engine, world_now(world));
    char *text = json_dumps(json_object_get(status, "holds"), JSON_COMPACT);
    cr_expect_not_null(strstr(text, "the API cannot change it"), "%s", text);
    free(text);
    json_decref(status);
    world_free(world);
}
