/* The status as tables for people. */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* All cells, or one cell's details when `cell` is the answer of /v1/cells/{cell}. */
void overview_print(FILE *file, const json_t *status, bool colour);
void overview_print_cell(FILE *file, const json_t *cell, bool colour);
