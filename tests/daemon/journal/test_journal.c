#include "config/base/error.h"
#include "daemon/journal/connection.h"
#include "daemon/journal/store.h"
#include "tests/daemon/journal/bench.h"

#include <criterion/criterion.h>
#include <sqlite3.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(journal, .timeout = 60);

static void run_sql(const char *directory, const char *sql)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/journal.db", directory);
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    char *message = NULL;
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, &message), SQLITE_OK, "%s", message);
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

static size_t files_named(const char *directory, const char *part)
{
    size_t count = 0;
    DIR *dir = opendir(directory);
    cr_assert_not_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += strstr(entry->d_name, part) != NULL;
    (void)closedir(dir);
    return count;
}

Test(journal, keeps_the_newest_of_each_key_in_order)
{
    struct bench bench;
    bench_start(&bench, NULL);
    bench_open(&bench);
    cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
    cr_assert(bench.fresh);
    cr_assert(bench.checked);
    cr_assert_eq(bench.adopt, JOURNAL_TRUSTED);
    cr_assert_eq(bench.row_count, 0);
    cr_assert_eq(bench_put(&bench, "a", "1"), 0);
    cr_assert_eq(bench_put(&bench, "b", "{\"x\": [1, \"zwei\\u0001\"]}"), 0);
    cr_assert_eq(bench_put(&bench, "c", "true"), 0);
    cr_assert_eq(bench_put(&bench, "a", "null"), 0);
    cr_assert_eq(bench_put(&bench, "c", NULL), 0);
    cr_assert_eq(bench_put(&bench, "never-there", NULL), 0);
    char instance[33];
    memcpy(instance, bench.instance, sizeof(instance));
    bench_stop(&bench);

    bench_start(&bench, bench.directory);
    bench_open(&bench);
    cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
    cr_assert_not(bench.fresh);
    cr_assert_str_eq(bench_rows(&bench), "b={\"x\":[1,\"zwei\\u0001\"]} a=null");
    cr_assert_eq(bench.rows[0].sequence, 2);
    cr_assert_eq(bench.rows[1].sequence, 4);
    cr_assert_str_eq(bench.instance, instance);
    /* Numbers of removed rows do not come back. */
    cr_assert_eq(bench_put(&bench, "d", "0"), 0);
    bench_open(&bench);
    cr_assert_eq(bench.rows[2].sequence, 7);
    bench_stop(&bench);
    bench_remove_directory(bench.directory);
}

struct order {
    size_t next;
    size_t failed;
};

struct order_item {
    struct order *order;
    size_t index;
};

static void on_ordered(void *context, int result, const struct error *error)
{
    struct order_item *item = context;
    (void)error;
    cr_assert_eq(item->order->next, item->index);
    item->order->next++;
    item->order->failed += result != 0;
}

Test(journal, many_units_are_one_sync_and_keep_their_order)
{
    enum { COUNT = 500 };
    static struct order_item items[COUNT];
    struct order order = {.next = 0};
    struct bench bench;
    bench_start(&bench, NULL);
    bench_open(&bench);
    for (size_t i = 0; i < COUNT; i++) {
        items[i] = (struct order_item){&order, i};
        char key[32];
        (void)snprintf(key, sizeof(key), "row/%zu", i);
        json_t *value = json_integer((json_int_t)i);
        const struct journal_entry entries[] = {{key, value}, {"last", value}};
        cr_assert_eq(journal_append(bench.journal, entries, 2, on_ordered, &items[i], NULL), 0);
        json_decref(value);
    }
    while (order.next < COUNT)
        (void)uv_run(&bench.loop, UV_RUN_ONCE);
    cr_assert_eq(order.failed, 0);
    const struct journal_counters counters = journal_counters(bench.journal);
    cr_assert_eq(counters.appended, (uint64_t)2 * COUNT);
    cr_assert_eq(counters.waiting, 0);
    cr_assert_lt(counters.commits, COUNT / 2, "%llu", (unsigned long long)counters.commits);
    bench_open(&bench);
    cr_assert_eq(bench.row_count, COUNT + 1);
    cr_assert_str_eq(bench.rows[COUNT].value, "499");
    bench_stop(&bench);
    bench_remove_directory(bench.directory);
}

