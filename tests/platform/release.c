#include "tests/platform/state.h"

#include <string.h>

struct object *release_workload(const struct platform *p, const struct object *component,
                                size_t *ret_count)
{
    struct object *found = NULL;
    size_t from, to;
    *ret_count = 0;
    store_range(p, KIND_WORKLOAD, component->ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        struct object *o = store_at(p, KIND_WORKLOAD, i);
        if (strcmp(o->component, component->name) != 0)
            continue;
        if (found == NULL)
            found = o;
        ++*ret_count;
    }
    return found;
}

static const struct object *type_of(const struct platform *p, const struct object *component)
{
    const json_t *ref = values_get(component->spec, "componentType");
    const char *slash = strchr(values_text(ref, "name"), '/');
    const bool cluster = strcmp(values_text(ref, "kind"), "ClusterComponentType") == 0;
    if (slash == NULL)
        return NULL;
    return store_find(p, cluster ? KIND_CLUSTER_COMPONENT_TYPE : KIND_COMPONENT_TYPE,
                      cluster ? NULL : component->ns, slash + 1);
}

int release_snapshot(struct platform *p, struct object *component, json_t **ret_spec,
                     const char **ret_message)
{
    size_t count;
    const struct object *workload = release_workload(p, component, &count);
    if (workload == NULL) {
        *ret_message = "Workload not found";
        return 404;
    }
    const struct object *type = type_of(p, component);
    if (type == NULL) {
        *ret_message = "ComponentType not found";
        return 404;
    }
    const json_t *ref = values_get(component->spec, "componentType");
    json_t *spec =
        json_pack("{s:{s:s,s:s},s:{s:O,s:O,s:O}}", "owner", "componentName", component->name,
                  "projectName", component->project, "componentType", "kind",
                  values_get(ref, "kind"), "name", values_get(ref, "name"), "spec", type->spec);
    json_t *profile = json_object();
    if (values_get(component->spec, "parameters") != NULL)
        json_object_set(profile, "parameters", values_get(component->spec, "parameters"));
    if (json_array_size(values_get(component->spec, "traits")) > 0)
        json_object_set(profile, "traits", values_get(component->spec, "traits"));
    if (json_object_size(profile) > 0)
        json_object_set(spec, "componentProfile", profile);
    json_decref(profile);
    json_t *content = json_object();
    static const char *const parts[] = {"container", "endpoints", "dependencies"};
    for (size_t i = 0; i < 3; i++)
        if (values_get(workload->spec, parts[i]) != NULL)
            json_object_set(content, parts[i], values_get(workload->spec, parts[i]));
    json_object_set_new(spec, "workload", content);
    *ret_spec = spec;
    return 0;
}
