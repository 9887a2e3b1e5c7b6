#include "reconciler/resource/ownership.h"

#include "config/base/json.h"

#include <stddef.h>
#include <string.h>

/* Free-form for the server, wherever they stand. */
static const char *const raw_members[] = {
    "parameters",
    "environmentConfigs",
    "componentTypeEnvironmentConfigs",
    "traitEnvironmentConfigs",
    "resourceTypeEnvironmentConfigs",
    "openAPIV3Schema",
    "runTemplate",
};

static const struct whole_member {
    enum resource_kind kind;
    const char *key; /* directly below spec */
} whole_members[] = {
    {KIND_WORKLOAD, "container"},         {KIND_WORKLOAD, "endpoints"},
    {KIND_WORKLOAD, "dependencies"},      {KIND_RELEASE_BINDING, "workloadOverrides"},
    {KIND_COMPONENT_RELEASE, "workload"},
};

static const struct server_default {
    const char *key, *value;
} server_defaults[] = {
    {"kind", "ComponentType"},     {"kind", "ClusterWorkflow"},
    {"kind", "DataPlane"},         {"kind", "DeploymentPipeline"},
    {"kind", "Environment"},       {"kind", "ProjectType"},
    {"kind", "ResourceType"},      {"kind", "Trait"},
    {"kind", "Workflow"},          {"effect", "allow"},
    {"refreshInterval", "1h0m0s"}, {"state", "Active"},
    {"targetPlane", "dataplane"},  {"type", "Opaque"},
};

/* A SecretReference's template has typed fields; in all other kinds it is free-form. */
static bool is_raw(enum resource_kind kind, const char *key)
{
    for (size_t i = 0; i < sizeof raw_members / sizeof raw_members[0]; i++)
        if (strcmp(raw_members[i], key) == 0)
            return true;
    return strcmp(key, "template") == 0 && kind != KIND_SECRET_REFERENCE;
}

enum ownership ownership_of_member(enum resource_kind kind, enum ownership above, int depth,
                                   const char *key)
{
    if (above == OWNS_RAW || is_raw(kind, key))
        return OWNS_RAW;
    if (depth == 0)
        for (size_t i = 0; i < sizeof whole_members / sizeof whole_members[0]; i++)
            if (whole_members[i].kind == kind && strcmp(whole_members[i].key, key) == 0)
                return OWNS_WHOLE;
    return above;
}

/* Types belong to all who deploy on a control plane, and each names the workflows of its own
 * builds.
 */
bool ownership_is_shared(enum resource_kind kind, int depth, const char *key)
{
    return kind == KIND_CLUSTER_COMPONENT_TYPE && depth == 0 &&
           strcmp(key, "allowedWorkflows") == 0;
}

static bool same_member(const json_t *a, const json_t *b, const char *key, const char *otherwise)
{
    return strcmp(json_text_or(json_object_get(a, key), otherwise),
                  json_text_or(json_object_get(b, key), otherwise)) == 0;
}

bool ownership_list_has(const json_t *list, const json_t *entry)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (same_member(one, entry, "kind", "ClusterWorkflow") &&
            same_member(one, entry, "name", ""))
            return true;
    }
    return false;
}

bool ownership_value_is_empty(const json_t *value)
{
    if (json_is_object(value)) {
        const char *key;
        json_t *member;
        json_object_foreach(json_unconst(value), key,
                            member) if (!ownership_value_is_empty(member)) return false;
        return true;
    }
    return value == NULL || json_is_null(value) || json_is_false(value) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_integer(value) && json_integer_value(value) == 0) ||
           (json_is_real(value) && !(json_real_value(value) < 0 || json_real_value(value) > 0));
}

bool ownership_value_is_default(const char *key, const json_t *value)
{
    const char *text = json_text_or(value, NULL);
    if (text == NULL)
        return false;
    for (size_t i = 0; i < sizeof server_defaults / sizeof server_defaults[0]; i++)
        if (strcmp(server_defaults[i].key, key) == 0 && strcmp(server_defaults[i].value, text) == 0)
            return true;
    return false;
}
