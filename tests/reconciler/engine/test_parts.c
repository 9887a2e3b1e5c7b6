/* Small parts of the engine by themselves: the queue of requests, backoff, what counts as equal and
 * as drift, quarantine by its filters, and rows that came back without what they should hold. */
#include "config/base/json.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/prune.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/parts.h"
#include "tests/reconciler/engine/repository.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(parts, .timeout = 600);

Test(parts, an_engine_without_memory_is_none)
{
    static const struct compile_credential credential = {"key", "1"};
    struct engine_options options = engine_options_default;
    options.credentials = &credential;
    options.credential_count = 1;
    struct engine *engine = NULL;
    for (uint64_t spared = 0; engine == NULL; spared++) {
        scarcity_begin(spared, false);
        engine = engine_new(&options);
        const uint64_t failed = scarcity_end();
        cr_assert_eq(engine == NULL, failed > 0, "after %u", (unsigned)spared);
    }
    engine_free(engine);
}

/* --- requests -----------------------------------------------------------------------------------
 */

static uint64_t add(struct engine *engine, const char *path, bool urgent)
{
    const struct request_order order = {
        .purpose = REQUEST_OBJECT, .method = "GET", .path = path, .urgent = urgent};
    return request_add(engine, &order);
}

/* What the pump sends, as one text of paths and of "-<id>" for what is cancelled. */
static void expect_sent(struct engine *engine, const struct effect_list *effects,
                        const char *expected)
{
    char text[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        used +=
            (size_t)(effect->kind == EFFECT_CANCEL ? snprintf(text + used, sizeof text - used,
                                                              "-%u", (unsigned)effect->as.cancel.id)
                                                   : snprintf(text + used, sizeof text - used, "%s",
                                                              effect->as.request.path));
    }
    cr_expect_str_eq(text, expected);
    cr_expect_eq(engine->status, 0);
}

static void pump(struct engine *engine, const char *expected)
{
    struct effect_list effects;
    effect_list_init(&effects);
    engine->out = &effects;
    request_pump(engine);
    expect_sent(engine, &effects, expected);
    effect_list_fini(&effects);
}

static void cancel(struct engine *engine, uint64_t id, const char *expected)
{
    struct effect_list effects;
    effect_list_init(&effects);
    engine->out = &effects;
    request_cancel(engine, id);
    expect_sent(engine, &effects, expected);
    effect_list_fini(&effects);
}

Test(parts, urgent_requests_go_first_and_only_so_many_at_once)
{
    struct engine *engine = parts_engine(2);
    add(engine, "/a", false);
    add(engine, "/b", false);
    const uint64_t first = add(engine, "/c", true);
    pump(engine, "/c/a");
    pump(engine, "");
    struct request *taken = request_take(engine, first);
    cr_assert_not_null(taken);
    request_free(taken);
    cr_expect_null(request_take(engine, first));
    pump(engine, "/b");
    engine_free(engine);
}

/* Waiting ones are only forgotten, at either end of either queue; the control plane hears of what
 * was sent. What comes after them is sent all the same. */
Test(parts, a_request_may_be_cancelled_wherever_it_is)
{
    struct engine *engine = parts_engine(1);
    const uint64_t sent = add(engine, "/sent", false);
    pump(engine, "/sent");
    const uint64_t a = add(engine, "/a", false), b = add(engine, "/b", false);
    const uint64_t c = add(engine, "/c", true), d = add(engine, "/d", true);
    cr_expect_eq(engine->queued, 4);
    cancel(engine, 0, "");
    cancel(engine, 4711, "");
    cancel(engine, b, "");
    cancel(engine, c, "");
    cancel(engine, d, "");
    cr_expect_eq(engine->queued, 1);
    add(engine, "/e", true);
    add(engine, "/f", false);
    cancel(engine, sent, "-1");
    cr_expect_eq(engine->in_flight, 0);
    engine->options.parallel_requests = 8;
    pump(engine, "/e/a/f");
    cancel(engine, a, "-2");
    cancel(engine, a, "");
    engine_free(engine);
}

