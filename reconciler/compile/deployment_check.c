#include "config/base/json.h"
#include "reconciler/compile/parts.h"

#include <string.h>

static bool is_used(const struct effective *effective, const struct connection_end *end)
{
    for (size_t i = 0; i < effective->env_count; i++) {
        const char *name = effective->env[i].connection.text;
        if (name != NULL && strcmp(name, end->connection->name.text) == 0)
            return true;
    }
    return false;
}

json_t *deployment_needs(const struct deployment *deployment)
{
    const struct effective *common = deployment->common;
    struct body body = {0};
    json_t *needs = json_array();
    for (size_t i = 0; i < common->connection_count; i++) {
        const struct connection_end *end = &common->connections[i];
        if (end->external || !is_used(common, end))
            continue;
        json_t *need = json_object();
        body_put_text(&body, need, "component", end->component);
        body_put_text(&body, need, "endpoint", end->endpoint->name.text);
        body_put_text(&body, need, "type", parts_endpoint_type(end->endpoint->type));
        body_put(&body, need, "namespace", json_boolean(!end->same_cell));
        body_append(&body, needs, need);
    }
    if (body.status != 0 || needs == NULL) {
        json_decref(needs);
        return NULL;
    }
    return needs;
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
                             const json_t *(*secret_of)(const void *context, const char *name),
                             const void *context, struct error *err)
{
    for (size_t i = 0; i < deployment->secret_count; i++) {
        const struct secret_use *use = &deployment->secrets[i];
        const json_t *reference = secret_of(context, use->name);
        if (reference != NULL && has_key(reference, use->key))
            continue;
        const int status =
            reference == NULL
                ? error_set(err, ERROR_INVALID, ERR_INVALID,
                            "it needs SecretReference %s with key %s, which is not there: declare "
                            "it, create it on the control plane, or put the value into "
                            "/etc/celld/credentials/secret-%s and restart celld",
                            use->name, use->key, use->name)
                : error_set(err, ERROR_INVALID, ERR_INVALID,
                            "SecretReference %s has no key %s: add it there, or name another key "
                            "as \"${NAME:key}\"",
                            use->name, use->key);
        if (err != NULL)
            err->where = use->at;
        return status;
    }
    return 0;
}
