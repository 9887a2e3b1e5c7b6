/* cell-task: a CronJob. */
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

#define NAME_LIMIT 52

static void task_name(const struct render *r, char ret_name[static NAME_SIZE])
{
    const size_t length = strlen(r->name);
    if (length <= NAME_LIMIT)
        snprintf(ret_name, NAME_SIZE, "%s", r->name);
    else
        snprintf(ret_name, NAME_SIZE, "%.43s%s", r->name, r->name + length - 9);
}

static void copy_positive(json_t *target, const json_t *configs, const char *key)
{
    if (values_int(configs, key, 0) > 0)
        json_object_set(target, key, values_get(configs, key));
}

void render_task(struct render *r)
{
    const json_t *configs = r->configs;
    char name[NAME_SIZE];
    task_name(r, name);
    json_t *job =
        json_pack("{s:O,s:{s:{s:O},s:o}}", "backoffLimit", values_get(configs, "backoffLimit"),
                  "template", "metadata", "labels", r->selectors, "spec", render_pod(r, true));
    copy_positive(job, configs, "activeDeadlineSeconds");
    json_t *spec = json_pack(
        "{s:O,s:O,s:O,s:O,s:O,s:{s:{s:O},s:o}}", "schedule", values_get(configs, "schedule"),
        "suspend", values_get(configs, "suspend"), "concurrencyPolicy",
        values_get(configs, "concurrencyPolicy"), "successfulJobsHistoryLimit",
        values_get(r->parameters, "successfulJobsHistoryLimit"), "failedJobsHistoryLimit",
        values_get(r->parameters, "failedJobsHistoryLimit"), "jobTemplate", "metadata", "labels",
        r->labels, "spec", job);
    if (values_text(configs, "timeZone")[0] != '\0')
        json_object_set(spec, "timeZone", values_get(configs, "timeZone"));
    copy_positive(spec, configs, "startingDeadlineSeconds");
    render_add(r, json_pack("{s:s,s:s,s:o,s:o}", "apiVersion", "batch/v1", "kind", "CronJob",
                            "metadata", render_metadata(r, name, NULL), "spec", spec));
    render_configuration(r);
}
