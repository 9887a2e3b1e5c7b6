/* simulation [--seeds FROM..TO | --seed N] [--trace] [--twice N] [--jobs N] [--faults LIST]: the
 * real engine against the model of the control plane, seed by seed. Every N-th seed runs twice,
 * once with documents and once with their bytes, and must run the same. Exit status 0 only when the
 * law held in all of them and, over 2000 seeds and more, everything that should happen did. */
#include "tests/simulation/run.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEEDS_FOR_ALL 2000 /* so many see every fault and every sight */
#define BYTES_EVERY 16     /* so many seeds send bytes instead of documents */
#define FAILURES_SHOWN 10  /* per job */
#define JOBS_LIMIT 64

struct totals {
    uint64_t seeds, failures, steps, checks;
    int64_t simulated_ms;
    uint64_t hits[FAULT_COUNT], sights[SIGHT_COUNT];
};

struct wish {
    uint64_t from, to;
    uint64_t twice; /* every how manieth seed runs twice; 0 = none */
    unsigned jobs;
    bool trace;
    bool restricted;
    bool allowed[FAULT_COUNT];
    char faults[512];
};

static void usage(void)
{
    fprintf(stderr, "usage: simulation [--seeds FROM..TO | --seed N] [--trace] [--twice N] "
                    "[--jobs N] [--faults NAME,...]\nfaults:");
    for (int i = 0; i < FAULT_COUNT; i++)
        fprintf(stderr, " %s", fault_name((enum fault)i));
    fprintf(stderr, "\n");
}

static bool parse_faults(struct wish *wish, const char *list)
{
    char copy[sizeof wish->faults];
    if (strlen(list) >= sizeof copy)
        return false;
    snprintf(wish->faults, sizeof wish->faults, "%s", list);
    snprintf(copy, sizeof copy, "%s", list);
    wish->restricted = true;
    for (char *rest = copy, *name; (name = strsep(&rest, ",")) != NULL;) {
        const int fault = fault_find(name);
        if (fault < 0 && strcmp(name, "none") != 0)
            return false;
        if (fault >= 0)
            wish->allowed[fault] = true;
    }
    return true;
}

