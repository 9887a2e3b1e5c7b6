#include "reconciler/resource/diff.h"

#include "config/base/error.h"
#include "config/base/json.h"
#include "config/base/time.h"
#include "reconciler/resource/ownership.h"
#include "reconciler/resource/quantity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where the comparison stands: a chain from the innermost step outwards. */
struct place {
    const struct place *above;
    const char *key; /* NULL: an index */
    size_t index;
};

struct comparison {
    enum resource_kind kind;
    struct difference *out;
    int status;
};

#define POINTER_LIMIT 65536

/* --- pointers ------------------------------------------------------------------------------- */

static void add_place(struct text *out, const struct place *place)
{
    if (place == NULL)
        return;
    add_place(out, place->above);
    text_add_char(out, '/');
    if (place->key == NULL) {
        text_format(out, "%zu", place->index);
        return;
    }
    for (const char *c = place->key; *c != '\0'; c++)
        if (*c == '~')
            text_add(out, "~0");
        else if (*c == '/')
            text_add(out, "~1");
        else
            text_add_char(out, *c);
}

static void report(struct comparison *comparison, const struct place *place, const json_t *desired,
                   const json_t *live)
{
    struct difference *out = comparison->out;
    if (comparison->status != 0)
        return;
    if (out->count == DIFFERENCE_LIMIT) {
        out->dropped++;
        return;
    }
    if (out->items == NULL)
        out->items = calloc(DIFFERENCE_LIMIT, sizeof *out->items);
    if (out->items == NULL) {
        comparison->status = -ENOMEM;
        return;
    }
    OWNED_TEXT pointer;
    text_init(&pointer, POINTER_LIMIT);
    add_place(&pointer, place);
    /* A path of absurd length comes from outside: the difference counts without it. */
    const bool too_long = text_status(&pointer) == ERR_LIMIT;
    struct field_difference item = {
        .pointer = too_long ? strdup("/...") : text_take(&pointer),
        .desired = desired == NULL ? NULL : json_deep_copy(desired),
        .live = live == NULL ? NULL : json_deep_copy(live),
    };
    if (item.pointer == NULL || (desired != NULL && item.desired == NULL) ||
        (live != NULL && item.live == NULL))
        comparison->status = -ENOMEM;
    out->items[out->count++] = item;
}

/* --- values --------------------------------------------------------------------------------- */

static bool key_is_one_of(const char *key, const char *const *names, size_t count)
{
    for (size_t i = 0; key != NULL && i < count; i++)
        if (strcmp(key, names[i]) == 0)
            return true;
    return false;
}

static bool strings_equal(const char *key, const char *a, const char *b)
{
    static const char *const quantities[] = {"cpu", "memory", "ephemeral-storage", "storage"};
    static const char *const durations[] = {"refreshInterval", "ttlAfterCompletion"};
    if (strcmp(a, b) == 0)
        return true;
    if (key_is_one_of(key, quantities, sizeof quantities / sizeof quantities[0]))
        return quantity_equal(a, b);
    struct duration left, right;
    return key_is_one_of(key, durations, sizeof durations / sizeof durations[0]) &&
           duration_parse(a, &left) == 0 && duration_parse(b, &right) == 0 && left.ms == right.ms;
}

static bool scalars_equal(const char *key, const json_t *desired, const json_t *live)
{
    if (json_is_string(desired) && json_is_string(live))
        return strings_equal(key, json_string_value(desired), json_string_value(live));
    if (json_is_number(desired) && json_is_number(live)) {
        if (json_is_integer(desired) && json_is_integer(live))
            return json_integer_value(desired) == json_integer_value(live);
        const double a = json_number_value(desired), b = json_number_value(live);
        return !(a < b) && !(a > b);
    }
    return json_equal(desired, live) == 1;
}

static void compare(struct comparison *comparison, const struct place *place, int depth,
                    enum ownership owned, const json_t *desired, const json_t *live);

/* What stands live in an object that is owned whole, and is not wanted. */
static void compare_surplus(struct comparison *comparison, const struct place *place,
                            enum ownership owned, const json_t *desired, const json_t *live)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_unconst(live), key, value)
    {
        if (json_object_get(desired, key) != NULL || json_is_null(value))
            continue;
        if (owned == OWNS_WHOLE &&
            (ownership_value_is_empty(value) || ownership_value_is_default(key, value)))
            continue;
        const struct place member = {.above = place, .key = key};
        report(comparison, &member, NULL, value);
    }
}

