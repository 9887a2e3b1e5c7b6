#include "tests/daemon/journal/bench.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_start_with(struct bench *bench, const struct journal_options *options)
{
    char directory[sizeof(bench->directory)]; /* may be the bench's own */
    (void)snprintf(directory, sizeof(directory), "%s", options->directory);
    struct journal_options copy = *options;
    copy.directory = directory;
    memset(bench, 0, sizeof(*bench));
    memcpy(bench->directory, directory, sizeof(directory));
    CHECK(uv_loop_init(&bench->loop) == 0);
    struct error error;
    CHECK(journal_start(&copy, &bench->loop, &bench->journal, &error) == 0);
}

void bench_start(struct bench *bench, const char *directory)
{
    char made[256];
    if (directory == NULL) {
        const char *base = getenv("TMPDIR");
        (void)snprintf(made, sizeof(made), "%s/journal-XXXXXX", base == NULL ? "/tmp" : base);
        CHECK(mkdtemp(made) != NULL);
        directory = made;
    }
    struct journal_options options = journal_options_default;
    options.directory = directory;
    options.machine = "machine-a";
    bench_start_with(bench, &options);
}

static void forget_rows(struct bench *bench)
{
    for (size_t i = 0; i < bench->row_count; i++) {
        free(bench->rows[i].key);
        free(bench->rows[i].value);
    }
    free(bench->rows);
    bench->rows = NULL;
    bench->row_count = 0;
}

static void on_opened(void *context, int result, const struct journal_opening *opening,
                      const struct error *error)
{
    struct bench *bench = context;
    bench->answered = true;
    bench->result = result;
    forget_rows(bench);
    bench->kept_aside[0] = '\0';
    CHECK((opening != NULL) == (result == 0));
    CHECK((error != NULL) == (result != 0));
    if (result != 0) {
        bench->error = *error;
        return;
    }
    bench->fresh = opening->fresh;
    bench->checked = opening->checked;
    bench->adopt = opening->adopt;
    if (opening->kept_aside != NULL)
        (void)snprintf(bench->kept_aside, sizeof(bench->kept_aside), "%s", opening->kept_aside);
    (void)snprintf(bench->instance, sizeof(bench->instance), "%s", opening->instance);
    bench->row_count = opening->row_count;
    bench->rows = calloc(opening->row_count + 1, sizeof(*bench->rows));
    for (size_t i = 0; i < opening->row_count; i++)
        bench->rows[i] = (struct bench_row){.sequence = opening->rows[i].sequence,
                                            .key = strdup(opening->rows[i].key),
                                            .value = json_canonical(opening->rows[i].value)};
}

static void wait_for_answer(struct bench *bench)
{
    while (!bench->answered)
        CHECK(uv_run(&bench->loop, UV_RUN_ONCE) != 0);
}

void bench_open(struct bench *bench)
{
    bench->answered = false;
    journal_open(bench->journal, on_opened, bench);
    wait_for_answer(bench);
}

static void on_durable(void *context, int result, const struct error *error)
{
    struct bench *bench = context;
    bench->answered = true;
    bench->durable_result = result;
    bench->durable_count++;
    if (result != 0)
        bench->error = *error;
}

int bench_put(struct bench *bench, const char *key, const char *json)
{
    OWNED_JSON *value = json == NULL ? NULL : json_loads(json, JSON_DECODE_ANY, NULL);
    CHECK(json == NULL || value != NULL);
    const struct journal_entry entry = {.key = key, .value = value};
    bench->answered = false;
    const int result = journal_append(bench->journal, &entry, 1, on_durable, bench, &bench->error);
    if (result != 0)
        return result;
    wait_for_answer(bench);
    return bench->durable_result;
}

int bench_adopted(struct bench *bench)
{
    bench->answered = false;
    const int result = journal_adopted(bench->journal, on_durable, bench, &bench->error);
    if (result != 0)
        return result;
    wait_for_answer(bench);
    return bench->durable_result;
}

const char *bench_rows(const struct bench *bench)
{
    static char text[8192];
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < bench->row_count && length < sizeof(text); i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s=%s",
                                   i == 0 ? "" : " ", bench->rows[i].key, bench->rows[i].value);
    return text;
}

static void on_stopped(void *context)
{
    struct bench *bench = context;
    bench->journal = NULL;
}

void bench_stop(struct bench *bench)
{
    journal_stop(bench->journal, on_stopped, bench);
    while (uv_run(&bench->loop, UV_RUN_DEFAULT) != 0)
        continue;
    CHECK(bench->journal == NULL);
    CHECK(uv_loop_close(&bench->loop) == 0);
    forget_rows(bench);
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

void bench_remove_directory(const char *directory)
{
    (void)nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
