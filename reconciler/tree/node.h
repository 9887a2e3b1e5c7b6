/* The answer of k8sresources/tree: what was rendered, and the live objects. Borrows from it. */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

/* One rendered object beside the live one of its kind and name. */
struct node_pair {
    const json_t *rendered;
    const json_t *live; /* NULL = not there, or on its way out */
    /* There is no live one in the answer, though it was applied, and nothing else of its kind
     * either: the control plane shows only kinds that its own cluster knows, and says nothing of
     * what it leaves out. */
    bool hidden;
};

typedef void (*node_pair_visitor)(void *context, const struct node_pair *pair);
typedef void (*node_visitor)(void *context, const json_t *object);

/* More than this is no answer about one component. */
#define NODE_RENDERED_LIMIT 1000
#define NODE_LIVE_LIMIT 10000

/* False when the answer has not the shape of a tree, or is past the limits: then it says nothing.
 */
bool node_tree_is_sound(const json_t *tree);

size_t node_rendered_count(const json_t *tree);
size_t node_live_count(const json_t *tree);

void node_each_pair(const json_t *tree, node_pair_visitor visit, void *context);

/* Each rendered object, without a look for the live one. */
void node_each_rendered(const json_t *tree, node_visitor visit, void *context);

/* Each live object, children (pods, jobs) included. */
void node_each_live(const json_t *tree, node_visitor visit, void *context);

const char *node_kind(const json_t *object);
const char *node_name(const json_t *object);

/* The container that runs the component: "main", or else the first. */
const json_t *node_main_container(const json_t *object);

/* True when one of the containers runs this image. */
bool node_has_image(const json_t *object, const char *image);

/* True when one of the containers has this variable, literally or not. */
bool node_has_variable(const json_t *object, const char *name);

/* A condition by type; NULL = there is none. Also of a binding. */
const json_t *node_condition(const json_t *object, const char *type);

/* A count of pods: 0 for what is no whole number above it, and never so large that a sum of a few
 * of them overflows. */
#define NODE_COUNT_MOST 100000000
int node_count(const json_t *number);

/* Of `status`. */
int node_status_count(const json_t *object, const char *key);

/* status.observedGeneration has reached metadata.generation. */
bool node_is_observed(const json_t *object);
