/* A table for people: columns as wide as what is in them. */
#pragma once

#include "daemon/cellctl/output.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct grid;

/* NULL without memory; all calls accept that and do nothing. */
struct grid *grid_new(size_t columns);
struct grid *grid_free(struct grid *grid);
void grid_freep(struct grid **grid);

/* Adds the next field, by rows; copies and escapes the text. NULL prints as "-". */
void grid_add(struct grid *grid, enum output_colour colour, const char *text);
void grid_format(struct grid *grid, enum output_colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

size_t grid_rows(const struct grid *grid);

/* The last column is not padded; what is too long in it for the screen goes on below. */
void grid_print(const struct grid *grid, FILE *file, bool colour);
