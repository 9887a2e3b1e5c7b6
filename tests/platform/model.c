/* The model's outside: options, one request, the passing of time. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdlib.h>
#include <string.h>

void platform_options_default(struct platform_options *ret_options)
{
    *ret_options = (struct platform_options){
        .seed = 1,
        .log_limit = 100000,
        .timing =
            {
                .status = 30,
                .apply = 200,
                .observe = 60,
                .pod_start = 1000,
                .ready_poll = 10000,
                .stable_poll = 300000,
                .project = 60,
                .namespace_new = 250,
                .undeploy = 5200,
                .delete_prb = 10300,
                .environment = 200,
                .retry_first = 200,
                .retry_limit = 1000000,
                .workflow_poll = 20000,
                .workflow_run = 6000,
                .livelock_cycle = 10000,
                .cursor_expiry = 300000,
                .token_life = 3600000,
            },
    };
}

struct platform *platform_new(const struct platform_options *options)
{
    struct platform *p = values_alloc(1, sizeof(*p));
    p->options = *options;
    p->issuer = values_copy_text(options->issuer == NULL ? "https://sts.example" : options->issuer);
    p->static_token =
        options->static_token == NULL ? NULL : values_copy_text(options->static_token);
    p->options.issuer = NULL;
    p->options.static_token = NULL;
    if (p->options.log_limit == 0)
        p->options.log_limit = 100000;
    p->random = options->seed;
    p->now_ms = 0;
    seed_platform(p);
    return p;
}

void platform_restart(struct platform *p, const struct platform_options *options)
{
    p->options.security = options->security;
    p->options.authorization = options->authorization;
    p->options.admission_webhooks = options->admission_webhooks;
    p->options.secret_management = options->secret_management;
    p->options.conflict_percent = options->conflict_percent;
    if (options->issuer != NULL) {
        free(p->issuer);
        p->issuer = values_copy_text(options->issuer);
    }
}

static void free_rules(struct platform *p)
{
    for (size_t i = 0; i < p->image_count; i++)
        free(p->images[i].glob);
    for (size_t i = 0; i < p->workflow_count; i++) {
        free(p->workflows[i].glob);
        free(p->workflows[i].outcome);
    }
    for (size_t i = 0; i < p->token_count; i++) {
        free(p->tokens[i].text);
        free(p->tokens[i].subject);
    }
    free(p->images);
    free(p->workflows);
    free(p->tokens);
}

struct platform *platform_free(struct platform *p)
{
    if (p == NULL)
        return NULL;
    agenda_fini(p);
    for (size_t i = 0; i < p->live.count; i++)
        live_free(p->live.entries[i].value);
    index_fini(&p->live);
    index_fini(&p->namespaces);
    store_free_all(p);
    faults_fini(p);
    log_fini(p);
    free_rules(p);
    for (size_t i = 0; i < sizeof(p->snapshots) / sizeof(*p->snapshots); i++)
        json_decref(p->snapshots[i].items);
    free(p->issuer);
    free(p->static_token);
    free(p);
    return NULL;
}

void platform_advance(struct platform *p, int64_t now_ms)
{
    struct object *o;
    enum slot slot;
    while (agenda_pop(p, now_ms, &o, &slot)) {
        if (p->now_ms < p->stalled_until)
            agenda_set(p, o, slot, p->stalled_until);
        else if (!o->gone)
            controllers_run(p, o, slot);
        store_unref(o);
    }
    if (now_ms > p->now_ms)
        p->now_ms = now_ms;
}

int64_t platform_next_due(const struct platform *p)
{
    const int64_t work = agenda_next(p), pods = live_next_due(p);
    return work < pods ? work : pods;
}

void platform_stall(struct platform *p, int64_t until_ms)
{
    p->stalled_until = until_ms;
}

void platform_stall_data_plane(struct platform *p, int64_t until_ms)
{
    p->data_plane_stalled_from = p->now_ms;
    p->data_plane_stalled_until = until_ms;
}

void platform_response_fini(struct platform_response *response)
{
    free(response->body);
    json_decref(response->document);
    response->body = NULL;
    response->document = NULL;
}

static void spoil_list(struct answer *a, const struct platform_fault *fault)
{
    json_t *items = values_get(a->body, "items"), *pages = values_get(a->body, "pagination");
    if (!json_is_array(items) || pages == NULL)
        return;
    if (fault->kind == PLATFORM_FAULT_EMPTY_LIST)
        json_array_clear(items);
    for (int64_t i = 0; fault->kind == PLATFORM_FAULT_SHORT_LIST && i < fault->parameter; i++)
        if (json_array_size(items) > 0)
            json_array_remove(items, json_array_size(items) - 1);
    json_object_del(pages, "nextCursor");
}

/* A cursor that leads back to the page it came with. */
static void loop_cursor(struct answer *a, const char *path)
{
    json_t *pages = values_get(a->body, "pagination");
    if (pages == NULL)
        return;
    const char *cursor = strstr(path, "cursor=");
    json_object_set_new(pages, "nextCursor",
                        cursor == NULL ? json_string("bG9vcA")
                                       : json_stringn(cursor + 7, strcspn(cursor + 7, "&")));
}

