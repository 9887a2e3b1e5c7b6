#include "config/base/json.h"
#include "reconciler/resource/diff.h"
#include "reconciler/resource/ownership.h"

#include <stdbool.h>

/* Takes out what we wrote last and no longer want. What others wrote beside it stays. */
static void take_out(json_t *live, const json_t *previous, const json_t *desired)
{
    const char *key;
    json_t *written;
    json_object_foreach(json_unconst(previous), key, written)
    {
        json_t *stands = json_object_get(live, key);
        const json_t *wanted = json_object_get(desired, key);
        if (stands == NULL)
            continue;
        if (json_is_object(written) && json_is_object(stands) &&
            (wanted == NULL || json_is_object(wanted))) {
            take_out(stands, written, wanted);
            if (wanted == NULL && json_object_size(stands) == 0)
                json_object_del(live, key);
        } else if (wanted == NULL) {
            json_object_del(live, key);
        }
    }
}

/* Ours, and what others put there. Owned; NULL without memory. */
static json_t *united(const json_t *wanted, const json_t *stands)
{
    OWNED_JSON *list = json_deep_copy(wanted);
    for (size_t i = 0; list != NULL && i < json_array_size(stands); i++) {
        const json_t *entry = json_array_get(stands, i);
        if (!ownership_list_has(wanted, entry) &&
            json_array_append_new(list, json_deep_copy(entry)) != 0)
            return NULL;
    }
    return TAKE(list);
}

static int lay_over(enum resource_kind kind, enum ownership owned, int depth, json_t *live,
                    const json_t *desired)
{
    const char *key;
    json_t *wanted;
    json_object_foreach(json_unconst(desired), key, wanted)
    {
        json_t *stands = json_object_get(live, key);
        const enum ownership member = ownership_of_member(kind, owned, depth, key);
        int failed = 0;
        if (json_is_null(wanted))
            json_object_del(live, key);
        else if (ownership_is_shared(kind, depth, key))
            failed = json_object_set_new(live, key, united(wanted, stands));
        else if (member == OWNS_NAMED && json_is_object(wanted) && json_is_object(stands))
            failed = lay_over(kind, member, depth + 1, stands, wanted);
        else
            failed = json_object_set_new(live, key, json_deep_copy(wanted));
        if (failed != 0)
            return -1;
    }
    return 0;
}

/* A copy of `live`'s member with ours laid over it; NULL without memory. */
static json_t *merged_member(enum resource_kind kind, const char *key, const json_t *desired,
                             const json_t *previous, const json_t *live)
{
    const json_t *stands = json_object_get(live, key);
    const json_t *wanted = json_object_get(desired, key);
    OWNED_JSON *merged = json_is_object(stands) ? json_deep_copy(stands) : json_object();
    if (merged == NULL)
        return NULL;
    take_out(merged, json_object_get(previous, key), wanted);
    if (wanted != NULL && lay_over(kind, OWNS_NAMED, 0, merged, wanted) != 0)
        return NULL;
    return TAKE(merged);
}

/* Of the metadata, a PUT takes name, labels and annotations. Labels and annotations are plain
 * maps: no kind owns them whole. */
static json_t *merged_metadata(enum resource_kind kind, const json_t *desired,
                               const json_t *previous, const json_t *live)
{
    OWNED_JSON *metadata = json_object();
    const json_t *ours = json_object_get(desired, "metadata");
    const json_t *before = json_object_get(previous, "metadata");
    const json_t *theirs = json_object_get(live, "metadata");
    const json_t *name = json_object_get(ours, "name");
    if (name == NULL)
        name = json_object_get(theirs, "name");
    if (metadata == NULL ||
        (name != NULL && json_object_set_new(metadata, "name", json_deep_copy(name)) != 0))
        return NULL;
    static const char *const maps[] = {"labels", "annotations"};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        json_t *merged = merged_member(kind, maps[i], ours, before, theirs);
        if (merged == NULL || json_object_set_new(metadata, maps[i], merged) != 0)
            return NULL;
        if (json_object_size(merged) == 0)
            json_object_del(metadata, maps[i]);
    }
    return TAKE(metadata);
}

json_t *diff_merge(enum resource_kind kind, const json_t *desired, const json_t *previous,
                   const json_t *live)
{
    OWNED_JSON *body = json_object();
    if (body == NULL ||
        json_object_set_new(body, "metadata", merged_metadata(kind, desired, previous, live)) != 0)
        return NULL;
    if ((json_object_get(desired, "spec") != NULL || json_object_get(live, "spec") != NULL) &&
        json_object_set_new(body, "spec", merged_member(kind, "spec", desired, previous, live)) !=
            0)
        return NULL;
    return TAKE(body);
}
