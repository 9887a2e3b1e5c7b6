/* A 64-bit fingerprint of what celld compares of an object: labels, annotations, spec. It tells
 * that nothing changed since the last full comparison, without memory or allocation; equality
 * itself is always found by diff_object(). Never 0. */
#pragma once

#include <jansson.h>

#include <stdint.h>

/* Of a whole JSON value; the order of members does not count, that of elements does. */
uint64_t fingerprint_json(const json_t *value);

/* Of a text. */
uint64_t fingerprint_text(const char *text);

/* Of an object's labels, annotations (without those that are written along) and spec, and of
 * whether it is being deleted. */
uint64_t fingerprint_object(const json_t *object);
