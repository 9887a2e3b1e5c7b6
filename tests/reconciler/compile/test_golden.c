/* Everything that the shop compiles to, held against tests/reconciler/data/shop.json. A wanted
 * change of the compiler's output is taken over with UPDATE_GOLDEN=1. */
#include "config/base/json.h"
#include "config/base/text.h"
#include "tests/reconciler/compile/fixture.h"
#include "tests/reconciler/data.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_object(json_t *out, const struct desired_object *object)
{
    struct text key;
    text_init(&key, 512);
    object_key_text(&object->key, &key);
    cr_assert_null(json_object_get(out, text_get(&key)), "%s twice", text_get(&key));
    json_object_set_new(out, text_get(&key), json_deep_copy(object->body));
    text_fini(&key);
}

static void add_list(json_t *out, struct desired_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        json_t *body = list->items[i].body;
        if (list->items[i].key.kind == KIND_CLUSTER_COMPONENT_TYPE)
            continue; /* those are files of their own */
        struct text key;
        text_init(&key, 512);
        object_key_text(&list->items[i].key, &key);
        json_object_set_new(out, text_get(&key), json_deep_copy(body));
        text_fini(&key);
    }
    desired_list_fini(list);
}

static void add_role(json_t *out, const struct deployment *deployment, enum component_role role)
{
    const struct binding_wants wants = {
        .active = true,
        .weight_a = 90,
        .weight_b = 10,
        .list_a = true,
        .list_b = true,
        .active_slot = 'a',
        .scale_a = true,
        .replicas = -1,
    };
    struct desired_object object;
    if (strcmp(deployment->target->name, "development") == 0) {
        cr_assert_eq(deployment_component(deployment, role, &object), 0);
        add_object(out, &object);
        desired_object_fini(&object);
        cr_assert_eq(deployment_workload(deployment, role, &object), 0);
        add_object(out, &object);
        desired_object_fini(&object);
    }
    cr_assert_eq(deployment_binding(deployment, role, &wants, &object), 0);
    add_object(out, &object);
    desired_object_fini(&object);
}

static void add_deployment(json_t *out, const struct deployment *deployment)
{
    struct desired_list references;
    cr_assert_eq(deployment_references(deployment, &references), 0);
    add_list(out, &references);
    if (!deployment->routed) {
        add_role(out, deployment, ROLE_SINGLE);
        return;
    }
    add_role(out, deployment, ROLE_ROUTE);
    add_role(out, deployment, ROLE_SLOT_A);
    add_role(out, deployment, ROLE_SLOT_B);
}

static json_t *compile_all(const struct fixture *fixture)
{
    json_t *out = json_object();
    struct error err = {0};
    struct desired_list list;
    const struct platform *platform = fixture->set->platform;
    cr_assert_eq(compile_platform(&fixture->context, &list, &err), 0, "%s", err.detail);
    add_list(out, &list);
    for (size_t c = 0; c < fixture->set->cell_count; c++) {
        const struct cell *cell = fixture->set->cells[c].cell;
        cr_assert_eq(compile_cell(&fixture->context, cell, &list, &err), 0, "%s", err.detail);
        add_list(out, &list);
        for (size_t t = 0; t < platform->target_count; t++) {
            struct desired_object object;
            cr_assert_eq(compile_project_binding(&fixture->context, cell, &platform->targets[t],
                                                 "release-1", &object, &err),
                         0);
            add_object(out, &object);
            desired_object_fini(&object);
            for (size_t k = 0; k < cell->component_count; k++) {
                struct deployment *deployment =
                    fixture_deployment(fixture, cell->name.text, cell->components[k].name.text,
                                       platform->targets[t].name);
                add_deployment(out, deployment);
                deployment_free(deployment);
            }
        }
    }
    return out;
}

static void compare(const json_t *wanted, const json_t *made)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_unconst(wanted), key, value)
        cr_expect_not_null(json_object_get(made, key), "%s is not made", key);
    json_object_foreach(json_unconst(made), key, value)
    {
        char *text = json_canonical(value);
        char *golden = json_canonical(json_object_get(wanted, key));
        cr_expect(golden != NULL && strcmp(text, golden) == 0, "%s:\n  made   %s\n  wanted %s", key,
                  text, golden == NULL ? "(nothing)" : golden);
        free(golden);
        free(text);
    }
}

Test(golden, the_shop)
{
    struct fixture fixture;
    fixture_load(fixture_files, FIXTURE_FILE_COUNT, &fixture);
    json_t *made = compile_all(&fixture);
    if (getenv("UPDATE_GOLDEN") != NULL)
        cr_assert_eq(
            json_dump_file(made, TEST_DATA_DIR "/shop.json", JSON_SORT_KEYS | JSON_INDENT(1)), 0);
    json_t *wanted = data_load("shop.json");
    compare(wanted, made);
    json_decref(wanted);
    json_decref(made);
    fixture_free(&fixture);
}

/* The same input gives the same bytes, in whatever order it comes. */
Test(golden, order_of_files_does_not_matter)
{
    struct fixture_file turned[FIXTURE_FILE_COUNT];
    for (size_t i = 0; i < FIXTURE_FILE_COUNT; i++)
        turned[i] = fixture_files[FIXTURE_FILE_COUNT - 1 - i];
    struct fixture one, other;
    fixture_load(fixture_files, FIXTURE_FILE_COUNT, &one);
    fixture_load(turned, FIXTURE_FILE_COUNT, &other);
    json_t *first = compile_all(&one), *second = compile_all(&other);
    char *a = json_canonical(first), *b = json_canonical(second);
    cr_expect_str_eq(a, b);
    free(a);
    free(b);
    json_decref(first);
    json_decref(second);
    fixture_free(&one);
    fixture_free(&other);
}

/* Nor does the order in which variables, endpoints and components are written. */
Test(golden, order_of_variables_does_not_matter)
{
    struct fixture one, other;
    fixture_load(fixture_files, FIXTURE_FILE_COUNT, &one);
    fixture_load_changed("    - {name: MODE, value: plain}\n"
                         "    - {name: LEDGER, value: \"${CHOREO_CONNECTION_ledger-rpc}\"}\n",
                         "    - {name: LEDGER, value: \"${CHOREO_CONNECTION_ledger-rpc}\"}\n"
                         "    - {name: MODE, value: plain}\n",
                         &other);
    json_t *first = compile_all(&one), *second = compile_all(&other);
    cr_expect_eq(json_equal(first, second), 1);
    json_decref(first);
    json_decref(second);
    fixture_free(&one);
    fixture_free(&other);
}
