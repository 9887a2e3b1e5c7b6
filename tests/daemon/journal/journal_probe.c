/* Writes to a journal and reads it back, for tests that break system calls under it.
 *
 *   journal_probe write DIRECTORY COUNT   appends so many rows behind the newest one and prints
 *                                         "durable N" for each; "failed KIND" and status 3 at the
 *                                         first that is not
 *   journal_probe read DIRECTORY          prints "newest N trusted|adopt"; status 1 when rows are
 *                                         missing or changed, 3 when it cannot be opened */
#include "config/base/check.h"
#include "tests/daemon/journal/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number of rows when they are "row/1" to "row/N" and "newest" says N; -1 otherwise. */
static long long count_rows(const struct bench *bench)
{
    long long rows = 0;
    long long newest = 0;
    for (size_t i = 0; i < bench->row_count; i++) {
        if (strcmp(bench->rows[i].key, "newest") == 0) {
            newest = strtoll(bench->rows[i].value, NULL, 10);
            continue;
        }
        rows++;
        if (strtoll(bench->rows[i].key + strlen("row/"), NULL, 10) != rows ||
            strtoll(bench->rows[i].value, NULL, 10) != rows)
            return -1;
    }
    return rows == newest || rows == newest + 1 ? rows : -1;
}

static int fail(const struct bench *bench)
{
    (void)printf("failed %s: %s\n", error_kind_name(bench->error.kind), bench->error.detail);
    (void)fflush(stdout);
    return 3;
}

static int append(struct bench *bench, long long number)
{
    char key[48];
    char value[32];
    (void)snprintf(key, sizeof(key), "row/%lld", number);
    (void)snprintf(value, sizeof(value), "%lld", number);
    if (bench_put(bench, key, value) != 0 || bench_put(bench, "newest", value) != 0)
        return fail(bench);
    (void)printf("durable %lld\n", number);
    (void)fflush(stdout);
    return 0;
}

int main(int count, char **words)
{
    struct bench bench;
    CHECK(count >= 3);
    bench_start(&bench, words[2]);
    bench_open(&bench);
    int status = bench.result == 0 ? 0 : fail(&bench);
    const long long rows = status == 0 ? count_rows(&bench) : 0;
    if (rows < 0)
        status = 1;
    if (status == 0 && strcmp(words[1], "read") == 0)
        (void)printf("newest %lld %s\n", rows,
                     bench.adopt == JOURNAL_TRUSTED ? "trusted" : "adopt");
    const long long more =
        strcmp(words[1], "write") == 0 && count == 4 ? strtoll(words[3], NULL, 10) : 0;
    for (long long i = 1; i <= more && status == 0; i++)
        status = append(&bench, rows + i);
    bench_stop(&bench);
    return status;
}
