#include "tests/simulation/script.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "reconciler/resource/object.h"
#include "tests/simulation/law_backend.h"
#include "tests/simulation/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void script_init(struct script *script, uint64_t seed)
{
    *script = (struct script){.chance = chance_stream(seed, 1)};
    monorepo_found(&script->wanted, &script->chance);
    script->good = script->wanted;
    script->changes = 1 + (int)chance_below(&script->chance, 5);
    script->heals = chance_percent(&script->chance, 75);
}

static void install(struct world *world, const char *name, const char *schema)
{
    char *body = NULL;
    CHECK(asprintf(&body,
                   "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"workflowPlaneRef\":{\"kind\":"
                   "\"ClusterWorkflowPlane\",\"name\":\"default\"},\"parameters\":{"
                   "\"openAPIV3Schema\":%s},\"runTemplate\":{\"apiVersion\":"
                   "\"argoproj.io/v1alpha1\",\"kind\":\"Workflow\",\"metadata\":{\"name\":"
                   "\"${metadata.workflowRunName}\",\"namespace\":\"${metadata.namespace}\"},"
                   "\"spec\":{}}}}",
                   name, schema) > 0);
    const struct platform_request request = {.method = "POST",
                                             .path = "/api/v1/clusterworkflows",
                                             .body = body,
                                             .body_length = strlen(body)};
    struct platform_response response;
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    CHECK(response.status == 201);
    platform_response_fini(&response);
    free(body);
}

void script_install(const struct script *script, struct world *world)
{
    (void)script;
    install(world, "smoke", "{\"type\":\"object\",\"properties\":{}}");
    install(world, "image",
            "{\"type\":\"object\",\"required\":[\"repository\"],\"properties\":{\"repository\":{"
            "\"type\":\"object\",\"required\":[\"url\",\"revision\"],\"properties\":{\"url\":{"
            "\"type\":\"string\"},\"appPath\":{\"type\":\"string\",\"default\":\".\"},"
            "\"revision\":{\"type\":\"object\",\"required\":[\"commit\"],\"properties\":{"
            "\"branch\":{\"type\":\"string\",\"default\":\"\"},"
            "\"commit\":{\"type\":\"string\"}}}}}}}");
}
void script_commit(struct script *script, struct world *world, struct law *law, bool *seen)
{
    struct monorepo good = script->wanted;
    for (int i = 0; i < good.plot_count; i++) {
        if (good.plots[i].present && good.plots[i].unreadable) {
            good.plots[i] = script->good.plots[i];
            seen[SIGHT_UNREADABLE_CELL] = true;
        }
    }
    for (int i = 0; i < good.plot_count; i++) {
        for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
            /* What comes back begins anew. */
            const struct plot *is = &good.plots[i], *was = &script->good.plots[i];
            if ((is->present && is->parts[k].present) != (was->present && was->parts[k].present))
                law->drifted_ms = world->now_ms;
        }
    }
    script->good = good;
    if (script->history_count < SCRIPT_HISTORY)
        script->history[script->history_count++] = script->wanted;
    world->rewritten = script->rewritten;
    script->rewritten = false;
    /* The law must know the commit before the engine acts on it. */
    snprintf(world->commit, sizeof world->commit, "%040x", ++script->commits);
    law_new_train(law);
    monorepo_commit(&script->wanted, world, script->commits);
}

/* --- changes ------------------------------------------------------------------------------------
 */

static struct part *any_part(struct script *script, struct plot *plot)
{
    struct part *part = &plot->parts[chance_below(&script->chance, MONOREPO_COMPONENTS)];
    return part->present ? part : &plot->parts[0];
}

static void new_image(struct script *script, struct plot *plot, enum quality quality)
{
    struct part *part = quality == QUALITY_GOOD ? any_part(script, plot) : &plot->parts[0];
    part->version = ++script->wanted.version;
    part->quality = quality;
    part->crashed = false;
    /* What goes forward beside it goes back with it, where the scope says so. */
    if (quality != QUALITY_GOOD && plot->parts[1].present && chance_percent(&script->chance, 60))
        plot->parts[1].version = ++script->wanted.version;
}

