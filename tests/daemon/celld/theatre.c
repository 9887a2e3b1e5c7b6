#include "tests/daemon/celld/theatre.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <criterion/criterion.h>

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEADLINE_MS 30000
#define TICK_MS 5

/* --- the control plane ------------------------------------------------------------------------ */

/* Two pages; the second one is lost the first time. */
static void give_torn(struct theatre *theatre, const struct web_request *request,
                      struct web_reply *reply)
{
    if (request->cursor == NULL) {
        const unsigned attempt = atomic_fetch_add(&theatre->first_pages, 1);
        text_format(&reply->body,
                    "{\"items\":[{\"metadata\":{\"name\":\"a%u\",\"uid\":\"a\"}}],"
                    "\"pagination\":{\"nextCursor\":\"2\"}}",
                    attempt);
    } else if (atomic_load(&theatre->first_pages) == 1) {
        reply->status = 500;
        text_add(&reply->body, "{\"error\":\"Internal server error\",\"code\":\"INTERNAL_ERROR\"}");
    } else {
        text_add(&reply->body, "{\"items\":[{\"metadata\":{\"name\":\"b\",\"uid\":\"b\"}}],"
                               "\"pagination\":{}}");
    }
}

static void serve(void *context, const struct web_request *request, struct web_reply *reply)
{
    struct theatre *theatre = context;
    (void)atomic_fetch_add(&theatre->asked, 1);
    if (strcmp(request->path, "/torn") == 0) {
        give_torn(theatre, request, reply);
    } else if (strcmp(request->path, "/broken") == 0) {
        reply->status = 500;
        text_add(&reply->body, "{\"error\":\"Internal server error\",\"code\":\"INTERNAL_ERROR\"}");
    } else if (credentials_guard(request->path)) {
        /* As the real one: what was sent comes back, and in words when it is refused. */
        theatre->canary_sent =
            request->body != NULL && strstr(request->body, CANARY_SECRET) != NULL;
        reply->status = strstr(request->path, "refused") != NULL ? 422 : 201;
        text_format(&reply->body, "{\"error\":\"%s\",\"code\":\"X\",\"data\":{\"k\":\"%s\"}}",
                    CANARY_SECRET, CANARY_SECRET);
    } else if (strcmp(request->path, "/missing") == 0) {
        reply->status = 404;
        text_add(&reply->body, "{\"error\":\"not found\",\"code\":\"NOT_FOUND\"}");
    } else {
        text_add(&reply->body, "{\"metadata\":{\"name\":\"x\",\"uid\":\"1\"}}");
    }
}

/* --- hooks ------------------------------------------------------------------------------------ */

static void deliver(void *context, const struct engine_event *event)
{
    static const char *const outcomes[] = {[ANSWER_RECEIVED] = "received",
                                           [ANSWER_NOT_SENT] = "not-sent",
                                           [ANSWER_UNKNOWN] = "unknown"};
    struct theatre *theatre = context;
    if (event->kind == EVENT_ANSWER) {
        const struct error *err = event->as.answer.error;
        theatre->canary_back = theatre->canary_back ||
                               (err != NULL && strstr(err->detail, CANARY_SECRET) != NULL) ||
                               json_at(event->as.answer.body, "data", NULL) != NULL;
        text_format(&theatre->trace, " answer:%llu:%s:%d", (unsigned long long)event->as.answer.id,
                    outcomes[event->as.answer.outcome], event->as.answer.status);
    } else {
        cr_assert_eq(event->kind, EVENT_LISTED);
        text_format(&theatre->trace, " listed:%llu:%s", (unsigned long long)event->as.listed.id,
                    event->as.listed.complete ? "complete" : "incomplete");
        json_decref(theatre->items);
        theatre->items =
            event->as.listed.items == NULL ? NULL : json_deep_copy(event->as.listed.items);
    }
}

static void perform(void *context, const struct effect *effect)
{
    struct theatre *theatre = context;
    if (effect->kind == EFFECT_WAKE) {
        text_add(&theatre->trace, " wake");
        return;
    }
    if (effect->kind == EFFECT_CANCEL) /* it may be a question's to a source of metrics */
        return;
    cr_assert_eq(effect->kind, EFFECT_PUBLISH);
    text_add(&theatre->trace, " publish");
    theatre->commits_at_publish = journal_counters(theatre->journal).commits;
    if (theatre->next != NULL) {
        struct effect_list next = *theatre->next;
        theatre->next = NULL;
        executor_run(theatre->executor, &next);
    }
}

static void storage_failed(void *context, const struct error *err)
{
    struct theatre *theatre = context;
    theatre->failures++;
    theatre->failure = *err;
}

