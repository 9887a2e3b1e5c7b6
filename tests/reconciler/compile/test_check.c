#include "config/base/json.h"
#include "tests/reconciler/compile/fixture.h"
#include "tests/reconciler/data.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct fixture shop;

static void load(void)
{
    fixture_load(fixture_files, FIXTURE_FILE_COUNT, &shop);
}

static void unload(void)
{
    fixture_free(&shop);
}

TestSuite(check, .init = load, .fini = unload);

/* --- releases ------------------------------------------------------------------------------- */

/* A release as the server makes it of what we wrote: empty values dropped, the type's text added.
 */
static json_t *release_of(const struct deployment *deployment, enum component_role role)
{
    struct desired_object component, workload;
    cr_assert_eq(deployment_component(deployment, role, &component), 0);
    cr_assert_eq(deployment_workload(deployment, role, &workload), 0);
    json_t *frozen = json_deep_copy(json_object_get(workload.body, "spec"));
    json_object_del(frozen, "owner");
    if (json_array_size(json_at(frozen, "dependencies", "endpoints", NULL)) == 0)
        json_object_del(frozen, "dependencies");
    json_t *spec = json_pack("{s:O, s:{s:O, s:O, s:{}}, s:o}", "owner",
                             json_at(workload.body, "spec", "owner", NULL), "componentType", "kind",
                             json_at(component.body, "spec", "componentType", "kind", NULL), "name",
                             json_at(component.body, "spec", "componentType", "name", NULL), "spec",
                             "workload", frozen);
    const json_t *parameters = json_at(component.body, "spec", "parameters", NULL);
    if (json_object_size(parameters) > 0)
        json_object_set_new(spec, "componentProfile",
                            json_pack("{s:O}", "parameters", json_unconst(parameters)));
    desired_object_fini(&workload);
    desired_object_fini(&component);
    return json_pack("{s:o}", "spec", spec);
}

static char *mismatch(const struct deployment *deployment, enum component_role role,
                      const json_t *release)
{
    struct text difference;
    text_init(&difference, 4096);
    const bool matches = deployment_release_matches(deployment, role, release, &difference);
    char *text = strdup(text_get(&difference));
    cr_expect_eq(matches, text[0] == '\0');
    text_fini(&difference);
    return text;
}

static void expect_mismatch(const struct deployment *deployment, enum component_role role,
                            const json_t *release, const char *wanted)
{
    char *text = mismatch(deployment, role, release);
    cr_expect_str_eq(text, wanted);
    free(text);
}

Test(check, a_release_of_ours_matches)
{
    struct deployment *cart = fixture_deployment(&shop, "shop", "cart", "testing");
    struct deployment *mailer = fixture_deployment(&shop, "shop", "mailer", "testing");
    json_t *slot = release_of(cart, ROLE_SLOT_A), *route = release_of(cart, ROLE_ROUTE);
    json_t *single = release_of(mailer, ROLE_SINGLE);
    expect_mismatch(cart, ROLE_SLOT_A, slot, "");
    expect_mismatch(cart, ROLE_ROUTE, route, "");
    expect_mismatch(mailer, ROLE_SINGLE, single, "");
    expect_mismatch(cart, ROLE_SLOT_B, slot,
                    "/spec/owner/componentName, /spec/componentProfile/parameters/slot");
    /* Someone changed the Workload between our write and the release. */
    json_object_set_new(
        json_object_get(json_object_get(json_object_get(slot, "spec"), "workload"), "container"),
        "image", json_string("registry.example/other:1"));
    expect_mismatch(cart, ROLE_SLOT_A, slot, "/spec/workload/container/image");
    json_object_set_new(
        json_object_get(json_object_get(json_object_get(route, "spec"), "workload"), "endpoints"),
        "more", json_object());
    expect_mismatch(cart, ROLE_ROUTE, route, "");
    json_object_set_new(
        json_object_get(json_object_get(json_object_get(route, "spec"), "workload"), "endpoints"),
        "more", json_pack("{s:i}", "port", 1));
    expect_mismatch(cart, ROLE_ROUTE, route, "/spec/workload/endpoints/more");
    json_decref(single);
    json_decref(route);
    json_decref(slot);
    deployment_free(mailer);
    deployment_free(cart);
}

/* The recorded releases, held against a manifest that says the same. Only what our manifest says
 * beyond the recorded one differs. */
