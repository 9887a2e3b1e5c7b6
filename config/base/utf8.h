/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. JSON, the
 * journal and the control plane take nothing else, so that text that was cut must not end in the
 * middle of a character. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the character at `bytes`, of which `length` (at least 1) may be looked at. Returns its
 * size, 1 to 4; 0 when there is none, and *ret_point stays. */
size_t utf8_read(const char *bytes, size_t length, uint32_t *ret_point);

bool utf8_is_valid(const char *text);

/* Makes `text` valid: a character that was cut off at the end goes, each other byte that belongs to
 * none becomes '?'. Never longer than before. */
void utf8_mend(char *text);