/* --- life ------------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    struct theatre *theatre = timer->data;
    theatre->is_late = uv_now(&theatre->loop) > theatre->deadline_ms;
}

static void turn(struct theatre *theatre)
{
    cr_assert_not(theatre->is_late, "nothing happened in time; so far:%s",
                  text_get(&theatre->trace));
    (void)uv_run(&theatre->loop, UV_RUN_ONCE);
}

static void on_opened(void *context, int result, const struct journal_opening *opening,
                      const struct error *err)
{
    struct theatre *theatre = context;
    (void)opening;
    cr_assert_eq(result, 0, "%s", result == 0 ? "" : err->detail);
    theatre->steps_open = 0;
}

static void start_journal(struct theatre *theatre, uint64_t file_bytes)
{
    struct error err = {0};
    struct journal_options options = journal_options_default;
    options.directory = theatre->directory;
    options.machine = "machine-a";
    if (file_bytes > 0)
        options.file_bytes = file_bytes;
    cr_assert_eq(journal_start(&options, &theatre->loop, &theatre->journal, &err), 0, "%s",
                 err.detail);
    theatre->steps_open = 1;
    journal_open(theatre->journal, on_opened, theatre);
    while (theatre->steps_open > 0)
        turn(theatre);
}

static void hand_over(struct theatre *theatre)
{
    char path[128];
    struct error err = {0};
    (void)snprintf(path, sizeof(path), "%s/secret-a", theatre->directory);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert(fputs(CANARY_SECRET, file) >= 0 && fclose(file) == 0 && chmod(path, 0600) == 0);
    cr_assert_eq(
        credentials_read(theatre->directory, theatre->directory, &theatre->credentials, &err), 0,
        "%s", err.detail);
}

void theatre_open(struct theatre *theatre, uint64_t file_bytes)
{
    char address[64];
    struct error err = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    memset(theatre, 0, sizeof(*theatre));
    text_init(&theatre->trace, 65536);
    (void)snprintf(theatre->directory, sizeof(theatre->directory), "/tmp/celld-theatre-XXXXXX");
    cr_assert_not_null(mkdtemp(theatre->directory));
    cr_assert_eq(uv_loop_init(&theatre->loop), 0);
    cr_assert_eq(uv_timer_init(&theatre->loop, &theatre->tick), 0);
    theatre->tick.data = theatre;
    theatre->deadline_ms = uv_now(&theatre->loop) + DEADLINE_MS;
    cr_assert_eq(uv_timer_start(&theatre->tick, on_tick, TICK_MS, TICK_MS), 0);
    start_journal(theatre, file_bytes);
    theatre->web = web_start(&(struct web_options){.handler = serve, .context = theatre});
    (void)snprintf(address, sizeof(address), "http://127.0.0.1:%u", web_port(theatre->web));
    cr_assert_eq(client_new(&theatre->loop, &(struct client_options){.base_url = address},
                            &theatre->client, &err),
                 0, "%s", err.detail);
    hand_over(theatre);
    const struct executor_hooks hooks = {.context = theatre,
                                         .deliver = deliver,
                                         .perform = perform,
                                         .storage_failed = storage_failed};
    theatre->executor =
        executor_new(theatre->journal, theatre->client, theatre->credentials, &hooks);
    cr_assert_not_null(theatre->executor);
}

static void on_closed(void *context)
{
    struct theatre *theatre = context;
    theatre->steps_open--;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    (void)about;
    (void)kind;
    (void)at;
    return remove(path);
}

void theatre_close(struct theatre *theatre)
{
    if (theatre->executor != NULL)
        theatre->executor = executor_free(theatre->executor);
    theatre->steps_open = 2;
    client_close(theatre->client, on_closed, theatre);
    journal_stop(theatre->journal, on_closed, theatre);
    while (theatre->steps_open > 0)
        turn(theatre);
    uv_close((uv_handle_t *)&theatre->tick, NULL);
    (void)uv_run(&theatre->loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&theatre->loop), 0, "handles are left");
    web_stop(theatre->web);
    theatre->credentials = credentials_free(theatre->credentials);
    json_decref(theatre->items);
    text_fini(&theatre->trace);
    (void)nftw(theatre->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- what a test says ------------------------------------------------------------------------- */

void theatre_run_until(struct theatre *theatre, const char *text)
{
    while (strstr(text_get(&theatre->trace), text) == NULL)
        turn(theatre);
}

void theatre_run_until_failed(struct theatre *theatre)
{
    while (theatre->failures == 0)
        turn(theatre);
}

void theatre_expect(const struct theatre *theatre, const char *trace)
{
    cr_expect_str_eq(text_get(&theatre->trace), trace);
}

void theatre_do(struct theatre *theatre, struct effect_list *effects)
{
    cr_assert_eq(effects->status, 0);
    executor_run(theatre->executor, effects);
    cr_assert_eq(effects->count, 0u, "the executor takes the effects");
}

void theatre_persist(struct effect_list *effects, const char *key, size_t value_bytes)
{
    struct effect effect = {.kind = EFFECT_PERSIST};
    char *text = malloc(value_bytes + 1);
    memset(text, 'v', value_bytes);
    text[value_bytes] = '\0';
    effect.as.persist.key = strdup(key);
    effect.as.persist.value = json_pack("{s:s}", "text", text);
    free(text);
    effect_list_add(effects, &effect);
}

void theatre_request(struct effect_list *effects, uint64_t id, const char *method, const char *path)
{
    struct effect effect = {.kind = EFFECT_REQUEST};
    effect.as.request.id = id;
    effect.as.request.method = method;
    effect.as.request.path = strdup(path);
    effect.as.request.write = strcmp(method, "GET") != 0;
    if (effect.as.request.write)
        effect.as.request.body = json_object();
    effect_list_add(effects, &effect);
}

void theatre_list(struct effect_list *effects, uint64_t id, const char *path)
{
    struct effect effect = {.kind = EFFECT_LIST};
    effect.as.list.id = id;
    effect.as.list.path = strdup(path);
    effect_list_add(effects, &effect);
}

void theatre_cancel(struct effect_list *effects, uint64_t id)
{
    struct effect effect = {.kind = EFFECT_CANCEL};
    effect.as.cancel.id = id;
    effect_list_add(effects, &effect);
}

void theatre_publish(struct effect_list *effects)
{
    effect_list_add(effects, &(struct effect){.kind = EFFECT_PUBLISH});
}

void theatre_wake(struct effect_list *effects)
{
    effect_list_add(effects, &(struct effect){.kind = EFFECT_WAKE});
}