static const struct fixture_file recorded_files[] = {
    {MANIFEST_FILE_PLATFORM, "platform.yaml",
     "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: acme}\nspec:\n"
     "  namespace: acme\n  projectPrefix: \"\"\n"
     "  regions: [{name: us, dataPlane: {kind: ClusterDataPlane, name: us}}]\n"
     "  environments: [{name: production}]\n"
     "  phases: [{name: all, cells: [shop]}]\n"},
    {MANIFEST_FILE_CELL, "cells/shop/cell.yaml",
     "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"
     "    - name: cart\n      type: service\n      image: registry.example/cart:2\n"
     "      readiness: {http: {path: /healthz, port: 8080}}\n"
     "      rollout: {strategy: rolling, progressDeadline: 15s}\n"
     "      endpoints:\n"
     "        - {name: http, type: http, port: 8080, basePath: /api, visibility: [internal, "
     "external]}\n"
     "        - {name: rpc, type: grpc, port: 9090, visibility: [internal, external]}\n"},
};

Test(check, recorded_releases)
{
    struct fixture fixture;
    fixture_load(recorded_files, sizeof recorded_files / sizeof recorded_files[0], &fixture);
    struct deployment *cart = fixture_deployment(&fixture, "shop", "cart", "production");
    json_t *releases = data_load("releases.json");
    const json_t *slot = json_object_get(releases, "cart-b-final");
    const json_t *route = json_object_get(releases, "cart-route-final");
    /* The image of a route is never pulled, so it may be any. */
    expect_mismatch(cart, ROLE_ROUTE, route, "/spec/workload/container/image");
    char *text = mismatch(cart, ROLE_SLOT_B, slot);
    cr_expect_eq(strncmp(text, "/spec/componentProfile/parameters/readiness/", 44), 0, "%s", text);
    cr_expect_null(strstr(text, "workload"), "%s", text);
    cr_expect_null(strstr(text, "progressDeadlineSeconds"), "%s", text);
    free(text);
    /* With the recorded probe said in full, it is the very release. */
    json_t *full = json_deep_copy(slot);
    struct desired_object component;
    cr_assert_eq(deployment_component(cart, ROLE_SLOT_B, &component), 0);
    json_object_update(
        json_object_get(json_object_get(json_object_get(full, "spec"), "componentProfile"),
                        "parameters"),
        json_unconst(json_at(component.body, "spec", "parameters", NULL)));
    expect_mismatch(cart, ROLE_SLOT_B, full, "");
    text = mismatch(cart, ROLE_SLOT_B, json_object_get(releases, "hashed-fe51ac324e60"));
    cr_expect_not_null(strstr(text, "/spec/workload/container/image"), "%s", text);
    cr_expect_not_null(strstr(text, "/spec/workload/container/env"), "%s", text);
    cr_expect_not_null(strstr(text, "/spec/workload/endpoints/rpc"), "%s", text);
    free(text);
    desired_object_fini(&component);
    json_decref(full);
    json_decref(releases);
    deployment_free(cart);
    fixture_free(&fixture);
}

/* --- references ----------------------------------------------------------------------------- */

Test(check, what_connections_need)
{
    static const struct {
        const char *component, *needs;
    } rows[] = {
        {"mailer",
         "[{\"component\":\"ledger\",\"endpoint\":\"raw\",\"namespace\":true,\"type\":\"TCP\"},"
         "{\"component\":\"ledger\",\"endpoint\":\"rpc\",\"namespace\":true,\"type\":\"gRPC\"}]"},
        {"front",
         "[{\"component\":\"cart\",\"endpoint\":\"http\",\"namespace\":false,\"type\":\"HTTP\"},"
         "{\"component\":\"ledger\",\"endpoint\":\"raw\",\"namespace\":true,\"type\":\"TCP\"},"
         "{\"component\":\"ledger\",\"endpoint\":\"rpc\",\"namespace\":true,\"type\":\"gRPC\"}]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct deployment *deployment =
            fixture_deployment(&shop, "shop", rows[i].component, "testing");
        json_t *needs = deployment_needs(deployment);
        char *text = json_canonical(needs);
        cr_expect_str_eq(text, rows[i].needs);
        free(text);
        json_decref(needs);
        deployment_free(deployment);
    }
}

static const json_t *live_reference(const void *context, const char *name)
{
    return json_object_get(context, name);
}

Test(check, live_secrets_are_checked)
{
    static const char *const rows[][2] = {
        {"{\"rates-key\":{\"spec\":{\"data\":[{\"secretKey\":\"RATES_KEY\"}]}}}", NULL},
        {"{\"rates-key\":{\"spec\":{\"data\":[{\"secretKey\":\"other\"}]}}}",
         "SecretReference rates-key has no key RATES_KEY: add it"},
        {"{}",
         "it needs SecretReference rates-key with key RATES_KEY, which is not there: declare it"},
    };
    struct deployment *mailer = fixture_deployment(&shop, "shop", "mailer", "testing");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *live = json_loads(rows[i][0], 0, NULL);
        struct error err = {0};
        const int status = deployment_check_secrets(mailer, live_reference, live, &err);
        cr_expect_eq(status, rows[i][1] == NULL ? 0 : ERR_INVALID, "%s", err.detail);
        if (rows[i][1] != NULL) {
            cr_expect_not_null(strstr(err.detail, rows[i][1]), "%s", err.detail);
            cr_expect_str_eq(err.where.path, "cells/shop/cell.yaml");
        }
        json_decref(live);
    }
    deployment_free(mailer);
}

