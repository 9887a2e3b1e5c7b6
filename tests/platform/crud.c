#include "tests/platform/crud.h"

#include "config/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool crud_may(const struct crud *c, const char *verb, const char *project, const char *component)
{
    char action[64];
    snprintf(action, sizeof(action), "%s:%s", kinds_info(c->kind)->action, verb);
    const char *ns = c->ns == NULL ? "" : c->ns;
    if (rights_may(c->platform, c->subject, action, ns, project, component))
        return true;
    answer_error(c->answer, 403, "You do not have permission to perform this operation");
    return false;
}

static json_t *copy_map(const json_t *map)
{
    return json_object_size(map) > 0 ? values_copy(map) : NULL;
}

/* Labels as asked for, and those that the server adds whatever was asked. */
static json_t *own_labels(enum kind kind, const json_t *asked, const json_t *spec)
{
    json_t *labels = copy_map(asked);
    const json_t *owner = values_get(spec, "owner");
    const char *project = values_text(owner, "projectName");
    const char *component = values_text(owner, "componentName");
    if (kind == KIND_PROJECT_RELEASE || (project[0] == '\0' && component[0] == '\0'))
        return labels;
    if (labels == NULL)
        labels = json_object();
    if (project[0] != '\0')
        json_object_set_new(labels, "openchoreo.dev/project", json_string(project));
    if (component[0] != '\0')
        json_object_set_new(labels, "openchoreo.dev/component", json_string(component));
    return labels;
}

static bool needs_owner(enum kind kind)
{
    return kind == KIND_COMPONENT || kind == KIND_WORKLOAD || kind == KIND_RELEASE_BINDING ||
           kind == KIND_PROJECT_BINDING || kind == KIND_COMPONENT_RELEASE ||
           kind == KIND_RESOURCE || kind == KIND_RESOURCE_BINDING;
}

static const char *missing_reference(const struct crud *c, const json_t *spec)
{
    struct platform *p = c->platform;
    const json_t *owner = values_get(spec, "owner");
    if (c->kind == KIND_COMPONENT || c->kind == KIND_PROJECT_BINDING || c->kind == KIND_RESOURCE)
        return store_find(p, KIND_PROJECT, c->ns, values_text(owner, "projectName")) == NULL
                   ? "Referenced project not found"
                   : NULL;
    if (c->kind == KIND_WORKLOAD || c->kind == KIND_RELEASE_BINDING ||
        c->kind == KIND_COMPONENT_RELEASE)
        return store_find(p, KIND_COMPONENT, c->ns, values_text(owner, "componentName")) == NULL
                   ? "Referenced component not found"
                   : NULL;
    const json_t *plane = values_get(spec, "dataPlaneRef");
    if (c->kind == KIND_ENVIRONMENT && strcmp(values_text(plane, "kind"), "DataPlane") == 0)
        return store_find(p, KIND_DATA_PLANE, c->ns, values_text(plane, "name")) == NULL
                   ? "DataPlane not found"
                   : NULL;
    return NULL;
}

/* Writes that a careful client never makes, although the server says yes. */
static void count_dangers(struct platform *p, const struct crud *c, const char *name,
                          const json_t *spec)
{
    struct platform_dangers *d = &p->dangers;
    const json_t *owner = values_get(spec, "owner");
    const char *project = values_text(owner, "projectName");
    if (c->kind == KIND_RELEASE_BINDING) {
        const char *environment = values_text(spec, "environment");
        const struct object *same =
            store_binding(p, c->ns, project, values_text(owner, "componentName"), environment);
        if (same != NULL && strcmp(same->name, name) != 0)
            d->duplicate_binding++;
        if (store_find(p, KIND_ENVIRONMENT, c->ns, environment) == NULL ||
            store_find(p, KIND_COMPONENT_RELEASE, c->ns, values_text(spec, "releaseName")) == NULL)
            d->dangling_reference++;
    }
    if (c->kind == KIND_COMPONENT) {
        const json_t *type = values_get(spec, "componentType");
        const char *slash = strchr(values_text(type, "name"), '/');
        const bool cluster = strcmp(values_text(type, "kind"), "ClusterComponentType") == 0;
        if (slash == NULL ||
            store_find(p, cluster ? KIND_CLUSTER_COMPONENT_TYPE : KIND_COMPONENT_TYPE,
                       cluster ? NULL : c->ns, slash + 1) == NULL)
            d->dangling_reference++;
    }
    const struct object *above =
        project[0] == '\0' ? NULL : store_find(p, KIND_PROJECT, c->ns, project);
    if (above != NULL && above->deleted_ms >= 0)
        d->terminating_used++;
}

