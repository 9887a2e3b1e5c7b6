/* Which controller looks at what, when, and who must look again because of somebody else. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <string.h>

static int64_t first_look(const struct platform *p, const struct object *o)
{
    return o->kind == KIND_PROJECT ? p->options.timing.project : p->options.timing.status;
}

static void wake_component(struct platform *p, const char *ns, const char *name)
{
    struct object *component = store_find(p, KIND_COMPONENT, ns, name);
    if (component != NULL)
        agenda_sooner(p, component, SLOT_RECONCILE, p->now_ms + p->options.timing.status + 20);
}

static void wake_pipelines(struct platform *p, const char *ns)
{
    size_t from, to;
    store_range(p, KIND_PIPELINE, ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        struct object *pipeline = store_at(p, KIND_PIPELINE, i);
        if (pipeline->deleted_ms >= 0)
            agenda_sooner(p, pipeline, SLOT_FINALIZE, p->now_ms + p->options.timing.status);
    }
}

/* Their watch is quicker than the provider's first look at itself. */
void controllers_wake_consumers(struct platform *p, const struct object *provider)
{
    size_t from, to;
    store_range(p, KIND_RELEASE_BINDING, provider->ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        struct object *b = store_at(p, KIND_RELEASE_BINDING, i);
        if (b->has_dependencies && b != provider &&
            strcmp(b->environment, provider->environment) == 0)
            agenda_sooner(p, b, SLOT_RECONCILE, p->now_ms + p->options.timing.status / 2);
    }
}

/* Bindings whose workload takes something from this SecretReference render again. */
static bool uses_secret(const struct platform *p, const struct object *b, const char *name)
{
    const struct object *release =
        store_find(p, KIND_COMPONENT_RELEASE, b->ns, values_text(b->spec, "releaseName"));
    const json_t *places[] = {
        release == NULL ? NULL : json_at(release->spec, "workload", "container", NULL),
        json_at(b->spec, "workloadOverrides", "container", NULL)};
    static const char *const lists[] = {"env", "files"};
    for (size_t n = 0; n < 4; n++) {
        size_t i;
        json_t *item;
        json_array_foreach(values_get(places[n / 2], lists[n % 2]), i, item)
        {
            const json_t *ref = values_get(values_get(item, "valueFrom"), "secretKeyRef");
            if (strcmp(values_text(ref, "name"), name) == 0)
                return true;
        }
    }
    return false;
}

static void wake_secret_users(struct platform *p, const struct object *secret)
{
    size_t from, to;
    store_range(p, KIND_RELEASE_BINDING, secret->ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        struct object *b = store_at(p, KIND_RELEASE_BINDING, i);
        if (uses_secret(p, b, secret->name))
            agenda_sooner(p, b, SLOT_RECONCILE, p->now_ms + p->options.timing.status);
    }
}

static void wake_projects(struct platform *p, const struct object *type)
{
    size_t from, to;
    store_range(p, KIND_PROJECT, type->ns[0] == '\0' ? NULL : type->ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        struct object *project = store_at(p, KIND_PROJECT, i);
        if (strcmp(values_text(values_get(project->spec, "type"), "name"), type->name) == 0)
            agenda_sooner(p, project, SLOT_RECONCILE, p->now_ms + p->options.timing.project);
    }
}

void controllers_wake_components_of_type(struct platform *p, const struct object *type)
{
    size_t from, to;
    store_range(p, KIND_COMPONENT, type->ns[0] == '\0' ? NULL : type->ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        struct object *component = store_at(p, KIND_COMPONENT, i);
        const char *name = values_text(values_get(component->spec, "componentType"), "name");
        const char *slash = strchr(name, '/');
        if (slash != NULL && strcmp(slash + 1, type->name) == 0)
            agenda_sooner(p, component, SLOT_RECONCILE, p->now_ms + p->options.timing.status);
    }
}

static void wake_others(struct platform *p, struct object *o)
{
    if (o->kind == KIND_WORKLOAD || o->kind == KIND_RELEASE_BINDING)
        wake_component(p, o->ns, o->component);
    else if (o->kind == KIND_SECRET_REFERENCE)
        wake_secret_users(p, o);
    else if (o->kind == KIND_CLUSTER_PROJECT_TYPE || o->kind == KIND_PROJECT_TYPE)
        wake_projects(p, o);
    else if (o->kind == KIND_CLUSTER_COMPONENT_TYPE || o->kind == KIND_COMPONENT_TYPE)
        controllers_wake_components_of_type(p, o);
}

void controllers_created(struct platform *p, struct object *o)
{
    if (o->kind == KIND_RENDERED)
        agenda_set(p, o, SLOT_APPLY, p->now_ms + p->options.timing.apply);
    else
        agenda_set(p, o, SLOT_RECONCILE, p->now_ms + first_look(p, o));
    wake_others(p, o);
    /* a binding whose provider was missing looks again when one appears */
    if (o->kind == KIND_RELEASE_BINDING)
        controllers_wake_consumers(p, o);
}

