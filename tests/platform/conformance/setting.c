#include "config/base/check.h"
#include "config/base/json.h"
#include "tests/platform/conformance/matching.h"
#include "tests/platform/conformance/replay_state.h"
#include "tests/platform/conformance/scene.h"

#include <stdlib.h>
#include <string.h>

/* Time that the recording does not know. */
static void settle(struct replay *r)
{
    replay_pass(r, 60000);
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
    const struct reply there = replay_ask(r, "GET", x->path, NULL, scene_token());
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
        replay_ask(r, exists ? "PUT" : "POST", exists ? x->path : collection, ours, scene_token());
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
void replay_put_type_in_place(struct replay *r, const struct exchange *x)
{
    const json_t *type = json_at(x->answer, "spec", "componentType", NULL);
    const char *name = json_text_or(json_object_get(type, "name"), "/");
    const char *slash = strchr(name, '/');
    char path[256];
    snprintf(path, sizeof(path), "/api/v1/clustercomponenttypes/%s", slash + 1);
    const struct reply there = replay_ask(r, "GET", path, NULL, scene_token());
    if (there.status == 404 && type != NULL) {
        json_t *body = json_pack("{s:{s:s},s:O}", "metadata", "name", slash + 1, "spec",
                                 json_object_get(type, "spec"));
        char *text = json_dumps(body, JSON_COMPACT);
        const struct reply made =
            replay_ask(r, "POST", "/api/v1/clustercomponenttypes", text, scene_token());
        json_decref(made.body);
        free(text);
        json_decref(body);
    }
    json_decref(there.body);
}

/* The first time that a file shows an object, the model takes over what the recording says of it:
 * unrecorded requests came before. From then on it must follow by itself. */
void replay_set_scene(struct replay *r, const struct exchange *x)
{
    const bool get = strcmp(x->method, "GET") == 0, post = strcmp(x->method, "POST") == 0;
    if (is_seen(r, x->key))
        return;
    mark_seen(r, x->key);
    matching_set_tree(r->matching, false, false);
    const struct reply there = replay_ask(r, "GET", x->path, NULL, scene_token());
    const bool exists = there.status == 200;
    const bool terminating = json_at(x->answer, "metadata", "deletionTimestamp", NULL) != NULL;
    if (exists && ((post && x->status == 201) || (get && x->status == 404))) {
        const struct reply gone = replay_ask(r, "DELETE", x->path, NULL, scene_token());
        json_decref(gone.body);
        settle(r);
    } else if (x->status == 200 && !terminating && json_object_get(x->answer, "spec") != NULL) {
        if (!exists || (get && spec_differs(r, x, there.body)))
            put_in_place(r, x, exists);
        set_offset(r, x);
    }
    json_decref(there.body);
}
