#include "config/base/arena.h"
#include "config/base/json.h"
#include "reconciler/compile/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The secret of the external connection "rates-api" is in RATES_API_SECRET. */
#define EXTERNAL_SECRET_SUFFIX "_SECRET"

/* The API's own limit. */
#define DEPENDENCIES_LIMIT 50

static const struct connection_end *find_end(const struct effective *effective, const char *name)
{
    for (size_t i = 0; name != NULL && i < effective->connection_count; i++)
        if (strcmp(effective->connections[i].connection->name.text, name) == 0)
            return &effective->connections[i];
    return NULL;
}

/* --- values --------------------------------------------------------------------------------- */

static int put_secret(struct deployment *deployment, struct body *body, json_t *entry,
                      const char *name, const char *key, struct source_pos at, struct error *err)
{
    json_t *reference = NULL;
    const int status = secret_key_reference(deployment, name, key, at, &reference, err);
    if (status == 0)
        body_put(body, body_put_object(body, entry, "valueFrom"), "secretKeyRef", reference);
    return status;
}

static const char *external_secret_variable(struct arena *arena,
                                            const struct connection *connection)
{
    char *name = arena_format(arena, "%s" EXTERNAL_SECRET_SUFFIX, connection->name.text);
    for (char *c = name; c != NULL && *c != '\0'; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
        else if ((*c < 'A' || *c > 'Z') && (*c < '0' || *c > '9'))
            *c = '_';
    return name;
}

static int put_external_secrets(struct deployment *deployment, struct body *body,
                                const struct effective *effective, json_t *env, struct error *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < effective->connection_count; i++) {
        const struct connection *connection = effective->connections[i].connection;
        if (!effective->connections[i].external || connection->external_secret.text == NULL)
            continue;
        const char *name = external_secret_variable(deployment->arena, connection);
        if (name == NULL)
            return -ENOMEM;
        json_t *entry = body_put_object(body, env, name);
        body_put_text(body, entry, "key", name);
        status =
            put_secret(deployment, body, entry, connection->external_secret.text,
                       connection->external_secret_key.text, connection->external_secret.at, err);
    }
    return status;
}

/* Literal variables and addresses outside the platform; those of connections become dependencies.
 */
static void put_variables(struct body *body, const struct effective *effective, json_t *env)
{
    for (size_t i = 0; i < effective->env_count; i++) {
        const struct env_variable *variable = &effective->env[i];
        const char *value = variable->value.text;
        if (variable->connection.text != NULL) {
            const struct connection_end *end = find_end(effective, variable->connection.text);
            if (end == NULL || !end->external)
                continue;
            value = end->connection->external_url.text;
        }
        json_t *entry = body_put_object(body, env, variable->name.text);
        body_put_text(body, entry, "key", variable->name.text);
        body_put_text(body, entry, "value", value);
    }
}

static int put_entry(struct deployment *deployment, struct body *body,
                     const struct configuration *configuration,
                     const struct configuration_entry *from, struct container_values *values,
                     struct error *err)
{
    json_t *entry = NULL;
    if (configuration->mount == MOUNT_FILE) {
        const char *directory = configuration->mount_path.text;
        const char *path = arena_format(deployment->arena, "%s/%s", directory, from->name.text);
        if (path == NULL)
            return -ENOMEM;
        entry = body_put_object(body, values->files, path);
        body_put_text(body, entry, "mountPath", directory);
    } else {
        entry = body_put_object(body, values->env, from->name.text);
    }
    body_put_text(body, entry, "key", from->name.text);
    if (from->secret.text != NULL)
        return put_secret(deployment, body, entry, from->secret.text,
                          from->secret_key.text == NULL ? from->name.text : from->secret_key.text,
                          from->at, err);
    body_put_text(body, entry, "value", from->value.text == NULL ? "" : from->value.text);
    return 0;
}

