/* Problems in manifests: a list, collected to a cap, each with the place where it stands.
 *
 * Printed as `path:line:column: error: message` with notes below it. Codes are stable
 * ("E_DUPLICATE_KEY"); messages say what would be right. */
#pragma once

#include "config/base/error.h"
#include "config/base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum diagnostic_severity { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING, DIAGNOSTIC_NOTE };

struct diagnostic {
    enum diagnostic_severity severity;
    const char *code; /* static */
    struct source_pos at;
    const char *message; /* one sentence, control characters escaped, at most 1 KiB */
    const char *hint;    /* what to do; NULL = the message says it */
    const char *cell; /* name of the cell that it condemns; NULL = the file's or the platform's */
    /* A second place, as for a duplicate or a disagreement; path NULL = none. */
    struct source_pos related;
    const char *related_message;
};

/* Owns copies of everything, paths included. */
struct diagnostics;

/* `cap` = how many are kept; further ones are only counted. NULL without memory. */
struct diagnostics *diagnostics_new(size_t cap);
struct diagnostics *diagnostics_free(struct diagnostics *list);
void diagnostics_freep(struct diagnostics **list);

/* Copies *diagnostic. Without memory it counts it and remembers -ENOMEM for diagnostics_status().
 */
void diagnostics_add(struct diagnostics *list, const struct diagnostic *diagnostic);

size_t diagnostics_count(const struct diagnostics *list);
const struct diagnostic *diagnostics_get(const struct diagnostics *list, size_t index);
size_t diagnostics_error_count(const struct diagnostics *list);
size_t diagnostics_dropped(const struct diagnostics *list);
int diagnostics_status(const struct diagnostics *list);

/* By path, line, column, code: the order of finding does not show. */
void diagnostics_sort(struct diagnostics *list);

enum diagnostic_format { DIAGNOSTIC_TEXT, DIAGNOSTIC_JSON, DIAGNOSTIC_SARIF };

/* Writes all of them. SARIF is 2.1.0. Returns 0, -ENOMEM or ERR_LIMIT. */
int diagnostics_write(const struct diagnostics *list, enum diagnostic_format format,
                      struct text *out) __attribute__((warn_unused_result));
