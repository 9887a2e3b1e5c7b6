/* Sets of several revisions: what is shared, what stands in for what is broken, what does not
 * depend on the order. */
#include "config/base/arena.h"
#include "config/manifest/effective.h"
#include "tests/config/manifest/fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char platform[] =
    "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n  namespace: shop\n"
    "  projectPrefix: shop-\n  regions: [us, eu]\n"
    "  environments: [{name: development}, {name: production, production: true, regions: [eu, "
    "us]}]\n"
    "  phases: [{name: all, cells: [a, b]}]\n";

#define CELL(name, rest)                                                                           \
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: " name                                 \
    "}\nspec:\n  components:\n    - name: s" name                                                  \
    "\n      image: registry.example/x:1\n      endpoints: [{name: h, type: http, port: 80, "      \
    "visibility: [namespace]}]\n" rest

static void add(struct fixture *fixture, const char *a, const char *b)
{
    fixture_add(fixture, "cells/b/cell.yaml", b);
    fixture_add(fixture, "platform.yaml", platform);
    fixture_add(fixture, "cells/a/cell.yaml", a);
}

Test(load, unchanged_cells_and_platform_are_shared)
{
    struct fixture first = {0}, second = {0};
    add(&first, CELL("a", ""), CELL("b", "  dependsOn: [a]\n"));
    add(&second, CELL("a", "  description: new\n"), CELL("b", "  dependsOn: [a]\n"));
    fixture_load(&first, NULL, NULL);
    fixture_load(&second, first.set, first.set);
    cr_expect_eq(diagnostics_count(second.set->diagnostics), 0u, "%s", fixture_found(second.set));
    cr_expect_eq(manifest_set_cell(first.set, "b")->cell, manifest_set_cell(second.set, "b")->cell);
    cr_expect_neq(manifest_set_cell(first.set, "a")->cell,
                  manifest_set_cell(second.set, "a")->cell);
    cr_expect_eq(first.set->platform, second.set->platform);
    /* What is shared outlives the set that it came from. */
    fixture_free(&first);
    cr_expect_str_eq(manifest_set_cell(second.set, "b")->cell->depends_on.items[0].text, "a");
    fixture_free(&second);
}

Test(load, a_component_file_belongs_to_the_content_of_its_cell)
{
    struct fixture first = {0}, second = {0};
    add(&first, CELL("a", ""), CELL("b", ""));
    add(&second, CELL("a", ""), CELL("b", ""));
    fixture_add(&second, "cells/a/sa/.choreo/component.yaml", "schemaVersion: 1.2\n");
    fixture_load(&first, NULL, NULL);
    fixture_load(&second, first.set, NULL);
    cr_expect_neq(manifest_set_cell(first.set, "a")->cell,
                  manifest_set_cell(second.set, "a")->cell);
    cr_expect_eq(manifest_set_cell(first.set, "b")->cell, manifest_set_cell(second.set, "b")->cell);
    fixture_free(&first);
    fixture_free(&second);
}

Test(load, all_others_follow_the_cells)
{
    struct fixture first = {0}, second = {0};
    add(&first, CELL("a", "  dependsOn: [\"*\"]\n"), CELL("b", ""));
    add(&second, CELL("a", "  dependsOn: [\"*\"]\n"), CELL("b", ""));
    fixture_add(&second, "cells/c/cell.yaml", CELL("c", ""));
    fixture_load(&first, NULL, NULL);
    fixture_load(&second, first.set, NULL);
    cr_expect_eq(manifest_set_cell(first.set, "a")->cell->depends_on.count, 1u);
    const struct manifest_texts *others = &manifest_set_cell(second.set, "a")->cell->depends_on;
    cr_assert_eq(others->count, 2u);
    cr_expect_str_eq(others->items[1].text, "c");
    fixture_free(&first);
    fixture_free(&second);
}

