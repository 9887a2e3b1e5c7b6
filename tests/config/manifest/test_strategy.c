/* The deployment strategy's own words: every YAML fragment in it stands as it is inside `spec:`,
 * and the component files of its monorepo, which disagree with it. */
#include "config/base/arena.h"
#include "config/manifest/effective.h"
#include "tests/config/manifest/fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAGMENTS 8
#define FRAGMENT_SIZE 4096

enum {
    FRONTEND_CONNECTIONS,
    ORDER_CONNECTIONS,
    FRONTEND_ENV,
    ORDER_ENV,
    CART_CONFIGURATIONS,
    PLATFORM_CONFIGURATIONS,
    RESOURCES,
    STAGES
};

static char fragments[FRAGMENTS][FRAGMENT_SIZE]; /* indented by two, as inside `spec:` */

static void read_fragments(void)
{
    size_t length = 0, count = 0;
    char *text = fixture_read("tests/config/manifest/strategy/choreo-strategy.md", &length);
    bool inside = false;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "```", 3) == 0) {
            count += inside;
            inside = !inside && strcmp(line, "```yaml") == 0;
        } else if (inside) {
            cr_assert_lt(count, (size_t)FRAGMENTS);
            char *fragment = fragments[count];
            const size_t used = strlen(fragment);
            (void)snprintf(fragment + used, FRAGMENT_SIZE - used, "  %s\n", line);
        }
    }
    cr_assert_eq(count, (size_t)FRAGMENTS, "%zu fragments", count);
    free(text);
}

static const char platform[] =
    "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: ecommerce}\nspec:\n"
    "  namespace: ecommerce\n  projectPrefix: ecommerce-\n  regions: [us, eu]\n"
    "  environments:\n    - name: development\n"
    "    - {name: testing, gates: [{name: integration-tests, workflow: integration-tests}]}\n"
    "    - name: production\n      production: true\n      regions: [us, eu]\n"
    "      gates: [{name: acceptance-tests, workflow: acceptance-tests}, {name: release-approval, "
    "manual: {}}]\n"
    "  phases:\n    - {name: foundation, cells: [platform, product, cart]}\n"
    "    - {name: business-logic, cells: [payment, fulfillment, marketing]}\n"
    "    - {name: orchestration, cells: [order]}\n    - {name: user-interface, cells: "
    "[frontend]}\n";

struct cell_text {
    const char *name, *components;
    int parts[4]; /* fragments, -1 = none; resources and stages are in every cell */
};

#define COMPONENT(name, endpoints)                                                                 \
    "    - name: " name "\n      image: registry.example/" name ":1\n      endpoints:\n" endpoints
#define ENDPOINT(text) "        - {" text ", visibility: [namespace]}\n"

static const struct cell_text cells[] = {
    {"cart",
     COMPONENT("cartservice",
               ENDPOINT("name: cart, type: grpc, port: 7070")
                   ENDPOINT("name: cart-http, type: http, port: 7071, basePath: /api/v1/cart")),
     {CART_CONFIGURATIONS, -1, -1, -1}},
    {"frontend",
     COMPONENT("frontend", ENDPOINT("name: web, type: http, port: 8080"))
         COMPONENT("loadgenerator", ENDPOINT("name: load, type: http, port: 8089")),
     {FRONTEND_CONNECTIONS, FRONTEND_ENV, -1, -1}},
    {"fulfillment",
     COMPONENT("shippingservice", ENDPOINT("name: shipping, type: grpc, port: 50051"))
         COMPONENT("emailservice", ENDPOINT("name: email, type: grpc, port: 8080")),
     {-1, -1, -1, -1}},
    {"marketing",
     COMPONENT("adservice", ENDPOINT("name: ads, type: http, port: 9555, basePath: /api/v1/ads")),
     {-1, -1, -1, -1}},
    {"order",
     COMPONENT("checkoutservice",
               ENDPOINT("name: checkout, type: http, port: 5050, basePath: /api/v1/checkout")),
     {ORDER_CONNECTIONS, ORDER_ENV, -1, -1}},
    {"payment",
     COMPONENT("paymentservice", ENDPOINT("name: payment, type: grpc, port: 50051")),
     {-1, -1, -1, -1}},
    {"platform",
     COMPONENT("currencyservice",
               ENDPOINT("name: ecommcurrencyservice, type: grpc, port: 7000") ENDPOINT(
                   "name: currency-http, type: http, port: 7001, basePath: /api/v1/currency")),
     {PLATFORM_CONFIGURATIONS, -1, -1, -1}},
    {"product",
     COMPONENT("productcatalogservice",
               ENDPOINT("name: product-catalog-service, type: http, port: 3550, basePath: "
                        "/api/v1/products"))
         COMPONENT("recommendationservice", ENDPOINT("name: recommendations, type: grpc, port: "
                                                     "8081")),
     {-1, -1, -1, -1}},
};
#define CELLS (sizeof(cells) / sizeof(cells[0]))

