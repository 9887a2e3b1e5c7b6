/* What the API server refuses: the schemas of the custom resources, their transition rules and the
 * checks of the service layer. What it lets through without a word is counted as a danger. */
#include "config/base/check.h"
#include "config/base/text.h"
#include "tests/platform/state.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_RULE                                                                                  \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "   \
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "  \
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define LABEL_RULE                                                                                 \
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "  \
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for " \
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define UNCHECKED                                                                                  \
    "<nil>: Invalid value: null: some validation rules were not checked because the object was "   \
    "invalid; correct the existing errors to complete validation"
#define TYPE_RULE "^(deployment|statefulset|cronjob|job|proxy)/[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
#define TTL_RULE "^(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?$"

struct findings {
    struct text text;
    bool unchecked; /* wrong enough that the server skipped its other rules */
};

__attribute__((format(printf, 2, 3))) static void find(struct findings *f, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (f->text.length > 0)
        text_add(&f->text, "; ");
    text_add(&f->text, message);
}

static bool is_word(char c)
{
    return islower((unsigned char)c) || isdigit((unsigned char)c);
}

bool admit_name(const char *name)
{
    const size_t length = strlen(name);
    if (length == 0 || length > 253 || !is_word(name[0]) || !is_word(name[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_word(name[i]) && name[i] != '-' && name[i] != '.')
            return false;
    return true;
}

char *admit_name_message(const char *name)
{
    char text[1024];
    snprintf(text, sizeof(text), "metadata.name: Invalid value: \"%s\": " NAME_RULE, name);
    return values_copy_text(text);
}

static void check_labels(struct findings *f, const json_t *labels)
{
    const char *key;
    json_t *value;
    json_object_foreach(values_mutable(labels), key, value)
    {
        const char *slash = strrchr(key, '/');
        const char *name = slash == NULL ? key : slash + 1;
        bool sound = *name != '\0';
        for (const char *c = name; *c != '\0'; c++)
            sound = sound && (isalnum((unsigned char)*c) || strchr("-_.", *c) != NULL);
        if (!sound)
            find(f, "metadata.labels: Invalid value: \"%s\": " LABEL_RULE, key);
        if (json_string_length(value) > 63)
            find(f, "metadata.labels: Invalid value: \"%s\": must be no more than 63 bytes",
                 json_string_value(value));
    }
}

static bool one_of(const char *value, const char *const *allowed)
{
    for (; *allowed != NULL; allowed++)
        if (strcmp(value, *allowed) == 0)
            return true;
    return false;
}

static void check_enum(struct findings *f, const char *path, const json_t *object, const char *key,
                       const char *const *allowed)
{
    const json_t *value = values_get(object, key);
    if (value == NULL || one_of(json_text_or(value, ""), allowed))
        return;
    char list[512] = "";
    for (size_t i = 0; allowed[i] != NULL; i++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s\"%s\"", i == 0 ? "" : ", ", allowed[i]);
    }
    find(f, "%s: Unsupported value: \"%s\": supported values: %s", path, json_text_or(value, ""),
         list);
    f->unchecked = true;
}

static void check_items(struct findings *f, const char *path, const json_t *value)
{
    if (value == NULL) {
        find(f, "%s: Required value", path);
        f->unchecked = true;
    } else if (json_array_size(value) == 0) {
        find(f, "%s: Invalid value: 0: %s in body should have at least 1 items", path, path);
    }
}

static void check_exclusive(struct findings *f, const char *list, const json_t *items)
{
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item)
    {
        if (values_get(item, "value") != NULL && values_get(item, "valueFrom") != NULL)
            find(f,
                 "spec.container.%s[%zu]: Invalid value: value and valueFrom are mutually "
                 "exclusive",
                 list, i);
    }
}

