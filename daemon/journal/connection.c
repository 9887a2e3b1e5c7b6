#include "daemon/journal/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Memory that SQLite may use in this process; the journal is its only user. */
#define HEAP_BYTES (INT64_C(96) << 20)
#define PAGE_BYTES 4096
#define BUSY_MS 2000

int connection_run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void set_limits(sqlite3 *db, const struct connection_limits *limits)
{
    const size_t longest = limits->value_bytes + 4096;
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, longest > INT_MAX ? INT_MAX : (int)longest);
    (void)sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 8192);
    (void)sqlite3_limit(db, SQLITE_LIMIT_COLUMN, 16);
    (void)sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 16);
    (void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 1); /* VACUUM INTO needs one */
    (void)sqlite3_limit(db, SQLITE_LIMIT_VARIABLE_NUMBER, 8);
    (void)sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
    (void)sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
}

static void harden(sqlite3 *db)
{
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    /* A file that we refuse stays as it is; ours is folded back by connection_fold(). */
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

int connection_open(const char *path, const struct connection_limits *limits, sqlite3 **ret_db)
{
    (void)sqlite3_hard_heap_limit64(HEAP_BYTES);
    sqlite3 *db = NULL;
    int result = sqlite3_open_v2(path, &db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                     SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE,
                                 NULL);
    if (result != SQLITE_OK) {
        (void)sqlite3_close_v2(db);
        return result;
    }
    harden(db);
    set_limits(db, limits);
    (void)sqlite3_busy_timeout(db, BUSY_MS);
    /* Exclusive before the first read: the index of the log then lives in our memory, and a
     * leftover or missing -shm file means nothing. */
    result = connection_run(db, "PRAGMA locking_mode = EXCLUSIVE;"
                                "PRAGMA cell_size_check = ON;"
                                "PRAGMA mmap_size = 0;"
                                "PRAGMA foreign_keys = ON;"
                                "PRAGMA trusted_schema = OFF;"
                                "PRAGMA temp_store = MEMORY;"
                                "PRAGMA cache_size = -128;");
    if (result != SQLITE_OK) {
        (void)sqlite3_close_v2(db);
        return result;
    }
    *ret_db = db;
    return SQLITE_OK;
}

static int first_text(sqlite3 *db, const char *sql, char *ret_text, size_t size)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            const char *text = (const char *)sqlite3_column_text(statement, 0);
            (void)snprintf(ret_text, size, "%s", text == NULL ? "" : text);
            result = SQLITE_OK;
        }
    }
    const int finished = sqlite3_finalize(statement);
    return result == SQLITE_OK ? finished : result;
}

int connection_prepare(sqlite3 *db, const struct connection_limits *limits)
{
    char mode[16] = "";
    int result = connection_run(db, "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL");
    if (result == SQLITE_OK)
        result = first_text(db, "PRAGMA journal_mode = WAL", mode, sizeof(mode));
    if (result == SQLITE_OK && strcmp(mode, "wal") != 0)
        result = SQLITE_CANTOPEN;
    char sql[192];
    (void)snprintf(sql, sizeof(sql),
                   "PRAGMA synchronous = FULL;"
                   "PRAGMA wal_autocheckpoint = 1000;"
                   "PRAGMA journal_size_limit = 4194304;"
                   "PRAGMA max_page_count = %llu;"
                   "BEGIN EXCLUSIVE; COMMIT",
                   (unsigned long long)(limits->file_bytes / PAGE_BYTES));
    return result == SQLITE_OK ? connection_run(db, sql) : result;
}

static int64_t mono_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int is_late(void *context)
{
    const int64_t *deadline = context;
    return mono_ms() > *deadline;
}

/* A page that could not be read is told among the findings, as text with SQLite's code: the disk
 * failed then, and the file may be whole. */
static int result_of(const char *verdict)
{
    static const char words[] = "error code=";
    if (strcmp(verdict, "ok") == 0)
        return SQLITE_OK;
    const char *found = strstr(verdict, words);
    const long code = found == NULL ? 0 : strtol(found + sizeof(words) - 1, NULL, 10);
    return code > 0 && code < 65536 ? (int)code : SQLITE_CORRUPT;
}

int connection_check(sqlite3 *db, const struct connection_limits *limits, bool *ret_whole)
{
    int64_t deadline = mono_ms() + limits->check_ms;
    char verdict[256] = "";
    sqlite3_progress_handler(db, 10000, is_late, &deadline);
    const int result = first_text(db, "PRAGMA quick_check(1)", verdict, sizeof(verdict));
    sqlite3_progress_handler(db, 0, NULL, NULL);
    *ret_whole = result != SQLITE_INTERRUPT;
    if (result == SQLITE_INTERRUPT)
        return SQLITE_OK;
    return result == SQLITE_OK ? result_of(verdict) : result;
}

int connection_get(sqlite3 *db, const char *name, char *ret_value, size_t size)
{
    sqlite3_stmt *statement = NULL;
    ret_value[0] = '\0';
    int result =
        sqlite3_prepare_v2(db, "SELECT value FROM about WHERE name = ?1", -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
        const char *text =
            result == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
        if (text != NULL)
            (void)snprintf(ret_value, size, "%s", text);
        if (result == SQLITE_ROW || result == SQLITE_DONE)
            result = SQLITE_OK;
    }
    (void)sqlite3_finalize(statement);
    return result;
}

int connection_set(sqlite3 *db, const char *name, const char *value)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO about VALUES (?1, ?2)", -1,
                                    &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
        if (result == SQLITE_DONE)
            result = SQLITE_OK;
    }
    const int finished = sqlite3_finalize(statement);
    return result == SQLITE_OK ? finished : result;
}

static int sync_file(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return SQLITE_CANTOPEN;
    const int result = fsync(fd) == 0 ? SQLITE_OK : SQLITE_IOERR_FSYNC;
    (void)close(fd);
    return result;
}

int connection_copy(sqlite3 *db, const char *path)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db, "VACUUM INTO ?1", -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
        if (result == SQLITE_DONE)
            result = SQLITE_OK;
    }
    (void)sqlite3_finalize(statement);
    return result == SQLITE_OK ? sync_file(path) : result;
}

void connection_fold(sqlite3 *db)
{
    (void)sqlite3_exec(db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
    (void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

uint64_t connection_bytes(sqlite3 *db)
{
    char pages[24] = "";
    if (first_text(db, "PRAGMA page_count", pages, sizeof(pages)) != SQLITE_OK)
        return 0;
    return strtoull(pages, NULL, 10) * PAGE_BYTES;
}

sqlite3 *connection_close(sqlite3 *db)
{
    if (db != NULL)
        (void)sqlite3_close_v2(db);
    return NULL;
}

int connection_error(sqlite3 *db, int result, const char *what, struct error *err)
{
    const char *text = db == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(db);
    switch (result & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, ERROR_CONFLICT, -EBUSY,
                         "cannot %s: another program has journal.db open; close it", what);
    case SQLITE_FULL:
        return error_set(err, ERROR_UNAVAILABLE, ERR_STORAGE,
                         "cannot %s: no space left on the disk, or the file's limit is reached",
                         what);
    case SQLITE_READONLY:
        return error_set(err, ERROR_UNAVAILABLE, ERR_STORAGE,
                         "cannot %s: the file or its file system is read-only", what);
    default:
        return error_set(err, ERROR_UNAVAILABLE, ERR_STORAGE, "cannot %s: %s (SQLite code %d)",
                         what, text, result);
    }
}
