#include "reconciler/engine/fingerprint.h"

#include "config/base/json.h"
#include "reconciler/resource/diff.h"

#include <string.h>

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t of_bytes(const char *bytes, size_t length, uint64_t seed)
{
    uint64_t hash = seed ^ mix((uint64_t)length);
    for (; length >= 8; bytes += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        hash = mix(hash ^ word);
    }
    uint64_t rest = 0;
    memcpy(&rest, bytes, length);
    return mix(hash ^ rest);
}

static uint64_t of_value(const json_t *value);

static uint64_t of_members(const json_t *object, bool annotations)
{
    uint64_t sum = 0x0b1ec7;
    json_t *members = json_unconst(object);
    for (void *i = json_object_iter(members); i != NULL; i = json_object_iter_next(members, i)) {
        const char *key = json_object_iter_key(i);
        if (annotations &&
            (strcmp(key, ANNOTATION_REVISION) == 0 || strcmp(key, ANNOTATION_INTENT) == 0 ||
             strcmp(key, ANNOTATION_DIGEST) == 0))
            continue;
        /* A sum: members come in no particular order. */
        sum += mix(of_bytes(key, strlen(key), 0x6b6579) ^ of_value(json_object_iter_value(i)));
    }
    return mix(sum);
}

static uint64_t of_elements(const json_t *array)
{
    uint64_t hash = 0xa44a7;
    for (size_t i = 0; i < json_array_size(array); i++)
        hash = mix(hash * 31 + of_value(json_array_get(array, i)));
    return hash;
}

static uint64_t of_value(const json_t *value)
{
    if (value == NULL)
        return 1;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return of_members(value, false);
    case JSON_ARRAY:
        return of_elements(value);
    case JSON_STRING:
        return of_bytes(json_string_value(value), json_string_length(value), 0x737472);
    case JSON_INTEGER:
        return mix((uint64_t)json_integer_value(value) ^ 0x696e74);
    case JSON_REAL: {
        const double real = json_real_value(value);
        return of_bytes((const char *)&real, sizeof real, 0x7265616c);
    }
    case JSON_TRUE:
        return 2;
    case JSON_FALSE:
        return 3;
    case JSON_NULL:
        return 4;
    }
    return 5;
}

static uint64_t never_zero(uint64_t hash)
{
    return hash + (hash == 0);
}

uint64_t fingerprint_json(const json_t *value)
{
    return never_zero(of_value(value));
}

uint64_t fingerprint_text(const char *text)
{
    return never_zero(of_bytes(text, strlen(text), 0x747874));
}

uint64_t fingerprint_object(const json_t *object)
{
    const json_t *metadata = json_object_get(object, "metadata");
    uint64_t hash = mix(of_value(json_object_get(metadata, "labels")) + 0x6c);
    hash = mix(hash * 31 + of_members(json_object_get(metadata, "annotations"), true));
    hash = mix(hash * 31 + of_value(json_object_get(object, "spec")));
    hash = mix(hash * 31 + (json_object_get(metadata, "deletionTimestamp") != NULL));
    return never_zero(hash);
}
