#include "config/manifest/merge.h"

#include "config/base/arena.h"

#include <errno.h>
#include <string.h>

static void lay_text(struct manifest_text *over, const struct manifest_text *nearer)
{
    if (nearer->text != NULL)
        *over = *nearer;
}

static void lay_number(struct manifest_number *over, const struct manifest_number *nearer)
{
    if (nearer->set)
        *over = *nearer;
}

static void lay_flag(struct manifest_flag *over, const struct manifest_flag *nearer)
{
    if (nearer->set)
        *over = *nearer;
}

static void lay_duration(struct manifest_duration *over, const struct manifest_duration *nearer)
{
    if (nearer->set)
        *over = *nearer;
}

/* --- lists by name ---------------------------------------------------------------------------- */

static const char *name_of(const void *entry)
{
    const struct manifest_text *name = entry;
    return name->text;
}

/* Both lists into a new one, sorted by name; an entry of `nearer` replaces one of the same name.
 * Entries begin with the struct manifest_text that names them. */
static void *lay_list(struct merge *merge, const void *list, size_t count, const void *nearer,
                      size_t nearer_count, size_t size, size_t *ret_count)
{
    char *all = arena_array(merge->arena, count + nearer_count, size);
    if (all == NULL) {
        merge->status = -ENOMEM;
        *ret_count = 0;
        return NULL;
    }
    if (count > 0)
        memcpy(all, list, count * size);
    for (size_t i = 0; i < nearer_count; i++) {
        const char *entry = (const char *)nearer + i * size;
        size_t at = 0;
        while (at < count && strcmp(name_of(all + at * size), name_of(entry)) < 0)
            at++;
        const bool replaces = at < count && strcmp(name_of(all + at * size), name_of(entry)) == 0;
        if (!replaces)
            memmove(all + (at + 1) * size, all + at * size, (count++ - at) * size);
        memcpy(all + at * size, entry, size);
    }
    *ret_count = count;
    return all;
}

static void lay_lists(struct merge *merge, const struct layer *nearer)
{
    struct layer *over = &merge->layer;
    if (nearer->env_count > 0)
        over->env = lay_list(merge, over->env, over->env_count, nearer->env, nearer->env_count,
                             sizeof(*over->env), &over->env_count);
    if (nearer->connection_count > 0)
        over->connections =
            lay_list(merge, over->connections, over->connection_count, nearer->connections,
                     nearer->connection_count, sizeof(*over->connections), &over->connection_count);
    if (nearer->configuration_count > 0)
        over->configurations = lay_list(merge, over->configurations, over->configuration_count,
                                        nearer->configurations, nearer->configuration_count,
                                        sizeof(*over->configurations), &over->configuration_count);
}

/* --- mappings by field ------------------------------------------------------------------------ */

static void lay_resources(struct resources *over, const struct resources *nearer)
{
    if (nearer == NULL)
        return;
    lay_text(&over->requests.cpu, &nearer->requests.cpu);
    lay_text(&over->requests.memory, &nearer->requests.memory);
    lay_text(&over->limits.cpu, &nearer->limits.cpu);
    lay_text(&over->limits.memory, &nearer->limits.memory);
    over->at = nearer->at;
    over->set = true;
}

static void lay_scaling(struct scaling *over, const struct scaling *nearer)
{
    if (nearer == NULL)
        return;
    lay_number(&over->min, &nearer->min);
    lay_number(&over->max, &nearer->max);
    lay_number(&over->cpu, &nearer->cpu);
    lay_number(&over->memory, &nearer->memory);
    over->at = nearer->at;
    over->set = true;
}

static void lay_readiness(struct readiness *over, const struct readiness *nearer)
{
    if (nearer == NULL)
        return;
    if (nearer->kind != PROBE_NONE) {
        over->kind = nearer->kind;
        over->port = nearer->port;
        over->path = nearer->path;
    }
    lay_duration(&over->period, &nearer->period);
    lay_duration(&over->timeout, &nearer->timeout);
    lay_duration(&over->initial_delay, &nearer->initial_delay);
    lay_number(&over->failure_threshold, &nearer->failure_threshold);
    over->at = nearer->at;
    over->set = true;
}

static void lay_analysis(struct analysis *over, const struct analysis *nearer)
{
    if (!nearer->set)
        return;
    lay_text(&over->provider, &nearer->provider);
    lay_text(&over->template_name, &nearer->template_name);
    if (nearer->workflow.name.text != NULL)
        over->workflow = nearer->workflow;
    if (nearer->metric_count > 0) {
        over->metrics = nearer->metrics;
        over->metric_count = nearer->metric_count;
    }
    lay_duration(&over->interval, &nearer->interval);
    if (nearer->insufficient_set.set) {
        over->insufficient = nearer->insufficient;
        over->insufficient_set = nearer->insufficient_set;
    }
    over->at = nearer->at;
    over->set = true;
}

/* Steps and preset are one choice: the nearer layer's takes the place of both. */
static void lay_steps(struct rollout_policy *over, const struct rollout_policy *nearer)
{
    if (!nearer->steps_set && nearer->preset.text == NULL)
        return;
    over->preset = nearer->preset;
    over->steps = nearer->steps;
    over->step_count = nearer->step_count;
    over->steps_set = nearer->steps_set;
}

static void lay_rollout(struct rollout_policy *over, const struct rollout_policy *nearer)
{
    if (nearer == NULL)
        return;
    if (nearer->strategy_set) {
        over->strategy = nearer->strategy;
        over->strategy_set = true;
    }
    lay_steps(over, nearer);
    lay_analysis(&over->analysis, &nearer->analysis);
    lay_duration(&over->bake, &nearer->bake);
    lay_duration(&over->progress_deadline, &nearer->progress_deadline);
    if (nearer->rollback_scope_set) {
        over->rollback_scope = nearer->rollback_scope;
        over->rollback_scope_set = true;
    }
    lay_flag(&over->rollback_forbidden, &nearer->rollback_forbidden);
    lay_number(&over->attempts, &nearer->attempts);
    over->at = nearer->at;
    over->set = true;
}

/* A fixed number of replicas that stands nearer than the scaling ends the scaling. */
static void lay_replicas(struct merge *merge, const struct layer *nearer)
{
    if (nearer->replicas.set) {
        merge->layer.replicas = nearer->replicas;
        merge->scaling = (struct scaling){0};
    }
    lay_scaling(&merge->scaling, nearer->scaling);
}

void merge_init(struct merge *merge, struct arena *arena)
{
    *merge = (struct merge){.arena = arena};
    merge->layer.resources = &merge->resources;
    merge->layer.scaling = &merge->scaling;
    merge->layer.readiness = &merge->readiness;
    merge->layer.rollout = &merge->rollout;
}

void merge_layer(struct merge *merge, const struct layer *nearer)
{
    struct layer *over = &merge->layer;
    lay_lists(merge, nearer);
    lay_resources(&merge->resources, nearer->resources);
    lay_replicas(merge, nearer);
    lay_readiness(&merge->readiness, nearer->readiness);
    lay_rollout(&merge->rollout, nearer->rollout);
    lay_text(&over->image, &nearer->image);
    lay_text(&over->schedule, &nearer->schedule);
    lay_text(&over->time_zone, &nearer->time_zone);
}
