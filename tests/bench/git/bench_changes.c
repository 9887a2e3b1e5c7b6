/* Compares changes_between() with `git diff-tree` on a generated repository, in the same run:
 *
 *     bench_changes [CELLS [ROUNDS]]        default 1000 cells, 15 rounds
 *
 * "cold" is what a fetch costs celld: open the mirror, compare, close; git: one process.
 * "warm" is the comparison alone in an open mirror; git: one more line to a running
 * `git diff-tree --stdin`. Medians, in microseconds; the ratio is ours to git's: below 1 is faster.
 * Exits with 1 when a cold ratio is above 2. */
#include "gitwatch/changes.h"
#include "gitwatch/libgit.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_LIMIT = 1000, FILES_PER_CELL = 8, GOAL_PERCENT = 200, FOLDER_SIZE = 256 };

struct scenario {
    const char *name;
    size_t cells; /* that change; 0 = a file outside of all cells */
    struct object_id commit;
};

static char folder[FOLDER_SIZE];
static size_t cell_count = 1000;
static size_t round_count = 15;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(2);
}

/* Starts git in the folder with the given ends (-1: ours); the list ends with NULL. */
static pid_t start_git(int in, int out, ...)
{
    char program[] = "git";
    char option[] = "-C";
    char *arguments[16] = {program, option, folder};
    posix_spawn_file_actions_t files;
    pid_t pid = 0;
    va_list list;
    va_start(list, out);
    for (size_t i = 3; i < 15 && (arguments[i] = va_arg(list, char *)) != NULL; i++)
        ;
    va_end(list);
    int status = posix_spawn_file_actions_init(&files);
    if (status == 0 && in >= 0)
        status = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    if (status == 0 && out >= 0)
        status = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    if (status != 0 || posix_spawnp(&pid, "git", &files, NULL, arguments, environ) != 0)
        die("git");
    posix_spawn_file_actions_destroy(&files);
    return pid;
}

static void wait_for(pid_t pid)
{
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("git failed");
}

static void make_pipe(int ret_pipe[2])
{
    if (pipe2(ret_pipe, O_CLOEXEC) < 0)
        die("pipe");
}

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare_times(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *times)
{
    qsort(times, round_count, sizeof(*times), compare_times);
    return times[round_count / 2];
}

static void write_file(FILE *import, const char *path, const char *text)
{
    fprintf(import, "M 100644 inline %s\ndata %zu\n%s\n", path, strlen(text), text);
}

static void write_commit(FILE *import, const char *branch, const char *parent)
{
    fprintf(import,
            "commit refs/heads/%s\ncommitter Ada <ada@example.com> 1700000000 +0000\n"
            "data 1\nx\n",
            branch);
    if (parent != NULL)
        fprintf(import, "from refs/heads/%s\n", parent);
}

static void write_cell(FILE *import, size_t cell, const char *version)
{
    char path[128];
    char text[256];
    snprintf(path, sizeof(path), "cells/cell-%05zu/cell.yaml", cell);
    snprintf(text, sizeof(text), "kind: Cell\nmetadata: {name: cell-%zu}\n# %s\n", cell, version);
    write_file(import, path, text);
}

static void generate(struct scenario *scenarios, size_t count)
{
    char path[128];
    int in[2];
    wait_for(start_git(-1, -1, "init", "-q", "--bare", NULL));
    make_pipe(in);
    const pid_t pid = start_git(in[0], -1, "fast-import", "--quiet", NULL);
    close(in[0]);
    FILE *import = fdopen(in[1], "w");
    if (import == NULL)
        die("git fast-import");
    write_commit(import, "base", NULL);
    write_file(import, "platform.yaml", "kind: Platform");
    for (size_t cell = 0; cell < cell_count; cell++) {
        write_cell(import, cell, "base");
        for (size_t file = 0; file < FILES_PER_CELL; file++) {
            snprintf(path, sizeof(path), "cells/cell-%05zu/service-%zu/src/main.c", cell, file);
            write_file(import, path, path);
        }
    }
    for (size_t i = 0; i < count; i++) {
        write_commit(import, scenarios[i].name, "base");
        if (scenarios[i].cells == 0)
            write_file(import, "README.md", scenarios[i].name);
        for (size_t k = 0; k < scenarios[i].cells; k++)
            write_cell(import, k * cell_count / scenarios[i].cells, scenarios[i].name);
    }
    fclose(import);
    wait_for(pid);
}

static struct object_id resolve(const char *branch)
{
    char line[64] = "";
    int out[2];
    struct object_id id;
    make_pipe(out);
    const pid_t pid = start_git(-1, out[1], "rev-parse", branch, NULL);
    close(out[1]);
    if (read(out[0], line, sizeof(line) - 1) < 0)
        die("git rev-parse");
    close(out[0]);
    wait_for(pid);
    line[strcspn(line, "\n")] = '\0';
    if (object_id_parse(line, &id) < 0)
        die(line);
    return id;
}

static size_t ours(struct mirror *mirror, const struct object_id *old, const struct object_id *new)
{
    struct changes *changes = NULL;
    struct error error;
    const struct changes_limits limits = changes_limits_default();
    if (changes_between(mirror, old, new, &limits, &changes, &error) < 0)
        die(error.detail);
    const size_t count = changes->count;
    changes_free(changes);
    return count;
}

static struct mirror *open_mirror(void)
{
    struct mirror *mirror = NULL;
    struct error error;
    if (mirror_open(folder, &mirror, &error) < 0)
        die(error.detail);
    return mirror;
}

static size_t ours_cold(const struct object_id *old, const struct object_id *new)
{
    struct mirror *mirror = open_mirror();
    const size_t count = ours(mirror, old, new);
    mirror_free(mirror);
    return count;
}

