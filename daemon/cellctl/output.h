/* What cellctl prints: JSON, YAML, or text for people. Texts come from repositories and servers:
 * nothing in them may steer the terminal. */
#pragma once

#include "config/base/error.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_YAML };

/* Prints text with control characters, and those that turn the direction of writing, escaped. */
void output_text(FILE *file, const char *text);

/* The same for texts that are laid out by their own newlines. */
void output_lines(FILE *file, const char *text);

/* Prints a value as JSON or YAML; `format` must not be OUTPUT_TABLE. Returns 0 or -EIO. */
int output_value(FILE *file, enum output_format format, const json_t *value)
    __attribute__((warn_unused_result));

/* One JSON value in one line. */
int output_json_line(FILE *file, const json_t *value) __attribute__((warn_unused_result));

/* One YAML document with "---" before it. */
int output_yaml(FILE *file, const json_t *value) __attribute__((warn_unused_result));

enum output_colour {
    COLOUR_NONE,
    COLOUR_GOOD,
    COLOUR_BUSY,
    COLOUR_BAD,
    COLOUR_QUIET,
    COLOUR_HEAD,
};
#define OUTPUT_COLOUR_COUNT (COLOUR_HEAD + 1)

/* The sequences that begin and end a colour; "" when `colour` is off. */
const char *output_colour_begin(bool on, enum output_colour colour);
const char *output_colour_end(bool on, enum output_colour colour);

/* "12 s", "3 min", "5 h", "2 d". */
#define OUTPUT_AGE_SIZE 24
void output_age(int64_t ms, char ret_text[static OUTPUT_AGE_SIZE]);

/* The same for what is planned or left: "3 min 40 s", "1 h 5 min". */
void output_span(int64_t ms, char ret_text[static OUTPUT_AGE_SIZE]);

/* The age of an RFC 3339 time at another; "" when either is missing or no time. */
void output_age_at(const json_t *then, const json_t *now, char ret_text[static OUTPUT_AGE_SIZE]);