Test(parts, a_request_may_be_given_to_another_owner_wherever_it_is)
{
    struct engine *engine = parts_engine(1);
    const uint64_t sent = add(engine, "/sent", false);
    pump(engine, "/sent");
    const uint64_t waiting = add(engine, "/waiting", false), urgent = add(engine, "/urgent", true);
    int owners[3];
    request_give(engine, sent, &owners[0]);
    request_give(engine, waiting, &owners[1]);
    request_give(engine, urgent, &owners[2]);
    cr_expect_eq(engine->flying->owner, &owners[0]);
    cr_expect_eq(engine->requests->owner, &owners[1]);
    cr_expect_eq(engine->urgent->owner, &owners[2]);
    engine_free(engine);
}

Test(parts, backoff_grows_to_its_limit_and_never_is_nothing)
{
    struct engine *engine = parts_engine(1);
    engine->now.mono.ms = 1000;
    for (unsigned failures = 1; failures < 40; failures++) {
        const int64_t most = failures > 7 ? 60000 : INT64_C(1000) << (failures - 1);
        const int64_t wait = request_backoff(engine, failures, NULL).ms - 1000;
        cr_expect(wait >= 1 && wait <= (most > 60000 ? 60000 : most), "%u: %lld", failures,
                  (long long)wait);
    }
    struct error err = {.retry_after_ms = -1};
    cr_expect_leq(request_backoff(engine, 1, &err).ms, 2000);
    err.retry_after_ms = 90000;
    cr_expect_eq(request_backoff(engine, 1, &err).ms, 91000);
    err.retry_after_ms = INT64_C(86400000);
    cr_expect_eq(request_backoff(engine, 1, &err).ms, 301000);
    engine->options.retry_first.ms = 0;
    cr_expect_eq(request_backoff(engine, 9, NULL).ms, 1001);
    engine_free(engine);
}

Test(parts, a_complaint_is_what_was_said)
{
    struct error err = {0};
    error_set(&err, ERROR_DENIED, ERR_HTTP, "not for you");
    cr_expect_str_eq(request_complaint(&err), "not for you");
    cr_expect_str_eq(request_complaint(NULL), "no reason was given");
}

