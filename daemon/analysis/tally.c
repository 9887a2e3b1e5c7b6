#include "daemon/analysis/tally.h"

#include "config/base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Above it a double has no whole numbers any more. */
#define COUNT_LIMIT 9007199254740992.0

/* Labels that do not tell sources apart, where `instance` does. */
static const char *const repeated[] = {"job",        "prometheus",     "prometheus_replica",
                                       "replica",    "thanos_replica", "receive_replica",
                                       "__replica__"};

bool tally_is_count(double value)
{
    return isfinite(value) && value >= 0 && value <= COUNT_LIMIT;
}

bool tally_edge(const char *label, double *ret_edge)
{
    char *end = NULL;
    if (strcmp(label, "+Inf") == 0) {
        *ret_edge = (double)INFINITY;
        return true;
    }
    if (label[0] == '\0' || label[strspn(label, "0123456789.+-eE")] != '\0')
        return false;
    *ret_edge = strtod(label, &end);
    return *end == '\0' && isfinite(*ret_edge);
}

/* --- targets -------------------------------------------------------------------------------- */

static bool target_key(const struct series *series, char *key, size_t size)
{
    const char *job = series_label(series, "job"), *instance = series_label(series, "instance");
    const int length = snprintf(key, size, "%s\x1f%s", job, instance);
    return instance[0] != '\0' && length > 0 && (size_t)length < size;
}

#define KEY_SIZE 1024

json_t *tally_targets(const struct samples *up)
{
    json_t *targets = json_object();
    for (size_t i = 0; targets != NULL && i < up->count; i++) {
        const struct series *series = &up->series[i];
        char key[KEY_SIZE];
        if (series->samples[series->count - 1].value == 1 && target_key(series, key, sizeof(key)) &&
            json_object_set_new(targets, key, json_true()) < 0) {
            json_decref(targets);
            return NULL;
        }
    }
    return targets;
}

static bool was_scraped(const struct series *series, const json_t *targets)
{
    char key[KEY_SIZE];
    return targets != NULL && target_key(series, key, sizeof(key)) &&
           json_object_get(targets, key) != NULL;
}

bool tally_needs_targets(const struct samples *samples, const struct tally_window *window)
{
    for (size_t i = 0; i < samples->count; i++) {
        if (samples->series[i].samples[0].at_ms > window->from_ms)
            return true;
    }
    return false;
}

/* --- one series ----------------------------------------------------------------------------- */

struct step {
    double up;       /* increase within the window */
    bool is_sound;   /* all its samples are counts */
    bool is_fresh;   /* it was scraped within the window, not too long before its end */
    int64_t last_ms; /* its newest sample */
};

static struct step step_of(const struct series *series, const struct tally_window *window,
                           const json_t *targets)
{
    struct step step = {.is_sound = true};
    bool has_base = series->samples[0].at_ms > window->from_ms && was_scraped(series, targets);
    double base = 0;
    for (size_t i = 0; i < series->count && series->samples[i].at_ms <= window->to_ms; i++) {
        const struct sample *sample = &series->samples[i];
        if (!tally_is_count(sample->value))
            step.is_sound = false;
        if (has_base && sample->at_ms > window->from_ms)
            step.up += sample->value >= base ? sample->value - base : sample->value;
        base = sample->value;
        has_base = true;
        step.last_ms = sample->at_ms;
    }
    step.is_fresh =
        step.last_ms > window->from_ms && step.last_ms >= window->to_ms - window->stale_ms;
    return step;
}

/* --- all series ----------------------------------------------------------------------------- */

/* The labels that make a series what it is, as text. Owned; NULL without memory. */
static char *identity_of(const struct series *series)
{
    if (series_label(series, "instance")[0] == '\0')
        return json_canonical(series->labels);
    json_t *labels = json_copy(series->labels);
    for (size_t i = 0; labels != NULL && i < sizeof(repeated) / sizeof(repeated[0]); i++)
        (void)json_object_del(labels, repeated[i]);
    char *text = labels == NULL ? NULL : json_canonical(labels);
    json_decref(labels);
    return text;
}

struct survey {
    struct step *steps; /* one per series */
    bool *kept;         /* false: another one stands for it */
    size_t count;
    bool is_sound, is_fresh;
};

static void survey_fini(struct survey *survey)
{
    free(survey->steps);
    free(survey->kept);
}

/* Of series that are the same, the one with the newest sample stays; then the one that counts more.
 */
static bool is_better(const struct step *a, const struct step *b)
{
    return a->last_ms != b->last_ms ? a->last_ms > b->last_ms : a->up > b->up;
}

