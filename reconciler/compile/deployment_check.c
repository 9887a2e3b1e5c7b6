#include "config/base/json.h"
#include "reconciler/compile/parts.h"

#include <string.h>

static bool lists(const json_t *texts, const char *wanted)
{
    for (size_t i = 0; i < json_array_size(texts); i++)
        if (strcmp(json_text_or(json_array_get(texts, i), ""), wanted) == 0)
            return true;
    return false;
}

static int refuse(const struct connection_end *end, struct error *err, const char *why)
{
    const int status = error_set(
        err, ERROR_INVALID, ERR_INVALID, "connection %s: %s of %s in project %s %s",
        end->connection->name.text, end->endpoint->name.text, end->component, end->project, why);
    if (err != NULL)
        err->where = end->connection->at;
    return status;
}

/* The server resolves a connection to nearly anything and says Ready; traffic then hangs on a
 * network policy. So the provider's live Workload is looked at before the consumer is written. */
static int check_end(const struct connection_end *end, const json_t *workload, struct error *err)
{
    const json_t *endpoint = json_at(workload, "spec", "endpoints", end->endpoint->name.text, NULL);
    const char *type = parts_endpoint_type(end->endpoint->type);
    if (workload == NULL)
        return refuse(end, err, "is not there yet");
    if (endpoint == NULL)
        return refuse(end, err, "is not among its live endpoints");
    if (strcmp(json_text_or(json_object_get(endpoint, "type"), ""), type) != 0)
        return refuse(end, err, "is of another type live");
    if (json_integer_value(json_object_get(endpoint, "port")) != end->endpoint->port)
        return refuse(end, err, "has another port live");
    if (!end->same_cell && !lists(json_object_get(endpoint, "visibility"), "namespace"))
        return refuse(end, err, "is not visible in the namespace live");
    return 0;
}

static bool is_used(const struct effective *effective, const struct connection_end *end)
{
    for (size_t i = 0; i < effective->env_count; i++) {
        const char *name = effective->env[i].connection.text;
        if (name != NULL && strcmp(name, end->connection->name.text) == 0)
            return true;
    }
    return false;
}

int deployment_check_references(const struct deployment *deployment,
                                const json_t *(*endpoints_of)(void *context, const char *component),
                                void *context, struct error *err)
{
    const struct effective *common = deployment->common;
    for (size_t i = 0; i < common->connection_count; i++) {
        const struct connection_end *end = &common->connections[i];
        if (end->external || !is_used(common, end))
            continue;
        const int status = check_end(end, endpoints_of(context, end->component), err);
        if (status != 0)
            return status;
    }
    return 0;
}

static bool has_key(const json_t *reference, const char *key)
{
    const json_t *data = json_at(reference, "spec", "data", NULL);
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *row = json_array_get(data, i);
        if (strcmp(json_text_or(json_object_get(row, "secretKey"), ""), key) == 0)
            return true;
    }
    return false;
}

int deployment_check_secrets(const struct deployment *deployment,
                             const json_t *(*secret_of)(void *context, const char *name),
                             void *context, struct error *err)
{
    for (size_t i = 0; i < deployment->secret_count; i++) {
        const struct secret_use *use = &deployment->secrets[i];
        const json_t *reference = secret_of(context, use->name);
        if (reference != NULL && has_key(reference, use->key))
            continue;
        const int status = error_set(
            err, ERROR_INVALID, ERR_INVALID,
            reference == NULL
                ? "there is no SecretReference %s with key %s: declare one in the repository's "
                  "native manifests, or create it on the control plane"
                : "SecretReference %s has no key %s: add it there, or name another key as "
                  "\"${NAME:key}\"",
            use->name, use->key);
        if (err != NULL)
            err->where = use->at;
        return status;
    }
    return 0;
}
