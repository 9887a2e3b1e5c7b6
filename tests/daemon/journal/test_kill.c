/* A child appends and is killed at any moment: every row that it heard to be durable is there, in
 * order and without a gap, and nothing else but the one that was under way. */
#include "config/base/check.h"
#include "tests/daemon/journal/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 40, IN_FLIGHT = 8 };

struct writer {
    struct bench bench;
    int report;
    uint64_t sent, durable;
};

static void on_durable(void *context, int result, const struct error *error)
{
    struct writer *writer = context;
    (void)error;
    CHECK(result == 0);
    writer->durable++;
    CHECK(write(writer->report, &writer->durable, sizeof(writer->durable)) ==
          (ssize_t)sizeof(writer->durable));
}

/* Never returns: appends "row/<n>" until it is killed. */
static void child(const char *directory, uint64_t first, int report)
{
    static struct writer writer;
    bench_start(&writer.bench, directory);
    bench_open(&writer.bench);
    writer.report = report;
    writer.sent = writer.durable = first;
    for (;;) {
        while (writer.sent - writer.durable < IN_FLIGHT) {
            char key[48];
            (void)snprintf(key, sizeof(key), "row/%llu", (unsigned long long)++writer.sent);
            json_t *value = json_integer((json_int_t)writer.sent);
            const struct journal_entry entries[] = {{key, value}, {"newest", value}};
            CHECK(journal_append(writer.bench.journal, entries, 2, on_durable, &writer, NULL) == 0);
            json_decref(value);
        }
        (void)uv_run(&writer.bench.loop, UV_RUN_ONCE);
    }
}

static uint64_t kill_after(const char *directory, uint64_t first, uint64_t reports)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        child(directory, first, ends[1]);
    }
    (void)close(ends[1]);
    uint64_t heard = first;
    for (uint64_t i = 0; i < reports; i++)
        CHECK(read(ends[0], &heard, sizeof(heard)) == (ssize_t)sizeof(heard));
    CHECK(kill(pid, SIGKILL) == 0);
    while (read(ends[0], &heard, sizeof(heard)) == (ssize_t)sizeof(heard))
        continue;
    (void)close(ends[0]);
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return heard;
}

/* Returns the newest row. */
static uint64_t verify(const char *directory, uint64_t heard)
{
    struct bench bench;
    bench_start(&bench, directory);
    bench_open(&bench);
    CHECK(bench.result == 0);
    CHECK(bench.adopt == JOURNAL_TRUSTED);
    uint64_t newest = 0;
    uint64_t rows = 0;
    for (size_t i = 0; i < bench.row_count; i++) {
        if (strcmp(bench.rows[i].key, "newest") == 0) {
            newest = strtoull(bench.rows[i].value, NULL, 10);
            continue;
        }
        rows++;
        CHECK(strtoull(bench.rows[i].key + 4, NULL, 10) == rows);
        CHECK(strtoull(bench.rows[i].value, NULL, 10) == rows);
    }
    CHECK(rows == newest);
    CHECK(newest >= heard);
    CHECK(newest <= heard + IN_FLIGHT);
    bench_stop(&bench);
    return newest;
}

int main(void)
{
    char directory[256];
    const char *base = getenv("TMPDIR");
    (void)snprintf(directory, sizeof(directory), "%s/journal-kill-XXXXXX",
                   base == NULL ? "/tmp" : base);
    CHECK(mkdtemp(directory) != NULL);
    uint64_t newest = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        const uint64_t heard = kill_after(directory, newest, 1 + round % 7);
        newest = verify(directory, heard);
    }
    bench_remove_directory(directory);
    (void)printf("%d kills, %llu rows, none lost\n", ROUNDS, (unsigned long long)newest);
    return 0;
}
