/* Each allocation of orders, of what is told, removed and wanted anew fails in turn: the step is
 * told to fail, and with memory the work is done. */
#include "config/base/json.h"
#include "reconciler/engine/command.h"
#include "reconciler/engine/commit_status.h"
#include "reconciler/engine/contract.h"
#include "reconciler/engine/desire.h"
#include "reconciler/engine/project.h"
#include "reconciler/engine/prune.h"
#include "reconciler/engine/reconcile.h"
#include "reconciler/engine/scope.h"
#include "reconciler/engine/secret.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/scope_scene.h"
#include "tests/reconciler/engine/shortage.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(shortage_steps, .timeout = 600);

static struct world *converged(void)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

/* --- orders -------------------------------------------------------------------------------------
 */

static struct engine_event order;
static char answer[256];

static void take_order(struct engine *engine, struct track *track)
{
    (void)track;
    const size_t before = engine->out->count;
    command_take(engine, &order);
    for (size_t i = before; i < engine->out->count; i++) {
        const struct effect *effect = &engine->out->items[i];
        if (effect->kind == EFFECT_REPLY)
            snprintf(answer, sizeof answer, "%s",
                     json_text_or(json_object_get(effect->as.reply.body, "message"), ""));
    }
}

Test(shortage_steps, an_order_is_answered_once_there_is_memory)
{
    static const struct {
        const char *verb, *arguments, *answer;
    } rows[] = {
        {"sync", "{}", "looking at the repository and the live state now"},
        {"apply", "{\"hash\": \"000000000000\"}", "the plan is another one by now"},
        {"rollout-sideways", "{\"cell\": \"shop\", \"target\": \"development\"}",
         "pause, resume, promote, promote-full, abort or retry?"},
        {"dance", "{}", "there is no command dance"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = converged();
        json_t *arguments = json_loads(rows[i].arguments, 0, NULL);
        order = (struct engine_event){.kind = EVENT_COMMAND};
        order.as.command.verb = rows[i].verb;
        order.as.command.arguments = arguments;
        answer[0] = '\0';
        cr_expect_gt(shortage_run(world->engine, NULL, take_order), 0, "%s", rows[i].verb);
        cr_expect_not_null(strstr(answer, rows[i].answer), "%s: %s", rows[i].verb, answer);
        json_decref(arguments);
        world_free(world);
    }
}

/* --- what is told -------------------------------------------------------------------------------
 */

static void tell(struct engine *engine, struct track *track)
{
    track->unit->statuses[0].state = COMMIT_UNTOLD;
    commit_status_touch(engine, track->unit);
    commit_status_pump(engine);
}

Test(shortage_steps, a_commits_status_is_told_once_there_is_memory)
{
    struct world *world = converged();
    struct track *track = shortage_track(world, "shop-api");
    cr_assert_eq(track->unit->status_count, 1);
    cr_expect_gt(shortage_run(world->engine, track, tell), 1);
    cr_expect_eq(track->unit->statuses[0].state, COMMIT_SUCCESS);
    world_free(world);
}

/* --- what is removed ----------------------------------------------------------------------------
 */

static void prune(struct engine *engine, struct track *track)
{
    (void)track;
    engine->pruning.held_hash[0] = '\0';
    engine->prune_dirty = true;
    prune_pump(engine);
}

Test(shortage_steps, a_removal_is_held_as_a_whole_once_there_is_memory)
{
#define PLATFORM_OF(cells)                                                                         \
    PLATFORM_HEAD "  environments: [{name: development}]\n"                                        \
                  "  phases: [{name: all, cells: [" cells "]}]\n"
    struct world *world = repository_world();
    repository_commit(world, 1, PLATFORM_OF("billing, shop"), "billing",
                      "registry.example/billing:1", NULL, "shop", "registry.example/shop:1", NULL,
                      NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, PLATFORM_OF("shop"), "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_HELD);
    struct engine *engine = world->engine;
    const size_t held = json_object_size(engine->pruning.held);
    cr_assert_gt(held, 3);
    cr_expect_gt(shortage_run(engine, NULL, prune), 2 * (unsigned)held);
    cr_expect_eq(json_object_size(engine->pruning.held), held);
    cr_expect_eq(json_object_size(engine->pruning.keys), 0);
    world_free(world);
#undef PLATFORM_OF
}

/* --- what is wanted -----------------------------------------------------------------------------
 */

static void desire(struct engine *engine, struct track *track)
{
    desire_cell(engine, track->unit);
}

Test(shortage_steps, a_cell_that_is_refused_says_why_once_there_is_memory)
{
    struct world *world = converged();
    char *cell = cell_text("shop", "registry.example/shop:2", NULL), hash[41];
    const struct world_file files[] = {
        {"platform.yaml", PLATFORM_HEAD "  environments: [{name: development}]\n"
                                        "  phases: [{name: all, cells: [shop]}]\n"
                                        "  nativePaths: [\"cells/*/native/**\"]\n"},
        {"cells/shop/cell.yaml", cell},
        {"cells/shop/native/wheel.yaml",
         "apiVersion: openchoreo.dev/v1alpha1\nkind: Gadget\nmetadata: {name: wheel}\nspec: {}\n"}};
    snprintf(hash, sizeof hash, "%040x", 2u);
    world_commit(world, hash, files, 3);
    free(cell);
    world_run(world, MINUTES(1));
    struct track *track = shortage_track(world, "shop-api");
    cr_assert_not_null(track->unit->problem);
    cr_expect_gt(shortage_run(world->engine, track, desire), 5);
    cr_assert_not_null(track->unit->problem);
    cr_expect_not_null(strstr(track->unit->problem, "Gadget is no kind"));
    world_free(world);
}

/* A cell at rest has let its bodies go: what somebody changed has to be compiled again. */
static void work_again(struct engine *engine, struct unit *unit)
{
    struct effect_list effects;
    effect_list_init(&effects);
    engine->out = &effects;
    unit->objects[0]->equal_live = unit->objects[0]->live + 1;
    unit_queue(engine, unit);
    reconcile_all(engine);
    engine->out = NULL;
    effect_list_fini(&effects);
}

Test(shortage_steps, a_cell_that_cannot_be_compiled_for_a_repair_fails_the_step)
{
    unsigned told = 0;
    uint64_t failed = 1;
    for (uint64_t spared = 0; failed > 0; spared += 1 + spared / 8) {
        struct world *world = converged();
        struct engine *engine = world->engine;
        struct unit *unit = shortage_track(world, "shop-api")->unit;
        cr_assert(!unit->compiled);
        scarcity_begin(spared, false);
        work_again(engine, unit);
        failed = scarcity_end();
        cr_expect(engine->status == 0 || (engine->status == -ENOMEM && failed > 0), "after %u",
                  (unsigned)spared);
        told += engine->status != 0;
        if (failed == 0) {
            cr_expect(unit->compiled);
            cr_expect_not_null(unit->objects[0]->operation);
        }
        world_free(world);
    }
    cr_expect_gt(told, 20);
}

/* --- what is read -------------------------------------------------------------------------------
 */

static json_t *seen;

static void see_secret(struct engine *engine, struct track *track)
{
    const struct object object = {.key = {KIND_SECRET_REFERENCE, "acme", "theirs"},
                                  .unit = track->unit};
    secret_observed(engine, &object, seen);
}

static void see_project(struct engine *engine, struct track *track)
{
    project_observed(engine, track->unit->objects[0], seen);
}

/* Its project has a release each time that nobody has heard of. */
static void bind_project(struct engine *engine, struct track *track)
{
    static unsigned turn;
    struct unit *unit = track->unit;
    snprintf(unit->project_release, sizeof unit->project_release, "next-%u", turn++);
    project_bind(engine, unit);
}

Test(shortage_steps, what_is_read_is_kept_once_there_is_memory)
{
    struct world *world = converged();
    struct engine *engine = world->engine;
    struct track *track = shortage_track(world, "shop-api");
    seen = json_pack("{s:{s:[{s:s}, {s:s}]}}", "spec", "data", "secretKey", "a", "secretKey", "b");
    cr_expect_gt(shortage_run(engine, track, see_secret), 3);
    const json_t *data = json_at(engine->secrets, "theirs", "spec", "data", NULL);
    cr_expect_eq(json_array_size(data), 2);
    json_decref(seen);
    seen = json_pack("{s:{s:[{s:s, s:s, s:s}], s:{s:s}}}", "status", "conditions", "type", "Ready",
                     "status", "False", "message", "no room", "latestRelease", "name",
                     track->unit->project_release);
    cr_expect_gt(shortage_run(engine, track, see_project), 0);
    cr_expect_str_eq(project_trouble(track->unit, "acme-shop"), "no room");
    json_decref(seen);
    cr_expect_gt(shortage_run(engine, track, bind_project), 2);
    cr_assert_not_null(track->unit->release);
    cr_expect_str_eq(track->unit->release->key.name, track->unit->project_release);
    world_free(world);
}

/* Who cannot look at what a component connects to holds it to be so: nothing fails. */
static void ask_order(struct engine *engine, struct track *track)
{
    (void)scope_cancels(engine, track);
    (void)scope_undoes(engine, track);
}

Test(shortage_steps, the_order_of_a_return_is_found_without_memory_too)
{
    struct world *world = repository_world();
    scope_commit(world, 1, NULL, scope_cell("stock", SCOPE_CELL, scope_good_chain));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, NULL, scope_cell("stock", SCOPE_CELL, scope_bad_chain));
    while (!world_has_rows(world, "recall/stock/base/development"))
        cr_assert(world_step(world, world->now_ms + MINUTES(10)));
    struct engine *engine = world->engine;
    struct track *front = unit_track_find(engine, "stock", "front", "development"),
                 *mid = unit_track_find(engine, "stock", "mid", "development");
    cr_assert(front->recalled && mid->recalled);
    cr_expect(front->rollout.returning);
    cr_expect(!scope_undoes(engine, mid) && !scope_cancels(engine, mid));
    cr_expect_eq(shortage_run(engine, front, ask_order), 0);
    cr_expect_eq(shortage_run(engine, mid, ask_order), 0);
    cr_expect(!scope_undoes(engine, mid) && !scope_cancels(engine, mid));
    const struct track *base = unit_track_find(engine, "stock", "base", "development");
    struct packed *needs = front->content.needs;
    cr_assert_not_null(needs);
    cr_expect(contract_needs(needs, mid) && !contract_needs(needs, base));
    cr_expect(!contract_needs(NULL, mid), "it connects to nothing");
    scarcity_begin(0, true);
    const bool maybe = contract_needs(needs, base);
    cr_expect_gt(scarcity_end(), 0);
    cr_expect(maybe);
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "base-a", "base:1");
    world_free(world);
}

