#include "config/manifest/effective.h"

#include "config/base/arena.h"
#include "config/manifest/decode.h"
#include "config/manifest/load.h"
#include "config/manifest/merge.h"
#include "config/manifest/presets.h"
#include "config/manifest/resolve.h"
#include "config/manifest/shapes.h"

#include <errno.h>
#include <string.h>

#define PRODUCTION_BAKE_MS (INT64_C(5) * 60 * 1000)
#define SCALING_CPU 80
#define DEFAULT_PRESET "normal"

/* --- layers ----------------------------------------------------------------------------------- */

static const struct override *find_override(const struct override *overrides, size_t count,
                                            const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(overrides[i].name.text, name) == 0)
            return &overrides[i];
    }
    return NULL;
}

/* "environment@region". */
static const struct override *find_target_override(const struct cell *cell,
                                                   const struct target *target)
{
    const char *environment = target->environment->name.text;
    const size_t length = strlen(environment);
    for (size_t i = 0; i < cell->target_count; i++) {
        const char *name = cell->targets[i].name.text;
        if (strncmp(name, environment, length) == 0 && name[length] == '@' &&
            strcmp(name + length + 1, target->region->name.text) == 0)
            return &cell->targets[i];
    }
    return NULL;
}

static void merge_override(struct merge *merge, const struct override *override,
                           const struct component *component)
{
    if (override == NULL)
        return;
    merge_layer(merge, &override->layer);
    for (size_t i = 0; i < override->component_count; i++) {
        if (strcmp(override->components[i].component.text, component->name.text) == 0)
            merge_layer(merge, &override->components[i].layer);
    }
}

static void merge_all(struct merge *merge, const struct cell *cell,
                      const struct component *component, const struct target *target)
{
    merge_layer(merge, &cell->layer);
    merge_layer(merge, &component->layer);
    if (target == NULL)
        return;
    merge_override(
        merge,
        find_override(cell->environments, cell->environment_count, target->environment->name.text),
        component);
    merge_override(merge, find_target_override(cell, target), component);
}

int effective_layers(const struct cell *cell, const struct component *component,
                     const struct target *target, struct arena *arena, struct merge *ret_merge)
{
    merge_init(ret_merge, arena);
    merge_all(ret_merge, cell, component, target);
    return ret_merge->status;
}

/* --- defaults --------------------------------------------------------------------------------- */

static bool is_routed(const struct component *component)
{
    return component->type != COMPONENT_OTHER && component->endpoint_count > 0;
}

static int steps_of_preset(struct rollout_policy *rollout, struct arena *arena)
{
    const struct preset *preset = preset_find(rollout->preset.text);
    if (preset == NULL)
        return 0;
    struct rollout_step *steps = arena_array(arena, preset->step_count, sizeof(*steps));
    if (steps == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < preset->step_count; i++)
        steps[i] = (struct rollout_step){
            .weight = {.value = preset->steps[i].weight, .set = true, .at = rollout->preset.at},
            .soak = {.value = preset->steps[i].soak, .set = true, .at = rollout->preset.at},
            .at = rollout->preset.at,
        };
    rollout->steps = steps;
    rollout->step_count = preset->step_count;
    if (!rollout->bake.set)
        rollout->bake = (struct manifest_duration){
            .value = preset->bake, .set = true, .at = rollout->preset.at};
    return 0;
}

/* What nobody wrote, by strategy and environment; the schema tables have the rest. */
static int complete_rollout(struct rollout_policy *rollout, const struct component *component,
                            const struct target *target, struct arena *arena)
{
    if (!is_routed(component))
        rollout->strategy = STRATEGY_ROLLING;
    if (rollout->strategy != STRATEGY_CANARY) {
        rollout->steps = NULL;
        rollout->step_count = 0;
        rollout->preset.text = NULL;
    } else if (!rollout->steps_set) {
        if (rollout->preset.text == NULL)
            rollout->preset.text = DEFAULT_PRESET;
        const int status = steps_of_preset(rollout, arena);
        if (status < 0)
            return status;
    }
    if (!rollout->bake.set && target != NULL && target->environment->production.value)
        rollout->bake =
            (struct manifest_duration){.value = {.ms = PRODUCTION_BAKE_MS}, .set = true};
    return 0;
}

