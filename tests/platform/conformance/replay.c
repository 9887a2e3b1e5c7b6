#include "tests/platform/conformance/replay.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "tests/platform/conformance/exceptions.h"
#include "tests/platform/conformance/matching.h"
#include "tests/platform/conformance/replay_state.h"
#include "tests/platform/conformance/scene.h"
#include "tests/platform/path.h"

#include <stdlib.h>
#include <string.h>

struct replay *replay_new(bool verbose)
{
    struct replay *r = calloc(1, sizeof(*r));
    CHECK(r != NULL);
    struct platform_options options;
    platform_options_default(&options);
    options.bare = true;
    r->platform = platform_new(&options);
    r->matching = matching_new();
    r->now_ms = START_MS;
    r->verbose = verbose;
    r->uses = calloc(exceptions_count(), sizeof(*r->uses));
    CHECK(r->uses != NULL);
    const char *dump = getenv("CONFORMANCE_DUMP");
    r->dump = dump == NULL ? NULL : fopen(dump, "we");
    platform_advance(r->platform, START_MS);
    return r;
}

struct replay *replay_free(struct replay *r)
{
    if (r != NULL) {
        platform_free(r->platform);
        matching_free(r->matching);
        free(r->uses);
        json_decref(r->last);
        if (r->dump != NULL)
            fclose(r->dump);
    }
    free(r);
    return NULL;
}

/* ---- comparing ---- */

/* Some recordings keep of lists the names only. */
static void shorten_items(json_t *body)
{
    size_t i;
    json_t *item;
    json_t *items = json_object_get(body, "items");
    json_array_foreach(items, i, item)
    {
        const char *name = json_text_or(json_at(item, "metadata", "name", NULL), "");
        json_array_set_new(items, i, json_pack("{s:{s:s}}", "metadata", "name", name));
    }
}

static void collect(struct replay *r, const struct exchange *x, const struct reply *reply,
                    bool learn, struct differences *ret)
{
    *ret = (struct differences){.count = 0};
    json_decref(r->last);
    r->last = replay_pack(reply);
    if (strstr(x->note, "items shortened to their names") != NULL)
        shorten_items(reply->body);
    if (reply->status != x->status) {
        struct difference *d = &ret->items[ret->count++];
        snprintf(d->pointer, sizeof(d->pointer), "status");
        snprintf(d->text, sizeof(d->text), "recorded %d, ours %d", x->status, reply->status);
    }
    if (strcmp(reply->content_type, x->content_type) != 0) {
        struct difference *d = &ret->items[ret->count++];
        snprintf(d->pointer, sizeof(d->pointer), "content-type");
        snprintf(d->text, sizeof(d->text), "recorded %s, ours %s", x->content_type,
                 reply->content_type);
    }
    matching_compare(r->matching, x->answer, reply->body, x->key, learn, ret);
}

/* How many differences no exception covers. */
static size_t uncovered(const struct replay *r, const struct exchange *x,
                        const struct differences *d)
{
    size_t count = 0;
    for (size_t i = 0; i < d->count; i++)
        count += exceptions_find(r->file, x->line, d->items[i].pointer) < 0;
    return count;
}

static void note_exceptions(struct replay *r, const struct exchange *x, const struct differences *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const int row = exceptions_find(r->file, x->line, d->items[i].pointer);
        if (row < 0 || r->uses[row].last == x->line)
            continue;
        r->uses[row].lines++;
        r->uses[row].last = x->line;
    }
}

static void report(const struct replay *r, const struct exchange *x, const struct differences *d)
{
    fprintf(stderr, "%s line %d: %s %s -> %d (%s)\n", r->file, x->line, x->method, x->recorded_path,
            x->status, x->note);
    for (size_t i = 0; i < d->count; i++)
        if (exceptions_find(r->file, x->line, d->items[i].pointer) < 0 && (i < 8 || r->verbose))
            fprintf(stderr, "    %s: %s\n", d->items[i].pointer, d->items[i].text);
}

/* For checks by other programs. */
static void dump(const struct replay *r, const struct exchange *x)
{
    if (r->dump == NULL)
        return;
    json_t *row = json_pack("{s:s,s:i,s:s,s:s,s:s*,s:i,s:O,s:O}", "file", r->file, "line", x->line,
                            "method", x->method, "path", x->path, "request", x->body, "recorded",
                            x->status, "answer", x->answer, "ours", r->last);
    CHECK(row != NULL);
    json_dumpf(row, r->dump, JSON_COMPACT);
    fputc('\n', r->dump);
    json_decref(row);
}