static int collect(struct deployment *deployment, const struct effective *effective,
                   struct container_values *values, struct error *err)
{
    struct body body = {0};
    /* The release is the same everywhere: what it says fits the first region, and a target with
     * another data plane says otherwise. */
    deployment->parts->region = effective == deployment->common
                                    ? &deployment->context->platform->regions[0]
                                    : deployment->target->region;
    put_variables(&body, effective, values->env);
    int status = put_external_secrets(deployment, &body, effective, values->env, err);
    for (size_t i = 0; status == 0 && i < effective->configuration_count; i++) {
        const struct configuration *configuration = &effective->configurations[i];
        for (size_t k = 0; status == 0 && k < configuration->entry_count; k++)
            status = put_entry(deployment, &body, configuration, &configuration->entries[k], values,
                               err);
    }
    if (status == 0 && body.status != 0)
        status = -ENOMEM;
    return status == -ENOMEM ? error_no_memory(err) : status;
}

/* --- lists ---------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The object's entries as a list in the order of their keys, without those that `common` has just
 * so: what stands in the release need not be said again. */
static json_t *sorted_list(struct body *body, struct arena *arena, const json_t *entries,
                           const json_t *common)
{
    json_t *list = json_array();
    const char **keys = arena_array(arena, json_object_size(entries), sizeof *keys);
    if (list == NULL || keys == NULL) {
        body->status = -ENOMEM;
        return list;
    }
    size_t count = 0;
    const char *key;
    json_t *value;
    json_object_foreach(json_unconst(entries), key, value)
    {
        if (json_equal(json_object_get(common, key), value) != 1)
            keys[count++] = key;
    }
    qsort(keys, count, sizeof *keys, by_text);
    for (size_t i = 0; i < count; i++)
        body_append(body, list, json_deep_copy(json_object_get(entries, keys[i])));
    return list;
}

static void put_list(struct body *body, json_t *object, const char *key, json_t *list)
{
    if (json_array_size(list) == 0)
        json_decref(list);
    else
        body_put(body, object, key, list);
}

static void put_texts(struct body *body, json_t *object, const char *key,
                      const struct manifest_text *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        body_append(body, list, json_string(texts[i].text));
    put_list(body, object, key, list);
}

/* --- endpoints and dependencies ------------------------------------------------------------- */

static void put_visibility(struct body *body, json_t *endpoint, unsigned visibility)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {VISIBILITY_PROJECT, "project"},
        {VISIBILITY_NAMESPACE, "namespace"},
        {VISIBILITY_INTERNAL, "internal"},
        {VISIBILITY_EXTERNAL, "external"},
    };
    json_t *list = body_put_array(body, endpoint, "visibility");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (((visibility | VISIBILITY_PROJECT) & names[i].bit) != 0)
            body_append(body, list, json_string(names[i].name));
}

static json_t *endpoints_of(struct body *body, const struct component *component)
{
    json_t *endpoints = json_object();
    for (size_t i = 0; i < component->endpoint_count; i++) {
        const struct endpoint *from = &component->endpoints[i];
        json_t *endpoint = body_put_object(body, endpoints, from->name.text);
        body_put_text(body, endpoint, "type", parts_endpoint_type(from->type));
        /* No targetPort: it is the port, the only one that network policies open. */
        body_put(body, endpoint, "port", json_integer(from->port));
        put_visibility(body, endpoint, from->visibility);
        body_put_text(body, endpoint, "basePath", from->base_path.text);
        body_put_text(body, endpoint, "displayName", from->display_name.text);
        if (from->schema.text != NULL)
            body_put_text(body, body_put_object(body, endpoint, "schema"), "content",
                          from->schema.text);
    }
    return endpoints;
}

