#include "tests/platform/live_deployment.h"

#include "config/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a Deployment's controller takes to see a change of it. */
#define OBSERVE_MS 100

static const json_t *spec_of(const struct live *live)
{
    return values_get(live->tampered != NULL ? live->tampered : live->wanted, "spec");
}

int live_deployment_wanted(const struct live *live)
{
    return (int)values_int(spec_of(live), "replicas", live->scaled);
}

enum platform_image_kind live_image(const struct platform *p, const char *image, int64_t *ret_delay)
{
    *ret_delay = 0;
    for (size_t i = 0; i < p->image_count; i++) {
        if (values_glob(p->images[i].glob, image)) {
            *ret_delay = p->images[i].delay_ms;
            return p->images[i].kind;
        }
    }
    return strstr(image, "broken") != NULL ? PLATFORM_IMAGE_NEVER_READY : PLATFORM_IMAGE_HEALTHY;
}

static bool is_current(const struct live *live, const struct live_pod *pod)
{
    return strcmp(live->hash, pod->hash) == 0;
}

bool live_deployment_pod_is_ready(const struct platform *p, const struct live_pod *pod)
{
    return p->now_ms >= pod->ready_ms;
}

static int64_t available_ms(const struct live *live, const struct live_pod *pod)
{
    if (pod->ready_ms == INT64_MAX)
        return INT64_MAX;
    return pod->ready_ms + 1000 * values_int(spec_of(live), "minReadySeconds", 0);
}

/* When the newest template has all its pods available; INT64_MAX = never. */
static int64_t complete_ms(const struct live *live)
{
    int64_t last = live->template_ms;
    for (size_t i = 0; i < live->pod_count; i++) {
        const int64_t at =
            is_current(live, &live->pods[i]) ? available_ms(live, &live->pods[i]) : 0;
        last = at > last ? at : last;
    }
    return last;
}

/* The newest template, with the replicas that were wanted of it, stands or has stood once. Its
 * deadline is over then: pods that are lost or added later are no failure to make progress. */
static bool is_through(const struct platform *p, const struct live *live)
{
    return live->through || p->now_ms >= complete_ms(live);
}

static void later(const struct platform *p, int64_t at, int64_t *last)
{
    if (at <= p->now_ms && at > *last)
        *last = at;
}

/* A pod that is made, ready or available is progress: from there the deadline counts. */
static int64_t progress_ms(const struct platform *p, const struct live *live)
{
    int64_t last = live->template_ms;
    for (size_t i = 0; i < live->pod_count; i++) {
        const struct live_pod *pod = &live->pods[i];
        if (!is_current(live, pod))
            continue;
        later(p, pod->created_ms, &last);
        later(p, pod->ready_ms, &last);
        later(p, available_ms(live, pod), &last);
    }
    return last;
}

bool live_deployment_pod_is_kept(const struct platform *p, const struct live *live,
                                 const struct live_pod *pod)
{
    return is_current(live, pod) || p->now_ms < complete_ms(live);
}

static void start_pod(struct platform *p, struct live *live, unsigned number)
{
    live->pods =
        values_grow(live->pods, &live->pod_capacity, live->pod_count + 1, sizeof(*live->pods));
    struct live_pod *pod = &live->pods[live->pod_count++];
    *pod = (struct live_pod){.created_ms = p->now_ms, .resource_version = ++p->resource_version};
    snprintf(pod->name, sizeof(pod->name), "%.200s-%s-%u", live->name, live->hash, number);
    snprintf(pod->hash, sizeof(pod->hash), "%s", live->hash);
    random_uid(p, pod->uid);
    const json_t *containers = json_at(spec_of(live), "template", "spec", "containers", NULL);
    snprintf(pod->image, sizeof(pod->image), "%s",
             values_text(json_array_get(containers, 0), "image"));
    int64_t delay;
    pod->image_kind = live_image(p, pod->image, &delay);
    const int64_t start = random_jitter(p, p->options.timing.pod_start) + delay;
    const bool comes_up =
        pod->image_kind == PLATFORM_IMAGE_HEALTHY || pod->image_kind == PLATFORM_IMAGE_SLOW;
    pod->ready_ms = comes_up ? p->now_ms + start : INT64_MAX;
    if (comes_up && (p->pods_due <= p->now_ms || available_ms(live, pod) < p->pods_due))
        p->pods_due = available_ms(live, pod);
}

