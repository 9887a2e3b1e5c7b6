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
