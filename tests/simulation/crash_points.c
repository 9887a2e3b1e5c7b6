/* crash_points [--every N] [--doubles N | near | all] [--scenario NAME]: kill -9 at every write
 * (unsent, sent, applied, answered) and every row (before, after) of golden runs: a first
 * deployment, a bad release that is rolled back and then fixed, blue-green, canaries that the judge
 * finds good and bad. Each run must come to the same end as the one that nobody killed. `every`: of
 * the long runs only each N-th point; `doubles`: so many pairs of points, of each point those with
 * what comes next after it (in the recovery), or all of them. */
#include "config/base/check.h"
#include "config/base/json.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/traffic.h"

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

/* --- golden rollouts ----------------------------------------------------------------------------
 */

static struct traffic traffic;
static struct monorepo shop;

/* Lets time go by while requests come in. */
static void serve(struct world *world, int64_t ms)
{
    const int64_t until = world->now_ms + ms;
    while (world_step(world, until))
        traffic_look(&traffic, &shop);
}

static json_t *metrics(void *context, struct world *world, const json_t *query,
                       struct error *ret_err)
{
    (void)context;
    (void)world;
    traffic_look(&traffic, &shop);
    return traffic_answer(&traffic, query, ret_err);
}

static void release(struct world *world, unsigned number, enum quality quality)
{
    struct part *part = &shop.plots[0].parts[0];
    part->version = (int)number;
    part->quality = quality;
    monorepo_commit(&shop, world, number);
}

static void roll_out(struct world *world, enum policy policy, enum quality quality)
{
    shop = (struct monorepo){.environments = 2, .regions = 1, .phases = 1, .plot_count = 1};
    struct plot *plot = &shop.plots[0];
    snprintf(plot->name, sizeof plot->name, "shop");
    plot->present = true;
    plot->depends = plot->back = -1;
    plot->parts[0] = (struct part){
        .type = PART_SERVICE, .present = true, .policy = policy, .replicas = 1, .name = "shop-api"};
    traffic_init(&traffic, world);
    release(world, 1, QUALITY_GOOD);
    serve(world, SECONDS(150));
    release(world, 2, quality);
    serve(world, SECONDS(480));
    if (quality != QUALITY_GOOD) {
        release(world, 3, QUALITY_GOOD);
        serve(world, SECONDS(480));
    }
    traffic_fini(&traffic);
}

static void blue_green(struct world *world)
{
    roll_out(world, POLICY_BLUE_GREEN_JUDGED, QUALITY_GOOD);
}

static void canary_good(struct world *world)
{
    roll_out(world, POLICY_CANARY_JUDGED, QUALITY_GOOD);
}

static void canary_bad(struct world *world)
{
    roll_out(world, POLICY_CANARY_JUDGED, QUALITY_BAD);
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
        struct platform_running running[2];
        running[0] = platform_running(world->platform, "acme", "shop-api-a", targets[i]);
        running[1] = platform_running(world->platform, "acme", "shop-api-b", targets[i]);
        json_object_set_new(end, targets[i],
                            json_sprintf("%s %d/%d %s %d/%d", running[0].image, running[0].ready,
                                         running[0].wanted, running[1].image, running[1].ready,
                                         running[1].wanted));
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
    bool quick; /* all of its points are always tried */
};

struct point {
    enum world_crash crash;
    uint64_t at;
};

static struct world *start(struct point first, struct point second)
{
    struct world_options options;
    world_options_default(&options);
    options.bytes = false;
    options.crash = first.crash;
    options.crash_at = first.at;
    options.crash_again = second.crash;
    options.crash_again_at = second.at;
    options.metrics = metrics;
    return world_new(&options);
}

static void finish(const struct scenario *scenario, struct world *world)
{
    scenario->play(world);
    world_run(world, SECONDS(120));
}

/* Returns whether the run came to the golden end. `ret_reached` (NULL = not wanted): the writes and
 * rows that had been before the first death. */
