/* One question to a webhook: the engine's question is posted as it is, the engine's answer comes
 * back. Pure.
 *
 * With a signing secret the request carries
 *   X-Celld-Signature: sha256=<HMAC-SHA-256 of the body, 64 hex digits>
 * What comes back is checked to the last number; a metric that is left out has no data, one that
 * was not asked for is an error. */
#pragma once

#include "config/base/error.h"
#include "daemon/analysis/question.h"

#include <jansson.h>

#define WEBHOOK_SIGNATURE "X-Celld-Signature"

/* The answer for the engine, with nothing in it but what is known; owned. ERR_INVALID with the
 * place; -ENOMEM. */
int webhook_answer(const struct question *question, const json_t *body, json_t **ret_answer,
                   struct error *err) __attribute__((warn_unused_result));
