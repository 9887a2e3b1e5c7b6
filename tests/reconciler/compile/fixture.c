#include "tests/reconciler/compile/fixture.h"

#include "config/base/text.h"
#include "config/types/types.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

const struct fixture_file fixture_files[FIXTURE_FILE_COUNT] = {
    {MANIFEST_FILE_PLATFORM, "platform.yaml",
     "apiVersion: celld.dev/v1\n"
     "kind: Platform\n"
     "metadata: {name: acme}\n"
     "spec:\n"
     "  namespace: acme\n"
     "  projectPrefix: acme-\n"
     "  nativePaths: [\"native/*.yaml\"]\n"
     "  regions:\n"
     "    - {name: us, dataPlane: {kind: ClusterDataPlane, name: us}}\n"
     "    - {name: eu, dataPlane: {kind: ClusterDataPlane, name: eu}}\n"
     "  environments:\n"
     "    - {name: development}\n"
     "    - {name: testing}\n"
     "    - {name: production, production: true, regions: [us, eu]}\n"
     "  phases:\n"
     "    - {name: first, cells: [billing]}\n"
     "    - {name: second, cells: [shop]}\n"},
    {MANIFEST_FILE_CELL, "cells/billing/cell.yaml",
     "apiVersion: celld.dev/v1\n"
     "kind: Cell\n"
     "metadata: {name: billing}\n"
     "spec:\n"
     "  components:\n"
     "    - name: ledger\n"
     "      type: service\n"
     "      image: registry.example/ledger:1\n"
     "      endpoints:\n"
     "        - {name: rpc, type: grpc, port: 9090, visibility: [namespace]}\n"
     "        - {name: api, type: http, port: 8080, basePath: /v1, visibility: [namespace, "
     "external]}\n"
     "        - {name: raw, type: tcp, port: 7000, visibility: [namespace]}\n"},
    {MANIFEST_FILE_CELL, "cells/shop/cell.yaml",
     "apiVersion: celld.dev/v1\n"
     "kind: Cell\n"
     "metadata: {name: shop}\n"
     "spec:\n"
     "  description: Sells things\n"
     "  dependsOn: [billing]\n"
     "  components:\n"
     "    - name: cart\n"
     "      type: service\n"
     "      image: registry.example/cart:1\n"
     "      endpoints:\n"
     "        - {name: http, type: http, port: 8080, basePath: /api, visibility: [internal, "
     "external]}\n"
     "      readiness: {http: {path: /healthz, port: 8080}, period: 5s}\n"
     "      rollout: {strategy: rolling, progressDeadline: 90s}\n"
     "      scaling: {min: 2, max: 5, cpu: 70}\n"
     "    - name: front\n"
     "      type: web-application\n"
     "      image: registry.example/front:1\n"
     "      endpoints:\n"
     "        - {name: web, type: http, port: 3000, visibility: [external]}\n"
     "      connections:\n"
     "        - {name: cart-api, target: acme-shop, protocol: http, port: 8080}\n"
     "      env:\n"
     "        - {name: CART_URL, value: \"${CHOREO_CONNECTION_cart-api}\"}\n"
     "    - name: mailer\n"
     "      type: worker\n"
     "      image: registry.example/mailer:1\n"
     "      command: [/app]\n"
     "      args: [--loop, --quiet]\n"
     "    - name: report\n"
     "      type: scheduled-task\n"
     "      image: registry.example/report:1\n"
     "      schedule: \"0 3 * * *\"\n"
     "    - name: legacy\n"
     "      type: {kind: ClusterComponentType, name: deployment/service}\n"
     "      image: registry.example/legacy:1\n"
     "      parameters: {port: 8000}\n"
     "  connections:\n"
     "    - {name: ledger-rpc, target: acme-billing, protocol: grpc, port: 9090}\n"
     "    - {name: ledger-raw, target: acme-billing, protocol: tcp, port: 7000}\n"
     "    - {name: rates, external: {url: \"https://rates.example/v1\", secret: RATES_KEY}}\n"
     "  env:\n"
     "    - {name: MODE, value: plain}\n"
     "    - {name: LEDGER, value: \"${CHOREO_CONNECTION_ledger-rpc}\"}\n"
     "    - {name: LEDGER_AGAIN, value: \"${CHOREO_CONNECTION_ledger-rpc}\"}\n"
     "    - {name: LEDGER_RAW, value: \"${CHOREO_CONNECTION_ledger-raw}\"}\n"
     "    - {name: RATES_URL, value: \"${CHOREO_CONNECTION_rates}\"}\n"
     "  configurations:\n"
     "    - name: levels\n"
     "      type: config-map\n"
     "      mount_type: \"env variable\"\n"
     "      env_variables: |\n"
     "        {\"LEVEL\": \"info\"}\n"
     "    - name: database\n"
     "      type: secret\n"
     "      mount_type: \"env variable\"\n"
     "      env_variables: |\n"
     "        {\"DB_PASSWORD\": \"${DB_CREDENTIALS:password}\"}\n"
     "  resources: {limits: {cpu: \"1000m\", memory: 512Mi}, requests: {cpu: 100m, memory: "
     "128Mi}}\n"
     "  access:\n"
     "    - {role: developer, subject: {claim: groups, value: shop-team}, environments: "
     "[production]}\n"
     "    - {role: viewer, subject: {claim: groups, value: everyone}}\n"
     "  environments:\n"
     "    production:\n"
     "      components: {front: {replicas: 3}}\n"
     "      env:\n"
     "        - {name: MODE, value: fancy}\n"
     "  targets:\n"
     "    \"production@eu\":\n"
     "      resources: {limits: {memory: 1Gi}}\n"},
    {MANIFEST_FILE_NATIVE, "native/db.yaml",
     "apiVersion: openchoreo.dev/v1alpha1\n"
     "kind: SecretReference\n"
     "metadata: {name: db-credentials, namespace: acme}\n"
     "spec:\n"
     "  template: {type: Opaque}\n"
     "  data:\n"
     "    - {secretKey: password, remoteRef: {key: acme/shop/db, property: password}}\n"
     "    - {secretKey: user, remoteRef: {key: acme/shop/db, property: user}}\n"},
};

