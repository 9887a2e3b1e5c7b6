#include "config/base/json.h"
#include "reconciler/tree/gate.h"
#include "reconciler/tree/node.h"

#include <string.h>

/* Times of one format compare as text. */
struct runs {
    char succeeded[40]; /* when the last successful run began */
    int failed;
};

static bool has_condition(const json_t *job, const char *type)
{
    const json_t *condition = node_condition(job, type);
    return strcmp(json_text_or(json_object_get(condition, "status"), ""), "True") == 0;
}

static const char *began(const json_t *job)
{
    return json_text_or(json_at(job, "metadata", "creationTimestamp", NULL), "");
}

static void find_success(void *context, const json_t *object)
{
    struct runs *runs = context;
    const char *at = began(object);
    if (strcmp(node_kind(object), "Job") == 0 && has_condition(object, "Complete") &&
        strcmp(at, runs->succeeded) > 0 && strlen(at) < sizeof runs->succeeded)
        memcpy(runs->succeeded, at, strlen(at) + 1);
}

static void count_failure(void *context, const json_t *object)
{
    struct runs *runs = context;
    if (strcmp(node_kind(object), "Job") == 0 && has_condition(object, "Failed") &&
        strcmp(began(object), runs->succeeded) >= 0)
        runs->failed++;
}

int gate_failed_runs(const json_t *tree)
{
    struct runs runs = {0};
    node_each_live(tree, find_success, &runs);
    node_each_live(tree, count_failure, &runs);
    return runs.failed;
}