static void drop_pods(struct live *live, const struct platform *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < live->pod_count; i++)
        if (live_deployment_pod_is_kept(p, live, &live->pods[i]))
            live->pods[kept++] = live->pods[i];
    live->pod_count = kept;
}

static void scale(struct platform *p, struct live *live)
{
    const int wanted = live_deployment_wanted(live);
    const bool rendered = values_get(spec_of(live), "replicas") != NULL;
    int there = 0, old = 0;
    size_t kept = 0;
    for (size_t i = 0; i < live->pod_count; i++) {
        int *count = is_current(live, &live->pods[i]) ? &there : &old;
        if (*count == wanted && (count == &there || rendered))
            continue;
        ++*count;
        live->pods[kept++] = live->pods[i];
    }
    live->pod_count = kept;
    for (; there < wanted; there++)
        start_pod(p, live, (unsigned)there);
    if (wanted == 0)
        live->pod_count = 0;
}

void live_deployment_crash(struct platform *p, struct live *live)
{
    drop_pods(live, p); /* what was replaced is gone, and does not come back when these fail */
    live->through = is_through(p, live);
    for (size_t i = 0; i < live->pod_count; i++) {
        if (!is_current(live, &live->pods[i]))
            continue;
        live->pods[i].image_kind = PLATFORM_IMAGE_CRASHES;
        live->pods[i].ready_ms = INT64_MAX;
        live->pods[i].resource_version = ++p->resource_version;
    }
    live->resource_version = ++p->resource_version;
}

void live_deployment_changed(struct platform *p, struct live *live)
{
    drop_pods(live, p);
    live->through = is_through(p, live);
    char hash[16];
    values_hash_json(values_get(spec_of(live), "template"), 10, hash);
    if (strcmp(hash, live->hash) != 0) {
        if (live->hash[0] != '\0')
            live->restarts++;
        snprintf(live->hash, sizeof(live->hash), "%s", hash);
        live->template_ms = p->now_ms;
        live->through = false;
    }
    scale(p, live);
}

struct tally {
    int wanted, updated, ready, available, old;
    bool complete, through, exceeded;
};

static struct tally tally(const struct platform *p, const struct live *live)
{
    struct tally t = {.wanted = live_deployment_wanted(live)};
    for (size_t i = 0; i < live->pod_count; i++) {
        const struct live_pod *pod = &live->pods[i];
        if (!live_deployment_pod_is_kept(p, live, pod))
            continue;
        if (!is_current(live, pod)) {
            t.old += live_deployment_pod_is_ready(p, pod);
            continue;
        }
        t.updated++;
        t.ready += live_deployment_pod_is_ready(p, pod);
        t.available += p->now_ms >= available_ms(live, pod);
    }
    t.complete = p->now_ms >= complete_ms(live);
    const int64_t deadline = values_int(spec_of(live), "progressDeadlineSeconds", 600) * 1000;
    t.through = is_through(p, live);
    t.exceeded = !t.through && p->now_ms >= progress_ms(p, live) + deadline;
    return t;
}

static void add_condition(json_t *list, const char *type, bool status, const char *reason,
                          int64_t at_ms)
{
    char time[32];
    values_time(at_ms, time);
    json_array_append_new(list,
                          json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "type", type, "status",
                                    status ? "True" : "False", "reason", reason, "message", reason,
                                    "lastTransitionTime", time, "lastUpdateTime", time));
}

static void set_count(json_t *status, const char *key, int value)
{
    if (value > 0)
        json_object_set_new(status, key, json_integer(value));
}

/* Its own controller needs a moment to see a new generation. */
static bool is_observed(const struct platform *p, const struct live *live)
{
    if (p->now_ms < p->data_plane_stalled_until && live->changed_ms >= p->data_plane_stalled_from)
        return false;
    return p->now_ms >= live->changed_ms + OBSERVE_MS;
}