void controllers_changed(struct platform *p, struct object *o, bool spec_changed)
{
    if (o->kind == KIND_RENDERED) {
        agenda_sooner(p, o, SLOT_APPLY, p->now_ms + p->options.timing.apply);
        agenda_cancel(o, SLOT_OBSERVE);
        return;
    }
    if (o->kind == KIND_PIPELINE && o->deleted_ms >= 0)
        agenda_sooner(p, o, SLOT_FINALIZE, p->now_ms + first_look(p, o));
    if (spec_changed || o->kind == KIND_WORKFLOW_RUN || o->kind == KIND_COMPONENT)
        agenda_sooner(p, o, SLOT_RECONCILE, p->now_ms + first_look(p, o));
    if (spec_changed)
        wake_others(p, o);
}

void controllers_deleting(struct platform *p, struct object *o)
{
    if (o->kind == KIND_RENDERED)
        rendered_deleting(p, o);
    const int64_t look = o->kind == KIND_RENDERED       ? 300
                         : o->kind == KIND_WORKFLOW_RUN ? 10
                                                        : 15 + random_below(p, 60);
    agenda_set(p, o, SLOT_FINALIZE, p->now_ms + look);
}

void controllers_removed(struct platform *p, struct object *o)
{
    if (o->kind == KIND_WORKLOAD || o->kind == KIND_RELEASE_BINDING)
        wake_component(p, o->ns, o->component);
    if (o->kind == KIND_RELEASE_BINDING)
        controllers_wake_consumers(p, o);
    if (o->kind == KIND_PROJECT)
        wake_pipelines(p, o->ns);
    if (o->kind == KIND_PIPELINE)
        pipeline_reconcile(p, o);
}

static void apply_namespace(struct platform *p, struct object *o)
{
    const char *ns = values_text(o->status, "namespace");
    if (o->deleted_ms < 0 && ns[0] != '\0' && index_find(&p->namespaces, ns) == NULL)
        index_put(&p->namespaces, ns, o);
    agenda_sooner(p, o, SLOT_RECONCILE, p->now_ms + p->options.timing.status);
}

static void reconcile(struct platform *p, struct object *o)
{
    if (o->kind == KIND_RELEASE_BINDING)
        binding_reconcile(p, o);
    else if (o->kind == KIND_PROJECT_BINDING)
        project_binding_reconcile(p, o);
    else if (o->kind == KIND_PROJECT)
        project_reconcile(p, o);
    else if (o->kind == KIND_COMPONENT)
        component_reconcile(p, o);
    else if (o->kind == KIND_ENVIRONMENT)
        environment_reconcile(p, o);
    else if (o->kind == KIND_PIPELINE)
        pipeline_reconcile(p, o);
    else if (o->kind == KIND_CLUSTER_DATA_PLANE || o->kind == KIND_DATA_PLANE ||
             o->kind == KIND_CLUSTER_WORKFLOW_PLANE || o->kind == KIND_WORKFLOW_PLANE)
        plane_reconcile(p, o);
    else if (o->kind == KIND_WORKFLOW_RUN)
        workflow_reconcile(p, o);
    else if (o->kind == KIND_RESOURCE || o->kind == KIND_RESOURCE_BINDING)
        resource_reconcile(p, o);
}

static void finalize(struct platform *p, struct object *o)
{
    if (o->kind == KIND_RELEASE_BINDING)
        binding_finalize(p, o);
    else if (o->kind == KIND_RENDERED)
        rendered_finalize(p, o);
    else if (o->kind == KIND_PROJECT_BINDING)
        project_binding_finalize(p, o);
    else if (o->kind == KIND_PROJECT)
        project_finalize(p, o);
    else if (o->kind == KIND_COMPONENT)
        component_finalize(p, o);
    else if (o->kind == KIND_ENVIRONMENT)
        environment_finalize(p, o);
    else if (o->kind == KIND_PIPELINE)
        pipeline_finalize(p, o);
    else
        store_remove(p, o);
}

void controllers_run(struct platform *p, struct object *o, enum slot slot)
{
    switch (slot) {
    case SLOT_RECONCILE:
        reconcile(p, o);
        return;
    case SLOT_APPLY:
        if (o->kind == KIND_PROJECT_BINDING)
            apply_namespace(p, o);
        else
            rendered_apply(p, o);
        return;
    case SLOT_OBSERVE:
        rendered_observe(p, o);
        return;
    case SLOT_FINALIZE:
        finalize(p, o);
        return;
    }
    CHECK_UNREACHABLE();
}
