#include "tests/simulation/world.h"

#include "config/base/check.h"
#include "config/base/digest.h"
#include "config/base/json.h"
#include "config/base/text.h"
#include "config/manifest/load.h"
#include "reconciler/engine/fingerprint.h"
#include "tests/simulation/world_journal.h"
#include "tests/simulation/world_request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBLISHED_LIMIT 1000

/* 2026-11-23T00:00:00Z */
#define WALL_START INT64_C(1795392000000)

void world_options_default(struct world_options *ret_options)
{
    *ret_options =
        (struct world_options){.engine = engine_options_default, .latency_ms = 5, .bytes = true};
    ret_options->engine.seed = 7;
    ret_options->engine.repository_url = "https://git.example/acme/monorepo.git";
    ret_options->engine.branch = "main";
    ret_options->engine.name_key = "0123456789abcdef";
    ret_options->engine.name_key_length = 16;
    platform_options_default(&ret_options->platform);
}

struct instant world_now(const struct world *world)
{
    return (struct instant){{world->now_ms}, {world->now_ms + world->wall_offset_ms}};
}

bool world_clock_is_right(const struct world *world)
{
    return world->wall_offset_ms == WALL_START;
}

int64_t world_platform_now(struct world *world)
{
    const int64_t now = world->now_ms + WALL_START;
    platform_advance(world->platform, now);
    return now;
}

/* --- effects ------------------------------------------------------------------------------------
 */

static void note_published(struct world *world, const struct effect *effect)
{
    static const char *const levels[] = {"info", "notice", "warning", "error"};
    if (json_array_size(world->published) >= PUBLISHED_LIMIT)
        json_array_remove(world->published, 0);
    json_array_append_new(world->published,
                          json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s, s:I}", "level",
                                    levels[effect->as.publish.level], "type",
                                    effect->as.publish.type, "cell", effect->as.publish.cell,
                                    "component", effect->as.publish.component, "target",
                                    effect->as.publish.target, "message",
                                    effect->as.publish.message, "at", (json_int_t)world->now_ms));
}

static void note_reply(struct world *world, const struct effect *effect)
{
    char id[32];
    snprintf(id, sizeof id, "%" PRIu64, effect->as.reply.id);
    json_object_set_new(
        world->replies, id,
        json_pack("{s:b, s:O}", "ok", (int)effect->as.reply.ok, "body", effect->as.reply.body));
}

static void mix(struct world *world, const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        world->trace = (world->trace ^ (unsigned char)*text) * UINT64_C(1099511628211);
}

static void trace(struct world *world, const struct effect *effect)
{
    char number[64];
    snprintf(number, sizeof number, "%d@%" PRId64, (int)effect->kind, world->now_ms);
    mix(world, number);
    if (effect->kind == EFFECT_PERSIST) {
        mix(world, effect->as.persist.key);
        world->trace ^= fingerprint_json(effect->as.persist.value);
    } else if (effect->kind == EFFECT_REQUEST) {
        mix(world, effect->as.request.method);
        mix(world, effect->as.request.path);
        world->trace ^= fingerprint_json(effect->as.request.body);
    } else if (effect->kind == EFFECT_QUERY_METRICS) {
        world->trace ^= fingerprint_json(effect->as.metrics.query);
    } else if (effect->kind == EFFECT_PUBLISH) {
        mix(world, effect->as.publish.message);
    }
}