/* --- matches -------------------------------------------------------------------------------- */

Test(check, matches_of_a_route)
{
    static const struct {
        struct header_match match;
        const char *type, *name, *value;
    } rows[] = {
        {{MATCH_HEADER, {.text = "x-canary"}, {.text = "al.ways"}}, "Exact", "x-canary", "al.ways"},
        {{MATCH_COOKIE, {.text = "tester"}, {.text = "yes"}},
         "RegularExpression",
         "Cookie",
         "^(.*; *)?tester=yes(;.*)?$"},
        {{MATCH_COOKIE, {.text = "a.b"}, {.text = "(x|y)*[0-9]+?{2}^$\\"}},
         "RegularExpression",
         "Cookie",
         "^(.*; *)?a\\.b=\\(x\\|y\\)\\*\\[0-9\\]\\+\\?\\{2\\}\\^\\$\\\\(;.*)?$"},
    };
    struct deployment *cart = fixture_deployment(&shop, "shop", "cart", "testing");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct binding_wants wants = {.active = true,
                                            .weight_a = 100,
                                            .list_a = true,
                                            .list_b = true,
                                            .active_slot = 'a',
                                            .matches = &rows[i].match,
                                            .match_count = 1,
                                            .match_slot = 'b',
                                            .replicas = -1};
        struct desired_object object;
        cr_assert_eq(deployment_binding(cart, ROLE_ROUTE, &wants, &object), 0);
        json_t *configs =
            json_unconst(json_at(object.body, "spec", "componentTypeEnvironmentConfigs", NULL));
        const json_t *match = json_array_get(json_object_get(configs, "matches"), 0);
        cr_expect_str_eq(json_text_or(json_object_get(match, "type"), ""), rows[i].type);
        cr_expect_str_eq(json_text_or(json_object_get(match, "name"), ""), rows[i].name);
        cr_expect_str_eq(json_text_or(json_object_get(match, "value"), ""), rows[i].value);
        cr_expect_str_eq(json_text_or(json_object_get(configs, "matchBackend"), ""), "cart-b");
        /* Taken out again, nothing is left of them. */
        cr_expect_eq(deployment_put_matches(configs, "cart", &(struct binding_wants){0}), 0);
        cr_expect_null(json_object_get(configs, "matches"));
        cr_expect_null(json_object_get(configs, "matchBackend"));
        desired_object_fini(&object);
    }
    deployment_free(cart);
}

/* Routes that do not ask for matches are the releases that they always were. */
Test(check, only_routes_with_matches_are_new_releases)
{
    struct deployment *plain = fixture_deployment(&shop, "shop", "cart", "testing");
    static const struct {
        const char *from, *to;
        bool other;
    } rows[] = {
        {"rollout: {strategy: rolling, progressDeadline: 90s}",
         "rollout: {strategy: canary, progressDeadline: 90s, steps: [{weight: 5, soak: 1m}]}",
         false},
        {"rollout: {strategy: rolling, progressDeadline: 90s}",
         "rollout: {strategy: canary, progressDeadline: 90s, steps: [{weight: 5, soak: 1m, match: "
         "{headers: "
         "[{name: x, value: yes}]}}]}",
         true},
        {"      components: {front: {replicas: 3}}\n",
         "      components: {front: {replicas: 3}, cart: {rollout: {strategy: canary, steps: "
         "[{weight: 5, soak: 1m, match: {cookies: [{name: x, value: yes}]}}]}}}\n",
         true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture changed;
        fixture_load_changed(rows[i].from, rows[i].to, &changed);
        struct deployment *cart = fixture_deployment(&changed, "shop", "cart", "testing");
        cr_expect_eq(strcmp(cart->route_digest, plain->route_digest) != 0, rows[i].other, "%s",
                     rows[i].to);
        cr_expect_str_eq(cart->release_digest, plain->release_digest);
        deployment_free(cart);
        fixture_free(&changed);
    }
    deployment_free(plain);
}
