#include "reconciler/engine/trial_row.h"

#include "config/base/text.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROW_VERSION 1

static void key_of(const struct track *track, char ret_key[static KEY_SIZE])
{
    text_put(ret_key, KEY_SIZE, "judge/%s/%s/%s", track->unit->name, track->component,
             track->target);
}

json_t *trial_row(const struct trial *trial)
{
    const bool judged = trial->judge.metric_count > 0;
    json_t *judge = judged ? judge_to_json(&trial->judge) : NULL;
    if (judged && judge == NULL)
        return NULL;
    return json_pack(
        "{s:i, s:I, s:s, s:O, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:b, s:b, s:s, s:O?, s:o*}",
        "version", ROW_VERSION, "attempt", (json_int_t)trial->attempt, "digest", trial->digest,
        "source", trial->source, "judging", (int)trial->judging, "looking", (int)trial->looking,
        "standing", (int)trial->standing, "step", (json_int_t)trial->step, "step_ms",
        (json_int_t)trial->step_ms, "windows", (json_int_t)trial->windows, "failures",
        (json_int_t)trial->failures, "empty", (int)trial->empty, "warm", (int)trial->warm, "error",
        trial->error, "asked", trial->asked, "judge", judge);
}

static bool flag(const json_t *row, const char *key)
{
    return json_is_true(json_object_get(row, key));
}

static bool is_text(const json_t *object, const char *key)
{
    return json_text_or(json_object_get(object, key), NULL) != NULL;
}

/* All that is told or asked of it later is there. */
static bool is_source(const json_t *source)
{
    const json_t *metrics = json_object_get(source, "metrics");
    if (!is_text(source, "provider") || !is_text(source, "insufficient") ||
        json_object_get(source, "template") == NULL || row_number(source, "interval_ms") <= 0 ||
        !json_is_array(metrics))
        return false;
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        const json_t *metric = json_array_get(metrics, i);
        if (!is_text(metric, "name") || !is_text(metric, "kind") ||
            json_object_get(metric, "edge") == NULL)
            return false;
    }
    return true;
}

static bool is_count(const json_t *row, const char *key, int64_t most)
{
    const int64_t number = row_number(row, key);
    return number >= 0 && number <= most;
}

static bool are_counts(const json_t *row)
{
    return is_count(row, "attempt", INT64_MAX) && is_count(row, "step", ROLLOUT_STEPS_LIMIT + 1) &&
           is_count(row, "step_ms", INT64_MAX) && is_count(row, "windows", INT64_MAX) &&
           is_count(row, "failures", UINT32_MAX);
}

static bool read_row(const json_t *row, struct trial *trial)
{
    const json_t *source = json_object_get(row, "source"), *asked = json_object_get(row, "asked");
    if (row_number(row, "version") != ROW_VERSION || !are_counts(row) || !is_source(source))
        return false;
    trial->attempt = (uint64_t)row_number(row, "attempt");
    row_text(row, "digest", trial->digest, sizeof trial->digest);
    trial->judging = flag(row, "judging");
    trial->looking = flag(row, "looking");
    trial->standing = flag(row, "standing");
    trial->step = (size_t)row_number(row, "step");
    trial->step_ms = row_number(row, "step_ms");
    trial->windows = (uint64_t)row_number(row, "windows");
    trial->failures = (unsigned)row_number(row, "failures");
    trial->empty = flag(row, "empty");
    trial->warm = flag(row, "warm");
    row_text(row, "error", trial->error, sizeof trial->error);
    trial->source = json_incref(json_unconst(source));
    trial->asked = json_is_object(asked) ? json_incref(json_unconst(asked)) : NULL;
    const json_t *judge = json_object_get(row, "judge");
    struct error err = {0};
    if (judge == NULL)
        return !trial->judging || trial_metric_count(trial) == 0;
    return judge_from_json(judge, &trial->judge, &err) == 0 &&
           trial->judge.metric_count == trial_metric_count(trial);
}

static void explain(struct engine *engine, struct trial *trial)
{
    /* That there are no data is all that an empty answer says. */
    if (trial->error[0] != '\0' && !trial->empty)
        text_put(trial->blindness, sizeof trial->blindness, "the metrics cannot be read: %s",
                 trial->error);
    if (trial->judge.metric_count == 0)
        return;
    OWNED_TEXT text;
    text_init(&text, 1024);
    const json_t *metric = trial_metric(trial, judge_worst(&trial->judge));
    text_format(&text, "%s: ", json_text_or(json_object_get(metric, "name"), ""));
    judge_explain(&trial->judge, &text);
    if (text_status(&text) == -ENOMEM)
        engine->status = -ENOMEM;
    text_put(trial->evidence, sizeof trial->evidence, "%s", text_get(&text));
}

struct trial *trial_row_free(struct trial *trial)
{
    if (trial == NULL)
        return NULL;
    json_decref(trial->source);
    json_decref(trial->asked);
    free(trial->gate);
    free(trial);
    return NULL;
}

/* What no row says goes on with the same attempt. */
static void carry_over(struct trial *trial, struct trial *before)
{
    trial->request = before->request;
    trial->due = before->due;
    trial->ahead_ms = before->ahead_ms;
    trial->names_due = before->names_due;
    trial->gate = TAKE(before->gate);
    trial->seen = before->seen;
}

void trial_row_apply(struct engine *engine, struct track *track, const json_t *value)
{
    struct trial *before = track->trial, *read = NULL;
    if (value != NULL) {
        read = calloc(1, sizeof *read);
        if (read == NULL) {
            engine->status = -ENOMEM;
            return;
        }
        if (!read_row(value, read))
            read = trial_row_free(read);
    }
    if (read != NULL) {
        read->track = track;
        if (before != NULL && before->attempt == read->attempt)
            carry_over(read, before);
        explain(engine, read);
    }
    track->trial = read;
    trial_row_free(before);
}

void trial_row_put(struct engine *engine, const struct track *track, const struct trial *next)
{
    char key[KEY_SIZE];
    key_of(track, key);
    record_add(engine, key, trial_row(next));
    engine->version++;
}

void trial_row_remove(struct engine *engine, const struct track *track)
{
    char key[KEY_SIZE];
    key_of(track, key);
    record_remove(engine, key);
    engine->version++;
}
