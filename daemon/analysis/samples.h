/* What Prometheus' HTTP API answers, as series of samples. Pure, bounded. */
#pragma once

#include "config/base/arena.h"
#include "config/base/error.h"

#include <jansson.h>

#include <stddef.h>
#include <stdint.h>

#define SAMPLES_SERIES_LIMIT ((size_t)10000)
#define SAMPLES_LIMIT ((size_t)400000) /* of all series together */

struct sample {
    int64_t at_ms;
    double value; /* may be NaN or infinite: the reader judges */
};

struct series {
    json_t *labels; /* owned: text by name */
    struct sample *samples;
    size_t count; /* in the order of time, no two at one time; at least one */
};

struct samples {
    struct arena *arena;
    struct series *series; /* in the answer's order */
    size_t count;
};

enum samples_shape {
    SAMPLES_MATRIX, /* series of samples */
    SAMPLES_VECTOR, /* one sample each; a scalar counts as one series without labels */
};

/* Reads an answer with status 2xx; the samples keep nothing of it but the labels.
 * Returns 0 and samples for samples_fini(). ERR_INVALID when it is no answer of that shape, when
 * the server says "error", or when it warns: a partial result proves nothing. ERR_LIMIT, -ENOMEM.
 */
int samples_read(const json_t *body, enum samples_shape shape, struct samples *ret_samples,
                 struct error *err) __attribute__((warn_unused_result));
void samples_fini(struct samples *samples);

/* "" when the series has no such label. Borrowed. */
const char *series_label(const struct series *series, const char *name);
