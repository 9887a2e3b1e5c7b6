#include "tests/platform/conformance/replay.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "tests/platform/conformance/exceptions.h"
#include "tests/platform/conformance/matching.h"
#include "tests/platform/conformance/scene.h"
#include "tests/platform/path.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-11-22T20:32:11Z: when the first recording was made. */
#define START_MS INT64_C(1795379531000)
#define BETWEEN_FILES_MS 400000
#define REQUEST_MS 12 /* that a write takes at least */
#define HORIZON_MS 130000

/* What a polled path answered over time: several objects are polled side by side, and a state that
 * one of them had while another was waited for counts as reached. */
struct watch {
    char *path;
    json_t *answers; /* of {"status","type","body"}, each differing from the one before */
    size_t from;     /* the first that may still be asked for */
};

/* How many lines an exception was needed for, and the last of them. */
struct use {
    int lines, last;
};

struct replay {
    struct platform *platform;
    struct watch *watches;
    size_t watch_count;
    struct matching *matching;
    int64_t now_ms, file_start_ms;
    const char *file;
    json_t *seen; /* objects that this file has shown or written */
    json_t *made; /* ... and those that it has created */
    bool verbose;
    struct use *uses; /* of exceptions */
};

struct exchange {
    int line;
    const char *method, *note, *recorded_path;
    char *path, *body;
    int status;
    const char *content_type;
    const json_t *answer;
    char key[512]; /* of the object at the path; "" = none */
};

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
    platform_advance(r->platform, START_MS);
    return r;
}

struct replay *replay_free(struct replay *r)
{
    if (r != NULL) {
        platform_free(r->platform);
        matching_free(r->matching);
        free(r->uses);
    }
    free(r);
    return NULL;
}

/* ---- talking to the model ---- */

struct reply {
    int status;
    const char *content_type;
    json_t *body; /* owned; texts as JSON strings, nothing as null */
};

static struct reply ask(struct replay *r, const char *method, const char *path, const char *body,
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

static json_t *pack_reply(const struct reply *reply)
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
        const struct reply reply = ask(r, "GET", w->path, NULL, scene_token());
        json_t *packed = pack_reply(&reply);
        const size_t count = json_array_size(w->answers);
        if (count == 0 || !json_equal(json_array_get(w->answers, count - 1), packed))
            json_array_append(w->answers, packed);
        json_decref(packed);
        json_decref(reply.body);
    }
}

/* One piece of the controllers' work, but not beyond `end`. */
static void step(struct replay *r, int64_t end)
{
    const int64_t next = platform_next_due(r->platform);
    r->now_ms = next <= r->now_ms ? r->now_ms + 1 : next < end ? next : end;
    platform_advance(r->platform, r->now_ms);
    sample(r);
}

static void step_to(struct replay *r, int64_t at_ms)
{
    while (r->now_ms < at_ms)
        step(r, at_ms);
}

static void pass(struct replay *r, int64_t ms)
{
    if (ms > 0)
        step_to(r, r->now_ms + ms);
}

static struct watch *find_watch(struct replay *r, const char *path)
{
    for (size_t i = 0; i < r->watch_count; i++)
        if (strcmp(r->watches[i].path, path) == 0)
            return &r->watches[i];
    return NULL;
}

/* After a write of an object, what it answered before it counts no more. */
static void forget_answers(struct replay *r, const char *path)
{
    struct watch *w = find_watch(r, path);
    if (w != NULL)
        w->from = json_array_size(w->answers);
    sample(r);
    if (w != NULL && w->from == json_array_size(w->answers) && w->from > 0)
        w->from--;
}