/* Of what runs: from one way of taking over to another. */
static void new_policy(struct script *script, struct plot *plot, bool *seen)
{
    const enum policy policy = (enum policy)chance_below(&script->chance, POLICY_PRESET);
    seen[SIGHT_POLICY_CHANGED] |= policy != plot->parts[0].policy;
    plot->parts[0].policy = policy;
    if (chance_percent(&script->chance, 50))
        new_image(script, plot, QUALITY_GOOD);
}

static void freeze(struct script *script, const struct world *world, bool *seen)
{
    const int64_t now = world_now(world).wall.ms / 1000 * 1000;
    script->wanted.freeze_from_ms = now - 1000;
    script->wanted.freeze_to_ms = now + chance_between(&script->chance, 60, 400) * 1000;
    seen[SIGHT_FROZEN] = true;
}

static void toggle_part(struct script *script, struct plot *plot, bool *seen)
{
    struct part *part = &plot->parts[1 + chance_below(&script->chance, MONOREPO_COMPONENTS - 1)];
    seen[part->present ? SIGHT_COMPONENT_REMOVED : SIGHT_COMPONENT_ADDED] = true;
    part->present = !part->present;
}

static void toggle_cell(struct script *script, int at, bool *seen)
{
    struct plot *plot = &script->wanted.plots[at];
    int present = 0;
    for (int i = 0; i < script->wanted.plot_count; i++)
        present += script->wanted.plots[i].present;
    if (!plot->present) {
        plot->present = plot->depends < 0 || script->wanted.plots[plot->depends].present;
        seen[SIGHT_CELL_ADDED] |= plot->present;
    } else if (present > 1 && !monorepo_has_dependents(&script->wanted, at)) {
        plot->present = false;
        plot->unreadable = false;
        seen[SIGHT_CELL_REMOVED] = true;
    }
}

/* What was taken away comes back as often as something else is. */
static int absent_cell(struct script *script, int at)
{
    for (int i = 0; i < script->wanted.plot_count; i++) {
        if (!script->wanted.plots[i].present && chance_percent(&script->chance, 50))
            return i;
    }
    return at;
}

static void go_back(struct script *script, bool forced, bool *seen)
{
    const int version = script->wanted.version;
    script->wanted =
        script->history[chance_below(&script->chance, (unsigned)script->history_count)];
    script->wanted.version = version;
    script->rewritten = forced;
    seen[forced ? SIGHT_FORCE_PUSHED : SIGHT_REVERTED] = true;
}

static void change(struct script *script, const struct world *world, bool *seen)
{
    const int at = (int)chance_below(&script->chance, (unsigned)script->wanted.plot_count);
    struct plot *plot = &script->wanted.plots[at];
    const unsigned what = chance_below(&script->chance, 19);
    if (what < 4) {
        new_image(script, plot, QUALITY_GOOD);
    } else if (what == 4) {
        for (int i = 0; i < script->wanted.plot_count; i++)
            new_image(script, &script->wanted.plots[i], QUALITY_GOOD);
    } else if (what == 5) {
        any_part(script, plot)->configuration++;
    } else if (what == 6) {
        plot->parts[0].replicas = 3 - plot->parts[0].replicas;
        seen[SIGHT_REPLICAS_CHANGED] = true;
    } else if (what == 7) {
        toggle_part(script, plot, seen);
    } else if (what == 8) {
        toggle_cell(script, absent_cell(script, at), seen);
    } else if (what == 9) {
        plot->unreadable = plot->present && !plot->unreadable;
    } else if (what < 12) {
        new_image(script, plot, QUALITY_BROKEN);
    } else if (what < 15) {
        new_image(script, plot, what == 12 ? QUALITY_WORSE : QUALITY_BAD);
    } else if (what == 15) {
        new_policy(script, plot, seen);
    } else if (what == 16) {
        freeze(script, world, seen);
    } else if (what == 17 && chance_percent(&script->chance, 30)) {
        seen[SIGHT_SAME_CONTENT] = true; /* under a new commit */
    } else {
        go_back(script, what == 18, seen);
    }
}

bool script_change(struct script *script, const struct world *world, bool *seen)
{
    if (script->changes == 0)
        return false;
    script->changes--;
    change(script, world, seen);
    return true;
}

