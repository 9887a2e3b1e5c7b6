#include "reconciler/tree/pods.h"

#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/tree/node.h"

#include <string.h>

/* Restarts after which a crash loop is believed: one crash may be a dependency that came late. */
#define CRASHES_BELIEVED 3

struct look {
    const char *image;
    char hash[64]; /* pod-template-hash of the newest ReplicaSet; "" = not known */
    json_int_t revision;
    char created[40];
    int worst;
    struct pods *out;
};

/* Ordered: the later, the worse. */
static const struct reason {
    const char *name;
    bool failing;
} reasons[] = {
    {"ContainerCreating", false},
    {"PodInitializing", false},
    {"Unschedulable", false},
    {"CreateContainerConfigError", false},
    {"CreateContainerError", false},
    {"RunContainerError", false},
    {"ErrImagePull", false},
    {"Error", false},
    {"OOMKilled", false},
    {"CrashLoopBackOff", false}, /* failing once it has crashed often enough */
    {"ImagePullBackOff", true},
    {"ErrImageNeverPull", true},
    {"InvalidImageName", true},
};

static const char *hash_of(const json_t *object)
{
    return json_text_or(json_at(object, "metadata", "labels", "pod-template-hash", NULL), "");
}

static bool has_image(const struct look *look, const json_t *object)
{
    return look->image == NULL || node_has_image(object, look->image);
}

/* --- which pods ----------------------------------------------------------------------------- */

static void take_hash(struct look *look, const json_t *object)
{
    (void)text_put(look->hash, sizeof look->hash, "%s", hash_of(object));
}

static void find_replica_set(void *context, const json_t *object)
{
    struct look *look = context;
    if (strcmp(node_kind(object), "ReplicaSet") != 0)
        return;
    const char *text = json_text_or(
        json_at(object, "metadata", "annotations", "deployment.kubernetes.io/revision", NULL), "0");
    json_int_t revision = 0;
    for (const char *c = text; *c >= '0' && *c <= '9' && revision < 1000000000; c++)
        revision = revision * 10 + (*c - '0');
    if (revision >= look->revision) {
        look->revision = revision;
        take_hash(look, object);
    }
}

/* Where the tree shows no ReplicaSets, the pods that were made last belong to the newest. Times of
 * one format compare as text. */
static void find_newest_pod(void *context, const json_t *object)
{
    struct look *look = context;
    const char *created = json_text_or(json_at(object, "metadata", "creationTimestamp", NULL), "");
    if (strcmp(node_kind(object), "Pod") != 0 || !has_image(look, object) ||
        strcmp(created, look->created) < 0)
        return;
    (void)text_put(look->created, sizeof look->created, "%s", created);
    take_hash(look, object);
}

/* --- what they say -------------------------------------------------------------------------- */

static void note(struct look *look, const json_t *pod, const char *name, const char *message,
                 json_int_t restarts)
{
    for (int i = 0; i < (int)(sizeof reasons / sizeof reasons[0]); i++) {
        if (strcmp(reasons[i].name, name) != 0)
            continue;
        if (reasons[i].failing ||
            (strcmp(name, "CrashLoopBackOff") == 0 && restarts >= CRASHES_BELIEVED))
            look->out->failing = true;
        if (i < look->worst)
            return;
        look->worst = i;
        (void)text_put(look->out->reason, sizeof look->out->reason, "%s", name);
        (void)text_put(look->out->pod, sizeof look->out->pod, "%s", node_name(pod));
        (void)text_put(look->out->message, sizeof look->out->message, "%s", message);
    }
}

static void look_at_containers(struct look *look, const json_t *pod, const char *list)
{
    const json_t *statuses = json_at(pod, "status", list, NULL);
    for (size_t i = 0; i < json_array_size(statuses); i++) {
        const json_t *status = json_array_get(statuses, i);
        const json_int_t restarts = json_integer_value(json_object_get(status, "restartCount"));
        if (restarts > 0 && restarts < 1000000)
            look->out->restarts += (int)restarts;
        static const char *const states[] = {"terminated", "waiting"};
        for (size_t k = 0; k < sizeof states / sizeof states[0]; k++) {
            const json_t *state = json_at(status, "state", states[k], NULL);
            note(look, pod, json_text_or(json_object_get(state, "reason"), ""),
                 json_text_or(json_object_get(state, "message"), ""), restarts);
        }
    }
}

static bool is_ready(const json_t *pod)
{
    const json_t *condition = node_condition(pod, "Ready");
    if (condition != NULL)
        return strcmp(json_text_or(json_object_get(condition, "status"), ""), "True") == 0;
    const json_t *statuses = json_at(pod, "status", "containerStatuses", NULL);
    for (size_t i = 0; i < json_array_size(statuses); i++)
        if (!json_is_true(json_object_get(json_array_get(statuses, i), "ready")))
            return false;
    return json_array_size(statuses) > 0;
}

static void look_at_pod(void *context, const json_t *object)
{
    struct look *look = context;
    if (strcmp(node_kind(object), "Pod") != 0 || !has_image(look, object) ||
        strcmp(hash_of(object), look->hash) != 0)
        return;
    look->out->count++;
    if (is_ready(object))
        look->out->ready++;
    look_at_containers(look, object, "initContainerStatuses");
    look_at_containers(look, object, "containerStatuses");
    const json_t *scheduled = node_condition(object, "PodScheduled");
    if (strcmp(json_text_or(json_object_get(scheduled, "status"), ""), "False") == 0)
        note(look, object, json_text_or(json_object_get(scheduled, "reason"), ""),
             json_text_or(json_object_get(scheduled, "message"), ""), 0);
}

void pods_look(const json_t *tree, const char *image, struct pods *ret_pods)
{
    *ret_pods = (struct pods){0};
    struct look look = {.image = image, .worst = -1, .out = ret_pods};
    node_each_live(tree, find_replica_set, &look);
    if (look.hash[0] == '\0')
        node_each_live(tree, find_newest_pod, &look);
    node_each_live(tree, look_at_pod, &look);
}
