/* The RenderedRelease controller: applies to the data plane, reads back, looks again. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

static void wake_owner(struct platform *p, struct object *o)
{
    if (o->owner != NULL && !o->owner->gone)
        agenda_sooner(p, o->owner, SLOT_RECONCILE, p->now_ms + p->options.timing.status);
}

static void set_applied(struct platform *p, struct object *o, bool ok, const char *message)
{
    json_t *status = condition_begin(o);
    condition_set(status, "ResourcesApplied", ok ? "True" : "False",
                  ok ? "ApplySucceeded" : "ApplyFailed", message, o->generation, p->now_ms);
    store_set_status(p, o, status);
    if (!ok)
        wake_owner(p, o);
}

static bool fails(struct platform *p, struct object *o, char *ret_message, size_t size)
{
    const json_t *first = json_array_get(values_get(o->spec, "resources"), 0);
    const char *ns = values_text(values_get(values_get(first, "object"), "metadata"), "namespace");
    if (first == NULL)
        return false;
    if (index_find(&p->namespaces, ns) == NULL) {
        snprintf(ret_message, size,
                 "Failed to apply resources to target plane: failed to apply resource %s: "
                 "namespaces \"%s\" not found",
                 values_text(first, "id"), ns);
        p->dangers.binding_without_prb++;
        return true;
    }
    if (strlen(o->name) > LABEL_LIMIT) {
        snprintf(
            ret_message, size,
            "Failed to apply resources to target plane: failed to apply resource %s: %s \"%s\" "
            "is invalid: metadata.labels: Invalid value: \"%s\": must be no more than %d bytes",
            values_text(first, "id"), values_text(values_get(first, "object"), "kind"),
            values_text(values_get(values_get(first, "object"), "metadata"), "name"), o->name,
            LABEL_LIMIT);
        return true;
    }
    return false;
}

/* Objects that were rendered before and are not any more. */
static void remove_orphans(struct platform *p, struct object *o)
{
    size_t i, k;
    json_t *old, *now;
    json_array_foreach(o->rendered, i, old)
    {
        bool kept = false;
        json_array_foreach(values_get(o->spec, "resources"), k, now) kept =
            kept || strcmp(values_text(now, "id"), values_text(old, "id")) == 0;
        const json_t *object = values_get(old, "object"), *m = values_get(object, "metadata");
        struct live *live = kept ? NULL
                                 : live_find(p, values_text(m, "namespace"),
                                             values_text(object, "kind"), values_text(m, "name"));
        if (live != NULL && live->rendered == o)
            live_remove(p, live);
    }
    json_decref(o->rendered);
    o->rendered = json_incref(values_get(o->spec, "resources"));
}

static void check_backends(struct platform *p, const json_t *object)
{
    const json_t *m = values_get(object, "metadata");
    size_t i, k;
    json_t *rule, *ref;
    json_array_foreach(values_get(values_get(object, "spec"), "rules"), i, rule)
    {
        json_array_foreach(values_get(rule, "backendRefs"), k, ref)
        {
            if (values_int(ref, "weight", 1) == 0)
                continue;
            const char *ns = values_text(m, "namespace"), *name = values_text(ref, "name");
            const struct live *service = live_find(p, ns, "Service", name);
            if (service == NULL) {
                p->dangers.weight_to_missing++;
                continue;
            }
            const json_t *labels = values_get(values_get(service->wanted, "metadata"), "labels");
            const char *const parts[] = {name, values_text(labels, "openchoreo.dev/environment")};
            char deployment[NAME_SIZE];
            values_name(deployment, sizeof(deployment), 253, parts, 2);
            const struct live *pods = live_find(p, ns, "Deployment", deployment);
            int updated = 0, ready = 0;
            if (pods != NULL)
                live_count(p, pods, &updated, &ready);
            p->dangers.weight_to_unready += pods != NULL && ready == 0;
        }
    }
}

void rendered_apply(struct platform *p, struct object *o)
{
    if (o->deleted_ms >= 0)
        return;
    char message[1024];
    if (fails(p, o, message, sizeof(message))) {
        set_applied(p, o, false, message);
        o->backoff_ms = o->backoff_ms == 0 ? p->options.timing.retry_first : o->backoff_ms * 2;
        if (o->backoff_ms > p->options.timing.retry_limit)
            o->backoff_ms = p->options.timing.retry_limit;
        agenda_set(p, o, SLOT_APPLY, p->now_ms + o->backoff_ms);
        return;
    }
    const bool recovered = o->backoff_ms > 0;
    o->backoff_ms = 0;
    remove_orphans(p, o);
    size_t i;
    json_t *resource;
    json_array_foreach(values_get(o->spec, "resources"), i, resource)
    {
        json_t *object = values_get(resource, "object");
        if (live_apply(p, o, values_text(resource, "id"), object))
            check_backends(p, object);
    }
    set_applied(p, o, true, "All resources applied successfully");
    if (recovered)
        wake_owner(p, o);
    agenda_set(p, o, SLOT_OBSERVE, p->now_ms + p->options.timing.observe);
}

