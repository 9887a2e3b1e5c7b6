/* One SQLite connection with every setting said aloud. It is the only one: exclusive locking keeps
 * others out (and with them a fault of this SQLite, where two connections that fold the log back at
 * one moment can damage the file). Blocks on the disk. */
#pragma once

#include "config/base/error.h"

#include <sqlite3.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection_limits {
    size_t value_bytes;
    uint64_t file_bytes;
    uint32_t check_ms;
};

/* All return SQLITE_OK or SQLite's extended code, where nothing else is said. */

/* Opens for looking: changes nothing in the file yet. */
int connection_open(const char *path, const struct connection_limits *limits, sqlite3 **ret_db)
    __attribute__((warn_unused_result));

/* Sets what lasts in the file (write-ahead log, page return) and takes the exclusive lock. */
int connection_prepare(sqlite3 *db, const struct connection_limits *limits)
    __attribute__((warn_unused_result));

/* Checks the structure of the whole file; *ret_whole is false when the time was too short. */
int connection_check(sqlite3 *db, const struct connection_limits *limits, bool *ret_whole)
    __attribute__((warn_unused_result));

int connection_run(sqlite3 *db, const char *sql) __attribute__((warn_unused_result));

/* A value of the table `about`; "" when it is not there. */
int connection_get(sqlite3 *db, const char *name, char *ret_value, size_t size)
    __attribute__((warn_unused_result));
int connection_set(sqlite3 *db, const char *name, const char *value)
    __attribute__((warn_unused_result));

/* Writes a durable copy of the file to `path`, which must not exist. */
int connection_copy(sqlite3 *db, const char *path) __attribute__((warn_unused_result));

/* Folds the log back and returns free pages. Failure costs space only. */
void connection_fold(sqlite3 *db);

uint64_t connection_bytes(sqlite3 *db);

/* Accepts NULL; returns NULL. */
sqlite3 *connection_close(sqlite3 *db);

/* SQLite's code as ours: "cannot <what>: ...". `db` may be NULL. */
int connection_error(sqlite3 *db, int result, const char *what, struct error *err);
