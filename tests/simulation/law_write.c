#include "tests/simulation/law_write.h"

#include "config/base/json.h"
#include "tests/simulation/law_backend.h"
#include "tests/simulation/law_intent.h"
#include "tests/simulation/law_route.h"

#include <stdio.h>
#include <string.h>

/* --- I4 -----------------------------------------------------------------------------------------
 */

static bool needs_credential(const struct plot *plot)
{
    for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
        if (plot->parts[k].present && plot->parts[k].secret)
            return true;
    }
    return false;
}

/* The cell (and component) that an object belongs to, by its name. */
static bool git_wants(const struct law *law, const struct law_writing *writing)
{
    const struct monorepo *good = law->good;
    for (int i = 0; i < good->plot_count; i++) {
        const struct plot *plot = &good->plots[i];
        char project[32];
        snprintf(project, sizeof project, "acme-%s", plot->name);
        if (strncmp(writing->name, project, strlen(project)) == 0)
            return plot->present &&
                   (writing->kind != KIND_SECRET_REFERENCE || needs_credential(plot));
        for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
            const struct part *part = &plot->parts[k];
            if (strncmp(writing->name, part->name, strlen(part->name)) == 0)
                return plot->present && part->present;
        }
    }
    return true;
}

static void i4_budget(struct law *law, const struct law_writing *writing)
{
    /* The share is of what celld has when it begins to remove. */
    int64_t managed = 0;
    for (size_t i = 0; i < law->world->row_count; i++)
        managed += strncmp(law->world->rows[i].key, "inventory/", 10) == 0;
    if (law->pruned_count == 0 && managed > law->managed)
        law->managed = managed;
    /* What a person approved may go on after a new revision, as long as git does not name it. */
    const json_t *prune = law_row(law, "prune");
    if (json_text_or(json_object_get(prune, "approved"), "")[0] != '\0' &&
        json_object_get(json_object_get(prune, "keys"), writing->key) != NULL)
        return;
    for (size_t i = 0; i < law->pruned_count; i++) {
        if (strcmp(law->pruned[i], writing->key) == 0)
            return;
    }
    if (law->pruned_count == LAW_PRUNED)
        return;
    snprintf(law->pruned[law->pruned_count++], sizeof law->pruned[0], "%.159s", writing->key);
    const int64_t share = (law->managed + 9) / 10, budget = share > 3 ? share : 3;
    if (!law->prune_approved && (int64_t)law->pruned_count > budget)
        law_break(law, "I4", "%zu objects are removed unapproved, the budget is %d of %d",
                  law->pruned_count, (int)budget, (int)law->managed);
}

static const char *slot_of(const json_t *row)
{
    return json_text_or(json_object_get(row, "stable_slot"), "")[0] == 'b' ? "slot_b" : "slot_a";
}

/* Stable content and what a live binding names stay (I8). */
static void i8_release_kept(struct law *law, const struct law_writing *writing)
{
    for (size_t i = 0; i < law->world->row_count; i++) {
        const struct world_row *row = &law->world->rows[i];
        if (strncmp(row->key, "rollout/", 8) != 0)
            continue;
        const json_t *stable = json_object_get(row->value, "stable");
        const char *cell_part = row->key + 8;
        const struct plot *plot;
        char component[64] = "";
        sscanf(cell_part, "%*[^/]/%63[^/]", component);
        const struct part *part = monorepo_part(law->good, component, &plot);
        const bool alive = part != NULL && plot->present && part->present;
        if (alive && json_is_true(json_object_get(row->value, "has_stable")) &&
            (strcmp(json_text_or(json_at(stable, slot_of(row->value), "releaseName", NULL), ""),
                    writing->name) == 0 ||
             strcmp(json_text_or(json_at(stable, "route_spec", "releaseName", NULL), ""),
                    writing->name) == 0))
            law_break(law, "I8", "the release %s is removed, yet %s is stable on it", writing->name,
                      row->key);
    }
}

/* Deleted is only what is ours, gone from git, and within the budget. */
static void i4_deletion(struct law *law, const struct law_writing *writing)
{
    char key[256];
    law->checks++;
    if (writing->kind == KIND_WORKFLOW_RUN)
        return;
    if (writing->kind == KIND_COMPONENT_RELEASE) {
        i8_release_kept(law, writing);
        return;
    }
    if (!resource_kind_info(writing->kind)->may_delete)
        law_break(law, "I4", "%s is deleted", writing->key);
    snprintf(key, sizeof key, "inventory/%s", writing->key);
    const json_t *row = law_row(law, key);
    json_t *live =
        platform_object(law->world->platform, resource_kind_info(writing->kind)->collection,
                        writing->space, writing->name);
    if (row == NULL)
        law_break(law, "I4", "%s is deleted, and is not in the inventory", writing->key);
    else if (live != NULL && strcmp(json_text_or(json_at(live, "metadata", "uid", NULL), ""),
                                    json_text_or(json_object_get(row, "uid"), "")) != 0)
        law_break(law, "I4", "%s is deleted, and is another object than ours", writing->key);
    if (git_wants(law, writing))
        law_break(law, "I4", "%s is deleted, and git wants it", writing->key);
    i4_budget(law, writing);
    json_decref(live);
}

