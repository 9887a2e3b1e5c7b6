/* Projects, their releases and their bindings to environments. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

static const struct object *type_of(const struct platform *p, const struct object *o)
{
    const json_t *ref = values_get(o->spec, "type");
    const bool cluster = strcmp(values_text(ref, "kind"), "ClusterProjectType") == 0;
    return store_find(p, cluster ? KIND_CLUSTER_PROJECT_TYPE : KIND_PROJECT_TYPE,
                      cluster ? NULL : o->ns, values_text(ref, "name"));
}

static void cut_release(struct platform *p, struct object *o, const struct object *type,
                        json_t *status)
{
    char hash[16], name[NAME_SIZE], text[512];
    const json_t *ref = values_get(o->spec, "type");
    json_t *snapshot = json_pack("{s:O,s:O,s:O}", "kind", values_get(ref, "kind"), "name",
                                 values_get(ref, "name"), "spec", type->spec);
    json_t *content = json_pack("{s:O}", "projectType", snapshot);
    if (values_get(o->spec, "parameters") != NULL)
        json_object_set(content, "parameters", values_get(o->spec, "parameters"));
    values_hash_json(content, 10, hash);
    snprintf(name, sizeof(name), "%.300s-%s", o->name, hash);
    if (store_find(p, KIND_PROJECT_RELEASE, o->ns, name) == NULL) {
        json_t *spec = json_copy(content);
        json_object_set_new(spec, "owner", json_pack("{s:s}", "projectName", o->name));
        store_add(p, KIND_PROJECT_RELEASE, o->ns, name, NULL, NULL, spec);
    }
    json_object_set_new(status, "latestRelease",
                        json_pack("{s:s,s:s}", "name", name, "hash", hash));
    snprintf(text, sizeof(text), "ProjectRelease %s in place", name);
    condition_set(status, "Ready", "True", "Reconciled", text, o->generation, p->now_ms);
    json_decref(snapshot);
    json_decref(content);
}

static void wake_bindings(struct platform *p, const struct object *o)
{
    size_t from, to;
    store_range(p, KIND_PROJECT_BINDING, o->ns, &from, &to);
    for (size_t i = from; i < to; i++) {
        struct object *binding = store_at(p, KIND_PROJECT_BINDING, i);
        if (strcmp(binding->project, o->name) == 0)
            agenda_sooner(p, binding, SLOT_RECONCILE, p->now_ms + p->options.timing.status);
    }
}

void project_reconcile(struct platform *p, struct object *o)
{
    if (o->deleted_ms >= 0)
        return;
    json_t *status = condition_begin(o);
    condition_set(status, "Created", "True", "ProjectCreated", "Project is created", o->generation,
                  p->now_ms);
    json_object_set_new(status, "observedGeneration", json_integer(o->generation));
    const struct object *type = type_of(p, o);
    if (type != NULL) {
        cut_release(p, o, type, status);
    } else {
        char text[512];
        const json_t *ref = values_get(o->spec, "type");
        snprintf(text, sizeof(text), "%s \"%s\" not found", values_text(ref, "kind"),
                 values_text(ref, "name"));
        condition_set(status, "Ready", "False", "ProjectTypeNotFound", text, o->generation,
                      p->now_ms);
    }
    store_set_status(p, o, status);
    wake_bindings(p, o);
}

/* Begins the deletion of everything of a kind that belongs to the project; tells how much is left.
 */
static size_t delete_children(struct platform *p, const struct object *o, enum kind kind)
{
    size_t from, to, left = 0;
    store_range(p, kind, o->ns, &from, &to);
    for (size_t i = to; i-- > from;) {
        struct object *child = store_at(p, kind, i);
        if (strcmp(child->project, o->name) != 0)
            continue;
        left++;
        store_delete(p, child);
    }
    return left;
}

void project_finalize(struct platform *p, struct object *o)
{
    json_t *status = condition_begin(o);
    condition_set(status, "Finalizing", "True", "ProjectFinalizing",
                  o->stage == 0 ? "Project is finalizing"
                                : "Waiting for child resources to be deleted",
                  o->generation, p->now_ms);
    store_set_status(p, o, status);
    if (o->stage++ == 0) {
        agenda_set(p, o, SLOT_FINALIZE, p->now_ms + 60);
        return;
    }
    size_t left = delete_children(p, o, KIND_COMPONENT);
    if (left == 0)
        left = delete_children(p, o, KIND_RESOURCE);
    if (left == 0)
        left = delete_children(p, o, KIND_PROJECT_BINDING);
    if (left == 0)
        store_remove(p, o);
    else
        agenda_set(p, o, SLOT_FINALIZE, p->now_ms + 200);
}

/* ---- bindings ---- */

static void not_set(struct platform *p, struct object *o)
{
    static const char *const unknown[][2] = {
        {"NamespaceReady", "NamespaceReady cannot be evaluated until Synced=True"},
        {"ResourcesReady", "ResourcesReady cannot be evaluated until Synced=True"}};
    const char *text = "spec.projectRelease is unset; pin a ProjectRelease to deploy this binding";
    json_t *status = condition_begin(o);
    condition_set(status, "Synced", "False", "ProjectReleaseNotSet", text, o->generation,
                  p->now_ms);
    for (size_t i = 0; i < 2; i++)
        condition_set(status, unknown[i][0], "Unknown", "SyncedNotReady", unknown[i][1],
                      o->generation, p->now_ms);
    condition_set(status, "Ready", "False", "ProjectReleaseNotSet", text, o->generation, p->now_ms);
    store_set_status(p, o, status);
}

