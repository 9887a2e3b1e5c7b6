/* A revision by itself: what stands in for what cannot be read, what it makes anew, and all of that
 * without memory. */
#include "config/base/json.h"
#include "reconciler/engine/bootstrap.h"
#include "reconciler/engine/desire.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/revision_native.h"
#include "reconciler/engine/secret.h"
#include "reconciler/engine/source.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/parts.h"
#include "tests/reconciler/engine/repository.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(parts_revision, .timeout = 120);

static struct manifest_set *load_set(const char *cell, const struct manifest_set *fallback)
{
    const struct manifest_file files[] = {
        {MANIFEST_FILE_PLATFORM, "platform.yaml", platform_small, strlen(platform_small), "1"},
        {MANIFEST_FILE_CELL, "cells/shop/cell.yaml", cell, strlen(cell), "2"}};
    struct manifest_set *set = NULL;
    cr_assert_eq(manifest_load(files, 2, &manifest_limits_default, NULL, fallback, &set, NULL), 0);
    return set;
}

static int take_revision(struct engine *engine, struct manifest_set *set)
{
    static char bytes[8192];
    static struct zone_file zones[] = {{"Europe/Berlin", bytes, 0}, {"Nowhere/City", "?", 1}};
    if (zones[0].length == 0) {
        FILE *file = fopen(TEST_SOURCE_DIR "/tests/reconciler/plan/zones/Berlin", "rb");
        cr_assert_not_null(file);
        zones[0].length = fread(bytes, 1, sizeof bytes, file);
        (void)fclose(file);
    }
    struct engine_event event = {.kind = EVENT_REVISION, .now = {{1000}, {INT64_C(1795392000000)}}};
    event.as.revision.set = set;
    event.as.revision.commit = "c0ffee0000000000000000000000000000000000";
    event.as.revision.subject = "a change";
    event.as.revision.zones = zones;
    event.as.revision.zone_count = 2;
    struct effect_list effects;
    effect_list_init(&effects);
    const int status = engine_step(engine, &event, &effects);
    effect_list_fini(&effects);
    return status;
}

/* What stands in for a broken cell is used only when it is what the journal calls its last good
 * content. */
Test(parts_revision, only_the_recorded_content_stands_in_for_a_broken_cell)
{
    char *text = cell_text("shop", "registry.example/shop:1", NULL);
    struct manifest_set *good = load_set(text, NULL);
    struct manifest_set *broken = load_set("apiVersion: celld.dev/v1\nkind: [", good);
    for (int fits = 0; fits < 2; fits++) {
        struct engine *engine = parts_engine(1);
        char row[256];
        snprintf(row, sizeof row, "{\"commit\":\"c\",\"digest\":\"%s\"}",
                 fits ? manifest_set_cell(good, "shop")->cell->content_digest : "other");
        cr_expect_eq(parts_give(engine, EVENT_RESTORE, "cell/shop", row), 0);
        cr_expect_eq(take_revision(engine, broken), 0);
        cr_expect_eq(unit_find(engine, "shop")->cell != NULL, fits == 1);
        engine_free(engine);
    }
    manifest_set_unref(good);
    manifest_set_unref(broken);
    free(text);
}

Test(parts_revision, every_allocation_of_a_revision_may_fail)
{
    char *text = cell_text("shop", "registry.example/shop:1", NULL);
    struct manifest_set *sets[] = {load_set(text, NULL),
                                   load_set("apiVersion: celld.dev/v1\nkind: [", NULL)};
    struct engine *plenty = parts_engine(1);
    cr_expect_eq(take_revision(plenty, sets[0]), 0);
    engine_free(plenty);
    for (size_t i = 0; i < 2; i++) {
        uint64_t failed = 1;
        for (uint64_t spared = 0; failed > 0; spared++) {
            struct engine *engine = parts_engine(1);
            scarcity_begin(spared, false);
            const int status = take_revision(engine, sets[i]);
            failed = scarcity_end();
            cr_expect(status == 0 || (status == -ENOMEM && failed > 0), "after %u",
                      (unsigned)spared);
            engine_free(engine);
        }
        manifest_set_unref(sets[i]);
    }
    free(text);
}

