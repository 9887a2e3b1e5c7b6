#include "config/base/check.h"
#include "config/base/json.h"
#include "tests/platform/conformance/matching.h"
#include "tests/platform/conformance/replay_state.h"
#include "tests/platform/conformance/scene.h"

#include <stdlib.h>
#include <string.h>

struct reply replay_ask(struct replay *r, const char *method, const char *path, const char *body,
                        const char *authorization)
{
    const struct platform_request request = {.method = method,
                                             .path = path,
                                             .authorization = authorization,
                                             .body = body,
                                             .body_length = body == NULL ? 0 : strlen(body)};
    struct platform_response response;
    platform_handle(r->platform, &request, r->now_ms, &response);
    struct reply reply = {.status = response.status, .content_type = response.content_type};
    if (response.body == NULL)
        reply.body = json_string("");
    else if (strcmp(response.content_type, "application/json") == 0)
        reply.body = json_loadb(response.body, response.length, JSON_DECODE_ANY, NULL);
    else
        reply.body = json_string(response.body);
    CHECK(reply.body != NULL);
    platform_response_fini(&response);
    return reply;
}

json_t *replay_pack(const struct reply *reply)
{
    json_t *packed = json_pack("{s:i,s:s,s:O}", "status", reply->status, "type",
                               reply->content_type, "body", reply->body);
    CHECK(packed != NULL);
    return packed;
}

static void sample(struct replay *r)
{
    for (size_t i = 0; i < r->watch_count; i++) {
        struct watch *w = &r->watches[i];
        const struct reply reply = replay_ask(r, "GET", w->path, NULL, scene_token());
        json_t *packed = replay_pack(&reply);
        const size_t count = json_array_size(w->answers);
        if (count == 0 || !json_equal(json_array_get(w->answers, count - 1), packed))
            json_array_append(w->answers, packed);
        json_decref(packed);
        json_decref(reply.body);
    }
}

/* One piece of the controllers' work, but not beyond `end`. */
void replay_step(struct replay *r, int64_t end)
{
    const int64_t next = platform_next_due(r->platform);
    r->now_ms = next <= r->now_ms ? r->now_ms + 1 : next < end ? next : end;
    platform_advance(r->platform, r->now_ms);
    sample(r);
}

void replay_step_to(struct replay *r, int64_t at_ms)
{
    while (r->now_ms < at_ms)
        replay_step(r, at_ms);
}

void replay_pass(struct replay *r, int64_t ms)
{
    if (ms > 0)
        replay_step_to(r, r->now_ms + ms);
}

struct watch *replay_find_watch(struct replay *r, const char *path)
{
    for (size_t i = 0; i < r->watch_count; i++)
        if (strcmp(r->watches[i].path, path) == 0)
            return &r->watches[i];
    return NULL;
}

/* After a write of an object, what it answered before it counts no more. */
void replay_forget_answers(struct replay *r, const char *path)
{
    struct watch *w = replay_find_watch(r, path);
    if (w != NULL)
        w->from = json_array_size(w->answers);
    sample(r);
    if (w != NULL && w->from == json_array_size(w->answers) && w->from > 0)
        w->from--;
}

void replay_add_watches(struct replay *r, FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, file) > 0) {
        json_t *row = json_loads(line, 0, NULL);
        const char *note = json_text_or(json_object_get(row, "note"), "");
        const char *path = json_text_or(json_at(row, "request", "path", NULL), "");
        if (scene_is_polled(r->file, note) && replay_find_watch(r, path) == NULL) {
            struct watch *all = realloc(r->watches, (r->watch_count + 1) * sizeof(*all));
            CHECK(all != NULL);
            r->watches = all;
            all[r->watch_count++] = (struct watch){strdup(path), json_array(), 0};
        }
        json_decref(row);
    }
    free(line);
    rewind(file);
}

void replay_drop_watches(struct replay *r)
{
    for (size_t i = 0; i < r->watch_count; i++) {
        free(r->watches[i].path);
        json_decref(r->watches[i].answers);
    }
    free(r->watches);
    r->watches = NULL;
    r->watch_count = 0;
}
