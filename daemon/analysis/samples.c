#include "daemon/analysis/samples.h"

#include "config/base/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY ((size_t)16 * 1024 * 1024)
#define VALUE_LIMIT 64 /* characters of a number */

static int invalid(struct error *err, const char *what)
{
    return error_set(err, ERROR_INVALID, ERR_INVALID, "Prometheus' answer is not sound: %s", what);
}

/* Numbers come as texts: "12", "0.5", "1e+06", "NaN", "+Inf", "-Inf". */
static bool read_value(const json_t *json, double *ret_value)
{
    const char *text = json_text_or(json, "");
    if (strcmp(text, "NaN") == 0)
        *ret_value = (double)NAN;
    else if (strcmp(text, "+Inf") == 0 || strcmp(text, "-Inf") == 0)
        *ret_value = text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    else {
        char *end = NULL;
        if (text[0] == '\0' || strlen(text) > VALUE_LIMIT ||
            text[strspn(text, "0123456789.+-eE")] != '\0')
            return false;
        *ret_value = strtod(text, &end);
        return *end == '\0';
    }
    return true;
}

/* [seconds, "value"] */
static bool read_sample(const json_t *json, struct sample *ret_sample)
{
    const json_t *at = json_array_get(json, 0);
    const double seconds = json_number_value(at);
    if (json_array_size(json) != 2 || !json_is_number(at) || !(seconds > -1e11 && seconds < 1e11))
        return false;
    ret_sample->at_ms = (int64_t)llround(seconds * 1000);
    return read_value(json_array_get(json, 1), &ret_sample->value);
}

static int read_values(const json_t *list, struct samples *samples, struct series *series,
                       size_t *total, struct error *err)
{
    const size_t count = json_array_size(list);
    *total += count;
    if (*total > SAMPLES_LIMIT)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT,
                         "Prometheus' answer has more than %zu samples: narrow the query",
                         SAMPLES_LIMIT);
    series->samples = arena_array(samples->arena, count, sizeof(*series->samples));
    if (series->samples == NULL)
        return error_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct sample *sample = &series->samples[i];
        if (!read_sample(json_array_get(list, i), sample))
            return invalid(err, "a sample is no pair of a time and a number");
        if (i > 0 && sample->at_ms <= sample[-1].at_ms)
            return invalid(err, "samples are not in the order of time");
    }
    series->count = count;
    return count == 0 ? invalid(err, "a series has no samples") : 0;
}

static int read_one(const json_t *json, struct samples *samples, struct series *series,
                    struct error *err)
{
    series->samples = arena_alloc(samples->arena, sizeof(*series->samples));
    if (series->samples == NULL)
        return error_no_memory(err);
    series->count = 1;
    return read_sample(json, series->samples)
               ? 0
               : invalid(err, "a value is no pair of a time and a number");
}

static bool are_labels(const json_t *labels)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_unconst(labels), name, value)
    {
        if (!json_is_string(value))
            return false;
    }
    return json_is_object(labels);
}

static int read_series(const json_t *json, enum samples_shape shape, struct samples *samples,
                       size_t *total, struct error *err)
{
    struct series *series = &samples->series[samples->count];
    json_t *labels = json_object_get(json, "metric");
    if (!are_labels(labels))
        return invalid(err, "a series has no labels");
    series->labels = json_incref(labels);
    samples->count++;
    if (shape == SAMPLES_VECTOR)
        return read_one(json_object_get(json, "value"), samples, series, err);
    return read_values(json_object_get(json, "values"), samples, series, total, err);
}

static int read_scalar(const json_t *json, struct samples *samples, struct error *err)
{
    samples->series[0].labels = json_object();
    if (samples->series[0].labels == NULL)
        return error_no_memory(err);
    samples->count = 1;
    return read_one(json, samples, &samples->series[0], err);
}

static int read_status(const json_t *body, struct error *err)
{
    const json_t *warnings = json_object_get(body, "warnings");
    const char *status = json_text_or(json_object_get(body, "status"), "");
    if (strcmp(status, "error") == 0)
        return error_set(err, ERROR_INVALID, ERR_INVALID, "Prometheus says %s: %s",
                         json_text_or(json_object_get(body, "errorType"), "error"),
                         json_text_or(json_object_get(body, "error"), "nothing more"));
    if (strcmp(status, "success") != 0)
        return invalid(err, "it has no status (is there a Prometheus at this address?)");
    if (json_array_size(warnings) > 0)
        return error_set(err, ERROR_UNAVAILABLE, ERR_INVALID,
                         "Prometheus' answer is partial, it warns: %s",
                         json_text_or(json_array_get(warnings, 0), "nothing more"));
    return 0;
}

static int read_result(const json_t *data, enum samples_shape shape, struct samples *samples,
                       struct error *err)
{
    const char *type = json_text_or(json_object_get(data, "resultType"), "");
    const json_t *result = json_object_get(data, "result");
    const bool is_scalar = shape == SAMPLES_VECTOR && strcmp(type, "scalar") == 0;
    if (!json_is_array(result) ||
        (!is_scalar && strcmp(type, shape == SAMPLES_VECTOR ? "vector" : "matrix") != 0))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "Prometheus answered with a %.20s instead of a %s: the query is none of "
                         "counters",
                         type[0] == '\0' ? "nothing" : type,
                         shape == SAMPLES_VECTOR ? "vector" : "matrix");
    const size_t count = is_scalar ? 1 : json_array_size(result);
    if (count > SAMPLES_SERIES_LIMIT)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT,
                         "Prometheus' answer has %zu series, the limit is %zu: narrow the query",
                         count, SAMPLES_SERIES_LIMIT);
    samples->series = arena_array(samples->arena, count, sizeof(*samples->series));
    if (samples->series == NULL)
        return error_no_memory(err);
    if (is_scalar)
        return read_scalar(result, samples, err);
    size_t total = 0;
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = read_series(json_array_get(result, i), shape, samples, &total, err);
    return status;
}

int samples_read(const json_t *body, enum samples_shape shape, struct samples *ret_samples,
                 struct error *err)
{
    struct samples samples = {.arena = NULL};
    int result = read_status(body, err);
    if (result < 0)
        return result;
    samples.arena = arena_new(MEMORY);
    if (samples.arena == NULL)
        return error_no_memory(err);
    result = read_result(json_object_get(body, "data"), shape, &samples, err);
    if (result < 0) {
        samples_fini(&samples);
        return result;
    }
    *ret_samples = samples;
    return 0;
}

void samples_fini(struct samples *samples)
{
    for (size_t i = 0; i < samples->count; i++)
        json_decref(samples->series[i].labels);
    (void)arena_free(samples->arena);
    *samples = (struct samples){.arena = NULL};
}

const char *series_label(const struct series *series, const char *name)
{
    return json_text_or(json_object_get(series->labels, name), "");
}
