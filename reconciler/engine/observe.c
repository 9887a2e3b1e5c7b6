#include "reconciler/engine/observe.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/astray.h"
#include "reconciler/engine/fingerprint.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/prune.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Listed always: what celld makes for cells. Other kinds only while something of theirs is known.
 */
static bool is_base_kind(enum resource_kind kind)
{
    return kind == KIND_PROJECT || kind == KIND_PROJECT_RELEASE_BINDING || kind == KIND_COMPONENT ||
           kind == KIND_WORKLOAD || kind == KIND_RELEASE_BINDING || kind == KIND_ENVIRONMENT ||
           kind == KIND_DEPLOYMENT_PIPELINE || kind == KIND_SECRET_REFERENCE;
}

static void count_kinds(const struct engine *engine, size_t ret_known[static RESOURCE_KIND_COUNT],
                        size_t ret_inventory[static RESOURCE_KIND_COUNT])
{
    for (size_t i = 0; i < RESOURCE_KIND_COUNT; i++)
        ret_known[i] = ret_inventory[i] = 0;
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        ret_known[object->key.kind] += object->goal != GOAL_NONE || object->inventory;
        ret_inventory[object->key.kind] += object->inventory;
    }
}

static void list(struct engine *engine, enum resource_kind kind)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    const bool namespaced = resource_kind_info(kind)->namespaced;
    object_collection_path(kind, namespaced ? engine->platform->namespace_name.text : "", &path);
    engine->kinds[kind].done = false;
    for (size_t i = 0; i < engine->object_count; i++) {
        if (engine->object_list[i]->key.kind == kind)
            engine->object_list[i]->answered = false;
    }
    engine->kinds[kind].request = request_add(
        engine,
        &(struct request_order){.purpose = REQUEST_LIST, .path = text_get(&path), .kind = kind});
}

/* They are large, and no list shows them by parts: so many are read with each look, in turn. */
#define RELEASES_EACH_LOOK 8

static void read_releases(struct engine *engine)
{
    size_t left = RELEASES_EACH_LOOK;
    for (size_t i = 0; i < engine->object_count && left > 0; i++) {
        engine->turn = (engine->turn + 1) % engine->object_count;
        struct object *object = engine->object_list[engine->turn];
        if (!astray_may_be_read(object))
            continue;
        object->missing = object->routine = true;
        unit_queue(engine, object->unit);
        left--;
    }
}

static void begin(struct engine *engine)
{
    size_t known[RESOURCE_KIND_COUNT], inventory[RESOURCE_KIND_COUNT];
    count_kinds(engine, known, inventory);
    /* After one that broke off, only what is missing is listed again. */
    const bool rest = engine->look == LOOK_DONE && engine->look_broken && !engine->look_again;
    engine->look = LOOK_RUNNING;
    engine->look_again = false;
    if (!rest)
        engine->look_number++;
    for (size_t i = 0; i < RESOURCE_KIND_COUNT; i++) {
        const struct resource_kind_info *info = resource_kind_info((enum resource_kind)i);
        if (rest && engine->kinds[i].listed && engine->kinds[i].done)
            continue;
        engine->kinds[i].listed = info->lists && (is_base_kind((enum resource_kind)i) || known[i]);
        engine->kinds[i].failed = false;
        if (engine->kinds[i].listed)
            list(engine, (enum resource_kind)i);
    }
    /* What no list shows is read by name. */
    for (size_t i = 0; i < engine->object_count; i++) {
        struct object *object = engine->object_list[i];
        object->seen = false;
        if (!resource_kind_info(object->key.kind)->lists && object->goal == GOAL_PRESENT) {
            object->missing = true;
            unit_queue(engine, object->unit);
        }
    }
    read_releases(engine);
}

void observe_pump(struct engine *engine)
{
    if (engine->platform == NULL || engine->look == LOOK_RUNNING)
        return;
    if (engine->look_again || engine->look_due.ms <= engine->now.mono.ms)
        begin(engine);
}

void observe_again(struct engine *engine)
{
    engine->look_again = true;
}

bool observe_is_complete(const struct engine *engine)
{
    return engine->known && engine->look == LOOK_DONE && engine->look_complete;
}

/* --- the end of a look --------------------------------------------------------------------------
 */

static bool is_running(const struct engine *engine)
{
    for (size_t i = 0; i < RESOURCE_KIND_COUNT; i++) {
        if (engine->kinds[i].listed && !engine->kinds[i].done && !engine->kinds[i].failed)
            return true;
    }
    return false;
}

/* What keeps the live state from being known; "" = nothing does. */
static void say(struct engine *engine, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct engine *engine, const char *format, ...)
{
    char before[sizeof engine->look_message];
    memcpy(before, engine->look_message, sizeof before);
    va_list arguments;
    va_start(arguments, format);
    text_vput(engine->look_message, sizeof engine->look_message, format, arguments);
    va_end(arguments);
    if (strcmp(before, engine->look_message) != 0)
        engine->version++;
}