static void carry_out(struct world *world, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_PERSIST:
        world->persists++;
        world_journal_put(world, effect->as.persist.key, effect->as.persist.value);
        return;
    case EFFECT_REQUEST:
        world->writes += effect->as.request.write;
        world_request_send(world, &(struct world_request){
                                      .id = effect->as.request.id,
                                      .method = effect->as.request.method,
                                      .path = effect->as.request.path,
                                      .body = effect->as.request.body,
                                      .write = effect->as.request.write ? world->writes : 0,
                                  });
        return;
    case EFFECT_LIST:
        world_request_send(world, &(struct world_request){
                                      .id = effect->as.list.id,
                                      .method = "LIST",
                                      .path = effect->as.list.path,
                                      .kind = effect->as.list.kind,
                                  });
        return;
    case EFFECT_CANCEL:
        world_request_abandon(world, effect->as.cancel.id);
        return;
    case EFFECT_WAKE:
        world->wake_ms = effect->as.wake.at.ms;
        return;
    case EFFECT_FETCH:
        world->fetch = true;
        return;
    case EFFECT_PUBLISH:
        note_published(world, effect);
        return;
    case EFFECT_REPLY:
        note_reply(world, effect);
        return;
    case EFFECT_QUERY_METRICS:
        if (world->options.metrics != NULL)
            world_request_send(world, &(struct world_request){
                                          .id = effect->as.metrics.id,
                                          .method = "METRICS",
                                          .path = (char[]){""},
                                          .body = effect->as.metrics.query,
                                      });
        return;
    case EFFECT_PIN:
    case EFFECT_COMMIT_STATUS:
        return;
    }
    CHECK_UNREACHABLE();
}

static bool crashes(const struct world *world, enum world_crash crash, uint64_t number)
{
    return world->crash == crash && world->crash_at == number;
}

/* The process dies instead of carrying it out. */
static bool dies_before(const struct world *world, const struct effect *effect)
{
    if (effect->kind == EFFECT_REQUEST && effect->as.request.write)
        return crashes(world, WORLD_CRASH_UNSENT, world->writes + 1);
    return effect->kind == EFFECT_PERSIST &&
           crashes(world, WORLD_CRASH_UNPERSISTED, world->persists + 1);
}

static bool dies_after(struct world *world, const struct effect *effect)
{
    if (effect->kind == EFFECT_REQUEST && effect->as.request.write &&
        crashes(world, WORLD_CRASH_SENT, world->writes)) {
        world_request_lose(world, world->writes);
        return true;
    }
    return effect->kind == EFFECT_PERSIST && crashes(world, WORLD_CRASH_PERSISTED, world->persists);
}

/* An engine that had no memory is built again from the journal, as the daemon does. */
static int step(struct world *world, const struct engine_event *event, struct effect_list *effects)
{
    int status = 0;
    if (world->options.step == NULL)
        status = engine_step(world->engine, event, effects);
    else
        status = world->options.step(world->options.context, world->engine, event, effects);
    CHECK(status == 0 || (status == -ENOMEM && world->options.step != NULL));
    if (status == 0)
        engine_check_invariants(world->engine);
    return status;
}

/* Hands an event over. False = the process died over it. */
static bool give(struct world *world, const struct engine_event *event)
{
    if (++world->events == world->kill_at_event) {
        world_kill(world);
        return false;
    }
    struct effect_list effects;
    effect_list_init(&effects);
    const int status = step(world, event, &effects);
    bool alive = true;
    for (size_t i = 0; i < effects.count && alive; i++) {
        if (++world->effects == world->kill_at_effect || dies_before(world, &effects.items[i])) {
            alive = false;
            break;
        }
        if (world->options.watch != NULL)
            world->options.watch(world->options.context, &effects.items[i]);
        trace(world, &effects.items[i]);
        carry_out(world, &effects.items[i]);
        alive = !dies_after(world, &effects.items[i]);
    }
    effect_list_fini(&effects);
    if (!alive || status != 0)
        world_kill(world);
    return alive && status == 0;
}

/* --- life ---------------------------------------------------------------------------------------
 */

struct world *world_new(const struct world_options *options)
{
    struct world *world = calloc(1, sizeof *world);
    CHECK(world != NULL);
    world->options = *options;
    world->now_ms = 1000;
    world->wall_offset_ms = WALL_START;
    world->wake_ms = INT64_MAX;
    world->crash = options->crash;
    world->crash_at = options->crash_at;
    world->crash_again = options->crash_again;
    world->crash_again_at = options->crash_again_at;
    world->replies = json_object();
    world->published = json_array();
    world->platform = platform_new(&options->platform);
    world->engine = engine_new(&options->engine);
    CHECK(world->platform != NULL && world->engine != NULL);
    give(world, &(struct engine_event){.kind = EVENT_START, .now = world_now(world)});
    return world;
}

