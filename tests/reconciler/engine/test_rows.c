/* Journal rows that this version did not write, or that lost something: they are read as far as
 * they can be, and what they say is never more than what the control plane says. */
#include "config/base/json.h"
#include "reconciler/compile/compile.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/parts.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rows, .timeout = 600);

static void give(struct engine *engine, enum engine_event_kind kind, const char *key,
                 const json_t *value)
{
    struct engine_event event = {.kind = kind, .now = {{1000}, {INT64_C(1795392000000)}}};
    if (kind == EVENT_RESTORE) {
        event.as.restore.key = key;
        event.as.restore.value = value;
    }
    struct effect_list effects;
    effect_list_init(&effects);
    cr_assert_eq(engine_step(engine, &event, &effects), 0);
    effect_list_fini(&effects);
}

static const char *const keys[] = {
    "",
    "/",
    "strange/a",
    "engine",
    "engine/more",
    "revision",
    "revision/current",
    "applied",
    "prune",
    "prune/x",
    "suspend",
    "suspend/*",
    "suspend/shop",
    "suspend/shop/x",
    "cell",
    "cell/shop",
    "cell/shop/x",
    "inventory/Project/acme/acme-shop",
    "inventory/Project/acme",
    "inventory/Nonsense/acme/x",
    "inventory/Project/acme/a/b",
    "intent/ReleaseBinding/acme/x",
    "intent/ReleaseBinding",
    "rollout/shop/shop-api/development",
    "rollout/shop/shop-api",
    "rollout/a/b/c/d",
    "sick/shop/shop-api/development",
    "quarantine/shop/shop-api/development/0123456789ab",
    "quarantine/shop/shop-api/development",
    "gate/shop/testing/approval",
    "gate/shop/testing",
    "build/shop/shop-api",
    "build/shop",
    "event/1",
    "event/1/2",
    "event/nonsense",
    "event/18446744073709551615",
    "train/shop",
    "a/b/c/d/e/f/g",
};

/* NOLINTBEGIN(bugprone-suspicious-missing-comma): long values on two lines */
static const char *const values[] = {
    "{}",
    "[]",
    "5",
    "\"text\"",
    "{\"state\":5,\"commit\":5,\"digest\":[],\"uid\":7,\"verb\":3,\"since\":\"x\",\"keys\":5}",
    "{\"state\":\"passed\",\"commit\":\"c\",\"seed\":\"zz\",\"cell\":\"shop\",\"route\":true,"
    "\"rewritten\":true,\"keys\":{\"a\":true},\"verb\":\"P\",\"by_operator\":true,"
    "\"image\":\"registry.example/x:1\",\"made\":9,\"attempt\":-1,\"phase\":-7}",
    "{\"cell\":\"\",\"state\":\"done\",\"keys\":{},\"verb\":\"\"}",
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

/* Every kind of key with every kind of value, and its removal, one after another and all together.
 */
Test(rows, what_nobody_wrote_is_survived)
{
    struct engine_options options = engine_options_default;
    options.instance = "test";
    struct engine *all = engine_new(&options);
    cr_assert_not_null(all);
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        for (size_t v = 0; v <= sizeof values / sizeof *values; v++) {
            json_t *value = v < sizeof values / sizeof *values
                                ? json_loads(values[v], JSON_DECODE_ANY, NULL)
                                : NULL;
            struct engine *engine = engine_new(&options);
            cr_assert_not_null(engine);
            give(engine, EVENT_RESTORE, keys[k], value);
            give(engine, EVENT_RESTORE, keys[k], value);
            give(engine, EVENT_START, NULL, NULL);
            engine_check_invariants(engine);
            json_t *status = engine_status(engine, (struct instant){{1000}, {1000}});
            cr_expect_not_null(status, "%s, %zu", keys[k], v);
            json_decref(status);
            engine_free(engine);
            give(all, EVENT_RESTORE, keys[k], value);
            json_decref(value);
        }
    }
    give(all, EVENT_START, NULL, NULL);
    engine_check_invariants(all);
    struct effect_list rows;
    effect_list_init(&rows);
    cr_expect_eq(engine_rows(all, &rows), 0);
    cr_expect_gt(rows.count, 0);
    effect_list_fini(&rows);
    engine_free(all);
}

static struct world *converged(void)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

/* A journal whose rows are made odd, each in one member: celld starts from it, and finds the world
 * again. */