Test(parts, a_list_of_what_would_go_names_three_and_counts_the_others)
{
    static const struct {
        const char *names[6], *list;
    } rows[] = {
        {{NULL}, ""},
        {{"Component/acme/shop-api"}, ": Component shop-api"},
        {{"Namespace"}, ": Namespace"},
        {{"Project/acme/a", "Project/acme/b", "Project/acme/c"},
         ": Project a, Project b, Project c"},
        {{"Project/acme/a", "Project/acme/b", "Project/acme/c", "Project/acme/d", "Project/acme/e"},
         ": Project a, Project b, Project c and 2 more"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *names = json_object();
        for (size_t k = 0; rows[i].names[k] != NULL; k++)
            json_object_set_new(names, rows[i].names[k], json_true());
        struct text text;
        text_init(&text, 1000);
        prune_list(names, &text);
        cr_expect_str_eq(text_get(&text), rows[i].list);
        text_fini(&text);
        json_decref(names);
    }
}

/* --- objects ------------------------------------------------------------------------------------
 */

/* One thing other than in an object that stands as wanted, and what that makes of it. */
Test(parts, what_counts_as_equal_and_as_drift)
{
    static const struct object equal = {.goal = GOAL_PRESENT,
                                        .presence = PRESENCE_PRESENT,
                                        .live = 1,
                                        .equal_live = 1,
                                        .desired = 2,
                                        .equal_desired = 2,
                                        .written = 2,
                                        .inventory = true};
    struct object object = equal;
#define EXPECT(change_, equal_, drift_)                                                            \
    object = equal;                                                                                \
    change_;                                                                                       \
    cr_expect_eq(object_is_equal(&object), equal_, #change_);                                      \
    cr_expect_eq(object_is_drift(&object), drift_, #change_)
    EXPECT((void)0, true, false);
    EXPECT(object.goal = GOAL_NONE, false, false);
    EXPECT(object.goal = GOAL_ABSENT, false, false);
    EXPECT(object.presence = PRESENCE_UNKNOWN, false, false);
    EXPECT(object.presence = PRESENCE_ABSENT, false, true);
    EXPECT(object.presence = PRESENCE_TERMINATING, false, true);
    EXPECT(object.live = 7, false, true);
    EXPECT(object.desired = 7, false, false);
    EXPECT(object.equal_desired = 7, false, true);
    EXPECT(object.intent = true, false, false);
    EXPECT(object.missing = true, false, true);
    EXPECT(object.inventory = false, true, false);
    EXPECT((object.inventory = false, object.live = 7), false, false);
#undef EXPECT
}

/* What may be let go of: what nobody holds, wants, has, began or works on. */
Test(parts, objects_are_kept_as_long_as_they_are_needed)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    struct engine *engine = parts_engine(1);
    struct object *objects[6];
    for (size_t i = 0; i < 6; i++) {
        const struct object_key key = {KIND_PROJECT, "acme", names[i]};
        objects[i] = object_get(engine, &key);
        unit_attach(engine, engine->base, objects[i]);
    }
    objects[0]->holders = 1;
    objects[1]->inventory = true;
    objects[2]->intent = true;
    objects[3]->goal = GOAL_PRESENT;
    objects[4]->missing = true;
    operation_pump(engine, objects[4]);
    object_sweep(engine);
    for (size_t i = 0; i < 6; i++) {
        const struct object_key key = {KIND_PROJECT, "acme", names[i]};
        cr_expect_eq(object_find(engine, &key), i < 5 ? objects[i] : NULL, "%s", names[i]);
    }
    object_sweep(engine);
    cr_expect_eq(engine->object_count, 5);
    engine_free(engine);
}

Test(parts, a_release_belongs_to_the_component_whose_name_stands_before_its_digest)
{
    static const struct {
        const char *name, *component;
        enum resource_kind kind;
        bool is;
    } rows[] = {
        {"shop-api-0123456789ab", "shop-api", KIND_COMPONENT_RELEASE, true},
        {"shop-api-0123456789ab", "shop", KIND_COMPONENT_RELEASE, false},
        {"shop-0123456789ab", "sho", KIND_COMPONENT_RELEASE, false},
        {"shops0123456789ab", "shop", KIND_COMPONENT_RELEASE, false},
        {"store-0123456789ab", "stove", KIND_COMPONENT_RELEASE, false},
        {"shop-api-0123456789ab", "shop-api", KIND_COMPONENT, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct object object = {.key = {rows[i].kind, "acme", rows[i].name}};
        cr_expect_eq(object_is_release_of(&object, rows[i].component), rows[i].is, "%s of %s",
                     rows[i].name, rows[i].component);
    }
}

/* --- one answer, by itself ----------------------------------------------------------------------
 */

#define OURS "\"labels\":{\"app.kubernetes.io/managed-by\":\"celld\"}"

/* How an object stands when the answer comes, and what is left of it. */
static const struct moment {
    const char *what;
    enum object_goal goal;
    bool inventory;
    char intent;      /* 0 = none */
    const char *verb; /* of the write that is answered; NULL = a read */
    bool body;        /* it is still wanted */
    const char *answer;
    bool left_inventory, left_intent;
} moments[] = {
    {"made by us, wanted by nobody", GOAL_NONE, false, 'P', NULL, false,
     "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"," OURS "}}", true, false},
    {"made by others meanwhile", GOAL_NONE, false, 'P', NULL, false,
     "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"}}", false, false},
    {"made again", GOAL_NONE, true, 'P', NULL, false,
     "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"," OURS "}}", true, false},
    {"written, and to go now", GOAL_ABSENT, true, 'U', NULL, false,
     "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"," OURS "}}", true, false},
    {"made, and unwanted since", GOAL_NONE, false, 'P', "POST", false,
     "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"," OURS "}}", false, true},
    {"written, and as wanted", GOAL_PRESENT, true, 'U', "PUT", true,
     "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"," OURS "},\"spec\":{\"a\":1}}", true, false},
    {"written, and about to go", GOAL_PRESENT, true, 'U', "PUT", true,
     "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\",\"deletionTimestamp\":\"now\"," OURS
     "},\"spec\":{\"a\":1}}",
     true, true},
    {"written twice, kept otherwise, and about to go", GOAL_PRESENT, true, 'U', "PUT", true,
     "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\",\"deletionTimestamp\":\"now\"," OURS
     "},\"spec\":{\"a\":2}}",
     true, true},
    {"made, and told strangely", GOAL_PRESENT, false, 'P', "POST", true, "[]", false, true},
    {"read, and otherwise", GOAL_PRESENT, true, 0, NULL, true,
     "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"," OURS "},\"spec\":{\"a\":2}}", true, true},
};

