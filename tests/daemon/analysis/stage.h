/* What the tests of the judge's sources share: JSON written with single quotes, questions, answers
 * of a Prometheus. */
#pragma once

#include "daemon/analysis/question.h"
#include "daemon/analysis/samples.h"

#include <jansson.h>

#include <stddef.h>

/* JSON in which ' stands for ", and ` for a " within a text. Owned. */
json_t *stage_json(const char *text);

/* The canonical text of a value, with ' for "; of the last call but three, too. Takes the value. */
const char *stage_text(json_t *value);

/* A question about both slots of cartservice, from second 1000 to second 1060; `metrics` is the
 * list's content. Owned. */
json_t *stage_question(const char *purpose, const char *provider, const char *template_name,
                       const char *metrics);

/* A sound answer whose result is `result`, the list's content. Owned. */
json_t *stage_answer(const char *type, const char *result);

/* Samples of such an answer. */
void stage_samples(enum samples_shape shape, const char *result, struct samples *ret_samples);
