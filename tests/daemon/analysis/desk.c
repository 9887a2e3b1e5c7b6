#include "tests/daemon/analysis/desk.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 30000
#define TICK_MS 5

static void on_tick(uv_timer_t *timer)
{
    struct desk *desk = timer->data;
    if (uv_now(&desk->loop) > desk->deadline_ms)
        desk->is_late = true;
}

static void arm(struct desk *desk)
{
    uv_update_time(&desk->loop);
    desk->deadline_ms = uv_now(&desk->loop) + DEADLINE_MS;
}

void desk_make(struct desk *desk)
{
    (void)signal(SIGPIPE, SIG_IGN);
    memset(desk, 0, sizeof(*desk));
    (void)snprintf(desk->directory, sizeof(desk->directory), "/tmp/celld-desk-XXXXXX");
    cr_assert_not_null(mkdtemp(desk->directory));
    cr_assert_eq(uv_loop_init(&desk->loop), 0);
    cr_assert_eq(uv_timer_init(&desk->loop, &desk->tick), 0);
    desk->tick.data = desk;
    arm(desk);
    cr_assert_eq(uv_timer_start(&desk->tick, on_tick, TICK_MS, TICK_MS), 0);
}

const char *desk_file(struct desk *desk, const char *name, const char *text)
{
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", desk->directory, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    return path;
}

static int find_secret(const struct secret_source *source, const char *what, char **ret_path,
                       struct error *err)
{
    *ret_path = source->file.text == NULL ? NULL : strdup(source->file.text);
    if (source->credential.text != NULL)
        return error_set(err, ERROR_INVALID, ERR_INVALID, "%s is missing", what);
    return 0;
}

static void on_answer(void *context, uint64_t id, const json_t *answer, const struct error *err)
{
    struct desk *desk = context;
    cr_assert_lt(desk->count, (size_t)DESK_LIMIT);
    cr_expect_eq(answer == NULL, err != NULL);
    struct desk_result *result = &desk->results[desk->count++];
    *result = (struct desk_result){.id = id};
    if (answer != NULL)
        result->answer = json_deep_copy(answer);
    else
        result->error = *err;
}

static void read_settings(struct desk *desk, const char *yaml)
{
    char text[DESK_TEXT_SIZE];
    struct diagnostics *found = diagnostics_new(100);
    (void)snprintf(text, sizeof(text),
                   "repository: {url: \"https://git.example/a.git\"}\n"
                   "platform: {url: \"https://api.example\", auth: token, secret: {file: /x}}\n"
                   "metrics: %s\n",
                   yaml);
    OWNED_TEXT said;
    text_init(&said, DESK_TEXT_SIZE);
    const int result = settings_read("celld.yaml", text, strlen(text), found, &desk->settings);
    const int written = diagnostics_write(found, DIAGNOSTIC_TEXT, &said);
    cr_assert_eq(result, 0, "%d %s", written, text_get(&said));
    diagnostics_free(found);
}

static int open_sources(struct desk *desk, const char *yaml, const struct token_source *platform,
                        struct error *err)
{
    static const struct token_source nothing = {.kind = TOKEN_NONE};
    read_settings(desk, yaml);
    const struct sources_options options = {
        .settings = &desk->settings->metrics,
        .platform = platform == NULL ? &nothing : platform,
        .find_secret = find_secret,
        .seed = 7,
    };
    const struct sources_hooks hooks = {.context = desk, .answered = on_answer};
    return sources_new(&desk->loop, &options, &hooks, &desk->sources, err);
}

void desk_open(struct desk *desk, const char *yaml, const struct token_source *platform)
{
    struct error err = {0};
    cr_assert_eq(open_sources(desk, yaml, platform, &err), 0, "%s", err.detail);
}

const char *desk_refused(struct desk *desk, const char *yaml)
{
    static struct error err;
    cr_assert_lt(open_sources(desk, yaml, NULL, &err), 0);
    settings_free(desk->settings);
    desk->settings = NULL;
    return err.detail;
}

void desk_turn(struct desk *desk)
{
    cr_assert_not(desk->is_late, "nothing happened in time");
    (void)uv_run(&desk->loop, UV_RUN_ONCE);
}

uint64_t desk_send(struct desk *desk, json_t *question)
{
    struct error err = {0};
    cr_assert_eq(sources_ask(desk->sources, ++desk->last_id, question, &err), 0);
    json_decref(question);
    return desk->last_id;
}

void desk_run_until(struct desk *desk, size_t results)
{
    arm(desk);
    while (desk->count < results)
        desk_turn(desk);
}

const struct desk_result *desk_ask(struct desk *desk, json_t *question)
{
    (void)desk_send(desk, question);
    desk_run_until(desk, desk->count + 1);
    cr_assert_eq(desk->results[desk->count - 1].id, desk->last_id);
    return &desk->results[desk->count - 1];
}

static void on_closed(void *context)
{
    struct desk *desk = context;
    desk->is_closed = true;
}

static void remove_files(const char *directory)
{
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    cr_assert_not_null(entries);
    while ((entry = readdir(entries)) != NULL)
        (void)unlinkat(dirfd(entries), entry->d_name, 0);
    (void)closedir(entries);
    cr_expect_eq(rmdir(directory), 0);
}

void desk_close(struct desk *desk)
{
    arm(desk);
    if (desk->sources != NULL)
        sources_close(desk->sources, on_closed, desk);
    while (desk->sources != NULL && !desk->is_closed)
        desk_turn(desk);
    uv_close((uv_handle_t *)&desk->tick, NULL);
    while (uv_run(&desk->loop, UV_RUN_DEFAULT) != 0)
        continue;
    cr_expect_eq(uv_loop_close(&desk->loop), 0);
    for (size_t i = 0; i < desk->count; i++)
        json_decref(desk->results[i].answer);
    settings_free(desk->settings);
    remove_files(desk->directory);
}
