/* Each component with all layers laid over each other, on each target that differs. */
#include "config/base/arena.h"
#include "config/base/text.h"
#include "config/manifest/check.h"
#include "config/manifest/effective.h"
#include "config/manifest/merge.h"
#include "config/manifest/resolve.h"
#include "config/manifest/schema.h"

#include <errno.h>
#include <string.h>

struct component_check {
    struct loader *loader;
    struct manifest_cell *entry;
    const struct component *component;
};

static void error(const struct component_check *check, const char *code, struct source_pos at,
                  const char *hint, const char *message)
{
    loader_error(check->loader, check->entry, code, at, hint, "%s: %s", check->component->name.text,
                 message);
}

/* --- what a component is ---------------------------------------------------------------------- */

static void check_kind(const struct component_check *check)
{
    const struct component *component = check->component;
    const struct source_pos at = component->name.at;
    const bool serves =
        component->type == COMPONENT_SERVICE || component->type == COMPONENT_WEB_APPLICATION;
    if (serves && component->endpoint_count == 0)
        error(check, "E_NO_ENDPOINT", at,
              "add endpoints here or in .choreo/component.yaml, or write type: worker",
              "a service without endpoints");
    if (!serves && component->type != COMPONENT_OTHER && component->endpoint_count > 0)
        error(check, "E_ENDPOINT", component->endpoints[0].at, "write type: service",
              "workers and tasks have no endpoints");
    if (component->layer.image.text == NULL && !component->build.set)
        error(check, "E_IMAGE", at, "add image: <reference>, or build: {workflow: ...}",
              "neither an image nor a build");
    const struct rollout_policy *rollout = component->layer.rollout;
    if (!serves && rollout != NULL && rollout->strategy_set &&
        rollout->strategy != STRATEGY_ROLLING)
        error(check, "E_ROLLOUT", rollout->at, "write strategy: rolling",
              "only components with endpoints can be rolled out blue-green or as canary");
}

/* --- connections ------------------------------------------------------------------------------ */

static void report_candidates(const struct component_check *check,
                              const struct connection *connection, const struct cell *provider,
                              bool several)
{
    OWNED_TEXT list;
    text_init(&list, 700);
    resolve_candidates(provider, &list);
    loader_error(check->loader, check->entry, "E_CONNECTION", connection->at,
                 several ? "narrow it: path, port, component or endpoint"
                         : "correct protocol, path or port, or the endpoint over there",
                 "connection \"%s\": %s endpoint of \"%s\" matches; there are: %s",
                 connection->name.text, several ? "more than one" : "no", connection->target.text,
                 text_get(&list));
}

static void report_project(const struct component_check *check, const struct connection *connection)
{
    char hint[280] = "a target is the platform's projectPrefix and a cell's name";
    char project[128];
    (void)text_put(project, sizeof(project), "%s%.63s",
                   check->loader->platform->project_prefix.text, connection->target.text);
    if (resolve_project(check->loader->set, check->loader->platform, project) != NULL)
        (void)text_put(hint, sizeof(hint),
                       "did you mean \"%s\"? A target is the platform's projectPrefix and a "
                       "cell's name",
                       project);
    loader_error(check->loader, check->entry, "E_UNKNOWN_PROJECT", connection->target.at, hint,
                 "connection \"%s\": there is no project \"%s\"", connection->name.text,
                 connection->target.text);
}

/* The other cell's own trouble is told there; this one has to wait for it. */
static void wait_for_other(const struct component_check *check, const struct connection *connection)
{
    char message[256];
    (void)text_put(message, sizeof(message),
                   "connection \"%.63s\" leads to \"%.63s\", whose cell cannot be read",
                   connection->name.text, connection->target.text);
    if (!check->loader->again)
        loader_report(check->loader, check->entry,
                      &(struct diagnostic){.severity = DIAGNOSTIC_NOTE,
                                           .code = "N_WAITS",
                                           .at = connection->at,
                                           .message = message,
                                           .hint = "it goes on when that cell is put right"});
    loader_condemn(check->loader, check->entry, connection->at, message);
}

