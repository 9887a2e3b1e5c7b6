/* Disks that are full, read-only or slow to come back. */
#include "tests/daemon/journal/bench.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(journal_storage, .timeout = 60);

static char *big_value(size_t length)
{
    char *value = malloc(length + 1);
    memset(value, 'v', length);
    value[0] = value[length - 1] = '"';
    value[length] = '\0';
    return value;
}

/* Writes until it fails; the failure must be of storage. Returns how many rows were durable. */
static size_t fill_up(struct bench *bench)
{
    char *value = big_value(20000);
    size_t durable = 0;
    int result = 0;
    while (result == 0 && durable < 1000) {
        char key[32];
        (void)snprintf(key, sizeof(key), "row/%04zu", durable);
        result = bench_put(bench, key, value);
        durable += result == 0;
    }
    free(value);
    cr_assert_eq(result, ERR_STORAGE);
    cr_assert_eq(bench->error.kind, ERROR_UNAVAILABLE, "%s", bench->error.detail);
    cr_assert_not(journal_is_writable(bench->journal));
    cr_assert_eq(bench_put(bench, "more", "1"), ERR_STORAGE);
    return durable;
}

Test(journal_storage, a_file_size_limit_stops_writing_and_lifting_it_heals)
{
    struct bench bench;
    bench_start(&bench, NULL);
    bench_open(&bench);
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct rlimit tight = {.rlim_cur = 400000, .rlim_max = RLIM_INFINITY};
    const struct rlimit open_end = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    const size_t durable = fill_up(&bench);
    cr_assert_gt(durable, 5);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &open_end), 0);
    bench_open(&bench);
    cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
    cr_assert_eq(bench.adopt, JOURNAL_TRUSTED);
    cr_assert_eq(bench.row_count, durable);
    cr_assert_eq(bench_put(&bench, "more", "1"), 0);
    bench_stop(&bench);
    bench_remove_directory(bench.directory);
}

Test(journal_storage, a_full_disk_stops_writing_and_room_heals)
{
    char directory[] = "/tmp/journal-full-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    if (mount("tmpfs", directory, "tmpfs", 0, "size=600k") != 0) {
        (void)rmdir(directory);
        cr_skip_test("cannot mount a small file system here");
    }
    struct bench bench;
    bench_start(&bench, directory);
    bench_open(&bench);
    cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
    const size_t durable = fill_up(&bench);
    cr_assert_gt(durable, 3);
    cr_assert_eq(mount("tmpfs", directory, "tmpfs", MS_REMOUNT, "size=8m"), 0);
    bench_open(&bench);
    cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
    cr_assert_eq(bench.row_count, durable);
    cr_assert_eq(bench_put(&bench, "more", "1"), 0);
    bench_stop(&bench);
    (void)umount2(directory, MNT_DETACH);
    (void)rmdir(directory);
}

Test(journal_storage, a_read_only_file_system_is_unavailable_until_it_is_not)
{
    char directory[] = "/tmp/journal-ro-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    if (mount("tmpfs", directory, "tmpfs", 0, "size=4m") != 0) {
        (void)rmdir(directory);
        cr_skip_test("cannot mount a small file system here");
    }
    struct bench bench;
    bench_start(&bench, directory);
    bench_open(&bench);
    cr_assert_eq(bench_put(&bench, "row", "1"), 0);
    bench_stop(&bench);
    cr_assert_eq(mount("tmpfs", directory, "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
    bench_start(&bench, directory);
    bench_open(&bench);
    cr_assert_neq(bench.result, 0);
    cr_assert_eq(bench.error.kind, ERROR_UNAVAILABLE, "%s", bench.error.detail);
    cr_assert_eq(mount("tmpfs", directory, "tmpfs", MS_REMOUNT, ""), 0);
    bench_open(&bench);
    cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
    cr_assert_str_eq(bench_rows(&bench), "row=1");
    bench_stop(&bench);
    (void)umount2(directory, MNT_DETACH);
    (void)rmdir(directory);
}

Test(journal_storage, the_file_has_a_limit_of_its_own)
{
    char directory[] = "/tmp/journal-cap-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    struct journal_options options = journal_options_default;
    options.directory = directory;
    options.file_bytes = 200000;
    struct bench bench;
    bench_start_with(&bench, &options);
    bench_open(&bench);
    const size_t durable = fill_up(&bench);
    cr_assert_not_null(strstr(bench.error.detail, "not open"), "%s", bench.error.detail);
    bench_open(&bench);
    cr_assert_eq(bench.row_count, durable);
    /* Making room is possible at the limit. */
    for (size_t i = 0; i < durable; i++)
        cr_assert_eq(bench_put(&bench, bench.rows[i].key, NULL), 0);
    cr_assert_eq(bench_put(&bench, "more", "1"), 0);
    bench_stop(&bench);
    bench_remove_directory(directory);
}

Test(journal_storage, rewriting_the_same_rows_does_not_grow_the_file)
{
    struct bench bench;
    bench_start(&bench, NULL);
    bench_open(&bench);
    char *value = big_value(3000);
    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < 20; i++) {
            char key[32];
            (void)snprintf(key, sizeof(key), "row/%d", i);
            cr_assert_eq(bench_put(&bench, key, round % 3 == 2 ? NULL : value), 0);
        }
    }
    free(value);
    const uint64_t bytes = journal_counters(bench.journal).file_bytes;
    cr_assert_lt(bytes, 300000, "%llu", (unsigned long long)bytes);
    bench_stop(&bench);
    char path[512];
    struct stat about;
    (void)snprintf(path, sizeof(path), "%s/journal.db", bench.directory);
    cr_assert_eq(stat(path, &about), 0);
    cr_assert_lt(about.st_size, 60000, "free pages are returned: %lld", (long long)about.st_size);
    bench_remove_directory(bench.directory);
}

Test(journal_storage, a_missing_directory_is_said)
{
    struct journal_options options = journal_options_default;
    options.directory = "/nonexistent/celld";
    struct bench bench;
    bench_start_with(&bench, &options);
    bench_open(&bench);
    cr_assert_eq(bench.result, -ENOENT);
    cr_assert_not_null(strstr(bench.error.detail, "/nonexistent/celld"), "%s", bench.error.detail);
    bench_stop(&bench);
}