static void answer_shown(const struct crud *c, int status, const struct object *o)
{
    answer_json(c->answer, status, store_show(o, 0));
}

static void create(const struct crud *c, const char *name, const json_t *metadata, json_t *spec)
{
    struct platform *p = c->platform;
    const json_t *asked = values_get(metadata, "labels");
    json_t *labels =
        c->kind == KIND_COMPONENT_RELEASE ? copy_map(asked) : own_labels(c->kind, asked, spec);
    if (c->kind == KIND_NAMESPACE) {
        if (labels == NULL)
            labels = json_object();
        json_object_set_new(labels, "kubernetes.io/metadata.name", json_string(name));
        json_object_set_new(labels, "openchoreo.dev/control-plane", json_string("true"));
    }
    count_dangers(p, c, name, spec);
    struct object *o = store_add(p, c->kind, c->ns, name, labels,
                                 copy_map(values_get(metadata, "annotations")), json_incref(spec));
    if (c->kind == KIND_NAMESPACE)
        store_set_status(p, o, json_pack("{s:s}", "phase", "Active"));
    p->changed = true;
    answer_shown(c, 201, o);
    controllers_created(p, o);
}

/* The checks of the service layer, in its order. True when answered. */
static bool refuse_post(const struct crud *c, const json_t *metadata, const char *name,
                        const json_t *given, const json_t *spec)
{
    struct platform *p = c->platform;
    const struct kind_info *info = kinds_info(c->kind);
    const char *ns = values_text(metadata, "namespace");
    if (metadata == NULL || name[0] == '\0' ||
        (c->kind != KIND_NAMESPACE && !json_is_object(given)) ||
        (needs_owner(c->kind) && values_get(given, "owner") == NULL) ||
        (c->kind == KIND_WORKFLOW_RUN &&
         values_text(values_get(given, "workflow"), "name")[0] == '\0')) {
        answer_internal(c->answer);
        return true;
    }
    if (c->ns != NULL && ns[0] != '\0' && strcmp(ns, c->ns) != 0) {
        answer_error(c->answer, 400, "Namespace in body does not match path");
        return true;
    }
    const json_t *owner = values_get(spec, "owner");
    if (!crud_may(c, "create", values_text(owner, "projectName"),
                  values_text(owner, "componentName")))
        return true;
    if (store_find(p, c->kind, c->ns, name) != NULL) {
        if (c->kind == KIND_WORKFLOW_RUN)
            answer_internal(c->answer);
        else
            answer_error(c->answer, 409, info->existing);
        return true;
    }
    return false;
}

static const struct object *workflow_of(const struct crud *c, const json_t *spec)
{
    const json_t *ref = values_get(spec, "workflow");
    const bool cluster = strcmp(values_text(ref, "kind"), "ClusterWorkflow") == 0;
    return store_find(c->platform, cluster ? KIND_CLUSTER_WORKFLOW : KIND_WORKFLOW,
                      cluster ? NULL : c->ns, values_text(ref, "name"));
}

/* What admission webhooks write into a spec, whatever was asked. */
static void mutate(const struct crud *c, json_t *spec)
{
    if (!c->platform->options.admission_webhooks ||
        (c->kind != KIND_CLUSTER_WORKFLOW && c->kind != KIND_WORKFLOW))
        return;
    json_t *run = values_get(values_get(spec, "runTemplate"), "spec");
    if (json_is_object(run))
        json_object_set_new(run, "serviceAccountName", json_string("workflow-sa"));
}

static void post_object(const struct crud *c, const json_t *body)
{
    struct platform *p = c->platform;
    const json_t *metadata = values_get(body, "metadata"), *given = values_get(body, "spec");
    const char *name = values_text(metadata, "name");
    json_t *spec = kinds_normalize(c->kind, given);
    mutate(c, spec);
    const char *missing = NULL;
    char *message = NULL;
    int status = 0;
    if (refuse_post(c, metadata, name, given, spec)) {
        json_decref(spec);
        return;
    }
    if ((missing = missing_reference(c, spec)) != NULL)
        answer_error(c->answer, 400, missing);
    else if (c->kind == KIND_WORKFLOW_RUN && workflow_of(c, spec) == NULL)
        answer_error(c->answer, 404, "Workflow not found");
    else if (c->ns != NULL && store_find(p, KIND_NAMESPACE, NULL, c->ns) == NULL)
        answer_internal(c->answer);
    else if ((status = admit_object(p, c->kind, c->ns, name, values_get(metadata, "labels"), spec,
                                    NULL, &message)) != 0)
        answer_error(c->answer, status, message);
    else
        create(c, name, metadata, spec);
    free(message);
    json_decref(spec);
}

