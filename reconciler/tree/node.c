#include "reconciler/tree/node.h"

#include "config/base/json.h"
#include "reconciler/resource/object.h"

#include <stdint.h>
#include <string.h>

const char *node_kind(const json_t *object)
{
    return json_text_or(json_object_get(object, "kind"), "");
}

const char *node_name(const json_t *object)
{
    return json_text_or(json_at(object, "metadata", "name", NULL), "");
}

static const json_t *releases_of(const json_t *tree)
{
    return json_object_get(tree, "renderedReleases");
}

static const json_t *rendered_of(const json_t *release)
{
    return json_at(release, "renderedRelease", "spec", "resources", NULL);
}

bool node_tree_is_sound(const json_t *tree)
{
    const json_t *releases = releases_of(tree);
    if (!json_is_array(releases))
        return false;
    for (size_t i = 0; i < json_array_size(releases); i++) {
        const json_t *release = json_array_get(releases, i);
        if (!json_is_array(json_object_get(release, "nodes")) ||
            !json_is_object(json_object_get(release, "renderedRelease")))
            return false;
    }
    return node_rendered_count(tree) <= NODE_RENDERED_LIMIT &&
           node_live_count(tree) <= NODE_LIVE_LIMIT;
}

size_t node_rendered_count(const json_t *tree)
{
    const json_t *releases = releases_of(tree);
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(releases); i++)
        count += json_array_size(rendered_of(json_array_get(releases, i)));
    return count;
}

size_t node_live_count(const json_t *tree)
{
    const json_t *releases = releases_of(tree);
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(releases); i++)
        count += json_array_size(json_object_get(json_array_get(releases, i), "nodes"));
    return count;
}

/* --- pairs ---------------------------------------------------------------------------------- */

/* "apps/v1" -> length 4; "v1" -> 0. */
static size_t group_length(const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    return slash == NULL ? 0 : (size_t)(slash - api_version);
}

static bool same_group(const json_t *a, const json_t *b)
{
    const char *left = json_text_or(json_object_get(a, "apiVersion"), "");
    const char *right = json_text_or(json_object_get(b, "apiVersion"), "");
    const size_t length = group_length(left);
    return length == group_length(right) && memcmp(left, right, length) == 0;
}

static bool same_namespace(const json_t *a, const json_t *b)
{
    const char *left = json_text_or(json_at(a, "metadata", "namespace", NULL), NULL);
    const char *right = json_text_or(json_at(b, "metadata", "namespace", NULL), NULL);
    return left == NULL || right == NULL || strcmp(left, right) == 0;
}

static const json_t *find_live(const json_t *nodes, const json_t *rendered)
{
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *live = json_object_get(json_array_get(nodes, i), "object");
        if (strcmp(node_kind(live), node_kind(rendered)) == 0 &&
            strcmp(node_name(live), node_name(rendered)) == 0 && same_group(live, rendered) &&
            same_namespace(live, rendered))
            return object_is_terminating(live) ? NULL : live;
    }
    return NULL;
}

/* Kinds that every cluster knows. */
static bool is_built_in(const json_t *object)
{
    static const char *const groups[] = {"",
                                         "apps",
                                         "autoscaling",
                                         "batch",
                                         "networking.k8s.io",
                                         "policy",
                                         "rbac.authorization.k8s.io"};
    const char *version = json_text_or(json_object_get(object, "apiVersion"), "");
    const size_t length = group_length(version);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strlen(groups[i]) == length && memcmp(groups[i], version, length) == 0)
            return true;
    return false;
}

static bool lists(const json_t *list, const char *kind, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (strcmp(json_text_or(json_object_get(item, "kind"), ""), kind) == 0 &&
            (name == NULL || strcmp(json_text_or(json_object_get(item, "name"), ""), name) == 0))
            return true;
    }
    return false;
}

static bool is_hidden(const json_t *release, const json_t *rendered)
{
    const json_t *applied = json_at(release, "renderedRelease", "status", "resources", NULL);
    return !is_built_in(rendered) && lists(applied, node_kind(rendered), node_name(rendered)) &&
           !lists(json_object_get(release, "nodes"), node_kind(rendered), NULL);
}