static void spoil(struct world *world, unsigned seed)
{
    static const char *const odd[] = {NULL, "null", "-3", "\"?\"", "{\"?\":[]}"};
    for (size_t r = 0; r < world->row_count; r++) {
        json_t *value = world->rows[r].value;
        const size_t members = json_object_size(value);
        if (members == 0)
            continue;
        void *at = json_object_iter(value);
        for (size_t skip = (seed / 5 + r) % members; skip > 0; skip--)
            at = json_object_iter_next(value, at);
        char name[64];
        snprintf(name, sizeof name, "%s", json_object_iter_key(at));
        const char *text = odd[(seed + r) % 5];
        if (text == NULL)
            json_object_del(value, name);
        else
            json_object_set_new(value, name, json_loads(text, JSON_DECODE_ANY, NULL));
    }
}

Test(rows, what_is_lost_is_found_again)
{
    for (unsigned seed = 0; seed < 30; seed++) {
        struct world *world = converged();
        spoil(world, seed);
        world_kill(world);
        world_run(world, MINUTES(1));
        expect_no_dangers(world);
        cr_expect_neq(engine_condition(world->engine), CONDITION_STARTING, "seed %u", seed);
        world_free(world);
    }
}

Test(rows, every_allocation_of_all_rows_may_fail)
{
    struct world *world = converged();
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"), &ok);
    int status = -ENOMEM;
    for (uint64_t spared = 0; status != 0; spared++) {
        struct effect_list rows;
        effect_list_init(&rows);
        scarcity_begin(spared, spared % 2 == 0);
        status = engine_rows(world->engine, &rows);
        const uint64_t failed = scarcity_end();
        cr_expect_eq(status, failed > 0 ? -ENOMEM : 0, "after %u", (unsigned)spared);
        effect_list_fini(&rows);
    }
    world_free(world);
}

Test(rows, every_allocation_of_a_new_engine_may_fail)
{
    static const struct compile_credential credentials[] = {{.name = "key", .digest = "0"}};
    struct engine_options options = engine_options_default;
    options.instance = "test";
    options.repository_url = "https://git.example/acme";
    options.branch = "main";
    options.name_key = "key";
    options.name_key_length = 3;
    options.credentials = credentials;
    options.credential_count = 1;
    struct engine *engine = NULL;
    for (uint64_t spared = 0; engine == NULL; spared++) {
        scarcity_begin(spared, false);
        engine = engine_new(&options);
        const uint64_t failed = scarcity_end();
        cr_expect_eq(engine == NULL, failed > 0, "after %u", (unsigned)spared);
    }
    engine_free(engine);
}

static char *rows_of(const struct engine *engine)
{
    struct effect_list rows;
    cr_assert_eq(engine_rows(engine, &rows), 0);
    json_t *all = json_object();
    for (size_t i = 0; i < rows.count; i++)
        json_object_set(all, rows.items[i].as.persist.key, rows.items[i].as.persist.value);
    effect_list_fini(&rows);
    char *text = json_canonical(all);
    json_decref(all);
    return text;
}

/* Rows that no celld writes: what each leaves in the state; NULL = nothing at all. */
static const struct {
    const char *key, *value, *kept;
} strange[] = {
    {"cell/", "{\"commit\":\"c\"}", NULL},
    {"suspend/", "{\"suspended\":true}", NULL},
    {"rollout//api/testing", "{}", NULL},
    {"judge//api/testing", "{}", NULL},
    {"judge/shop/api", "{}", NULL},
    {"recall/shop/api", "{}", NULL},
    {"sick//api/testing", "{}", NULL},
    {"sick/shop/api", "{}", NULL},
    {"sick/shop/api/testing", "{\"since\":5}", "{\"sick/shop/api/testing\":{\"since\":5}}"},
    {"commit/shop", "{}", NULL},
    {"quarantine/shop/api/testing", "{}", NULL},
    {"cell/a-name-that-is-longer-than-any-name-of-a-cell-can-be-in-a-repository", "{}", NULL},
    {"inventory/Project/acme/x",
     "{\"cell\":\"a-name-that-is-longer-than-any-name-of-a-cell-can-be-"
     "in-a-repository\",\"uid\":\"u\"}",
     NULL},
    {"intent/Project/acme/x",
     "{\"verb\":\"P\",\"cell\":\"a-name-that-is-longer-than-any-name-of-a-"
     "cell-can-be-in-a-repository\"}",
     NULL},
    {"inventory/Project/acme/x", NULL, NULL},
    {"intent/Project/acme/x", NULL, NULL},
    {"prune", "{\"revision\":\"c\"}",
     "{\"prune\":{\"approved\":\"\",\"hash\":\"\",\"keys\":{},\"revision\":\"c\"}}"},
    {"applied", "{\"revision\":\"c\"}", "{\"applied\":{\"revision\":\"c\"}}"},
    {"suspend/*", "{\"suspended\":true}", "{\"suspend/*\":{\"suspended\":true}}"},
    {"suspend/shop", "{\"suspended\":true}", "{\"suspend/shop\":{\"suspended\":true}}"},
    {"commit/shop/testing", "{\"commit\":\"c\",\"state\":\"success\"}",
     "{\"commit/shop/testing\":{\"commit\":\"c\",\"state\":\"success\"}}"},
    {"intent/Project/acme/x", "{}",
     "{\"intent/Project/acme/x\":{\"cell\":\"\",\"route\":false,\"target\":\"\",\"verb\":\"?\"}}"},
    {"intent/ReleaseBinding/acme/x",
     "{\"verb\":\"P\",\"cell\":\"shop\",\"target\":\"testing\",\"route\":true}",
     "{\"intent/ReleaseBinding/acme/x\":{\"cell\":\"shop\",\"route\":true,\"target\":\"testing\","
     "\"verb\":\"P\"}}"},
};