/* Objects that nobody has heard of yet, each of them made while it is compiled. */
Test(parts_revision, every_allocation_of_a_platforms_first_objects_may_fail)
{
    char *text = cell_text("shop", "registry.example/shop:1", NULL);
    struct manifest_set *set = load_set(text, NULL);
    free(text);
    unsigned told = 0;
    uint64_t failed = 1;
    for (uint64_t spared = 0; failed > 0; spared++) {
        struct engine *engine = parts_engine(1);
        cr_assert_eq(take_revision(engine, set), 0);
        cr_assert_eq(engine->base->object_count, 0);
        struct effect_list effects;
        effect_list_init(&effects);
        engine->out = &effects;
        scarcity_begin(spared, false);
        desire_platform(engine);
        failed = scarcity_end();
        cr_expect(engine->status == 0 || (engine->status == -ENOMEM && failed > 0), "after %u",
                  (unsigned)spared);
        told += engine->status != 0;
        cr_expect(failed > 0 || engine->base->object_count > 2);
        effect_list_fini(&effects);
        engine_free(engine);
    }
    cr_expect_gt(told, 20);
    manifest_set_unref(set);
}

/* An engine that has compiled the platform and not yet the cell. */
static struct engine *compiled_platform(struct manifest_set *set)
{
    struct engine *engine = parts_engine(1);
    cr_assert_eq(take_revision(engine, set), 0);
    desire_platform(engine);
    cr_assert_eq(engine->status, 0);
    return engine;
}

/* Calls it in new engines until no allocation fails any more; how often it was told to fail. With
 * `whole`, the cell is compiled before. */
static unsigned run_anew(struct manifest_set *set, bool whole,
                         void (*part)(struct engine *engine, struct unit *unit))
{
    unsigned told = 0;
    uint64_t failed = 1;
    for (uint64_t spared = 0; failed > 0; spared++) {
        struct engine *engine = compiled_platform(set);
        struct unit *unit = unit_find(engine, "shop");
        if (whole)
            desire_cell(engine, unit);
        cr_assert(engine->status == 0 && unit->source_count == (whole ? 2 : 0));
        struct effect_list effects;
        effect_list_init(&effects);
        engine->out = &effects;
        scarcity_begin(spared, false);
        part(engine, unit);
        failed = scarcity_end();
        cr_assert(engine->status == 0 || (engine->status == -ENOMEM && failed > 0), "after %u",
                  (unsigned)spared);
        told += engine->status != 0;
        effect_list_fini(&effects);
        engine_free(engine);
    }
    return told;
}

static void desire_shop(struct engine *engine, struct unit *unit)
{
    desire_cell(engine, unit);
    cr_assert(engine->status != 0 || (unit->source_count == 2 && unit->track_count == 1));
}

/* Nobody has heard of the secret before. */
static void ask_for_secrets(struct engine *engine, struct unit *unit)
{
    cr_assert_eq(unit->track_count, 1);
    const struct mono_time due = secret_ask(engine, unit->tracks[0]);
    cr_assert_eq(engine->status != 0, due.ms == NEVER);
}