/* --- I6 -----------------------------------------------------------------------------------------
 */

static bool runs(const struct law *law, const struct plot *plot, const struct part *part,
                 const char *target)
{
    char component[32], image[96];
    law_component(law, plot, part, target, component);
    monorepo_image(plot, part, image);
    const struct platform_running running =
        platform_running(law->world->platform, "acme", component, target);
    return running.deployed && (part->type == PART_TASK || strcmp(running.image, image) == 0) &&
           /* Who dies after the last look at it is not known to be dead yet. */
           (part->type == PART_TASK || running.ready > 0 || law_has_crashed(law));
}

static int64_t train_of(const struct law *law, const struct plot *plot)
{
    char key[64];
    snprintf(key, sizeof key, "cell/%s", plot->name);
    return json_integer_value(json_object_get(law_row(law, key), "train"));
}

/* No forward write before the earlier phases of the same train stand on this target. */
static void i6_phases(struct law *law, const struct plot *plot, const char *component,
                      const char *target)
{
    for (int i = 0; i < law->good->plot_count; i++) {
        const struct plot *other = &law->good->plots[i];
        if (!other->present || other->phase >= plot->phase ||
            train_of(law, other) != train_of(law, plot))
            continue;
        for (int k = 0; k < MONOREPO_COMPONENTS; k++) {
            law->checks++;
            if (other->parts[k].present && !runs(law, other, &other->parts[k], target))
                law_break(law, "I6",
                          "%s goes forward on %s while %s of an earlier phase is not live",
                          component, target, other->parts[k].name);
        }
    }
}

static const json_t *rollout_row(const struct law *law, const struct plot *plot,
                                 const struct part *part, const char *target)
{
    char key[200];
    snprintf(key, sizeof key, "rollout/%s/%s/%s", plot->name, part->name, target);
    return law_row(law, key);
}

/* A target gets what is stable on the one before, through open gates (S16). */
static void i6_promotion(struct law *law, const struct plot *plot, const struct part *part,
                         const json_t *row, int target)
{
    if (target == 0)
        return;
    const bool secondary = monorepo_is_secondary(law->good, target);
    const int before = secondary ? law->good->environments - 1 : target - 1;
    const json_t *there = rollout_row(law, plot, part, monorepo_target(law->good, before));
    law->checks++;
    if (!json_equal(json_at(there, "stable", "release", NULL),
                    json_at(row, "next", "release", NULL)))
        law_break(law, "I6", "%s goes to %s, and is not stable on %s", part->name,
                  monorepo_target(law->good, target), monorepo_target(law->good, before));
    const bool manual = law->good->manual && (target == law->good->environments - 1 || secondary);
    char key[128];
    snprintf(key, sizeof key, "gate/%s/%s/approval", plot->name,
             monorepo_environment(law->good, target));
    if (manual &&
        strcmp(json_text_or(json_object_get(law_row(law, key), "state"), ""), "passed") != 0)
        law_break(law, "I6", "%s goes to %s, and nobody approved", part->name,
                  monorepo_target(law->good, target));
}

static void i6_forward(struct law *law, const struct law_writing *writing)
{
    const json_t *spec = json_object_get(writing->body, "spec");
    const char *component = json_text_or(json_at(spec, "owner", "componentName", NULL), "");
    const char *environment = json_text_or(json_object_get(spec, "environment"), "");
    const struct plot *plot;
    const struct part *part = monorepo_part(law->good, component, &plot);
    const int target = monorepo_target_find(law->good, environment);
    if (part == NULL || target < 0)
        return;
    const json_t *row = rollout_row(law, plot, part, environment);
    const char *state = json_text_or(json_object_get(row, "state"), "");
    if ((strcmp(state, "deploy") != 0 && strcmp(state, "route") != 0) ||
        !json_is_true(json_object_get(row, "has_next")))
        return;
    /* Content that git has left behind meanwhile goes to its end. */
    if (strcmp(json_text_or(json_at(row, "next", "revision", NULL), ""), law->world->commit) != 0 ||
        !plot->present || !part->present)
        return;
    json_t *live =
        platform_object(law->world->platform, "releasebindings", writing->space, writing->name);
    const bool same = json_equal(json_at(live, "spec", "releaseName", NULL),
                                 json_object_get(spec, "releaseName"));
    json_decref(live);
    if (same)
        return;
    i6_promotion(law, plot, part, row, target);
    const bool calm = law->world->now_ms - law->drifted_ms > 300000 &&
                      law->world->now_ms > law->weather->disturbed_ms + 30000;
    if (calm)
        i6_phases(law, plot, part->name, environment);
}

void law_write(struct law *law, const char *method, const char *path, const json_t *body)
{
    struct law_writing writing;
    if (!law_writing_read(method, path, body, &writing)) {
        law_break(law, "I4", "%s %s: what is that?", method, path);
        return;
    }
    law_intent_write(law, &writing);
    if (strcmp(method, "DELETE") == 0)
        i4_deletion(law, &writing);
    else if (writing.kind == KIND_RELEASE_BINDING) {
        if (strcmp(method, "POST") == 0)
            law_backend_made(law, writing.name);
        i6_forward(law, &writing);
        law_route_write(law, writing.name, body);
    }
}
