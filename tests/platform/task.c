/* Runs of CronJobs: triggered Jobs, what a schedule did, and how little of it shows. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
    const json_t *const *left = a, *const *right = b;
    return strcmp(values_text(values_get(*left, "metadata"), "name"),
                  values_text(values_get(*right, "metadata"), "name"));
}

json_t *task_children(const struct platform *p, const struct live *live)
{
    (void)p;
    const size_t count = json_array_size(live->jobs);
    json_t **jobs = values_alloc(count + 1, sizeof(json_t *));
    for (size_t i = 0; i < count; i++)
        jobs[i] = json_array_get(live->jobs, i);
    qsort(jobs, count, sizeof(json_t *), compare_names);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append(list, jobs[i]);
    free(jobs);
    return list;
}

void task_judge(struct platform *p, struct object *b, json_t *status, const json_t *task)
{
    char text[512];
    const char *health = values_text(task, "healthStatus");
    const bool suspended = strcmp(health, "Suspended") == 0;
    snprintf(text, sizeof(text), "CronJob %s is %s", values_text(task, "name"),
             suspended                            ? "suspended"
             : strcmp(health, "Progressing") == 0 ? "scheduled, job execution running"
                                                  : "scheduled and ready");
    condition_set(status, "ResourcesReady", "True",
                  suspended ? "CronJobSuspended" : "CronJobScheduled", text, b->generation,
                  p->now_ms);
}

/* The live CronJob of a binding; NULL = none is rendered. */
static struct live *find_task(const struct platform *p, const struct object *binding)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "%.150s-%.150s", binding->component, binding->environment);
    const struct object *rendered = store_find(p, KIND_RENDERED, binding->ns, name);
    size_t i;
    json_t *resource;
    json_array_foreach(rendered == NULL ? NULL : values_get(rendered->spec, "resources"), i,
                       resource)
    {
        const json_t *object = values_get(resource, "object"), *m = values_get(object, "metadata");
        if (strcmp(values_text(object, "kind"), "CronJob") == 0)
            return live_find(p, values_text(m, "namespace"), "CronJob", values_text(m, "name"));
    }
    return NULL;
}

static bool is_task(const struct platform *p, const struct object *binding)
{
    const struct object *component = store_find(p, KIND_COMPONENT, binding->ns, binding->component);
    const json_t *type = component == NULL ? NULL : values_get(component->spec, "componentType");
    return strncmp(values_text(type, "name"), "cronjob/", 8) == 0;
}

static json_t *make_job(struct platform *p, const struct live *task, const char *name)
{
    char uid[UID_SIZE], version[32], time[32];
    random_uid(p, uid);
    snprintf(version, sizeof(version), "%llu", (unsigned long long)++p->resource_version);
    const json_t *template = json_at(task->wanted, "spec", "jobTemplate", NULL);
    json_t *owner =
        json_pack("{s:s,s:s,s:s,s:s,s:b,s:b}", "apiVersion", "batch/v1", "kind", "CronJob", "name",
                  task->name, "uid", task->uid, "controller", 1, "blockOwnerDeletion", 1);
    return json_pack("{s:s,s:s,s:{s:s,s:s,s:s,s:s,s:s,s:i,s:O,s:{s:s},s:[o]},s:O}", "apiVersion",
                     "batch/v1", "kind", "Job", "metadata", "name", name, "namespace", task->ns,
                     "uid", uid, "resourceVersion", version, "creationTimestamp",
                     values_time(p->now_ms, time), "generation", 1, "labels",
                     json_at(template, "metadata", "labels", NULL), "annotations",
                     "cronjob.kubernetes.io/instantiate", "manual", "ownerReferences", owner,
                     "spec", values_get(template, "spec"));
}

void task_trigger(struct platform *p, struct object *binding, struct answer *a)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    if (!is_task(p, binding)) {
        answer_error(a, 400, "release binding component is not a cronjob workload");
        return;
    }
    struct live *task = find_task(p, binding);
    if (task == NULL) {
        answer_error(a, 404, "CronJob not found");
        return;
    }
    char suffix[6] = "", name[NAME_SIZE];
    for (size_t i = 0; i < 5; i++)
        suffix[i] = letters[random_below(p, (int64_t)sizeof(letters) - 1)];
    suffix[1] = '4'; /* a digit, so that it can be told from a word */
    snprintf(name, sizeof(name), "%.200s-%lld-%s", task->name, (long long)(p->now_ms / 1000),
             suffix);
    json_t *job = make_job(p, task, name);
    CHECK(job != NULL);
    if (task->jobs == NULL)
        task->jobs = json_array();
    json_array_append_new(task->jobs, job);
    p->changed = true;
    answer_json(a, 200,
                json_pack("{s:s,s:s,s:s}", "cronJobName", task->name, "jobName", name, "namespace",
                          task->ns));
}

bool platform_task_result(struct platform *p, const char *ns, const char *component,
                          const char *environment, bool failed)
{
    struct live *task = NULL;
    size_t from, to;
    store_range(p, KIND_RELEASE_BINDING, ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        const struct object *b = store_at(p, KIND_RELEASE_BINDING, i);
        if (strcmp(b->component, component) == 0 && strcmp(b->environment, environment) == 0)
            task = find_task(p, b);
    }
    if (task == NULL)
        return false;
    char time[32];
    task->scheduled_ms = p->now_ms;
    const size_t count = json_array_size(task->jobs);
    if (count == 0)
        return true;
    json_t *job = values_copy(json_array_get(task->jobs, count - 1));
    json_t *condition =
        json_pack("{s:s,s:s,s:s,s:s,s:s}", "type", failed ? "Failed" : "Complete", "status", "True",
                  "reason", failed ? "BackoffLimitExceeded" : "CompletionsReached", "message",
                  failed ? "Job has reached the specified backoff limit"
                         : "Reached expected number of succeeded pods",
                  "lastTransitionTime", values_time(p->now_ms, time));
    json_object_set_new(
        job, "status",
        json_pack("{s:[o],s:i}", "conditions", condition, failed ? "failed" : "succeeded", 1));
    json_array_set_new(task->jobs, count - 1, job);
    if (task->rendered != NULL && !task->rendered->gone)
        agenda_sooner(p, task->rendered, SLOT_OBSERVE,
                      p->now_ms + random_jitter(p, p->options.timing.ready_poll));
    return true;
}