/* --- what would be done -------------------------------------------------------------------------
 */

/* Neither of them shows a part of it, which might read as something else. */
Test(shortage_steps, a_plan_is_whole_or_is_none)
{
    struct world *world = converged(), *other = repository_world();
    repository_commit(other, 2, platform_small, "shop", "registry.example/shop:2",
                      "  description: Sells things\n", NULL);
    world_run(other, 1000);
    cr_assert_not_null(other->set);
    const struct instant now = world_now(world);
    json_t *whole = engine_plan(world->engine, other->set, now);
    cr_assert_gt(json_integer_value(json_object_get(whole, "changes")), 1);
    unsigned without = 0;
    uint64_t failed = 1;
    for (uint64_t spared = 0; failed > 0; spared++) {
        scarcity_begin(spared, false);
        json_t *plan = engine_plan(world->engine, other->set, now);
        failed = scarcity_end();
        cr_expect(plan == NULL ? failed > 0 : json_equal(plan, whole), "after %u",
                  (unsigned)spared);
        without += plan == NULL;
        json_decref(plan);
    }
    cr_expect_gt(without, 100);
    json_decref(whole);
    world_free(other);
    world_free(world);
}

Test(shortage_steps, what_is_rendered_is_whole_or_is_nothing)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.authorization = true;
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1",
                      "  access: [{role: developer, subject: {claim: groups, value: team}}]\n",
                      NULL);
    world_run(world, 1000);
    json_t *whole = engine_render(world->engine, NULL, NULL);
    cr_assert_gt(json_array_size(json_object_get(whole, "objects")), 5);
    unsigned without = 0;
    uint64_t failed = 1;
    for (uint64_t spared = 0; failed > 0; spared++) {
        scarcity_begin(spared, false);
        json_t *rendered = engine_render(world->engine, NULL, NULL);
        failed = scarcity_end();
        cr_expect(rendered == NULL ? failed > 0 : json_equal(rendered, whole), "after %u",
                  (unsigned)spared);
        without += rendered == NULL;
        json_decref(rendered);
    }
    cr_expect_gt(without, 50);
    json_decref(whole);
    world_free(world);
}