/* A release that stands under the name of ours and holds nothing. */
static void see_other_release(struct engine *engine, struct unit *unit)
{
    struct source *source = unit->sources[0];
    json_t *live =
        json_pack("{s:{s:s}, s:{}}", "metadata", "name", source->release->key.name, "spec");
    if (live == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    source_observed(engine, source->release, live);
    json_decref(live);
    cr_assert(!source->release->sound);
    cr_assert(engine->status != 0 || source->message != NULL);
}

/* ... nor of the data plane, which is asked for once the namespace and the types stand. */
static void bring_environments(struct engine *engine, struct unit *unit)
{
    (void)unit;
    for (size_t i = 0; i < engine->base->object_count; i++) {
        struct object *object = engine->base->objects[i];
        if (object->key.kind != KIND_NAMESPACE && object->key.kind != KIND_CLUSTER_COMPONENT_TYPE)
            continue;
        object->presence = PRESENCE_PRESENT;
        object->live = object->equal_live = 1;
        object->equal_desired = object->desired;
    }
    bootstrap_platform(engine);
    const struct object_key key = {KIND_CLUSTER_DATA_PLANE, "", "us"};
    const struct object *plane = object_find(engine, &key);
    cr_assert(engine->status != 0 || (plane != NULL && plane->missing));
}

Test(parts_revision, every_allocation_of_what_is_new_of_a_cell_may_fail)
{
    char *text = cell_text("shop", "registry.example/shop:1",
                           "      configurations:\n"
                           "        - name: database\n"
                           "          type: secret\n"
                           "          mount_type: env variable\n"
                           "          env_variables: {DB: \"${DB_PASSWORD}\"}\n");
    struct manifest_set *set = load_set(text, NULL);
    free(text);
    cr_expect_gt(run_anew(set, false, desire_shop), 100);
    cr_expect_gt(run_anew(set, true, ask_for_secrets), 0);
    cr_expect_gt(run_anew(set, true, bring_environments), 0);
    cr_expect_gt(run_anew(set, true, see_other_release), 2);
    manifest_set_unref(set);
}

Test(parts_revision, a_platform_that_was_not_compared_yet_is_said)
{
    char *text = cell_text("shop", "registry.example/shop:1", NULL);
    struct manifest_set *set = load_set(text, NULL);
    free(text);
    struct engine *engine = parts_engine(1);
    cr_assert_eq(take_revision(engine, set), 0);
    struct text why;
    text_init(&why, 1000);
    cr_expect(bootstrap_explain_platform(engine, &why));
    cr_expect_str_eq(text_get(&why), "the platform's objects were not compared yet");
    text_fini(&why);
    engine_free(engine);
    manifest_set_unref(set);
}

Test(parts_revision, native_manifests_differ_by_what_they_say)
{
    json_t *small = json_pack("{s:s}", "size", "small"),
           *large = json_pack("{s:s}", "size", "large");
    const struct native_resource base[] = {
        {.kind = "SecretReference", .name = "key", .namespace_name = "acme", .body = small},
        {.kind = "Trait", .name = "quiet", .namespace_name = "acme", .body = small, .cell = "shop"},
        {.kind = "Trait", .name = "quiet", .body = small, .cell = "billing"}};
    const struct {
        const char *what;
        size_t at;
        struct native_resource changed;
        bool secrets, shop; /* that they differ */
    } rows[] = {
        {"nothing", 1, base[1], false, false},
        {"a secret",
         0,
         {.kind = "SecretReference", .name = "key", .namespace_name = "acme", .body = large},
         true,
         false},
        {"a secret's name",
         0,
         {.kind = "SecretReference", .name = "lock", .namespace_name = "acme", .body = small},
         true,
         false},
        {"no secret", 0, {.kind = "Trait", .name = "key", .body = small}, true, false},
        {"the cell's",
         1,
         {.kind = "Trait",
          .name = "quiet",
          .namespace_name = "acme",
          .body = large,
          .cell = "shop"},
         false,
         true},
        {"its kind",
         1,
         {.kind = "Workflow",
          .name = "quiet",
          .namespace_name = "acme",
          .body = small,
          .cell = "shop"},
         false,
         true},
        {"its place",
         1,
         {.kind = "Trait", .name = "quiet", .body = small, .cell = "shop"},
         false,
         true},
        {"its cell",
         1,
         {.kind = "Trait",
          .name = "quiet",
          .namespace_name = "acme",
          .body = small,
          .cell = "billing"},
         false,
         true},
        {"another cell's",
         2,
         {.kind = "Trait",
          .name = "quiet",
          .namespace_name = "far",
          .body = large,
          .cell = "billing"},
         false,
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct native_resource changed[3] = {base[0], base[1], base[2]};
        changed[rows[i].at] = rows[i].changed;
        const struct manifest_set before = {.natives = base, .native_count = 3};
        const struct manifest_set after = {.natives = changed, .native_count = 3};
        cr_expect_eq(revision_native_changed(&before, &after, NULL), rows[i].secrets, "%s",
                     rows[i].what);
        cr_expect_eq(revision_native_changed(&after, &before, "shop"), rows[i].shop, "%s",
                     rows[i].what);
    }
    json_decref(small);
    json_decref(large);
}