Test(rows, rows_that_nobody_writes_leave_only_what_makes_sense)
{
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        struct engine *engine = parts_engine(1);
        cr_expect_eq(parts_give(engine, EVENT_RESTORE, strange[i].key, strange[i].value), 0);
        engine_check_invariants(engine);
        char *rows = rows_of(engine);
        cr_expect_str_eq(rows, strange[i].kept == NULL ? "{}" : strange[i].kept, "%s %s",
                         strange[i].key, strange[i].value);
        free(rows);
        /* And its removal takes it away again. */
        cr_expect_eq(parts_give(engine, EVENT_RESTORE, strange[i].key, NULL), 0);
        engine_check_invariants(engine);
        rows = rows_of(engine);
        cr_expect_str_eq(rows, "{}", "%s", strange[i].key);
        free(rows);
        engine_free(engine);
    }
}

Test(rows, a_key_longer_than_any_of_ours_is_nobodys)
{
    char key[2 * KEY_SIZE];
    memset(key, 'x', sizeof key - 1);
    memcpy(key, "cell/", 5);
    key[sizeof key - 1] = '\0';
    struct engine *engine = parts_engine(1);
    cr_expect_eq(parts_give(engine, EVENT_RESTORE, key, "{}"), 0);
    cr_expect_eq(engine->unit_count, 0);
    engine_free(engine);
}

/* Every allocation while a journal of all kinds of rows is read may fail: then the step says so. */
Test(rows, every_allocation_of_a_restored_row_may_fail)
{
    static const char *const rows[][2] = {
        {"prune", "{\"revision\":\"c\"}"},
        {"prune", "{\"revision\":\"c\",\"keys\":{\"a\":true}}"},
        {"revision/current", "{\"commit\":\"c\",\"subject\":\"s\"}"},
        {"cell/shop", "{\"commit\":\"c\",\"digest\":\"d\"}"},
        {"inventory/Project/acme/x", "{\"cell\":\"shop\",\"uid\":\"u\",\"handed\":false}"},
        {"intent/Project/acme/x", "{\"cell\":\"shop\",\"verb\":\"P\"}"},
        {"suspend/shop", "{}"},
        {"rollout/shop/api/testing", "{}"},
        {"judge/shop/api/testing", "{}"},
        {"sick/shop/api/testing", "{\"since\":5}"},
        {"commit/shop/testing", "{\"commit\":\"c\",\"state\":\"success\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *value = json_loads(rows[i][1], 0, NULL);
        int status = -ENOMEM;
        for (uint64_t spared = 0; status != 0; spared++) {
            struct engine *engine = parts_engine(1);
            struct engine_event event = {.kind = EVENT_RESTORE};
            event.as.restore.key = rows[i][0];
            event.as.restore.value = value;
            struct effect_list effects;
            effect_list_init(&effects);
            scarcity_begin(spared, false);
            status = engine_step(engine, &event, &effects);
            const uint64_t failed = scarcity_end();
            cr_expect_eq(status, failed > 0 ? -ENOMEM : 0, "%s after %u", rows[i][0],
                         (unsigned)spared);
            effect_list_fini(&effects);
            engine_free(engine);
        }
        json_decref(value);
    }
}