static char texts[CELLS][16384];
static char paths[CELLS][64];

static void build(struct fixture *fixture)
{
    read_fragments();
    fixture_add(fixture, "platform.yaml", platform);
    for (size_t i = 0; i < CELLS; i++) {
        size_t used = (size_t)snprintf(
            texts[i], sizeof(texts[i]),
            "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: %s}\nspec:\n  components:\n%s",
            cells[i].name, cells[i].components);
        const int parts[] = {cells[i].parts[0], cells[i].parts[1], RESOURCES, STAGES};
        for (size_t j = 0; j < 4; j++) {
            if (parts[j] >= 0)
                used += (size_t)snprintf(texts[i] + used, sizeof(texts[i]) - used, "%s",
                                         fragments[parts[j]]);
        }
        (void)snprintf(paths[i], sizeof(paths[i]), "cells/%s-cell/cell.yaml", cells[i].name);
        fixture_add(fixture, paths[i], texts[i]);
    }
}

static const struct effective *effective(const struct fixture *fixture, const char *cell_name,
                                         size_t component, const char *target, struct arena *arena)
{
    struct effective *result = NULL;
    const struct cell *cell = manifest_set_cell(fixture->set, cell_name)->cell;
    cr_assert_not_null(cell);
    cr_assert_eq(effective_component(
                     fixture->set, fixture->set->platform, cell, &cell->components[component],
                     platform_target(fixture->set->platform, target), arena, &result),
                 0);
    return result;
}

static const struct connection_end *end_of(const struct effective *effective, const char *name)
{
    for (size_t i = 0; i < effective->connection_count; i++) {
        if (strcmp(effective->connections[i].connection->name.text, name) == 0)
            return &effective->connections[i];
    }
    return NULL;
}

Test(strategy, every_fragment_is_accepted_as_it_stands)
{
    struct fixture fixture = {0};
    build(&fixture);
    fixture_load(&fixture, NULL, NULL);
    cr_assert_eq(diagnostics_count(fixture.set->diagnostics), 0u, "%s", fixture_found(fixture.set));
    cr_expect_eq(fixture.set->cell_count, CELLS);
    cr_expect_eq(fixture.set->platform->target_count, 4u);
    cr_expect_str_eq(fixture.set->platform->targets[3].name, "production-eu");
    fixture_free(&fixture);
}

Test(strategy, fragments_mean_what_they_say)
{
    struct fixture fixture = {0};
    struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
    build(&fixture);
    fixture_load(&fixture, NULL, NULL);
    const struct effective *order = effective(&fixture, "order", 0, "production", arena);
    cr_assert_eq(order->connection_count, 5u);
    const struct connection_end *currency = end_of(order, "platform-api");
    cr_expect_str_eq(currency->component, "currencyservice");
    cr_expect_str_eq(currency->endpoint->name.text, "ecommcurrencyservice");
    cr_expect_str_eq(currency->project, "ecommerce-platform");
    cr_expect_not(currency->same_cell);
    cr_expect_str_eq(end_of(order, "fulfillment-email-api")->component, "emailservice");
    cr_expect_str_eq(order->resources.requests.cpu.text, "100m");
    cr_expect_str_eq(order->resources.limits.memory.text, "512Mi");
    cr_expect_eq(order->rollout.bake.value.ms, 300000);

    const struct effective *frontend = effective(&fixture, "frontend", 0, "production-eu", arena);
    cr_assert_eq(frontend->env_count, 7u);
    size_t products = 0;
    for (size_t i = 0; i < frontend->env_count; i++) {
        const struct env_variable *variable = &frontend->env[i];
        if (strcmp(variable->name.text, "PORT") == 0)
            cr_expect_str_eq(variable->value.text, "8080");
        else
            cr_expect_null(variable->value.text);
        products += variable->connection.text != NULL &&
                    strcmp(variable->connection.text, "product-api") == 0;
    }
    cr_expect_eq(products, 2u, "two variables use one connection");

    const struct effective *cart = effective(&fixture, "cart", 0, "development", arena);
    cr_assert_eq(cart->configuration_count, 1u);
    cr_expect_eq(cart->configurations[0].type, CONFIGURATION_CONFIG_MAP);
    cr_expect_eq(cart->configurations[0].mount, MOUNT_ENV);
    cr_assert_eq(cart->configurations[0].entry_count, 2u);
    cr_expect_str_eq(cart->configurations[0].entries[0].name.text, "REDIS_ADDR");
    cr_expect_str_eq(cart->configurations[0].entries[0].value.text, "redis:6379");
    cr_expect_eq(cart->rollout.bake.value.ms, 0);

    const struct effective *key = effective(&fixture, "platform", 0, "development", arena);
    cr_expect_eq(key->configurations[0].type, CONFIGURATION_SECRET);
    cr_expect_str_eq(key->configurations[0].entries[0].secret.text, "CURRENCY_API_KEY");
    cr_expect_null(key->configurations[0].entries[0].value.text);
    arena_free(arena);
    fixture_free(&fixture);
}