json_t *live_deployment_status(const struct platform *p, const struct live *live)
{
    if (!is_observed(p, live))
        return live->lagging == NULL ? NULL : json_incref(live->lagging);
    const struct tally t = tally(p, live);
    json_t *status = json_pack("{s:I}", "observedGeneration", (json_int_t)live->generation);
    /* a rolling update surges by one pod and keeps the old ones until the new ones serve */
    const bool rolling = !t.complete && t.old > 0;
    const int serving = t.complete ? t.wanted : rolling ? t.old : t.available;
    set_count(status, "replicas", rolling ? t.old + 1 : t.wanted);
    set_count(status, "updatedReplicas", rolling ? 1 : t.updated);
    set_count(status, "readyReplicas", rolling ? t.old : t.ready);
    set_count(status, "availableReplicas", serving);
    set_count(status, "unavailableReplicas", rolling ? 1 : t.wanted - serving);
    json_t *conditions = json_array();
    const bool available = serving >= t.wanted;
    add_condition(conditions, "Available", available,
                  available ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                  live->template_ms);
    const char *reason = t.through    ? "NewReplicaSetAvailable"
                         : t.exceeded ? "ProgressDeadlineExceeded"
                                      : "ReplicaSetUpdated";
    add_condition(conditions, "Progressing", !t.exceeded, reason, live->template_ms);
    json_object_set_new(status, "conditions", conditions);
    return status;
}

const char *live_deployment_health(const struct platform *p, const struct live *live)
{
    const struct tally t = tally(p, live);
    if (!is_observed(p, live))
        return "Progressing";
    if (t.wanted == 0)
        return "Suspended";
    if (t.complete)
        return "Healthy";
    return t.exceeded || (t.through && t.available == 0) ? "Degraded" : "Progressing";
}

static json_t *pod_status(const struct platform *p, const struct live_pod *pod)
{
    const bool ready = live_deployment_pod_is_ready(p, pod);
    json_t *container = json_pack("{s:s,s:s,s:s,s:b,s:i}", "name", "main", "image", pod->image,
                                  "imageID", "", "ready", (int)ready, "restartCount",
                                  pod->image_kind == PLATFORM_IMAGE_CRASHES ? 3 : 0);
    const char *waiting = pod->image_kind == PLATFORM_IMAGE_CRASHES   ? "CrashLoopBackOff"
                          : pod->image_kind == PLATFORM_IMAGE_MISSING ? "ImagePullBackOff"
                                                                      : NULL;
    if (waiting != NULL)
        json_object_set_new(container, "state",
                            json_pack("{s:{s:s}}", "waiting", "reason", waiting));
    const bool running = ready || pod->image_kind == PLATFORM_IMAGE_CRASHES;
    return json_pack("{s:s,s:[o]}", "phase", running ? "Running" : "Pending", "containerStatuses",
                     container);
}

static json_t *show_pod(const struct platform *p, const struct live *live,
                        const struct live_pod *pod)
{
    char time[32], version[32], set[NAME_SIZE], uid[UID_SIZE];
    snprintf(version, sizeof(version), "%llu", (unsigned long long)pod->resource_version);
    snprintf(set, sizeof(set), "%.200s-%s", live->name, pod->hash);
    /* the replica set itself is not shown; its identity only has to be stable */
    snprintf(uid, sizeof(uid), "%.8s%s", pod->hash, live->uid + 8);
    json_t *labels = values_copy(json_at(spec_of(live), "template", "metadata", "labels", NULL));
    json_object_set_new(labels, "pod-template-hash", json_string(pod->hash));
    json_t *owner =
        json_pack("{s:s,s:s,s:s,s:s,s:b,s:b}", "apiVersion", "apps/v1", "kind", "ReplicaSet",
                  "name", set, "uid", uid, "controller", 1, "blockOwnerDeletion", 1);
    json_t *metadata = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:o,s:[o]}", "name", pod->name,
                                 "namespace", live->ns, "uid", pod->uid, "resourceVersion", version,
                                 "creationTimestamp", values_time(pod->created_ms, time),
                                 "generation", 1, "labels", labels, "ownerReferences", owner);
    return json_pack("{s:s,s:s,s:o,s:{s:[{s:s,s:s}]},s:o}", "apiVersion", "v1", "kind", "Pod",
                     "metadata", metadata, "spec", "containers", "name", "main", "image",
                     pod->image, "status", pod_status(p, pod));
}

json_t *live_deployment_pods(const struct platform *p, const struct live *live)
{
    json_t *list = json_array();
    for (size_t i = 0; i < live->pod_count; i++)
        if (live_deployment_pod_is_kept(p, live, &live->pods[i]))
            json_array_append_new(list, show_pod(p, live, &live->pods[i]));
    return list;
}

void live_count(const struct platform *p, const struct live *live, int *ret_updated, int *ret_ready)
{
    const struct tally t = tally(p, live);
    *ret_updated = t.updated;
    *ret_ready = t.complete ? t.wanted : t.ready + t.old;
}