Test(journal, what_waits_is_written_before_it_stops)
{
    struct bench bench;
    struct order order = {.next = 0};
    struct order_item items[50];
    bench_start(&bench, NULL);
    bench_open(&bench);
    json_t *value = json_true();
    for (size_t i = 0; i < 50; i++) {
        items[i] = (struct order_item){&order, i};
        const struct journal_entry entry = {"key", value};
        cr_assert_eq(journal_append(bench.journal, &entry, 1, on_ordered, &items[i], NULL), 0);
    }
    bench_stop(&bench);
    cr_assert_eq(order.next, 50);
    cr_assert_eq(order.failed, 0);
    struct stat about;
    char log[512];
    (void)snprintf(log, sizeof(log), "%s/journal.db-wal", bench.directory);
    cr_assert(stat(log, &about) != 0 || about.st_size == 0, "the log is folded back");
    bench_remove_directory(bench.directory);
}

Test(journal, limits_are_named)
{
    struct journal_options options = journal_options_default;
    char directory[] = "/tmp/journal-limits-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    options.directory = directory;
    options.value_bytes = 100;
    options.batch_bytes = 1000;
    struct bench bench;
    bench_start_with(&bench, &options);
    cr_assert_eq(bench_put(&bench, "early", "1"), ERR_STORAGE);
    bench_open(&bench);
    char value[256];
    memset(value, 'x', sizeof(value));
    value[0] = '"';
    value[150] = '"';
    value[151] = '\0';
    cr_assert_eq(bench_put(&bench, "big", value), ERR_LIMIT);
    cr_assert_not_null(strstr(bench.error.detail, "big has 151 bytes, the limit is 100"), "%s",
                       bench.error.detail);
    cr_assert_eq(bench_put(&bench, "", "1"), -EINVAL);
    cr_assert_eq(bench_put(&bench, "a\nb", "1"), -EINVAL);
    json_t *row = json_string("............................................................");
    struct journal_entry entries[20];
    for (size_t i = 0; i < 20; i++)
        entries[i] = (struct journal_entry){"key", row};
    cr_assert_eq(journal_append(bench.journal, entries, 20, NULL, NULL, &bench.error), ERR_LIMIT);
    json_decref(row);
    cr_assert(journal_is_writable(bench.journal));
    cr_assert_eq(bench_put(&bench, "fine", "1"), 0);
    bench_stop(&bench);
    bench_remove_directory(bench.directory);
}

Test(journal, a_second_process_is_told_to_leave)
{
    struct bench first;
    struct bench second;
    bench_start(&first, NULL);
    bench_open(&first);
    bench_start(&second, first.directory);
    bench_open(&second);
    cr_assert_eq(second.result, -EBUSY);
    cr_assert_eq(second.error.kind, ERROR_CONFLICT);
    cr_assert_not_null(strstr(second.error.detail, "another celld"), "%s", second.error.detail);
    cr_assert_eq(bench_put(&first, "still", "1"), 0);
    bench_stop(&first);
    bench_open(&second);
    cr_assert_eq(second.result, 0, "%s", second.error.detail);
    bench_stop(&second);
    bench_remove_directory(first.directory);
}

Test(journal, another_program_in_the_file_is_a_conflict)
{
    struct bench bench;
    bench_start(&bench, NULL);
    bench_open(&bench);
    bench_stop(&bench);
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/journal.db", bench.directory);
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE; SELECT * FROM tally", NULL, NULL, NULL),
                 SQLITE_OK);
    bench_start(&bench, bench.directory);
    bench_open(&bench);
    cr_assert_eq(bench.result, -EBUSY, "%d %s", bench.result, bench.error.detail);
    cr_assert_eq(bench.error.kind, ERROR_CONFLICT);
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
    bench_stop(&bench);
    bench_remove_directory(bench.directory);
}

static void check_refused(const char *sql, const char *text)
{
    struct bench bench;
    bench_start(&bench, NULL);
    bench_open(&bench);
    cr_assert_eq(bench_put(&bench, "row", "1"), 0);
    bench_stop(&bench);
    run_sql(bench.directory, sql);
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/journal.db", bench.directory);
    struct stat before;
    struct stat after;
    cr_assert_eq(stat(path, &before), 0);
    bench_start(&bench, bench.directory);
    bench_open(&bench);
    cr_assert_neq(bench.result, 0);
    cr_assert_eq(bench.error.kind, ERROR_INVALID);
    cr_assert_not_null(strstr(bench.error.detail, text), "%s", bench.error.detail);
    bench_stop(&bench);
    cr_assert_eq(stat(path, &after), 0);
    cr_assert_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec, "the file was touched");
    cr_assert_eq(after.st_size, before.st_size);
    cr_assert_eq(files_named(bench.directory, "corrupt"), 0);
    bench_remove_directory(bench.directory);
}

