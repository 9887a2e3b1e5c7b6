/* Small files, opened and read without trusting what lies at the path: a pipe cannot hold us up, a
 * device is not read, and a file is as large as allowed at most. Blocks on disk, shortly. */
#pragma once

#include "config/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct file_terms {
    const char *what; /* before the path in messages: "credential "; NULL = nothing */
    size_t limit;     /* bytes */
    unsigned denied;  /* permission bits that it must not have; 0 = any will do */
    bool no_link;     /* the path itself must not be a symbolic link */
};

/* Returns 0 and owned bytes with a NUL behind them; ERR_LIMIT (too large), ERR_INVALID (no regular
 * file, or open to others), -ENOMEM, or the errno of the call that failed. Bytes that are not given
 * out are wiped. */
int file_read(const char *path, const struct file_terms *terms, char **ret_bytes,
              size_t *ret_length, struct error *err) __attribute__((warn_unused_result));
