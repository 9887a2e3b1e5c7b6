/* The annotated files show every field of the tables, and the tables are sound. */
#include "config/base/arena.h"
#include "config/manifest/publish.h"
#include "config/manifest/shapes.h"
#include "config/yaml/reader.h"
#include "tests/config/manifest/fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct yaml_limits limits = {262144, 10000, 32, 64, 65536, 253};

struct seen {
    struct publish_shapes shapes;
    bool fields[PUBLISH_SHAPE_LIMIT][64];
};

static size_t index_of(const struct seen *seen, const struct shape *shape)
{
    size_t i = 0;
    while (i < seen->shapes.count && seen->shapes.items[i] != shape)
        i++;
    cr_assert_lt(i, seen->shapes.count);
    return i;
}

static void walk(struct seen *seen, const struct shape *shape, const struct yaml_node *node);

static void walk_value(struct seen *seen, const struct field *field, const struct yaml_node *value)
{
    if (field->shape == NULL)
        return;
    const struct yaml_node *entry = value->first;
    if (value->kind == YAML_KIND_MAPPING && field->kind == FIELD_TABLE) {
        for (; entry != NULL; entry = entry->next->next)
            walk(seen, field->shape, entry->next);
    } else if (value->kind == YAML_KIND_MAPPING) {
        walk(seen, field->shape, value);
    } else if (value->kind == YAML_KIND_SEQUENCE) {
        for (; entry != NULL; entry = entry->next)
            walk(seen, field->shape, entry);
    }
}

static void walk(struct seen *seen, const struct shape *shape, const struct yaml_node *node)
{
    const size_t index = index_of(seen, shape);
    if (node->kind == YAML_KIND_SCALAR) {
        if (shape->shorthand > 0)
            seen->fields[index][shape->shorthand - 1] = true;
        return;
    }
    for (const struct yaml_node *key = node->first; key != NULL; key = key->next->next) {
        const int at = shape_find(shape, key->text, key->length, 0);
        if (at < 0)
            continue;
        size_t base = 0;
        seen->fields[index][at] = true;
        walk_value(seen, shape_field(shape, (size_t)at, &base), key->next);
    }
}

static void expect_all_fields(const char *path, const struct shape *shape)
{
    struct seen seen = {0};
    size_t length = 0;
    char *text = fixture_read(path, &length);
    struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
    struct diagnostics *found = diagnostics_new(10);
    const struct yaml_source source = {path, text, length};
    const struct yaml_node *root = NULL;
    cr_assert_eq(yaml_read(&source, &limits, arena, arena, found, &root), 0);
    publish_collect(shape, &seen.shapes);
    walk(&seen, shape, root);
    /* A component's own keys show those that a layer has everywhere. */
    for (size_t i = 0; i < seen.shapes.count; i++) {
        const struct shape *part = seen.shapes.items[i];
        if (part->parts[0].shape != NULL && part != &component_shape && part->field_count < 10)
            continue;
        for (size_t j = 0; j < part->field_count; j++)
            cr_expect(seen.fields[i][j], "%s does not show \"%s\" of %s", path,
                      part->fields[j].name, part->name);
    }
    const size_t component = shape == &cell_shape ? index_of(&seen, &component_shape) : 0;
    for (size_t j = 0; shape == &cell_shape && j < shape_field_count(&component_shape); j++) {
        size_t base = 0;
        const char *name = shape_field(&component_shape, j, &base)->name;
        const size_t top = index_of(&seen, seen.shapes.items[2]);
        const int at = shape_find(seen.shapes.items[2], name, strlen(name), 0);
        cr_expect(seen.fields[component][j] || (at >= 0 && seen.fields[top][at]),
                  "%s does not show \"%s\" of a component", path, name);
    }
    diagnostics_free(found);
    arena_free(arena);
    free(text);
}

Test(schema, annotated_files_show_every_field)
{
    expect_all_fields("config/schema/platform.yaml", &platform_shape);
    expect_all_fields("config/schema/cell.yaml", &cell_shape);
}