Test(load, the_last_good_cell_stands_in_for_a_broken_one)
{
    struct fixture good = {0}, bad = {0};
    add(&good, CELL("a", ""),
        CELL("b", "  connections: [{name: x, target: shop-a, protocol: http}]\n"));
    add(&bad, CELL("a", "  suspend: perhaps\n"),
        CELL("b", "  connections: [{name: x, target: shop-a, protocol: http}]\n"
                  "  description: new\n"));
    fixture_load(&good, NULL, NULL);
    fixture_load(&bad, good.set, good.set);
    const struct manifest_cell *a = manifest_set_cell(bad.set, "a");
    const struct manifest_cell *b = manifest_set_cell(bad.set, "b");
    cr_expect(a->broken);
    cr_expect_str_eq(a->reason,
                     "cells/a/cell.yaml:9:12: \"suspend\" must be true or false, without "
                     "quotes");
    cr_expect_eq(a->cell, manifest_set_cell(good.set, "a")->cell);
    cr_expect_not(b->broken, "%s", fixture_found(bad.set));
    cr_expect_str_eq(b->cell->description.text, "new");
    fixture_free(&good);
    fixture_free(&bad);
}

Test(load, a_file_that_is_no_yaml_keeps_its_cells_name)
{
    struct fixture good = {0}, bad = {0};
    fixture_add(&good, "platform.yaml", platform);
    fixture_add(&good, "cells/some-cell/cell.yaml", CELL("a", ""));
    fixture_add(&good, "cells/b/cell.yaml", CELL("b", ""));
    fixture_add(&bad, "platform.yaml", platform);
    fixture_add(&bad, "cells/some-cell/cell.yaml", "}{");
    fixture_add(&bad, "cells/b/cell.yaml", CELL("b", ""));
    fixture_load(&good, NULL, NULL);
    fixture_load(&bad, good.set, good.set);
    cr_expect(manifest_set_cell(bad.set, "a")->broken);
    cr_expect_not(manifest_set_cell(bad.set, "b")->broken, "%s", fixture_found(bad.set));
    cr_expect_null(bad.set->platform_reason);
    fixture_free(&bad);
    /* Without an earlier set the directory names it, and the platform is not blamed. */
    bad.count = 0;
    fixture_add(&bad, "platform.yaml", platform);
    fixture_add(&bad, "cells/some-cell/cell.yaml", "}{");
    fixture_add(&bad, "cells/b/cell.yaml", CELL("b", ""));
    fixture_load(&bad, NULL, NULL);
    cr_expect(manifest_set_cell(bad.set, "some-cell")->broken);
    cr_expect_null(bad.set->platform_reason);
    cr_expect_not_null(fixture_find(&bad, "W_UNKNOWN_CELL"));
    fixture_free(&good);
    fixture_free(&bad);
}

Test(load, the_last_good_platform_stands_in_for_a_broken_one)
{
    struct fixture good = {0}, bad = {0}, none = {0};
    add(&good, CELL("a", ""), CELL("b", ""));
    fixture_load(&good, NULL, NULL);
    fixture_add(&bad, "platform.yaml", "apiVersion: celld.dev/v1\nkind: Platform\n");
    fixture_add(&bad, "cells/a/cell.yaml", CELL("a", ""));
    fixture_add(&bad, "cells/b/cell.yaml", CELL("b", ""));
    fixture_load(&bad, good.set, good.set);
    cr_expect_eq(bad.set->platform, good.set->platform);
    cr_expect_not_null(bad.set->platform_reason);
    cr_expect_not(manifest_set_cell(bad.set, "a")->broken);
    fixture_add(&none, "cells/a/cell.yaml", CELL("a", ""));
    fixture_load(&none, NULL, NULL);
    cr_expect_null(none.set->platform);
    cr_expect_not_null(fixture_find(&none, "E_NO_PLATFORM"));
    fixture_free(&good);
    fixture_free(&bad);
    fixture_free(&none);
}

static char *everything(const struct fixture *fixture)
{
    struct text text;
    text_init(&text, 1u << 20);
    cr_assert_eq(diagnostics_write(fixture->set->diagnostics, DIAGNOSTIC_JSON, &text), 0);
    for (size_t i = 0; i < fixture->set->cell_count; i++)
        text_format(&text, "%s %d %s\n", fixture->set->cells[i].name, fixture->set->cells[i].broken,
                    fixture->set->cells[i].reason == NULL ? "" : fixture->set->cells[i].reason);
    return text_take(&text);
}