struct world *world_free(struct world *world)
{
    engine_free(world->engine);
    platform_free(world->platform);
    world_journal_fini(world);
    world_request_free_all(world);
    manifest_set_unref(world->set);
    manifest_set_unref(world->good);
    json_decref(world->replies);
    json_decref(world->published);
    free(world);
    return NULL;
}

static bool give_revision(struct world *world)
{
    struct engine_event event = {.kind = EVENT_REVISION, .now = world_now(world)};
    event.as.revision.set = world->set;
    event.as.revision.commit = world->commit;
    event.as.revision.subject = "a change: " WORLD_LONG_WORDS;
    event.as.revision.rewritten = world->rewritten;
    event.as.revision.trees = world->trees;
    event.as.revision.tree_count = world->tree_count;
    event.as.revision.zones = world->zones;
    event.as.revision.zone_count = world->zone_count;
    return give(world, &event);
}

void world_lose_journal(struct world *world)
{
    for (size_t i = 0; i < world->row_count; i++) {
        free(world->rows[i].key);
        json_decref(world->rows[i].value);
    }
    world->row_count = 0;
    world_kill(world);
}

void world_kill(struct world *world)
{
    world->kill_at_effect = world->kill_at_event = 0;
    world->crash = world->crash_again;
    world->crash_at = world->crash_again_at;
    world->crash_again = WORLD_CRASH_NEVER;
    if (world->kills++ == 0) {
        world->died_writes = world->writes;
        world->died_persists = world->persists;
    }
    world_request_orphan(world);
    world->wake_ms = INT64_MAX;
    world->engine = engine_free(world->engine);
    const int64_t until = world->now_ms + world->downtime_ms;
    world->down_ms += world->downtime_ms;
    world->downtime_ms = 0;
    while (world_step(world, until)) {
    }
    struct engine_options options = world->options.engine;
    options.seed += world->kills; /* a restored journal brings its own */
    world->engine = engine_new(&options);
    CHECK(world->engine != NULL);
    for (size_t i = 0; i < world->row_count; i++) {
        struct engine_event event = {.kind = EVENT_RESTORE, .now = world_now(world)};
        event.as.restore.key = world->rows[i].key;
        event.as.restore.value = world->rows[i].value;
        if (!give(world, &event))
            return;
    }
    if (give(world, &(struct engine_event){.kind = EVENT_START, .now = world_now(world)}) &&
        world->set != NULL)
        give_revision(world);
}

/* --- the repository -----------------------------------------------------------------------------
 */

static bool ends_with(const char *path, const char *end)
{
    const size_t length = strlen(path), tail = strlen(end);
    return length >= tail && strcmp(path + length - tail, end) == 0;
}

static enum manifest_file_kind kind_of(const char *path)
{
    if (strcmp(path, "platform.yaml") == 0)
        return MANIFEST_FILE_PLATFORM;
    if (ends_with(path, ".choreo/component.yaml"))
        return MANIFEST_FILE_COMPONENT;
    return ends_with(path, "cell.yaml") ? MANIFEST_FILE_CELL : MANIFEST_FILE_NATIVE;
}

void world_commit(struct world *world, const char *commit, const struct world_file *files,
                  size_t count)
{
    struct manifest_file *read = calloc(count + 1, sizeof *read);
    struct digest *blobs = calloc(count + 1, sizeof *blobs);
    CHECK(read != NULL && blobs != NULL);
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(files[i].text);
        blobs[i] = digest_bytes(files[i].text, length);
        read[i] = (struct manifest_file){kind_of(files[i].path), files[i].path, files[i].text,
                                         length, blobs[i].text};
    }
    struct manifest_set *set = NULL;
    struct error err = {0};
    const struct manifest_source source = {.files = read,
                                           .file_count = count,
                                           .problems = world->problems,
                                           .problem_count = world->problem_count};
    CHECK(manifest_load_source(&source, &manifest_limits_default, world->set, world->good, &set,
                               &err) == 0);
    free(read);
    free(blobs);
    manifest_set_unref(world->set);
    world->set = set;
    manifest_set_unref(world->good);
    world->good = manifest_set_ref(set);
    snprintf(world->commit, sizeof world->commit, "%s", commit);
    give_revision(world);
}

void world_seen_again(struct world *world)
{
    give_revision(world);
}