static void add_watches(struct replay *r, FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, file) > 0) {
        json_t *row = json_loads(line, 0, NULL);
        const char *note = json_text_or(json_object_get(row, "note"), "");
        const char *path = json_text_or(json_at(row, "request", "path", NULL), "");
        if (scene_is_polled(r->file, note) && find_watch(r, path) == NULL) {
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

static void drop_watches(struct replay *r)
{
    for (size_t i = 0; i < r->watch_count; i++) {
        free(r->watches[i].path);
        json_decref(r->watches[i].answers);
    }
    free(r->watches);
    r->watches = NULL;
    r->watch_count = 0;
}

/* ---- setting: what requests that nobody recorded had left behind ---- */

/* Time that the recording does not know. */
static void settle(struct replay *r)
{
    pass(r, 60000);
    r->file_start_ms += 60000;
}

static bool is_seen(const struct replay *r, const char *key)
{
    return key[0] == '\0' || json_object_get(r->seen, key) != NULL;
}

static void mark_seen(struct replay *r, const char *key)
{
    if (key[0] != '\0')
        json_object_set_new(r->seen, key, json_true());
}

static json_int_t recorded_generation(const json_t *answer)
{
    const json_t *status = json_object_get(answer, "status");
    json_int_t most = json_integer_value(json_object_get(status, "observedGeneration"));
    size_t i;
    json_t *condition;
    json_array_foreach(json_object_get(status, "conditions"), i, condition)
    {
        const json_int_t seen =
            json_integer_value(json_object_get(condition, "observedGeneration"));
        most = seen > most ? seen : most;
    }
    return most;
}

static void set_offset(struct replay *r, const struct exchange *x)
{
    const struct reply there = ask(r, "GET", x->path, NULL, scene_token());
    const json_int_t recorded = recorded_generation(x->answer);
    const json_int_t ours = recorded_generation(there.body);
    if (recorded > 0 && ours > 0)
        matching_set_offset(r->matching, x->key, recorded - ours);
    json_decref(there.body);
}

static char *collection_of(const char *path)
{
    char *copy = strdup(path);
    CHECK(copy != NULL);
    *strrchr(copy, '/') = '\0';
    return copy;
}

/* Writes an object as the recording shows it before anybody in this file touched it. */
static void put_in_place(struct replay *r, const struct exchange *x, bool exists)
{
    const json_t *m = json_object_get(x->answer, "metadata");
    json_t *body =
        json_pack("{s:{s:s,s:O*,s:O*},s:O}", "metadata", "name",
                  json_string_value(json_object_get(m, "name")), "labels",
                  json_object_get(m, "labels"), "annotations", json_object_get(m, "annotations"),
                  "spec", json_object_get(x->answer, "spec"));
    CHECK(body != NULL);
    char *text = json_dumps(body, JSON_COMPACT), *ours = matching_translate(r->matching, text);
    char *collection = collection_of(x->path);
    const struct reply reply =
        ask(r, exists ? "PUT" : "POST", exists ? x->path : collection, ours, scene_token());
    json_decref(reply.body);
    free(collection);
    free(ours);
    free(text);
    json_decref(body);
    settle(r);
}

static bool spec_differs(struct replay *r, const struct exchange *x, const json_t *ours)
{
    static const char *const parts[] = {"labels", "annotations"};
    struct differences d = {.count = 0};
    matching_compare(r->matching, json_object_get(x->answer, "spec"), json_object_get(ours, "spec"),
                     x->key, false, &d);
    for (size_t i = 0; i < 2; i++) {
        const json_t *a = json_at(x->answer, "metadata", parts[i], NULL);
        const json_t *b = json_at(ours, "metadata", parts[i], NULL);
        if (a != NULL || b != NULL)
            matching_compare(r->matching, a, b, x->key, false, &d);
    }
    return d.count > 0;
}

/* Types of other people that a release holds and that no recording shows being made. */
static void put_type_in_place(struct replay *r, const struct exchange *x)
{
    const json_t *type = json_at(x->answer, "spec", "componentType", NULL);
    const char *name = json_text_or(json_object_get(type, "name"), "/");
    const char *slash = strchr(name, '/');
    char path[256];
    snprintf(path, sizeof(path), "/api/v1/clustercomponenttypes/%s", slash + 1);
    const struct reply there = ask(r, "GET", path, NULL, scene_token());
    if (there.status == 404 && type != NULL) {
        json_t *body = json_pack("{s:{s:s},s:O}", "metadata", "name", slash + 1, "spec",
                                 json_object_get(type, "spec"));
        char *text = json_dumps(body, JSON_COMPACT);
        const struct reply made =
            ask(r, "POST", "/api/v1/clustercomponenttypes", text, scene_token());
        json_decref(made.body);
        free(text);
        json_decref(body);
    }
    json_decref(there.body);
}

/* The first time that a file shows an object, the model takes over what the recording says of it:
 * unrecorded requests came before. From then on it must follow by itself. */
static void set_scene(struct replay *r, const struct exchange *x)
{
    const bool get = strcmp(x->method, "GET") == 0, post = strcmp(x->method, "POST") == 0;
    if (is_seen(r, x->key))
        return;
    mark_seen(r, x->key);
    matching_set_tree(r->matching, false, false);
    const struct reply there = ask(r, "GET", x->path, NULL, scene_token());
    const bool exists = there.status == 200;
    const bool terminating = json_at(x->answer, "metadata", "deletionTimestamp", NULL) != NULL;
    if (exists && ((post && x->status == 201) || (get && x->status == 404))) {
        const struct reply gone = ask(r, "DELETE", x->path, NULL, scene_token());
        json_decref(gone.body);
        settle(r);
    } else if (x->status == 200 && !terminating && json_object_get(x->answer, "spec") != NULL) {
        if (!exists || (get && spec_differs(r, x, there.body)))
            put_in_place(r, x, exists);
        set_offset(r, x);
    }
    json_decref(there.body);
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

static void judge(struct replay *r, const struct exchange *x, const struct differences *d,
                  struct replay_result *result)
{
    result->exchanges++;
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
    struct watch *w = find_watch(r, x->path);
    if (scene_is_crowded(r->file))
        end = r->file_start_ms + (int64_t)(seconds_of(x->note) * 1000) + 3000;
    for (size_t tried = 0;;) {
        if (w != NULL) {
            const size_t count = json_array_size(w->answers);
            if (tried != count)
                search_answers(r, x, w, &search);
            tried = count;
        } else {
            const struct reply reply = ask(r, x->method, x->path, x->body, authorization_of(r, x));
            try_reply(r, x, &reply, &search);
            json_decref(reply.body);
        }
        if (search.found || r->now_ms >= end)
            break;
        step(r, end);
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
        const struct reply reply = ask(r, "GET", x->path, NULL, scene_token());
        struct differences d = {.count = 0};
        matching_compare(r->matching, wanted, json_object_get(reply.body, "status"), x->key, false,
                         &d);
        json_decref(reply.body);
        if (d.count == 0)
            return;
        step(r, end);
    }
}

static void replay_write(struct replay *r, const struct exchange *x, int64_t at_ms,
                         struct replay_result *result)
{
    pass(r, REQUEST_MS);
    step_to(r, at_ms);
    if (strcmp(x->method, "PUT") == 0)
        wait_for_status(r, x);
    struct differences d;
    const struct reply reply = ask(r, x->method, x->path, x->body, authorization_of(r, x));
    collect(r, x, &reply, false, &d);
    if (uncovered(r, x, &d) == 0)
        collect(r, x, &reply, true, &d);
    json_decref(reply.body);
    forget_answers(r, x->key[0] == '\0' ? x->path : x->key);
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
    path_fini(&path);
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
    pass(r, meanwhile);
    char *body = body_of(json_object_get(request, "body"));
    x.path = matching_translate(r->matching, x.recorded_path);
    x.body = body == NULL ? NULL : matching_translate(r->matching, body);
    make_key(&x);
    if (strstr(x.path, "/generate-release") != NULL && x.status == 201)
        put_type_in_place(r, &x);
    if (strcmp(x.method, "POST") == 0 && x.status == 201) { /* the object that it makes */
        const char *name = json_text_or(json_at(x.answer, "metadata", "name", NULL), "");
        struct exchange made = x;
        made.path = malloc(strlen(x.path) + strlen(name) + 2);
        CHECK(made.path != NULL);
        sprintf(made.path, "%s/%s", x.path, name);
        make_key(&made);
        set_scene(r, &made);
        json_object_set_new(r->made, made.key, json_true());
        matching_set_offset(r->matching, made.key, 0);
        snprintf(x.key, sizeof(x.key), "%s", made.key);
        free(made.path);
    } else {
        set_scene(r, &x);
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
            step_to(r, at_ms);
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
    pass(r, BETWEEN_FILES_MS);
    r->file = name;
    r->file_start_ms = r->now_ms;
    r->seen = json_object();
    r->made = json_object();
    matching_forget_offsets(r->matching);
    scene_open(r->platform, name);
    add_watches(r, file);
    while (getline(&line, &capacity, file) > 0) {
        json_t *row = json_loads(line, 0, NULL);
        CHECK(row != NULL);
        replay_exchange(r, row, &result);
        json_decref(row);
    }
    scene_close(r->platform);
    drop_watches(r);
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
