#include "config/base/check.h"
#include "tests/platform/state.h"

#include <string.h>

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define KIND(collection_, name_) .collection = (collection_), .name = (name_), .put = true
#define TEXTS(what) .missing = what " not found", .existing = what " already exists"

static const struct kind_info table[] = {
    [KIND_NAMESPACE] = {KIND("namespaces", "Namespace"), TEXTS("Namespace"), .plain = true,
                        .finalizer = true, .action = "namespace"},
    [KIND_CLUSTER_PROJECT_TYPE] = {KIND("clusterprojecttypes", "ClusterProjectType"),
                                   TEXTS("ClusterProjectType"), .bad_request = true,
                                   .action = "clusterprojecttype"},
    [KIND_PROJECT_TYPE] = {KIND("projecttypes", "ProjectType"), TEXTS("ProjectType"),
                           .namespaced = true, .bad_request = true, .action = "projecttype"},
    [KIND_CLUSTER_DATA_PLANE] = {KIND("clusterdataplanes", "ClusterDataPlane"),
                                 TEXTS("ClusterDataPlane"), .action = "clusterdataplane"},
    [KIND_DATA_PLANE] = {KIND("dataplanes", "DataPlane"), TEXTS("DataPlane"), .namespaced = true,
                         .action = "dataplane"},
    [KIND_CLUSTER_WORKFLOW_PLANE] = {KIND("clusterworkflowplanes", "ClusterWorkflowPlane"),
                                     TEXTS("ClusterWorkflowPlane"),
                                     .action = "clusterworkflowplane"},
    [KIND_WORKFLOW_PLANE] = {KIND("workflowplanes", "WorkflowPlane"), TEXTS("WorkflowPlane"),
                             .namespaced = true, .action = "workflowplane"},
    [KIND_CLUSTER_COMPONENT_TYPE] = {KIND("clustercomponenttypes", "ClusterComponentType"),
                                     .missing = "ClusterComponentType not found",
                                     .existing = "Cluster component type already exists",
                                     .action = "clustercomponenttype"},
    [KIND_COMPONENT_TYPE] = {KIND("componenttypes", "ComponentType"),
                             .missing = "ComponentType not found",
                             .existing = "Component type already exists", .namespaced = true,
                             .action = "componenttype"},
    [KIND_CLUSTER_TRAIT] = {KIND("clustertraits", "ClusterTrait"),
                            .missing = "ClusterTrait not found",
                            .existing = "Cluster trait already exists", .action = "clustertrait"},
    [KIND_TRAIT] = {KIND("traits", "Trait"), TEXTS("Trait"), .namespaced = true, .action = "trait"},
    [KIND_CLUSTER_WORKFLOW] = {KIND("clusterworkflows", "ClusterWorkflow"),
                               .missing = "ClusterWorkflow not found",
                               .existing = "Cluster workflow already exists",
                               .action = "clusterworkflow"},
    [KIND_WORKFLOW] = {KIND("workflows", "Workflow"), TEXTS("Workflow"), .namespaced = true,
                       .action = "workflow"},
    [KIND_CLUSTER_RESOURCE_TYPE] = {KIND("clusterresourcetypes", "ClusterResourceType"),
                                    TEXTS("ClusterResourceType"), .bad_request = true,
                                    .action = "clusterresourcetype"},
    [KIND_RESOURCE_TYPE] = {KIND("resourcetypes", "ResourceType"), TEXTS("ResourceType"),
                            .namespaced = true, .bad_request = true, .action = "resourcetype"},
    [KIND_ENVIRONMENT] = {KIND("environments", "Environment"), TEXTS("Environment"),
                          .namespaced = true, .finalizer = true, .action = "environment",
                          .fields = FIELDS("dataPlaneRef", "gateway", "isProduction"),
                          .drop_empty = FIELDS("isProduction")},
    [KIND_PIPELINE] = {KIND("deploymentpipelines", "DeploymentPipeline"),
                       .missing = "DeploymentPipeline not found",
                       .existing = "Deployment pipeline already exists", .namespaced = true,
                       .finalizer = true, .action = "deploymentpipeline",
                       .fields = FIELDS("promotionPaths")},
    [KIND_PROJECT] = {KIND("projects", "Project"), TEXTS("Project"), .namespaced = true,
                      .finalizer = true, .action = "project",
                      .fields = FIELDS("deploymentPipelineRef", "type", "parameters")},
    [KIND_PROJECT_RELEASE] = {KIND("projectreleases", "ProjectRelease"), TEXTS("ProjectRelease"),
                              .namespaced = true, .bad_request = true, .action = "projectrelease"},
    [KIND_PROJECT_BINDING] = {KIND("projectreleasebindings", "ProjectReleaseBinding"),
                              TEXTS("ProjectReleaseBinding"), .namespaced = true, .finalizer = true,
                              .bad_request = true, .action = "projectreleasebinding",
                              .fields = FIELDS("owner", "environment", "projectRelease",
                                               "environmentConfigs"),
                              .drop_empty = FIELDS("projectRelease")},
    [KIND_COMPONENT] = {KIND("components", "Component"), TEXTS("Component"), .namespaced = true,
                        .finalizer = true, .action = "component",
                        .fields = FIELDS("owner", "autoDeploy", "componentType", "parameters",
                                         "traits", "workflow"),
                        .drop_empty = FIELDS("autoDeploy")},
    [KIND_WORKLOAD] = {KIND("workloads", "Workload"), TEXTS("Workload"), .namespaced = true,
                       .action = "workload",
                       .fields = FIELDS("owner", "container", "endpoints", "dependencies")},
    [KIND_COMPONENT_RELEASE] = {KIND("componentreleases", "ComponentRelease"),
                                TEXTS("ComponentRelease"), .namespaced = true,
                                .action = "componentrelease",
                                .fields = FIELDS("owner", "componentType", "componentProfile",
                                                 "traits", "workload")},
    [KIND_RELEASE_BINDING] = {KIND("releasebindings", "ReleaseBinding"), TEXTS("ReleaseBinding"),
                              .namespaced = true, .finalizer = true, .action = "releasebinding",
                              .fields = FIELDS("owner", "environment", "releaseName", "state",
                                               "componentTypeEnvironmentConfigs",
                                               "traitEnvironmentConfigs", "workloadOverrides"),
                              .drop_empty = FIELDS("releaseName")},
    [KIND_SECRET_REFERENCE] = {KIND("secretreferences", "SecretReference"),
                               TEXTS("SecretReference"), .namespaced = true,
                               .action = "secretreference",
                               .fields =
                                   FIELDS("template", "data", "refreshInterval", "targetPlane")},
    [KIND_RESOURCE] = {KIND("resources", "Resource"), TEXTS("Resource"), .namespaced = true,
                       .bad_request = true, .action = "resource",
                       .fields = FIELDS("owner", "type", "parameters")},
    [KIND_RESOURCE_RELEASE] = {KIND("resourcereleases", "ResourceRelease"),
                               TEXTS("ResourceRelease"), .namespaced = true, .bad_request = true,
                               .action = "resourcerelease"},
    [KIND_RESOURCE_BINDING] = {KIND("resourcereleasebindings", "ResourceReleaseBinding"),
                               TEXTS("ResourceReleaseBinding"), .namespaced = true,
                               .bad_request = true, .action = "resourcereleasebinding",
                               .fields = FIELDS("owner", "environment", "resourceRelease",
                                                "resourceTypeEnvironmentConfigs", "retainPolicy")},
    [KIND_WORKFLOW_RUN] = {KIND("workflowruns", "WorkflowRun"), TEXTS("WorkflowRun"),
                           .namespaced = true, .finalizer = true, .action = "workflowrun",
                           .fields = FIELDS("workflow", "ttlAfterCompletion")},
    [KIND_AUTHZ_ROLE] = {KIND("authzroles", "AuthzRole"), .no_status = true,
                         .missing = "Namespace role not found",
                         .existing = "Namespace role already exists", .namespaced = true,
                         .action = "authzrole", .fields = FIELDS("actions", "description")},
    [KIND_CLUSTER_AUTHZ_ROLE] = {KIND("clusterauthzroles", "ClusterAuthzRole"), .no_status = true,
                                 .missing = "Cluster role not found",
                                 .existing = "Cluster role already exists",
                                 .action = "clusterauthzrole",
                                 .fields = FIELDS("actions", "description")},
    [KIND_AUTHZ_BINDING] = {KIND("authzrolebindings", "AuthzRoleBinding"), .no_status = true,
                            .missing = "Namespace role binding not found",
                            .existing = "Namespace role binding already exists", .namespaced = true,
                            .action = "authzrolebinding",
                            .fields = FIELDS("entitlement", "roleMappings", "effect")},
    [KIND_CLUSTER_AUTHZ_BINDING] = {KIND("clusterauthzrolebindings", "ClusterAuthzRoleBinding"),
                                    .no_status = true, .missing = "Cluster role binding not found",
                                    .existing = "Cluster role binding already exists",
                                    .action = "clusterauthzrolebinding",
                                    .fields = FIELDS("entitlement", "roleMappings", "effect")},
    [KIND_SECRET] = {KIND("secrets", "Secret"), TEXTS("Secret"), .namespaced = true,
                     .bad_request = true, .plain = true, .action = "secret"},
    [KIND_RENDERED] = {.collection = "",
                       .name = "RenderedRelease",
                       .namespaced = true,
                       .finalizer = true},
};
_Static_assert(sizeof(table) / sizeof(*table) == KIND_COUNT, "every kind has a row");