static bool parse(int argc, char **argv, struct wish *wish)
{
    *wish = (struct wish){.from = 1, .to = 100, .twice = 1, .jobs = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--trace") == 0) {
            wish->trace = true;
        } else if (strcmp(argv[i], "--twice") == 0 && value != NULL) {
            wish->twice = strtoull(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--jobs") == 0 && value != NULL) {
            wish->jobs = (unsigned)strtoul(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--seed") == 0 && value != NULL) {
            wish->from = wish->to = strtoull(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--seeds") == 0 && value != NULL) {
            char *end = NULL;
            wish->from = strtoull(value, &end, 10);
            if (strncmp(end, "..", 2) != 0)
                return false;
            wish->to = strtoull(end + 2, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--faults") == 0 && value != NULL) {
            if (!parse_faults(wish, value))
                return false;
            i++;
        } else {
            return false;
        }
    }
    return wish->from <= wish->to && wish->jobs >= 1 && wish->jobs <= JOBS_LIMIT;
}

static void add(struct totals *totals, const struct run_result *result)
{
    totals->seeds++;
    totals->steps += result->steps;
    totals->checks += result->checks;
    totals->simulated_ms += result->simulated_ms;
    for (int i = 0; i < FAULT_COUNT; i++)
        totals->hits[i] += result->hits[i];
    for (int i = 0; i < SIGHT_COUNT; i++)
        totals->sights[i] += result->seen[i];
}

static void run_twice(const struct wish *wish, uint64_t seed, struct totals *totals)
{
    struct run_wish one = {.seed = seed,
                           .allowed = wish->restricted ? wish->allowed : NULL,
                           .trace = wish->trace,
                           .bytes = seed % BYTES_EVERY == 0};
    struct run_result result, again;
    run_seed(&one, &result);
    add(totals, &result);
    if (result.violation[0] == '\0' && wish->twice > 0 && seed % wish->twice == 0) {
        one.trace = false;
        one.bytes = !one.bytes;
        run_seed(&one, &again);
        if (again.trace != result.trace)
            snprintf(result.violation, sizeof result.violation,
                     "I20: the same seed ran differently the second time");
    }
    if (result.violation[0] == '\0')
        return;
    if (++totals->failures <= FAILURES_SHOWN)
        printf("seed %" PRIu64 ": %s\n  replay: simulation --seed %" PRIu64 " --trace%s%s\n", seed,
               result.violation, seed, wish->restricted ? " --faults " : "", wish->faults);
    (void)fflush(stdout);
}

static bool print_counters(const struct totals *totals)
{
    bool all = true;
    for (int i = 0; i < FAULT_COUNT; i++) {
        printf("fault %-20s %" PRIu64 "\n", fault_name((enum fault)i), totals->hits[i]);
        all &= totals->hits[i] > 0;
    }
    for (int i = 0; i < SIGHT_COUNT; i++) {
        printf("sometimes %-20s %" PRIu64 "\n", sight_name((enum sight)i), totals->sights[i]);
        all &= totals->sights[i] > 0;
    }
    return all;
}

static void run_share(const struct wish *wish, unsigned job, struct totals *totals)
{
    for (uint64_t seed = wish->from + job; seed <= wish->to; seed += wish->jobs)
        run_twice(wish, seed, totals);
}

static void merge(struct totals *totals, const struct totals *share)
{
    totals->seeds += share->seeds;
    totals->failures += share->failures;
    totals->steps += share->steps;
    totals->checks += share->checks;
    totals->simulated_ms += share->simulated_ms;
    for (int i = 0; i < FAULT_COUNT; i++)
        totals->hits[i] += share->hits[i];
    for (int i = 0; i < SIGHT_COUNT; i++)
        totals->sights[i] += share->sights[i];
}

/* One process per job: a seed itself never sees another. Returns false when one of them died. */
static bool run_jobs(const struct wish *wish, struct totals *totals)
{
    int pipes[JOBS_LIMIT][2];
    pid_t children[JOBS_LIMIT];
    bool well = true;
    for (unsigned job = 0; job < wish->jobs; job++) {
        if (pipe(pipes[job]) != 0 || (children[job] = fork()) < 0)
            return false;
        if (children[job] > 0) {
            close(pipes[job][1]);
            continue;
        }
        struct totals share = {0};
        run_share(wish, job, &share);
        (void)fflush(stdout);
        _exit(write(pipes[job][1], &share, sizeof share) != (ssize_t)sizeof share);
    }
    for (unsigned job = 0; job < wish->jobs; job++) {
        struct totals share = {0};
        int status = 0;
        well &= read(pipes[job][0], &share, sizeof share) == (ssize_t)sizeof share;
        well &= waitpid(children[job], &status, 0) == children[job] && status == 0;
        close(pipes[job][0]);
        merge(totals, &share);
    }
    return well;
}

int main(int argc, char **argv)
{
    struct wish wish;
    if (!parse(argc, argv, &wish)) {
        usage();
        return 2;
    }
    /* Small blocks of a short life: nothing is given back in between. */
    mallopt(M_MXFAST, 0);
    mallopt(M_TRIM_THRESHOLD, 1 << 28);
    struct totals totals = {0};
    bool well = true;
    if (wish.jobs > 1)
        well = run_jobs(&wish, &totals);
    else
        run_share(&wish, 0, &totals);
    const bool many = totals.seeds >= SEEDS_FOR_ALL && !wish.restricted;
    const bool all = wish.from == wish.to || print_counters(&totals);
    printf("%" PRIu64 " seeds, %" PRIu64 " failed; %.1f hours simulated, %" PRIu64
           " events, %" PRIu64 " assertions\n",
           totals.seeds, totals.failures, (double)totals.simulated_ms / 3.6e6, totals.steps,
           totals.checks);
    if (many && !all)
        printf("something in the lists above never happened\n");
    if (!well)
        printf("a job died over a seed\n");
    return !well || totals.failures > 0 || (many && !all);
}
