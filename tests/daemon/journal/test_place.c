/* Where a journal may stand: bad input D7. The program is linked so that the kind of the file
 * system is what a test says (CMake: --wrap=fstatfs). */
#include "tests/daemon/journal/bench.h"

#include <criterion/criterion.h>

#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

static long pretended; /* 0 = the truth */

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): names of the linker's */
int __real_fstatfs(int fd, struct statfs *about);
int __wrap_fstatfs(int fd, struct statfs *about);

int __wrap_fstatfs(int fd, struct statfs *about)
{
    const int result = __real_fstatfs(fd, about);
    if (result == 0 && pretended != 0)
        about->f_type = pretended;
    return result;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

Test(journal_place, a_network_file_system_is_refused_and_nothing_is_written)
{
    static const struct {
        const char *what;
        long type;
        bool refused;
    } rows[] = {
        {"NFS", NFS_SUPER_MAGIC, true},      {"SMB", SMB_SUPER_MAGIC, true},
        {"SMB 2", 0xFE534D42L, true},        {"CIFS", 0xFF534D42L, true},
        {"AFS", AFS_SUPER_MAGIC, true},      {"ext4", EXT4_SUPER_MAGIC, false},
        {"tmpfs", TMPFS_MAGIC, false},       {"overlay", OVERLAYFS_SUPER_MAGIC, false},
        {"btrfs", BTRFS_SUPER_MAGIC, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench bench;
        char path[512];
        pretended = rows[i].type;
        bench_start(&bench, NULL);
        bench_open(&bench);
        (void)snprintf(path, sizeof(path), "%s/journal.db", bench.directory);
        cr_expect_eq(access(path, F_OK) != 0, rows[i].refused, "%s", rows[i].what);
        if (rows[i].refused) {
            cr_expect_eq(bench.error.kind, ERROR_INVALID, "%s", rows[i].what);
            cr_expect_not_null(strstr(bench.error.detail, "is on a network file system"), "%s: %s",
                               rows[i].what, bench.error.detail);
            cr_expect_not_null(strstr(bench.error.detail, "local disk"), "what a person can do");
        } else {
            cr_expect_eq(bench.result, 0, "%s: %s", rows[i].what, bench.error.detail);
        }
        bench_stop(&bench);
        bench_remove_directory(bench.directory);
    }
}

Test(journal_place, an_index_of_the_log_that_is_gone_or_left_over_means_nothing)
{
    struct bench bench;
    char path[512];
    bench_start(&bench, NULL);
    bench_open(&bench);
    cr_assert_eq(bench_put(&bench, "k", "{\"a\":1}"), 0);
    bench_stop(&bench);
    (void)snprintf(path, sizeof(path), "%s/journal.db-shm", bench.directory);
    (void)unlink(path);
    struct bench again;
    bench_start(&again, bench.directory);
    bench_open(&again);
    cr_expect_eq(again.result, 0, "%s", again.error.detail);
    cr_expect_eq(again.adopt, JOURNAL_TRUSTED);
    cr_expect_str_eq(bench_rows(&again), "k={\"a\":1}");
    bench_stop(&again);
    bench_remove_directory(again.directory);
}
