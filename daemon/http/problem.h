/* What a server says about a failure, made safe to show: the known shapes of error bodies become
 * one short piece of text, printable, in UTF-8, without the credential that was used. Pure. */
#pragma once

#include "daemon/http/secret.h"

#include <jansson.h>

#include <stddef.h>

#define PROBLEM_SIZE 256

struct problem_source {
    const char *content_type; /* "" = absent */
    const char *bytes;        /* the body, of `length` bytes */
    size_t length;
    const json_t *json;          /* the body, when it is JSON; else NULL */
    const struct secret *hidden; /* replaced where it is echoed; NULL = none */
};

/* Shapes: {"error", "code"}, {"error", "errorType"}, {"error", "message"}, {"title", "errorCode",
 * "message"},
 * {"error", "error_description"}, and text/plain. "" when nothing can be said. */
void problem_describe(const struct problem_source *source, char ret_text[static PROBLEM_SIZE]);