static int take_moment(const struct moment *moment, uint64_t spared, uint64_t *ret_failed)
{
    struct engine *engine = parts_engine(1);
    struct effect_list effects;
    effect_list_init(&effects);
    engine->out = &effects;
    const struct object_key key = {KIND_CLUSTER_TRAIT, "", "x"};
    struct object *object = object_get(engine, &key);
    unit_attach(engine, engine->base, object);
    snprintf(object->uid, sizeof object->uid, "u");
    object->inventory = moment->inventory;
    object->intent = moment->intent != 0;
    object->intent_verb = moment->intent;
    object->missing = true;
    operation_pump(engine, object);
    json_t *answer = json_loads(moment->answer, 0, NULL);
    cr_assert(answer != NULL && object->operation != NULL, "%s", moment->what);
    object->goal = moment->goal;
    if (moment->body)
        object_want(engine, object,
                    json_pack("{s:{s:s, s:{s:s}}, s:{s:i}}", "metadata", "name", "x", "labels",
                              "app.kubernetes.io/managed-by", "celld", "spec", "a", 1),
                    false);
    object->permit = moment->body;
    if (moment->verb != NULL) {
        object->operation->state = OPERATION_WRITING;
        object->operation->verb = moment->verb;
        object->operation->echoes = 1;
    }
    const struct request request = {.id = object->operation->request};
    struct engine_event event = {.kind = EVENT_ANSWER};
    event.as.answer.status = moment->verb == NULL ? 200 : 201;
    event.as.answer.body = answer;
    scarcity_begin(spared, false);
    operation_answer(engine, object, &request, &event);
    *ret_failed = scarcity_end();
    const int status = engine->status != 0 ? engine->status : effects.status;
    if (*ret_failed == 0) {
        cr_expect_eq(object->inventory, moment->left_inventory, "%s", moment->what);
        cr_expect_eq(object->intent, moment->left_intent, "%s", moment->what);
    }
    json_decref(answer);
    effect_list_fini(&effects);
    engine_free(engine);
    return status;
}

Test(parts, an_answer_is_settled_by_what_is_wanted_by_then)
{
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        uint64_t failed = 1;
        for (uint64_t spared = 0; failed > 0; spared++) {
            const int status = take_moment(&moments[i], spared, &failed);
            cr_expect(status == 0 || (status == -ENOMEM && failed > 0), "%s after %u",
                      moments[i].what, (unsigned)spared);
        }
    }
}

Test(parts, an_operation_that_cannot_be_made_for_want_of_memory_fails_the_step)
{
    struct engine *engine = parts_engine(1);
    const struct object_key key = {KIND_PROJECT, "acme", "x"};
    struct object *object = object_get(engine, &key);
    unit_attach(engine, engine->base, object);
    object->missing = true;
    scarcity_begin(0, false);
    operation_pump(engine, object);
    cr_expect_eq(scarcity_end(), 1);
    cr_expect_eq(engine->status, -ENOMEM);
    engine->status = 0;
    json_t *body = json_pack("{s:{s:s}}", "metadata", "name", "x");
    scarcity_begin(0, false);
    object_want(engine, object, body, false);
    cr_expect_eq(scarcity_end(), 1);
    cr_expect_eq(engine->status, -ENOMEM);
    engine_free(engine);
}

