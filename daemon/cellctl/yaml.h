/* JSON values as YAML, through libyaml's emitter. */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stdio.h>

/* One document with "---" before it, read back to the same value by any YAML 1.2 reader. Returns 0,
 * -EIO or -ENOMEM. */
int yaml_write(FILE *file, const json_t *value, bool unicode) __attribute__((warn_unused_result));
