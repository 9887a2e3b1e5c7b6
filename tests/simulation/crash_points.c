/* kill -9 at every write (unsent, sent, applied, answered) and every row (before, after) of two
 * scenarios: a first deployment, and a bad release that is rolled back and then fixed. Each run
 * must come to the same end as the one that nobody killed. */
#include "config/base/check.h"
#include "config/base/json.h"
#include "tests/simulation/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS(n) (INT64_C(1000) * (n))

static const char platform[] =
    "apiVersion: celld.dev/v1\n"
    "kind: Platform\n"
    "metadata: {name: acme}\n"
    "spec:\n"
    "  namespace: acme\n"
    "  projectPrefix: acme-\n"
    "  regions: [{name: us, dataPlane: {kind: ClusterDataPlane, name: us}}]\n"
    "  environments: [{name: development}, {name: testing}]\n"
    "  phases: [{name: first, cells: [shop]}]\n";

static void commit(struct world *world, unsigned number, const char *image)
{
    char cell[512], id[41];
    snprintf(cell, sizeof cell,
             "apiVersion: celld.dev/v1\n"
             "kind: Cell\n"
             "metadata: {name: shop}\n"
             "spec:\n"
             "  rollout: {progressDeadline: 30s}\n"
             "  components:\n"
             "    - name: shop-api\n"
             "      type: service\n"
             "      image: registry.example/%s\n"
             "      endpoints: [{name: http, type: http, port: 8080, visibility: [namespace]}]\n",
             image);
    snprintf(id, sizeof id, "%040x", number);
    const struct world_file files[] = {{"platform.yaml", platform}, {"cells/shop/cell.yaml", cell}};
    world_commit(world, id, files, 2);
}

static void first_deployment(struct world *world)
{
    commit(world, 1, "shop:1");
    world_run(world, SECONDS(300));
}

static void bad_release(struct world *world)
{
    commit(world, 1, "shop:1");
    world_run(world, SECONDS(60));
    commit(world, 2, "broken:2");
    world_run(world, SECONDS(150));
    commit(world, 3, "shop:3");
    world_run(world, SECONDS(300));
}

/* --- ends ---------------------------------------------------------------------------------------
 */

/* Names and specs of all objects, without what differs from run to run. */
static json_t *end_of(const struct world *world)
{
    static const char *const collections[] = {
        "projects",          "projectreleasebindings", "components",   "workloads",
        "componentreleases", "releasebindings",        "environments", "deploymentpipelines"};
    json_t *end = json_object();
    for (size_t i = 0; i < sizeof collections / sizeof *collections; i++) {
        json_t *names = platform_objects(world->platform, collections[i]), *specs = json_object();
        for (size_t k = 0; k < json_array_size(names); k++) {
            const json_t *item = json_array_get(names, k);
            const char *name = json_text_or(json_object_get(item, "name"), "");
            json_t *object =
                platform_object(world->platform, collections[i],
                                json_text_or(json_object_get(item, "namespace"), ""), name);
            json_object_set(specs, name, json_object_get(object, "spec"));
            json_decref(object);
        }
        json_object_set_new(end, collections[i], specs);
        json_decref(names);
    }
    static const char *const targets[] = {"development", "testing"};
    for (size_t i = 0; i < 2; i++) {
        const struct platform_running running =
            platform_running(world->platform, "acme", "shop-api-a", targets[i]);
        json_object_set_new(end, targets[i],
                            json_sprintf("%s %d/%d", running.image, running.ready, running.wanted));
    }
    json_t *inventory = json_object();
    for (size_t i = 0; i < world->row_count; i++) {
        const char *key = world->rows[i].key;
        if (strncmp(key, "inventory/", 10) == 0 || strncmp(key, "intent/", 7) == 0 ||
            strncmp(key, "quarantine/", 11) == 0)
            json_object_set_new(inventory, key, json_true());
        else if (strncmp(key, "rollout/", 8) == 0)
            json_object_set(inventory, key, json_object_get(world->rows[i].value, "state"));
    }
    json_object_set_new(end, "rows", inventory);
    return end;
}

static bool is_sound(const struct world *world, char *ret_problem, size_t size)
{
    const struct platform_dangers dangers = platform_danger(world->platform), none = {0};
    char *different = world_rows_differ(world);
    ret_problem[0] = '\0';
    if (engine_condition(world->engine) != CONDITION_CONVERGED)
        snprintf(ret_problem, size, "it has not converged");
    else if (memcmp(&dangers, &none, sizeof none) != 0)
        snprintf(ret_problem, size, "it met a danger");
    else if (different != NULL)
        snprintf(ret_problem, size, "journal and engine differ in %s", different);
    free(different);
    return ret_problem[0] == '\0';
}

/* --- points -------------------------------------------------------------------------------------
 */

static const char *const points[WORLD_CRASH_COUNT] = {
    "never",          "write unsent",    "write sent", "write applied",
    "write answered", "row not durable", "row durable"};

struct scenario {
    const char *name;
    void (*play)(struct world *world);
};

static struct world *start(enum world_crash crash, uint64_t at)
{
    struct world_options options;
    world_options_default(&options);
    options.bytes = false;
    options.crash = crash;
    options.crash_at = at;
    return world_new(&options);
}

/* Returns whether the run came to the golden end. */
static bool try_point(const struct scenario *scenario, const json_t *golden, enum world_crash crash,
                      uint64_t at)
{
    struct world *world = start(crash, at);
    scenario->play(world);
    world_run(world, SECONDS(120));
    char problem[256];
    bool same = is_sound(world, problem, sizeof problem);
    json_t *end = end_of(world);
    if (same && world->kills != 1) {
        snprintf(problem, sizeof problem, "nobody was killed");
        same = false;
    }
    const char *part;
    json_t *value;
    json_object_foreach(end, part, value)
    {
        if (!same || json_equal(value, json_object_get(golden, part)))
            continue;
        char *is = json_dumps(value, JSON_ENCODE_ANY);
        snprintf(problem, sizeof problem, "%s differs: %.200s", part, is);
        free(is);
        same = false;
    }
    if (!same)
        printf("%s, %s %" PRIu64 ": %s\n", scenario->name, points[crash], at, problem);
    json_decref(end);
    world_free(world);
    return same;
}

static unsigned try_all(const struct scenario *scenario, unsigned *points_tried)
{
    struct world *whole = start(WORLD_CRASH_NEVER, 0);
    scenario->play(whole);
    world_run(whole, SECONDS(120));
    char problem[256];
    unsigned failures = !is_sound(whole, problem, sizeof problem);
    if (failures > 0)
        printf("%s: %s\n", scenario->name, problem);
    json_t *golden = end_of(whole);
    const uint64_t writes = whole->writes, persists = whole->persists;
    world_free(whole);
    for (int crash = WORLD_CRASH_UNSENT; crash < WORLD_CRASH_COUNT; crash++) {
        const uint64_t count = crash < WORLD_CRASH_UNPERSISTED ? writes : persists;
        for (uint64_t at = 1; at <= count; at++) {
            failures += !try_point(scenario, golden, (enum world_crash)crash, at);
            ++*points_tried;
        }
    }
    printf("%s: %" PRIu64 " writes, %" PRIu64 " rows\n", scenario->name, writes, persists);
    json_decref(golden);
    return failures;
}

int main(void)
{
    static const struct scenario scenarios[] = {{"first deployment", first_deployment},
                                                {"bad release", bad_release}};
    unsigned failures = 0, tried = 0;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        failures += try_all(&scenarios[i], &tried);
    printf("%u crash points, %u failed\n", tried, failures);
    return failures > 0;
}