const struct kind_info *kinds_info(enum kind kind)
{
    CHECK((unsigned)kind < KIND_COUNT);
    return &table[kind];
}

enum kind kinds_by_collection(const char *collection, bool namespaced)
{
    for (unsigned i = 0; i < KIND_RENDERED; i++)
        if (table[i].namespaced == namespaced && strcmp(table[i].collection, collection) == 0)
            return (enum kind)i;
    return KIND_RENDERED;
}

enum kind kinds_by_name(const char *name)
{
    for (unsigned i = 0; i < KIND_RENDERED; i++)
        if (strcmp(table[i].name, name) == 0)
            return (enum kind)i;
    return KIND_RENDERED;
}

static bool has_name(const char *const *names, const char *name)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static bool is_empty(const json_t *value)
{
    return json_is_null(value) || json_is_false(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

static void default_text(json_t *object, const char *key, const char *text)
{
    if (json_is_object(object) && values_text(object, key)[0] == '\0')
        json_object_set_new(object, key, json_string(text));
}

static void default_pipeline(json_t *spec)
{
    size_t i, k;
    json_t *path, *target;
    json_array_foreach(values_get(spec, "promotionPaths"), i, path)
    {
        default_text(values_get(path, "sourceEnvironmentRef"), "kind", "Environment");
        json_array_foreach(values_get(path, "targetEnvironmentRefs"), k, target)
            default_text(target, "kind", "Environment");
    }
}

static void default_project(json_t *spec)
{
    if (values_get(spec, "deploymentPipelineRef") == NULL)
        json_object_set_new(spec, "deploymentPipelineRef", json_pack("{s:s}", "name", "default"));
    default_text(values_get(spec, "deploymentPipelineRef"), "kind", "DeploymentPipeline");
    if (values_get(spec, "type") == NULL)
        json_object_set_new(
            spec, "type", json_pack("{s:s,s:s}", "kind", "ClusterProjectType", "name", "default"));
    default_text(values_get(spec, "type"), "kind", "ClusterProjectType");
}

static void default_component(json_t *spec)
{
    default_text(values_get(spec, "componentType"), "kind", "ComponentType");
    size_t i;
    json_t *trait;
    json_array_foreach(values_get(spec, "traits"), i, trait) default_text(trait, "kind", "Trait");
}

static void default_type(json_t *spec)
{
    size_t i;
    json_t *item;
    json_array_foreach(values_get(spec, "resources"), i, item)
        default_text(item, "targetPlane", "dataplane");
    if (json_array_size(values_get(spec, "allowedWorkflows")) == 0)
        json_object_del(spec, "allowedWorkflows");
}

/* Roles keep of a scope only what fits together; a missing scope shows as an empty one. */
static void default_authz_binding(json_t *spec)
{
    default_text(spec, "effect", "allow");
    size_t i;
    json_t *mapping;
    json_array_foreach(values_get(spec, "roleMappings"), i, mapping)
    {
        if (values_get(mapping, "scope") == NULL)
            json_object_set_new(mapping, "scope", json_object());
        if (values_get(values_get(mapping, "scope"), "component") != NULL)
            json_object_del(values_get(mapping, "scope"), "resource");
    }
}

static void default_workload(json_t *spec)
{
    json_t *dependencies = values_get(spec, "dependencies");
    if (dependencies != NULL && json_array_size(values_get(dependencies, "endpoints")) == 0 &&
        json_array_size(values_get(dependencies, "resources")) == 0)
        json_object_del(spec, "dependencies");
    if (json_object_size(values_get(spec, "endpoints")) == 0)
        json_object_del(spec, "endpoints");
}

static void fill_defaults(enum kind kind, json_t *spec)
{
    if (kind == KIND_ENVIRONMENT) {
        if (values_get(spec, "gateway") == NULL)
            json_object_set_new(spec, "gateway", json_object());
        if (values_get(spec, "dataPlaneRef") == NULL)
            json_object_set_new(spec, "dataPlaneRef", json_pack("{s:s}", "name", "default"));
        default_text(values_get(spec, "dataPlaneRef"), "kind", "DataPlane");
    } else if (kind == KIND_PIPELINE) {
        default_pipeline(spec);
    } else if (kind == KIND_PROJECT) {
        default_project(spec);
    } else if (kind == KIND_COMPONENT) {
        default_component(spec);
    } else if (kind == KIND_WORKLOAD) {
        default_workload(spec);
    } else if (kind == KIND_RELEASE_BINDING) {
        default_text(spec, "state", "Active");
    } else if (kind == KIND_SECRET_REFERENCE) {
        default_text(spec, "refreshInterval", "1h0m0s");
        default_text(values_get(spec, "template"), "type", "Opaque");
    } else if (kind == KIND_CLUSTER_COMPONENT_TYPE || kind == KIND_COMPONENT_TYPE ||
               kind == KIND_CLUSTER_PROJECT_TYPE || kind == KIND_PROJECT_TYPE) {
        default_type(spec);
    } else if (kind == KIND_COMPONENT_RELEASE) {
        default_type(values_get(values_get(spec, "componentType"), "spec"));
    } else if (kind == KIND_AUTHZ_BINDING || kind == KIND_CLUSTER_AUTHZ_BINDING) {
        default_authz_binding(spec);
    } else if (kind == KIND_CLUSTER_WORKFLOW) {
        if (values_get(spec, "workflowPlaneRef") == NULL)
            json_object_set_new(
                spec, "workflowPlaneRef",
                json_pack("{s:s,s:s}", "kind", "ClusterWorkflowPlane", "name", "default"));
    } else if (kind == KIND_RESOURCE_BINDING) {
        default_text(spec, "retainPolicy", "Delete");
    }
}

json_t *kinds_normalize(enum kind kind, const json_t *spec)
{
    const struct kind_info *info = kinds_info(kind);
    json_t *result = json_object();
    const char *key;
    json_t *value;
    json_object_foreach(values_mutable(spec), key, value)
    {
        if (info->fields != NULL && !has_name(info->fields, key))
            continue;
        if (json_is_null(value) ||
            (info->drop_empty != NULL && has_name(info->drop_empty, key) && is_empty(value)))
            continue;
        json_object_set_new(result, key, values_copy(value));
    }
    fill_defaults(kind, result);
    return result;
}