static void check_visibility(const struct component_check *check, const struct connection_end *end)
{
    const unsigned wide = VISIBILITY_NAMESPACE | VISIBILITY_INTERNAL | VISIBILITY_EXTERNAL;
    if (end->external || end->same_cell || (end->endpoint->visibility & wide) != 0)
        return;
    loader_conflict(check->loader, check->entry, "E_VISIBILITY", end->connection->at,
                    end->endpoint->at, "the endpoint",
                    "connection \"%s\": endpoint \"%s\" of %s can be called in its own project "
                    "only; add visibility: [namespace] to it",
                    end->connection->name.text, end->endpoint->name.text, end->component);
}

static void check_connection(const struct component_check *check,
                             const struct connection *connection)
{
    struct loader *loader = check->loader;
    struct connection_end end;
    if (loader->platform == NULL || connection->name.text == NULL)
        return;
    switch (
        resolve_connection(loader->set, loader->platform, check->entry->cell, connection, &end)) {
    case RESOLVE_FOUND:
        check_visibility(check, &end);
        return;
    case RESOLVE_UNKNOWN_PROJECT:
        report_project(check, connection);
        return;
    case RESOLVE_UNREADABLE:
        wait_for_other(check, connection);
        return;
    case RESOLVE_NO_ENDPOINT:
        report_candidates(check, connection,
                          end.same_cell ? check->entry->cell : loader_cell(loader, end.cell)->cell,
                          false);
        return;
    case RESOLVE_SEVERAL:
        report_candidates(check, connection,
                          end.same_cell ? check->entry->cell : loader_cell(loader, end.cell)->cell,
                          true);
        return;
    }
}

static void check_list(const struct component_check *check, const struct layer *layer)
{
    for (size_t i = 0; i < layer->connection_count; i++)
        check_connection(check, &layer->connections[i]);
}

/* Every connection that is written, once, whatever layer it is in. */
static void check_connections(struct loader *loader, struct manifest_cell *entry)
{
    const struct cell *cell = entry->cell;
    struct component_check check = {loader, entry, &cell->components[0]};
    check_list(&check, &cell->layer);
    for (size_t i = 0; i < cell->component_count; i++)
        check_list(&check, &cell->components[i].layer);
    const struct override *const lists[] = {cell->environments, cell->targets};
    const size_t counts[] = {cell->environment_count, cell->target_count};
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < counts[i]; j++) {
            check_list(&check, &lists[i][j].layer);
            for (size_t k = 0; k < lists[i][j].component_count; k++)
                check_list(&check, &lists[i][j].components[k].layer);
        }
    }
}

/* --- with all layers -------------------------------------------------------------------------- */

static bool has_connection(const struct layer *merged, const char *name)
{
    for (size_t i = 0; i < merged->connection_count; i++) {
        if (strcmp(merged->connections[i].name.text, name) == 0)
            return true;
    }
    return false;
}

static void check_variables(const struct component_check *check, const struct layer *merged)
{
    for (size_t i = 0; i < merged->env_count; i++) {
        const struct env_variable *variable = &merged->env[i];
        if (variable->connection.text == NULL || has_connection(merged, variable->connection.text))
            continue;
        const char *names[64];
        size_t count = 0;
        for (size_t j = 0; j < merged->connection_count && count < 64; j++)
            names[count++] = merged->connections[j].name.text;
        char hint[128] = "add it to connections";
        const char *nearest = schema_nearest(names, count, variable->connection.text);
        if (nearest != NULL)
            (void)text_put(hint, sizeof(hint), "did you mean ${CHOREO_CONNECTION_%s}?", nearest);
        loader_error(check->loader, check->entry, "E_UNKNOWN_CONNECTION", variable->connection.at,
                     hint, "%s: variable %s: there is no connection \"%s\"",
                     check->component->name.text, variable->name.text, variable->connection.text);
    }
}

