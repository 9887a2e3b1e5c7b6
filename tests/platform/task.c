/* Runs of CronJobs: triggered Jobs and their pods. */
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

json_t *task_children(const struct platform *p, const struct live *live)
{
    (void)p;
    json_t *list = json_array();
    size_t i;
    json_t *job;
    json_array_foreach(live->jobs, i, job) json_array_append(list, values_get(job, "object"));
    return list;
}

void task_judge(struct platform *p, struct object *b, json_t *status, const json_t *task)
{
    const char *health = values_text(task, "healthStatus");
    const bool suspended = strcmp(health, "Suspended") == 0;
    condition_set(
        status, "ResourcesReady", "True", suspended ? "CronJobSuspended" : "CronJobScheduled",
        suspended ? "CronJob is suspended" : "CronJob is scheduled", b->generation, p->now_ms);
}

void task_trigger(struct platform *p, struct object *binding, struct answer *a)
{
    (void)p;
    (void)binding;
    answer_error(a, 400, "release binding component is not a cronjob workload");
}
