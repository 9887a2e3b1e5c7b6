/* The look at a file's bytes before any parsing: encoding, control characters, directives. */
#pragma once

#include "config/manifest/diagnostic.h"
#include "config/yaml/reader.h"

/* Returns 0, or ERR_SYNTAX with one diagnostic added. *ret_has_other tells of characters beyond
 * ASCII. */
int yaml_scan(const struct yaml_source *source, bool *ret_has_other, struct diagnostics *found)
    __attribute__((warn_unused_result));

/* Whether the text has characters that are not seen, or that turn the direction of what follows. */
bool yaml_scan_has_invisible(const char *text, size_t length);

/* Bytes of the mark that a UTF-8 file may begin with: 3 or 0. */
size_t yaml_scan_mark(const struct yaml_source *source);