/* --- the monorepo's own component files ------------------------------------------------------- */

static void expect_disagreement(const struct fixture *fixture, const char *path, uint32_t line,
                                const char *message)
{
    const struct diagnostics *found = fixture->set->diagnostics;
    for (size_t i = 0; i < diagnostics_count(found); i++) {
        const struct diagnostic *d = diagnostics_get(found, i);
        if (strcmp(d->code, "E_DISAGREEMENT") != 0 || strstr(d->message, message) == NULL)
            continue;
        cr_expect_str_eq(d->related.path, path);
        cr_expect_eq(d->related.line, line, "%s: at line %u of the other file", message,
                     d->related.line);
        cr_expect_gt(d->at.line, 0u);
        cr_expect_not_null(strstr(d->at.path, "cell.yaml"));
        return;
    }
    cr_expect(false, "no \"%s\" in\n%s", message, fixture_found(fixture->set));
}

Test(strategy, disagreements_of_the_monorepo_are_found)
{
    static const char currency[] = "cells/platform-cell/currencyservice/.choreo/component.yaml";
    static const char catalogue[] =
        "cells/product-cell/productcatalogservice/.choreo/component.yaml";
    struct fixture fixture = {0};
    size_t length = 0;
    build(&fixture);
    char *a = fixture_read(
        "tests/config/manifest/strategy/originals/currencyservice/component.yaml", &length);
    char *b = fixture_read(
        "tests/config/manifest/strategy/originals/productcatalogservice/component.yaml", &length);
    fixture_add(&fixture, currency, a);
    fixture_add(&fixture, catalogue, b);
    fixture_load(&fixture, NULL, NULL);
    expect_disagreement(&fixture, currency, 16,
                        "cell.yaml says port 7000, .choreo/component.yaml says 8081");
    expect_disagreement(&fixture, currency, 23,
                        "cell.yaml says visibility namespace, .choreo/component.yaml says project");
    expect_disagreement(&fixture, catalogue, 14,
                        "cell.yaml says basePath /api/v1/products, .choreo/component.yaml says /");
    expect_disagreement(&fixture, catalogue, 16, "cell.yaml says port 3550");
    expect_disagreement(&fixture, catalogue, 23,
                        "visibility namespace, .choreo/component.yaml says "
                        "namespace external");
    cr_expect(manifest_set_cell(fixture.set, "platform")->broken);
    cr_expect(manifest_set_cell(fixture.set, "product")->broken);
    cr_expect_not(manifest_set_cell(fixture.set, "cart")->broken);
    fixture_free(&fixture);
    free(a);
    free(b);
}

Test(strategy, another_name_for_the_same_endpoint_is_a_disagreement_too)
{
    struct fixture fixture = {0};
    fixture_add(&fixture, "platform.yaml", fixture_platform);
    fixture_add(&fixture, "cells/cart/cell.yaml",
                "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: cart}\nspec:\n"
                "  components:\n    - name: cartservice\n      image: registry.example/x:1\n"
                "      endpoints: [{name: cart, type: grpc, port: 7000}]\n");
    fixture_add(&fixture, "cells/cart/cartservice/.choreo/component.yaml",
                "schemaVersion: 1.1\nendpoints:\n  - name: cart-grpc\n    type: GRPC\n    service: "
                "{port: 8081}\n");
    fixture_load(&fixture, NULL, NULL);
    expect_disagreement(&fixture, "cells/cart/cartservice/.choreo/component.yaml", 3,
                        "calls it \"cart-grpc\" (port 8081)");
    fixture_free(&fixture);
}

