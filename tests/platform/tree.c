/* releasebindings/{rb}/k8sresources/tree, events and logs. */
#include "config/base/check.h"
#include "tests/platform/live_deployment.h"
#include "tests/platform/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void split_version(const json_t *object, char ret_group[static 128],
                          const char **ret_version)
{
    const char *api = values_text(object, "apiVersion");
    const char *slash = strchr(api, '/');
    snprintf(ret_group, 128, "%.*s", slash == NULL ? 0 : (int)(slash - api), api);
    *ret_version = slash == NULL ? api : slash + 1;
}

static json_t *make_node(json_t *object, const char *health)
{
    char group[128];
    const char *version;
    split_version(object, group, &version);
    const json_t *m = values_get(object, "metadata");
    json_t *node = json_pack(
        "{s:O,s:{s:s},s:O,s:O,s:O,s:O,s:O,s:s}", "createdAt", values_get(m, "creationTimestamp"),
        "health", "status", health, "kind", values_get(object, "kind"), "name",
        values_get(m, "name"), "namespace", values_get(m, "namespace"), "resourceVersion",
        values_get(m, "resourceVersion"), "uid", values_get(m, "uid"), "version", version);
    CHECK(node != NULL);
    if (group[0] != '\0')
        json_object_set_new(node, "group", json_string(group));
    json_object_set_new(node, "object", object);
    return node;
}

static json_t *parent_ref(const json_t *parent)
{
    char group[128];
    const char *version;
    split_version(parent, group, &version);
    const json_t *m = values_get(parent, "metadata");
    return json_pack("{s:s,s:O,s:O,s:O,s:O,s:s}", "group", group, "kind",
                     values_get(parent, "kind"), "name", values_get(m, "name"), "namespace",
                     values_get(m, "namespace"), "uid", values_get(m, "uid"), "version", version);
}

static const char *pod_health(const json_t *pod)
{
    const json_t *status = values_get(pod, "status");
    const json_t *container = json_array_get(values_get(status, "containerStatuses"), 0);
    if (values_true(container, "ready"))
        return "Healthy";
    if (strcmp(values_text(status, "phase"), "Failed") == 0 ||
        values_get(container, "state") != NULL)
        return "Degraded";
    return "Progressing";
}

static void add_children(struct platform *p, json_t *nodes, const struct live *live,
                         const json_t *object)
{
    json_t *children = strcmp(live->kind, "Deployment") == 0 ? live_deployment_pods(p, live)
                                                             : task_children(p, live);
    size_t i;
    json_t *child;
    json_array_foreach(children, i, child)
    {
        const bool pod = strcmp(values_text(child, "kind"), "Pod") == 0;
        json_t *node = make_node(json_incref(child), pod ? pod_health(child) : "Healthy");
        json_object_set_new(node, "parentRefs", json_pack("[o]", parent_ref(object)));
        json_array_append_new(nodes, node);
    }
    json_decref(children);
}

static json_t *show_rendered(const struct object *rendered)
{
    char time[32];
    return json_pack("{s:s,s:s,s:{s:s,s:s,s:s,s:s,s:O},s:O,s:O}", "apiVersion",
                     "openchoreo.dev/v1alpha1", "kind", "RenderedRelease", "metadata", "name",
                     rendered->name, "namespace", rendered->ns, "uid", rendered->uid,
                     "creationTimestamp", values_time(rendered->created_ms, time), "labels",
                     rendered->labels, "spec", rendered->spec, "status", rendered->status);
}

/* Nodes of rendered objects show the health that the last look found. */
static const char *health_of(struct platform *p, const struct object *rendered, const char *id,
                             const struct live *live)
{
    size_t i;
    json_t *seen;
    json_array_foreach(values_get(rendered->status, "resources"), i, seen)
    {
        if (strcmp(values_text(seen, "id"), id) == 0)
            return values_text(seen, "healthStatus");
    }
    return live_health(p, live);
}

