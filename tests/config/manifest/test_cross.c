/* What must hold between cells, and between cells and the platform. */
#include "tests/config/manifest/fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define PLATFORM(phases)                                                                           \
    "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n  namespace: shop\n" \
    "  projectPrefix: shop-\n  regions: [us, eu]\n"                                                \
    "  environments: [{name: development}, {name: production, regions: [us, eu]}]\n"               \
    "  phases: " phases "\n"

/* A cell with a service on line 6, whose first endpoint is on line 8; what follows begins on 9. */
#define SERVICE(cell, component, endpoint)                                                         \
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: " cell                                 \
    "}\nspec:\n  components:\n    - name: " component                                              \
    "\n      image: registry.example/x:1\n      endpoints: [" endpoint "]\n"

#define HTTP(name, path) "{name: " name ", type: http, port: 80, basePath: " path "}"
#define OPEN(name, path)                                                                           \
    "{name: " name ", type: http, port: 80, basePath: " path ", visibility: [namespace]}"

static void two(struct fixture *fixture, const char *phases, const char *a, const char *b)
{
    fixture_add(fixture, "platform.yaml", phases);
    fixture_add(fixture, "cells/a/cell.yaml", a);
    if (b != NULL)
        fixture_add(fixture, "cells/b/cell.yaml", b);
    fixture_load(fixture, NULL, NULL);
}

static void expect(const struct fixture *fixture, const char *code, const char *path, uint32_t line,
                   uint32_t column, const char *message)
{
    const struct diagnostic *found = fixture_find(fixture, code);
    cr_assert_not_null(found, "no %s in\n%s", code, fixture_found(fixture->set));
    cr_expect_str_eq(found->at.path, path, "%s at %s", code, found->at.path);
    cr_expect(found->at.line == line && found->at.column == column, "%s: at %u:%u, not %u:%u: %s",
              code, found->at.line, found->at.column, line, column, found->message);
    cr_expect_not_null(strstr(found->message, message), "%s: \"%s\"", code, found->message);
}

static bool is_broken(const struct fixture *fixture, const char *name)
{
    const struct manifest_cell *cell = manifest_set_cell(fixture->set, name);
    cr_assert_not_null(cell, "%s", name);
    cr_expect_eq(cell->broken, cell->reason != NULL);
    return cell->broken;
}

#define BOTH PLATFORM("[{name: one, cells: [a, b]}]")

/* --- dependsOn and phases --------------------------------------------------------------------- */

Test(cross, a_circle_is_printed_and_condemns_its_cells_only)
{
    struct fixture f = {0};
    fixture_add(&f, "platform.yaml", PLATFORM("[{name: one, cells: [a, b, c, d]}]"));
    fixture_add(&f, "cells/a/cell.yaml", SERVICE("a", "sa", HTTP("h", "/")) "  dependsOn: [b]\n");
    fixture_add(&f, "cells/b/cell.yaml", SERVICE("b", "sb", HTTP("h", "/")) "  dependsOn: [c]\n");
    fixture_add(&f, "cells/c/cell.yaml", SERVICE("c", "sc", HTTP("h", "/")) "  dependsOn: [a]\n");
    fixture_add(&f, "cells/d/cell.yaml", SERVICE("d", "sd", HTTP("h", "/")) "  dependsOn: [a]\n");
    fixture_load(&f, NULL, NULL);
    expect(&f, "E_CYCLE", "cells/a/cell.yaml", 9, 15, "in a circle: a -> b -> c -> a");
    cr_expect(is_broken(&f, "a") && is_broken(&f, "b") && is_broken(&f, "c"));
    cr_expect_not(is_broken(&f, "d"));
    fixture_free(&f);
}

