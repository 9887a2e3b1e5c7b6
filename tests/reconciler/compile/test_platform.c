#include "config/base/json.h"
#include "tests/reconciler/compile/fixture.h"

#include <criterion/criterion.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *promotion_paths(const char *environments)
{
    struct fixture fixture;
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: acme}\nspec:\n"
                   "  namespace: acme\n  projectPrefix: acme-\n  regions:\n"
                   "    - {name: us, dataPlane: {kind: ClusterDataPlane, name: us}}\n"
                   "    - {name: eu, dataPlane: {kind: ClusterDataPlane, name: eu}}\n"
                   "  environments:\n%s  phases:\n    - {name: all, cells: [one]}\n",
                   environments);
    const struct fixture_file files[] = {
        {MANIFEST_FILE_PLATFORM, "platform.yaml", text},
        {MANIFEST_FILE_CELL, "cells/one/cell.yaml",
         "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: one}\nspec:\n  components:\n"
         "    - {name: w, type: worker, image: registry.example/w:1}\n"},
    };
    fixture_load(files, sizeof files / sizeof files[0], &fixture);
    struct desired_list list;
    cr_assert_eq(compile_platform(&fixture.context, &list, NULL), 0);
    struct text out;
    text_init(&out, 4096);
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].key.kind != KIND_DEPLOYMENT_PIPELINE)
            continue;
        const json_t *paths = json_at(list.items[i].body, "spec", "promotionPaths", NULL);
        for (size_t k = 0; k < json_array_size(paths); k++) {
            const json_t *path = json_array_get(paths, k);
            const json_t *targets = json_object_get(path, "targetEnvironmentRefs");
            text_format(&out, "%s%s:", k == 0 ? "" : " ",
                        json_text_or(json_at(path, "sourceEnvironmentRef", "name", NULL), "?"));
            for (size_t t = 0; t < json_array_size(targets); t++)
                text_format(&out, "%s%s", t == 0 ? "" : ",",
                            json_text_or(json_object_get(json_array_get(targets, t), "name"), "?"));
        }
    }
    desired_list_fini(&list);
    fixture_free(&fixture);
    return out.bytes == NULL ? strdup("") : text_take(&out);
}

