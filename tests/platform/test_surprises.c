/* What a client has to live with, where no recording shows it. */
#include "config/base/json.h"
#include "tests/platform/cart.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACME "/api/v1/namespaces/acme"

Test(surprises, a_sound_rollout_is_harmless)
{
    struct town *t = cart_town();
    const struct platform_running running =
        platform_running(t->platform, "acme", "cart-a", "development");
    cr_assert_eq((int)running.deployed, 1);
    cr_assert_eq(running.ready, running.wanted);
    cr_assert_str_eq(running.image, "cart:1");
    const struct platform_dangers d = platform_danger(t->platform), none = {0};
    cr_assert_eq(memcmp(&d, &none, sizeof(d)), 0);
    town_free(t);
}

/* A client that forgot that it had asked asks again, and means the same: only another content under
 * the name is one that it may take for its own. */
Test(surprises, a_release_asked_for_twice_is_refused_and_harmless_unless_it_is_another)
{
    static const char again[] = "{\"releaseName\":\"cart-a-2\"}";
    struct town *t = cart_town();
    town_release(t, "cart-a", "cart-a-2", "cart:2");
    json_decref(town_must(t, 500, "POST", "/components/cart-a/generate-release", again));
    cr_assert_eq(platform_danger(t->platform).release_overwritten, 0);
    town_release(t, "cart-a", "cart-a-3", "cart:3");
    json_decref(town_must(t, 500, "POST", "/components/cart-a/generate-release", again));
    cr_assert_eq(platform_danger(t->platform).release_overwritten, 1);
    json_t *release = town_must(t, 200, "GET", "/componentreleases/cart-a-2", NULL);
    cr_assert_str_eq(
        json_text_or(json_at(release, "spec", "workload", "container", "image", NULL), ""),
        "cart:2");
    json_decref(release);
    town_free(t);
}

Test(surprises, weights_are_taken_for_slots_that_cannot_serve)
{
    struct town *t = cart_town();
    town_deploy_slot(t, "cart-b", "b", "cart:broken");
    town_pass(t, 30000);
    town_route(t, "[{\"name\":\"cart-a\",\"weight\":50},{\"name\":\"cart-b\",\"weight\":50}]");
    town_pass(t, 30000);
    cr_assert_str_eq(cart_ready(t, "cart-development"), "True");
    cr_assert_eq(platform_danger(t->platform).weight_to_unready, 1);
    cr_assert_eq(platform_danger(t->platform).weight_to_missing, 0);
    town_route(t, "[{\"name\":\"cart-a\",\"weight\":50},{\"name\":\"cart-z\",\"weight\":50}]");
    town_pass(t, 30000);
    cr_assert_eq(platform_danger(t->platform).weight_to_missing, 1);
    town_free(t);
}

Test(surprises, put_erases_what_it_does_not_bring)
{
    struct town *t = cart_town();
    json_t *patch = json_pack("{s:{s:s}}", "annotations", "example.org/owner", "somebody else");
    cr_assert_eq((int)platform_tamper(t->platform, "releasebindings", "acme", "cart-a-development",
                                      patch, t->now_ms),
                 1);
    json_decref(patch);
    cr_assert_eq(platform_danger(t->platform).foreign_erased, 0);
    town_release(t, "cart-a", "cart-a-2", "cart:2");
    cr_assert_eq(platform_danger(t->platform).foreign_erased, 1);
    json_t *binding = platform_object(t->platform, "releasebindings", "acme", "cart-a-development");
    cr_assert_null(json_at(binding, "metadata", "annotations", "example.org/owner", NULL));
    json_decref(binding);
    town_free(t);
}

Test(surprises, without_its_project_binding_a_component_runs_nowhere)
{
    struct town *t = cart_town();
    json_decref(town_must(t, 204, "DELETE", "/projectreleasebindings/shop-development", NULL));
    town_pass(t, 3000);
    cr_assert_eq((int)platform_running(t->platform, "acme", "cart-a", "development").deployed, 0);
    cr_assert(platform_danger(t->platform).namespace_destroyed > 0);
    town_free(t);
}

Test(surprises, a_second_binding_lives_but_its_deletion_does_not)
{
    struct town *t = cart_town();
    json_decref(town_must(
        t, 201, "POST", "/releasebindings",
        "{\"metadata\":{\"name\":\"cart-two\"},\"spec\":{\"owner\":{\"projectName\":\"shop\","
        "\"componentName\":\"cart\"},\"environment\":\"development\",\"releaseName\":\"cart-1\","
        "\"componentTypeEnvironmentConfigs\":{\"backends\":[{\"name\":\"cart-a\",\"weight\":100}]"
        "}}}"));
    cr_assert_eq(platform_danger(t->platform).duplicate_binding, 1);
    town_pass(t, 30000);
    json_decref(town_must(t, 204, "DELETE", "/releasebindings/cart-two", NULL));
    cr_assert_eq(platform_danger(t->platform).livelock_entered, 1);
    town_pass(t, 900000);
    json_t *two = platform_object(t->platform, "releasebindings", "acme", "cart-two");
    cr_assert_not_null(two, "a quarter of an hour later it is still there");
    cr_assert_not_null(json_at(two, "metadata", "deletionTimestamp", NULL));
    json_decref(two);
    /* the way out: the good one goes as well */
    json_decref(town_must(t, 204, "DELETE", "/releasebindings/cart-development", NULL));
    town_pass(t, 120000);
    json_decref(town_must(t, 404, "GET", "/releasebindings/cart-two", NULL));
    json_decref(town_must(t, 404, "GET", "/releasebindings/cart-development", NULL));
    town_free(t);
}