Test(load, the_order_of_files_does_not_show)
{
    static const char *const a = CELL("a", "  dependsOn: [b, x]\n  suspend: 1\n");
    static const char *const b = CELL("b", "  dependsOn: [a]\n  replicas: x\n");
    struct fixture one = {0}, other = {0};
    fixture_add(&one, "cells/a/cell.yaml", a);
    fixture_add(&one, "cells/b/cell.yaml", b);
    fixture_add(&one, "platform.yaml", platform);
    fixture_add(&other, "platform.yaml", platform);
    fixture_add(&other, "cells/b/cell.yaml", b);
    fixture_add(&other, "cells/a/cell.yaml", a);
    fixture_load(&one, NULL, NULL);
    fixture_load(&other, NULL, NULL);
    char *x = everything(&one), *y = everything(&other);
    cr_expect_str_eq(x, y);
    free(x);
    free(y);
    fixture_free(&one);
    fixture_free(&other);
}

Test(load, regions_come_in_the_platforms_order)
{
    struct fixture f = {0};
    add(&f, CELL("a", ""), CELL("b", ""));
    fixture_load(&f, NULL, NULL);
    const struct platform *p = f.set->platform;
    cr_assert_eq(p->target_count, 3u);
    static const char *const names[] = {"development", "production", "production-eu"};
    for (size_t i = 0; i < 3; i++) {
        cr_expect_str_eq(p->targets[i].name, names[i]);
        cr_expect_eq(p->targets[i].index, i);
    }
    cr_expect(p->targets[1].primary && !p->targets[2].primary);
    cr_expect_str_eq(p->targets[2].region->data_plane_kind.text, "ClusterDataPlane");
    cr_expect_str_eq(p->targets[2].region->data_plane_name.text, "eu");
    cr_expect_str_eq(p->pipeline.text, "shop");
    cr_expect_eq(p->prune.percent, 10);
    cr_expect_eq(p->prune.minimum, 3);
    cr_expect_eq(platform_phase_of(p, "b"), 0);
    cr_expect_eq(platform_phase_of(p, "x"), -1);
    char project[64];
    platform_project_name(p, "a", project, sizeof(project));
    cr_expect_str_eq(project, "shop-a");
    fixture_free(&f);
}

Test(load, native_manifests_are_typed_as_yaml_1_2_does)
{
    struct fixture f = {0};
    add(&f, CELL("a", ""), CELL("b", ""));
    fixture_add(
        &f, "cells/a/extra.yaml",
        "apiVersion: openchoreo.dev/v1alpha1\nkind: Environment\n"
        "metadata: {name: sandbox, namespace: shop}\n"
        "spec: {isProduction: false, a: 012, b: \"12\", c: 0x1F, d: no, e: 1.5, f: ~, g: "
        "[1, x], h: True}\n---\n"
        "apiVersion: openchoreo.dev/v1alpha1\nkind: ClusterWorkflow\nmetadata: {name: w}\n");
    fixture_add(&f, "native/foreign.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n");
    fixture_load(&f, NULL, NULL);
    cr_assert_eq(f.set->native_count, 2u, "%s", fixture_found(f.set));
    const struct native_resource *w = &f.set->natives[0], *e = &f.set->natives[1];
    cr_expect_str_eq(w->kind, "ClusterWorkflow");
    cr_expect_null(w->namespace_name);
    cr_expect_str_eq(e->kind, "Environment");
    cr_expect_str_eq(e->name, "sandbox");
    cr_expect_str_eq(e->namespace_name, "shop");
    cr_expect_str_eq(e->cell, "a");
    cr_expect_eq(e->at.line, 1u);
    char *spec = json_dumps(json_object_get(e->body, "spec"), JSON_SORT_KEYS | JSON_COMPACT);
    cr_expect_str_eq(spec, "{\"a\":12,\"b\":\"12\",\"c\":31,\"d\":\"no\",\"e\":1.5,\"f\":null,"
                           "\"g\":[1,\"x\"],\"h\":true,\"isProduction\":false}");
    free(spec);
    const struct diagnostic *foreign = fixture_find(&f, "E_API_VERSION");
    cr_assert_not_null(foreign);
    cr_expect_str_eq(foreign->at.path, "native/foreign.yaml");
    cr_expect_eq(foreign->at.column, 13u);
    fixture_free(&f);
}