Test(journal, a_newer_file_is_refused_and_left_alone)
{
    check_refused("PRAGMA user_version = 99", "newer celld (version 99");
}

Test(journal, another_programs_file_is_refused_and_left_alone)
{
    check_refused("PRAGMA application_id = 7", "not written by celld");
}

static const char first_step[] =
    "CREATE TABLE entry (key TEXT PRIMARY KEY NOT NULL, sequence INTEGER NOT NULL,"
    " value TEXT NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE tally (one INTEGER PRIMARY KEY, last_sequence INTEGER NOT NULL,"
    " entries INTEGER NOT NULL, mix INTEGER NOT NULL) STRICT;"
    "INSERT INTO tally VALUES (1, 0, 0, 0);"
    "CREATE TABLE about (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;";
static const char *const two_steps[] = {first_step, "CREATE TABLE later (x INTEGER) STRICT"};
static const char *const bad_steps[] = {first_step, "CREATE TABLE fine (x); CREATE TABLE fine (x)"};

static int open_with(const char *directory, const struct schema *schema, struct error *error)
{
    struct journal_options options = journal_options_default;
    options.directory = directory;
    struct store *store = NULL;
    cr_assert_eq(store_new(&options, schema, &store, error), 0);
    struct store_found found;
    int result = store_open(store, &found, error);
    if (result == 0) {
        result = store_begin(store, error);
        cr_assert_eq(result, 0);
        const struct store_change change = {.key = "k", .value = "1", .length = 1};
        cr_assert_eq(store_put(store, &change, error), 0);
        cr_assert_eq(store_commit(store, error), 0);
    }
    store_found_fini(&found);
    store_free(store);
    return result;
}

struct schema_result {
    int result, version_after;
};

static struct schema_result raise_alone(const char *directory, const struct schema *schema)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/journal.db", directory);
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    enum schema_state state = SCHEMA_EMPTY;
    struct schema_result outcome = {.version_after = -1};
    int version = 0;
    cr_assert_eq(schema_look(db, schema, &state, &version, NULL), 0);
    cr_assert_eq(state, SCHEMA_OLDER);
    outcome.result = schema_raise(db, schema, version);
    cr_assert_eq(schema_look(db, schema, &state, &outcome.version_after, NULL), 0);
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
    return outcome;
}

Test(journal, an_older_file_is_copied_and_raised)
{
    char directory[] = "/tmp/journal-raise-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    struct error error;
    const struct schema old = {two_steps, 1};
    const struct schema new = {two_steps, 2};
    const struct schema bad = {bad_steps, 2};
    cr_assert_eq(open_with(directory, &old, &error), 0, "%s", error.detail);
    /* A step that fails leaves the old version whole. */
    const struct schema_result failed = raise_alone(directory, &bad);
    cr_assert_neq(failed.result, SQLITE_OK);
    cr_assert_eq(failed.version_after, 1);
    cr_assert_eq(open_with(directory, &new, &error), 0, "%s", error.detail);
    cr_assert_eq(files_named(directory, "journal.db.version1-"), 1);
    run_sql(directory, "INSERT INTO later VALUES (1); PRAGMA user_version = 2;");
    cr_assert_eq(open_with(directory, &new, &error), 0, "%s", error.detail);
    cr_assert_eq(files_named(directory, "journal.db.version1-"), 1, "no second copy");
    cr_assert_eq(open_with(directory, &old, &error), -ENOTSUP);
    bench_remove_directory(directory);
}

