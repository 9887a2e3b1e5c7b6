/* What could not be read is unknown, not gone: who is broken by it, and who is not. */
#include "tests/config/manifest/fixture.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(problem, .timeout = 60);

#define MESSAGE "this is a symbolic link; celld follows none: put the file itself here"

#define CELL(name)                                                                                 \
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: " name "}\nspec:\n  components:\n"     \
    "    - name: " name "service\n      type: worker\n      image: registry.example/x:1\n"
#define NATIVE(name)                                                                               \
    "apiVersion: openchoreo.dev/v1alpha1\nkind: Workflow\nmetadata: {name: " name "}\n"

#define PLATFORM                                                                                   \
    "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n"                    \
    "  namespace: shop\n  projectPrefix: shop-\n  regions: [us]\n"                                 \
    "  environments: [{name: production, production: true}]\n"                                     \
    "  phases: [{name: all, cells: [cart, order, stock]}]\n"

static const char *const cells[] = {"cart", "order", "stock"};
enum { CELLS = sizeof(cells) / sizeof(cells[0]) };

/* Three cells, a component's own file, a native manifest of the platform and one of a cell. */
static const struct {
    const char *path, *text;
} tree[] = {
    {"platform.yaml", PLATFORM},
    {"cells/cart/cell.yaml", CELL("cart")},
    {"cells/order/cell.yaml", CELL("order")},
    {"cells/stock/cell.yaml", CELL("stock")},
    {"cells/order/native.yaml", NATIVE("of-order")},
    {"platform/native.yaml", NATIVE("of-all")},
};
enum { FILES = sizeof(tree) / sizeof(tree[0]) };

