/* Components that connect to each other: none of them can wait for all others. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(ring, .timeout = 120);

#define ONE_PHASE                                                                                  \
    PLATFORM_HEAD "  environments: [{name: development}]\n"                                        \
                  "  phases:\n"                                                                    \
                  "    - {name: only, cells: [amber, birch, cedar]}\n"
#define TWO_PHASES                                                                                 \
    PLATFORM_HEAD "  environments: [{name: development}]\n"                                        \
                  "  phases:\n"                                                                    \
                  "    - {name: first, cells: [amber]}\n"                                          \
                  "    - {name: second, cells: [birch, cedar]}\n"

/* Connections of all components of a cell to these cells; "" = none. */
static char *extra(const char *depends, const char *to, const char *rollout)
{
    char *text = NULL;
    char connections[512] = "", variables[512] = "";
    for (const char *at = to; *at != '\0'; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        const int length = (int)strcspn(at, " ");
        const size_t used = strlen(connections), told = strlen(variables);
        snprintf(connections + used, sizeof connections - used,
                 "    - {name: to-%.*s, target: acme-%.*s, protocol: http, port: 8080}\n", length,
                 at, length, at);
        snprintf(variables + told, sizeof variables - told,
                 "    - {name: TO_%.*s, value: \"${CHOREO_CONNECTION_to-%.*s}\"}\n", length, at,
                 length, at);
    }
    cr_assert_geq(asprintf(&text, "%s%s%s%s%s%s", depends, rollout,
                          connections[0] == '\0' ? "" : "  connections:\n", connections,
                          variables[0] == '\0' ? "" : "  env:\n", variables),
                 0);
    return text;
}

struct ring {
    const char *what, *platform;
    const char *depends[3], *to[3]; /* of amber, birch, cedar */
    const char *rollout;
};

static const char canary[] =
    "  rollout: {strategy: canary, steps: [{weight: 50, soak: 10s}], bake: 10s}\n";

static const struct ring rings[] = {
    {"both ways", ONE_PHASE, {"", "", ""}, {"birch", "amber", ""}, ""},
    {"all three", ONE_PHASE, {"", "", ""}, {"birch", "cedar", "amber"}, ""},
    {"each to each", ONE_PHASE, {"", "", ""}, {"birch cedar", "amber cedar", "amber birch"}, ""},
    {"a pair and one more", ONE_PHASE, {"", "", ""}, {"birch", "amber", "birch"}, ""},
    {"to itself", ONE_PHASE, {"", "", ""}, {"amber", "", ""}, ""},
    {"with an order",
     ONE_PHASE,
     {"  dependsOn: [birch]\n", "", ""},
     {"birch", "amber", ""},
     ""},
    {"against the order", ONE_PHASE, {"  dependsOn: [birch]\n", "", ""}, {"", "amber", ""}, ""},
    {"against a longer order",
     ONE_PHASE,
     {"  dependsOn: [birch]\n", "  dependsOn: [cedar]\n", ""},
     {"", "", "amber"},
     ""},
    {"an order and a connection in a circle",
     ONE_PHASE,
     {"  dependsOn: [birch]\n", "", ""},
     {"", "cedar", "amber"},
     ""},
    {"to a later phase", TWO_PHASES, {"", "", ""}, {"birch", "", ""}, ""},
    {"phases and both ways", TWO_PHASES, {"", "", ""}, {"birch", "amber cedar", "birch"}, ""},
    {"canaries", ONE_PHASE, {"", "", ""}, {"birch", "cedar", "amber"}, canary},
};

static void commit(struct world *world, const struct ring *ring, int revision, const char *image)
{
    char *texts[3];
    for (size_t i = 0; i < 3; i++)
        texts[i] = extra(ring->depends[i], ring->to[i], ring->rollout);
    repository_commit(world, revision, ring->platform, "amber", image, texts[0], "birch", image,
                      texts[1], "cedar", image, texts[2], NULL);
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
}

Test(ring, converges_from_nothing)
{
    for (size_t i = 0; i < sizeof rings / sizeof *rings; i++) {
        struct world *world = repository_world();
        commit(world, &rings[i], 1, "registry.example/one:1");
        cr_log_warn("%s", rings[i].what);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect(!world_published(world, "rollback-started", NULL), "%s", rings[i].what);
        expect_no_dangers(world);
        commit(world, &rings[i], 2, "registry.example/one:2");
        world_run(world, 1000);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, i == 11 ? "amber-api-b" : "amber-api-a", "development", "registry.example/one:2");
        expect_no_dangers(world);
        world_free(world);
    }
}
