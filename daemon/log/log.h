/* The log: fields to journald, or lines with a `<N>` priority on stderr where there is no journal.
 *
 * One call is one event and one line. What comes from outside is escaped, credentials in URLs and
 * tokens are replaced, and a site that talks too much is cut short and says how much it kept back.
 * May be called from any thread. */
#pragma once

#include "config/settings/log_level.h"

#include <stdbool.h>
#include <stdint.h>

/* What the event is about; NULL and 0 = does not apply. */
struct log_subject {
    const char *message_id; /* one of daemon/log/message_id.h */
    const char *cell, *component, *target, *revision, *rollout;
    const char *event; /* stable type of a published event: "rollout-started" */
    uint64_t attempt;
};

/* Decides where to write: journald when $JOURNAL_STREAM names our stderr, or stderr. `identifier`
 * is static. Call once, before threads. */
void log_start(const char *identifier, enum log_level most);

/* Changes how much is written. */
void log_set_level(enum log_level most);
bool log_has_level(enum log_level level);

void log_write_at(const char *file, int line, const char *function, enum log_level level,
                  const struct log_subject *subject, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* log_write(LOG_LEVEL_NOTICE, &(struct log_subject){.cell = "cart"}, "..."); subject may be NULL.
 */
#define log_write(level, subject, ...)                                                             \
    log_write_at(__FILE__, __LINE__, __func__, level, subject, __VA_ARGS__)

/* The words of the settings: "error", "warning", "notice", "info", "debug". -1 = unknown. */
int log_level_parse(const char *word);