static void judge(struct replay *r, const struct exchange *x, const struct differences *d,
                  struct replay_result *result)
{
    result->exchanges++;
    dump(r, x);
    if (uncovered(r, x, d) > 0) {
        result->failed++;
        report(r, x, d);
        return;
    }
    result->matched += d->count == 0;
    result->excepted += d->count > 0;
    note_exceptions(r, x, d);
}

/* ---- exchanges ---- */

static const char *authorization_of(const struct replay *r, const struct exchange *x)
{
    return scene_authorization(r->file, x->line);
}

static double seconds_of(const char *note)
{
    return strncmp(note, "t+", 2) == 0 ? strtod(note + 2, NULL) : 0;
}

struct search {
    struct differences best;
    size_t least;
    bool found;
};

static void try_reply(struct replay *r, const struct exchange *x, const struct reply *reply,
                      struct search *search)
{
    struct differences d;
    collect(r, x, reply, false, &d);
    search->found = uncovered(r, x, &d) == 0;
    if (search->found)
        collect(r, x, reply, true, &d);
    if (search->found || d.weight < search->least) {
        search->least = search->found ? 0 : d.weight;
        search->best = d;
    }
}

/* Looks through what a polled path has answered since it was last asked for. */
static void search_answers(struct replay *r, const struct exchange *x, struct watch *w,
                           struct search *search)
{
    for (size_t i = w->from; i < json_array_size(w->answers) && !search->found; i++) {
        const json_t *packed = json_array_get(w->answers, i);
        const struct reply reply = {
            .status = (int)json_integer_value(json_object_get(packed, "status")),
            .content_type = json_string_value(json_object_get(packed, "type")),
            .body = json_object_get(packed, "body")};
        try_reply(r, x, &reply, search);
        if (search->found)
            w->from = i;
    }
}

/* A poll: the recorded state must come, sooner or later. */
static void replay_read(struct replay *r, const struct exchange *x, struct replay_result *result)
{
    const bool rare = strstr(x->note, "after the manual change") != NULL;
    int64_t end = r->now_ms + (rare ? 3 * HORIZON_MS : HORIZON_MS);
    struct search search = {.least = SIZE_MAX};
    struct watch *w = replay_find_watch(r, x->path);
    if (scene_is_crowded(r->file))
        end = r->file_start_ms + (int64_t)(seconds_of(x->note) * 1000) + 3000;
    for (size_t tried = 0;;) {
        if (w != NULL) {
            const size_t count = json_array_size(w->answers);
            if (tried != count)
                search_answers(r, x, w, &search);
            tried = count;
        } else {
            const struct reply reply =
                replay_ask(r, x->method, x->path, x->body, authorization_of(r, x));
            try_reply(r, x, &reply, &search);
            json_decref(reply.body);
        }
        if (search.found || r->now_ms >= end)
            break;
        replay_step(r, end);
    }
    judge(r, x, &search.best, result);
}

/* A PUT answers with the status from before: wait until ours is the recorded one. */
static void wait_for_status(struct replay *r, const struct exchange *x)
{
    const json_t *wanted = json_object_get(x->answer, "status");
    const int64_t end = r->now_ms + (scene_is_crowded(r->file) ? 500 : 40000);
    if (wanted == NULL || x->status != 200)
        return;
    while (r->now_ms < end) {
        const struct reply reply = replay_ask(r, "GET", x->path, NULL, scene_token());
        struct differences d = {.count = 0};
        matching_compare(r->matching, wanted, json_object_get(reply.body, "status"), x->key, false,
                         &d);
        json_decref(reply.body);
        if (d.count == 0)
            return;
        replay_step(r, end);
    }
}

static void replay_write(struct replay *r, const struct exchange *x, int64_t at_ms,
                         struct replay_result *result)
{
    replay_pass(r, REQUEST_MS);
    replay_step_to(r, at_ms);
    if (strcmp(x->method, "PUT") == 0)
        wait_for_status(r, x);
    struct differences d;
    const struct reply reply = replay_ask(r, x->method, x->path, x->body, authorization_of(r, x));
    collect(r, x, &reply, false, &d);
    if (uncovered(r, x, &d) == 0)
        collect(r, x, &reply, true, &d);
    json_decref(reply.body);
    replay_forget_answers(r, x->key[0] == '\0' ? x->path : x->key);
    judge(r, x, &d, result);
}

static void make_key(struct exchange *x)
{
    struct path path;
    path_parse(&path, x->path);
    const bool namespaced = path.count > 3 && strcmp(path.segments[2], "namespaces") == 0;
    const size_t wanted = namespaced ? 6 : 4;
    x->key[0] = '\0';
    if (path.count == wanted && strcmp(path.segments[1], "v1") == 0 &&
        strcmp(path.segments[2], "authz") != 0)
        snprintf(x->key, sizeof(x->key), "%.500s", x->path);
    path_fini(&path); /* NOLINT(clang-analyzer-unix.Malloc): it frees what path_parse made */
}