static size_t count_lines(FILE *output)
{
    size_t count = 0;
    for (int c = getc(output); c != EOF; c = getc(output))
        count += c == '\n';
    return count;
}

static size_t git_cold(const struct object_id *old, const struct object_id *new)
{
    int out[2];
    make_pipe(out);
    const pid_t pid =
        start_git(-1, out[1], "diff-tree", "-r", "--no-renames", "--raw", old->hex, new->hex, NULL);
    close(out[1]);
    FILE *output = fdopen(out[0], "r");
    if (output == NULL)
        die("git diff-tree");
    const size_t count = count_lines(output);
    fclose(output);
    wait_for(pid);
    return count;
}

/* A running `git diff-tree --stdin`: asked with a pair of trees, it answers with the pair and a
 * line per change; a line that is no object's id comes back as it is, and makes it write all it
 * has. */
struct asker {
    pid_t pid;
    FILE *to, *from;
};

static struct asker asker_start(void)
{
    int in[2];
    int out[2];
    make_pipe(in);
    make_pipe(out);
    const pid_t pid =
        start_git(in[0], out[1], "diff-tree", "-r", "--no-renames", "--raw", "--stdin", NULL);
    close(in[0]);
    close(out[1]);
    return (struct asker){.pid = pid, .to = fdopen(in[1], "w"), .from = fdopen(out[0], "r")};
}

static size_t git_warm(const struct asker *asker, const char *old_tree, const char *new_tree)
{
    char line[512];
    size_t count = 0;
    fprintf(asker->to, "%s %s\nend\n", old_tree, new_tree);
    fflush(asker->to);
    while (fgets(line, sizeof(line), asker->from) != NULL && strcmp(line, "end\n") != 0)
        count++;
    return count;
}

static double report(const char *what, double mine, double gits)
{
    const double ratio = mine / gits;
    printf("    %-5s celld %9.0f us   git %9.0f us   ratio %.2f\n", what, mine, gits, ratio);
    return ratio;
}

/* Returns whether the goal is met. */
static bool measure(const struct scenario *scenario, const struct object_id *base,
                    const struct asker *asker)
{
    double cold[2][ROUNDS_LIMIT];
    double warm[2][ROUNDS_LIMIT];
    struct commit_info old;
    struct commit_info new;
    struct mirror *mirror = open_mirror();
    if (mirror_commit(mirror, base, &old, NULL) < 0 ||
        mirror_commit(mirror, &scenario->commit, &new, NULL) < 0)
        die("commit");
    const size_t want = ours(mirror, base, &scenario->commit);
    if (git_cold(base, &scenario->commit) != want)
        die("celld and git disagree");
    for (size_t i = 0; i < round_count; i++) {
        double start = now_us();
        (void)ours_cold(base, &scenario->commit);
        cold[0][i] = now_us() - start;
        start = now_us();
        (void)git_cold(base, &scenario->commit);
        cold[1][i] = now_us() - start;
        start = now_us();
        (void)ours(mirror, base, &scenario->commit);
        warm[0][i] = now_us() - start;
        start = now_us();
        (void)git_warm(asker, old.tree.hex, new.tree.hex);
        warm[1][i] = now_us() - start;
    }
    mirror_free(mirror);
    printf("%s: %zu changed paths\n", scenario->name, want);
    const double ratio = report("cold", median(cold[0]), median(cold[1]));
    (void)report("warm", median(warm[0]), median(warm[1]));
    return ratio * 100 <= GOAL_PERCENT;
}

static size_t number(const char *text, size_t limit)
{
    char *end = NULL;
    const unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > limit) {
        fprintf(stderr, "usage: bench_changes [CELLS [ROUNDS]]\n");
        exit(2);
    }
    return value;
}

static int remove_entry(const char *path, const struct stat *found, int type, struct FTW *at)
{
    (void)found;
    (void)type;
    (void)at;
    return remove(path);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cell_count = number(argv[1], 100000);
    if (argc > 2)
        round_count = number(argv[2], ROUNDS_LIMIT);
    struct scenario scenarios[] = {{.name = "outside", .cells = 0},
                                   {.name = "one-cell", .cells = 1},
                                   {.name = "ten-cells", .cells = 10},
                                   {.name = "every-cell", .cells = cell_count}};
    const size_t count = sizeof(scenarios) / sizeof(scenarios[0]);
    const struct libgit_limits limits = libgit_limits_default();
    struct error error;
    const char *base_folder = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/celld-bench-XXXXXX",
             base_folder == NULL || strlen(base_folder) > FOLDER_SIZE / 2 ? "/tmp" : base_folder);
    if (mkdtemp(folder) == NULL)
        die("mkdtemp");
    if (libgit_start(&limits, &error) < 0)
        die(error.detail);
    (void)signal(SIGPIPE, SIG_IGN);
    printf("%zu cells of %d files, median of %zu rounds\n", cell_count, FILES_PER_CELL + 1,
           round_count);
    generate(scenarios, count);
    const struct object_id base = resolve("base");
    const struct asker asker = asker_start();
    bool met = true;
    for (size_t i = 0; i < count; i++) {
        scenarios[i].commit = resolve(scenarios[i].name);
        met = measure(&scenarios[i], &base, &asker) && met;
    }
    fclose(asker.to);
    fclose(asker.from);
    wait_for(asker.pid);
    libgit_stop();
    if (nftw(folder, remove_entry, 16, FTW_PHYS | FTW_DEPTH) != 0)
        die("remove");
    printf("goal (cold ratio at most %.1f): %s\n", GOAL_PERCENT / 100.0, met ? "met" : "missed");
    return met ? 0 : 1;
}
