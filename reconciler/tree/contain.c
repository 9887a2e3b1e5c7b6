#include "reconciler/tree/contain.h"

#include "config/base/json.h"
#include "reconciler/resource/ownership.h"
#include "reconciler/resource/quantity.h"

#include <string.h>

struct step {
    const struct step *above;
    const char *key; /* NULL: an index */
    size_t index;
};

static bool contain(const struct step *step, const json_t *rendered, const json_t *live,
                    struct text *out);

static bool key_is(const struct step *step, const char *key)
{
    return step != NULL && step->key != NULL && strcmp(step->key, key) == 0;
}

static void add_path(const struct step *step, struct text *out)
{
    if (step == NULL)
        return;
    add_path(step->above, out);
    if (step->key == NULL)
        text_format(out, "/%zu", step->index);
    else
        text_format(out, "/%s", step->key);
}

static bool differs(const struct step *step, struct text *out)
{
    if (out != NULL)
        add_path(step, out);
    return false;
}

/* --- scalars -------------------------------------------------------------------------------- */

static bool is_amount(const struct step *step)
{
    static const char *const keys[] = {"cpu",       "memory",       "storage", "ephemeral-storage",
                                       "sizeLimit", "averageValue", "divisor"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (key_is(step, keys[i]))
            return true;
    return step != NULL && (key_is(step->above, "limits") || key_is(step->above, "requests"));
}

static bool scalars_equal(const struct step *step, const json_t *rendered, const json_t *live)
{
    if (json_is_number(rendered) && json_is_number(live)) {
        const double a = json_number_value(rendered), b = json_number_value(live);
        return !(a < b) && !(a > b);
    }
    if (json_equal(rendered, live) == 1)
        return true;
    const char *a = json_string_value(rendered), *b = json_string_value(live);
    return a != NULL && b != NULL && is_amount(step) && quantity_equal(a, b);
}

/* --- lists ---------------------------------------------------------------------------------- */

/* The member that identifies an entry of a list that Kubernetes merges; NULL = the list is one
 * value. */
static const char *merge_key(const struct step *step)
{
    static const char *const keys[][2] = {
        {"containers", "name"}, {"initContainers", "name"},      {"env", "name"},
        {"volumes", "name"},    {"volumeMounts", "mountPath"},   {"imagePullSecrets", "name"},
        {"hostAliases", "ip"},  {"volumeDevices", "devicePath"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (key_is(step, keys[i][0]))
            return keys[i][1];
    return NULL;
}

static const json_t *find_entry(const json_t *list, const char *key, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        if (json_equal(json_object_get(entry, key), value) == 1)
            return entry;
    }
    return NULL;
}

static bool contain_list(const struct step *step, const json_t *rendered, const json_t *live,
                         struct text *out)
{
    const char *key = merge_key(step);
    const size_t count = json_array_size(rendered);
    if (count > 0 && !json_is_array(live))
        return differs(step, out);
    if (key == NULL && count != json_array_size(live))
        return differs(step, out);
    for (size_t i = 0; i < count; i++) {
        const struct step entry = {.above = step, .index = i};
        const json_t *wanted = json_array_get(rendered, i);
        const json_t *identity = key == NULL ? NULL : json_object_get(wanted, key);
        const json_t *stands =
            identity == NULL ? json_array_get(live, i) : find_entry(live, key, identity);
        if (stands == NULL ? !differs(&entry, out) : !contain(&entry, wanted, stands, out))
            return false;
    }
    return true;
}

/* --- objects -------------------------------------------------------------------------------- */

/* The object's own metadata and status are not rendered content; its version may be another one
 * that the same kind is served in. Labels of a pod template follow the object's. */
static bool is_skipped(const struct step *step, const char *key)
{
    if (step == NULL)
        return strcmp(key, "metadata") == 0 || strcmp(key, "status") == 0 ||
               strcmp(key, "apiVersion") == 0 || strcmp(key, "stringData") == 0;
    return key_is(step, "metadata") && strcmp(key, "labels") == 0;
}

static bool contain(const struct step *step, const json_t *rendered, const json_t *live,
                    struct text *out)
{
    if (json_is_object(rendered) && (live == NULL || json_is_object(live))) {
        const char *key;
        json_t *value;
        json_object_foreach(json_unconst(rendered), key, value)
        {
            const struct step member = {.above = step, .key = key};
            if (!is_skipped(step, key) && !contain(&member, value, json_object_get(live, key), out))
                return false;
        }
        return true;
    }
    if (live == NULL)
        return ownership_value_is_empty(rendered) || differs(step, out);
    if (json_is_array(rendered))
        return contain_list(step, rendered, live, out);
    return json_is_null(rendered) || scalars_equal(step, rendered, live) || differs(step, out);
}

bool contain_object(const json_t *rendered, const json_t *live, struct text *out)
{
    return contain(NULL, rendered, live, out);
}
