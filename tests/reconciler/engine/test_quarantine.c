/* How long a content stays condemned that git does not name any more. */
#include "config/base/json.h"
#include "reconciler/engine/quarantine.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/simulation/world_journal.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(quarantine, .timeout = 120);

#define AGE MINUTES(40)
#define BAD "registry.example/broken:2"

#define HEAD                                                                                       \
    PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"                                     \
                  "  environments: [{name: development}]\n"
static const char both[] =
    HEAD "  phases: [{name: first, cells: [billing]}, {name: second, cells: [shop]}]\n";
static const char alone[] = HEAD "  phases: [{name: first, cells: [billing]}]\n";

static struct world *world_with_age(void)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.events_age = (struct duration){AGE};
    return world_new(&options);
}

static void commit(struct world *world, int revision, const char *shop)
{
    if (shop == NULL)
        repository_commit(world, revision, alone, "billing", "registry.example/billing:1", NULL,
                          NULL);
    else
        repository_commit(world, revision, both, "billing", "registry.example/billing:1", NULL,
                          "shop", shop, NULL, NULL);
    world_run(world, MINUTES(20));
}

/* Entries of the cell; -1 = the engine and its journal do not agree. */
static int entries(const struct world *world, const char *cell)
{
    int known = 0, durable = 0;
    char prefix[128];
    snprintf(prefix, sizeof prefix, "quarantine/%s/", cell);
    json_t *all = engine_quarantine(world->engine);
    const json_t *list = json_object_get(all, "entries");
    for (size_t i = 0; i < json_array_size(list); i++)
        known +=
            strcmp(json_text_or(json_object_get(json_array_get(list, i), "cell"), ""), cell) == 0;
    json_decref(all);
    for (size_t i = 0; i < world->row_count; i++)
        durable += strncmp(world->rows[i].key, prefix, strlen(prefix)) == 0;
    return known == durable ? known : -1;
}

Test(quarantine, outlives_its_cell_for_a_while_and_condemns_what_comes_back)
{
    struct world *world = world_with_age();
    commit(world, 1, "registry.example/shop:1");
    commit(world, 2, BAD);
    cr_assert_eq(entries(world, "shop"), 1);
    /* as long as git names the cell it stays, however old it is */
    world_run(world, 2 * AGE);
    cr_expect_eq(entries(world, "shop"), 1);
    commit(world, 3, NULL);
    cr_expect(world_published(world, "cell-gone", "shop"));
    cr_expect_eq(entries(world, "shop"), 1);
    world_kill(world);
    commit(world, 4, BAD);
    expect_why(world, "shop", "development", "quarantine");
    json_t *binding =
        platform_object(world->platform, "releasebindings", "acme", "shop-api-a-development");
    cr_expect_null(binding, "what was bad is not tried again");
    json_decref(binding);
    /* what had begun to age begins anew when it goes again */
    world_run(world, 2 * AGE);
    cr_expect_eq(entries(world, "shop"), 1);
    commit(world, 5, NULL);
    world_run(world, AGE / 2);
    cr_expect_eq(entries(world, "shop"), 1);
    world_run(world, AGE);
    cr_expect_eq(entries(world, "shop"), 0);
    cr_expect(world_published(world, "quarantine-dropped", "shop"));
    expect_silence(world);
    world_free(world);
}

Test(quarantine, of_a_component_that_is_gone_ages_as_well)
{
    static const char two[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"
        "    - {name: one, type: worker, image: \"registry.example/one:1\"}\n%s";
    struct world *world = world_with_age();
    char text[1024];
    snprintf(text, sizeof text, two,
             "    - {name: other, type: worker, image: \"registry.example/broken:1\"}\n");
    commit(world, 1, text);
    cr_assert_eq(entries(world, "shop"), 1);
    snprintf(text, sizeof text, two, "");
    commit(world, 2, text);
    cr_expect_eq(entries(world, "shop"), 1);
    world_run(world, AGE + MINUTES(10));
    cr_expect_eq(entries(world, "shop"), 0);
    world_free(world);
}

/* Nobody knows what a manifest would name that cannot be read. */
Test(quarantine, of_a_cell_that_cannot_be_read_stays)
{
    struct world *world = world_with_age();
    commit(world, 1, "registry.example/shop:1");
    commit(world, 2, BAD);
    commit(world, 3, "raw:kind: Cell\nnonsense: true\nmetadata: {name: shop}\n");
    world_run(world, 2 * AGE);
    cr_expect_eq(entries(world, "shop"), 1);
    world_free(world);
}

/* A journal that is full of cells which nobody knows any more. */
Test(quarantine, of_what_is_gone_is_bounded_and_the_oldest_go_first)
{
    struct world *world = world_with_age();
    commit(world, 1, "registry.example/shop:1");
    commit(world, 2, BAD);
    cr_assert_eq(entries(world, "shop"), 1);
    for (int i = 0; i < 503; i++) {
        char key[128];
        snprintf(key, sizeof key, "quarantine/ghost/api/development/%012d", i);
        json_t *row = json_pack("{s:I, s:I, s:s, s:s, s:b}", "since", (json_int_t)1, "gone",
                                (json_int_t)world_now(world).wall.ms - 600 + i * 7 % 503, "reason",
                                "r", "evidence", "", "by_operator", 0);
        world_journal_put(world, key, row);
        json_decref(row);
    }
    world_kill(world);
    world_run(world, MINUTES(5));
    cr_expect_eq(entries(world, "ghost"), 500);
    static const int oldest[] = {0, 72, 144}; /* of 7 times that, modulo 503: 0, 1, 2 */
    for (size_t i = 0; i < 3; i++) {
        char key[128];
        snprintf(key, sizeof key, "quarantine/ghost/api/development/%012d", oldest[i]);
        cr_expect_not(world_has_row(world, key), "%s", key);
    }
    cr_expect_eq(entries(world, "shop"), 1, "git names it");
    world_run(world, AGE + MINUTES(1));
    cr_expect_eq(entries(world, "ghost"), 0);
    world_free(world);
}

/* Whether git names a component cannot always be told, and then its entries stay as they are. */
Test(quarantine, stays_as_it_is_while_nobody_can_tell)
{
    enum { BROKEN, TROUBLED, STALE, NOT_LIVE, NOWHERE, CASES };
    for (int i = 0; i < CASES; i++) {
        struct quarantine entry = {.gone_ms = i >= NOT_LIVE ? 7 : 0}, *entries[] = {&entry};
        snprintf(entry.cell, sizeof entry.cell, "shop");
        snprintf(entry.component, sizeof entry.component, "api");
        snprintf(entry.target, sizeof entry.target, "development");
        struct track track = {.manifest = NULL}, *tracks[] = {&track};
        snprintf(track.component, sizeof track.component, "api");
        snprintf(track.target, sizeof track.target, "development");
        char problem[] = "it cannot be compiled";
        struct unit unit = {.broken = i == BROKEN,
                            .problem = i == TROUBLED ? problem : NULL,
                            .stale = i == STALE,
                            .tracks = tracks,
                            .track_count = i == NOWHERE ? 0 : 1},
                    *units[] = {&unit};
        snprintf(unit.name, sizeof unit.name, "shop");
        struct engine engine = {.quarantines = entries,
                                .quarantine_count = 1,
                                .units = units,
                                .unit_count = 1,
                                .now.wall.ms = 8,
                                .options.events_age.ms = 10};
        quarantine_age(&engine);
        cr_expect_eq(entry.gone_ms, i >= NOT_LIVE ? 7 : 0, "%d", i);
        cr_expect_eq(engine.quarantine_count, 1);
    }
}