static json_t *dependencies_of(struct body *body, struct arena *arena,
                               const struct effective *effective)
{
    OWNED_JSON *entries = json_object();
    for (size_t i = 0; i < effective->env_count; i++) {
        const struct env_variable *variable = &effective->env[i];
        const struct connection_end *end = find_end(effective, variable->connection.text);
        if (end == NULL || end->external)
            continue;
        const char *key = arena_format(arena, "%s %s %s %s", end->project, end->component,
                                       end->endpoint->name.text, variable->name.text);
        if (key == NULL) {
            body->status = -ENOMEM;
            break;
        }
        json_t *entry = body_put_object(body, entries, key);
        body_put_text(body, entry, "project", end->project);
        body_put_text(body, entry, "component", end->component);
        body_put_text(body, entry, "name", end->endpoint->name.text);
        body_put_text(body, entry, "visibility", end->same_cell ? "project" : "namespace");
        body_put_text(body, body_put_object(body, entry, "envBindings"), "address",
                      variable->name.text);
    }
    return sorted_list(body, arena, entries, NULL);
}

static int note_variables(struct deployment *deployment)
{
    const json_t *list = deployment->parts->dependencies;
    const size_t count = json_array_size(list);
    const char **names = arena_array(deployment->arena, count, sizeof *names);
    if (names == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        names[i] =
            json_text_or(json_at(json_array_get(list, i), "envBindings", "address", NULL), "");
    qsort(names, count, sizeof *names, by_text);
    deployment->variables = names;
    deployment->variable_count = count;
    return 0;
}

/* --- all together --------------------------------------------------------------------------- */

static int build(struct deployment *deployment, const struct container_values *common,
                 const struct container_values *target)
{
    struct deployment_parts *parts = deployment->parts;
    const struct component *component = deployment->component;
    struct arena *arena = deployment->arena;
    struct body body = {0};
    parts->container = json_object();
    body_put_text(&body, parts->container, "image", deployment->image);
    put_texts(&body, parts->container, "command", component->command, component->command_count);
    put_texts(&body, parts->container, "args", component->arguments, component->argument_count);
    put_list(&body, parts->container, "env", sorted_list(&body, arena, common->env, NULL));
    put_list(&body, parts->container, "files", sorted_list(&body, arena, common->files, NULL));
    parts->endpoints = endpoints_of(&body, component);
    parts->dependencies = dependencies_of(&body, arena, deployment->common);

    parts->overrides = json_object();
    json_t *container = json_object();
    put_list(&body, container, "env", sorted_list(&body, arena, target->env, common->env));
    put_list(&body, container, "files", sorted_list(&body, arena, target->files, common->files));
    if (json_object_size(container) == 0)
        json_decref(container);
    else
        body_put(&body, parts->overrides, "container", container);
    return body.status == 0 ? note_variables(deployment) : body.status;
}

static int values_init(struct container_values *values)
{
    *values = (struct container_values){json_object(), json_object()};
    return values->env == NULL || values->files == NULL ? -ENOMEM : 0;
}

static void values_fini(struct container_values *values)
{
    json_decref(values->env);
    json_decref(values->files);
}

int parts_container(struct deployment *deployment, struct error *err)
{
    struct container_values common, target;
    int status = values_init(&common);
    status = values_init(&target) != 0 ? -ENOMEM : status;
    if (status == 0)
        status = collect(deployment, deployment->common, &common, err);
    else
        (void)error_no_memory(err);
    if (status == 0)
        status = collect(deployment, deployment->effective, &target, err);
    if (status == 0 && build(deployment, &common, &target) != 0)
        status = error_no_memory(err);
    if (status == 0 && json_array_size(deployment->parts->dependencies) > DEPENDENCIES_LIMIT)
        status = error_set(err, ERROR_INVALID, ERR_INVALID,
                           "%s has %zu variables that are connections; %d is the most there can be",
                           deployment->component->name.text,
                           json_array_size(deployment->parts->dependencies), DEPENDENCIES_LIMIT);
    values_fini(&target);
    values_fini(&common);
    return status;
}