Test(schema, annotated_files_are_sound)
{
    struct fixture fixture = {0};
    size_t length = 0;
    char *platform = fixture_read("config/schema/platform.yaml", &length);
    char *cell = fixture_read("config/schema/cell.yaml", &length);
    fixture_add(&fixture, "platform.yaml", platform);
    fixture_add(&fixture, "cells/order-cell/cell.yaml", cell);
    fixture_add(&fixture, "cells/cart-cell/cell.yaml",
                "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: cart}\nspec:\n"
                "  components:\n    - name: cartservice\n      image: registry.example/cart:1\n"
                "      endpoints:\n"
                "        - {name: cart, type: grpc, port: 7070, visibility: [namespace]}\n"
                "        - {name: cart-http, type: http, port: 7071, basePath: /api/v1/cart, "
                "visibility: [namespace]}\n");
    fixture_load(&fixture, NULL, NULL);
    cr_expect_eq(diagnostics_count(fixture.set->diagnostics), 0u, "%s", fixture_found(fixture.set));
    fixture_free(&fixture);
    free(platform);
    free(cell);
}

Test(schema, the_example_is_sound)
{
    static const char *const cells[] = {"cart",  "frontend", "fulfillment", "marketing",
                                        "order", "payment",  "platform",    "product"};
    static char paths[8][128];
    struct fixture fixture = {0};
    char *texts[11];
    size_t length = 0;
    texts[8] = fixture_read("config/example/monorepo/platform.yaml", &length);
    fixture_add(&fixture, "platform.yaml", texts[8]);
    for (size_t i = 0; i < 8; i++) {
        char path[160];
        (void)snprintf(paths[i], sizeof(paths[i]), "cells/%s-cell/cell.yaml", cells[i]);
        (void)snprintf(path, sizeof(path), "config/example/monorepo/%s", paths[i]);
        texts[i] = fixture_read(path, &length);
        fixture_add(&fixture, paths[i], texts[i]);
    }
    static const char *const component_files[] = {
        "cells/platform-cell/currencyservice/.choreo/component.yaml",
        "cells/product-cell/productcatalogservice/.choreo/component.yaml"};
    for (size_t i = 0; i < 2; i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "config/example/monorepo/%s", component_files[i]);
        texts[9 + i] = fixture_read(path, &length);
        fixture_add(&fixture, component_files[i], texts[9 + i]);
    }
    fixture_load(&fixture, NULL, NULL);
    cr_expect_eq(diagnostics_error_count(fixture.set->diagnostics), 0u, "%s",
                 fixture_found(fixture.set));
    fixture_free(&fixture);
    for (size_t i = 0; i < 11; i++)
        free(texts[i]);
}

Test(schema, tables_are_sound)
{
    static const struct shape *const roots[] = {&platform_shape, &cell_shape,
                                                &component_file_shape};
    for (size_t r = 0; r < 3; r++) {
        struct publish_shapes shapes;
        publish_collect(roots[r], &shapes);
        for (size_t i = 0; i < shapes.count; i++) {
            const struct shape *shape = shapes.items[i];
            cr_expect_not_null(shape->doc);
            for (size_t j = 0; j < i; j++)
                cr_expect_str_neq(shape->name, shapes.items[j]->name);
            for (size_t j = 0; j < shape_field_count(shape); j++) {
                size_t base = 0;
                const struct field *field = shape_field(shape, j, &base);
                cr_expect(field->doc != NULL && field->doc[0] != '\0', "%s", field->name);
                cr_expect(field->kind != FIELD_OTHER || field->read != NULL, "%s", field->name);
                cr_expect_lt(base + field->offset, shape->size, "%s of %s", field->name,
                             shape->name);
                cr_expect_eq(shape_find(shape, field->name, strlen(field->name), 0), (int)j,
                             "%s stands once in %s", field->name, shape->name);
            }
        }
        json_t *schema = publish_json_schema(roots[r]);
        cr_expect(json_is_object(json_object_get(schema, "$defs")));
        json_decref(schema);
    }
}

Test(schema, nearest_names)
{
    static const char *const names[] = {"cart", "frontend", "order"};
    cr_expect_str_eq(schema_nearest(names, 3, "crat"), "cart");
    cr_expect_str_eq(schema_nearest(names, 3, "Frontent"), "frontend");
    cr_expect_null(schema_nearest(names, 3, "shipping"));
}
