/* The places for rollouts side by side: who waits for releases of others leaves them to those. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(places, .timeout = 600);

static const char platform[] =
    PLATFORM_HEAD "  environments: [{name: development}]\n"
                  "  phases: [{name: only, cells: [amber, birch, cedar, zinc]}]\n";

static const char connected[] =
    "  connections:\n"
    "    - {name: zinc, target: acme-zinc, protocol: http, port: 8080}\n"
    "  env: [{name: ZINC, value: \"${CHOREO_CONNECTION_zinc}\"}]\n";

static size_t rolling(const struct world *world)
{
    static const char *const cells[] = {"amber", "birch", "cedar", "zinc"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        count += strcmp(world_node_state(world, cells[i], "development"), "rolling") == 0;
    return count;
}

/* All others come first by name, and there is no order between cells but the connections. */
Test(places, are_not_taken_by_those_who_wait_for_another)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.parallel_nodes = 2;
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform, "amber", "registry.example/amber:1", connected, "birch",
                      "registry.example/birch:1", connected, "cedar", "registry.example/cedar:1",
                      connected, "zinc", "registry.example/zinc:1", NULL, NULL);
    size_t most = 0;
    while (engine_condition(world->engine) != CONDITION_CONVERGED) {
        cr_assert(world_step(world, MINUTES(20)), "not converged within 20 minutes");
        const size_t now = rolling(world);
        most = now > most ? now : most;
    }
    cr_expect_eq(most, 2, "%zu side by side", most);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}