Test(surprises, the_log_keeps_the_order_of_writes)
{
    struct town *t = cart_town();
    platform_log_clear(t->platform);
    town_release(t, "cart-a", "cart-a-2", "cart:2");
    json_decref(town_must(t, 200, "GET", "/releasebindings/cart-a-development", NULL));
    const char *const wanted[] = {"PUT " ACME "/workloads/cart-a",
                                  "POST " ACME "/components/cart-a/generate-release",
                                  "PUT " ACME "/releasebindings/cart-a-development",
                                  "GET " ACME "/releasebindings/cart-a-development"};
    cr_assert_eq(platform_log_count(t->platform), 4);
    for (size_t i = 0; i < 4; i++) {
        const struct platform_logged *l = platform_log_at(t->platform, i);
        char text[256];
        snprintf(text, sizeof(text), "%s %s", l->method, l->path);
        cr_assert_str_eq(text, wanted[i]);
        cr_assert_eq((int)l->changed, i < 3);
        cr_assert_eq(l->body == NULL, i == 3);
    }
    town_free(t);
}

/* A component of another type whose release holds the route's type: rendered as the route, but the
 * platform goes on looking for the primary workload that the component's own type promises. */
Test(surprises, a_release_of_another_type_is_rendered_in_place)
{
    struct town *t = cart_town();
    json_decref(
        town_must(t, 201, "POST", "/api/v1/clustercomponenttypes",
                  "{\"metadata\":{\"name\":\"service\"},\"spec\":{\"workloadType\":\"deployment\","
                  "\"resources\":[{\"id\":\"deployment\",\"template\":{\"apiVersion\":\"apps/v1\","
                  "\"kind\":\"Deployment\",\"metadata\":{\"name\":\"${metadata.name}\"}}}]}}"));
    json_decref(town_must(t, 201, "POST", "/components",
                          "{\"metadata\":{\"name\":\"rate\"},\"spec\":{\"owner\":{\"projectName\":"
                          "\"shop\"},\"componentType\":{\"kind\":\"ClusterComponentType\","
                          "\"name\":\"deployment/service\"}}}"));
    json_t *release = platform_object(t->platform, "componentreleases", "acme", "cart-1");
    json_t *body = json_pack("{s:{s:s},s:{s:{s:s,s:s},s:O,s:O}}", "metadata", "name", "rate-1",
                             "spec", "owner", "projectName", "shop", "componentName", "rate",
                             "componentType", json_at(release, "spec", "componentType", NULL),
                             "workload", json_at(release, "spec", "workload", NULL));
    cr_assert_not_null(body);
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(town_must(t, 201, "POST", "/componentreleases", text));
    free(text);
    json_decref(body);
    json_decref(release);
    json_decref(town_must(
        t, 201, "POST", "/releasebindings",
        "{\"metadata\":{\"name\":\"rate-development\"},\"spec\":{\"owner\":{\"projectName\":"
        "\"shop\",\"componentName\":\"rate\"},\"environment\":\"development\",\"releaseName\":"
        "\"rate-1\",\"componentTypeEnvironmentConfigs\":{\"backends\":[{\"name\":\"cart-a\","
        "\"weight\":100}]}}}"));
    town_pass(t, 120000);
    const char *reason;
    cr_assert_str_eq(town_condition(t, "rate-development", "Ready", &reason), "False");
    cr_assert_str_eq(reason, "ResourcesProgressing");
    json_t *tree =
        town_must(t, 200, "GET", "/releasebindings/rate-development/k8sresources/tree", NULL);
    text = json_dumps(tree, JSON_COMPACT);
    cr_assert_not_null(strstr(text, "\"kind\":\"HTTPRoute\""));
    cr_assert_null(strstr(text, "\"kind\":\"Deployment\""));
    free(text);
    json_decref(tree);
    town_free(t);
}

static int ask_as(struct town *t, const char *token, const char *path, json_t **ret_body)
{
    char authorization[256];
    snprintf(authorization, sizeof(authorization), "Bearer %s", token);
    const struct platform_request request = {
        .method = "GET", .path = path, .authorization = authorization};
    struct platform_response r;
    platform_handle(t->platform, &request, t->now_ms, &r);
    *ret_body = json_loadb(r.body, r.length, 0, NULL);
    const int status = r.status;
    platform_response_fini(&r);
    return status;
}

