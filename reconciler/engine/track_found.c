#include "reconciler/engine/track_found.h"

#include "config/base/digest.h"
#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/track.h"
#include "reconciler/resource/diff.h"

#include <errno.h>
#include <string.h>

/* --- what is kept -------------------------------------------------------------------------------
 */

void track_found(struct object *object, const json_t *live)
{
    const struct unit *unit = object->unit;
    for (size_t i = 0; i < unit->track_count; i++) {
        if (unit->tracks[i]->recorded)
            continue;
        for (size_t k = 0; k < BINDING_COUNT; k++) {
            struct binding *binding = &unit->tracks[i]->bindings[k];
            if (binding->object != object)
                continue;
            (void)packed_unref(binding->found);
            binding->found = packed_take(json_pack(
                "{s:O?, s:s}", "spec", json_object_get(live, "spec"), "revision",
                json_text_or(json_at(live, "metadata", "annotations", ANNOTATION_REVISION, NULL),
                             "")));
        }
    }
}

static void let_go(struct track *track)
{
    for (size_t i = 0; i < BINDING_COUNT; i++)
        (void)packed_unref(TAKE(track->bindings[i].found));
}

/* It was read since the last start; if not, it will be. */
static bool is_read(const struct binding *binding)
{
    struct object *object = binding->object;
    const bool read = object->presence == PRESENCE_ABSENT ||
                      (object->presence != PRESENCE_UNKNOWN && binding->found != NULL);
    if (!read)
        object->missing = true;
    return read;
}

/* The binding's spec if it deploys something and is ours, or to be; NULL = not. Owned. */
static json_t *deployed_spec(struct engine *engine, const struct track *track,
                             const struct binding *binding)
{
    const struct object *object = binding->object;
    if (object->presence != PRESENCE_PRESENT ||
        !(object->managed || track->unit->cell->adopt.value))
        return NULL;
    OWNED_JSON *found = packed_open(binding->found);
    /* Without memory nothing must look as if it were not there. */
    if (found == NULL)
        engine->status = -ENOMEM;
    json_t *spec = json_object_get(found, "spec");
    const char *state = json_text_or(json_object_get(spec, "state"), "Active");
    const char *release = json_text_or(json_object_get(spec, "releaseName"), "");
    return strcmp(state, "Active") == 0 && release[0] != '\0' ? json_incref(spec) : NULL;
}

/* --- which slot ---------------------------------------------------------------------------------
 */

static json_int_t weight_of(const struct track *track, const json_t *configs, char slot)
{
    char name[NAME_SIZE + 4];
    text_put(name, sizeof name, "%s-%c", track->component, slot);
    const json_t *backends = json_object_get(configs, "backends");
    for (size_t i = 0; i < json_array_size(backends); i++) {
        const json_t *backend = json_array_get(backends, i);
        if (strcmp(json_text_or(json_object_get(backend, "name"), ""), name) == 0)
            return json_integer_value(json_object_get(backend, "weight"));
    }
    return 0;
}

/* Until the very end of a rollout the active slot is the old one; where none is named, the one with
 * more of the traffic counts. 0 = none bears any. */
static char stable_slot_of(const struct track *track, const json_t *route, json_t *const slots[2])
{
    const json_t *configs = json_object_get(route, "componentTypeEnvironmentConfigs");
    const char active = json_text_or(json_object_get(configs, "activeSlot"), "")[0];
    if ((active == 'a' || active == 'b') && slots[active - 'a'] != NULL)
        return active;
    const json_int_t a = slots[0] == NULL ? 0 : weight_of(track, configs, 'a');
    const json_int_t b = slots[1] == NULL ? 0 : weight_of(track, configs, 'b');
    if (a == 0 && b == 0)
        return 0;
    return b > a ? 'b' : 'a';
}

/* --- its content --------------------------------------------------------------------------------
 */

/* Replicas and who scales them change without a rollout. */
static json_t *without_replicas(const json_t *spec)
{
    json_t *copy = json_deep_copy(spec);
    json_t *configs = json_object_get(copy, "componentTypeEnvironmentConfigs");
    json_object_del(configs, "replicas");
    json_object_del(configs, "scaledByRoute");
    return copy;
}

static bool is_wanted(struct engine *engine, const struct track *track, enum binding_role role,
                      const json_t *live)
{
    struct desired_object object = {0};
    const struct binding_wants wants = {.active = true, .replicas = -1};
    if (deployment_binding(track->deployment, track_slot_role(track, role), &wants, &object) < 0) {
        engine->status = -ENOMEM;
        return false;
    }
    OWNED_JSON *ours =
        json_pack("{s:o}", "spec", without_replicas(json_object_get(object.body, "spec")));
    OWNED_JSON *theirs = json_pack("{s:o}", "spec", without_replicas(live));
    desired_object_fini(&object);
    struct difference difference = {0};
    if (ours == NULL || theirs == NULL ||
        diff_object(KIND_RELEASE_BINDING, ours, theirs, &difference) < 0) {
        engine->status = -ENOMEM;
        return false;
    }
    const bool same = difference.count == 0;
    difference_fini(&difference);
    return same;
}

/* "cart-a-4f1d20aa9b3c" -> "4f1d20aa9b3c"; of a release that somebody else named, a digest of the
 * name. */