static void complete_scaling(struct scaling *scaling)
{
    if (!scaling->max.set) {
        scaling->set = false;
        return;
    }
    /* By memory alone is said as 0 percent of the processors: the type's own default is 80. */
    if (!scaling->cpu.set)
        scaling->cpu =
            (struct manifest_number){.value = scaling->memory.set ? 0 : SCALING_CPU, .set = true};
    if (!scaling->min.set)
        scaling->min = (struct manifest_number){.value = 1, .set = true};
}

static void complete_amount(struct manifest_text *amount, const char *fallback,
                            const struct manifest_text *other, bool is_request)
{
    int64_t own = 0, theirs = 0;
    if (amount->text != NULL)
        return;
    amount->text = fallback;
    /* The default gives way to the other side: a request is never above its limit. */
    if (other->text != NULL && form_quantity(fallback, &own) &&
        form_quantity(other->text, &theirs) && (is_request ? own > theirs : own < theirs))
        amount->text = other->text;
}

static void complete_resources(struct resources *resources)
{
    complete_amount(&resources->requests.cpu, shape_fallback(&requests_shape, "cpu"),
                    &resources->limits.cpu, true);
    complete_amount(&resources->requests.memory, shape_fallback(&requests_shape, "memory"),
                    &resources->limits.memory, true);
    complete_amount(&resources->limits.cpu, shape_fallback(&limits_shape, "cpu"),
                    &resources->requests.cpu, false);
    complete_amount(&resources->limits.memory, shape_fallback(&limits_shape, "memory"),
                    &resources->requests.memory, false);
}

/* --- connections ------------------------------------------------------------------------------ */

static int resolve_all(const struct manifest_set *set, const struct platform *platform,
                       struct effective *effective, const struct layer *layer, struct arena *arena)
{
    struct connection_end *ends = arena_array(arena, layer->connection_count, sizeof(*ends));
    if (ends == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < layer->connection_count; i++) {
        struct connection_end *end = &ends[effective->connection_count];
        if (resolve_connection(set, platform, effective->cell, &layer->connections[i], end) ==
            RESOLVE_FOUND)
            effective->connection_count++;
    }
    effective->connections = ends;
    return 0;
}

static int complete(struct merge *merge, const struct component *component,
                    const struct target *target)
{
    struct decoder defaults = {.arena = merge->arena};
    const int status = complete_rollout(&merge->rollout, component, target, merge->arena);
    if (status < 0)
        return status;
    complete_scaling(&merge->scaling);
    complete_resources(&merge->resources);
    if (merge->readiness.kind == PROBE_HTTP && merge->readiness.path.text == NULL)
        merge->readiness.path.text = "/";
    decode_defaults(&defaults, &layer_shape, &merge->layer);
    decode_defaults(&defaults, &run_shape, &merge->layer);
    return defaults.status;
}

int effective_component(const struct manifest_set *set, const struct platform *platform,
                        const struct cell *cell, const struct component *component,
                        const struct target *target, struct arena *arena,
                        struct effective **ret_effective)
{
    struct merge merge;
    struct effective *effective = arena_alloc(arena, sizeof(*effective));
    if (effective == NULL)
        return -ENOMEM;
    int status = effective_layers(cell, component, target, arena, &merge);
    if (status == 0)
        status = complete(&merge, component, target);
    if (status < 0)
        return status;
    const struct layer *layer = &merge.layer;
    *effective = (struct effective){
        .cell = cell,
        .component = component,
        .target = target,
        .image = layer->image,
        .env = layer->env,
        .env_count = layer->env_count,
        .configurations = layer->configurations,
        .configuration_count = layer->configuration_count,
        .resources = merge.resources,
        .scaling = merge.scaling,
        .replicas = layer->replicas.value,
        .readiness = merge.readiness,
        .rollout = merge.rollout,
        .schedule = layer->schedule,
        .time_zone = layer->time_zone,
    };
    status = resolve_all(set, platform, effective, layer, arena);
    if (status == 0)
        *ret_effective = effective;
    return status;
}
