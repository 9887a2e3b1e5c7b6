#include "config/base/json.h"
#include "tests/reconciler/compile/fixture.h"
#include "tests/reconciler/data.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
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

TestSuite(deployment, .init = load, .fini = unload);

/* --- digests -------------------------------------------------------------------------------- */

struct digests {
    char release[DIGEST_SHORT + 1], deployment[DIGEST_SHORT + 1], route[DIGEST_SHORT + 1];
};

static struct digests digests_of(const struct fixture *fixture, const char *component,
                                 const char *target)
{
    struct deployment *deployment = fixture_deployment(fixture, "shop", component, target);
    struct digests digests;
    memcpy(digests.release, deployment->release_digest, sizeof digests.release);
    memcpy(digests.deployment, deployment->deployment_digest, sizeof digests.deployment);
    memcpy(digests.route, deployment->route_digest, sizeof digests.route);
    deployment_free(deployment);
    return digests;
}

/* Which digests of which targets a change of the manifest moves: r(elease), d(eployment), R(oute).
 */
Test(deployment, what_moves_a_digest)
{
    static const char *const targets[] = {"development", "testing", "production", "production-eu"};
    static const struct {
        const char *what, *component, *from, *to, *moved[4];
    } rows[] = {
        {"replicas", "front", "front: {replicas: 3}", "front: {replicas: 7}", {"", "", "", ""}},
        {"scaling", "cart", "max: 5, cpu: 70", "max: 9, cpu: 60", {"", "", "", ""}},
        {"image", "cart", "cart:1", "cart:2", {"rd", "rd", "rd", "rd"}},
        {"another component's image", "front", "cart:1", "cart:2", {"", "", "", ""}},
        {"variable", "cart", "value: plain", "value: plainer", {"rd", "rd", "rd", "rd"}},
        {"variable of an environment",
         "cart",
         "value: fancy",
         "value: fancier",
         {"", "", "d", "d"}},
        {"resources of a target", "cart", "memory: 1Gi", "memory: 2Gi", {"", "", "", "d"}},
        {"resources", "cart", "cpu: 100m", "cpu: 200m", {"d", "d", "d", "d"}},
        {"endpoint", "cart", "basePath: /api", "basePath: /api2", {"rdR", "rdR", "rdR", "rdR"}},
        {"readiness", "cart", "/healthz", "/ready", {"rd", "rd", "rd", "rd"}},
        {"deadline", "cart", "90s", "100s", {"rd", "rd", "rd", "rd"}},
        {"strategy", "cart", "strategy: rolling", "strategy: blue-green", {"", "", "", ""}},
        {"description", "cart", "Sells things", "Sells more", {"", "", "", ""}},
        {"content of a secret reference",
         "mailer",
         "acme/shop/db,",
         "acme/shop/db2,",
         {"rd", "rd", "rd", "rd"}},
        {"schedule", "report", "0 3 * * *", "0 4 * * *", {"d", "d", "d", "d"}},
        {"parameters", "legacy", "port: 8000", "port: 8001", {"rd", "rd", "rd", "rd"}},
        {"arguments", "mailer", "--quiet", "--loud", {"rd", "rd", "rd", "rd"}},
        {"connection's port", "mailer", "port: 7000", "port: 7001", {"", "", "", ""}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture changed;
        fixture_load_changed(rows[i].from, rows[i].to, &changed);
        for (size_t t = 0; t < 4; t++) {
            const struct digests a = digests_of(&shop, rows[i].component, targets[t]);
            const struct digests b = digests_of(&changed, rows[i].component, targets[t]);
            char moved[4] = "";
            size_t length = 0;
            if (strcmp(a.release, b.release) != 0)
                moved[length++] = 'r';
            if (strcmp(a.deployment, b.deployment) != 0)
                moved[length++] = 'd';
            if (strcmp(a.route, b.route) != 0)
                moved[length++] = 'R';
            moved[length] = '\0';
            cr_expect_str_eq(moved, rows[i].moved[t], "%s on %s: %s", rows[i].what, targets[t],
                             moved);
        }
        fixture_free(&changed);
    }
}

Test(deployment, release_is_the_same_on_all_targets)
{
    static const char *const components[] = {"cart", "front", "mailer", "report", "legacy"};
    for (size_t i = 0; i < sizeof components / sizeof components[0]; i++) {
        const struct digests one = digests_of(&shop, components[i], "development");
        const struct digests two = digests_of(&shop, components[i], "testing");
        const struct digests other = digests_of(&shop, components[i], "production-eu");
        cr_expect_str_eq(one.release, other.release, "%s", components[i]);
        cr_expect_str_eq(one.deployment, two.deployment, "%s", components[i]);
        cr_expect_str_neq(one.deployment, other.deployment, "%s", components[i]);
        cr_expect_eq(strlen(one.release), DIGEST_SHORT);
        cr_expect_eq(one.route[0] != '\0', i < 2, "%s", components[i]);
    }
}

/* --- names ---------------------------------------------------------------------------------- */

Test(deployment, names)
{
    struct deployment *cart = fixture_deployment(&shop, "shop", "cart", "production-eu");
    char wanted[128];
    cr_expect_str_eq(deployment_component_name(cart, ROLE_ROUTE), "cart");
    cr_expect_str_eq(deployment_component_name(cart, ROLE_SLOT_A), "cart-a");
    cr_expect_str_eq(deployment_component_name(cart, ROLE_SLOT_B), "cart-b");
    cr_expect_str_eq(deployment_component_name(cart, ROLE_BUILD), "cart-build");
    cr_expect_str_eq(deployment_binding_name(cart, ROLE_SLOT_A), "cart-a-production-eu");
    (void)snprintf(wanted, sizeof wanted, "cart-b-%s", cart->release_digest);
    cr_expect_str_eq(deployment_release_name(cart, ROLE_SLOT_B), wanted);
    (void)snprintf(wanted, sizeof wanted, "cart-%s", cart->route_digest);
    cr_expect_str_eq(deployment_release_name(cart, ROLE_ROUTE), wanted);
    cr_expect_null(deployment_release_name(cart, ROLE_BUILD));
    cr_expect_null(deployment_binding_name(cart, ROLE_BUILD));
    cr_expect_str_eq(cart->project, "acme-shop");
    deployment_free(cart);
}

/* --- variables ------------------------------------------------------------------------------ */

Test(deployment, connections_give_their_variables)
{
    struct deployment *front = fixture_deployment(&shop, "shop", "front", "testing");
    static const char *const wanted[] = {"CART_URL", "LEDGER", "LEDGER_AGAIN", "LEDGER_RAW"};
    cr_assert_eq(front->variable_count, 4);
    for (size_t i = 0; i < 4; i++)
        cr_expect_str_eq(front->variables[i], wanted[i]);
    deployment_free(front);
}

Test(deployment, secrets_that_nobody_declares_are_named)
{
    struct deployment *mailer = fixture_deployment(&shop, "shop", "mailer", "testing");
    cr_assert_eq(mailer->secret_count, 1);
    cr_expect_str_eq(mailer->secrets[0].name, "rates-key");
    cr_expect_str_eq(mailer->secrets[0].key, "RATES_KEY");
    cr_expect_str_eq(mailer->secrets[0].at.path, "cells/shop/cell.yaml");
    deployment_free(mailer);
}

/* The credential's references of a deployment: how many, and the last one's name and data plane. */
static size_t made_of_credentials(const struct deployment *deployment, char *ret_name, size_t size,
                                  char *ret_plane)
{
    struct desired_list list;
    size_t count = 0;
    cr_assert_eq(deployment_references(deployment, &list), 0);
    for (size_t i = 0; i < list.count; i++) {
        const json_t *source = json_object_get(list.items[i].body, "credential");
        if (source == NULL)
            continue;
        count++;
        cr_expect_eq(list.items[i].key.kind, KIND_SECRET_REFERENCE);
        cr_expect_null(json_object_get(list.items[i].body, "spec"));
        cr_expect_str_eq(json_text_or(json_object_get(source, "name"), ""), "rates-key");
        snprintf(ret_name, size, "%s", list.items[i].key.name);
        snprintf(ret_plane, size, "%s",
                 json_text_or(json_at(source, "targetPlane", "name", NULL), ""));
    }
    desired_list_fini(&list);
    return count;
}

/* Named by value and data plane; the release says the same on all targets, and a target with
 * another plane overrides it. */
Test(deployment, a_credential_becomes_a_reference_named_by_its_value)
{
    static const struct compile_credential values[] = {{"rates-key", "11"}, {"rates-key", "22"}};
    char names[2][128], releases[2][DIGEST_SHORT + 1];
    for (size_t i = 0; i < 2; i++) {
        char other[128], plane[128], other_plane[128];
        shop.context.credentials = &values[i];
        shop.context.credential_count = 1;
        struct deployment *near = fixture_deployment(&shop, "shop", "mailer", "testing");
        struct deployment *far = fixture_deployment(&shop, "shop", "mailer", "production-eu");
        cr_expect_eq(near->secret_count, 0);
        cr_expect_str_eq(near->release_digest, far->release_digest);
        cr_expect_str_neq(near->deployment_digest, far->deployment_digest);
        cr_expect_eq(made_of_credentials(near, names[i], sizeof names[i], plane), 1);
        cr_expect_eq(made_of_credentials(far, other, sizeof other, other_plane), 2);
        cr_expect_eq(strncmp(names[i], "acme-shop-rates-key-", 20), 0, "%s", names[i]);
        cr_expect_str_neq(names[i], other);
        cr_expect_str_neq(plane, other_plane);
        memcpy(releases[i], near->release_digest, sizeof releases[i]);
        deployment_free(near);
        deployment_free(far);
    }
    cr_expect_str_neq(names[0], names[1]);
    cr_expect_str_neq(releases[0], releases[1]);
}

/* --- bindings ------------------------------------------------------------------------------- */

static json_t *configs_of(const struct deployment *deployment, enum component_role role,
                          const struct binding_wants *wants)
{
    struct desired_object object;
    cr_assert_eq(deployment_binding(deployment, role, wants, &object), 0);
    json_t *configs =
        json_deep_copy(json_at(object.body, "spec", "componentTypeEnvironmentConfigs", NULL));
    desired_object_fini(&object);
    return configs;
}

static void expect_configs(const struct deployment *deployment, enum component_role role,
                           const struct binding_wants *wants, const char *wanted)
{
    json_t *configs = configs_of(deployment, role, wants);
    char *text = json_canonical(configs);
    cr_expect_str_eq(text, wanted, "%s", text);
    free(text);
    json_decref(configs);
}

#define RESOURCES                                                                                  \
    "\"resources\":{\"limits\":{\"cpu\":\"1000m\",\"memory\":\"512Mi\"},\"requests\":{\"cpu\":"    \
    "\"100m\",\"memory\":\"128Mi\"}}"

Test(deployment, binding_follows_its_wants)
{
    struct deployment *cart = fixture_deployment(&shop, "shop", "cart", "testing");
    expect_configs(
        cart, ROLE_ROUTE,
        &(struct binding_wants){
            .active = true, .list_a = true, .weight_a = 100, .active_slot = 'a', .replicas = -1},
        "{\"activeSlot\":\"a\",\"backends\":[{\"name\":\"cart-a\",\"weight\":100}]}");
    expect_configs(cart, ROLE_ROUTE,
                   &(struct binding_wants){.active = true,
                                           .list_a = true,
                                           .list_b = true,
                                           .weight_b = 100,
                                           .active_slot = 'b',
                                           .scale_b = true},
                   "{\"activeSlot\":\"b\",\"autoscaling\":[{\"cpuPercent\":70,\"maxReplicas\":5,"
                   "\"minReplicas\":2,\"name\":\"cart-b\"}],\"backends\":[{\"name\":\"cart-a\","
                   "\"weight\":0},{\"name\":\"cart-b\",\"weight\":100}]}");
    expect_configs(cart, ROLE_SLOT_A, &(struct binding_wants){.active = true, .replicas = -1},
                   "{\"replicas\":2," RESOURCES "}");
    expect_configs(cart, ROLE_SLOT_A, &(struct binding_wants){.active = true, .replicas = 4},
                   "{\"replicas\":4," RESOURCES "}");
    expect_configs(cart, ROLE_SLOT_A,
                   &(struct binding_wants){.active = true, .replicas = -1, .scaled_by_route = true},
                   "{" RESOURCES ",\"scaledByRoute\":true}");
    deployment_free(cart);
}

Test(deployment, binding_can_undeploy_and_name_an_older_release)
{
    struct deployment *cart = fixture_deployment(&shop, "shop", "cart", "testing");
    struct desired_object object;
    cr_assert_eq(
        deployment_binding(cart, ROLE_SLOT_A,
                           &(struct binding_wants){.release_name = "cart-a-old", .replicas = -1},
                           &object),
        0);
    cr_expect_str_eq(json_text_or(json_at(object.body, "spec", "state", NULL), ""), "Undeploy");
    cr_expect_str_eq(json_text_or(json_at(object.body, "spec", "releaseName", NULL), ""),
                     "cart-a-old");
    cr_expect_str_eq(object.key.name, "cart-a-testing");
    cr_expect_str_eq(object.key.namespace_name, "acme");
    desired_object_fini(&object);
    deployment_free(cart);
}

Test(deployment, scaling_by_memory)
{
    struct fixture changed;
    fixture_load_changed("scaling: {min: 2, max: 5, cpu: 70}", "scaling: {max: 4, memory: 60}",
                         &changed);
    struct deployment *cart = fixture_deployment(&changed, "shop", "cart", "testing");
    json_t *configs = configs_of(
        cart, ROLE_ROUTE,
        &(struct binding_wants){.active = true, .list_a = true, .weight_a = 1, .scale_a = true});
    char *text = json_canonical(json_object_get(configs, "autoscaling"));
    cr_expect_str_eq(text, "[{\"cpuPercent\":0,\"maxReplicas\":4,\"memoryPercent\":60,"
                           "\"minReplicas\":1,\"name\":\"cart-a\"}]");
    free(text);
    json_decref(configs);
    deployment_free(cart);
    fixture_free(&changed);
}

/* --- what cannot be ------------------------------------------------------------------------- */

Test(deployment, refusals)
{
    static const struct {
        const char *what, *component, *from, *to, *message;
        int status;
    } rows[] = {
        {"no image yet", "cart", "image: registry.example/cart:1",
         "build: {workflow: {name: dockerfile-builder}}", "not built yet", -EAGAIN},
        {"image of an environment", "front", "front: {replicas: 3}", "front: {image: x/y:2}",
         "the image of front cannot be different on production", ERR_INVALID},
        {"connection in an environment only", "cart", "{name: MODE, value: fancy}",
         "{name: MODE, value: \"${CHOREO_CONNECTION_ledger-rpc}\"}",
         "a variable that is a connection's address of cart cannot be different", ERR_INVALID},
        {"connection overwritten by a literal", "cart", "{name: MODE, value: fancy}",
         "{name: LEDGER, value: other}", "cannot be different", ERR_INVALID},
        {"unknown key of a declared secret", "mailer", "DB_CREDENTIALS:password",
         "DB_CREDENTIALS:passphrase", "SecretReference db-credentials has no key passphrase",
         ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture changed;
        struct deployment *deployment = NULL;
        struct error err = {0};
        fixture_load_changed(rows[i].from, rows[i].to, &changed);
        cr_expect_eq(deployment_new(&changed.context, fixture_cell(&changed, "shop"),
                                    fixture_component(&changed, "shop", rows[i].component),
                                    platform_target(changed.set->platform, "production"), NULL,
                                    &deployment, &err),
                     rows[i].status, "%s", rows[i].what);
        cr_expect_not_null(strstr(err.detail, rows[i].message), "%s: %s", rows[i].what, err.detail);
        if (rows[i].status == ERR_INVALID)
            cr_expect(err.where.line > 0, "%s has no place", rows[i].what);
        cr_expect_null(deployment);
        deployment_free(deployment);
        fixture_free(&changed);
    }
}

Test(deployment, a_built_image_is_used)
{
    struct fixture changed;
    struct deployment *deployment = NULL;
    fixture_load_changed("image: registry.example/cart:1", "build: {workflow: {name: my-builder}}",
                         &changed);
    cr_assert_eq(deployment_new(&changed.context, fixture_cell(&changed, "shop"),
                                fixture_component(&changed, "shop", "cart"),
                                platform_target(changed.set->platform, "testing"),
                                "registry.example/built:7", &deployment, NULL),
                 0);
    cr_expect_str_eq(deployment->image, "registry.example/built:7");
    struct desired_object object;
    cr_assert_eq(deployment_component(deployment, ROLE_BUILD, &object), 0);
    cr_expect_str_eq(json_text_or(json_at(object.body, "spec", "componentType", "name", NULL), ""),
                     "proxy/cell-build");
    desired_object_fini(&object);
    deployment_free(deployment);

    /* The type that carries build runs lists the workflow, or each run would end at once. */
    struct desired_list list;
    cr_assert_eq(compile_platform(&changed.context, &list, NULL), 0);
    bool listed = false;
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.items[i].key.name, "cell-build") == 0) {
            char *text =
                json_canonical(json_at(list.items[i].body, "spec", "allowedWorkflows", NULL));
            listed = strstr(text, "\"name\":\"my-builder\"") != NULL;
            free(text);
        }
    cr_expect(listed);
    desired_list_fini(&list);
    fixture_free(&changed);
}