static bool is_bad(const struct plot *plot)
{
    bool bad = plot->unreadable;
    for (int k = 0; k < MONOREPO_COMPONENTS; k++)
        bad |= plot->parts[k].present && monorepo_is_bad(&plot->parts[k]);
    return plot->present && bad;
}

bool script_heal(struct script *script)
{
    bool bad = false;
    for (int i = 0; i < script->wanted.plot_count; i++)
        bad |= is_bad(&script->wanted.plots[i]);
    script->healed = script->heals || !bad;
    const bool frozen = script->wanted.freeze_to_ms != 0;
    script->wanted.freeze_from_ms = script->wanted.freeze_to_ms = 0;
    if (!bad || !script->heals)
        return frozen;
    for (int i = 0; i < script->wanted.plot_count; i++) {
        struct plot *plot = &script->wanted.plots[i];
        plot->unreadable = false;
        for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
            if (monorepo_is_bad(&plot->parts[k]))
                plot->parts[k].version = ++script->wanted.version;
            plot->parts[k].quality = QUALITY_GOOD;
            plot->parts[k].crashed = false;
        }
    }
    return true;
}

/* A bad one stops later phases of its train; which train is whose is the engine's to say. */
static bool is_touched(const struct monorepo *wanted, int at)
{
    for (int i = 0; i < wanted->plot_count; i++) {
        if (is_bad(&wanted->plots[i]) &&
            (i == at || wanted->plots[i].phase < wanted->plots[at].phase))
            return true;
    }
    return false;
}

bool script_is_concerned(const struct script *script, int at)
{
    const struct monorepo *wanted = &script->wanted;
    bool concerned[MONOREPO_CELLS];
    for (int i = 0; i < wanted->plot_count; i++)
        concerned[i] = is_touched(wanted, i);
    /* Who calls it waits for it, in circles too. */
    for (int round = 0; round < wanted->plot_count; round++) {
        for (int i = 0; i < wanted->plot_count; i++) {
            const struct plot *plot = &wanted->plots[i];
            concerned[i] = concerned[i] || (plot->depends >= 0 && concerned[plot->depends]) ||
                           (plot->back >= 0 && concerned[plot->back]);
        }
    }
    return concerned[at];
}

/* --- behind celld's back ------------------------------------------------------------------------
 */

static bool delete_object(struct world *world, const char *collection, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "/api/v1/namespaces/acme/%s/%s", collection, name);
    const struct platform_request request = {.method = "DELETE", .path = path};
    struct platform_response response;
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    const bool done = response.status < 300;
    platform_response_fini(&response);
    return done;
}

void script_mend(const struct script *script, struct world *world)
{
    json_t *names = platform_objects(world->platform, "components");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_text_or(json_object_get(json_array_get(names, i), "name"), "");
        json_t *live = platform_object(world->platform, "components", "acme", name);
        const struct plot *plot = NULL;
        const struct part *part = monorepo_part(&script->wanted, name, &plot);
        json_t *patch = json_pack("{s:{s:s}}", "labels", LABEL_MANAGED_BY, LABEL_MANAGED_BY_CELLD);
        if (!object_is_managed(live) && part != NULL && plot->present && part->present)
            platform_tamper(world->platform, "components", "acme", name, patch,
                            world_platform_now(world));
        else if (!object_is_managed(live))
            delete_object(world, "components", name);
        json_decref(patch);
        json_decref(live);
    }
    json_decref(names);
}

/* The same version is the same image, wherever it is named. */
static void condemn(struct script *script, int plot, int version)
{
    script->wanted.plots[plot].parts[0].crashed |=
        script->wanted.plots[plot].parts[0].version == version;
    script->good.plots[plot].parts[0].crashed |=
        script->good.plots[plot].parts[0].version == version;
    for (int i = 0; i < script->history_count; i++)
        script->history[i].plots[plot].parts[0].crashed |=
            script->history[i].plots[plot].parts[0].version == version;
}