static bool try_points(const struct scenario *scenario, const json_t *golden, struct point first,
                       struct point second, uint64_t ret_reached[2])
{
    struct world *world = start(first, second);
    finish(scenario, world);
    char problem[512];
    bool same = is_sound(world, problem, sizeof problem);
    json_t *end = end_of(world);
    /* After the first death there may be fewer writes than the second waits for. */
    if (same && world->kills < 1) {
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
        snprintf(problem, sizeof problem, "%s differs: %.400s", part, is);
        free(is);
        same = false;
    }
    if (!same)
        printf("%s, %s %" PRIu64 ", then %s %" PRIu64 ": %s\n  replay: crash_points --point "
               "%s:%d:%" PRIu64 ":%d:%" PRIu64 "\n",
               scenario->name, points[first.crash], first.at, points[second.crash], second.at,
               problem, scenario->name, (int)first.crash, first.at, (int)second.crash, second.at);
    if (ret_reached != NULL) {
        ret_reached[0] = world->died_writes;
        ret_reached[1] = world->died_persists;
    }
    json_decref(end);
    world_free(world);
    return same;
}

struct golden {
    json_t *end;
    uint64_t writes, persists;
};

static struct golden play_golden(const struct scenario *scenario, unsigned *failures)
{
    struct world *whole = start((struct point){0}, (struct point){0});
    finish(scenario, whole);
    char problem[256];
    if (!is_sound(whole, problem, sizeof problem)) {
        ++*failures;
        printf("%s: %s\n", scenario->name, problem);
    }
    const struct golden golden = {end_of(whole), whole->writes, whole->persists};
    world_free(whole);
    return golden;
}

/* The n-th of all points of a run, from 0; crash = NEVER past the last. */
static struct point point_at(const struct golden *golden, uint64_t n)
{
    for (int crash = WORLD_CRASH_UNSENT; crash < WORLD_CRASH_COUNT; crash++) {
        const uint64_t count = crash < WORLD_CRASH_UNPERSISTED ? golden->writes : golden->persists;
        if (n < count)
            return (struct point){(enum world_crash)crash, n + 1};
        n -= count;
    }
    return (struct point){0};
}

struct wish {
    uint64_t every, doubles;
    bool near;
    const char *scenario; /* NULL = all */
};

/* The second death comes with one of these many next writes and rows. */
#define NEAR_WRITES 2
#define NEAR_ROWS 4

/* After each death, another one in the recovery. */
static unsigned try_near(const struct scenario *scenario, const struct golden *golden,
                         struct point first, const uint64_t reached[2], unsigned *tried)
{
    unsigned failures = 0;
    for (int crash = WORLD_CRASH_UNSENT; crash < WORLD_CRASH_COUNT; crash++) {
        const bool write = crash < WORLD_CRASH_UNPERSISTED;
        for (uint64_t n = 1; n <= (write ? NEAR_WRITES : NEAR_ROWS); n++) {
            const struct point second = {(enum world_crash)crash, reached[write ? 0 : 1] + n};
            failures += !try_points(scenario, golden->end, first, second, NULL);
            ++*tried;
        }
    }
    return failures;
}

static unsigned try_singles(const struct scenario *scenario, const struct golden *golden,
                            const struct wish *wish, unsigned *tried)
{
    unsigned failures = 0;
    const uint64_t count = 4 * golden->writes + 2 * golden->persists;
    for (uint64_t n = 0; n < count; n += scenario->quick ? 1 : wish->every) {
        const struct point first = point_at(golden, n);
        uint64_t reached[2];
        failures += !try_points(scenario, golden->end, first, (struct point){0}, reached);
        ++*tried;
        if (wish->near)
            failures += try_near(scenario, golden, first, reached, tried);
    }
    return failures;
}