Test(strategy, component_files_add_endpoints_and_connections)
{
    struct fixture fixture = {0};
    fixture_add(&fixture, "platform.yaml",
                "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n"
                "  namespace: shop\n  projectPrefix: shop-\n  regions: [us]\n"
                "  environments: [{name: development}]\n  phases: [{name: all, cells: [a, b]}]\n");
    fixture_add(&fixture, "cells/a/cell.yaml",
                "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: a}\nspec:\n"
                "  components:\n    - name: sa\n      image: registry.example/x:1\n"
                "      source: src/a\n");
    fixture_add(&fixture, "src/a/.choreo/component.yaml",
                "schemaVersion: 1.0\nendpoints:\n  - name: greeter\n    displayName: Greeter\n"
                "    service: {basePath: /greet, port: 9090}\n    type: REST\n"
                "    networkVisibilities: [Organization, Public]\n    schemaFilePath: api.yaml\n");
    fixture_add(&fixture, "cells/b/cell.yaml",
                "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: b}\nspec:\n"
                "  components:\n    - {name: sb, type: worker, image: \"registry.example/x:1\", "
                "env: [{name: A, value: \"${CHOREO_CONNECTION_greeter}\"}]}\n");
    fixture_add(&fixture, "cells/b/sb/.choreo/component.yaml",
                "schemaVersion: \"1.2\"\ndependencies:\n  connectionReferences:\n"
                "    - name: greeter\n      resourceRef: service:/shop-a/sa/v1/ad088/PUBLIC\n");
    fixture_load(&fixture, NULL, NULL);
    cr_assert_eq(diagnostics_count(fixture.set->diagnostics), 0u, "%s", fixture_found(fixture.set));
    const struct component *sa = &manifest_set_cell(fixture.set, "a")->cell->components[0];
    cr_assert_eq(sa->endpoint_count, 1u);
    cr_expect_eq(sa->endpoints[0].type, ENDPOINT_HTTP);
    cr_expect_eq(sa->endpoints[0].port, 9090);
    cr_expect_str_eq(sa->endpoints[0].base_path.text, "/greet");
    cr_expect_eq(sa->endpoints[0].visibility,
                 (unsigned)(VISIBILITY_PROJECT | VISIBILITY_NAMESPACE | VISIBILITY_EXTERNAL));
    struct arena *arena = arena_new((size_t)1024 * 1024);
    const struct effective *sb = effective(&fixture, "b", 0, "development", arena);
    cr_assert_eq(sb->connection_count, 1u);
    cr_expect_str_eq(sb->connections[0].component, "sa");
    arena_free(arena);
    fixture_free(&fixture);
}

Test(strategy, component_files_give_connections_to_variables)
{
    struct fixture fixture = {0};
    fixture_add(&fixture, "platform.yaml", fixture_platform);
    fixture_add(&fixture, "cells/cart/cell.yaml",
                "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: cart}\nspec:\n"
                "  components:\n    - {name: w, type: worker, image: \"a:1\", env: [{name: SET, "
                "value: here}]}\n"
                "  connections: [{name: rates, external: {url: \"https://rates.example\"}}]\n");
    fixture_add(
        &fixture, "cells/cart/w/.choreo/component.yaml",
        "schemaVersion: 1.0\ndependencies:\n  serviceReferences:\n"
        "    - name: rates\n      connectionConfig: 19d2648b\n      env:\n"
        "        - {from: ServiceURL, to: RATES_URL}\n        - {from: ServiceURL, to: SET}\n"
        "        - {from: ConsumerKey, to: KEY}\n    - name: unknown\n");
    fixture_load(&fixture, NULL, NULL);
    const struct cell *cell = manifest_set_cell(fixture.set, "cart")->cell;
    cr_assert_not_null(cell, "%s", fixture_found(fixture.set));
    const struct layer *layer = &cell->components[0].layer;
    cr_assert_eq(layer->env_count, 2u);
    cr_expect_str_eq(layer->env[0].value.text, "here");
    cr_expect_str_eq(layer->env[1].name.text, "RATES_URL");
    cr_expect_str_eq(layer->env[1].connection.text, "rates");
    cr_expect_eq(diagnostics_count(fixture.set->diagnostics), 2u, "%s", fixture_found(fixture.set));
    cr_expect_not_null(strstr(fixture_found(fixture.set), ":9:18: warning: variable KEY"));
    cr_expect_not_null(strstr(fixture_found(fixture.set), "\"unknown\" names no project"));
    fixture_free(&fixture);
}
