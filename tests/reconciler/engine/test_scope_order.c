/* Who goes back with a component that failed, in which order, and until when. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(scope_order, .timeout = 200);

/* --- the repository ------------------------------------------------------------------------------
 */

/* All cells of a phase have to be there. */
#define PLATFORM(cells)                                                                            \
    PLATFORM_HEAD "  environments: [{name: development}]\n"                                        \
                  "  prune: {minimum: 50}\n"                                                       \
                  "  phases: [{name: first, cells: [" cells "]}]\n"

struct part {
    const char *name, *image; /* image NULL: built by a workflow */
    const char *to[3];        /* names of parts that it connects to */
};

static int port_of(const struct part *parts, const char *name)
{
    int port = 8080;
    while (strcmp(parts[port - 8080].name, name) != 0)
        port++;
    return port;
}

/* "raw:" and the manifest; `head` are lines of the cell's spec. */
static char *cell_of(const char *cell, const char *head, const struct part *parts)
{
    struct text text;
    text_init(&text, 16384);
    text_format(&text,
                "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: %s}\nspec:\n%s"
                "  components:\n",
                cell, head);
    for (int i = 0; parts[i].name != NULL; i++) {
        text_format(&text, "    - name: %s\n      type: service\n", parts[i].name);
        if (parts[i].image != NULL)
            text_format(&text, "      image: registry.example/%s\n", parts[i].image);
        else
            text_add(&text, "      build: {workflow: {name: nothing}}\n");
        text_format(&text,
                    "      endpoints: [{name: http, type: http, port: %d, visibility: "
                    "[namespace]}]\n",
                    8080 + i);
        if (parts[i].to[0] != NULL)
            text_add(&text, "      connections:\n");
        for (int k = 0; k < 3 && parts[i].to[k] != NULL; k++)
            text_format(&text, "        - {name: c%d, target: acme-%s, protocol: http, port: %d}\n",
                        k, cell, port_of(parts, parts[i].to[k]));
        if (parts[i].to[0] != NULL)
            text_add(&text, "      env:\n");
        for (int k = 0; k < 3 && parts[i].to[k] != NULL; k++)
            text_format(&text, "        - {name: C%d, value: \"${CHOREO_CONNECTION_c%d}\"}\n", k,
                        k);
    }
    char *bytes = text_take(&text);
    cr_assert_not_null(bytes);
    return bytes;
}

/* A cell NULL is not in it. */
static void commit(struct world *world, int revision, char *billing, char *stock)
{
    if (billing == NULL)
        repository_commit(world, revision, PLATFORM("stock"), "stock", stock, NULL, NULL);
    else if (stock == NULL)
        repository_commit(world, revision, PLATFORM("billing"), "billing", billing, NULL, NULL);
    else
        repository_commit(world, revision, PLATFORM("billing, stock"), "billing", billing, NULL,
                          "stock", stock, NULL, NULL);
    free(billing);
    free(stock);
    world_run(world, 1000);
}

static void runs(const struct world *world, const char *component, const char *image)
{
    char full[128];
    snprintf(full, sizeof full, "registry.example/%s", image);
    expect_runs(world, component, "development", full);
}

static int64_t told_at(const struct world *world, const char *type, const char *component)
{
    int64_t at = -1;
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const json_t *event = json_array_get(world->published, i);
        if (strcmp(json_text_or(json_object_get(event, "type"), ""), type) == 0 &&
            strcmp(json_text_or(json_object_get(event, "component"), ""), component) == 0)
            at = (int64_t)i;
    }
    return at;
}