static void digest_of_name(const json_t *spec, char ret_digest[static DIGEST_SHORT + 1])
{
    const char *name = json_text_or(json_object_get(spec, "releaseName"), "");
    const size_t length = strlen(name);
    const char *end = length > DIGEST_SHORT ? name + length - DIGEST_SHORT : name;
    if (end > name && end[-1] == '-' && strspn(end, "0123456789abcdef") == DIGEST_SHORT) {
        text_put(ret_digest, DIGEST_SHORT + 1, "%s", end);
        return;
    }
    const struct digest digest = digest_bytes(name, length);
    text_put(ret_digest, DIGEST_SHORT + 1, "%.*s", DIGEST_SHORT, digest.text);
}

static void digest_of_spec(struct engine *engine, const json_t *spec,
                           char ret_digest[static DIGEST_SHORT + 1])
{
    struct digest digest;
    OWNED_JSON *content = without_replicas(spec);
    if (content == NULL || digest_json(content, &digest) != 0) {
        engine->status = -ENOMEM;
        return;
    }
    text_put(ret_digest, DIGEST_SHORT + 1, "%.*s", DIGEST_SHORT, digest.text);
}

/* What the route offers, if it is the release that git wants; otherwise nothing that anybody knows:
 * then the next release takes the way that is safe for every change. */
static struct packed *endpoints_of(const struct track *track, const char *route_digest)
{
    if (strcmp(route_digest, track->content.route_digest) == 0)
        return packed_ref(track->content.endpoints);
    return packed_take(json_pack("{s:{s:s}}", "?", "type", "unknown"));
}

static void fill(struct engine *engine, const struct track *track, enum binding_role role,
                 json_t *slot, json_t *route, struct rollout_content *content)
{
    if (is_wanted(engine, track, role, slot)) {
        rollout_content_copy(content, &track->content);
        return;
    }
    OWNED_JSON *found = packed_open(track->bindings[role].found);
    text_put(content->revision, sizeof content->revision, "%s",
             json_text_or(json_object_get(found, "revision"), ""));
    digest_of_name(slot, content->release_digest);
    digest_of_spec(engine, slot, content->deployment_digest);
    content->slot_spec[role] = packed_take(json_incref(slot));
    if (route != NULL) {
        digest_of_name(route, content->route_digest);
        content->route_spec = packed_take(json_incref(route));
        content->endpoints = endpoints_of(track, content->route_digest);
    }
    if (found == NULL || content->slot_spec[role] == NULL ||
        (route != NULL && (content->route_spec == NULL || content->endpoints == NULL)))
        engine->status = -ENOMEM;
}

/* --- the row ------------------------------------------------------------------------------------
 */

static void write_row(struct engine *engine, struct track *track, enum binding_role role,
                      json_t *slot, json_t *route, bool other)
{
    struct rollout rollout;
    rollout_init(&rollout, track->unit->name, track->component, track->target,
                 track->rollout.routed);
    rollout.has_stable = true;
    rollout.settle_due = true;
    fill(engine, track, role, slot, route, &rollout.stable);
    /* How long it has run nobody knows any more; that it stands is looked at once more. */
    rollout.stable.baked_wall_ms = engine->now.wall.ms;
    rollout.replicas = -1;
    rollout.state_since = rollout.progress_at = engine->now.wall;
    if (route != NULL) {
        rollout.stable_slot = rollout.stable.slot = role == BINDING_A ? 'a' : 'b';
        rollout.scaled[role] =
            json_is_true(json_at(slot, "componentTypeEnvironmentConfigs", "scaledByRoute", NULL));
        /* A rollout was under way: all traffic to the stable slot, then the other one goes. */
        if (other)
            rollout.state = ROLLOUT_CLEANUP;
    }
    char key[KEY_SIZE];
    text_put(key, sizeof key, "rollout/%s/%s/%s", track->unit->name, track->component,
             track->target);
    const bool wanted =
        strcmp(rollout.stable.deployment_digest, track->content.deployment_digest) == 0;
    if (engine->status == 0) {
        record_add(engine, key, rollout_to_json(&rollout));
        history_publish(
            engine, PUBLISH_NOTICE, "rollout-found",
            &(struct history_about){
                .cell = track->unit->name, .component = track->component, .target = track->target},
            "release %s runs here already, and the journal knows nothing of it: it is taken "
            "as the stable one%s",
            rollout.stable.release_digest, wanted ? "" : ", and git wants another");
    }
    rollout_fini(&rollout);
}

/* False: its slots have to be read first. */
static bool recover_routed(struct engine *engine, struct track *track, json_t *route)
{
    struct binding *a = &track->bindings[BINDING_A], *b = &track->bindings[BINDING_B];
    const bool read_a = is_read(a), read_b = is_read(b);
    if (!read_a || !read_b)
        return false;
    OWNED_JSON *spec_a = deployed_spec(engine, track, a);
    OWNED_JSON *spec_b = deployed_spec(engine, track, b);
    json_t *const slots[2] = {spec_a, spec_b};
    const char slot = engine->status == 0 ? stable_slot_of(track, route, slots) : 0;
    if (slot != 0)
        write_row(engine, track, slot == 'a' ? BINDING_A : BINDING_B, slots[slot - 'a'], route,
                  slots['b' - slot] != NULL);
    return true;
}

bool track_recover(struct engine *engine, struct track *track)
{
    if (track->recorded) {
        let_go(track);
        return true;
    }
    if (!track->has_content)
        return true;
    /* What has no route bears no traffic, whatever its slots do. */
    const struct binding *first =
        &track->bindings[track->rollout.routed ? BINDING_ROUTE : BINDING_A];
    if (!is_read(first))
        return false;
    OWNED_JSON *spec = deployed_spec(engine, track, first);
    if (spec == NULL)
        return engine->status == 0;
    if (track->rollout.routed)
        return recover_routed(engine, track, spec);
    write_row(engine, track, BINDING_A, spec, NULL, false);
    return true;
}
