/* The objects of the control plane, with the versions that stale reads show. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_key(char key[static NAME_SIZE * 2], const char *ns, const char *name)
{
    snprintf(key, (size_t)NAME_SIZE * 2, "%s/%s", ns == NULL ? "" : ns, name);
}

struct object *store_find(const struct platform *p, enum kind kind, const char *ns,
                          const char *name)
{
    char key[NAME_SIZE * 2];
    make_key(key, ns, name);
    return index_find(&p->kinds[kind], key);
}

void store_ref(struct object *o)
{
    o->references++;
}

static void version_fini(struct version *v)
{
    json_decref(v->labels);
    json_decref(v->annotations);
    json_decref(v->spec);
    json_decref(v->status);
}

void store_unref(struct object *o)
{
    CHECK(o->references > 0);
    if (--o->references > 0)
        return;
    struct version now = {o->labels, o->annotations, o->spec, o->status, 0};
    version_fini(&now);
    for (size_t i = 0; i < VERSIONS_KEPT; i++)
        version_fini(&o->older[i]);
    json_decref(o->rendered);
    json_decref(o->memo);
    if (o->owner != NULL)
        store_unref(o->owner);
    free(o->data_plane_namespace);
    free(o->ns);
    free(o->name);
    free(o->key);
    free(o);
}

/* The names that are looked for most, borrowed from the spec. */
static void note_owner(struct object *o)
{
    const json_t *owner = values_get(o->spec, "owner");
    o->project = values_text(owner, "projectName");
    o->component = values_text(owner, "componentName");
    const json_t *environment = values_get(o->spec, "environment");
    o->environment = json_text_or(environment, "");
}

static void keep_version(struct object *o)
{
    version_fini(&o->older[VERSIONS_KEPT - 1]);
    memmove(&o->older[1], &o->older[0], sizeof(o->older) - sizeof(o->older[0]));
    o->older[0] = (struct version){json_incref(o->labels), json_incref(o->annotations),
                                   json_incref(o->spec), json_incref(o->status), o->deleted_ms};
}

static void touch(struct platform *p, struct object *o)
{
    o->resource_version = ++p->resource_version;
}

struct object *store_add(struct platform *p, enum kind kind, const char *ns, const char *name,
                         json_t *labels, json_t *annotations, json_t *spec)
{
    char key[NAME_SIZE * 2];
    make_key(key, ns, name);
    struct object *o = values_alloc(1, sizeof(*o));
    o->kind = kind;
    o->ns = values_copy_text(ns == NULL ? "" : ns);
    o->name = values_copy_text(name);
    o->key = values_copy_text(key);
    random_uid(p, o->uid);
    o->created_ms = p->now_ms;
    o->deleted_ms = -1;
    o->generation = 1;
    o->labels = labels;
    o->annotations = annotations;
    o->spec = spec;
    o->status = json_object();
    o->references = 1;
    note_owner(o);
    touch(p, o);
    index_put(&p->kinds[kind], key, o);
    return o;
}

void store_remove(struct platform *p, struct object *o)
{
    if (o->gone)
        return;
    index_remove(&p->kinds[o->kind], o->key);
    o->gone = true;
    p->resource_version++;
    controllers_removed(p, o);
    store_unref(o);
}

void store_set_spec(struct platform *p, struct object *o, json_t *spec)
{
    if (json_equal(spec, o->spec)) {
        json_decref(spec);
        return;
    }
    keep_version(o);
    json_decref(o->spec);
    o->spec = spec;
    o->generation++;
    note_owner(o);
    touch(p, o);
}

void store_set_status(struct platform *p, struct object *o, json_t *status)
{
    if (json_equal(status, o->status)) {
        json_decref(status);
        return;
    }
    keep_version(o);
    json_decref(o->status);
    o->status = status;
    touch(p, o);
}

static bool is_same_map(const json_t *a, const json_t *b)
{
    return a == b || json_equal(a, b);
}

void store_replace(struct platform *p, struct object *o, json_t *spec, json_t *labels,
                   json_t *annotations)
{
    const uint64_t before = o->resource_version;
    store_set_spec(p, o, spec);
    if (o->resource_version == before &&
        (!is_same_map(labels, o->labels) || !is_same_map(annotations, o->annotations))) {
        keep_version(o);
        touch(p, o);
    }
    json_decref(o->labels);
    json_decref(o->annotations);
    o->labels = labels;
    o->annotations = annotations;
}

