#include "reconciler/engine/row.h"

#include "config/base/text.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void row_text(const json_t *value, const char *key, char *ret_text, size_t size)
{
    text_put(ret_text, size, "%s", json_text_or(json_object_get(value, key), ""));
}

int64_t row_number(const json_t *value, const char *key)
{
    return json_integer_value(json_object_get(value, key));
}

/* Fingerprints use all 64 bits; JSON numbers would lose their sign's meaning. */
static json_t *bits(uint64_t value)
{
    return json_sprintf("%016" PRIx64, value);
}

uint64_t row_bits(const json_t *value, const char *key)
{
    return strtoull(json_text_or(json_object_get(value, key), "0"), NULL, 16);
}

json_t *row_engine(const struct engine *engine)
{
    return json_pack("{s:s, s:o}", "instance", engine->instance, "seed",
                     bits(engine->options.seed));
}

void row_engine_apply(struct engine *engine, const json_t *value)
{
    engine->seeded = value != NULL;
    if (value == NULL)
        return;
    engine->options.seed = row_bits(value, "seed");
    engine->random = engine->options.seed;
}

json_t *row_revision(const struct engine *engine, int64_t converged_ms)
{
    return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "commit", engine->commit, "subject",
                     engine->subject, "rewritten", (int)engine->rewritten, "since",
                     (json_int_t)engine->revision_ms, "converged", (json_int_t)converged_ms,
                     "number", (json_int_t)engine->number);
}

void row_revision_apply(struct engine *engine, const json_t *value)
{
    row_text(value, "commit", engine->commit, sizeof engine->commit);
    char *subject = strdup(json_text_or(json_object_get(value, "subject"), ""));
    if (subject == NULL)
        engine->status = -ENOMEM;
    free(engine->subject);
    engine->subject = subject;
    engine->rewritten = json_is_true(json_object_get(value, "rewritten"));
    engine->revision_ms = row_number(value, "since");
    engine->converged_ms = row_number(value, "converged");
    engine->number = (uint64_t)row_number(value, "number");
}

json_t *row_cell(const struct unit *unit)
{
    return json_pack("{s:s, s:s, s:i, s:I}", "commit", unit->good_commit, "digest",
                     unit->good_digest, "phase", unit->good_phase, "train",
                     (json_int_t)unit->train);
}

void row_cell_apply(struct unit *unit, const json_t *value)
{
    unit->recorded = value != NULL;
    row_text(value, "commit", unit->good_commit, sizeof unit->good_commit);
    row_text(value, "digest", unit->good_digest, sizeof unit->good_digest);
    unit->good_phase = (int)row_number(value, "phase");
    unit->train = (uint64_t)row_number(value, "train");
}

json_t *row_inventory(const struct object *object)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:I, s:I, s:o*, s:O*}", "uid", object->uid,
                     "cell", object->unit->name, "target", object->target, "route",
                     (int)object->route, "desired", bits(object->written), "live",
                     bits(object->equal_live), "made", (json_int_t)object->made, "before",
                     (json_int_t)object->before, "handed", object->handed ? json_true() : NULL,
                     "sealed", object->sealed);
}

/* Whose object it is. False = nobody's: the row is not to be used. */
static bool take_owner(struct engine *engine, struct object *object, const json_t *value)
{
    const char *cell = json_text_or(json_object_get(value, "cell"), "");
    struct unit *unit = cell[0] == '\0' ? engine->base : unit_get(engine, cell);
    unit_attach(engine, unit == NULL ? engine->base : unit, object);
    if (unit == NULL)
        return false;
    object->target = words_target(engine, json_text_or(json_object_get(value, "target"), ""));
    object->route = json_is_true(json_object_get(value, "route"));
    return true;
}

void row_inventory_apply(struct engine *engine, struct object *object, const json_t *value)
{
    json_decref(object->sealed);
    object->sealed = json_incref(json_object_get(value, "sealed"));
    object->inventory = value != NULL && take_owner(engine, object, value);
    if (!object->inventory)
        return;
    row_text(value, "uid", object->uid, sizeof object->uid);
    object->handed = json_is_true(json_object_get(value, "handed"));
    object->written = row_bits(value, "desired");
    object->equal_desired = object->written;
    object->equal_live = row_bits(value, "live");
    object->made = (uint64_t)row_number(value, "made");
    object->before = row_number(value, "before");
    if (engine->made < object->made)
        engine->made = object->made;
}

json_t *row_intent(const struct object *object, char verb)
{
    const char text[2] = {verb, '\0'};
    return json_pack("{s:s, s:s, s:s, s:b}", "verb", text, "cell", object->unit->name, "target",
                     object->target, "route", (int)object->route);
}

void row_intent_apply(struct engine *engine, struct object *object, const json_t *value)
{
    object->intent = value != NULL && take_owner(engine, object, value);
    object->intent_verb =
        object->intent ? json_text_or(json_object_get(value, "verb"), "?")[0] : '\0';
}

/* --- rollouts ---------------------------------------------------------------------- */

void row_rollout_apply(struct engine *engine, struct track *track, const json_t *value)
{
    if (value == NULL) {
        rollout_fini(&track->rollout);
        rollout_init(&track->rollout, track->unit->name, track->component, track->target, false);
        track->recorded = false;
        return;
    }
    struct rollout rollout;
    rollout_init(&rollout, track->unit->name, track->component, track->target,
                 track->rollout.routed);
    struct error err = {0};
    const int result = rollout_from_json(value, &rollout, &err);
    if (result == -ENOMEM)
        engine->status = -ENOMEM;
    if (result < 0) {
        rollout_fini(&rollout);
        return;
    }
    rollout_fini(&track->rollout);
    track->rollout = rollout;
    track->rollout.cell = track->unit->name;
    track->rollout.component = track->component;
    track->rollout.target = track->target;
    /* The row does not say it, the contents do. */
    if (rollout.stable.route_spec != NULL || rollout.next.route_spec != NULL)
        track->rollout.routed = true;
    track->recorded = true;
}

/* --- pruning ------------------------------------------------------------------------------------
 */

json_t *row_prune(const struct pruning *pruning)
{
    return json_pack("{s:s, s:s, s:s, s:O}", "revision", pruning->revision, "hash", pruning->hash,
                     "approved", pruning->approved, "keys", pruning->keys);
}

void row_prune_apply(struct engine *engine, const json_t *value)
{
    struct pruning *pruning = &engine->pruning;
    row_text(value, "revision", pruning->revision, sizeof pruning->revision);
    row_text(value, "hash", pruning->hash, sizeof pruning->hash);
    row_text(value, "approved", pruning->approved, sizeof pruning->approved);
    json_decref(pruning->keys);
    json_t *keys = json_object_get(value, "keys");
    pruning->keys = json_is_object(keys) ? json_incref(keys) : json_object();
    if (pruning->keys == NULL)
        engine->status = -ENOMEM;
}