static void load(const struct fixture_file *files, size_t count, struct fixture *ret_fixture)
{
    struct manifest_file inputs[16];
    struct error err = {0};
    cr_assert_leq(count, 16);
    for (size_t i = 0; i < count; i++)
        inputs[i] = (struct manifest_file){
            .kind = files[i].kind,
            .path = files[i].path,
            .bytes = files[i].text,
            .length = strlen(files[i].text),
            .blob_id = "0123456789abcdef0123456789abcdef01234567",
        };
    *ret_fixture = (struct fixture){0};
    cr_assert_eq(
        manifest_load(inputs, count, &manifest_limits_default, NULL, NULL, &ret_fixture->set, &err),
        0, "%s", err.detail);
    cr_assert_eq(component_types_load(&ret_fixture->types, &err), 0, "%s", err.detail);
    ret_fixture->context = (struct compile_context){
        .set = ret_fixture->set,
        .platform = ret_fixture->set->platform,
        .repository_url = "https://git.example/acme/shop.git",
        .branch = "main",
        .name_key = "key",
        .name_key_length = 3,
        .authorization = true,
        .component_types = ret_fixture->types,
    };
}

void fixture_load(const struct fixture_file *files, size_t count, struct fixture *ret_fixture)
{
    load(files, count, ret_fixture);
    struct text problems;
    text_init(&problems, 1 << 20);
    cr_assert_eq(diagnostics_write(ret_fixture->set->diagnostics, DIAGNOSTIC_TEXT, &problems), 0);
    cr_assert_eq(diagnostics_error_count(ret_fixture->set->diagnostics), 0, "%s",
                 text_get(&problems));
    text_fini(&problems);
}

/* Every `from` in `text` replaced; owned. */
static char *replaced(const char *text, const char *from, const char *to, size_t *count)
{
    struct text out;
    text_init(&out, 1 << 20);
    for (const char *found; (found = strstr(text, from)) != NULL; text = found + strlen(from)) {
        text_add_bytes(&out, text, (size_t)(found - text));
        text_add(&out, to);
        ++*count;
    }
    text_add(&out, text);
    return text_take(&out);
}

void fixture_load_changed(const char *from, const char *to, struct fixture *ret_fixture)
{
    struct fixture_file files[FIXTURE_FILE_COUNT];
    char *texts[FIXTURE_FILE_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < FIXTURE_FILE_COUNT; i++) {
        files[i] = fixture_files[i];
        files[i].text = texts[i] = replaced(fixture_files[i].text, from, to, &count);
    }
    cr_assert_gt(count, 0, "nothing reads: %s", from);
    load(files, FIXTURE_FILE_COUNT, ret_fixture);
    for (size_t i = 0; i < FIXTURE_FILE_COUNT; i++)
        free(texts[i]);
}

void fixture_free(struct fixture *fixture)
{
    manifest_set_unref(fixture->set);
    json_decref(fixture->types);
    *fixture = (struct fixture){0};
}

const struct cell *fixture_cell(const struct fixture *fixture, const char *name)
{
    const struct manifest_cell *cell = manifest_set_cell(fixture->set, name);
    cr_assert(cell != NULL && cell->cell != NULL, "cell %s", name);
    return cell->cell;
}

const struct component *fixture_component(const struct fixture *fixture, const char *cell,
                                          const char *name)
{
    const struct cell *holder = fixture_cell(fixture, cell);
    for (size_t i = 0; i < holder->component_count; i++)
        if (strcmp(holder->components[i].name.text, name) == 0)
            return &holder->components[i];
    cr_assert_fail("component %s", name);
    return NULL;
}

struct deployment *fixture_deployment(const struct fixture *fixture, const char *cell,
                                      const char *component, const char *target)
{
    struct deployment *deployment = NULL;
    struct error err = {0};
    const struct target *at = platform_target(fixture->set->platform, target);
    cr_assert_not_null(at, "target %s", target);
    cr_assert_eq(deployment_new(&fixture->context, fixture_cell(fixture, cell),
                                fixture_component(fixture, cell, component), at, NULL, &deployment,
                                &err),
                 0, "%s: %s", component, err.detail);
    return deployment;
}
