#include "tests/platform/workflow_engine.h"

#include "config/base/check.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROJECT "openchoreo.dev/project"
#define COMPONENT "openchoreo.dev/component"

bool workflow_engine_is_component_run(const struct object *run)
{
    return values_get(run->labels, PROJECT) != NULL || values_get(run->labels, COMPONENT) != NULL;
}

/* ---- who may run what ---- */

static const struct object *type_of(const struct platform *p, const struct object *component)
{
    const json_t *ref = values_get(component->spec, "componentType");
    const char *slash = strchr(values_text(ref, "name"), '/');
    const bool cluster = strcmp(values_text(ref, "kind"), "ClusterComponentType") == 0;
    return slash == NULL
               ? NULL
               : store_find(p, cluster ? KIND_CLUSTER_COMPONENT_TYPE : KIND_COMPONENT_TYPE,
                            cluster ? NULL : component->ns, slash + 1);
}

static bool refuses_workflow(const struct object *type, const json_t *ref, char *ret_message,
                             size_t size)
{
    char listed[512] = "";
    const char *kind = values_text(ref, "kind"), *name = values_text(ref, "name");
    size_t i;
    json_t *allowed;
    json_array_foreach(values_get(type->spec, "allowedWorkflows"), i, allowed)
    {
        if (strcmp(values_text(allowed, "name"), name) == 0 &&
            strcmp(values_text(allowed, "kind"), kind) == 0)
            return false;
        const size_t used = strlen(listed);
        snprintf(listed + used, sizeof(listed) - used, "%s%s/%s", used == 0 ? "" : ", ",
                 values_text(allowed, "kind"), values_text(allowed, "name"));
    }
    if (listed[0] == '\0')
        snprintf(ret_message, size,
                 "no workflows are allowed by component type \"%s\", but workflow run references "
                 "workflow %s/%s",
                 type->name, kind, name);
    else
        snprintf(ret_message, size,
                 "workflow %s/%s is not allowed for component type \"%s\"; allowed: [%s]", kind,
                 name, type->name, listed);
    return true;
}

bool workflow_engine_refuses(const struct platform *p, const struct object *run, char *ret_message,
                             size_t size)
{
    if (!workflow_engine_is_component_run(run))
        return false;
    const char *project = values_text(run->labels, PROJECT);
    const char *name = values_text(run->labels, COMPONENT);
    if (project[0] == '\0' || name[0] == '\0') {
        snprintf(ret_message, size,
                 "component workflow run must have both " PROJECT " and " COMPONENT " labels");
        return true;
    }
    const struct object *component = store_find(p, KIND_COMPONENT, run->ns, name);
    if (component == NULL) {
        snprintf(ret_message, size, "component \"%s\" not found", name);
        return true;
    }
    if (strcmp(component->project, project) != 0) {
        snprintf(ret_message, size,
                 "workflow run project label \"%s\" does not match component \"%s\" owner project "
                 "\"%s\"",
                 project, name, component->project);
        return true;
    }
    const struct object *type = type_of(p, component);
    return type != NULL &&
           refuses_workflow(type, values_get(run->spec, "workflow"), ret_message, size);
}

/* ---- expressions: only what they read ---- */

static const char *take_name(const char *s, char ret_name[static 128])
{
    size_t length = 0;
    while ((isalnum((unsigned char)*s) || *s == '_') && length < 127)
        ret_name[length++] = *s++;
    ret_name[length] = '\0';
    return s;
}

static bool reads_parameters(const char *expression, const json_t *parameters)
{
    for (const char *at = expression; (at = strstr(at, "parameters.")) != NULL;) {
        const json_t *value = parameters;
        at += strlen("parameters");
        while (*at == '.') {
            char name[128];
            at = take_name(at + 1, name);
            if (*at == '(') /* a method of the value */
                break;
            value = values_get(value, name);
            if (value == NULL)
                return false;
        }
    }
    return true;
}

static bool reads_labels(const char *expression, const json_t *labels)
{
    for (const char *at = expression; (at = strstr(at, "labels[")) != NULL; at++) {
        char name[128] = "";
        const char *start = at + strlen("labels[") + 1;
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(start, "'\""), start);
        if (values_get(labels, name) == NULL)
            return false;
    }
    return true;
}

static bool renders(const json_t *value, const json_t *parameters, const json_t *labels)
{
    const char *key;
    size_t i;
    json_t *member;
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        return strstr(text, "${") == NULL ||
               (reads_parameters(text, parameters) && reads_labels(text, labels));
    }
    if (json_is_object(value))
        json_object_foreach(values_mutable(value), key, member)
        {
            if (!renders(member, parameters, labels))
                return false;
        }
    json_array_foreach(value, i, member)
    {
        if (!renders(member, parameters, labels))
            return false;
    }
    return true;
}

bool workflow_engine_renders(const struct platform *p, const struct object *run)
{
    const struct object *workflow = workflow_engine_workflow(p, run);
    if (workflow == NULL)
        return false;
    const json_t *schema = json_at(workflow->spec, "parameters", "openAPIV3Schema", NULL);
    json_t *parameters =
        schema_default(schema, values_get(values_get(run->spec, "workflow"), "parameters"));
    const bool sound = renders(values_get(workflow->spec, "runTemplate"), parameters, run->labels);
    json_decref(parameters);
    return sound;
}

