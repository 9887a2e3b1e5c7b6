/* .choreo/component.yaml as people at Choreo really write it: versions 1.0, 1.1 and 1.2. */
#include "tests/config/manifest/fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define CELL                                                                                       \
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: cart}\nspec:\n  components:\n"         \
    "    - {name: api, image: \"registry.example/api:1\", endpoints: [{name: own, type: grpc, "    \
    "port: 50051}]}\n"                                                                             \
    "    - name: caller\n      type: worker\n      image: registry.example/caller:1\n"

static const struct component *load(struct fixture *fixture, const char *more, const char *file)
{
    char text[2000];
    *fixture = (struct fixture){0};
    cr_assert_lt(strlen(CELL) + strlen(more), sizeof(text));
    (void)snprintf(text, sizeof(text), "%s%s", CELL, more);
    fixture_add(fixture, "platform.yaml", fixture_platform);
    fixture_add(fixture, "cells/cart/cell.yaml", text);
    fixture_add(fixture, "cells/cart/caller/.choreo/component.yaml", file);
    fixture_load(fixture, NULL, NULL);
    const struct cell *cell = manifest_set_cell(fixture->set, "cart")->cell;
    return cell == NULL ? NULL : &cell->components[1];
}

static const struct env_variable *find(const struct component *component, const char *name)
{
    cr_assert_not_null(component);
    for (size_t i = 0; i < component->layer.env_count; i++) {
        if (strcmp(component->layer.env[i].name.text, name) == 0)
            return &component->layer.env[i];
    }
    return NULL;
}

static void expect_connected(const struct component *component, const char *variable,
                             const char *connection)
{
    const struct env_variable *found = find(component, variable);
    cr_assert_not_null(found, "%s", variable);
    cr_assert_not_null(found->connection.text, "%s", variable);
    cr_expect_str_eq(found->connection.text, connection);
}

static void expect_clean(const struct fixture *fixture)
{
    cr_expect_eq(diagnostics_error_count(fixture->set->diagnostics), 0u, "%s",
                 fixture_found(fixture->set));
}

#define REFERENCE                                                                                  \
    "dependencies:\n  connectionReferences:\n    - name: hr-connection\n"                          \
    "      resourceRef: service:/shop-cart/api/v1/ad088/PROJECT\n"

Test(component_file, a_connection_without_a_variable_is_in_the_one_that_choreo_names)
{
    struct fixture fixture;
    const struct component *caller = load(&fixture, "", "schemaVersion: 1.1\n" REFERENCE);
    expect_clean(&fixture);
    cr_assert_not_null(caller);
    cr_expect_eq(caller->layer.env_count, 1u);
    expect_connected(caller, "CHOREO_HR_CONNECTION_SERVICEURL", "hr-connection");
    fixture_free(&fixture);
}

Test(component_file, variables_of_the_file_say_which_connection_they_have)
{
    static const char *const keys[] = {"configuration", "configurations"};
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        char file[800];
        (void)snprintf(file, sizeof(file),
                       "schemaVersion: 1.2\n" REFERENCE "%s:\n  env:\n"
                       "    - name: HR_URL\n      valueFrom: {connectionRef: {name: hr-connection, "
                       "key: ServiceURL}}\n"
                       "    - name: HR_KEY\n      valueFrom: {connectionRef: {name: hr-connection, "
                       "key: ChoreoAPIKey}}\n"
                       "    - name: DB_USER\n      valueFrom: {configForm: {displayName: DB User, "
                       "required: false}}\n"
                       "    - name: GROUP\n      valueFrom: {configGroupRef: {name: a, key: b}}\n"
                       "    - {name: PLAIN, value: 8080}\n"
                       "  file: [{name: a.yaml, mountPath: /src}]\n",
                       keys[i]);
        const struct component *caller =
            load(&fixture, "      env: [{name: GROUP, value: own}]\n", file);
        expect_clean(&fixture);
        expect_connected(caller, "HR_URL", "hr-connection");
        cr_expect_null(find(caller, "CHOREO_HR_CONNECTION_SERVICEURL"), "it has a variable");
        cr_expect_null(find(caller, "HR_KEY"));
        cr_expect_null(find(caller, "DB_USER"));
        cr_assert_not_null(find(caller, "PLAIN"));
        cr_expect_str_eq(find(caller, "PLAIN")->value.text, "8080");
        const char *found = fixture_found(fixture.set);
        cr_expect_not_null(strstr(found, "variable HR_KEY: \"ChoreoAPIKey\""), "%s", found);
        cr_expect_not_null(strstr(found, "variable DB_USER: its value is at Choreo"), "%s", found);
        cr_expect_null(strstr(found, "GROUP"), "cell.yaml gives it: %s", found);
        cr_expect_not_null(strstr(found, "\"file\" of .choreo/component.yaml"), "%s", found);
        fixture_free(&fixture);
    }
}