/* --- layers ----------------------------------------------------------------------------------- */

static const struct effective *on(const struct fixture *f, const char *target, struct arena *arena)
{
    struct effective *result = NULL;
    const struct cell *cell = manifest_set_cell(f->set, "a")->cell;
    cr_assert_not_null(cell, "%s", fixture_found(f->set));
    cr_assert_eq(
        effective_component(f->set, f->set->platform, cell, &cell->components[0],
                            target == NULL ? NULL : platform_target(f->set->platform, target),
                            arena, &result),
        0);
    return result;
}

Test(load, the_nearer_layer_wins)
{
    struct fixture f = {0};
    struct arena *arena = arena_new((size_t)1024 * 1024);
    add(&f,
        CELL("a", "      env: [{name: B, value: component}, {name: A, value: component}]\n"
                  "      scaling: {max: 9, memory: 70}\n"
                  "  env: [{name: A, value: cell}, {name: Z, value: cell}]\n"
                  "  rollout: {strategy: canary, preset: cautious}\n"
                  "  resources: {limits: {cpu: \"2\"}}\n"
                  "  environments:\n    production:\n      env: [{name: A, value: production}]\n"
                  "      resources: {limits: {memory: 1Gi}}\n"
                  "      components: {sa: {scaling: {min: 3}}}\n"
                  "    development: {rollout: {strategy: rolling}, replicas: 4}\n"
                  "  targets: {production@eu: {env: [{name: A, value: eu}], rollout: {steps: "
                  "[{weight: 10, soak: 1m}]}}}\n"),
        CELL("b", ""));
    fixture_load(&f, NULL, NULL);
    const struct effective *common = on(&f, NULL, arena), *dev = on(&f, "development", arena);
    const struct effective *us = on(&f, "production", arena), *eu = on(&f, "production-eu", arena);
    cr_assert_eq(common->env_count, 3u);
    cr_expect_str_eq(common->env[0].value.text, "component");
    cr_expect_str_eq(common->env[2].value.text, "cell");
    cr_expect_str_eq(us->env[0].value.text, "production");
    cr_expect_str_eq(eu->env[0].value.text, "eu");
    cr_expect_str_eq(us->resources.limits.cpu.text, "2");
    cr_expect_str_eq(us->resources.limits.memory.text, "1Gi");
    cr_expect_str_eq(dev->resources.limits.memory.text, "256Mi");
    cr_expect_eq(dev->rollout.strategy, STRATEGY_ROLLING);
    cr_expect_eq(dev->rollout.step_count, 0u);
    cr_expect_eq(us->rollout.step_count, 4u);
    cr_expect_eq(us->rollout.steps[0].soak.value.ms, 600000);
    cr_expect_eq(us->rollout.bake.value.ms, 900000);
    cr_expect_eq(eu->rollout.step_count, 1u);
    cr_expect_eq(eu->rollout.bake.value.ms, 300000, "no preset: production's default");
    cr_expect_eq(us->rollout.progress_deadline.value.ms, 600000);
    cr_expect_eq(us->rollout.rollback_scope, ROLLBACK_COMPONENT);
    cr_expect(us->scaling.set && us->scaling.min.value == 3 && us->scaling.max.value == 9);
    cr_expect_eq(us->scaling.cpu.value, 0, "by memory alone");
    cr_expect(!dev->scaling.set && dev->replicas == 4, "a nearer fixed number ends scaling");
    cr_expect_eq(common->replicas, 1);
    arena_free(arena);
    fixture_free(&f);
}