static void finish(struct engine *engine)
{
    if (is_running(engine))
        return;
    bool complete = true, unknown = false;
    for (size_t i = 0; i < RESOURCE_KIND_COUNT; i++) {
        complete = complete && (!engine->kinds[i].listed || engine->kinds[i].done);
        unknown = unknown || engine->kinds[i].unknown;
    }
    engine->look = LOOK_DONE;
    engine->look_complete = complete && !unknown;
    engine->look_broken = !complete;
    engine->look_failures = complete ? 0 : engine->look_failures + 1;
    engine->look_due =
        complete ? (struct mono_time){engine->now.mono.ms + engine->options.list_interval.ms}
                 : request_backoff(engine, engine->look_failures, NULL);
    const bool known = (engine->known || complete) && !unknown;
    if (complete) {
        engine->looks++;
        engine->looked = engine->now.wall;
        engine->progress++;
    }
    if (engine->look_complete)
        say(engine, "%s", "");
    if (known != engine->known || engine->looks == 1) {
        engine->known = known;
        engine->plan_dirty = true;
        engine->version++;
        unit_queue_all(engine);
    }
    if (engine->look_complete) {
        object_sweep(engine);
        engine->prune_dirty = true;
    }
}

/* --- one list -----------------------------------------------------------------------------------
 */

/* While it is written to, or read, that answer is newer than a list, and so is one that came while
 * the list was under way. */
static bool is_overtaken(const struct object *object)
{
    return object->answered || (object->operation != NULL && object->operation->request != 0);
}

static void take_item(struct engine *engine, enum resource_kind kind, const json_t *item)
{
    const char *name = json_text_or(json_at(item, "metadata", "name", NULL), NULL);
    if (name == NULL)
        return;
    const bool namespaced = resource_kind_info(kind)->namespaced;
    const struct object_key key = {kind, namespaced ? engine->platform->namespace_name.text : "",
                                   name};
    struct object *object = object_find(engine, &key);
    if (object == NULL)
        return;
    object->seen = true;
    if (is_overtaken(object))
        return;
    object_observed(engine, object, item);
    const bool equal =
        object->live == object->equal_live && object->desired == object->equal_desired;
    if (object->goal == GOAL_PRESENT && !equal)
        unit_queue(engine, object->unit);
}

static void take_list(struct engine *engine, enum resource_kind kind, const json_t *items)
{
    prune_take_list(engine, kind, items);
    for (size_t i = 0; i < json_array_size(items); i++)
        take_item(engine, kind, json_array_get(items, i));
    for (size_t i = 0; i < engine->object_count; i++) {
        struct object *object = engine->object_list[i];
        if (object->key.kind != kind || object->seen || object->presence == PRESENCE_ABSENT)
            continue;
        if (is_overtaken(object))
            continue;
        /* Not in a complete list: suspected gone, until a GET says so. What never was there needs
         * no such doubt. */
        if (object->presence == PRESENCE_UNKNOWN && !object->inventory && !object->intent)
            object->presence = PRESENCE_ABSENT;
        else
            object->missing = true;
        unit_queue(engine, object->unit);
    }
}

static struct object *one_of_inventory(const struct engine *engine, enum resource_kind kind)
{
    for (size_t i = 0; i < engine->object_count; i++) {
        if (engine->object_list[i]->key.kind == kind && engine->object_list[i]->inventory)
            return engine->object_list[i];
    }
    return NULL;
}

/* An empty list is what the server shows to whom may not look, too: one of ours is asked for. */
static void probe(struct engine *engine, enum resource_kind kind, const struct object *object)
{
    OWNED_TEXT path;
    text_init(&path, 2048);
    object_key_path(&object->key, &path);
    engine->kinds[kind].request = request_add(
        engine,
        &(struct request_order){
            .purpose = REQUEST_PROBE, .method = "GET", .path = text_get(&path), .kind = kind});
}

static void say_unknown(struct engine *engine, enum resource_kind kind, const char *why)
{
    say(engine,
        "the list of %ss came back empty although celld made some, and %s: nothing is started "
        "or removed until that is clear",
        resource_kind_info(kind)->name, why);
    if (!engine->kinds[kind].unknown)
        history_publish(engine, PUBLISH_ERROR, "live-state-unknown", NULL, "%s",
                        engine->look_message);
    engine->kinds[kind].unknown = true;
}

void observe_probed(struct engine *engine, const struct request *request,
                    const struct engine_event *event)
{
    const enum resource_kind kind = request->kind;
    struct kind_look *look = &engine->kinds[kind];
    CHECK(look->request == request->id);
    look->request = 0;
    const int status = event->as.answer.status;
    if (event->as.answer.outcome == ANSWER_RECEIVED && status == 404) {
        look->unknown = false;
        look->done = true;
        take_list(engine, kind, NULL);
    } else {
        say_unknown(engine, kind,
                    status == 200 ? "one of them stands (is the right to list missing?)"
                                  : "reading one of them is refused or fails");
        look->done = true;
    }
    finish(engine);
}

void observe_listed(struct engine *engine, const struct request *request,
                    const struct engine_event *event)
{
    const enum resource_kind kind = request->kind;
    struct kind_look *look = &engine->kinds[kind];
    CHECK(look->request == request->id);
    look->request = 0;
    if (!event->as.listed.complete) {
        look->failed = true;
        say(engine, "%ss cannot be listed: %.180s", resource_kind_info(kind)->name,
            request_complaint(event->as.listed.error));
        finish(engine);
        return;
    }
    look->count = json_array_size(event->as.listed.items);
    const struct object *ours = look->count == 0 ? one_of_inventory(engine, kind) : NULL;
    if (ours != NULL) {
        probe(engine, kind, ours);
        return;
    }
    look->unknown = false;
    look->done = true;
    take_list(engine, kind, event->as.listed.items);
    finish(engine);
}
