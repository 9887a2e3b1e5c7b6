#include "reconciler/resource/kind.h"

#include "config/base/check.h"

#include <errno.h>
#include <string.h>

/* Columns: name, collection, namespaced, may_put, may_delete, lists.
 *
 * Never deleted by celld itself: what everything else hangs on (namespace, environments, pipelines,
 * planes: their removal is irrevocable and takes what runs in them along). Not listed: releases
 * (they hold a snapshot of their type, 9 kB each) and workflow runs (they only grow in number). */
static const struct resource_kind_info infos[] = {
    [KIND_NAMESPACE] = {"Namespace", "namespaces", false, true, false, false},
    [KIND_CLUSTER_PROJECT_TYPE] = {"ClusterProjectType", "clusterprojecttypes", false, true, true,
                                   true},
    [KIND_CLUSTER_COMPONENT_TYPE] = {"ClusterComponentType", "clustercomponenttypes", false, true,
                                     true, true},
    [KIND_CLUSTER_TRAIT] = {"ClusterTrait", "clustertraits", false, true, true, true},
    [KIND_CLUSTER_WORKFLOW] = {"ClusterWorkflow", "clusterworkflows", false, true, true, true},
    [KIND_CLUSTER_RESOURCE_TYPE] = {"ClusterResourceType", "clusterresourcetypes", false, true,
                                    true, true},
    [KIND_CLUSTER_AUTHZ_ROLE] = {"ClusterAuthzRole", "clusterauthzroles", false, true, true, true},
    [KIND_CLUSTER_AUTHZ_ROLE_BINDING] = {"ClusterAuthzRoleBinding", "clusterauthzrolebindings",
                                         false, true, true, true},
    [KIND_CLUSTER_DATA_PLANE] = {"ClusterDataPlane", "clusterdataplanes", false, true, false, true},
    [KIND_CLUSTER_OBSERVABILITY_PLANE] = {"ClusterObservabilityPlane", "clusterobservabilityplanes",
                                          false, true, false, true},
    [KIND_CLUSTER_WORKFLOW_PLANE] = {"ClusterWorkflowPlane", "clusterworkflowplanes", false, true,
                                     false, true},
    [KIND_DATA_PLANE] = {"DataPlane", "dataplanes", true, true, false, true},
    [KIND_OBSERVABILITY_PLANE] = {"ObservabilityPlane", "observabilityplanes", true, true, false,
                                  true},
    [KIND_WORKFLOW_PLANE] = {"WorkflowPlane", "workflowplanes", true, true, false, true},
    [KIND_OBSERVABILITY_ALERTS_NOTIFICATION_CHANNEL] = {"ObservabilityAlertsNotificationChannel",
                                                        "observabilityalertsnotificationchannels",
                                                        true, true, true, true},
    [KIND_PROJECT_TYPE] = {"ProjectType", "projecttypes", true, true, true, true},
    [KIND_COMPONENT_TYPE] = {"ComponentType", "componenttypes", true, true, true, true},
    [KIND_TRAIT] = {"Trait", "traits", true, true, true, true},
    [KIND_WORKFLOW] = {"Workflow", "workflows", true, true, true, true},
    [KIND_RESOURCE_TYPE] = {"ResourceType", "resourcetypes", true, true, true, true},
    [KIND_ENVIRONMENT] = {"Environment", "environments", true, true, false, true},
    [KIND_DEPLOYMENT_PIPELINE] = {"DeploymentPipeline", "deploymentpipelines", true, true, false,
                                  true},
    [KIND_SECRET_REFERENCE] = {"SecretReference", "secretreferences", true, true, true, true},
    [KIND_AUTHZ_ROLE] = {"AuthzRole", "authzroles", true, true, true, true},
    [KIND_AUTHZ_ROLE_BINDING] = {"AuthzRoleBinding", "authzrolebindings", true, true, true, true},
    [KIND_PROJECT] = {"Project", "projects", true, true, true, true},
    [KIND_PROJECT_RELEASE] = {"ProjectRelease", "projectreleases", true, false, true, false},
    [KIND_PROJECT_RELEASE_BINDING] = {"ProjectReleaseBinding", "projectreleasebindings", true, true,
                                      true, true},
    [KIND_RESOURCE] = {"Resource", "resources", true, true, true, true},
    [KIND_RESOURCE_RELEASE] = {"ResourceRelease", "resourcereleases", true, false, true, false},
    [KIND_RESOURCE_RELEASE_BINDING] = {"ResourceReleaseBinding", "resourcereleasebindings", true,
                                       true, true, true},
    [KIND_COMPONENT] = {"Component", "components", true, true, true, true},
    [KIND_WORKLOAD] = {"Workload", "workloads", true, true, true, true},
    [KIND_COMPONENT_RELEASE] = {"ComponentRelease", "componentreleases", true, false, true, false},
    [KIND_RELEASE_BINDING] = {"ReleaseBinding", "releasebindings", true, true, true, true},
    [KIND_WORKFLOW_RUN] = {"WorkflowRun", "workflowruns", true, true, true, false},
};

_Static_assert(sizeof infos / sizeof infos[0] == RESOURCE_KIND_COUNT, "a row for every kind");

const struct resource_kind_info *resource_kind_info(enum resource_kind kind)
{
    CHECK((size_t)kind < RESOURCE_KIND_COUNT);
    return &infos[kind];
}

int resource_kind_find(const char *name, enum resource_kind *ret_kind)
{
    for (size_t i = 0; i < RESOURCE_KIND_COUNT; i++)
        if (strcmp(infos[i].name, name) == 0) {
            *ret_kind = (enum resource_kind)i;
            return 0;
        }
    return -ENOENT;
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

int object_key_compare(const struct object_key *a, const struct object_key *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    const int by_namespace = strcmp(or_empty(a->namespace_name), or_empty(b->namespace_name));
    return by_namespace != 0 ? by_namespace : strcmp(a->name, b->name);
}

void object_key_text(const struct object_key *key, struct text *out)
{
    text_format(out, "%s %s", resource_kind_info(key->kind)->name, key->name);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* "." and ".." are path steps even when they stand alone, so their dots are encoded too. */
static void add_segment(struct text *out, const char *segment)
{
    const bool only_dots = segment[0] != '\0' && strspn(segment, ".") == strlen(segment);
    for (const char *c = segment; *c != '\0'; c++)
        if (is_unreserved(*c) && !only_dots)
            text_add_char(out, *c);
        else
            text_format(out, "%%%02X", (unsigned)(unsigned char)*c);
}

void object_collection_path(enum resource_kind kind, const char *namespace_name, struct text *out)
{
    const struct resource_kind_info *info = resource_kind_info(kind);
    text_add(out, "/api/v1/");
    if (info->namespaced) {
        text_add(out, "namespaces/");
        add_segment(out, or_empty(namespace_name));
        text_add_char(out, '/');
    }
    text_add(out, info->collection);
}

void object_key_path(const struct object_key *key, struct text *out)
{
    object_collection_path(key->kind, key->namespace_name, out);
    text_add_char(out, '/');
    add_segment(out, key->name);
}

void object_secret_path(const struct object_key *key, bool with_name, struct text *out)
{
    text_add(out, "/api/v1alpha1/namespaces/");
    add_segment(out, or_empty(key->namespace_name));
    text_add(out, "/secrets");
    if (with_name) {
        text_add_char(out, '/');
        add_segment(out, key->name);
    }
}
