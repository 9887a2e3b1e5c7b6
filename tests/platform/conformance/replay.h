/* Replays recordings against one model, in the order in which they were made. */
#pragma once

#include "tests/platform/model.h"

#include <stdbool.h>
#include <stddef.h>

struct replay;

struct replay_result {
    unsigned exchanges, matched, excepted, failed;
};

/* verbose: print each failure's differences. */
struct replay *replay_new(bool verbose);
struct replay *replay_free(struct replay *replay);

/* `name` is the file's prefix ("03b"), `path` the file. False when it cannot be read. */
bool replay_file(struct replay *replay, const char *name, const char *path,
                 struct replay_result *ret_result);

/* Rows of the table of exceptions that were never needed; prints them. */
unsigned replay_unused_exceptions(const struct replay *replay, bool with_optional_files);
