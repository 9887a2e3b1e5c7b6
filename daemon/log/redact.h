/* Takes credentials out of texts: the user part of URLs, Authorization headers, bearer tokens. The
 * one place that knows how they look. */
#pragma once

#include <stddef.h>

/* Writes `text` to `ret_text` with every credential replaced by "***" and control characters
 * escaped as \xNN; cut at the end when it does not fit. */
void redact_text(const char *text, char *ret_text, size_t size);