static void answer_fault(struct answer *a, const struct platform_fault *fault)
{
    if (fault->kind == PLATFORM_FAULT_HTML) {
        answer_text(a, 200, "<html><body>Sign in to continue</body></html>\n");
        a->content_type = "text/html; charset=utf-8";
    } else if (fault->kind == PLATFORM_FAULT_RETRY_AFTER) {
        answer_text(a, 429, "Too Many Requests\n");
    } else if (fault->kind == PLATFORM_FAULT_STATUS) {
        answer_error(a, (int)fault->parameter, "Injected failure");
    } else {
        answer_internal(a);
    }
}

static bool is_before(enum platform_fault_kind kind)
{
    return kind == PLATFORM_FAULT_REFUSE || kind == PLATFORM_FAULT_STATUS ||
           kind == PLATFORM_FAULT_RETRY_AFTER || kind == PLATFORM_FAULT_CURSOR_EXPIRED ||
           kind == PLATFORM_FAULT_HTML || kind == PLATFORM_FAULT_CONFLICT;
}

static void apply_after(struct answer *a, const struct platform_fault *fault, const char *path)
{
    if (fault->kind == PLATFORM_FAULT_EMPTY_LIST || fault->kind == PLATFORM_FAULT_SHORT_LIST)
        spoil_list(a, fault);
    else if (fault->kind == PLATFORM_FAULT_CURSOR_LOOP)
        loop_cursor(a, path);
    else if (fault->kind == PLATFORM_FAULT_LATE_ERROR)
        answer_error(a, (int)fault->parameter, "Internal server error");
}

static void finish(struct answer *a, const struct platform_fault *fault, bool as_document,
                   struct platform_response *ret)
{
    *ret =
        (struct platform_response){.status = a->status,
                                   .content_type = a->content_type == NULL ? "" : a->content_type,
                                   .retry_after_s = -1,
                                   .cut = SIZE_MAX};
    if (a->text != NULL) {
        ret->body = a->text;
        ret->length = strlen(a->text);
    } else if (a->body != NULL && as_document) {
        ret->document = json_incref(a->body);
        ret->length = 2; /* as good as any: half of it is torn off */
    } else if (a->body != NULL) {
        ret->body = json_dumps(a->body, JSON_COMPACT | JSON_SORT_KEYS);
        CHECK(ret->body != NULL);
        ret->length = strlen(ret->body);
    }
    json_decref(a->body);
    if (fault == NULL)
        return;
    ret->lost = fault->kind == PLATFORM_FAULT_LOST || fault->kind == PLATFORM_FAULT_REFUSE;
    if (fault->kind == PLATFORM_FAULT_DELAY)
        ret->delay_ms = fault->parameter;
    if (fault->kind == PLATFORM_FAULT_RETRY_AFTER)
        ret->retry_after_s = (int)fault->parameter;
    if (fault->kind == PLATFORM_FAULT_TORN)
        ret->cut = ret->length / 2;
}

static void count(struct platform *p, const struct platform_request *request, int status)
{
    const bool read = strcmp(request->method, "GET") == 0;
    p->counts.reads += read;
    p->counts.writes += !read;
    p->counts.changes += p->changed;
    p->counts.refused += status >= 400;
    p->counts.lists += read && (strchr(request->path, '?') != NULL);
}

void platform_handle(struct platform *p, const struct platform_request *request, int64_t now_ms,
                     struct platform_response *ret_response)
{
    platform_advance(p, now_ms);
    char path[1024];
    const size_t length = strcspn(request->path, "?");
    memcpy(path, request->path, length < sizeof(path) ? length : sizeof(path) - 1);
    path[length < sizeof(path) ? length : sizeof(path) - 1] = '\0';
    const struct platform_fault *fault =
        p->fault_count == 0
            ? NULL
            : faults_match(p, request->method, path, strstr(request->path, "cursor=") != NULL);
    struct answer a = {.status = 0};
    const char *subject = "";
    p->changed = false;
    if (fault != NULL && is_before(fault->kind)) {
        answer_fault(&a, fault);
    } else {
        const bool stale = fault != NULL && fault->kind == PLATFORM_FAULT_STALE;
        api_answer(p, request, stale ? (unsigned)fault->parameter : 0, &a, &subject);
    }
    struct platform_logged *entry = log_add(p, request, subject);
    entry->status = a.status;
    entry->changed = p->changed;
    count(p, request, a.status);
    if (fault != NULL)
        apply_after(&a, fault, request->path);
    finish(&a, fault, request->wants_document, ret_response);
    entry->lost = ret_response->lost;
}

struct platform_counts platform_count(const struct platform *p)
{
    return p->counts;
}

struct platform_dangers platform_danger(const struct platform *p)
{
    return p->dangers;
}
