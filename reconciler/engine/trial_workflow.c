#include "reconciler/engine/trial_workflow.h"

#include "config/base/text.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Runs with an unknown outcome before there is nothing to judge by. */
#define ATTEMPTS 3

bool trial_workflow_is(const struct trial *trial)
{
    return strcmp(json_text_or(json_object_get(trial->source, "provider"), ""), "workflow") == 0;
}

/* No gate of a platform has a name with a dot, and no component one of more than 60 characters. */
static void name_of(const struct track *track, size_t step, char ret_name[static NAME_SIZE])
{
    text_put(ret_name, NAME_SIZE, "%.60s.%zu", track->component, step);
}

bool trial_workflow_owns(const struct gate_record *gate)
{
    return strchr(gate->name, '.') != NULL;
}

/* Of this attempt and no other. */
static void digest_of(const struct trial *trial, char ret_digest[static DIGEST_SHORT + 1])
{
    char text[DIGEST_SHORT + 32];
    text_put(text, sizeof text, "%s/%" PRIu64, trial->digest, trial->attempt);
    const struct digest digest = digest_bytes(text, strlen(text));
    memcpy(ret_digest, digest.text, DIGEST_SHORT);
    ret_digest[DIGEST_SHORT] = '\0';
}

static struct gate_record *record_of(const struct engine *engine, const struct trial *trial,
                                     size_t step)
{
    const struct track *track = trial->track;
    char name[NAME_SIZE], digest[DIGEST_SHORT + 1];
    name_of(track, step, name);
    digest_of(trial, digest);
    struct gate_record *record = gate_find(engine, track->unit->name, track->target, name);
    return record != NULL && strcmp(record->digests, digest) == 0 ? record : NULL;
}

void trial_workflow_begin(struct engine *engine, const struct track *track, size_t step)
{
    struct gate_record next = {.since_ms = engine->now.wall.ms};
    text_put(next.cell, sizeof next.cell, "%s", track->unit->name);
    text_put(next.environment, sizeof next.environment, "%s", track->target);
    name_of(track, step, next.name);
    digest_of(track->trial, next.digests);
    const struct gate_record *before = gate_find(engine, next.cell, next.environment, next.name);
    if (before != NULL)
        next.attempt = before->attempt;
    gate_put(engine, &next);
}

/* It stands where a run has to judge it. */
static bool is_judged(const struct trial *trial)
{
    const struct rollout *rollout = &trial->track->rollout;
    return trial_is_forward(rollout) && trial_is_of(trial, rollout) && trial->standing &&
           (trial->step < rollout->stage_count
                ? rollout->room->stages[trial->step].analysis &&
                      rollout->room->stages[trial->step].weight > 0
                : trial->step > rollout->stage_count && trial_has_baseline(rollout));
}

/* The manifest that a gate has, made of what was fixed when the attempt began. */
static const struct gate *manifest_of(struct engine *engine, struct trial *trial)
{
    const json_t *workflow = json_object_get(trial->source, "workflow");
    const char *name = json_text_or(json_object_get(workflow, "name"), NULL);
    if (name == NULL)
        return NULL;
    if (trial->gate == NULL)
        trial->gate = calloc(1, sizeof *trial->gate);
    if (trial->gate == NULL) {
        engine->status = -ENOMEM;
        return NULL;
    }
    *trial->gate = (struct gate){.kind = GATE_WORKFLOW};
    trial->gate->workflow.name.text = name;
    trial->gate->workflow.kind.text = json_text_or(json_object_get(workflow, "kind"), NULL);
    json_t *parameters = json_object_get(workflow, "parameters");
    trial->gate->workflow.parameters = json_is_object(parameters) ? parameters : NULL;
    return trial->gate;
}

static void want(struct engine *engine, struct trial *trial)
{
    if (record_of(engine, trial, trial->step) == NULL)
        trial_workflow_begin(engine, trial->track, trial->step);
    struct gate_record *record = record_of(engine, trial, trial->step);
    if (record == NULL)
        return;
    record->manifest = manifest_of(engine, trial);
    record->wanted = record->manifest != NULL;
    if (record->state == trial->seen)
        return;
    trial->seen = record->state;
    unit_queue(engine, trial->track->unit);
}

void trial_workflow_want(struct engine *engine)
{
    for (size_t i = 0; i < engine->unit_count && engine->status == 0; i++) {
        for (size_t k = 0; k < engine->units[i]->track_count; k++) {
            struct trial *trial = engine->units[i]->tracks[k]->trial;
            if (trial != NULL && trial_workflow_is(trial) && is_judged(trial))
                want(engine, trial);
        }
    }
}

enum judge_verdict trial_workflow_verdict(const struct engine *engine, const struct trial *trial,
                                          const struct gate_record **ret_record)
{
    const struct rollout *rollout = &trial->track->rollout;
    const struct gate_record *record =
        trial->standing ? record_of(engine, trial, trial->step) : NULL;
    if (ret_record != NULL)
        *ret_record = record;
    if (json_object_get(trial->source, "workflow") == NULL)
        return VERDICT_PROVIDER_ERROR;
    /* The steps have passed, or there would be no bake. */
    if (trial->standing && trial->step > rollout->stage_count && !trial_has_baseline(rollout))
        return VERDICT_PASS;
    if (record == NULL || !is_judged(trial))
        return VERDICT_CONTINUE;
    switch (record->state) {
    case GATE_STATE_CLOSED:
    case GATE_STATE_RUNNING:
        return VERDICT_CONTINUE;
    case GATE_STATE_PASSED:
        return VERDICT_PASS;
    case GATE_STATE_FAILED:
        /* A run that never was says nothing of the release. */
        return record->uid[0] == '\0' ? VERDICT_PROVIDER_ERROR : VERDICT_ROLLBACK;
    case GATE_STATE_UNKNOWN:
        return record->attempt % ATTEMPTS == 0 ? VERDICT_PROVIDER_ERROR : VERDICT_CONTINUE;
    }
    return VERDICT_CONTINUE;
}

void trial_workflow_end(struct engine *engine, const struct track *track)
{
    for (size_t step = 0; step <= track->rollout.stage_count + 1; step++) {
        char name[NAME_SIZE], key[KEY_SIZE];
        name_of(track, step, name);
        struct gate_record *record = gate_find(engine, track->unit->name, track->target, name);
        if (record == NULL)
            continue;
        record->wanted = false;
        record->manifest = NULL;
        if (!record->recorded)
            continue;
        text_put(key, sizeof key, "gate/%s/%s/%s", record->cell, record->environment, record->name);
        record_remove(engine, key);
    }
}
