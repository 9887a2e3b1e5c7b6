#include "daemon/journal/schema.h"

#include <errno.h>
#include <stdio.h>

static const char first[] =
    /* The newest value of each key. */
    "CREATE TABLE entry ("
    "  key TEXT PRIMARY KEY NOT NULL,"
    "  sequence INTEGER NOT NULL,"
    "  value TEXT NOT NULL,"
    "  crc INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    /* Written with every commit: a row that is lost or comes back is seen. */
    "CREATE TABLE tally ("
    "  one INTEGER PRIMARY KEY CHECK (one = 1),"
    "  last_sequence INTEGER NOT NULL,"
    "  entries INTEGER NOT NULL,"
    "  mix INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO tally VALUES (1, 0, 0, 0);"
    "CREATE TABLE about ("
    "  name TEXT PRIMARY KEY NOT NULL,"
    "  value TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;";

static const char *const steps[] = {first};
const struct schema schema_current = {
    .steps = steps,
    .version = (int)(sizeof(steps) / sizeof(steps[0])),
};

static int read_number(sqlite3 *db, const char *sql, int *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            *ret_number = sqlite3_column_int(statement, 0);
            result = SQLITE_OK;
        }
    }
    (void)sqlite3_finalize(statement);
    return result;
}

int schema_look(sqlite3 *db, const struct schema *schema, enum schema_state *ret_state,
                int *ret_version, struct error *err)
{
    int application = 0;
    int version = 0;
    int tables = 0;
    int result = read_number(db, "PRAGMA application_id", &application);
    if (result == SQLITE_OK)
        result = read_number(db, "PRAGMA user_version", &version);
    if (result == SQLITE_OK)
        result = read_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (result != SQLITE_OK)
        return result;
    const bool empty = application == 0 && version == 0 && tables == 0;
    if (!empty && application != SCHEMA_APPLICATION_ID)
        return error_set(err, ERROR_INVALID, -EBADF,
                         "journal.db was not written by celld (application id %#x); move it away "
                         "or set another state directory",
                         (unsigned)application);
    if (version > schema->version)
        return error_set(err, ERROR_INVALID, -ENOTSUP,
                         "journal.db was written by a newer celld (version %d, this one knows %d); "
                         "install that one again, or move the file away",
                         version, schema->version);
    *ret_version = version;
    *ret_state = empty ? SCHEMA_EMPTY : version < schema->version ? SCHEMA_OLDER : SCHEMA_CURRENT;
    return 0;
}

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int schema_raise(sqlite3 *db, const struct schema *schema, int version)
{
    int result = run(db, "BEGIN IMMEDIATE");
    for (int i = version; i < schema->version && result == SQLITE_OK; i++)
        result = run(db, schema->steps[i]);
    char header[96];
    (void)snprintf(header, sizeof(header), "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   SCHEMA_APPLICATION_ID, schema->version);
    if (result == SQLITE_OK)
        result = run(db, header);
    if (result == SQLITE_OK)
        result = run(db, "COMMIT");
    if (result != SQLITE_OK && sqlite3_get_autocommit(db) == 0)
        (void)run(db, "ROLLBACK");
    return result;
}
