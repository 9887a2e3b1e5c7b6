#include "config/base/json.h"
#include "reconciler/rollout/machine.h"

#include <string.h>

void rollout_content_copy(struct rollout_content *content, const struct rollout_content *source)
{
    const struct rollout_content old = *content;
    *content = *source;
    for (size_t i = 0; i < 2; i++)
        (void)packed_ref(content->slot_spec[i]);
    (void)packed_ref(content->route_spec);
    (void)packed_ref(content->endpoints);
    (void)packed_ref(content->needs);
    (void)packed_ref(content->secrets);
    struct rollout_content gone = old;
    rollout_content_fini(&gone);
}

void rollout_content_fini(struct rollout_content *content)
{
    for (size_t i = 0; i < 2; i++)
        (void)packed_unref(content->slot_spec[i]);
    (void)packed_unref(content->route_spec);
    (void)packed_unref(content->endpoints);
    (void)packed_unref(content->needs);
    (void)packed_unref(content->secrets);
    *content = (struct rollout_content){0};
}

bool content_is(const struct rollout_content *content, const char *deployment_digest)
{
    return strcmp(content->deployment_digest, deployment_digest) == 0;
}

static bool same_json(const json_t *a, const json_t *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return json_equal(a, b) == 1;
}

bool content_refresh(struct rollout_content *content, const struct rollout_content *wanted)
{
    if (packed_equal(content->slot_spec[0], wanted->slot_spec[0]) &&
        packed_equal(content->slot_spec[1], wanted->slot_spec[1]) &&
        packed_equal(content->route_spec, wanted->route_spec) &&
        strcmp(content->route_digest, wanted->route_digest) == 0)
        return false;
    const int64_t baked = content->baked_wall_ms;
    const char slot = content->slot;
    const bool unproven = content->unproven, accepted = content->accepted;
    rollout_content_copy(content, wanted);
    content->baked_wall_ms = baked;
    content->unproven = unproven;
    content->accepted = accepted;
    content->slot = slot;
    return true;
}

/* What a request meets: changing one of these under a route that still has the old value fails. */
static bool endpoint_moved(const json_t *from, const json_t *to)
{
    static const char *const met[] = {"type", "port", "targetPort", "basePath"};
    for (size_t i = 0; i < sizeof(met) / sizeof(met[0]); i++) {
        if (!same_json(json_object_get(from, met[i]), json_object_get(to, met[i])))
            return true;
    }
    return false;
}

enum content_change content_change(const struct rollout_content *from,
                                   const struct rollout_content *to)
{
    OWNED_JSON *before = packed_open(from->endpoints);
    OWNED_JSON *after = packed_open(to->endpoints);
    if ((before == NULL) != (from->endpoints == NULL) || (after == NULL) != (to->endpoints == NULL))
        return CHANGE_FLIP; /* no memory to look: the way that is safe for every change */
    bool removed = false, added = false;
    const char *name;
    json_t *endpoint;
    json_object_foreach(before, name, endpoint)
    {
        const json_t *other = json_object_get(after, name);
        if (other == NULL)
            removed = true;
        else if (endpoint_moved(endpoint, other))
            return CHANGE_FLIP;
        else if (!same_json(endpoint, other))
            added = true;
    }
    json_object_foreach(after, name, endpoint)
    {
        if (json_object_get(before, name) == NULL)
            added = true;
    }
    if (removed && added)
        return CHANGE_FLIP;
    if (removed)
        return CHANGE_NARROW;
    if (added)
        return CHANGE_WIDER;
    /* The same endpoints by a newer release of the route: it comes first, for what the steps ask of
     * it. */
    return strcmp(from->route_digest, to->route_digest) != 0 ? CHANGE_NARROW : CHANGE_NONE;
}
