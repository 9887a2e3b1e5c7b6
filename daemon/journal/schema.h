/* Which version of its tables a file has, and how an older one becomes ours. Blocks on the disk. */
#pragma once

#include "config/base/error.h"

#include <sqlite3.h>

#include <stdbool.h>
#include <stddef.h>

/* Step n makes version n+1 out of version n; the first makes the tables. Only ever appended to. */
struct schema {
    const char *const *steps;
    int version; /* how many */
};
extern const struct schema schema_current;

/* "cell" in ASCII: the application id in the file's header. */
#define SCHEMA_APPLICATION_ID 0x63656c6c

enum schema_state { SCHEMA_EMPTY, SCHEMA_OLDER, SCHEMA_CURRENT };

/* Reads the header; writes nothing. Returns 0; -EBADF when the file is another program's, -ENOTSUP
 * when it is newer than we are (both INVALID); a positive SQLite code otherwise. */
int schema_look(sqlite3 *db, const struct schema *schema, enum schema_state *ret_state,
                int *ret_version, struct error *err) __attribute__((warn_unused_result));

/* Carries out the steps from `version` on, in one transaction. Returns 0 or a positive SQLite code.
 */
int schema_raise(sqlite3 *db, const struct schema *schema, int version)
    __attribute__((warn_unused_result));