void node_each_pair(const json_t *tree, node_pair_visitor visit, void *context)
{
    const json_t *releases = releases_of(tree);
    for (size_t i = 0; i < json_array_size(releases); i++) {
        const json_t *release = json_array_get(releases, i);
        const json_t *resources = rendered_of(release);
        for (size_t k = 0; k < json_array_size(resources); k++) {
            const json_t *rendered = json_object_get(json_array_get(resources, k), "object");
            const json_t *live = find_live(json_object_get(release, "nodes"), rendered);
            const struct node_pair pair = {rendered, live,
                                           live == NULL && is_hidden(release, rendered)};
            visit(context, &pair);
        }
    }
}

void node_each_rendered(const json_t *tree, node_visitor visit, void *context)
{
    const json_t *releases = releases_of(tree);
    for (size_t i = 0; i < json_array_size(releases); i++) {
        const json_t *resources = rendered_of(json_array_get(releases, i));
        for (size_t k = 0; k < json_array_size(resources); k++)
            visit(context, json_object_get(json_array_get(resources, k), "object"));
    }
}

void node_each_live(const json_t *tree, node_visitor visit, void *context)
{
    const json_t *releases = releases_of(tree);
    for (size_t i = 0; i < json_array_size(releases); i++) {
        const json_t *nodes = json_object_get(json_array_get(releases, i), "nodes");
        for (size_t k = 0; k < json_array_size(nodes); k++)
            visit(context, json_object_get(json_array_get(nodes, k), "object"));
    }
}

/* --- parts of an object --------------------------------------------------------------------- */

static const json_t *containers_of(const json_t *object)
{
    const char *kind = node_kind(object);
    const json_t *spec = json_object_get(object, "spec");
    if (strcmp(kind, "CronJob") == 0)
        spec = json_at(spec, "jobTemplate", "spec", "template", "spec", NULL);
    else if (strcmp(kind, "Pod") != 0)
        spec = json_at(spec, "template", "spec", NULL);
    return json_object_get(spec, "containers");
}

const json_t *node_main_container(const json_t *object)
{
    const json_t *containers = containers_of(object);
    for (size_t i = 0; i < json_array_size(containers); i++) {
        const json_t *container = json_array_get(containers, i);
        if (strcmp(json_text_or(json_object_get(container, "name"), ""), "main") == 0)
            return container;
    }
    return json_array_get(containers, 0);
}

bool node_has_image(const json_t *object, const char *image)
{
    const json_t *containers = containers_of(object);
    for (size_t i = 0; i < json_array_size(containers); i++) {
        const json_t *container = json_array_get(containers, i);
        if (strcmp(json_text_or(json_object_get(container, "image"), ""), image) == 0)
            return true;
    }
    return false;
}

bool node_has_variable(const json_t *object, const char *name)
{
    const json_t *containers = containers_of(object);
    for (size_t i = 0; i < json_array_size(containers); i++) {
        const json_t *env = json_object_get(json_array_get(containers, i), "env");
        for (size_t k = 0; k < json_array_size(env); k++)
            if (strcmp(json_text_or(json_object_get(json_array_get(env, k), "name"), ""), name) ==
                0)
                return true;
    }
    return false;
}

const json_t *node_condition(const json_t *object, const char *type)
{
    const json_t *conditions = json_at(object, "status", "conditions", NULL);
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        if (strcmp(json_text_or(json_object_get(condition, "type"), ""), type) == 0)
            return condition;
    }
    return NULL;
}

int node_count(const json_t *number)
{
    const json_int_t value = json_integer_value(number);
    return value < 0 ? 0 : value > NODE_COUNT_MOST ? NODE_COUNT_MOST : (int)value;
}

int node_status_count(const json_t *object, const char *key)
{
    return node_count(json_at(object, "status", key, NULL));
}

bool node_is_observed(const json_t *object)
{
    const json_t *generation = json_at(object, "metadata", "generation", NULL);
    const json_t *observed = json_at(object, "status", "observedGeneration", NULL);
    return json_is_integer(observed) &&
           json_integer_value(observed) == json_integer_value(generation);
}