static char *body_of(const json_t *body)
{
    if (body == NULL || json_is_null(body))
        return NULL;
    return json_is_string(body) ? strdup(json_string_value(body))
                                : json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
}

static void replay_exchange(struct replay *r, const json_t *row, struct replay_result *result)
{
    const json_t *request = json_object_get(row, "request");
    const json_t *response = json_object_get(row, "response");
    struct exchange x = {
        .line = (int)json_integer_value(json_object_get(row, "n")),
        .method = json_text_or(json_object_get(request, "method"), ""),
        .note = json_text_or(json_object_get(row, "note"), ""),
        .recorded_path = json_text_or(json_object_get(request, "path"), ""),
        .status = (int)json_integer_value(json_object_get(response, "status")),
        .content_type = json_text_or(json_at(response, "headers", "content-type", NULL), ""),
        .answer = json_object_get(response, "body"),
    };
    const int64_t meanwhile = scene_before(r->platform, r->file, x.line, x.note, r->now_ms);
    r->file_start_ms += meanwhile;
    replay_pass(r, meanwhile);
    char *body = body_of(json_object_get(request, "body"));
    x.path = matching_translate(r->matching, x.recorded_path);
    x.body = body == NULL ? NULL : matching_translate(r->matching, body);
    make_key(&x);
    if (strstr(x.path, "/generate-release") != NULL && x.status == 201)
        replay_put_type_in_place(r, &x);
    if (strcmp(x.method, "POST") == 0 && x.status == 201) { /* the object that it makes */
        const char *name = json_text_or(json_at(x.answer, "metadata", "name", NULL), "");
        struct exchange made = x;
        made.path = malloc(strlen(x.path) + strlen(name) + 2);
        CHECK(made.path != NULL);
        sprintf(made.path, "%s/%s", x.path, name);
        make_key(&made);
        replay_set_scene(r, &made);
        json_object_set_new(r->made, made.key, json_true());
        matching_set_offset(r->matching, made.key, 0);
        snprintf(x.key, sizeof(x.key), "%s", made.key);
        free(made.path);
    } else {
        replay_set_scene(r, &x);
    }
    const int64_t at_ms = r->file_start_ms + (int64_t)(seconds_of(x.note) * 1000);
    const char *tree = strstr(x.path, "/k8sresources/tree");
    char owner[512] = "";
    if (tree != NULL)
        snprintf(owner, sizeof(owner), "%.*s", (int)(tree - x.path), x.path);
    matching_set_tree(r->matching, tree != NULL, json_object_get(r->made, owner) == NULL);
    if (strcmp(x.method, "GET") == 0) {
        const bool polled = scene_is_polled(r->file, x.note);
        if (!polled)
            replay_step_to(r, at_ms);
        replay_read(r, &x, result);
    } else {
        replay_write(r, &x, at_ms, result);
    }
    free(x.path);
    free(x.body);
    free(body);
}

bool replay_file(struct replay *r, const char *name, const char *path,
                 struct replay_result *ret_result)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    struct replay_result result = {0};
    char *line = NULL;
    size_t capacity = 0;
    replay_pass(r, BETWEEN_FILES_MS);
    r->file = name;
    r->file_start_ms = r->now_ms;
    r->seen = json_object();
    r->made = json_object();
    matching_forget_offsets(r->matching);
    scene_open(r->platform, name);
    replay_add_watches(r, file);
    while (getline(&line, &capacity, file) > 0) {
        json_t *row = json_loads(line, 0, NULL);
        CHECK(row != NULL);
        replay_exchange(r, row, &result);
        json_decref(row);
    }
    scene_close(r->platform);
    replay_drop_watches(r);
    json_decref(r->seen);
    json_decref(r->made);
    free(line);
    fclose(file);
    *ret_result = result;
    return true;
}

unsigned replay_unused_exceptions(const struct replay *r, bool with_optional_files)
{
    unsigned unused = 0;
    for (size_t i = 0; i < exceptions_count(); i++) {
        const struct exception *e = &exceptions_table[i];
        if (r->uses[i].lines == e->to - e->from + 1 ||
            (!with_optional_files && scene_is_optional(e->file)))
            continue;
        fprintf(stderr, "exception no longer needed: %s lines %d to %d, %s\n", e->file, e->from,
                e->to, e->pointer);
        unused++;
    }
    return unused;
}