static json_t *show_release(struct platform *p, const struct object *rendered)
{
    json_t *nodes = json_array();
    size_t i;
    json_t *resource;
    json_array_foreach(values_get(rendered->spec, "resources"), i, resource)
    {
        const json_t *wanted = values_get(resource, "object"), *m = values_get(wanted, "metadata");
        const struct live *live = live_find(p, values_text(m, "namespace"),
                                            values_text(wanted, "kind"), values_text(m, "name"));
        if (live == NULL)
            continue;
        json_t *object = live_show(p, live);
        json_t *node = make_node(object, health_of(p, rendered, values_text(resource, "id"), live));
        json_array_append_new(nodes, node);
        add_children(p, nodes, live, object);
    }
    return json_pack("{s:s,s:s,s:o,s:o}", "name", rendered->name, "targetPlane", "dataplane",
                     "nodes", nodes, "renderedRelease", show_rendered(rendered));
}

static struct object *rendered_of(const struct platform *p, const struct object *binding)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "%s-%s", binding->component, binding->environment);
    struct object *rendered = store_find(p, KIND_RENDERED, binding->ns, name);
    return rendered != NULL && rendered->owner == binding ? rendered : NULL;
}

static bool require(const json_t *query, const char *const *names, struct answer *a)
{
    for (; *names != NULL; names++) {
        if (values_get(query, *names) != NULL)
            continue;
        char message[128];
        snprintf(message, sizeof(message), "Query argument %s is required, but not found\n",
                 *names);
        answer_text(a, 400, message);
        return false;
    }
    return true;
}

bool tree_check_seconds(const json_t *query, struct answer *a)
{
    const char *text = values_text(query, "sinceSeconds");
    char *end;
    errno = 0;
    (void)strtol(text, &end, 10);
    if (values_get(query, "sinceSeconds") == NULL ||
        (text[0] != '\0' && *end == '\0' && errno == 0))
        return true;
    char message[256];
    snprintf(message, sizeof(message),
             "Invalid format for parameter sinceSeconds: error binding string parameter: "
             "strconv.ParseInt: parsing \"%s\": invalid syntax\n",
             text);
    answer_text(a, 400, message);
    return false;
}

static bool is_in_tree(struct platform *p, const struct object *binding, const char *kind,
                       const char *name)
{
    const struct object *rendered = rendered_of(p, binding);
    if (rendered == NULL)
        return false;
    json_t *release = show_release(p, rendered);
    bool found = false;
    size_t i;
    json_t *node;
    json_array_foreach(values_get(release, "nodes"), i, node) found =
        found || (strcmp(values_text(node, "kind"), kind) == 0 &&
                  strcmp(values_text(node, "name"), name) == 0);
    json_decref(release);
    return found;
}

static void answer_events(struct platform *p, const struct object *binding, const json_t *query,
                          struct answer *a)
{
    static const char *const names[] = {"version", "kind", "name", NULL};
    if (!require(query, names, a))
        return;
    /* of children it checks only that there may be such */
    const char *kind = values_text(query, "kind");
    const bool child =
        strcmp(kind, "Pod") == 0 || strcmp(kind, "Job") == 0 || strcmp(kind, "ReplicaSet") == 0;
    if (child ? rendered_of(p, binding) == NULL
              : !is_in_tree(p, binding, kind, values_text(query, "name")))
        answer_error(a, 404, "Resource not found");
    else
        answer_json(a, 200, json_pack("{s:[]}", "events"));
}

static void answer_logs(struct platform *p, const struct object *binding, const json_t *query,
                        struct answer *a)
{
    static const char *const names[] = {"podName", NULL};
    if (!require(query, names, a) || !tree_check_seconds(query, a))
        return;
    const char *container = values_text(query, "container");
    if (!is_in_tree(p, binding, "Pod", values_text(query, "podName")))
        answer_error(a, 404, "Resource not found");
    else if (container[0] != '\0' && strcmp(container, "main") != 0)
        answer_error(a, 400, "Container not found in pod");
    else
        answer_json(a, 200, json_pack("{s:[]}", "logEntries"));
}

void tree_answer(struct platform *p, struct object *binding, const char *what, const json_t *query,
                 struct answer *a)
{
    if (strcmp(what, "tree") == 0) {
        const struct object *rendered = rendered_of(p, binding);
        json_t *list = json_array();
        if (rendered != NULL)
            json_array_append_new(list, show_release(p, rendered));
        answer_json(a, 200, json_pack("{s:o}", "renderedReleases", list));
    } else if (strcmp(what, "events") == 0) {
        answer_events(p, binding, query, a);
    } else if (strcmp(what, "logs") == 0) {
        answer_logs(p, binding, query, a);
    } else {
        answer_text(a, 404, "404 page not found\n");
    }
}