Test(component_file, a_plain_variable_that_cell_yaml_contradicts_is_refused_with_both_places)
{
    struct fixture fixture;
    (void)load(&fixture, "      env: [{name: PORT, value: \"1\"}]\n",
               "schemaVersion: 1.1\nconfiguration:\n  env:\n    - name: PORT\n      value: 2\n");
    const struct diagnostic *found = fixture_find(&fixture, "E_DISAGREEMENT");
    cr_assert_not_null(found, "%s", fixture_found(fixture.set));
    cr_expect_str_eq(found->at.path, "cells/cart/cell.yaml");
    cr_expect_str_eq(found->related.path, "cells/cart/caller/.choreo/component.yaml");
    cr_expect_eq(found->related.line, 5u);
    fixture_free(&fixture);
    (void)load(&fixture, "      env: [{name: PORT, value: \"2\"}]\n",
               "schemaVersion: 1.1\nconfiguration:\n  env:\n    - name: PORT\n      value: 2\n");
    expect_clean(&fixture);
    fixture_free(&fixture);
}

Test(component_file, names_of_choreo_become_names_of_openchoreo)
{
    struct fixture fixture;
    const struct component *caller =
        load(&fixture, "",
             "schemaVersion: 1.1\nendpoints:\n  - name: connection_bff\n    service: {port: 3000}\n"
             "    type: REST\n    networkVisibilities: [Project]\n"
             "dependencies:\n  connectionReferences:\n    - name: HR Connection_1\n"
             "      resourceRef: service:/shop-cart/api/v1/ad088/PROJECT\n");
    cr_assert_not_null(caller, "%s", fixture_found(fixture.set));
    cr_expect_eq(caller->endpoint_count, 1u);
    cr_expect_str_eq(caller->endpoints[0].name.text, "connection-bff");
    cr_expect_str_eq(caller->layer.connections[0].name.text, "hr-connection-1");
    expect_connected(caller, "CHOREO_HR_CONNECTION_1_SERVICEURL", "hr-connection-1");
    const char *found = fixture_found(fixture.set);
    cr_expect_not_null(strstr(found, ":3:11: note: \"connection_bff\" is called connection-bff"),
                       "%s", found);
    fixture_free(&fixture);
    (void)load(&fixture, "",
               "schemaVersion: 1.1\nendpoints:\n  - name: é\n    service: {port: 1}\n"
               "    type: TCP\n");
    cr_expect_not_null(fixture_find(&fixture, "E_FORM"));
    fixture_free(&fixture);
}

#define SERVICE                                                                                    \
    "schemaVersion: \"1.0\"\ndependencies:\n  serviceReferences:\n"                                \
    "    - name: choreo:///apifirst/mttm/mmvhxd/ad088/v1.0/PUBLIC\n"                               \
    "      connectionConfig: 19d2648b-d29c-4452-afdd-1b9311e81412\n"                               \
    "      env: [{from: ServiceURL, to: SERVICE_URL}]\n"

Test(component_file, a_service_reference_leads_where_cell_yaml_says)
{
    struct fixture fixture;
    const struct component *caller = load(&fixture, "", SERVICE);
    expect_clean(&fixture);
    cr_expect_null(find(caller, "SERVICE_URL"));
    cr_expect_not_null(fixture_find(&fixture, "W_PASSED_OVER"));
    fixture_free(&fixture);
    caller = load(&fixture,
                  "      connections: [{name: own, target: shop-cart, protocol: grpc}]\n"
                  "      env: [{name: SERVICE_URL, value: \"${CHOREO_CONNECTION_own}\"}]\n",
                  SERVICE);
    expect_clean(&fixture);
    cr_expect_null(fixture_find(&fixture, "W_PASSED_OVER"), "%s", fixture_found(fixture.set));
    fixture_free(&fixture);
}

Test(component_file, a_proxy_is_passed_over)
{
    struct fixture fixture;
    (void)load(&fixture, "", "schemaVersion: 1.2\nproxy: {type: REST, schemaFilePath: a.yaml}\n");
    expect_clean(&fixture);
    cr_expect_not_null(fixture_find(&fixture, "W_PASSED_OVER"));
    fixture_free(&fixture);
}
