/* The terminal that output goes to: how wide it is, what it can show, and drawing in place. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Output is a terminal. */
bool screen_is_terminal(void);

/* Columns: of the terminal, else as $COLUMNS says, else plenty. */
size_t screen_columns(void);

/* Lines and blocks may be drawn with more than ASCII: the locale says UTF-8. */
bool screen_is_unicode(void);

/* Before the first drawing. */
void screen_clear(void);

/* Draws a text in place, from the first line: long lines go on below, what does not fit into the
 * height is left out, and nothing flickers. */
void screen_draw(const char *text);
