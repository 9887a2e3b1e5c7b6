#include "tests/simulation/script.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "reconciler/resource/object.h"
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

void script_install(const struct script *script, struct world *world)
{
    (void)script;
    static const char body[] =
        "{\"metadata\":{\"name\":\"smoke\"},\"spec\":{\"workflowPlaneRef\":{\"kind\":"
        "\"ClusterWorkflowPlane\",\"name\":\"default\"},\"parameters\":{\"openAPIV3Schema\":{"
        "\"type\":\"object\",\"properties\":{}}},\"runTemplate\":{\"apiVersion\":"
        "\"argoproj.io/v1alpha1\",\"kind\":\"Workflow\",\"metadata\":{\"name\":"
        "\"${metadata.workflowRunName}\",\"namespace\":\"${metadata.namespace}\"},\"spec\":{}}}}";
    const struct platform_request request = {.method = "POST",
                                             .path = "/api/v1/clusterworkflows",
                                             .body = body,
                                             .body_length = sizeof body - 1};
    struct platform_response response;
    platform_handle(world->platform, &request, world_now(world).wall.ms, &response);
    if (response.status != 201)
        fprintf(stderr, "%d %s\n", response.status, response.body == NULL ? "" : response.body);
    CHECK(response.status == 201);
    platform_response_fini(&response);
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

static void new_image(struct script *script, struct plot *plot, bool broken)
{
    struct part *part = broken ? &plot->parts[0] : any_part(script, plot);
    part->version = ++script->wanted.version;
    part->broken = broken;
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

static void change(struct script *script, bool *seen)
{
    const int at = (int)chance_below(&script->chance, (unsigned)script->wanted.plot_count);
    struct plot *plot = &script->wanted.plots[at];
    const unsigned what = chance_below(&script->chance, 13);
    if (what < 3) {
        new_image(script, plot, false);
    } else if (what == 3) {
        for (int i = 0; i < script->wanted.plot_count; i++)
            new_image(script, &script->wanted.plots[i], false);
    } else if (what == 4) {
        any_part(script, plot)->configuration++;
    } else if (what == 5) {
        plot->parts[0].replicas = 3 - plot->parts[0].replicas;
        seen[SIGHT_REPLICAS_CHANGED] = true;
    } else if (what == 6) {
        toggle_part(script, plot, seen);
    } else if (what == 7) {
        toggle_cell(script, absent_cell(script, at), seen);
    } else if (what == 8) {
        plot->unreadable = plot->present && !plot->unreadable;
    } else if (what < 11) {
        new_image(script, plot, true);
    } else {
        go_back(script, what == 12, seen);
    }
}

bool script_change(struct script *script, bool *seen)
{
    if (script->changes == 0)
        return false;
    script->changes--;
    change(script, seen);
    return true;
}

static bool is_bad(const struct plot *plot)
{
    bool bad = plot->unreadable;
    for (int k = 0; k < MONOREPO_COMPONENTS; k++)
        bad |= plot->parts[k].present && plot->parts[k].broken;
    return plot->present && bad;
}

bool script_heal(struct script *script)
{
    bool bad = false;
    for (int i = 0; i < script->wanted.plot_count; i++)
        bad |= is_bad(&script->wanted.plots[i]);
    script->healed = script->heals || !bad;
    if (!bad || !script->heals)
        return false;
    for (int i = 0; i < script->wanted.plot_count; i++) {
        struct plot *plot = &script->wanted.plots[i];
        plot->unreadable = false;
        for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
            if (plot->parts[k].broken)
                plot->parts[k].version = ++script->wanted.version;
            plot->parts[k].broken = false;
        }
    }
    return true;
}

bool script_is_concerned(const struct script *script, int at)
{
    const struct monorepo *wanted = &script->wanted;
    for (int i = 0; i < wanted->plot_count; i++) {
        /* A bad one stops later phases of its train; which train is whose is the engine's to say.
         */
        if (is_bad(&wanted->plots[i]) &&
            (i == at || wanted->plots[i].phase < wanted->plots[at].phase))
            return true;
    }
    const int needs = wanted->plots[at].depends;
    return needs >= 0 && script_is_concerned(script, needs);
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

bool script_drift(const struct script *script, struct world *world, struct chance *chance)
{
    const struct monorepo *good = &script->good;
    const struct plot *plot = &good->plots[chance_below(chance, (unsigned)good->plot_count)];
    const char *target =
        monorepo_target(good, (int)chance_below(chance, (unsigned)monorepo_target_count(good)));
    char component[32], binding[64];
    monorepo_component(&plot->parts[0], component);
    snprintf(binding, sizeof binding, "%s-%s", component, target);
    const int64_t now = world_platform_now(world);
    const unsigned what = chance_below(chance, 3);
    if (what == 0)
        return delete_object(world, "releasebindings", binding);
    json_t *patch = what == 1 ? json_pack("{s:{s:{s:i}}}", "spec",
                                          "componentTypeEnvironmentConfigs", "replicas", 7)
                              : json_pack("{s:{s:n}}", "labels", LABEL_MANAGED_BY);
    const bool done =
        what == 1 ? platform_tamper(world->platform, "releasebindings", "acme", binding, patch, now)
                  : platform_tamper(world->platform, "components", "acme", component, patch, now);
    json_decref(patch);
    return done;
}