static void check_workload(struct findings *f, const json_t *spec)
{
    static const char *const types[] = {"HTTP", "gRPC", "GraphQL", "Websocket", "TCP", "UDP", NULL};
    static const char *const sides[] = {"project", "namespace", NULL};
    const json_t *container = values_get(spec, "container");
    if (values_text(container, "image")[0] == '\0')
        find(f, "spec.container.image: Invalid value: \"\": spec.container.image in body should be "
                "at least 1 chars long");
    check_exclusive(f, "env", values_get(container, "env"));
    check_exclusive(f, "files", values_get(container, "files"));
    const char *name;
    json_t *endpoint;
    json_object_foreach(values_get(spec, "endpoints"), name, endpoint)
    {
        char path[256];
        snprintf(path, sizeof(path), "spec.endpoints.%s.type", name);
        check_enum(f, path, endpoint, "type", types);
    }
    size_t i;
    json_t *dependency;
    json_array_foreach(values_get(values_get(spec, "dependencies"), "endpoints"), i, dependency)
    {
        char path[256];
        snprintf(path, sizeof(path), "spec.dependencies.endpoints[%zu].visibility", i);
        check_enum(f, path, dependency, "visibility", sides);
    }
}

static bool fits_type_rule(const char *name)
{
    static const char *const workloads[] = {"deployment", "statefulset", "cronjob",
                                            "job",        "proxy",       NULL};
    const char *slash = strchr(name, '/');
    if (slash == NULL || !admit_name(slash + 1) || strchr(slash + 1, '.') != NULL)
        return false;
    char workload[32];
    snprintf(workload, sizeof(workload), "%.*s", (int)(slash - name), name);
    return one_of(workload, workloads);
}

static void check_component(struct findings *f, const json_t *spec)
{
    const char *type = values_text(values_get(spec, "componentType"), "name");
    if (!fits_type_rule(type))
        find(f,
             "spec.componentType.name: Invalid value: \"%s\": spec.componentType.name in body "
             "should match '" TYPE_RULE "'",
             type);
}

static const char *literal_text(const json_t *template, const char *key)
{
    return values_text(values_get(template, "metadata"), key);
}

static void check_template(struct findings *f, const char *path, const json_t *template,
                           bool webhooks, bool proxy)
{
    static const char *const workloads[] = {"Deployment", "StatefulSet", "CronJob", "Job",
                                            "DaemonSet",  "Pod",         NULL};
    if (!webhooks)
        return;
    if (values_text(template, "apiVersion")[0] == '\0')
        find(f, "%s.apiVersion: Required value: apiVersion is required in resource template", path);
    if (values_text(template, "kind")[0] == '\0')
        find(f, "%s.kind: Required value: kind is required in resource template", path);
    if (literal_text(template, "name")[0] == '\0')
        find(f, "%s.metadata.name: Required value: metadata.name is required in resource template",
             path);
    const char *ns = literal_text(template, "namespace");
    if (ns[0] != '\0' && strcmp(ns, "${metadata.namespace}") != 0)
        find(f,
             "%s.metadata.namespace: Invalid value: \"%s\": if metadata.namespace is specified, "
             "it must be \"${metadata.namespace}\"",
             path, ns);
    if (proxy && one_of(values_text(template, "kind"), workloads))
        find(f,
             "%s.kind: Forbidden: proxy ComponentType must not contain workload resources "
             "(kind \"%s\")",
             path, values_text(template, "kind"));
}

static void check_type(struct findings *f, const json_t *spec, bool webhooks)
{
    static const char *const workloads[] = {"deployment", "statefulset", "cronjob",
                                            "job",        "proxy",       NULL};
    const char *workload = values_text(spec, "workloadType");
    const json_t *resources = values_get(spec, "resources");
    check_enum(f, "spec.workloadType", spec, "workloadType", workloads);
    check_items(f, "spec.resources", resources);
    const bool proxy = strcmp(workload, "proxy") == 0;
    bool primary = proxy || f->text.length > 0;
    size_t i;
    json_t *item;
    json_array_foreach(resources, i, item)
    {
        char path[64];
        snprintf(path, sizeof(path), "spec.resources[%zu].template", i);
        if (values_get(item, "template") == NULL) {
            find(f, "%s: Required value", path);
            f->unchecked = true;
        } else {
            check_template(f, path, values_get(item, "template"), webhooks, proxy);
        }
        primary = primary || strcmp(values_text(item, "id"), workload) == 0;
    }
    if (!primary)
        find(f, "spec: Invalid value: resources must contain a primary resource with id matching "
                "workloadType (unless workloadType is 'proxy')");
}

