/* Looking inside without asking the API. */
#include "config/base/check.h"
#include "tests/platform/live_deployment.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct object *find(const struct platform *p, const char *collection, const char *ns,
                           const char *name)
{
    const enum kind kind = kinds_by_collection(collection, ns != NULL);
    return kind == KIND_RENDERED ? NULL : store_find(p, kind, ns, name);
}

json_t *platform_object(const struct platform *p, const char *collection, const char *ns,
                        const char *name)
{
    const struct object *o = find(p, collection, ns, name);
    return o == NULL ? NULL : store_show(o, 0);
}

json_t *platform_objects(const struct platform *p, const char *collection)
{
    enum kind kind = kinds_by_collection(collection, true);
    if (kind == KIND_RENDERED)
        kind = kinds_by_collection(collection, false);
    json_t *list = json_array();
    if (kind == KIND_RENDERED)
        return list;
    for (size_t i = 0; i < p->kinds[kind].count; i++) {
        const struct object *o = store_at(p, kind, i);
        json_array_append_new(list, json_pack("{s:s,s:s}", "namespace", o->ns, "name", o->name));
    }
    return list;
}

int64_t platform_generation(const struct platform *p, const char *collection, const char *ns,
                            const char *name)
{
    const struct object *o = find(p, collection, ns, name);
    return o == NULL ? 0 : o->generation;
}

bool platform_crash(struct platform *p, const char *ns, const char *component,
                    const char *environment, int64_t now_ms)
{
    platform_advance(p, now_ms);
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "%.150s-%.150s", component, environment);
    struct object *rendered = store_find(p, KIND_RENDERED, ns, name);
    bool any = false;
    for (size_t i = 0; rendered != NULL && i < p->live.count; i++) {
        struct live *live = p->live.entries[i].value;
        if (live->rendered != rendered || live->pod_count == 0)
            continue;
        live_deployment_crash(p, live);
        any = true;
    }
    if (any)
        agenda_sooner(p, rendered, SLOT_OBSERVE, p->now_ms + p->options.timing.observe);
    return any;
}

struct platform_running platform_running(const struct platform *p, const char *ns,
                                         const char *component, const char *environment)
{
    struct platform_running running = {.deployed = false};
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "%.150s-%.150s", component, environment);
    const struct object *rendered = store_find(p, KIND_RENDERED, ns, name);
    size_t i;
    json_t *resource;
    json_array_foreach(rendered == NULL ? NULL : values_get(rendered->spec, "resources"), i,
                       resource)
    {
        const json_t *object = values_get(resource, "object"), *m = values_get(object, "metadata");
        const char *kind = values_text(object, "kind");
        const struct live *live =
            live_find(p, values_text(m, "namespace"), kind, values_text(m, "name"));
        if (live == NULL || live->rendered != rendered)
            continue;
        running.deployed = true;
        if (strcmp(kind, "Deployment") != 0)
            continue;
        running.generation = live->generation;
        running.wanted = live_wanted(live);
        running.pod_restarts = live->restarts;
        live_count(p, live, &running.updated, &running.ready);
        const json_t *containers =
            json_at(live->wanted, "spec", "template", "spec", "containers", NULL);
        snprintf(running.image, sizeof(running.image), "%s",
                 values_text(json_array_get(containers, 0), "image"));
    }
    return running;
}

void platform_image_rule(struct platform *p, const char *glob, enum platform_image_kind kind,
                         int64_t delay_ms)
{
    struct image_rule *all = realloc(p->images, (p->image_count + 1) * sizeof(*all));
    CHECK(all != NULL);
    p->images = all;
    memmove(&all[1], &all[0], p->image_count++ * sizeof(*all)); /* the newest rule wins */
    all[0] = (struct image_rule){values_copy_text(glob), kind, delay_ms};
}

bool platform_tamper(struct platform *p, const char *collection, const char *ns, const char *name,
                     const json_t *patch, int64_t now_ms)
{
    platform_advance(p, now_ms);
    struct object *o = find(p, collection, ns, name);
    if (o == NULL)
        return false;
    const int64_t before = o->generation;
    json_t *parts = json_pack("{s:O*,s:O*,s:O}", "labels", o->labels, "annotations", o->annotations,
                              "spec", o->spec);
    json_t *changed = values_copy(parts);
    values_merge(changed, patch);
    store_replace(p, o, json_incref(values_get(changed, "spec")),
                  json_incref(values_get(changed, "labels")),
                  json_incref(values_get(changed, "annotations")));
    json_decref(parts);
    json_decref(changed);
    controllers_changed(p, o, o->generation != before);
    return true;
}