static int keep_one_of_each(const struct samples *samples, struct survey *survey)
{
    OWNED_JSON *places = json_object();
    for (size_t i = 0; i < samples->count; i++) {
        OWNED(owned_free) char *identity = identity_of(&samples->series[i]);
        if (places == NULL || identity == NULL)
            return -ENOMEM;
        const json_t *place = json_object_get(places, identity);
        const size_t other = (size_t)json_integer_value(place);
        survey->kept[i] = place == NULL || is_better(&survey->steps[i], &survey->steps[other]);
        if (place != NULL && survey->kept[i])
            survey->kept[other] = false;
        if (survey->kept[i] &&
            json_object_set_new(places, identity, json_integer((json_int_t)i)) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* Returns 0 or -ENOMEM; the survey is to be freed in both cases. */
static int read_all(const struct samples *samples, const struct tally_window *window,
                    const json_t *targets, struct survey *ret_survey)
{
    struct survey *survey = ret_survey;
    *survey = (struct survey){
        .steps = calloc(samples->count + 1, sizeof(*survey->steps)),
        .kept = calloc(samples->count + 1, sizeof(*survey->kept)),
        .count = samples->count,
        .is_sound = true,
    };
    if (survey->steps == NULL || survey->kept == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < samples->count; i++)
        survey->steps[i] = step_of(&samples->series[i], window, targets);
    const int result = keep_one_of_each(samples, survey);
    for (size_t i = 0; i < samples->count; i++) {
        survey->is_sound &= !survey->kept[i] || survey->steps[i].is_sound;
        survey->is_fresh |= survey->kept[i] && survey->steps[i].is_fresh;
    }
    return result;
}

static void finish(struct tally *tally, const struct survey *survey)
{
    const double excess = tally->bad - tally->requests;
    if (excess > 0 && excess < 1e-6)
        tally->bad = tally->requests;
    if (!survey->is_fresh)
        tally->state = TALLY_ABSENT;
    else if (!survey->is_sound || !tally_is_count(tally->requests) || !tally_is_count(tally->bad) ||
             tally->bad > tally->requests)
        tally->state = TALLY_UNSOUND;
    else
        tally->state = TALLY_COUNTED;
    if (tally->state != TALLY_COUNTED)
        tally->requests = tally->bad = 0;
}

/* UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: what callers did
 * wrong is none of them. */
static bool is_failed_call(const char *status)
{
    static const char *const failures[] = {"2", "4", "12", "13", "14", "15"};
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (strcmp(failures[i], status) == 0)
            return true;
    }
    return false;
}

int tally_codes(const struct samples *samples, const struct tally_window *window,
                const json_t *targets, const char *code, const char *call, struct tally *ret_tally)
{
    struct survey survey;
    struct tally tally = {.state = TALLY_ABSENT};
    const int result = read_all(samples, window, targets, &survey);
    for (size_t i = 0; result == 0 && i < survey.count; i++) {
        const char *value = series_label(&samples->series[i], code);
        if (!survey.kept[i])
            continue;
        tally.requests += survey.steps[i].up;
        if (value[0] == '5' ||
            (call != NULL && is_failed_call(series_label(&samples->series[i], call))))
            tally.bad += survey.steps[i].up;
        else if (value[0] == '\0')
            survey.is_sound = false;
    }
    finish(&tally, &survey);
    survey_fini(&survey);
    if (result == 0)
        *ret_tally = tally;
    return result;
}

int tally_sum(const struct samples *samples, const struct tally_window *window,
              const json_t *targets, struct tally *ret_tally)
{
    struct survey survey;
    struct tally tally = {.state = TALLY_ABSENT};
    const int result = read_all(samples, window, targets, &survey);
    for (size_t i = 0; result == 0 && i < survey.count; i++)
        tally.requests += survey.kept[i] ? survey.steps[i].up : 0;
    finish(&tally, &survey);
    survey_fini(&survey);
    if (result == 0)
        *ret_tally = tally;
    return result;
}

/* --- buckets -------------------------------------------------------------------------------- */

/* Every histogram has both buckets, or it is not known what is above the edge. */
struct buckets {
    double below, all;
    size_t edges, ends;
    bool is_sound;
};

static void add_bucket(struct buckets *buckets, const struct series *series, double edge,
                       double value)
{
    double found = 0;
    if (!tally_edge(series_label(series, "le"), &found)) {
        buckets->is_sound = false;
    } else if (isinf(found)) {
        buckets->all += value;
        buckets->ends++;
    } else if (fabs(found - edge) <= 1e-9 * fabs(edge)) {
        buckets->below += value;
        buckets->edges++;
    }
}

static void finish_buckets(const struct buckets *buckets, struct survey *survey,
                           struct tally *tally)
{
    const double bad = buckets->all - buckets->below;
    tally->requests = buckets->all;
    tally->bad = bad < 0 && bad > -1e-6 ? 0 : bad;
    survey->is_sound &= buckets->is_sound && buckets->edges == buckets->ends;
    finish(tally, survey);
}

int tally_buckets(const struct samples *samples, const struct tally_window *window,
                  const json_t *targets, double edge, struct tally *ret_tally)
{
    struct survey survey;
    struct tally tally = {.state = TALLY_ABSENT};
    struct buckets buckets = {.is_sound = true};
    const int result = read_all(samples, window, targets, &survey);
    for (size_t i = 0; result == 0 && i < survey.count; i++) {
        if (survey.kept[i])
            add_bucket(&buckets, &samples->series[i], edge, survey.steps[i].up);
    }
    finish_buckets(&buckets, &survey, &tally);
    survey_fini(&survey);
    if (result == 0)
        *ret_tally = tally;
    return result;
}

/* --- vectors -------------------------------------------------------------------------------- */

void tally_value(const struct samples *vector, struct tally *ret_tally)
{
    struct survey survey = {.is_fresh = vector->count > 0, .is_sound = true};
    struct tally tally = {.state = TALLY_ABSENT};
    for (size_t i = 0; i < vector->count; i++) {
        const double value = vector->series[i].samples[0].value;
        survey.is_sound &= tally_is_count(value);
        tally.requests += value;
    }
    finish(&tally, &survey);
    *ret_tally = tally;
}

void tally_value_buckets(const struct samples *vector, double edge, struct tally *ret_tally)
{
    struct survey survey = {.is_fresh = vector->count > 0, .is_sound = true};
    struct buckets buckets = {.is_sound = true};
    struct tally tally = {.state = TALLY_ABSENT};
    for (size_t i = 0; i < vector->count; i++) {
        const double value = vector->series[i].samples[0].value;
        survey.is_sound &= tally_is_count(value);
        add_bucket(&buckets, &vector->series[i], edge, value);
    }
    finish_buckets(&buckets, &survey, &tally);
    *ret_tally = tally;
}
