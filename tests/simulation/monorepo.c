#include "tests/simulation/monorepo.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "config/base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LIMIT 16384

static const char *const cell_names[MONOREPO_CELLS] = {"amber", "birch", "cedar",
                                                       "dune",  "ember", "fjord"};
static const char *const environment_names[] = {"development", "testing", "production"};
static const char *const quality_words[] = {"", "broken-", "worse-", "bad-"};
static const char *const part_ends[MONOREPO_COMPONENTS] = {"api", "worker", "task"};

/* Who is called calls back, or calls somebody else: so that there are circles, longer ones too. */
static void connect_back(struct monorepo *repository, const struct chance *chance)
{
    struct chance own = *chance; /* no draw more for all others */
    repository->rings = repository->plot_count > 1 && chance_percent(&own, 20);
    for (int i = 0; i < repository->plot_count && repository->rings; i++) {
        const int back = (int)chance_below(&own, (unsigned)repository->plot_count);
        if (chance_percent(&own, 60) && back != repository->plots[i].depends)
            repository->plots[i].back = back;
    }
}

void monorepo_found(struct monorepo *repository, struct chance *chance)
{
    *repository = (struct monorepo){
        .environments = 1 + (int)chance_below(chance, 3),
        .regions = 1 + (int)chance_percent(chance, 40),
        .plot_count = 1 + (int)chance_below(chance, MONOREPO_CELLS),
    };
    if (chance_percent(chance, 50) && repository->plot_count > 3)
        repository->plot_count = 3; /* small ones are quick, and find as much */
    repository->phases = 1 + (int)chance_below(chance, 4);
    if (repository->phases > repository->plot_count)
        repository->phases = repository->plot_count;
    const int late = chance_percent(chance, 20) ? (int)chance_below(chance, 6) : -1;
    repository->manual = repository->environments > 1 && chance_percent(chance, 50);
    repository->workflow = repository->environments > 1 && chance_percent(chance, 40);
    for (int i = 0; i < repository->plot_count; i++) {
        struct plot *plot = &repository->plots[i];
        snprintf(plot->name, sizeof plot->name, "%s", cell_names[i]);
        plot->present = true;
        plot->phase = i * repository->phases / repository->plot_count;
        plot->depends =
            i > 0 && chance_percent(chance, 50) ? (int)chance_below(chance, (unsigned)i) : -1;
        plot->scope = chance_percent(chance, 50) ? 0 : 1 + (int)chance_below(chance, 2);
        plot->connected = plot->depends >= 0 && chance_percent(chance, 60);
        plot->back = -1;
        for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
            struct part *part = &plot->parts[k];
            part->type = (enum part_type)k;
            part->present = k == 0 || chance_percent(chance, 25);
            part->version = ++repository->version;
            part->policy = k > 0 || chance_percent(chance, 40)
                               ? POLICY_ROLLING
                               : (enum policy)chance_below(chance, POLICY_PRESET);
            if (k == 0 && repository->environments == 1 && chance_percent(chance, 5))
                part->policy = POLICY_PRESET; /* they take their time */
            part->forbidden = part->policy != POLICY_ROLLING && chance_percent(chance, 5);
            part->built = chance_percent(chance, 15);
            part->secret = chance_percent(chance, 20);
            part->replicas = 1 + (int)chance_below(chance, 2);
            snprintf(part->name, sizeof part->name, "%s-%s", cell_names[i], part_ends[k]);
        }
    }
    connect_back(repository, chance);
    /* One cell comes later, when nothing needs it yet. */
    if (late > 0 && late < repository->plot_count && !monorepo_has_dependents(repository, late))
        repository->plots[late].present = false;
}

/* --- targets ------------------------------------------------------------------------------------
 */

static const char *environment_name(int index)
{
    CHECK(index >= 0 && (size_t)index < sizeof environment_names / sizeof environment_names[0]);
    return environment_names[index];
}

int monorepo_target_count(const struct monorepo *repository)
{
    return repository->environments + repository->regions - 1;
}

bool monorepo_is_secondary(const struct monorepo *repository, int index)
{
    return index >= repository->environments;
}

const char *monorepo_environment(const struct monorepo *repository, int index)
{
    return environment_name(monorepo_is_secondary(repository, index) ? repository->environments - 1
                                                                     : index);
}

const char *monorepo_target(const struct monorepo *repository, int index)
{
    static const char *const eu[] = {"development-eu", "testing-eu", "production-eu"};
    return monorepo_is_secondary(repository, index) ? eu[repository->environments - 1]
                                                    : environment_name(index);
}

int monorepo_target_find(const struct monorepo *repository, const char *name)
{
    for (int i = 0; i < monorepo_target_count(repository); i++) {
        if (strcmp(monorepo_target(repository, i), name) == 0)
            return i;
    }
    return -1;
}

/* --- names --------------------------------------------------------------------------------------
 */

void monorepo_image(const struct plot *plot, const struct part *part, char ret_image[96])
{
    snprintf(ret_image, 96, "registry.example/%s/%s%s:%d", plot->name, quality_words[part->quality],
             part_ends[part->type], part->version);
}