static bool has_row(const struct world *world, const char *prefix)
{
    for (size_t i = 0; i < world->row_count; i++) {
        if (strncmp(world->rows[i].key, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

#define QUICK "  rollout: {progressDeadline: 3m}\n"
#define CELL "  rollout: {progressDeadline: 3m, rollback: {scope: cell}}\n"
#define PHASE "  rollout: {progressDeadline: 3m, rollback: {scope: phase}}\n"
#define PAUSED                                                                                     \
    "  rollout: {strategy: canary, steps: [{weight: 20, pause: true}], progressDeadline: 3m, "     \
    "rollback: {scope: cell}}\n"

static char *billing_of(const char *image, const char *head)
{
    const struct part parts[] = {{"billing-api", image, {NULL}}, {.name = NULL}};
    return cell_of("billing", head, parts);
}

/* --- who ----------------------------------------------------------------------------------------
 */

Test(scope_order, what_is_new_or_gone_in_the_revision_has_nothing_to_go_back_to)
{
    const struct part before[] = {{"base", "base:1", {NULL}},
                                  {"front", "front:1", {"base"}},
                                  {"same", "same:1", {NULL}},
                                  {"old", "old:1", {NULL}},
                                  {.name = NULL}};
    const struct part after[] = {{"base", "broken:2", {NULL}}, {"front", "front:2", {"base"}},
                                 {"same", "same:1", {NULL}},   {"late", "broken:1", {NULL}},
                                 {"new", "new:2", {NULL}},     {.name = NULL}};
    struct world *world = repository_world();
    commit(world, 1, NULL, cell_of("stock", CELL, before));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, NULL, cell_of("stock", CELL, after));
    expect_condition(world, CONDITION_HELD);
    runs(world, "base-a", "base:1");
    runs(world, "front-a", "front:1");
    runs(world, "same-a", "same:1");
    runs(world, "new-a", "new:2");
    const int64_t at = told_at(world, "rollback-scope", "base");
    cr_assert_geq(at, 0);
    const char *message =
        json_text_or(json_object_get(json_array_get(world->published, (size_t)at), "message"), "");
    cr_expect_not_null(strstr(message, "goes back too (front)"), "%s", message);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

Test(scope_order, what_came_with_another_revision_stays)
{
    static const char slow[] = "  rollout: {bake: 15m, progressDeadline: 3m}\n";
    struct world *world = repository_world();
    const struct part good[] = {{"base", "base:1", {NULL}}, {.name = NULL}};
    const struct part bad[] = {{"base", "broken:3", {NULL}}, {.name = NULL}};
    commit(world, 1, billing_of("billing:1", slow), cell_of("stock", PHASE, good));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, billing_of("billing:2", slow), cell_of("stock", PHASE, good));
    world_run(world, MINUTES(5));
    commit(world, 3, billing_of("billing:2", slow), cell_of("stock", PHASE, bad));
    world_run(world, MINUTES(6));
    cr_expect(world_published(world, "rolled-back", "stock"));
    cr_expect_not(world_published(world, "rollback-scope", "stock"));
    runs(world, "billing-api-a", "billing:2");
    expect_no_dangers(world);
    world_free(world);
}

/* A person took it back already: it is on its way. */
Test(scope_order, what_is_on_its_way_back_already_is_left_alone)
{
    static const char brief[] = "  rollout: {bake: 4m, progressDeadline: 20m}\n";
    static const char phase[] = "  rollout: {progressDeadline: 20m, rollback: {scope: phase}}\n";
    struct world *world = repository_world();
    const struct part good[] = {{"base", "base:1", {NULL}}, {.name = NULL}};
    const struct part bad[] = {{"base", "broken:2", {NULL}}, {.name = NULL}};
    commit(world, 1, billing_of("billing:1", brief), cell_of("stock", phase, good));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, billing_of("billing:2", brief), cell_of("stock", phase, bad));
    world_run(world, MINUTES(20) - 15000);
    bool ok = false;
    world_command(world, "rollback",
                  json_pack("{s:s, s:s}", "cell", "billing", "target", "development"), &ok);
    cr_expect(ok);
    world_run(world, MINUTES(2));
    cr_expect(world_published(world, "rolled-back", "stock"));
    cr_expect_not(world_published(world, "rollback-scope", "stock"));
    runs(world, "billing-api-a", "billing:1");
    expect_no_dangers(world);
    world_free(world);
}

Test(scope_order, another_target_is_left_alone)
{
    static const char both[] =
        PLATFORM_HEAD "  environments: [{name: development}, {name: testing}]\n"
                      "  phases: [{name: first, cells: [stock]}]\n";
    const struct part before[] = {
        {"base", "base:1", {NULL}}, {"front", "front:1", {"base"}}, {.name = NULL}};
    const struct part after[] = {
        {"base", "broken:2", {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    struct world *world = repository_world();
    char *first = cell_of("stock", CELL, before), *second = cell_of("stock", CELL, after);
    repository_commit(world, 1, both, "stock", first, NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, both, "stock", second, NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_HELD);
    runs(world, "front-a", "front:1");
    expect_runs(world, "front-a", "testing", "registry.example/front:1");
    const int64_t at = told_at(world, "rollback-scope", "base");
    cr_assert_geq(at, 0);
    const char *message =
        json_text_or(json_object_get(json_array_get(world->published, (size_t)at), "message"), "");
    cr_expect_not_null(strstr(message, "base failed on development: "), "%s", message);
    cr_expect_not_null(strstr(message, "(front)"), "%s", message);
    free(first);
    free(second);
    world_free(world);
}

/* It waits for the cell that failed: it does not begin any more. */
Test(scope_order, what_would_come_next_does_not_begin)
{
    struct world *world = repository_world();
    const struct part good[] = {{"base", "base:1", {NULL}}, {.name = NULL}};
    const struct part bad[] = {{"base", "broken:2", {NULL}}, {.name = NULL}};
    static const char after[] = "  dependsOn: [stock]\n" QUICK;
    commit(world, 1, billing_of("billing:1", after), cell_of("stock", PHASE, good));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, billing_of("billing:2", after), cell_of("stock", PHASE, bad));
    expect_condition(world, CONDITION_HELD);
    runs(world, "base-a", "base:1");
    runs(world, "billing-api-a", "billing:1");
    cr_expect(world_published(world, "rollback-scope", "stock"));
    cr_expect_str_eq(world_node_state(world, "billing", "development"), "rolled-back");
    expect_why(world, "billing", "development", "base of cell stock");
    expect_silence(world);
    world_free(world);
}

Test(scope_order, cells_that_are_gone_or_unchanged_are_no_part_of_it)
{
    static const char three[] = PLATFORM("billing, shop, stock");
    static const char two[] = PLATFORM("billing, stock");
    struct world *world = repository_world();
    const struct part good[] = {{"base", "base:1", {NULL}}, {.name = NULL}};
    const struct part bad[] = {{"base", "broken:2", {NULL}}, {.name = NULL}};
    char *first = cell_of("stock", PHASE, good), *second = cell_of("stock", PHASE, bad);
    repository_commit(world, 1, three, "stock", first, NULL, "billing", "registry.example/b:1",
                      NULL, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"), &ok); /* it stays for now */
    repository_commit(world, 2, two, "stock", second, NULL, "billing", "registry.example/b:1", NULL,
                      NULL);
    world_run(world, MINUTES(6));
    cr_expect(world_published(world, "rolled-back", "stock"));
    cr_expect_not(world_published(world, "rollback-scope", "stock"));
    runs(world, "billing-api-a", "b:1");
    free(first);
    free(second);
    world_free(world);
}

/* Without the policy of its newest content nobody knows how far it would reach. */
Test(scope_order, an_attempt_whose_manifest_has_moved_on_goes_back_alone)
{
    const struct part before[] = {
        {"base", "base:1", {NULL}}, {"front", "front:1", {"base"}}, {.name = NULL}};
    const struct part after[] = {
        {"base", "broken:2", {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    const struct part built[] = {
        {"base", NULL, {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    struct world *world = repository_world();
    commit(world, 1, NULL, cell_of("stock", CELL, before));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, NULL, cell_of("stock", CELL, after));
    world_run(world, MINUTES(1));
    commit(world, 3, NULL, cell_of("stock", CELL, built));
    world_run(world, MINUTES(20));
    runs(world, "base-a", "base:1");
    runs(world, "front-a", "front:2");
    cr_expect_not(world_published(world, "rollback-scope", "stock"));
    expect_no_dangers(world);
    world_free(world);
}

/* --- in which order -----------------------------------------------------------------------------
 */

Test(scope_order, cells_go_back_in_reverse_order_of_their_dependencies)
{
    const struct part before[] = {
        {"base", "base:1", {NULL}}, {"front", "front:1", {"base"}}, {.name = NULL}};
    const struct part after[] = {
        {"base", "broken:2", {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    static const char head[] = "  dependsOn: [billing]\n" PHASE;
    struct world *world = repository_world();
    commit(world, 1, billing_of("billing:1", QUICK), cell_of("stock", head, before));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, billing_of("billing:2", QUICK), cell_of("stock", head, after));
    expect_condition(world, CONDITION_HELD);
    runs(world, "base-a", "base:1");
    runs(world, "front-a", "front:1");
    runs(world, "billing-api-a", "billing:1");
    const int64_t front = told_at(world, "rollout-promoted", "front");
    const int64_t billing = told_at(world, "rollout-started", "billing-api");
    cr_expect_lt(front, billing, "%d %d", (int)front, (int)billing);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* "mid" is no part of "front-mid": names that only look alike do not order anything. */
Test(scope_order, attempts_under_way_are_stopped_from_the_front_on)
{
    static const char *const heads[] = {
        PAUSED, "  rollout: {bake: 20m, progressDeadline: 3m, rollback: {scope: cell}}\n"};
    const struct part before[] = {{"base", "base:1", {NULL}},
                                  {"mid", "mid:1", {"base"}},
                                  {"mid-way", "way:1", {NULL}},
                                  {"front", "front:1", {"mid-way"}},
                                  {.name = NULL}};
    const struct part after[] = {{"base", "broken:2", {NULL}},
                                 {"mid", "mid:2", {"base"}},
                                 {"mid-way", "way:2", {NULL}},
                                 {"front", "front:2", {"mid-way", "mid"}},
                                 {.name = NULL}};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        commit(world, 1, NULL, cell_of("stock", CELL, before));
        expect_condition(world, CONDITION_CONVERGED);
        commit(world, 2, NULL, cell_of("stock", heads[i], after));
        world_run(world, MINUTES(2));
        runs(world, i == 0 ? "front-b" : "front-a", "front:2");
        expect_condition(world, CONDITION_HELD);
        runs(world, "base-a", "base:1");
        runs(world, "mid-a", "mid:1");
        runs(world, "mid-way-a", "way:1");
        runs(world, "front-a", "front:1");
        const int64_t front = told_at(world, "rolled-back", "front");
        cr_expect_lt(told_at(world, "rollback-started", "front"),
                     told_at(world, "rollback-started", "mid"));
        cr_expect_geq(front, 0);
        expect_why(world, "stock", "development", "base");
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* Each needs all the others: who is first cannot matter, and does not take for ever. */
Test(scope_order, a_circle_goes_back_all_the_same)
{
    const struct part first[] = {{"base", "base:1", {NULL}}, {"a", "a:1", {NULL}},
                                 {"b", "b:1", {NULL}},       {"c", "c:1", {NULL}},
                                 {"d", "d:1", {NULL}},       {.name = NULL}};
    const struct part before[] = {{"base", "base:1", {NULL}},    {"a", "a:1", {"b", "c", "d"}},
                                  {"b", "b:1", {"a", "c", "d"}}, {"c", "c:1", {"a", "b", "d"}},
                                  {"d", "d:1", {"a", "b", "c"}}, {.name = NULL}};
    const struct part after[] = {{"base", "broken:2", {NULL}},  {"a", "a:2", {"b", "c", "d"}},
                                 {"b", "b:2", {"a", "c", "d"}}, {"c", "c:2", {"a", "b", "d"}},
                                 {"d", "d:2", {"a", "b", "c"}}, {.name = NULL}};
    struct world *world = repository_world();
    commit(world, 1, NULL, cell_of("stock", CELL, first));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, NULL, cell_of("stock", CELL, before));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 3, NULL, cell_of("stock", CELL, after));
    world_run(world, MINUTES(2));
    runs(world, "d-a", "d:2");
    expect_condition(world, CONDITION_HELD);
    runs(world, "a-a", "a:1");
    runs(world, "d-a", "d:1");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* --- until when ---------------------------------------------------------------------------------
 */

static struct world *gone_back(const char *scope)
{
    const struct part before[] = {
        {"base", "base:1", {NULL}}, {"front", "front:1", {"base"}}, {.name = NULL}};
    const struct part after[] = {
        {"base", "broken:2", {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    struct world *world = repository_world();
    commit(world, 1, billing_of("billing:1", QUICK), cell_of("stock", scope, before));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, billing_of("billing:2", QUICK), cell_of("stock", scope, after));
    expect_condition(world, CONDITION_HELD);
    runs(world, "front-a", "front:1");
    cr_assert(has_row(world, "recall/stock/base/development"));
    return world;
}

Test(scope_order, the_others_come_again_when_the_failed_component_is_given_up)
{
    const struct part alone[] = {{"front", "front:2", {NULL}}, {.name = NULL}};
    struct world *world = gone_back(CELL);
    commit(world, 3, billing_of("billing:2", QUICK), cell_of("stock", CELL, alone));
    expect_condition(world, CONDITION_CONVERGED);
    runs(world, "front-b", "front:2"); /* by another port now */
    cr_expect_not(has_row(world, "recall/"));
    expect_silence(world);
    world_free(world);
}

Test(scope_order, the_others_come_again_when_the_failed_cell_is_given_up)
{
    struct world *world = gone_back(PHASE);
    runs(world, "billing-api-a", "billing:1");
    commit(world, 3, billing_of("billing:2", QUICK), NULL);
    world_run(world, MINUTES(5));
    runs(world, "billing-api-a", "billing:2");
    cr_expect_not(has_row(world, "recall/"));
    world_free(world);
}

Test(scope_order, the_others_stay_back_while_nobody_knows_what_is_wanted_of_it)
{
    const struct part built[] = {
        {"base", NULL, {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    struct world *world = gone_back(CELL);
    commit(world, 3, billing_of("billing:2", QUICK), cell_of("stock", CELL, built));
    world_run(world, MINUTES(5));
    runs(world, "front-a", "front:1");
    cr_expect(has_row(world, "recall/stock/base/development"));
    world_free(world);
}

/* After a restart the last good manifest is not at hand, and the newest cannot be read. */
Test(scope_order, the_others_stay_back_while_its_manifest_cannot_be_read)
{
    struct world *world = gone_back(PHASE);
    commit(world, 3, billing_of("billing:2", QUICK), strdup("raw:nonsense"));
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, "cell/stock") == 0)
            json_object_set_new(world->rows[i].value, "digest", json_string("another"));
    }
    world_kill(world);
    world_run(world, MINUTES(5));
    runs(world, "billing-api-a", "billing:1");
    cr_expect(has_row(world, "recall/stock/base/development"));
    expect_why(world, "billing", "development", "base of cell stock");
    world_free(world);
}

/* Rows that nobody would write: they end, and move nothing. */
Test(scope_order, rows_about_nobody_end)
{
    static const char *const rows[][2] = {
        {"recall/ghost/base/development", "{\"digest\": \"d\", \"revision\": \"r\"}"},
        {"recall/stock/ghost/development", "{\"members\": 7}"},
        {"recall/stock/base/mars", "{\"members\": [{\"cell\": \"stock\"}]}"},
        {"recall/billing/billing-api/development",
         "{\"digest\": \"d\", \"members\": [7, {\"cell\": \"stock\", \"component\": \"front\", "
         "\"digest\": \"d\"}]}"},
    };
    struct world *world = gone_back(CELL);
    const struct part fixed[] = {
        {"base", "base:3", {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world->rows = reallocarray(world->rows, world->row_count + 1, sizeof *world->rows);
        world->row_capacity = world->row_count + 1;
        world->rows[world->row_count++] = (struct world_row){
            .sequence = ++world->sequence,
            .key = strdup(rows[i][0]),
            .value = json_loads(rows[i][1], 0, NULL),
        };
    }
    world_kill(world);
    world_run(world, MINUTES(2));
    cr_expect(has_row(world, "recall/stock/base/development"), "that one is about somebody");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_not(has_row(world, rows[i][0]), "%s", rows[i][0]);
    runs(world, "front-a", "front:1");
    expect_silence(world);
    commit(world, 3, billing_of("billing:2", QUICK), cell_of("stock", CELL, fixed));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_not(has_row(world, "recall/"));
    world_free(world);
}

/* --- while they go back -------------------------------------------------------------------------
 */

/* What waits for its image has nothing that could go back. */
Test(scope_order, what_is_not_built_yet_is_no_part_of_it)
{
    const struct part before[] = {
        {"base", "base:1", {NULL}}, {"front", "front:1", {"base"}}, {.name = NULL}};
    const struct part after[] = {
        {"base", "broken:2", {NULL}}, {"front", NULL, {"base"}}, {.name = NULL}};
    struct world *world = repository_world();
    commit(world, 1, NULL, cell_of("stock", CELL, before));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, NULL, cell_of("stock", CELL, after));
    world_run(world, MINUTES(6));
    cr_expect(world_published(world, "rolled-back", "stock"));
    cr_expect_not(world_published(world, "rollback-scope", "stock"));
    runs(world, "base-a", "base:1");
    runs(world, "front-a", "front:1");
    expect_no_dangers(world);
    world_free(world);
}

/* A person takes the failed component back one further: the others stay where they are. */
Test(scope_order, the_others_stay_back_while_the_failed_one_goes_back_further)
{
    const struct part parts[][3] = {
        {{"base", "base:1", {NULL}}, {"front", "front:1", {"base"}}, {.name = NULL}},
        {{"base", "base:2", {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}},
        {{"base", "broken:3", {NULL}}, {"front", "front:3", {"base"}}, {.name = NULL}}};
    struct world *world = repository_world();
    for (int i = 0; i < 3; i++) {
        commit(world, i + 1, NULL, cell_of("stock", CELL, parts[i]));
        expect_condition(world, i < 2 ? CONDITION_CONVERGED : CONDITION_HELD);
    }
    runs(world, "base-a", "base:2");
    runs(world, "front-a", "front:2");
    bool ok = false;
    world_command(
        world, "rollback",
        json_pack("{s:s, s:s, s:s}", "cell", "stock", "component", "base", "target", "development"),
        &ok);
    cr_expect(ok);
    world_run(world, 5000);
    cr_expect(has_row(world, "recall/stock/base/development"));
    expect_condition(world, CONDITION_HELD);
    runs(world, "base-a", "base:1");
    runs(world, "front-a", "front:2");
    cr_expect(has_row(world, "recall/stock/base/development"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* The one that counts need not be the first that is named. */
Test(scope_order, every_cell_that_one_depends_on_is_looked_at)
{
    const struct part base[] = {{"base", "base:1", {NULL}}, {.name = NULL}};
    const struct part bad[] = {{"base", "broken:2", {NULL}}, {.name = NULL}};
    static const char head[] = "  dependsOn: [accounts, billing]\n" PHASE;
    struct world *world = repository_world();
    for (int i = 1; i <= 2; i++) {
        char *billing = billing_of(i == 1 ? "billing:1" : "billing:2", QUICK);
        char *stock = cell_of("stock", PHASE, i == 1 ? base : bad);
        const struct part parts[] = {{"front", i == 1 ? "front:1" : "front:2", {NULL}},
                                     {.name = NULL}};
        char *shop = cell_of("shop", head, parts);
        repository_commit(world, i, PLATFORM("accounts, billing, shop, stock"), "accounts",
                          "registry.example/accounts:1", NULL, "billing", billing, NULL, "shop",
                          shop, NULL, "stock", stock, NULL, NULL);
        free(billing);
        free(stock);
        free(shop);
        world_run(world, 1000);
        expect_condition(world, i == 1 ? CONDITION_CONVERGED : CONDITION_HELD);
    }
    runs(world, "front-a", "front:1");
    runs(world, "billing-api-a", "billing:1");
    cr_expect_lt(told_at(world, "rollout-promoted", "front"),
                 told_at(world, "rollout-started", "billing-api"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* Its traffic is on the old release again: what it needs may follow while it bakes. */
Test(scope_order, what_bakes_its_way_back_holds_up_nobody)
{
    static const char bakes[] =
        "  rollout: {bake: 1m, progressDeadline: 4m, rollback: {scope: cell}}\n";
    const struct part before[] = {{"base", "base:1", {NULL}},
                                  {"mid", "mid:1", {"base"}},
                                  {"front", "front:1", {"mid"}},
                                  {.name = NULL}};
    const struct part after[] = {{"base", "broken:2", {NULL}},
                                 {"mid", "mid:2", {"base"}},
                                 {"front", "front:2", {"mid"}},
                                 {.name = NULL}};
    struct world *world = repository_world();
    commit(world, 1, NULL, cell_of("stock", bakes, before));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, NULL, cell_of("stock", bakes, after));
    expect_condition(world, CONDITION_HELD);
    runs(world, "front-a", "front:1");
    runs(world, "mid-a", "mid:1");
    runs(world, "base-a", "base:1");
    cr_expect(world_published(world, "rollback-scope", "stock"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* A new release beside the old one that never got traffic: what it needs goes back at once. */
Test(scope_order, what_has_no_traffic_yet_holds_up_nobody)
{
    static const char beside[] =
        "  rollout: {strategy: canary, steps: [{weight: 20, soak: 30m}], progressDeadline: 3m, "
        "rollback: {scope: cell}}\n";
    const struct part before[] = {{"base", "base:1", {NULL}},
                                  {"mid", "mid:1", {"base"}},
                                  {"front", "front:1", {"mid"}},
                                  {.name = NULL}};
    const struct part after[] = {{"base", "broken:2", {NULL}},
                                 {"mid", "mid:2", {"base"}},
                                 {"front", "slow:2", {"mid"}},
                                 {.name = NULL}};
    struct world *world = repository_world();
    platform_image_rule(world->platform, "*slow:2", PLATFORM_IMAGE_SLOW, MINUTES(3) - 5000);
    commit(world, 1, NULL, cell_of("stock", CELL, before));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, NULL, cell_of("stock", beside, after));
    expect_condition(world, CONDITION_HELD);
    runs(world, "front-a", "front:1");
    runs(world, "mid-a", "mid:1");
    runs(world, "base-a", "base:1");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* Newer content is on its way, and git wants what went back again: that does not stay. */
Test(scope_order, what_went_back_does_not_come_again_while_another_attempt_is_under_way)
{
    const struct part wanted[] = {
        {"base", "broken:2", {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    const struct part newer[] = {
        {"base", "broken:2", {NULL}}, {"front", "front:3", {"base"}}, {.name = NULL}};
    struct world *world = gone_back(CELL);
    platform_image_rule(world->platform, "*front:3", PLATFORM_IMAGE_SLOW, MINUTES(1));
    commit(world, 3, billing_of("billing:2", QUICK), cell_of("stock", CELL, newer));
    world_run(world, 20000);
    cr_expect(has_row(world, "recall/stock/base/development"));
    commit(world, 4, billing_of("billing:2", QUICK), cell_of("stock", CELL, wanted));
    expect_condition(world, CONDITION_HELD);
    char *why = world_why(world, "stock", "development");
    cr_expect_not_null(strstr(why, "base"), "%s", why);
    free(why);
    json_t *front = platform_object(world->platform, "workloads", "acme", "front-a");
    cr_expect_not_null(front);
    json_decref(front);
    cr_expect(has_row(world, "recall/stock/base/development"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* A row that names others beside those who are there: they are passed over. */
Test(scope_order, members_that_nobody_knows_are_passed_over)
{
    static const char more[] =
        "[{\"cell\": \"ghost\", \"component\": \"x\", \"digest\": \"d\"},"
        " {\"cell\": \"stock\", \"component\": \"front\", \"digest\": \"another\"},"
        " {\"cell\": \"stock\", \"component\": \"old\", \"digest\": \"d\"},"
        " {\"cell\": \"billing\", \"component\": \"billing-api\", \"digest\": \"d\"}]";
    const struct part before[] = {{"base", "base:1", {NULL}},
                                  {"mid", "mid:1", {"base"}},
                                  {"front", "front:1", {"mid"}},
                                  {"old", "old:1", {NULL}},
                                  {.name = NULL}};
    const struct part after[] = {{"base", "broken:2", {NULL}},
                                 {"mid", "mid:2", {"base"}},
                                 {"front", "front:2", {"mid"}},
                                 {.name = NULL}};
    struct world *world = repository_world();
    commit(world, 1, billing_of("billing:1", QUICK), cell_of("stock", CELL, before));
    expect_condition(world, CONDITION_CONVERGED);
    bool ok = false;
    commit(world, 2, billing_of("billing:1", QUICK), cell_of("stock", CELL, after));
    while (!has_row(world, "recall/stock/base/development"))
        cr_assert(world_step(world, world->now_ms + MINUTES(10)));
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, "recall/stock/base/development") != 0)
            continue;
        json_t *members = json_loads(more, 0, NULL);
        json_array_extend(members, json_object_get(world->rows[i].value, "members"));
        ok = json_object_set_new(world->rows[i].value, "members", members) == 0;
    }
    cr_assert(ok);
    world_kill(world);
    expect_condition(world, CONDITION_HELD);
    runs(world, "base-a", "base:1");
    runs(world, "mid-a", "mid:1");
    runs(world, "front-a", "front:1");
    runs(world, "billing-api-a", "billing:1");
    cr_expect_lt(told_at(world, "rollout-promoted", "front"),
                 told_at(world, "rollout-started", "mid"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}