Test(journal, a_copied_file_is_not_trusted_until_adopted)
{
    struct bench bench;
    bench_start(&bench, NULL);
    bench_open(&bench);
    cr_assert_eq(bench_put(&bench, "row", "1"), 0);
    bench_stop(&bench);
    char command[600];
    (void)snprintf(command, sizeof(command), "%s/journal.db", bench.directory);
    char copy[600];
    (void)snprintf(copy, sizeof(copy), "%s/copy", bench.directory);
    FILE *from = fopen(command, "rb");
    FILE *to = fopen(copy, "wb");
    cr_assert(from != NULL && to != NULL);
    for (int c = getc(from); c != EOF; c = getc(from))
        (void)putc(c, to);
    (void)fclose(from);
    (void)fclose(to);
    cr_assert_eq(rename(copy, command), 0);
    for (int i = 0; i < 2; i++) {
        bench_start(&bench, bench.directory);
        bench_open(&bench);
        cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
        cr_assert_eq(bench.adopt, JOURNAL_ADOPT_COPIED, "opening %d", i);
        cr_assert_str_eq(bench_rows(&bench), "row=1");
        if (i == 1)
            cr_assert_eq(bench_adopted(&bench), 0);
        bench_stop(&bench);
    }
    bench_start(&bench, bench.directory);
    bench_open(&bench);
    cr_assert_eq(bench.adopt, JOURNAL_TRUSTED);
    bench_stop(&bench);
    bench_remove_directory(bench.directory);
}

Test(journal, a_file_that_is_gone_is_no_first_start)
{
    struct bench bench;
    bench_start(&bench, NULL);
    bench_open(&bench);
    cr_assert_eq(bench_put(&bench, "row", "1"), 0);
    bench_stop(&bench);
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/journal.db", bench.directory);
    cr_assert_eq(unlink(path), 0);
    bench_start(&bench, bench.directory);
    bench_open(&bench);
    cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
    cr_assert(bench.fresh);
    cr_assert_eq(bench.adopt, JOURNAL_ADOPT_CORRUPT);
    bench_stop(&bench);
    bench_remove_directory(bench.directory);
}

Test(journal, damage_is_kept_aside_and_said_until_adopted)
{
    struct bench bench;
    bench_start(&bench, NULL);
    bench_open(&bench);
    cr_assert_eq(bench_put(&bench, "row", "1"), 0);
    bench_stop(&bench);
    run_sql(bench.directory, "UPDATE entry SET value = '2'");
    bench_start(&bench, bench.directory);
    bench_open(&bench);
    cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
    cr_assert_eq(bench.adopt, JOURNAL_ADOPT_CORRUPT);
    cr_assert(bench.fresh);
    cr_assert_eq(access(bench.kept_aside, F_OK), 0, "%s", bench.kept_aside);
    cr_assert_eq(bench.row_count, 0);
    cr_assert_eq(bench_put(&bench, "row", "3"), 0);
    bench_open(&bench);
    cr_assert_eq(bench.adopt, JOURNAL_ADOPT_CORRUPT);
    cr_assert_str_empty(bench.kept_aside);
    cr_assert_eq(bench_adopted(&bench), 0);
    bench_open(&bench);
    cr_assert_eq(bench.adopt, JOURNAL_TRUSTED);
    cr_assert_str_eq(bench_rows(&bench), "row=3");
    bench_stop(&bench);
    bench_remove_directory(bench.directory);
}

static const char *const logical_damage[] = {
    "DELETE FROM entry WHERE key = 'b'",
    "UPDATE entry SET sequence = 9 WHERE key = 'b'",
    "UPDATE entry SET key = 'x' WHERE key = 'b'",
    "UPDATE entry SET crc = crc + 1 WHERE key = 'b'",
    "UPDATE tally SET last_sequence = 1",
    "DELETE FROM tally",
    "DROP TABLE entry",
    "UPDATE about SET value = 'me' WHERE name = 'instance'",
};

Test(journal, rows_that_are_lost_or_changed_are_seen)
{
    for (size_t i = 0; i < sizeof(logical_damage) / sizeof(logical_damage[0]); i++) {
        struct bench bench;
        bench_start(&bench, NULL);
        bench_open(&bench);
        cr_assert_eq(bench_put(&bench, "a", "1"), 0);
        cr_assert_eq(bench_put(&bench, "b", "1"), 0);
        bench_stop(&bench);
        run_sql(bench.directory, logical_damage[i]);
        bench_start(&bench, bench.directory);
        bench_open(&bench);
        cr_expect_eq(bench.result, 0, "%s: %s", logical_damage[i], bench.error.detail);
        cr_expect_eq(bench.adopt, JOURNAL_ADOPT_CORRUPT, "%s", logical_damage[i]);
        bench_stop(&bench);
        bench_remove_directory(bench.directory);
    }
}