enum quality monorepo_image_quality(const char *image)
{
    for (int i = QUALITY_BROKEN; i <= QUALITY_BAD; i++) {
        if (strstr(image, quality_words[i]) != NULL)
            return (enum quality)i;
    }
    return QUALITY_GOOD;
}

void monorepo_component(const struct part *part, char slot, char ret_name[32])
{
    if (part->type == PART_SERVICE)
        snprintf(ret_name, 32, "%s-%c", part->name, slot == 'b' ? 'b' : 'a');
    else
        snprintf(ret_name, 32, "%s", part->name);
}

void monorepo_tree(const struct part *part, char ret_tree[41])
{
    snprintf(ret_tree, 41, "%08x%02x%030x", (unsigned)part->version, (unsigned)part->quality,
             (unsigned)part->type);
}

bool monorepo_is_bad(const struct part *part)
{
    return part->quality != QUALITY_GOOD || part->crashed;
}

bool monorepo_is_judged(const struct part *part)
{
    return part->policy == POLICY_BLUE_GREEN_JUDGED || part->policy == POLICY_CANARY_JUDGED ||
           part->policy == POLICY_CANARY_LATENCY || part->policy == POLICY_CANARY_CHEAP;
}

const struct part *monorepo_part(const struct monorepo *repository, const char *component,
                                 const struct plot **ret_plot)
{
    for (int i = 0; i < repository->plot_count; i++) {
        for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
            const struct part *part = &repository->plots[i].parts[k];
            char slots[2][32];
            monorepo_component(part, 'a', slots[0]);
            monorepo_component(part, 'b', slots[1]);
            if (strcmp(part->name, component) == 0 || strcmp(slots[0], component) == 0 ||
                strcmp(slots[1], component) == 0) {
                *ret_plot = &repository->plots[i];
                return part;
            }
        }
    }
    return NULL;
}

const struct plot *monorepo_plot(const struct monorepo *repository, const char *name)
{
    for (int i = 0; i < repository->plot_count; i++) {
        if (strcmp(repository->plots[i].name, name) == 0)
            return &repository->plots[i];
    }
    return NULL;
}

bool monorepo_has_dependents(const struct monorepo *repository, int plot)
{
    for (int i = 0; i < repository->plot_count; i++) {
        const struct plot *other = &repository->plots[i];
        if (other->present && i != plot && (other->depends == plot || other->back == plot))
            return true;
    }
    return false;
}

/* --- files --------------------------------------------------------------------------------------
 */

static void write_environment(const struct monorepo *repository, int index, struct text *out)
{
    text_format(out, "    - name: %s\n", environment_name(index));
    if (index == repository->environments - 1 && repository->regions > 1)
        text_add(out, "      regions: [us, eu]\n");
    const bool manual = repository->manual && index == repository->environments - 1;
    const bool workflow = repository->workflow && index == 1;
    if (!manual && !workflow)
        return;
    text_add(out, "      gates:\n");
    if (workflow)
        text_add(out, "        - {name: smoke, workflow: {name: smoke}, timeout: 5m}\n");
    if (manual)
        text_add(out, "        - {name: approval, manual: {}}\n");
}

static void write_freeze(const struct monorepo *repository, struct text *out)
{
    if (repository->freeze_to_ms == 0)
        return;
    char from[WALL_TIME_TEXT_SIZE], to[WALL_TIME_TEXT_SIZE];
    wall_time_format((struct wall_time){repository->freeze_from_ms}, from);
    wall_time_format((struct wall_time){repository->freeze_to_ms}, to);
    text_format(out, "  freeze: [{name: calm, from: %.19sZ, to: %.19sZ, environments: [%s]}]\n",
                from, to, environment_name(repository->environments - 1));
}

static void write_platform(const struct monorepo *repository, struct text *out)
{
    text_add(out, "apiVersion: celld.dev/v1\n"
                  "kind: Platform\n"
                  "metadata: {name: acme}\n"
                  "spec:\n"
                  "  namespace: acme\n"
                  "  projectPrefix: acme-\n"
                  "  regions:\n"
                  "    - {name: us, dataPlane: {kind: ClusterDataPlane, name: us}}\n"
                  "    - {name: eu, dataPlane: {kind: ClusterDataPlane, name: eu}}\n"
                  "  prune: {budget: \"10%\", minimum: 3}\n"
                  "  environments:\n");
    for (int i = 0; i < repository->environments; i++)
        write_environment(repository, i, out);
    write_freeze(repository, out);
    text_add(out, "  phases:\n");
    for (int phase = 0; phase < repository->phases; phase++) {
        bool first = true;
        for (int i = 0; i < repository->plot_count; i++) {
            const struct plot *plot = &repository->plots[i];
            if (!plot->present || plot->phase != phase)
                continue;
            if (first)
                text_format(out, "    - {name: phase-%d, cells: [%s", phase, plot->name);
            else
                text_format(out, ", %s", plot->name);
            first = false;
        }
        if (!first)
            text_add(out, "]}\n");
    }
}