static unsigned try_doubles(const struct scenario *scenario, const struct golden *golden,
                            const struct wish *wish, unsigned *tried)
{
    unsigned failures = 0;
    struct chance chance = chance_stream(wish->doubles, 9);
    const uint64_t count = 4 * golden->writes + 2 * golden->persists;
    const uint64_t pairs = wish->doubles == UINT64_MAX ? count * count : wish->doubles;
    for (uint64_t i = 0; i < pairs; i++) {
        const uint64_t n = wish->doubles == UINT64_MAX ? i : chance_next(&chance) % (count * count);
        failures += !try_points(scenario, golden->end, point_at(golden, n / count),
                                point_at(golden, n % count), NULL);
        ++*tried;
    }
    return failures;
}

static unsigned try_all(const struct scenario *scenario, const struct wish *wish, unsigned *tried)
{
    unsigned failures = 0;
    const struct golden golden = play_golden(scenario, &failures);
    failures += try_singles(scenario, &golden, wish, tried);
    failures += try_doubles(scenario, &golden, wish, tried);
    printf("%s: %" PRIu64 " writes, %" PRIu64 " rows\n", scenario->name, golden.writes,
           golden.persists);
    (void)fflush(stdout);
    json_decref(golden.end);
    return failures;
}

static const struct scenario scenarios[] = {{"first-deployment", first_deployment, true},
                                            {"bad-release", bad_release, true},
                                            {"blue-green", blue_green, false},
                                            {"canary-good", canary_good, false},
                                            {"canary-bad", canary_bad, false}};

/* name:crash:at:crash:at, as a failure prints it. */
static int replay(const char *text)
{
    char name[32];
    int first = 0, second = 0;
    uint64_t first_at = 0, second_at = 0;
    /* NOLINTNEXTLINE(cert-err34-c): the number of values that fit is checked */
    if (sscanf(text, "%31[^:]:%d:%" SCNu64 ":%d:%" SCNu64, name, &first, &first_at, &second,
               &second_at) != 5)
        return 2;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(scenarios[i].name, name) != 0)
            continue;
        unsigned failures = 0;
        const struct golden golden = play_golden(&scenarios[i], &failures);
        failures += !try_points(&scenarios[i], golden.end,
                                (struct point){(enum world_crash)first, first_at},
                                (struct point){(enum world_crash)second, second_at}, NULL);
        json_decref(golden.end);
        return failures > 0;
    }
    return 2;
}

static bool is_scenario(const char *name)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(name, scenarios[i].name) == 0)
            return true;
    }
    return false;
}

static void usage(void)
{
    fprintf(stderr, "usage: crash_points [--every N] [--doubles N | near | all] [--scenario NAME]\n"
                    "       crash_points --point SCENARIO:KIND:NUMBER:KIND:NUMBER\n"
                    "scenarios:");
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        fprintf(stderr, " %s", scenarios[i].name);
    fprintf(stderr, "\n");
}

static bool parse(int argc, char **argv, struct wish *wish)
{
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        const uint64_t number = strtoull(value, NULL, 10);
        const bool doubles = strcmp(argv[i], "--doubles") == 0;
        if (strcmp(argv[i], "--every") == 0 && number > 0)
            wish->every = number;
        else if (strcmp(argv[i], "--scenario") == 0 && is_scenario(value))
            wish->scenario = value;
        else if (doubles && strcmp(value, "near") == 0)
            wish->near = true;
        else if (doubles && strcmp(value, "all") == 0)
            wish->doubles = UINT64_MAX;
        else if (doubles && number > 0)
            wish->doubles = number;
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--point") == 0)
        return replay(argv[2]);
    struct wish wish = {.every = 1};
    if (!parse(argc, argv, &wish)) {
        usage();
        return 64;
    }
    unsigned failures = 0, tried = 0;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (wish.scenario == NULL || strcmp(wish.scenario, scenarios[i].name) == 0)
            failures += try_all(&scenarios[i], &wish, &tried);
    }
    printf("%u crash points, %u failed\n", tried, failures);
    return failures > 0;
}