void crud_post(const struct crud *c)
{
    json_t *body = NULL;
    char *complaint = decode_body(c->document, c->body, c->body_length, c->kind, &body);
    if (complaint != NULL)
        answer_text(c->answer, 400, complaint);
    else
        post_object(c, body);
    free(complaint);
    json_decref(body);
}

static struct object *find_or_answer(const struct crud *c, const char *verb)
{
    struct object *o = store_find(c->platform, c->kind, c->ns, c->name);
    if (o == NULL) {
        if (crud_may(c, verb, "", ""))
            answer_error(c->answer, 404, kinds_info(c->kind)->missing);
        return NULL;
    }
    const char *component = c->kind == KIND_COMPONENT ? o->name : o->component;
    const char *project = c->kind == KIND_PROJECT ? o->name : o->project;
    return crud_may(c, verb, project, component) ? o : NULL;
}

void crud_get(const struct crud *c)
{
    const struct object *o = find_or_answer(c, "view");
    if (o != NULL)
        answer_json(c->answer, 200, store_show(o, c->stale));
}

/* Foreign labels and annotations that a PUT leaves out are gone. */
static bool erases_foreign(const json_t *old, const json_t *asked)
{
    const char *key;
    json_t *value;
    json_object_foreach(values_mutable(old), key, value)
    {
        const bool own = strncmp(key, "celld.dev/", 10) == 0 ||
                         strncmp(key, "app.kubernetes.io/", 18) == 0 ||
                         strcmp(key, "openchoreo.dev/project") == 0 ||
                         strcmp(key, "openchoreo.dev/component") == 0 ||
                         strcmp(key, "kubernetes.io/metadata.name") == 0 ||
                         strcmp(key, "openchoreo.dev/control-plane") == 0;
        if (!own && values_get(asked, key) == NULL)
            return true;
    }
    return false;
}

static void replace(const struct crud *c, struct object *o, const json_t *metadata, json_t *spec)
{
    struct platform *p = c->platform;
    const json_t *labels = values_get(metadata, "labels");
    const json_t *annotations = values_get(metadata, "annotations");
    if (erases_foreign(o->labels, labels) || erases_foreign(o->annotations, annotations))
        p->dangers.foreign_erased++;
    if (o->deleted_ms >= 0)
        p->dangers.terminating_used++;
    count_dangers(p, c, o->name, spec);
    const uint64_t before = o->resource_version;
    const int64_t generation = o->generation;
    store_replace(p, o, json_incref(spec), own_labels(c->kind, labels, spec),
                  copy_map(annotations));
    p->changed = o->resource_version != before;
    answer_shown(c, 200, o);
    if (p->changed)
        controllers_changed(p, o, o->generation != generation);
}

static bool loses_race(struct platform *p)
{
    return p->options.conflict_percent > 0 &&
           random_below(p, 100) < (int64_t)p->options.conflict_percent;
}

static void put_object(const struct crud *c, struct object *o, const json_t *body)
{
    struct platform *p = c->platform;
    const json_t *metadata = values_get(body, "metadata"), *given = values_get(body, "spec");
    if (!json_is_object(given) && c->kind != KIND_NAMESPACE) {
        answer_internal(c->answer);
        return;
    }
    json_t *spec = kinds_normalize(c->kind, given);
    mutate(c, spec);
    const char *project = values_text(values_get(spec, "owner"), "projectName");
    char *message = NULL;
    int status = 0;
    if (c->kind == KIND_RELEASE_BINDING && p->options.admission_webhooks &&
        values_get(spec, "releaseName") == NULL && values_get(o->spec, "releaseName") != NULL)
        json_object_set(spec, "releaseName", values_get(o->spec, "releaseName"));
    json_t *workflow = c->kind == KIND_WORKFLOW_RUN ? values_get(spec, "workflow") : NULL;
    if (workflow != NULL && values_get(workflow, "kind") == NULL)
        json_object_set(workflow, "kind", values_get(values_get(o->spec, "workflow"), "kind"));
    if (c->kind == KIND_COMPONENT && project[0] != '\0' && strcmp(project, o->project) != 0)
        answer_error(c->answer, 400, "spec.owner.projectName is immutable");
    else if ((status = admit_object(p, c->kind, c->ns, o->name, values_get(metadata, "labels"),
                                    spec, o, &message)) != 0)
        answer_error(c->answer, status, message);
    else if (loses_race(p))
        answer_internal(c->answer);
    else
        replace(c, o, metadata, spec);
    free(message);
    json_decref(spec);
}