static void write_part(const struct plot *plot, const struct part *part, struct text *out)
{
    static const char *const types[] = {"service", "worker", "scheduled-task"};
    char image[96], policy[512];
    monorepo_image(plot, part, image);
    text_format(out, "    - name: %s\n      type: %s\n", part->name, types[part->type]);
    if (part->built)
        text_format(out, "      source: src/%s\n      build: {workflow: {name: image}}\n",
                    part->name);
    else
        text_format(out, "      image: %s\n", image);
    text_add(out, monorepo_policy(part->policy, part->forbidden, policy));
    if (part->secret)
        text_add(out, "      configurations:\n"
                      "        - {name: key, type: secret, mount_type: env variable, "
                      "env_variables: {KEY: \"${API_KEY}\"}}\n");
    if (part->type == PART_SERVICE)
        text_format(out,
                    "      endpoints:\n"
                    "        - {name: http, type: http, port: 8080, basePath: /%s, visibility: "
                    "[namespace, external]}\n",
                    plot->name);
    if (part->type == PART_TASK)
        text_add(out, "      schedule: \"0 3 * * *\"\n");
    else
        text_format(out, "      replicas: %d\n", part->replicas);
    text_format(out, "      env: [{name: LEVEL, value: \"%d\"}]\n", part->configuration);
}

static void write_connections(const struct monorepo *repository, const struct plot *plot,
                              struct text *out)
{
    const bool back = plot->back >= 0 && repository->plots[plot->back].present;
    if (!plot->connected && !back)
        return;
    text_add(out, "  connections:\n");
    if (plot->connected)
        text_format(out, "    - {name: up, target: acme-%s, protocol: http, port: 8080}\n",
                    repository->plots[plot->depends].name);
    if (back)
        text_format(out, "    - {name: back, target: acme-%s, protocol: http, port: 8080}\n",
                    repository->plots[plot->back].name);
    text_add(out, "  env:\n");
    if (plot->connected)
        text_add(out, "    - {name: UP, value: \"${CHOREO_CONNECTION_up}\"}\n");
    if (back)
        text_add(out, "    - {name: BACK, value: \"${CHOREO_CONNECTION_back}\"}\n");
}

static void write_cell(const struct monorepo *repository, const struct plot *plot, struct text *out)
{
    text_format(out,
                "apiVersion: celld.dev/v1\n"
                "kind: Cell\n"
                "metadata: {name: %s}\n"
                "spec:\n",
                plot->name);
    if (plot->unreadable)
        text_add(out, "  compnents: []\n");
    if (plot->depends >= 0)
        text_format(out, "  dependsOn: [%s]\n", repository->plots[plot->depends].name);
    write_connections(repository, plot, out);
    static const char *const scopes[] = {"component", "cell", "phase"};
    text_format(out, "  rollout: {progressDeadline: 90s, bake: 10s, rollback: {scope: %s}}\n",
                scopes[plot->scope]);
    text_add(out, "  components:\n");
    for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
        if (plot->parts[k].present)
            write_part(plot, &plot->parts[k], out);
    }
}

/* The world borrows them: they live as long as the program. */
static void give_trees(const struct monorepo *repository, struct world *world)
{
    static struct source_tree trees[MONOREPO_CELLS * MONOREPO_COMPONENTS];
    static char ids[MONOREPO_CELLS * MONOREPO_COMPONENTS][41];
    static char names[MONOREPO_CELLS * MONOREPO_COMPONENTS][2][24];
    size_t count = 0;
    for (int i = 0; i < repository->plot_count; i++) {
        const struct plot *plot = &repository->plots[i];
        for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
            const struct part *part = &plot->parts[k];
            if (!plot->present || !part->present || !part->built)
                continue;
            monorepo_tree(part, ids[count]);
            snprintf(names[count][0], sizeof names[count][0], "%s", plot->name);
            snprintf(names[count][1], sizeof names[count][1], "%s", part->name);
            trees[count] = (struct source_tree){names[count][0], names[count][1], ids[count]};
            count++;
        }
    }
    world->trees = trees;
    world->tree_count = count;
}

void monorepo_commit(const struct monorepo *repository, struct world *world, unsigned number)
{
    struct world_file files[MONOREPO_CELLS + 1];
    struct text texts[MONOREPO_CELLS + 1];
    char paths[MONOREPO_CELLS][64];
    size_t count = 0;
    text_init(&texts[0], TEXT_LIMIT);
    write_platform(repository, &texts[0]);
    files[count++] = (struct world_file){"platform.yaml", text_get(&texts[0])};
    for (int i = 0; i < repository->plot_count; i++) {
        const struct plot *plot = &repository->plots[i];
        if (!plot->present)
            continue;
        text_init(&texts[count], TEXT_LIMIT);
        write_cell(repository, plot, &texts[count]);
        snprintf(paths[i], sizeof paths[i], "cells/%s/cell.yaml", plot->name);
        files[count] = (struct world_file){paths[i], text_get(&texts[count])};
        count++;
    }
    give_trees(repository, world);
    char commit[41];
    snprintf(commit, sizeof commit, "%040x", number);
    world_commit(world, commit, files, count);
    for (size_t i = 0; i < count; i++)
        text_fini(&texts[i]);
}