static json_t *show_metadata(const struct object *o, const struct version *v)
{
    char time[32];
    json_t *m = json_pack("{s:s,s:s,s:s}", "name", o->name, "uid", o->uid, "creationTimestamp",
                          values_time(o->created_ms, time));
    CHECK(m != NULL);
    if (o->ns[0] != '\0')
        json_object_set_new(m, "namespace", json_string(o->ns));
    if (json_object_size(v->labels) > 0)
        json_object_set(m, "labels", v->labels);
    if (json_object_size(v->annotations) > 0)
        json_object_set(m, "annotations", v->annotations);
    if (v->deleted_ms >= 0) {
        json_object_set_new(m, "deletionTimestamp", json_string(values_time(v->deleted_ms, time)));
        json_object_set_new(m, "deletionGracePeriodSeconds", json_integer(0));
    }
    return m;
}

json_t *store_show(const struct object *o, unsigned back)
{
    struct version v = {o->labels, o->annotations, o->spec, o->status, o->deleted_ms};
    for (unsigned i = 0; i < back && i < VERSIONS_KEPT && o->older[i].spec != NULL; i++)
        v = o->older[i];
    const struct kind_info *info = kinds_info(o->kind);
    json_t *shown = json_object();
    CHECK(shown != NULL);
    if (!info->plain) {
        json_object_set_new(shown, "apiVersion", json_string("openchoreo.dev/v1alpha1"));
        json_object_set_new(shown, "kind", json_string(info->name));
    }
    json_object_set_new(shown, "metadata", show_metadata(o, &v));
    if (o->kind != KIND_NAMESPACE)
        json_object_set(shown, "spec", v.spec);
    const bool bare_run = o->kind == KIND_WORKFLOW_RUN && json_object_size(v.status) == 0;
    if (!info->no_status && !bare_run)
        json_object_set(shown, "status", v.status);
    return shown;
}

void store_range(const struct platform *p, enum kind kind, const char *ns, size_t *ret_from,
                 size_t *ret_to)
{
    const struct index *index = &p->kinds[kind];
    if (ns == NULL) {
        *ret_from = 0;
        *ret_to = index->count;
        return;
    }
    char key[NAME_SIZE * 2];
    make_key(key, ns, "");
    *ret_from = index_from(index, key);
    key[strlen(key) - 1] = '/' + 1;
    *ret_to = index_from(index, key);
}

struct object *store_at(const struct platform *p, enum kind kind, size_t i)
{
    return p->kinds[kind].entries[i].value;
}

void store_delete(struct platform *p, struct object *o)
{
    if (o->gone || o->deleted_ms >= 0)
        return;
    if (!kinds_info(o->kind)->finalizer) {
        store_remove(p, o);
        return;
    }
    keep_version(o);
    o->deleted_ms = p->now_ms;
    o->generation++;
    touch(p, o);
    controllers_deleting(p, o);
}

void store_free_all(struct platform *p)
{
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        struct index *index = &p->kinds[kind];
        for (size_t i = 0; i < index->count; i++)
            store_unref(index->entries[i].value);
        index_fini(index);
    }
}

struct object *store_project_binding(const struct platform *p, const char *ns, const char *project,
                                     const char *environment)
{
    size_t from, to;
    store_range(p, KIND_PROJECT_BINDING, ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        struct object *o = store_at(p, KIND_PROJECT_BINDING, i);
        if (strcmp(o->project, project) == 0 && strcmp(o->environment, environment) == 0)
            return o;
    }
    return NULL;
}

struct object *store_binding(const struct platform *p, const char *ns, const char *project,
                             const char *component, const char *environment)
{
    size_t from, to;
    store_range(p, KIND_RELEASE_BINDING, ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        struct object *o = store_at(p, KIND_RELEASE_BINDING, i);
        if (strcmp(o->component, component) == 0 && strcmp(o->environment, environment) == 0 &&
            strcmp(o->project, project) == 0)
            return o;
    }
    return NULL;
}
