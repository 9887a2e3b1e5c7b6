/* Damage to the bytes of the file and of its log. */
#include "tests/daemon/journal/bench.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(journal_damage, .timeout = 120);

enum { PAGE = 4096 };

struct file {
    char path[512];
    unsigned char *bytes;
    size_t length;
};

static void read_file(struct file *file, const char *directory, const char *name)
{
    (void)snprintf(file->path, sizeof(file->path), "%s/%s", directory, name);
    const int fd = open(file->path, O_RDONLY);
    cr_assert_geq(fd, 0, "%s", file->path);
    struct stat about;
    cr_assert_eq(fstat(fd, &about), 0);
    file->length = (size_t)about.st_size;
    file->bytes = malloc(file->length + 1);
    cr_assert_eq(read(fd, file->bytes, file->length), (ssize_t)file->length);
    (void)close(fd);
}

/* In place: another inode would be a copied file. */
static void write_file(const struct file *file, size_t length)
{
    const int fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, file->bytes, length), (ssize_t)length);
    (void)close(fd);
}

static void fill(struct bench *bench, size_t rows)
{
    char value[600];
    memset(value, 'v', sizeof(value));
    value[0] = '"';
    value[sizeof(value) - 2] = '"';
    value[sizeof(value) - 1] = '\0';
    for (size_t i = 0; i < rows; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "row/%04zu", i);
        cr_assert_eq(bench_put(bench, key, value), 0);
    }
}

static void remove_leftovers(const char *directory)
{
    char path[600];
    (void)snprintf(path, sizeof(path), "%s/journal.db-wal", directory);
    (void)unlink(path);
}

/* One bit in each page, at three places: the rows are all there, or the damage is seen. */
Test(journal_damage, a_flipped_bit_is_seen_or_harmless)
{
    struct bench bench;
    struct file file;
    bench_start(&bench, NULL);
    bench_open(&bench);
    fill(&bench, 60);
    bench_stop(&bench);
    read_file(&file, bench.directory, "journal.db");
    size_t seen = 0;
    static const size_t offsets[] = {3, 101, 2900};
    for (size_t page = 0; page < file.length / PAGE; page++) {
        for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
            const size_t at = page * PAGE + offsets[i];
            file.bytes[at] ^= 0x10;
            write_file(&file, file.length);
            remove_leftovers(bench.directory);
            struct bench after;
            bench_start(&after, bench.directory);
            bench_open(&after);
            const bool refused = after.result != 0;
            const bool aside = !refused && after.adopt == JOURNAL_ADOPT_CORRUPT;
            if (refused)
                cr_expect_eq(after.error.kind, ERROR_INVALID, "offset %zu: %s", at,
                             after.error.detail);
            else if (!aside)
                cr_expect_eq(after.row_count, 60, "offset %zu lost rows unseen", at);
            seen += refused || aside;
            bench_stop(&after);
            file.bytes[at] ^= 0x10;
            (void)unlink(after.kept_aside);
        }
    }
    cr_expect_gt(seen, file.length / PAGE);
    free(file.bytes);
    bench_remove_directory(bench.directory);
}

Test(journal_damage, a_file_cut_short_is_kept_aside)
{
    static const size_t lengths[] = {1, 50, 100, 4095, 4096, 8192, 20000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct bench bench;
        struct file file;
        bench_start(&bench, NULL);
        bench_open(&bench);
        fill(&bench, 40);
        bench_stop(&bench);
        read_file(&file, bench.directory, "journal.db");
        write_file(&file, lengths[i]);
        bench_start(&bench, bench.directory);
        bench_open(&bench);
        cr_expect_eq(bench.result, 0, "%zu: %s", lengths[i], bench.error.detail);
        cr_expect_eq(bench.adopt, JOURNAL_ADOPT_CORRUPT, "%zu", lengths[i]);
        /* Less than a header is nothing worth keeping. */
        if (lengths[i] >= 100)
            cr_expect_eq(access(bench.kept_aside, F_OK), 0, "%zu", lengths[i]);
        bench_stop(&bench);
        free(file.bytes);
        bench_remove_directory(bench.directory);
    }
}

/* Leaves file and log as a killed process does. */
static void write_and_die(const char *directory, size_t rows)
{
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct bench bench;
        bench_start(&bench, directory);
        bench_open(&bench);
        for (size_t i = 0; i < rows; i++) {
            char key[32];
            (void)snprintf(key, sizeof(key), "row/%04zu", i);
            if (bench_put(&bench, key, "\"some text that takes a little room\"") != 0)
                _exit(1);
        }
        _exit(0);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Whatever the tail of the log looks like, the rows are the first ones, without a gap. */
Test(journal_damage, a_torn_log_loses_only_its_end)
{
    static const size_t cuts[] = {0, 1, 24, 31, 100, 4096, 4119, 9000, 12000};
    char directory[] = "/tmp/journal-torn-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    write_and_die(directory, 30);
    struct file data;
    struct file log;
    read_file(&data, directory, "journal.db");
    read_file(&log, directory, "journal.db-wal");
    cr_assert_gt(log.length, 12000);
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        for (int garbage = 0; garbage < 2; garbage++) {
            write_file(&data, data.length);
            unsigned char *whole = malloc(log.length);
            memcpy(whole, log.bytes, log.length);
            if (garbage == 1)
                memset(whole + log.length - cuts[i], 0xA5, cuts[i]);
            struct file torn = {.bytes = whole, .length = log.length};
            memcpy(torn.path, log.path, sizeof(torn.path));
            write_file(&torn, garbage == 1 ? log.length : log.length - cuts[i]);
            free(whole);
            struct bench bench;
            bench_start(&bench, directory);
            bench_open(&bench);
            cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
            cr_expect_eq(bench.adopt, JOURNAL_TRUSTED, "cut %zu", cuts[i]);
            if (cuts[i] == 0)
                cr_expect_eq(bench.row_count, 30);
            else
                cr_expect_geq(bench.row_count, 26 - cuts[i] / 4000, "cut %zu", cuts[i]);
            for (size_t row = 0; row < bench.row_count; row++)
                cr_expect_eq(bench.rows[row].sequence, row + 1);
            bench_stop(&bench);
        }
    }
    free(data.bytes);
    free(log.bytes);
    bench_remove_directory(directory);
}

Test(journal_damage, a_leftover_shared_memory_file_means_nothing)
{
    char directory[] = "/tmp/journal-shm-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    write_and_die(directory, 10);
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/journal.db-shm", directory);
    const int fd = open(path, O_WRONLY | O_CREAT, 0600);
    cr_assert_eq(write(fd, "rubbish", 7), 7);
    (void)close(fd);
    struct bench bench;
    bench_start(&bench, directory);
    bench_open(&bench);
    cr_assert_eq(bench.result, 0, "%s", bench.error.detail);
    cr_assert_eq(bench.row_count, 10);
    bench_stop(&bench);
    bench_remove_directory(directory);
}
