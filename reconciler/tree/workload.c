#include "reconciler/tree/workload.h"

#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/tree/node.h"

#include <string.h>

static void say(struct workload_state *state, enum workload_standing standing, const char *reason,
                const char *text)
{
    state->standing = standing;
    (void)text_put(state->reason, sizeof state->reason, "%s", reason);
    (void)text_put(state->text, sizeof state->text, "%s", text);
}

static bool condition_is(const json_t *live, const char *type, const char *status,
                         const char *reason)
{
    const json_t *condition = node_condition(live, type);
    return condition != NULL &&
           strcmp(json_text_or(json_object_get(condition, "status"), ""), status) == 0 &&
           (reason == NULL ||
            strcmp(json_text_or(json_object_get(condition, "reason"), ""), reason) == 0);
}

static int at_least_zero(int value)
{
    return value < 0 ? 0 : value;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int wanted_replicas(const json_t *live)
{
    const json_t *replicas = json_at(live, "spec", "replicas", NULL);
    return json_is_integer(replicas) ? node_count(replicas) : 1;
}

/* What the pods of the newest ReplicaSet wait for, in one sentence. */
static void describe_pods(struct workload_state *state, const struct pods *pods, int updated)
{
    char counts[64];
    (void)text_put(counts, sizeof counts, "%d/%d replicas ready",
                   smaller(pods->count > 0 ? pods->ready : state->available, updated),
                   state->wanted);
    if (pods->reason[0] == '\0')
        (void)text_put(state->text, sizeof state->text, "%s", counts);
    else
        (void)text_put(state->text, sizeof state->text, "%s; pod %.40s: %.30s%s%.40s", counts,
                       pods->pod, pods->reason, pods->message[0] == '\0' ? "" : ": ",
                       pods->message);
}

/* A rollout that has not come to its end: what stops it, if anything does. */
static void judge_unfinished(const json_t *live, const struct pods *pods, bool degraded,
                             int updated, struct workload_state *state)
{
    const bool deadline = condition_is(live, "Progressing", "False", "ProgressDeadlineExceeded");
    const char *why = pods->reason[0] != '\0' ? pods->reason : "ResourcesProgressing";
    state->standing = WORKLOAD_PROGRESSING;
    if (deadline) {
        state->standing = WORKLOAD_FAILED;
        why = pods->reason[0] != '\0' ? pods->reason : "ProgressDeadlineExceeded";
    } else if (pods->failing) {
        state->standing = degraded ? WORKLOAD_FAILED : WORKLOAD_FAILING;
    } else if (degraded && condition_is(live, "ReplicaFailure", "True", NULL)) {
        state->standing = WORKLOAD_FAILED;
        why = "ReplicaFailure";
    }
    (void)text_put(state->reason, sizeof state->reason, "%s", why);
    describe_pods(state, pods, updated);
}

static void judge_replicas(const json_t *live, const struct pods *pods, bool degraded, int replicas,
                           int updated, int available, struct workload_state *state)
{
    const int old = at_least_zero(replicas - updated);
    state->has_replicas = true;
    state->available = available;
    if (!node_is_observed(live)) {
        say(state, WORKLOAD_PROGRESSING, "ResourcesProgressing",
            "its controller has not looked at the new content yet");
        return;
    }
    /* Each part only grows while a rollout advances: new pods made, old ones gone, new ones ready,
     * new ones available. */
    state->progress = 1 + updated + at_least_zero(state->wanted - old) + pods->ready +
                      smaller(available, updated);
    if (state->wanted == replicas && replicas == updated && updated == available)
        say(state, WORKLOAD_SETTLED, "Ready", "");
    else
        judge_unfinished(live, pods, degraded, updated, state);
}

/* One that was never asked to run on more than the nodes there are. */
static void judge_daemon_set(const json_t *live, const struct pods *pods, bool degraded,
                             struct workload_state *state)
{
    state->wanted = node_status_count(live, "desiredNumberScheduled");
    state->ready = node_status_count(live, "numberReady");
    judge_replicas(live, pods, degraded, node_status_count(live, "currentNumberScheduled"),
                   node_status_count(live, "updatedNumberScheduled"),
                   node_status_count(live, "numberAvailable"), state);
}

static void judge_job(const json_t *live, struct workload_state *state)
{
    if (condition_is(live, "Complete", "True", NULL))
        say(state, WORKLOAD_SETTLED, "JobCompleted", "");
    else if (condition_is(live, "Failed", "True", NULL))
        say(state, WORKLOAD_FAILED, "JobFailed", "the job has failed");
    else
        say(state, WORKLOAD_PROGRESSING, "JobRunning", "the job is running");
    state->progress = 1 + node_status_count(live, "succeeded");
}

void workload_judge(const json_t *live, const struct pods *pods, bool degraded,
                    struct workload_state *ret_state)
{
    const char *kind = node_kind(live);
    *ret_state = (struct workload_state){.standing = WORKLOAD_SETTLED};
    if (strcmp(kind, "Deployment") == 0 || strcmp(kind, "StatefulSet") == 0) {
        const bool set = strcmp(kind, "StatefulSet") == 0;
        ret_state->wanted = wanted_replicas(live);
        ret_state->ready = node_status_count(live, "readyReplicas");
        judge_replicas(live, pods, degraded, node_status_count(live, "replicas"),
                       node_status_count(live, "updatedReplicas"),
                       node_status_count(live, set ? "readyReplicas" : "availableReplicas"),
                       ret_state);
    } else if (strcmp(kind, "DaemonSet") == 0) {
        judge_daemon_set(live, pods, degraded, ret_state);
    } else if (strcmp(kind, "Job") == 0) {
        judge_job(live, ret_state);
    }
}
