/* Lines for people: where they go, what stands before them, and what the screen can show. */
#pragma once

#include "daemon/cellctl/output.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdio.h>

struct view {
    FILE *file;
    bool colour, unicode;
    bool detail;        /* also of what rests */
    const char *indent; /* before every labelled line */
};

/* Begins a line: the indent, and a quiet label of a fixed width. */
void view_label(const struct view *view, const char *label);

/* Escaped text in a colour. */
void view_paint(const struct view *view, enum output_colour tone, const char *text);

/* A whole labelled line; nothing when the text is NULL. */
void view_line(const struct view *view, const char *label, enum output_colour tone,
               const char *text);

/* "[######------]", filled as far as `share` of 1. */
void view_bar(const struct view *view, double share, enum output_colour tone);

/* Members of an answer: NULL for what is no text, 0 for what is no integer. */
const char *view_text(const json_t *object, const char *key);
long long view_number(const json_t *object, const char *key);
bool view_is(const json_t *object, const char *key, const char *word);
