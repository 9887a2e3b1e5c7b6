/* One object by itself: what counts as equal and as drift, whose it is, how long it is kept, and
 * what an answer makes of it. */
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/prune.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/parts.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>

TestSuite(object, .timeout = 600);

/* One thing other than in an object that stands as wanted, and what that makes of it. */
Test(object, what_counts_as_equal_and_as_drift)
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
Test(object, objects_are_kept_as_long_as_they_are_needed)
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

Test(object, a_release_belongs_to_the_component_whose_name_stands_before_its_digest)
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

Test(object, a_list_of_what_would_go_names_three_and_counts_the_others)
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

Test(object, an_answer_is_settled_by_what_is_wanted_by_then)
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

Test(object, an_operation_that_cannot_be_made_for_want_of_memory_fails_the_step)
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