/* --- quarantine ---------------------------------------------------------------------------------
 */

static const struct {
    const char *cell, *component, *target, *digest;
} entries[] = {
    {"shop", "api", "testing", "d1"},    {"shop", "api", "testing", "d2"},
    {"shop", "api", "production", "d1"}, {"shop", "web", "testing", "d1"},
    {"billing", "api", "testing", "d1"}, {"billing", "api", "testing", "d3"},
    {"a", "api", "testing", "d1"},       {"b", "api", "testing", "d1"},
    {"c", "api", "testing", "d1"},       {"d", "api", "testing", "d1"},
};
#define ENTRIES (sizeof entries / sizeof *entries)

static void fill(struct engine *engine)
{
    json_t *value =
        json_pack("{s:I, s:s, s:b}", "since", (json_int_t)5, "reason", "bad", "by_operator", 1);
    for (size_t i = 0; i < ENTRIES; i++)
        quarantine_apply(engine, entries[i].cell, entries[i].component, entries[i].target,
                         entries[i].digest, value);
    json_decref(value);
}

Test(parts, quarantine_is_lifted_for_exactly_what_is_named)
{
    static const struct {
        const char *cell, *component, *target, *digest;
        size_t lifted;
    } rows[] = {
        {NULL, NULL, NULL, NULL, ENTRIES},   {"shop", NULL, NULL, NULL, 4},
        {"shop", "api", NULL, NULL, 3},      {"shop", "api", "testing", NULL, 2},
        {"shop", "api", "testing", "d2", 1}, {NULL, "web", NULL, NULL, 1},
        {NULL, NULL, "production", NULL, 1}, {NULL, NULL, NULL, "d3", 1},
        {"nobody", NULL, NULL, NULL, 0},     {"shop", "nothing", NULL, NULL, 0},
        {"shop", "api", "nowhere", NULL, 0}, {"shop", "api", "testing", "d9", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct engine *engine = parts_engine(1);
        fill(engine);
        cr_assert_eq(engine->quarantine_count, ENTRIES);
        struct effect_list effects;
        effect_list_init(&effects);
        engine->out = &effects;
        cr_expect_eq(quarantine_clear(engine, rows[i].cell, rows[i].component, rows[i].target,
                                      rows[i].digest),
                     rows[i].lifted, "%zu", i);
        cr_expect_eq(engine->quarantine_count, ENTRIES - rows[i].lifted, "%zu", i);
        cr_expect_eq(effects.count, rows[i].lifted, "%zu", i);
        cr_expect_eq(quarantine_find(engine, "shop", "api", "testing", "d2") == NULL, i <= 4, "%zu",
                     i);
        effect_list_fini(&effects);
        engine_free(engine);
    }
}

Test(parts, quarantine_without_memory_says_so)
{
    int status = -ENOMEM;
    for (uint64_t spared = 0; status != 0; spared++) {
        struct engine *engine = parts_engine(1);
        scarcity_begin(spared, false);
        json_t *value = json_pack("{s:s}", "reason", "bad");
        for (size_t i = 0; i < ENTRIES && value != NULL; i++)
            quarantine_apply(engine, entries[i].cell, entries[i].component, entries[i].target,
                             entries[i].digest, value);
        const uint64_t failed = scarcity_end();
        status = value == NULL ? -ENOMEM : engine->status;
        cr_expect_eq(status, failed > 0 ? -ENOMEM : 0, "after %u", (unsigned)spared);
        json_decref(value);
        engine_free(engine);
    }
}

/* --- rows ---------------------------------------------------------------------------------------
 */

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

Test(parts, rows_that_nobody_writes_leave_only_what_makes_sense)
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

Test(parts, a_key_longer_than_any_of_ours_is_nobodys)
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
Test(parts, every_allocation_of_a_restored_row_may_fail)
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