void crud_put(const struct crud *c)
{
    if (c->kind == KIND_COMPONENT_RELEASE || c->kind == KIND_PROJECT_RELEASE ||
        c->kind == KIND_RESOURCE_RELEASE) {
        answer_text(c->answer, 405, "Method Not Allowed\n");
        return;
    }
    json_t *body = NULL;
    char *complaint = decode_body(c->document, c->body, c->body_length, c->kind, &body);
    struct object *o = NULL;
    if (complaint != NULL)
        answer_text(c->answer, 400, complaint);
    else if ((o = find_or_answer(c, "update")) != NULL)
        put_object(c, o, body);
    free(complaint);
    json_decref(body);
}

void crud_delete(const struct crud *c)
{
    struct platform *p = c->platform;
    struct object *o = find_or_answer(c, "delete");
    if (o == NULL)
        return;
    if ((c->kind == KIND_ENVIRONMENT || c->kind == KIND_PIPELINE) && o->deleted_ms < 0)
        p->dangers.environment_deleted++;
    if (c->kind == KIND_RELEASE_BINDING && o->deleted_ms < 0) {
        const struct object *other =
            store_binding(p, o->ns, o->project, o->component, o->environment);
        size_t from, to;
        store_range(p, KIND_RELEASE_BINDING, o->ns, &from, &to);
        for (size_t i = from; i < to && (other == NULL || other == o); i++) {
            const struct object *each = store_at(p, KIND_RELEASE_BINDING, i);
            if (each != o && strcmp(each->component, o->component) == 0 &&
                strcmp(each->environment, o->environment) == 0)
                other = each;
        }
        if (other != NULL && other != o)
            p->dangers.livelock_entered++;
    }
    p->changed = o->deleted_ms < 0;
    store_delete(p, o);
    c->answer->status = 204;
    c->answer->content_type = "";
}

static void default_release_name(const struct crud *c, char *ret_name, size_t size)
{
    struct platform *p = c->platform;
    char time[32];
    values_time(p->now_ms, time);
    unsigned today = 0;
    size_t from, to;
    store_range(p, KIND_COMPONENT_RELEASE, c->ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        const struct object *o = store_at(p, KIND_COMPONENT_RELEASE, i);
        char prefix[NAME_SIZE];
        snprintf(prefix, sizeof(prefix), "%s-%.4s%.2s%.2s-", c->name, time, time + 5, time + 8);
        today += strcmp(o->component, c->name) == 0 && o->labels != NULL &&
                 strncmp(o->name, prefix, strlen(prefix)) == 0;
    }
    snprintf(ret_name, size, "%s-%.4s%.2s%.2s-%u", c->name, time, time + 5, time + 8, today + 1);
}

static void generate(const struct crud *c, struct object *component, const json_t *body)
{
    struct platform *p = c->platform;
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "%s", values_text(body, "releaseName"));
    if (name[0] == '\0')
        default_release_name(c, name, sizeof(name));
    json_t *spec = NULL;
    const char *missing = NULL;
    const int status = release_snapshot(p, component, &spec, &missing);
    const struct object *there = store_find(p, KIND_COMPONENT_RELEASE, c->ns, name);
    char *message = NULL;
    int refused = 0;
    if (status != 0) {
        answer_error(c->answer, status, missing);
    } else if (admit_name(name) && there != NULL) {
        /* Asked for twice it is one and the same release: nobody meant another. */
        p->dangers.release_overwritten += !json_equal(there->spec, spec);
        answer_internal(c->answer);
    } else if ((refused = admit_object(p, KIND_COMPONENT_RELEASE, c->ns, name, NULL, spec, NULL,
                                       &message)) != 0) {
        answer_error(c->answer, refused, message);
    } else {
        struct object *o =
            store_add(p, KIND_COMPONENT_RELEASE, c->ns, name,
                      own_labels(KIND_COMPONENT_RELEASE, NULL, spec), NULL, json_incref(spec));
        p->changed = true;
        answer_shown(c, 201, o);
        controllers_created(p, o);
    }
    free(message);
    json_decref(spec);
}

void crud_generate_release(const struct crud *c)
{
    json_t *body = NULL;
    char *complaint =
        decode_body(c->document, c->body, c->body_length, KIND_COMPONENT_RELEASE, &body);
    struct object *component = NULL;
    if (complaint != NULL)
        answer_text(c->answer, 400, complaint);
    else if ((component = find_or_answer(c, "update")) != NULL)
        generate(c, component, body);
    free(complaint);
    json_decref(body);
}