static bool is_hidden(const char *path, const char *hidden)
{
    const size_t length = strlen(hidden);
    return length == 0 ||
           (strncmp(path, hidden, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

/* The tree without what is at or below `hidden`; NULL = whole. */
static void fill(struct fixture *fixture, const char *hidden)
{
    for (size_t i = 0; i < FILES; i++) {
        if (hidden == NULL || !is_hidden(tree[i].path, hidden))
            fixture_add(fixture, tree[i].path, tree[i].text);
    }
}

static struct manifest_set *load(const struct fixture *fixture, const char *const *paths,
                                 size_t count, bool incomplete, const struct manifest_set *fallback)
{
    struct manifest_problem problems[8];
    struct manifest_set *set = NULL;
    struct error err = {0};
    for (size_t i = 0; i < count; i++)
        problems[i] = (struct manifest_problem){paths[i], MESSAGE};
    const struct manifest_source source = {.files = fixture->files,
                                           .file_count = fixture->count,
                                           .problems = problems,
                                           .problem_count = count,
                                           .incomplete = incomplete};
    cr_assert_eq(manifest_load_source(&source, NULL, fallback, fallback, &set, &err), 0, "%s",
                 err.detail);
    return set;
}

static struct manifest_set *load_good(void)
{
    struct fixture fixture = {.count = 0};
    fill(&fixture, NULL);
    struct manifest_set *good = load(&fixture, NULL, 0, false, NULL);
    cr_assert_eq(diagnostics_error_count(good->diagnostics), 0u, "%s", fixture_found(good));
    return good;
}

static const struct {
    const char *path;
    const char *broken[CELLS]; /* ended by NULL when fewer */
    bool platform;
} cases[] = {
    {"cells/cart/cell.yaml", {"cart"}, false},
    {"cells/cart", {"cart"}, false},
    {"cells", {"cart", "order", "stock"}, false},
    {"cells/cart/cartservice/.choreo/component.yaml", {"cart"}, false},
    {"cells/cart/cartservice/.choreo", {"cart"}, false},
    {"cells/cart/cartservice", {"cart"}, false},
    {"cells/order/native.yaml", {"order"}, false},
    {"platform.yaml", {NULL}, true},
    {"platform/native.yaml", {NULL}, true},
    {"platform", {NULL}, true},
    {"", {"cart", "order", "stock"}, true},
    /* Nobody lives there. */
    {"cells/car", {NULL}, false},
    {"cells/cart2", {NULL}, false},
    {"cells/cart/cell.yaml2", {NULL}, false},
    {"docs", {NULL}, false},
};

static bool is_listed(const char *const *names, const char *name)
{
    for (size_t i = 0; i < CELLS && names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

Test(problem, breaks_the_smallest_unit_and_removes_nobody)
{
    struct manifest_set *good = load_good();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture = {.count = 0};
        fill(&fixture, cases[i].path);
        struct manifest_set *set = load(&fixture, &cases[i].path, 1, false, good);
        cr_assert_eq(set->cell_count, (size_t)CELLS, "%s: %zu cells", cases[i].path,
                     set->cell_count);
        for (size_t k = 0; k < CELLS; k++) {
            const struct manifest_cell *cell = manifest_set_cell(set, cells[k]);
            cr_assert_not_null(cell, "%s: %s is gone", cases[i].path, cells[k]);
            cr_expect_eq(cell->broken, is_listed(cases[i].broken, cells[k]), "%s: %s",
                         cases[i].path, cells[k]);
            cr_expect_eq(cell->cell, manifest_set_cell(good, cells[k])->cell,
                         "%s: the content of %s is another", cases[i].path, cells[k]);
            if (cell->broken) {
                cr_expect(strncmp(cell->reason, cases[i].path, strlen(cases[i].path)) == 0, "%s",
                          cell->reason);
                cr_expect_not_null(strstr(cell->reason, ": " MESSAGE), "%s", cell->reason);
            }
        }
        cr_expect_eq(set->platform_reason != NULL, cases[i].platform, "%s: %s", cases[i].path,
                     set->platform_reason == NULL ? "sound" : set->platform_reason);
        cr_expect_eq(set->platform, good->platform, "%s", cases[i].path);
        cr_expect_eq(set->native_count, 2u, "%s: natives are gone", cases[i].path);
        cr_expect_null(set->unknown, "%s", set->unknown);
        cr_expect_eq(diagnostics_error_count(set->diagnostics), 1u, "%s: %s", cases[i].path,
                     fixture_found(set));
        manifest_set_unref(set);
    }
    manifest_set_unref(good);
}

/* Each revision is the fallback of the next: what is unknown stays unknown, and comes back. */
Test(problem, stays_for_as_long_as_it_is_there)
{
    static const char *const paths[] = {"cells/cart", "platform/native.yaml"};
    struct manifest_set *set = load_good();
    const struct cell *cart = manifest_set_cell(set, "cart")->cell;
    for (int i = 0; i < 4; i++) {
        struct fixture fixture = {.count = 0};
        for (size_t k = 0; k < FILES; k++) {
            if (!is_hidden(tree[k].path, paths[0]) && !is_hidden(tree[k].path, paths[1]))
                fixture_add(&fixture, tree[k].path, tree[k].text);
        }
        struct manifest_set *next = load(&fixture, paths, 2, false, set);
        cr_assert_eq(next->cell_count, (size_t)CELLS);
        cr_assert_eq(next->native_count, 2u);
        cr_expect(manifest_set_cell(next, "cart")->broken);
        cr_expect_eq(manifest_set_cell(next, "cart")->cell, cart);
        cr_expect_not_null(next->platform_reason);
        manifest_set_unref(set);
        set = next;
    }
    struct fixture whole = {.count = 0};
    fill(&whole, NULL);
    struct manifest_set *next = load(&whole, NULL, 0, false, set);
    cr_expect_eq(diagnostics_error_count(next->diagnostics), 0u, "%s", fixture_found(next));
    for (size_t k = 0; k < CELLS; k++)
        cr_expect(!manifest_set_cell(next, cells[k])->broken, "%s", cells[k]);
    cr_expect_null(next->platform_reason);
    manifest_set_unref(next);
    manifest_set_unref(set);
}

Test(problem, an_incomplete_listing_removes_nobody)
{
    struct manifest_set *good = load_good();
    struct fixture fixture = {.count = 0};
    fixture_add(&fixture, tree[0].path, tree[0].text);
    fixture_add(&fixture, tree[2].path, tree[2].text);
    fixture_add(&fixture, tree[4].path, tree[4].text);
    struct manifest_set *set = load(&fixture, NULL, 0, true, good);
    cr_assert_eq(set->cell_count, (size_t)CELLS);
    cr_expect(!manifest_set_cell(set, "order")->broken);
    cr_expect(manifest_set_cell(set, "cart")->broken && manifest_set_cell(set, "stock")->broken);
    cr_expect_not_null(strstr(manifest_set_cell(set, "cart")->reason, "unknown"));
    cr_expect_not_null(set->platform_reason, "a native manifest of the platform is not known");
    cr_expect_eq(set->native_count, 2u);
    cr_expect_null(set->unknown);
    manifest_set_unref(set);
    /* Without a fallback nobody knows who is missing. */
    set = load(&fixture, NULL, 0, true, NULL);
    cr_expect_eq(set->cell_count, 1u);
    cr_expect_not_null(set->unknown);
    manifest_set_unref(set);
    manifest_set_unref(good);
}

Test(problem, without_a_fallback_what_hides_is_told)
{
    static const char *const path = "cells/cart";
    struct fixture fixture = {.count = 0};
    fill(&fixture, path);
    struct manifest_set *set = load(&fixture, &path, 1, false, NULL);
    cr_assert_not_null(set->unknown);
    cr_expect_str_eq(set->unknown, "cells/cart: " MESSAGE);
    cr_expect_eq(set->cell_count, 2u);
    cr_expect_null(set->platform_reason, "the phase may name the cell that cannot be read: %s",
                   set->platform_reason);
    /* The next one does not know more, until the problem is gone. */
    struct manifest_set *next = load(&fixture, &path, 1, false, set);
    cr_expect_not_null(next->unknown);
    struct fixture whole = {.count = 0};
    fill(&whole, NULL);
    struct manifest_set *last = load(&whole, NULL, 0, false, next);
    cr_expect_null(last->unknown);
    cr_expect_eq(last->cell_count, (size_t)CELLS);
    manifest_set_unref(last);
    manifest_set_unref(next);
    manifest_set_unref(set);
}

/* A cell that is really gone, beside one that is hidden. */
Test(problem, what_is_gone_is_gone)
{
    static const char *const path = "cells/cart";
    struct manifest_set *good = load_good();
    struct fixture fixture = {.count = 0};
    for (size_t k = 0; k < FILES; k++) {
        if (!is_hidden(tree[k].path, path) && !is_hidden(tree[k].path, "cells/stock"))
            fixture_add(&fixture, tree[k].path, tree[k].text);
    }
    struct manifest_set *set = load(&fixture, &path, 1, false, good);
    cr_expect_not_null(manifest_set_cell(set, "cart"));
    cr_expect_null(manifest_set_cell(set, "stock"));
    manifest_set_unref(set);
    manifest_set_unref(good);
}

/* A native manifest with an error declares nothing new, and what it declared before stays. */
Test(problem, a_native_manifest_with_an_error_is_not_gone)
{
    static const char *const bad = NATIVE("new") "---\n- [\n";
    struct manifest_set *good = load_good();
    struct fixture fixture = {.count = 0};
    for (size_t k = 0; k < FILES; k++)
        fixture_add(&fixture, tree[k].path,
                    strstr(tree[k].path, "native") != NULL ? bad : tree[k].text);
    struct manifest_set *set = load(&fixture, NULL, 0, false, good);
    cr_assert_eq(set->native_count, 2u);
    cr_expect_str_eq(set->natives[0].name, "of-all");
    cr_expect_null(set->natives[0].cell);
    cr_expect_str_eq(set->natives[1].name, "of-order");
    cr_expect_str_eq(set->natives[1].cell, "order");
    cr_expect_not_null(set->platform_reason);
    cr_expect_not_null(strstr(set->platform_reason, "platform/native.yaml:"), "%s",
                       set->platform_reason);
    cr_expect(manifest_set_cell(set, "order")->broken);
    cr_expect(!manifest_set_cell(set, "cart")->broken);
    manifest_set_unref(set);
    manifest_set_unref(good);
}