static json_t *read_back(struct platform *p, const struct object *o, const char **ret_worst)
{
    json_t *list = json_array();
    size_t i;
    json_t *resource;
    *ret_worst = "Healthy";
    json_array_foreach(values_get(o->spec, "resources"), i, resource)
    {
        const json_t *object = values_get(resource, "object"), *m = values_get(object, "metadata");
        const struct live *live = live_find(p, values_text(m, "namespace"),
                                            values_text(object, "kind"), values_text(m, "name"));
        const char *health = live == NULL ? "Unknown" : live_health(p, live);
        const char *api = values_text(object, "apiVersion"), *slash = strchr(api, '/');
        json_t *entry = json_pack(
            "{s:s,s:O,s:O,s:O,s:O,s:s}", "healthStatus", health, "id", values_get(resource, "id"),
            "kind", values_get(object, "kind"), "name", values_get(m, "name"), "namespace",
            values_get(m, "namespace"), "version", slash == NULL ? api : slash + 1);
        CHECK(entry != NULL);
        if (slash != NULL)
            json_object_set_new(entry, "group", json_stringn(api, (size_t)(slash - api)));
        json_t *status = live == NULL ? NULL : live_status(p, live);
        if (status != NULL)
            json_object_set_new(entry, "status", status);
        if (strcmp(health, "Healthy") != 0)
            *ret_worst = health;
        json_array_append_new(list, entry);
    }
    return list;
}

void rendered_observe(struct platform *p, struct object *o)
{
    if (o->deleted_ms >= 0)
        return;
    const char *worst;
    json_t *list = read_back(p, o, &worst);
    const bool changed = !json_equal(list, values_get(o->status, "resources"));
    if (changed) {
        json_t *status = condition_begin(o);
        json_object_set(status, "resources", list);
        store_set_status(p, o, status);
        wake_owner(p, o);
    }
    json_decref(list);
    const struct platform_timing *t = &p->options.timing;
    const bool moving = strcmp(worst, "Progressing") == 0 || strcmp(worst, "Degraded") == 0;
    if (changed) /* its own write of the status brings it back at once */
        agenda_set(p, o, SLOT_OBSERVE, p->now_ms + 300);
    else if (strcmp(worst, "Unknown") == 0) /* gone behind its back: each pass applies anew */
        agenda_set(p, o, SLOT_APPLY, p->now_ms + random_jitter(p, t->ready_poll));
    else if (moving)
        agenda_set(p, o, SLOT_OBSERVE, p->now_ms + random_jitter(p, t->ready_poll));
    else if (o->contested)
        agenda_set(p, o, SLOT_APPLY, p->now_ms + random_jitter(p, t->stable_poll));
}

/* Where nothing can be left in a namespace that is gone, nothing has to be waited for. */
void rendered_deleting(struct platform *p, struct object *o)
{
    const json_t *first = json_array_get(values_get(o->spec, "resources"), 0);
    const char *ns = values_text(values_get(values_get(first, "object"), "metadata"), "namespace");
    o->blocked = index_find(&p->namespaces, ns) != NULL;
}

/* Its objects go first, then, a while later, it. */
void rendered_finalize(struct platform *p, struct object *o)
{
    const struct platform_timing *t = &p->options.timing;
    if (o->stage == 0) {
        o->stage = 1;
        size_t i;
        json_t *resource;
        json_array_foreach(o->rendered, i, resource)
        {
            const json_t *object = values_get(resource, "object"),
                         *m = values_get(object, "metadata");
            struct live *live = live_find(p, values_text(m, "namespace"),
                                          values_text(object, "kind"), values_text(m, "name"));
            if (live != NULL && strcmp(live->rendered_uid, o->uid) == 0)
                live_remove(p, live);
        }
        agenda_set(p, o, SLOT_FINALIZE, p->now_ms + (o->blocked ? t->undeploy - 300 : 100));
        return;
    }
    struct object *owner = o->owner;
    store_ref(owner);
    store_remove(p, o);
    if (!owner->gone && owner->deleted_ms < 0)
        agenda_sooner(p, owner, SLOT_RECONCILE, p->now_ms + t->status);
    else if (!owner->gone)
        agenda_sooner(p, owner, SLOT_FINALIZE, p->now_ms + 100);
    store_unref(owner);
}