static bool has_all(const json_t *desired, const json_t *live)
{
    for (size_t i = 0; i < json_array_size(desired); i++)
        if (!ownership_list_has(live, json_array_get(desired, i)))
            return false;
    return true;
}

static void compare_objects(struct comparison *comparison, const struct place *place, int depth,
                            enum ownership owned, const json_t *desired, const json_t *live)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_unconst(desired), key, value)
    {
        const struct place member = {.above = place, .key = key};
        if (ownership_is_shared(comparison->kind, depth, key)) {
            if (!has_all(value, json_object_get(live, key)))
                report(comparison, &member, value, json_object_get(live, key));
            continue;
        }
        compare(comparison, &member, depth + 1,
                ownership_of_member(comparison->kind, owned, depth, key), value,
                json_object_get(live, key));
    }
    if (owned != OWNS_NAMED && live != NULL)
        compare_surplus(comparison, place, owned, desired, live);
}

static void compare_arrays(struct comparison *comparison, const struct place *place, int depth,
                           enum ownership owned, const json_t *desired, const json_t *live)
{
    const size_t count = json_array_size(desired);
    if (count != json_array_size(live)) {
        report(comparison, place, desired, live);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct place element = {.above = place, .index = i};
        compare(comparison, &element, depth + 1, owned == OWNS_RAW ? OWNS_RAW : OWNS_WHOLE,
                json_array_get(desired, i), json_array_get(live, i));
    }
}

static void compare(struct comparison *comparison, const struct place *place, int depth,
                    enum ownership owned, const json_t *desired, const json_t *live)
{
    if (json_is_object(desired) && (live == NULL || json_is_object(live))) {
        compare_objects(comparison, place, depth, owned, desired, live);
        return;
    }
    if (json_is_array(desired) && (live == NULL || json_is_array(live))) {
        compare_arrays(comparison, place, depth, owned, desired, live);
        return;
    }
    if (live == NULL) {
        const bool dropped = owned == OWNS_RAW
                                 ? json_is_null(desired)
                                 : ownership_value_is_empty(desired) ||
                                       ownership_value_is_default(place->key, desired);
        if (!dropped)
            report(comparison, place, desired, NULL);
        return;
    }
    if (json_is_null(desired) ? !ownership_value_is_empty(live)
                              : !scalars_equal(place->key, desired, live))
        report(comparison, place, desired, live);
}

static void compare_metadata(struct comparison *comparison, const char *what, const json_t *desired,
                             const json_t *live)
{
    const struct place metadata = {.key = "metadata"};
    const struct place map = {.above = &metadata, .key = what};
    const json_t *stands = json_at(live, "metadata", what, NULL);
    const char *key;
    json_t *value;
    json_object_foreach(json_unconst(json_at(desired, "metadata", what, NULL)), key, value)
    {
        const json_t *has = json_object_get(stands, key);
        const struct place member = {.above = &map, .key = key};
        if (object_annotation_is_note(key) || (has == NULL && ownership_value_is_empty(value)))
            continue;
        if (has == NULL || json_equal(has, value) != 1)
            report(comparison, &member, value, has);
    }
}

int diff_object(enum resource_kind kind, const json_t *desired, const json_t *live,
                struct difference *ret_difference)
{
    struct difference difference = {0};
    struct comparison comparison = {.kind = kind, .out = &difference};
    const json_t *spec = json_object_get(desired, "spec");
    const struct place place = {.key = "spec"};

    compare_metadata(&comparison, "labels", desired, live);
    compare_metadata(&comparison, "annotations", desired, live);
    if (spec != NULL)
        compare(&comparison, &place, 0, OWNS_NAMED, spec, json_object_get(live, "spec"));
    if (comparison.status != 0) {
        difference_fini(&difference);
        return comparison.status;
    }
    *ret_difference = difference;
    return 0;
}

void difference_fini(struct difference *difference)
{
    for (size_t i = 0; i < difference->count; i++) {
        free(difference->items[i].pointer);
        json_decref(difference->items[i].desired);
        json_decref(difference->items[i].live);
    }
    free(difference->items);
    *difference = (struct difference){0};
}