void world_repository_failed(struct world *world, const char *reason)
{
    struct error err = {0};
    error_set(&err, ERROR_UNAVAILABLE, ERR_GIT,
              "the repository does not answer: " WORLD_LONG_WORDS);
    struct engine_event event = {.kind = EVENT_REPOSITORY_FAILED, .now = world_now(world)};
    event.as.repository_failed.reason = reason;
    event.as.repository_failed.error = &err;
    give(world, &event);
}

/* --- time ---------------------------------------------------------------------------------------
 */

bool world_step(struct world *world, int64_t until_ms)
{
    struct world_request *request = world->request_count == 0 ? NULL : world->requests[0];
    int64_t next = world->wake_ms;
    if (request != NULL && request->due_ms <= next)
        next = request->due_ms;
    else
        request = NULL;
    if (next > until_ms) {
        if (until_ms > world->now_ms)
            world->now_ms = until_ms;
        return false;
    }
    if (next > world->now_ms) {
        world->now_ms = next;
        world->here = 0;
    }
    /* Time has to go on: an engine that always wants to be woken at once would spin for real. */
    CHECK(++world->here < 20000);
    if (request == NULL) {
        world->wake_ms = INT64_MAX;
        give(world, &(struct engine_event){.kind = EVENT_TICK, .now = world_now(world)});
        return true;
    }
    if (!request->arrived) {
        world_request_arrive(world, request);
        if (request->write > 0 && crashes(world, WORLD_CRASH_APPLIED, request->write))
            world_kill(world);
        return true;
    }
    request = world_request_take(world);
    if (request->write > 0 && crashes(world, WORLD_CRASH_ANSWERED, request->write)) {
        world_kill(world);
    } else if (!request->abandoned) {
        request->answer.now = world_now(world);
        if (world->options.heard != NULL)
            world->options.heard(world->options.context, request);
        give(world, &request->answer);
    }
    world_request_free(request);
    return true;
}

void world_run(struct world *world, int64_t ms)
{
    const int64_t until = world->now_ms + ms;
    while (world_step(world, until)) {
    }
}

bool world_run_until(struct world *world, enum engine_condition condition, int64_t limit_ms)
{
    const int64_t until = world->now_ms + limit_ms;
    do {
        if (world->request_count == 0 && engine_condition(world->engine) == condition)
            return true;
    } while (world_step(world, until));
    return engine_condition(world->engine) == condition;
}

/* --- questions ----------------------------------------------------------------------------------
 */

const json_t *world_command(struct world *world, const char *verb, json_t *arguments, bool *ret_ok)
{
    struct engine_event event = {.kind = EVENT_COMMAND, .now = world_now(world)};
    event.as.command.id = ++world->command;
    event.as.command.verb = verb;
    event.as.command.arguments = arguments;
    event.as.command.operator_name = "ada";
    give(world, &event);
    json_decref(arguments);
    char id[32];
    snprintf(id, sizeof id, "%" PRIu64, world->command);
    const int64_t until = world->now_ms + 60000;
    while (json_object_get(world->replies, id) == NULL && world_step(world, until)) {
    }
    const json_t *reply = json_object_get(world->replies, id);
    if (ret_ok != NULL)
        *ret_ok = json_is_true(json_object_get(reply, "ok"));
    return json_object_get(reply, "body");
}

const char *world_node_state(const struct world *world, const char *cell, const char *target)
{
    static char state[32];
    state[0] = '\0';
    json_t *status = engine_cell_status(world->engine, cell, world_now(world));
    const json_t *targets = json_object_get(status, "targets");
    for (size_t i = 0; i < json_array_size(targets); i++) {
        const json_t *node = json_array_get(targets, i);
        if (strcmp(json_text_or(json_object_get(node, "target"), ""), target) == 0)
            snprintf(state, sizeof state, "%s", json_text_or(json_object_get(node, "state"), ""));
    }
    json_decref(status);
    return state;
}

char *world_why(const struct world *world, const char *cell, const char *target)
{
    struct text text;
    text_init(&text, 4096);
    const int result = engine_why(world->engine, cell, target, world_now(world), &text);
    if (result < 0)
        text_format(&text, "(%d)", result);
    return text_take(&text);
}