Test(surprises, tokens_expire_and_rights_hide)
{
    struct town *t = cart_town();
    struct platform_options options;
    platform_options_default(&options);
    options.security = options.authorization = true;
    options.timing.token_life = 60000;
    platform_restart(t->platform, &options);
    json_t *body;
    cr_assert_eq(town_ask(t, "GET", ACME "/projects", NULL, &body), 401);
    cr_assert_str_eq(json_text_or(json_object_get(body, "error"), ""), "MISSING_TOKEN");
    json_decref(body);
    cr_assert_eq(town_ask(t, "POST", "/oauth2/token",
                          "grant_type=client_credentials&client_id=someone&client_secret=s", &body),
                 200);
    char token[128];
    snprintf(token, sizeof(token), "%s", json_text_or(json_object_get(body, "access_token"), ""));
    const json_int_t life = json_integer_value(json_object_get(body, "expires_in"));
    cr_assert(life > 0);
    json_decref(body);
    /* without the right to view: an empty list, not a refusal */
    cr_assert_eq(ask_as(t, token, ACME "/projects", &body), 200);
    cr_assert_eq(json_array_size(json_object_get(body, "items")), 0);
    json_decref(body);
    cr_assert_eq(ask_as(t, token, ACME "/projects/shop", &body), 403);
    json_decref(body);
    json_t *actions = json_pack("[s]", "project:view");
    platform_grant(t->platform, "viewer", "someone", actions);
    json_decref(actions);
    cr_assert_eq(ask_as(t, token, ACME "/projects", &body), 200);
    cr_assert_eq(json_array_size(json_object_get(body, "items")), 1);
    json_decref(body);
    town_pass(t, life * 1000 + 1000);
    cr_assert_eq(ask_as(t, token, ACME "/projects", &body), 401);
    cr_assert_str_eq(json_text_or(json_object_get(body, "error"), ""), "INVALID_TOKEN");
    json_decref(body);
    town_free(t);
}

Test(surprises, secrets_are_a_feature)
{
    struct town *t = town_new(NULL);
    json_t *body;
    cr_assert_eq(town_ask(t, "GET", "/api/v1alpha1/namespaces/acme/secrets", NULL, &body), 501);
    cr_assert_str_eq(json_text_or(json_object_get(body, "code"), ""), "NOT_IMPLEMENTED");
    json_decref(body);
    struct platform_options options;
    platform_options_default(&options);
    options.secret_management = true;
    platform_restart(t->platform, &options);
    cr_assert_neq(town_ask(t, "GET", "/api/v1alpha1/namespaces/acme/secrets", NULL, NULL), 501);
    town_free(t);
}

Test(surprises, a_secret_and_its_reference_come_and_go_together)
{
    struct platform_options options;
    platform_options_default(&options);
    options.secret_management = true;
    struct town *t = town_new(&options);
    static const char path[] = "/api/v1alpha1/namespaces/acme/secrets";
    static const char one[] = "/api/v1alpha1/namespaces/acme/secrets/db";
    static const char body[] =
        "{\"secretName\":\"db\",\"secretType\":\"Opaque\",\"targetPlane\":{\"kind\":"
        "\"ClusterDataPlane\",\"name\":\"us\"},\"data\":{\"k\":\"alice\"},"
        "\"labels\":{\"team\":\"shop\"}}";
    json_t *shown;
    cr_assert_eq(town_ask(t, "GET", one, NULL, NULL), 404);
    cr_assert_eq(town_ask(t, "POST", path, "{\"secretName\":\"db\"}", NULL), 400);
    cr_assert_eq(town_ask(t, "POST", path, body, &shown), 201);
    cr_expect_str_eq(json_text_or(json_at(shown, "data", "k", NULL), ""), "YWxpY2U=");
    json_decref(shown);
    cr_assert_eq(town_ask(t, "POST", path, body, NULL), 409);
    cr_assert_eq(town_ask(t, "GET", one, NULL, NULL), 200);
    json_t *reference = town_must(t, 200, "GET", "/secretreferences/db", NULL);
    cr_expect_str_eq(json_text_or(json_at(reference, "metadata", "labels", "team", NULL), ""),
                     "shop");
    cr_expect_str_eq(json_text_or(json_at(reference, "spec", "targetPlane", "name", NULL), ""),
                     "us");
    json_decref(reference);
    cr_assert_eq(town_ask(t, "DELETE", one, NULL, NULL), 204);
    cr_assert_eq(town_ask(t, "GET", one, NULL, NULL), 404);
    json_decref(town_must(t, 404, "GET", "/secretreferences/db", NULL));
    town_free(t);
}

Test(surprises, next_due_leads_through_time)
{
    struct town *t = cart_town();
    int64_t last = t->now_ms;
    for (int i = 0; i < 1000; i++) {
        const int64_t due = platform_next_due(t->platform);
        if (due == INT64_MAX)
            break;
        cr_assert(due >= last, "work left behind");
        platform_advance(t->platform, due);
        cr_assert(platform_next_due(t->platform) > due);
        last = due;
    }
    town_free(t);
}
