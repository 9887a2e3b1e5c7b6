/* Resources and their bindings: only as far as a client that does not use them can see. */
#include "tests/platform/state.h"

#include <stdio.h>

void resource_reconcile(struct platform *p, struct object *o)
{
    if (o->kind != KIND_RESOURCE)
        return;
    char hash[16], name[NAME_SIZE];
    values_hash_json(o->spec, 10, hash);
    snprintf(name, sizeof(name), "%.300s-%s", o->name, hash);
    if (store_find(p, KIND_RESOURCE_RELEASE, o->ns, name) == NULL)
        store_add(p, KIND_RESOURCE_RELEASE, o->ns, name, NULL, NULL, values_copy(o->spec));
    json_t *status = condition_begin(o);
    json_object_set_new(status, "latestRelease",
                        json_pack("{s:s,s:s}", "name", name, "hash", hash));
    condition_set(status, "Ready", "True", "Reconciled", "Resource is ready", o->generation,
                  p->now_ms);
    store_set_status(p, o, status);
}