/* A variable that stands in env and in a configuration, or in two configurations. */
static void check_duplicates(const struct component_check *check, const struct layer *merged)
{
    for (size_t i = 0; i < merged->configuration_count; i++) {
        const struct configuration *one = &merged->configurations[i];
        for (size_t j = 0; one->mount == MOUNT_ENV && j < one->entry_count; j++) {
            const struct manifest_text *name = &one->entries[j].name;
            for (size_t k = 0; k < merged->env_count; k++) {
                if (strcmp(merged->env[k].name.text, name->text) == 0)
                    loader_conflict(check->loader, check->entry, "E_DUPLICATE_VARIABLE", name->at,
                                    merged->env[k].name.at, "it is set here too",
                                    "%s: variable %s is set by env and by the configuration "
                                    "\"%s\": keep one",
                                    check->component->name.text, name->text, one->name.text);
            }
            for (size_t k = 0; k < i; k++) {
                const struct configuration *other = &merged->configurations[k];
                for (size_t l = 0; other->mount == MOUNT_ENV && l < other->entry_count; l++) {
                    if (strcmp(other->entries[l].name.text, name->text) == 0)
                        loader_conflict(check->loader, check->entry, "E_DUPLICATE_VARIABLE",
                                        name->at, other->entries[l].name.at, "it is set here too",
                                        "%s: variable %s is set by the configurations \"%s\" and "
                                        "\"%s\": keep one",
                                        check->component->name.text, name->text, other->name.text,
                                        one->name.text);
                }
            }
        }
    }
}

static void check_amount(const struct component_check *check, const char *what,
                         const struct manifest_text *request, const struct manifest_text *limit)
{
    int64_t wanted = 0, most = 0;
    if (request->text != NULL && limit->text != NULL && form_quantity(request->text, &wanted) &&
        form_quantity(limit->text, &most) && wanted > most)
        loader_conflict(check->loader, check->entry, "E_RESOURCES", request->at, limit->at,
                        "the limit", "%s: the request of %s (%s) is above its limit (%s)",
                        check->component->name.text, what, request->text, limit->text);
}

static void check_rest(const struct component_check *check, const struct merge *merged)
{
    const struct scaling *scaling = &merged->scaling;
    const struct resources *resources = &merged->resources;
    check_amount(check, "cpu", &resources->requests.cpu, &resources->limits.cpu);
    check_amount(check, "memory", &resources->requests.memory, &resources->limits.memory);
    if (scaling->min.set && scaling->max.set && scaling->min.value > scaling->max.value)
        error(check, "E_SCALING", scaling->at, "raise max, or lower min",
              "min is above max when all layers are laid over each other");
    if (scaling->set && !scaling->max.set)
        error(check, "E_SCALING", scaling->at, "add max", "scaling without max");
    if (merged->readiness.kind != PROBE_NONE && merged->readiness.port == 0 &&
        check->component->endpoint_count == 0)
        error(check, "E_READINESS", merged->readiness.at, "add port",
              "the probe has no port, and the component no endpoint");
    if (check->component->type == COMPONENT_SCHEDULED_TASK && merged->layer.schedule.text == NULL)
        error(check, "E_SCHEDULE", check->component->name.at, "add schedule: \"0 3 * * *\"",
              "a scheduled task without schedule");
}

/* Regions of one environment differ only where single targets are written about. */
static bool differs(const struct cell *cell, const struct target *target)
{
    const char *name = target->environment->name.text;
    for (size_t i = 0; i < cell->environment_count; i++) {
        if (target->primary && strcmp(cell->environments[i].name.text, name) == 0)
            return true;
    }
    return cell->target_count > 0;
}

static void check_on_target(const struct component_check *check, const struct target *target,
                            struct arena *arena)
{
    struct merge merged;
    if (effective_layers(check->entry->cell, check->component, target, arena, &merged) < 0) {
        check->loader->status = -ENOMEM;
        return;
    }
    check_variables(check, &merged.layer);
    check_duplicates(check, &merged.layer);
    check_rest(check, &merged);
    check_analysis(check->loader, check->entry, check->component, &merged);
}

static void check_cell(struct loader *loader, struct manifest_cell *entry)
{
    const struct platform *platform = loader->platform;
    const struct cell *cell = entry->cell;
    if (cell->component_count == 0)
        return;
    check_connections(loader, entry);
    for (size_t i = 0; i < cell->component_count; i++) {
        const struct component_check check = {loader, entry, &cell->components[i]};
        arena_reset(loader->scratch);
        check_kind(&check);
        if (platform != NULL)
            check_on_target(&check, NULL, loader->scratch);
        /* The differences of a target are reported only where the common part was sound. */
        const bool sound = !entry->broken;
        for (size_t j = 0; sound && platform != NULL && j < platform->target_count; j++) {
            if (!entry->broken && differs(cell, &platform->targets[j]))
                check_on_target(&check, &platform->targets[j], loader->scratch);
        }
    }
}

void check_components(struct loader *loader)
{
    check_each_cell(loader, check_cell);
}