/* ---- the clock ---- */

static const struct name_rule *rule_of(const struct platform *p, const struct object *run)
{
    const char *workflow = values_text(values_get(run->spec, "workflow"), "name");
    for (size_t i = 0; i < p->workflow_count; i++)
        if (values_glob(p->workflows[i].glob, run->name) ||
            values_glob(p->workflows[i].glob, workflow))
            return &p->workflows[i];
    return NULL;
}

static const char *outcome_of(const struct platform *p, const struct object *run)
{
    const struct name_rule *rule = rule_of(p, run);
    return rule == NULL ? "Succeeded" : rule->outcome;
}

struct workflow_engine_pace workflow_engine_pace(const struct platform *p, const struct object *run)
{
    const struct name_rule *rule = rule_of(p, run);
    struct workflow_engine_pace pace = {p->options.timing.workflow_run / 2, 0};
    if (rule != NULL && rule->step_ms > 0)
        pace.step_ms = rule->step_ms;
    if (rule != NULL)
        pace.late_ms = rule->late_ms;
    return pace;
}

bool workflow_engine_is_lost(const struct platform *p, const struct object *run)
{
    return strcmp(outcome_of(p, run), "Lost") == 0 || workflow_engine_workflow(p, run) == NULL;
}

bool workflow_engine_fails(const struct platform *p, const struct object *run)
{
    return strcmp(outcome_of(p, run), "Failed") == 0;
}

/* Names of the steps of the template's entry point, one after the other; owned. */
static json_t *steps_of(const struct platform *p, const struct object *run)
{
    json_t *names = json_array();
    const struct object *workflow = workflow_engine_workflow(p, run);
    const json_t *spec =
        workflow == NULL ? NULL : json_at(workflow->spec, "runTemplate", "spec", NULL);
    size_t i, k, m;
    json_t *template, *row, *step;
    json_array_foreach(values_get(spec, "templates"), i, template)
    {
        if (strcmp(values_text(template, "name"), values_text(spec, "entrypoint")) != 0)
            continue;
        json_array_foreach(values_get(template, "steps"), k, row)
        {
            json_array_foreach(row, m, step) json_array_append(names, values_get(step, "name"));
        }
    }
    if (json_array_size(names) == 0)
        json_array_append_new(names, json_string("main"));
    return names;
}

int64_t workflow_engine_end(const struct platform *p, const struct object *run)
{
    json_t *steps = steps_of(p, run);
    const int64_t end =
        run->since_ms + (int64_t)json_array_size(steps) * workflow_engine_pace(p, run).step_ms;
    json_decref(steps);
    return end;
}

json_t *workflow_engine_tasks(const struct platform *p, const struct object *run)
{
    json_t *names = steps_of(p, run), *tasks = json_array();
    const int64_t step = workflow_engine_pace(p, run).step_ms;
    const size_t count = json_array_size(names);
    char time[32];
    for (size_t i = 0; i < count; i++) {
        const int64_t start = run->since_ms + (int64_t)i * step, end = start + step;
        if (p->now_ms < start)
            break;
        const bool over = p->now_ms >= end;
        const bool failed = over && i + 1 == count && workflow_engine_fails(p, run);
        json_t *task = json_pack("{s:O,s:s,s:s}", "name", json_array_get(names, i), "phase",
                                 failed ? "Failed"
                                 : over ? "Succeeded"
                                        : "Running",
                                 "startedAt", values_time(start, time));
        if (over)
            json_object_set_new(task, "completedAt", json_string(values_time(end, time)));
        if (failed)
            json_object_set_new(task, "message", json_string("Error (exit code 1)"));
        json_array_append_new(tasks, task);
    }
    json_decref(names);
    return tasks;
}

static struct name_rule *add_rule(struct platform *p, const char *glob)
{
    for (size_t i = 0; i < p->workflow_count; i++)
        if (strcmp(p->workflows[i].glob, glob) == 0)
            return &p->workflows[i];
    struct name_rule *all = realloc(p->workflows, (p->workflow_count + 1) * sizeof(*all));
    CHECK(all != NULL);
    p->workflows = all;
    memmove(&all[1], &all[0], p->workflow_count++ * sizeof(*all));
    all[0] = (struct name_rule){.glob = values_copy_text(glob),
                                .outcome = values_copy_text("Succeeded")};
    return &all[0];
}

void platform_workflow_rule(struct platform *p, const char *glob, const char *outcome)
{
    struct name_rule *rule = add_rule(p, glob);
    free(rule->outcome);
    rule->outcome = values_copy_text(outcome);
}

void platform_workflow_pace(struct platform *p, const char *glob, int64_t step_ms, int64_t late_ms)
{
    struct name_rule *rule = add_rule(p, glob);
    rule->step_ms = step_ms;
    rule->late_ms = late_ms;
}
