#include "tests/reconciler/data.h"

#include <criterion/criterion.h>

#include <stdio.h>

json_t *data_load(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", TEST_DATA_DIR, name);
    json_error_t problem;
    json_t *value = json_load_file(path, 0, &problem);
    cr_assert_not_null(value, "%s:%d: %s", path, problem.line, problem.text);
    return value;
}

uint64_t data_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

void data_disturb(json_t *value, uint64_t *seed)
{
    if (json_is_object(value) && json_object_size(value) > 0) {
        size_t at = (size_t)(data_random(seed) % json_object_size(value));
        const char *key;
        json_t *member;
        json_object_foreach(value, key, member)
        {
            if (at-- != 0)
                continue;
            switch (data_random(seed) % 4) {
            case 0:
                json_object_set_new(value, key, json_string("disturbed"));
                return;
            case 1:
                json_object_del(value, key);
                return;
            case 2:
                json_object_set_new(value, "added", json_integer(7));
                return;
            default:
                data_disturb(member, seed);
                return;
            }
        }
    } else if (json_is_array(value) && json_array_size(value) > 0) {
        if (data_random(seed) % 2 == 0)
            json_array_remove(value, 0);
        else
            data_disturb(json_array_get(value, 0), seed);
    }
}