static bool is_ttl(const char *text)
{
    const char *units = "dhms";
    while (*text != '\0') {
        if (!isdigit((unsigned char)*text))
            return false;
        while (isdigit((unsigned char)*text))
            text++;
        const char *unit = *text == '\0' ? NULL : strchr(units, *text);
        if (unit == NULL)
            return false;
        units = unit + 1;
        text++;
    }
    return true;
}

static void check_ttl(struct findings *f, const json_t *spec)
{
    const char *ttl = values_text(spec, "ttlAfterCompletion");
    if (!is_ttl(ttl))
        find(f,
             "spec.ttlAfterCompletion: Invalid value: \"%s\": spec.ttlAfterCompletion in body "
             "should match '" TTL_RULE "'",
             ttl);
}

static void check_workflow(struct findings *f, const json_t *spec, bool webhooks)
{
    check_ttl(f, spec);
    const json_t *metadata = values_get(values_get(spec, "runTemplate"), "metadata");
    const char *ns = values_text(metadata, "namespace");
    if (!webhooks || strcmp(ns, "${metadata.namespace}") == 0)
        return;
    if (ns[0] != '\0')
        find(f,
             "spec.runTemplate.metadata.namespace: Invalid value: \"%s\": if metadata.namespace "
             "is specified, it must be \"${metadata.namespace}\"",
             ns);
    find(f,
         "spec.runTemplate.metadata.namespace: Invalid value: \"%s\": metadata.namespace must "
         "be set to \"${metadata.namespace}\"",
         ns);
}

static void check_authz_binding(struct findings *f, const json_t *spec, bool cluster)
{
    static const char *const effects[] = {"allow", "deny", NULL};
    check_enum(f, "spec.effect", spec, "effect", effects);
    check_items(f, "spec.roleMappings", values_get(spec, "roleMappings"));
    size_t i;
    json_t *mapping;
    json_array_foreach(values_get(spec, "roleMappings"), i, mapping)
    {
        const json_t *scope = values_get(mapping, "scope");
        if (values_get(scope, "component") != NULL && values_get(scope, "project") == NULL)
            find(f, "spec.roleMappings[%zu]: Invalid value: scope.component requires scope.project",
                 i);
        if (cluster &&
            strcmp(values_text(values_get(mapping, "roleRef"), "kind"), "AuthzRole") == 0)
            find(f, "spec: Invalid value: ClusterAuthzRoleBinding can only reference "
                    "ClusterAuthzRole");
    }
}

/* ---- fields that may not change ---- */

static bool differs(const json_t *spec, const struct object *old, const char *key)
{
    const json_t *a = values_get(spec, key), *b = values_get(old->spec, key);
    return !json_equal(a, b) && (a != NULL || b != NULL);
}

static void check_fixed(struct findings *f, enum kind kind, const json_t *spec,
                        const struct object *old)
{
    const bool binding = kind == KIND_RELEASE_BINDING || kind == KIND_PROJECT_BINDING;
    if (kind == KIND_COMPONENT && differs(spec, old, "componentType"))
        find(f, "spec.componentType: Invalid value: spec.componentType cannot be changed after "
                "creation");
    if (kind == KIND_PROJECT && differs(spec, old, "type"))
        find(f, "spec.type: Invalid value: spec.type cannot be changed after creation");
    if (binding && differs(spec, old, "environment"))
        find(f, "spec.environment: Invalid value: \"%s\": spec.environment is immutable",
             values_text(spec, "environment"));
    if ((binding || kind == KIND_WORKLOAD || kind == KIND_RESOURCE ||
         kind == KIND_RESOURCE_BINDING) &&
        differs(spec, old, "owner"))
        find(f, "spec.owner: Invalid value: spec.owner is immutable");
    if (kind == KIND_ENVIRONMENT && differs(spec, old, "dataPlaneRef"))
        find(f, "spec: Invalid value: dataPlaneRef is immutable once set");
    if (kind == KIND_CLUSTER_COMPONENT_TYPE && differs(spec, old, "workloadType"))
        find(f, "spec.workloadType: Invalid value: \"%s\": spec.workloadType is immutable",
             values_text(spec, "workloadType"));
    if (kind != KIND_WORKFLOW_RUN)
        return;
    const json_t *now = values_get(spec, "workflow"), *was = values_get(old->spec, "workflow");
    static const char *const keys[] = {"kind", "name"};
    for (size_t i = 0; i < 2; i++)
        if (strcmp(values_text(now, keys[i]), values_text(was, keys[i])) != 0)
            find(f, "spec.workflow.%s: Invalid value: \"%s\": %s is immutable", keys[i],
                 values_text(now, keys[i]), keys[i]);
}