/* One root only: a source that is nobody's target. Every other environment is somebody's target. */
Test(platform, promotion_paths)
{
    static const char *const rows[][2] = {
        {"    - {name: production}\n", ""},
        {"    - {name: production, regions: [us, eu]}\n", "production:production-eu"},
        {"    - {name: a}\n    - {name: production}\n", "a:production"},
        {"    - {name: a, regions: [us, eu]}\n    - {name: production, regions: [us, eu]}\n",
         "a:a-eu,production,production-eu"},
        {"    - {name: a}\n    - {name: b, regions: [us, eu]}\n    - {name: production}\n",
         "a:b,b-eu b:production"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *paths = promotion_paths(rows[i][0]);
        cr_expect_str_eq(paths, rows[i][1], "%s: %s", rows[i][0], paths);
        free(paths);
    }
}

Test(platform, objects_in_the_order_of_writing)
{
    struct fixture fixture;
    fixture_load(fixture_files, FIXTURE_FILE_COUNT, &fixture);
    struct desired_list list;
    cr_assert_eq(compile_platform(&fixture.context, &list, NULL), 0);
    struct text out;
    text_init(&out, 4096);
    for (size_t i = 0; i < list.count; i++) {
        object_key_text(&list.items[i].key, &out);
        text_add_char(&out, '\n');
    }
    cr_expect_str_eq(text_get(&out), "Namespace acme\n"
                                     "ClusterComponentType cell-build\n"
                                     "ClusterComponentType cell-route\n"
                                     "ClusterComponentType cell-slot\n"
                                     "ClusterComponentType cell-task\n"
                                     "ClusterComponentType cell-worker\n"
                                     "Environment development\n"
                                     "Environment testing\n"
                                     "Environment production\n"
                                     "Environment production-eu\n"
                                     "DeploymentPipeline acme\n"
                                     "SecretReference db-credentials\n");
    text_fini(&out);
    desired_list_fini(&list);
    fixture_free(&fixture);
}

Test(platform, access_only_where_the_server_answers)
{
    struct fixture fixture;
    fixture_load(fixture_files, FIXTURE_FILE_COUNT, &fixture);
    struct desired_list list;
    cr_assert_eq(compile_cell(&fixture.context, fixture_cell(&fixture, "shop"), &list, NULL), 0);
    cr_expect_eq(list.count, 3);
    desired_list_fini(&list);
    fixture.context.authorization = false;
    cr_assert_eq(compile_cell(&fixture.context, fixture_cell(&fixture, "shop"), &list, NULL), 0);
    cr_expect_eq(list.count, 1);
    cr_expect_eq(list.items[0].key.kind, KIND_PROJECT);
    desired_list_fini(&list);
    fixture_free(&fixture);
}

Test(platform, a_missing_project_release_is_left_to_the_server)
{
    struct fixture fixture;
    fixture_load(fixture_files, FIXTURE_FILE_COUNT, &fixture);
    struct desired_object object;
    cr_assert_eq(compile_project_binding(&fixture.context, fixture_cell(&fixture, "shop"),
                                         platform_target(fixture.set->platform, "testing"), NULL,
                                         &object, NULL),
                 0);
    cr_expect_str_eq(object.key.name, "acme-shop-testing");
    cr_expect_null(json_at(object.body, "spec", "projectRelease", NULL));
    desired_object_fini(&object);
    fixture_free(&fixture);
}

/* --- the example ---------------------------------------------------------------------------- */

#define EXAMPLE TEST_SOURCE_DIR "/config/example/monorepo/"
#define EXAMPLE_FILES 64

static struct manifest_file example[EXAMPLE_FILES];
static size_t example_count;

static int take_file(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    const char *below = path + strlen(EXAMPLE);
    const char *name = path + walk->base;
    enum manifest_file_kind kind = MANIFEST_FILE_PLATFORM;
    if (type != FTW_F)
        return 0;
    if (strcmp(below, "platform.yaml") == 0)
        kind = MANIFEST_FILE_PLATFORM;
    else if (strcmp(name, "cell.yaml") == 0)
        kind = MANIFEST_FILE_CELL;
    else if (strcmp(name, "component.yaml") == 0)
        kind = MANIFEST_FILE_COMPONENT;
    else if (strncmp(below, "platform/", 9) == 0 && strstr(name, ".yaml") != NULL)
        kind = MANIFEST_FILE_NATIVE;
    else
        return 0;
    cr_assert_lt(example_count, EXAMPLE_FILES);
    const size_t length = (size_t)info->st_size;
    char *bytes = malloc(length + 1);
    FILE *file = fopen(path, "rb");
    cr_assert(file != NULL && bytes != NULL, "%s", path);
    cr_assert_eq(fread(bytes, 1, length, file), length);
    (void)fclose(file);
    example[example_count++] = (struct manifest_file){kind, strdup(below), bytes, length,
                                                      "0123456789abcdef0123456789abcdef01234567"};
    return 0;
}

static void free_example(void)
{
    for (size_t i = 0; i < example_count; i++) {
        char *bytes = NULL, *path = NULL;
        memcpy(&bytes, &example[i].bytes, sizeof bytes);
        memcpy(&path, &example[i].path, sizeof path);
        free(bytes);
        free(path);
    }
}

/* Every component of the shipped example compiles on every target, with names that the server can
 * make labels of. */
Test(platform, the_example_compiles)
{
    struct fixture fixture = {0};
    struct error err = {0};
    cr_assert_eq(nftw(EXAMPLE, take_file, 8, FTW_PHYS), 0);
    cr_assert_eq(manifest_load(example, example_count, &manifest_limits_default, NULL, NULL,
                               &fixture.set, &err),
                 0, "%s", err.detail);
    cr_assert_not_null(fixture.set->platform, "%s", fixture.set->platform_reason);
    fixture.context =
        (struct compile_context){.set = fixture.set, .platform = fixture.set->platform};
    size_t made = 0;
    for (size_t c = 0; c < fixture.set->cell_count; c++) {
        const struct manifest_cell *holder = &fixture.set->cells[c];
        cr_assert_not(holder->broken, "%s", holder->reason);
        for (size_t k = 0; k < holder->cell->component_count; k++)
            for (size_t t = 0; t < fixture.set->platform->target_count; t++) {
                const struct target *target = &fixture.set->platform->targets[t];
                struct deployment *deployment = NULL;
                cr_assert_eq(deployment_new(&fixture.context, holder->cell,
                                            &holder->cell->components[k], target,
                                            "registry.example/built:1", &deployment, &err),
                             0, "%s", err.detail);
                cr_expect_leq(strlen(deployment_component_name(deployment, ROLE_SLOT_A)) + 1 +
                                  strlen(target->name),
                              63);
                made++;
                deployment_free(deployment);
            }
    }
    cr_expect_geq(made, 32);
    manifest_set_unref(fixture.set);
    free_example();
}