Test(cross, dependencies)
{
    static const struct {
        const char *depends, *phases, *code, *message;
    } rows[] = {
        {"[a]", BOTH, "E_SELF_DEPENDENCY", "the cell \"a\" depends on itself"},
        {"[x]", BOTH, "E_UNKNOWN_CELL", "dependsOn names the cell \"x\", and there is none"},
        {"[b]", PLATFORM("[{name: one, cells: [a]}, {name: two, cells: [b]}]"), "E_PHASE_ORDER",
         "\"a\" depends on \"b\", which comes in a later phase (two after one)"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char a[1024];
        struct fixture f = {0};
        (void)snprintf(a, sizeof(a), "%s  dependsOn: %s\n", SERVICE("a", "sa", HTTP("h", "/")),
                       rows[i].depends);
        two(&f, rows[i].phases, a, SERVICE("b", "sb", HTTP("h", "/")));
        expect(&f, rows[i].code, "cells/a/cell.yaml", 9, 15, rows[i].message);
        cr_expect(is_broken(&f, "a"));
        cr_expect_not(is_broken(&f, "b"));
        fixture_free(&f);
    }
}

Test(cross, all_others)
{
    struct fixture f = {0};
    two(&f, BOTH, SERVICE("a", "sa", HTTP("h", "/")) "  dependsOn: [\"*\"]\n",
        SERVICE("b", "sb", HTTP("h", "/")));
    const struct cell *a = manifest_set_cell(f.set, "a")->cell;
    cr_assert_not_null(a, "%s", fixture_found(f.set));
    cr_assert_eq(a->depends_on.count, 1u);
    cr_expect_str_eq(a->depends_on.items[0].text, "b");
    cr_expect(a->depends_on_all);
    fixture_free(&f);
}

/* `count` workers, each depending on the next; the last on the first when it is a circle. */
static void chain(struct fixture *f, int count, bool circle)
{
    static char texts[FIXTURE_FILES][512];
    static char platform[4096];
    size_t used = (size_t)snprintf(platform, sizeof(platform), "%s",
                                   PLATFORM("\n    - name: one\n      cells:"));
    for (int i = 0; i < count; i++) {
        char depends[64] = "";
        if (circle || i + 1 < count)
            (void)snprintf(depends, sizeof(depends), "  dependsOn: [c%d]\n", (i + 1) % count);
        static char paths[FIXTURE_FILES][64];
        (void)snprintf(paths[i], sizeof(paths[i]), "cells/c%d/cell.yaml", i);
        (void)snprintf(texts[i], sizeof(texts[i]),
                       "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: c%d}\nspec:\n%s"
                       "  components: [{name: w%d, type: worker, image: \"a:1\"}]\n",
                       i, depends, i);
        used += (size_t)snprintf(platform + used, sizeof(platform) - used, "        - c%d\n", i);
        fixture_add(f, paths[i], texts[i]);
    }
    fixture_add(f, "platform.yaml", platform);
    fixture_load(f, NULL, NULL);
}

Test(cross, long_chains_need_no_recursion)
{
    struct fixture circle = {0}, line = {0}, longer = {0};
    chain(&circle, 70, true);
    expect(&circle, "E_CYCLE", "cells/c0/cell.yaml", 5, 15, "c0 -> c1 -> c2");
    for (size_t i = 0; i < circle.set->cell_count; i++)
        cr_expect(circle.set->cells[i].broken);
    fixture_free(&circle);
    /* Y30: 64 below one another are enough. */
    chain(&line, 65, false);
    cr_expect_eq(diagnostics_error_count(line.set->diagnostics), 0u, "%s", fixture_found(line.set));
    fixture_free(&line);
    chain(&longer, 70, false);
    expect(&longer, "E_DEPENDENCY_DEPTH", "cells/c4/cell.yaml", 5, 15,
           "\"c4\" waits for a chain of more than 64 cells");
    cr_expect_eq(diagnostics_error_count(longer.set->diagnostics), 1u);
    fixture_free(&longer);
}

Test(cross, phases)
{
    struct fixture none = {0}, twice = {0}, missing = {0};
    two(&none, PLATFORM("[{name: one, cells: [b]}]"), SERVICE("a", "sa", HTTP("h", "/")),
        SERVICE("b", "sb", HTTP("h", "/")));
    expect(&none, "E_NO_PHASE", "cells/a/cell.yaml", 3, 18, "the cell \"a\" is in no phase");
    cr_expect(is_broken(&none, "a") && !is_broken(&none, "b"));
    two(&twice, PLATFORM("[{name: one, cells: [a]}, {name: two, cells: [a]}]"),
        SERVICE("a", "sa", HTTP("h", "/")), NULL);
    expect(&twice, "E_TWO_PHASES", "platform.yaml", 9, 57, "the cell \"a\" is in two phases");
    cr_expect_null(twice.set->platform);
    cr_expect_not_null(strstr(twice.set->platform_reason, "platform.yaml:9:57: "));
    /* Y37: a directory that is emptied while the platform still names its cells. */
    two(&missing, BOTH, SERVICE("a", "sa", HTTP("h", "/")), NULL);
    expect(&missing, "E_UNKNOWN_CELL", "platform.yaml", 9, 35,
           "phase \"one\" names the cell \"b\", and there is none");
    cr_expect_not_null(missing.set->platform_reason);
    cr_expect_not(is_broken(&missing, "a"));
    fixture_free(&none);
    fixture_free(&twice);
    fixture_free(&missing);
}

/* --- connections ------------------------------------------------------------------------------ */

Test(cross, connections)
{
    static const struct {
        const char *connection, *provider, *code, *message;
    } rows[] = {
        {"{name: x, target: shop-b, protocol: http, path: /c}",
         SERVICE("b", "sb", OPEN("h", "/b") ", " OPEN("i", "/i")), "E_CONNECTION",
         "no endpoint of \"shop-b\" matches; there are: sb/h (http, port 80, path /b), sb/i (http, "
         "port 80, path /i)"},
        {"{name: x, target: shop-b, protocol: http, port: 80}",
         SERVICE("b", "sb", OPEN("h", "/b") ", " OPEN("i", "/i")), "E_CONNECTION",
         "more than one endpoint of \"shop-b\" matches; there are: sb/h"},
        {"{name: x, target: shop-b, protocol: grpc, port: 80}", SERVICE("b", "sb", OPEN("h", "/b")),
         "E_CONNECTION", "no endpoint of \"shop-b\" matches"},
        {"{name: x, target: shop-b, protocol: http, path: /b}", SERVICE("b", "sb", HTTP("h", "/b")),
         "E_VISIBILITY", "endpoint \"h\" of sb can be called in its own project only"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char a[1024];
        struct fixture f = {0};
        (void)snprintf(a, sizeof(a), "%s  connections: [%s]\n", SERVICE("a", "sa", HTTP("h", "/")),
                       rows[i].connection);
        two(&f, BOTH, a, rows[i].provider);
        expect(&f, rows[i].code, "cells/a/cell.yaml", 9, 17, rows[i].message);
        cr_expect(is_broken(&f, "a") && !is_broken(&f, "b"), "row %zu", i);
        fixture_free(&f);
    }
}

Test(cross, connection_to_nowhere)
{
    struct fixture f = {0};
    two(&f, BOTH,
        SERVICE("a", "sa", HTTP("h", "/")) "  connections: [{name: x, target: shop-c, protocol: "
                                           "http}]\n",
        SERVICE("b", "sb", HTTP("h", "/")));
    expect(&f, "E_UNKNOWN_PROJECT", "cells/a/cell.yaml", 9, 35, "there is no project \"shop-c\"");
    fixture_free(&f);
}

Test(cross, a_reader_of_a_broken_cell_waits_without_an_error_of_its_own)
{
    struct fixture f = {0};
    two(&f, BOTH,
        SERVICE("a", "sa", HTTP("h", "/")) "  connections: [{name: x, target: shop-b, protocol: "
                                           "http}]\n",
        SERVICE("b", "sb", OPEN("h", "/b")) "  suspend: maybe\n");
    cr_expect_eq(diagnostics_error_count(f.set->diagnostics), 1u, "%s", fixture_found(f.set));
    cr_expect(is_broken(&f, "a") && is_broken(&f, "b"));
    cr_expect_not_null(strstr(manifest_set_cell(f.set, "a")->reason, "whose cell cannot be read"));
    cr_expect_str_eq(manifest_set_cell(f.set, "b")->reason,
                     "cells/b/cell.yaml:9:12: \"suspend\" must be true or false, without quotes");
    fixture_free(&f);
}

/* --- names ------------------------------------------------------------------------------------ */

Test(cross, names_that_would_be_shared)
{
    static const struct {
        const char *what, *a, *b, *code;
        uint32_t line, column;
        const char *message;
    } rows[] = {
        {"component in two cells", SERVICE("a", "same", HTTP("h", "/")),
         SERVICE("b", "same", HTTP("i", "/")), "E_COMPONENT_NAME", 6, 13,
         "component \"same\" and component \"same\" of cell \"a\""},
        {"component and slot", SERVICE("a", "web", HTTP("h", "/")),
         SERVICE("b", "web-a", HTTP("h", "/")), "E_COMPONENT_NAME", 6, 13, "slot a of \"web\""},
        {"route of two components", SERVICE("a", "web-api", HTTP("v1", "/")),
         SERVICE("b", "web", HTTP("api-v1", "/")), "E_ROUTE", 8, 26,
         "would share the route \"web-api-v1\""},
        {"binding of two components", SERVICE("a", "web-production", HTTP("h", "/")),
         SERVICE("b", "web", HTTP("i", "/")), "", 0, 0, ""},
    };
    for (size_t i = 0; i + 1 < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f = {0};
        two(&f, BOTH, rows[i].a, rows[i].b);
        expect(&f, rows[i].code, "cells/b/cell.yaml", rows[i].line, rows[i].column,
               rows[i].message);
        cr_expect(is_broken(&f, "a") && is_broken(&f, "b"), "%s", rows[i].what);
        fixture_free(&f);
    }
    /* Environments "eu" and "production-eu" make "<component>-<environment>" ambiguous. */
    struct fixture f = {0};
    two(&f,
        "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n  namespace: "
        "shop\n  regions: [us]\n  environments: [{name: eu}, {name: production-eu}]\n"
        "  phases: [{name: one, cells: [a, b]}]\n",
        rows[3].a, rows[3].b);
    expect(&f, "E_BINDING_NAME", "cells/a/cell.yaml", 6, 13,
           "\"web-production\" on target eu and \"web\" on target production-eu");
    fixture_free(&f);
}

Test(cross, the_newcomer_is_blamed_for_a_collision)
{
    struct fixture before = {0}, after = {0};
    two(&before, PLATFORM("[{name: one, cells: [a]}]"), SERVICE("a", "same", HTTP("h", "/")), NULL);
    cr_assert_not(is_broken(&before, "a"), "%s", fixture_found(before.set));
    fixture_add(&after, "platform.yaml", BOTH);
    fixture_add(&after, "cells/a/cell.yaml", SERVICE("a", "same", HTTP("h", "/")));
    fixture_add(&after, "cells/b/cell.yaml", SERVICE("b", "same", HTTP("h", "/")));
    fixture_load(&after, before.set, before.set);
    cr_expect_not(is_broken(&after, "a"), "%s", fixture_found(after.set));
    cr_expect(is_broken(&after, "b"));
    fixture_free(&before);
    fixture_free(&after);
}

Test(cross, internal_endpoints)
{
    struct fixture f = {0};
    two(&f, PLATFORM("[{name: one, cells: [a]}]"),
        SERVICE("a", "web", HTTP("x", "/") ", " HTTP("x-internal", "/i")), NULL);
    expect(&f, "E_ROUTE", "cells/a/cell.yaml", 8, 72, "would share a route");
    fixture_free(&f);
}

Test(cross, long_names)
{
    struct fixture fits = {0}, f = {0};
    /* 47 + 2 (slot) + 1 + 13 ("production-eu") = 63 */
    two(&fits, PLATFORM("[{name: one, cells: [a]}]"),
        SERVICE("a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", HTTP("x", "/")), NULL);
    cr_expect_not(is_broken(&fits, "a"), "%s", fixture_found(fits.set));
    two(&f, PLATFORM("[{name: one, cells: [a]}]"),
        SERVICE("a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", HTTP("x", "/")), NULL);
    expect(&f, "E_NAME_LENGTH", "cells/a/cell.yaml", 6, 13, "-a-production-eu\" has 64 characters");
    fixture_free(&fits);
    fixture_free(&f);
}

/* Y29: two cells of one name. */
Test(cross, two_cells_of_one_name)
{
    struct fixture f = {0};
    two(&f, PLATFORM("[{name: one, cells: [a]}]"), SERVICE("a", "sa", HTTP("h", "/")),
        SERVICE("a", "sb", HTTP("h", "/")));
    expect(&f, "E_DUPLICATE_CELL", "cells/b/cell.yaml", 3, 18, "two cells are named \"a\"");
    cr_expect(f.set->cells[0].broken && f.set->cells[1].broken);
    fixture_free(&f);
}

/* --- components ------------------------------------------------------------------------------- */

Test(cross, components)
{
    static const struct {
        const char *text, *code;
        uint32_t line, column;
        const char *message;
    } rows[] = {
        {"    - {name: x, image: \"a:1\"}\n", "E_NO_ENDPOINT", 9, 14,
         "a service without endpoints"},
        {"    - {name: x, type: worker, image: \"a:1\", endpoints: [{name: h, type: http, port: "
         "80}]}\n",
         "E_ENDPOINT", 9, 57, "workers and tasks have no endpoints"},
        {"    - {name: x, type: scheduled-task, image: \"a:1\"}\n", "E_SCHEDULE", 9, 14,
         "a scheduled task without schedule"},
        {"    - {name: x, image: \"a:1\", endpoints: [{name: h, type: http, port: 80, targetPort: "
         "8080}]}\n",
         "E_TARGET_PORT", 9, 87, "targetPort 8080 is not the port 80"},
        {"  environments: {prod: {}}\n", "E_UNKNOWN_ENVIRONMENT", 9, 18,
         "there is no environment \"prod\""},
        {"  targets: {development@eu: {}}\n", "E_UNKNOWN_TARGET", 9, 13,
         "there is no target \"development@eu\""},
        {"  environments: {production: {components: {service: {}}}}\n", "E_UNKNOWN_COMPONENT", 9,
         44, "the cell has no component \"service\""},
        {"  environments: {production: {scaling: {min: 9}}}\n  scaling: {max: 5}\n", "E_SCALING", 9,
         31, "min is above max when all layers"},
        {"  stages: [{deploy: [deploy to development, deploy to testing]}]\n", "E_STAGE", 9, 45,
         "the platform's next environment is \"production\""},
        {"  stages: [{deploy: [deploy to development, smoke tests, deploy to production]}]\n",
         "E_STAGE", 9, 45, "the environment \"production\" has no such gate"},
        {"  stages: [{deploy: [deploy to development]}]\n", "E_STAGE", 9, 13,
         "the stage does not deploy to \"production\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[2048];
        struct fixture f = {0};
        (void)snprintf(text, sizeof(text), "%s%s", FIXTURE_CELL, rows[i].text);
        fixture_add(&f, "platform.yaml", fixture_platform);
        fixture_add(&f, "cells/cart/cell.yaml", text);
        fixture_load(&f, NULL, NULL);
        expect(&f, rows[i].code, "cells/cart/cell.yaml", rows[i].line, rows[i].column,
               rows[i].message);
        cr_expect(is_broken(&f, "cart"));
        fixture_free(&f);
    }
}

/* Y36: too many cells are no set at all. */
Test(cross, too_many_cells)
{
    struct manifest_limits limits = manifest_limits_default;
    struct manifest_set *set = NULL;
    struct error err;
    struct fixture f = {0};
    limits.cells = 1;
    fixture_add(&f, "cells/a/cell.yaml", FIXTURE_CELL);
    fixture_add(&f, "cells/b/cell.yaml", FIXTURE_CELL);
    cr_expect_eq(manifest_load(f.files, f.count, &limits, NULL, NULL, &set, &err), ERR_LIMIT);
    cr_expect_str_eq(err.detail, "the revision has 2 cells; at most 1 are read");
    cr_expect_null(set);
}

/* --- keys of secrets -------------------------------------------------------------------------- */

static const char secret_platform[] =
    "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n  namespace: shop\n"
    "  environments: [{name: development}]\n  phases: [{name: all, cells: [cart]}]\n"
    "  nativePaths: [native.yaml]\n";
static const char secret_references[] =
    "apiVersion: openchoreo.dev/v1alpha1\nkind: SecretReference\n"
    "metadata: {name: ledger-db, namespace: shop}\nspec:\n  template: {type: Opaque}\n  data:\n"
    "    - {secretKey: user, remoteRef: {key: a}}\n    - {secretKey: password, remoteRef: {key: "
    "a}}\n"
    "---\napiVersion: openchoreo.dev/v1alpha1\nkind: SecretReference\n"
    "metadata: {name: api-key, namespace: shop}\nspec:\n  data: [{secretKey: key, remoteRef: {key: "
    "b}}]\n";

Test(cross, keys_of_declared_secrets_must_be_there)
{
    static const struct {
        const char *spec, *hint; /* NULL = sound */
    } rows[] = {
        {"  connections: [{name: db, external: {url: \"postgres://db.example/l\", secret: "
         "ledger-db}}]\n",
         "write ledger-db:user, or ledger-db:password"},
        {"  connections: [{name: db, external: {url: \"postgres://db.example/l\", secret: "
         "\"ledger-db:password\"}}]\n",
         NULL},
        {"  connections: [{name: db, external: {url: \"postgres://db.example/l\", secret: "
         "api-key}}]\n",
         NULL},
        {"  configurations: [{name: c, type: secret, mount_type: env variable, env_variables: {A: "
         "\"${LEDGER_DB:usr}\"}}]\n",
         "LEDGER_DB:user"},
        {"  configurations: [{name: c, type: secret, mount_type: env variable, env_variables: {A: "
         "\"${API_KEY}\", B: \"${ON_THE_PLATFORM:x}\", C: \"${ledger-db:user}\"}}]\n",
         NULL},
        {"  configurations: [{name: c, type: secret, mount_type: env variable, env_variables: "
         "{user: "
         "\"${ledger-db}\", password: \"${LEDGER_DB}\"}}]\n",
         NULL},
        {"  configurations: [{name: c, type: secret, mount_type: env variable, env_variables: {A: "
         "\"${ledger-db}\"}}]\n",
         "write ledger-db:user, or ledger-db:password"},
        {"  environments: {development: {configurations: [{name: c, type: secret, mount_type: env "
         "variable, env_variables: {A: \"${api-key:other}\"}}]}}\n",
         "api-key:key"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture fixture = {0};
        char cell[1000];
        (void)snprintf(cell, sizeof(cell), FIXTURE_CELL "%s", rows[i].spec);
        fixture_add(&fixture, "platform.yaml", secret_platform);
        fixture_add(&fixture, "native.yaml", secret_references);
        fixture_add(&fixture, "cells/cart/cell.yaml", cell);
        fixture_load(&fixture, NULL, NULL);
        const struct diagnostic *found = fixture_find(&fixture, "E_SECRET_KEY");
        cr_expect_eq(found == NULL, rows[i].hint == NULL, "row %zu: %s", i,
                     fixture_found(fixture.set));
        if (found != NULL && rows[i].hint != NULL)
            cr_expect_not_null(strstr(found->hint, rows[i].hint), "%s", found->hint);
        cr_expect_eq(diagnostics_error_count(fixture.set->diagnostics), rows[i].hint != NULL,
                     "row %zu: %s", i, fixture_found(fixture.set));
        fixture_free(&fixture);
    }
}

Test(cross, a_platform_without_regions_is_where_openchoreo_puts_things)
{
    struct fixture fixture = {0};
    fixture_add(&fixture, "platform.yaml", secret_platform);
    fixture_add(&fixture, "native.yaml", secret_references);
    fixture_add(&fixture, "cells/cart/cell.yaml", FIXTURE_CELL);
    fixture_load(&fixture, NULL, NULL);
    const struct platform *platform = fixture.set->platform;
    cr_assert_not_null(platform, "%s", fixture_found(fixture.set));
    cr_assert_eq(platform->target_count, 1u);
    cr_expect_str_eq(platform->targets[0].name, "development");
    cr_expect_str_eq(platform->targets[0].region->data_plane_kind.text, "ClusterDataPlane");
    cr_expect_str_eq(platform->targets[0].region->data_plane_name.text, "default");
    fixture_free(&fixture);
}