/* An empty release is filled once with the project's latest one. */
static bool seed_release(struct platform *p, struct object *o)
{
    if (values_get(o->spec, "projectRelease") != NULL)
        return false;
    const struct object *project = store_find(p, KIND_PROJECT, o->ns, o->project);
    const json_t *latest =
        project == NULL ? NULL : json_at(project->status, "latestRelease", "name", NULL);
    if (latest == NULL) {
        not_set(p, o);
        return true;
    }
    /* seeding is another controller's work: this one still saw the empty field */
    if (values_get(o->status, "namespace") == NULL)
        not_set(p, o);
    json_t *spec = json_copy(o->spec);
    json_object_set(spec, "projectRelease", values_mutable(latest));
    store_set_spec(p, o, spec);
    agenda_set(p, o, SLOT_RECONCILE, p->now_ms + p->options.timing.status);
    return true;
}

static bool find_binding_parts(struct platform *p, struct object *o)
{
    char text[512] = "";
    const char *reason = "";
    const char *release = values_text(o->spec, "projectRelease");
    if (store_find(p, KIND_PROJECT_RELEASE, o->ns, release) == NULL) {
        reason = "ProjectReleaseNotFound";
        snprintf(text, sizeof(text), "ProjectRelease \"%s\" not found", release);
    } else if (store_find(p, KIND_ENVIRONMENT, o->ns, o->environment) == NULL) {
        reason = "EnvironmentNotFound";
        snprintf(text, sizeof(text), "Environment \"%s\" not found", o->environment);
    }
    if (text[0] == '\0')
        return true;
    json_t *status = condition_begin(o);
    condition_set(status, "Synced", "False", reason, text, o->generation, p->now_ms);
    condition_set(status, "Ready", "False", reason, text, o->generation, p->now_ms);
    store_set_status(p, o, status);
    return false;
}

void project_binding_reconcile(struct platform *p, struct object *o)
{
    if (o->deleted_ms >= 0 || seed_release(p, o) || !find_binding_parts(p, o))
        return;
    char ns[64], hash[9], text[512];
    render_data_plane_namespace(o->ns, o->project, o->environment, ns);
    snprintf(text, sizeof(text), "p/%s/%s/%s", o->ns, o->project, o->environment);
    values_hash(text, 8, hash);
    json_t *status = condition_begin(o);
    const bool fresh = values_get(status, "namespace") == NULL;
    const bool ready = index_find(&p->namespaces, ns) != NULL;
    json_object_set_new(status, "namespace", json_string(ns));
    if (fresh)
        snprintf(text, sizeof(text), "RenderedRelease \"p-%s-%s-%s\" created with 1 resource(s)",
                 o->project, o->environment, hash);
    else
        snprintf(text, sizeof(text), "RenderedRelease \"p-%s-%s-%s\" is up to date", o->project,
                 o->environment, hash);
    condition_set(status, "Synced", "True", fresh ? "ReleaseCreated" : "ReleaseSynced", text,
                  o->generation, p->now_ms);
    snprintf(text, sizeof(text), "Namespace \"%s\" %s", ns,
             ready ? "is ready" : "has no observed status yet");
    const char *reason = ready ? "NamespaceReady" : "NamespaceProgressing";
    condition_set(status, "NamespaceReady", ready ? "True" : "False", reason, text, o->generation,
                  p->now_ms);
    condition_set(status, "ResourcesReady", "True", "ResourcesReady", "All 0 resource(s) ready",
                  o->generation, p->now_ms);
    condition_set(status, "Ready", ready ? "True" : "False", ready ? "Ready" : reason,
                  ready ? "ProjectReleaseBinding is ready" : text, o->generation, p->now_ms);
    store_set_status(p, o, status);
    if (fresh) {
        agenda_set(p, o, SLOT_RECONCILE, p->now_ms + 60);
        agenda_set(p, o, SLOT_APPLY, p->now_ms + p->options.timing.namespace_new);
    }
}

/* The data-plane namespace goes with the first binding of its kind, with everything in it. */
void project_binding_finalize(struct platform *p, struct object *o)
{
    const struct platform_timing *t = &p->options.timing;
    char ns[64];
    render_data_plane_namespace(o->ns, o->project, o->environment, ns);
    if (o->stage == 0) {
        json_t *status = condition_begin(o);
        condition_set(status, "Finalizing", "True", "Finalizing",
                      "ProjectReleaseBinding is finalizing", o->generation, p->now_ms);
        store_set_status(p, o, status);
        agenda_set(p, o, SLOT_FINALIZE, p->now_ms + 340);
    } else if (o->stage == 1) {
        if (index_find(&p->namespaces, ns) == o) {
            index_remove(&p->namespaces, ns);
            live_remove_namespace(p, ns);
        }
        agenda_set(p, o, SLOT_FINALIZE, p->now_ms + t->delete_prb - 400);
    } else {
        store_remove(p, o);
    }
    o->stage++;
}