static void check_spec(struct platform *p, struct findings *f, enum kind kind, const json_t *spec)
{
    static const char *const states[] = {"Active", "Undeploy", NULL};
    const bool webhooks = p->options.admission_webhooks;
    if (kind == KIND_WORKLOAD)
        check_workload(f, spec);
    else if (kind == KIND_COMPONENT)
        check_component(f, spec);
    else if (kind == KIND_RELEASE_BINDING)
        check_enum(f, "spec.state", spec, "state", states);
    else if (kind == KIND_CLUSTER_COMPONENT_TYPE || kind == KIND_COMPONENT_TYPE)
        check_type(f, spec, webhooks);
    else if (kind == KIND_CLUSTER_PROJECT_TYPE || kind == KIND_PROJECT_TYPE)
        check_items(f, "spec.resources", values_get(spec, "resources"));
    else if (kind == KIND_SECRET_REFERENCE)
        check_items(f, "spec.data", values_get(spec, "data"));
    else if (kind == KIND_CLUSTER_WORKFLOW || kind == KIND_WORKFLOW)
        check_workflow(f, spec, webhooks);
    else if (kind == KIND_WORKFLOW_RUN)
        check_ttl(f, spec);
    else if (kind == KIND_AUTHZ_ROLE || kind == KIND_CLUSTER_AUTHZ_ROLE)
        check_items(f, "spec.actions", values_get(spec, "actions"));
    else if (kind == KIND_AUTHZ_BINDING || kind == KIND_CLUSTER_AUTHZ_BINDING)
        check_authz_binding(f, spec, kind == KIND_CLUSTER_AUTHZ_BINDING);
}

/* Parameters and configurations against the type's schemas: admission webhooks only. */
static void check_release(struct findings *f, const json_t *spec)
{
    const json_t *type = values_get(values_get(spec, "componentType"), "spec");
    const json_t *schema = json_at(type, "parameters", "openAPIV3Schema", NULL);
    const json_t *given = json_at(spec, "componentProfile", "parameters", NULL);
    json_t *parameters = schema_default(schema, given);
    char problems[MESSAGE_SIZE];
    schema_check(schema, parameters, problems, sizeof(problems));
    json_decref(parameters);
    if (problems[0] != '\0')
        find(f,
             "spec.componentProfile.parameters: Invalid value: parameters do not match "
             "ComponentType schema: %s",
             problems);
}

int admit_object(struct platform *p, enum kind kind, const char *ns, const char *name,
                 const json_t *labels, const json_t *spec, const struct object *old,
                 char **ret_message)
{
    (void)ns;
    if (old == NULL && !admit_name(name)) {
        *ret_message = admit_name_message(name);
        return kinds_info(kind)->bad_request ? 400 : 422;
    }
    struct findings f = {.unchecked = false};
    text_init(&f.text, 8192);
    check_labels(&f, labels);
    check_spec(p, &f, kind, spec);
    if (kind == KIND_COMPONENT_RELEASE && p->options.admission_webhooks)
        check_release(&f, spec);
    if (f.unchecked)
        find(&f, UNCHECKED);
    if (old != NULL)
        check_fixed(&f, kind, spec, old);
    int status = 0;
    if (f.text.length > 0) {
        status = kinds_info(kind)->bad_request ? 400 : 422;
        *ret_message = values_copy_text(text_get(&f.text));
    }
    text_fini(&f.text);
    return status;
}