bool script_crash(struct script *script, struct world *world, struct chance *chance, bool stable)
{
    const struct monorepo *good = &script->good;
    const int at = (int)chance_below(chance, (unsigned)good->plot_count);
    const struct part *part = &good->plots[at].parts[0];
    const char *target =
        monorepo_target(good, (int)chance_below(chance, (unsigned)monorepo_target_count(good)));
    char key[160], component[32];
    snprintf(key, sizeof key, "rollout/%s/%s/%s", good->plots[at].name, part->name, target);
    const json_t *row = NULL;
    for (size_t i = 0; i < world->row_count && row == NULL; i++)
        row = strcmp(world->rows[i].key, key) == 0 ? world->rows[i].value : NULL;
    if (row == NULL || !json_is_true(json_object_get(row, "has_next")))
        return false;
    const char *slot = json_text_or(json_object_get(row, stable ? "stable_slot" : "next_slot"), "");
    monorepo_component(part, slot[0], component);
    const int64_t now_ms = world_platform_now(world); /* first: what runs is of its last look */
    const struct platform_running running =
        platform_running(world->platform, "acme", component, target);
    const char *colon = strrchr(running.image, ':');
    if (running.ready == 0 || colon == NULL)
        return false;
    platform_image_rule(world->platform, running.image, PLATFORM_IMAGE_CRASHES, 0);
    condemn(script, at, (int)strtol(colon + 1, NULL, 10));
    (void)platform_crash(world->platform, "acme", component, target, now_ms);
    return true; /* those that start later die, too */
}

void script_build(struct world *world)
{
    static const char middle[] = "-build-";
    json_t *names = platform_objects(world->platform, "workflowruns");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_text_or(json_object_get(json_array_get(names, i), "name"), "");
        const char *id = strstr(name, middle);
        unsigned version = 0, quality = 0;
        char cell[16] = "";
        /* NOLINTNEXTLINE(cert-err34-c): the number of values that fit is checked */
        if (id == NULL || sscanf(id + strlen(middle), "%8x%2x", &version, &quality) != 2 ||
            sscanf(name, "%15[^-]", cell) != 1)
            continue;
        struct plot plot = {0};
        snprintf(plot.name, sizeof plot.name, "%s", cell);
        const struct part part = {
            .type = strstr(name, "-worker-") != NULL ? PART_WORKER
                    : strstr(name, "-task-") != NULL ? PART_TASK
                                                     : PART_SERVICE,
            .version = (int)version,
            .quality = (enum quality)quality,
        };
        char image[96];
        monorepo_image(&plot, &part, image);
        json_t *patch =
            json_pack("{s:{s:o}}", "annotations", "openchoreo.dev/workload",
                      json_sprintf("{\"spec\":{\"container\":{\"image\":\"%s\"}}}", image));
        platform_tamper(world->platform, "workflowruns", "acme", name, patch,
                        world_platform_now(world));
        json_decref(patch);
    }
    json_decref(names);
}

bool script_drift(const struct script *script, struct law *law, struct chance *chance)
{
    struct world *world = law->world;
    const struct monorepo *good = &script->good;
    const struct plot *plot = &good->plots[chance_below(chance, (unsigned)good->plot_count)];
    const char *target =
        monorepo_target(good, (int)chance_below(chance, (unsigned)monorepo_target_count(good)));
    char component[32], binding[64];
    monorepo_component(&plot->parts[0], chance_percent(chance, 30) ? 'b' : 'a', component);
    snprintf(binding, sizeof binding, "%s-%s", component, target);
    const int64_t now = world_platform_now(world);
    const unsigned what = chance_below(chance, 3);
    if (what == 0) {
        const bool deleted = delete_object(world, "releasebindings", binding);
        if (deleted)
            law_backend_deleted(law, binding);
        return deleted;
    }
    json_t *patch = what == 1 ? json_pack("{s:{s:{s:i}}}", "spec",
                                          "componentTypeEnvironmentConfigs", "replicas", 7)
                              : json_pack("{s:{s:n}}", "labels", LABEL_MANAGED_BY);
    const bool done =
        what == 1 ? platform_tamper(world->platform, "releasebindings", "acme", binding, patch, now)
                  : platform_tamper(world->platform, "components", "acme", component, patch, now);
    json_decref(patch);
    return done;
}
