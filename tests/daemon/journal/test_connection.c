/* Every setting of the journal's one connection is what it says aloud: bad input D9. */
#include "daemon/journal/connection.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct connection_limits limits = {
    .value_bytes = 65536, .file_bytes = UINT64_C(64) << 20, .check_ms = 1000};

static long long asked(sqlite3 *db, const char *pragma, char *ret_text, size_t size)
{
    char sql[64];
    sqlite3_stmt *statement = NULL;
    (void)snprintf(sql, sizeof(sql), "PRAGMA %s", pragma);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK, "%s", pragma);
    cr_assert_eq(sqlite3_step(statement), SQLITE_ROW, "%s", pragma);
    (void)snprintf(ret_text, size, "%s", (const char *)sqlite3_column_text(statement, 0));
    const long long value = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return value;
}

Test(journal_connection, its_settings_are_said_aloud)
{
    static const struct {
        const char *pragma, *text;
    } rows[] = {
        {"journal_mode", "wal"},       {"synchronous", "2"},     {"trusted_schema", "0"},
        {"cell_size_check", "1"},      {"mmap_size", "0"},       {"foreign_keys", "1"},
        {"locking_mode", "exclusive"}, {"busy_timeout", "2000"}, {"max_page_count", "16384"},
    };
    char directory[] = "/tmp/celld-connection-XXXXXX", path[64], text[64];
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/journal", directory);
    const int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    sqlite3 *db = NULL;
    cr_assert_eq(connection_open(path, &limits, &db), SQLITE_OK);
    cr_assert_eq(connection_prepare(db, &limits), SQLITE_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)asked(db, rows[i].pragma, text, sizeof(text));
        cr_expect_str_eq(text, rows[i].text, "%s", rows[i].pragma);
    }
    int defensive = 0, extensions = 1;
    cr_expect_eq(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, -1, &defensive), SQLITE_OK);
    cr_expect_eq(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, -1, &extensions),
                 SQLITE_OK);
    cr_expect_eq(defensive, 1);
    cr_expect_eq(extensions, 0);
    cr_expect_eq(sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, -1), 8192);
    cr_expect_eq(sqlite3_limit(db, SQLITE_LIMIT_LENGTH, -1), 65536 + 4096);
    cr_expect_gt(sqlite3_hard_heap_limit64(-1), 0);
    db = connection_close(db);
    (void)unlink(path);
    char log[80];
    (void)snprintf(log, sizeof(log), "%s-wal", path);
    (void)unlink(log);
    cr_expect_eq(rmdir(directory), 0);
}
