/* What happened beside the recorded requests: switches of the server, rights granted by hand,
 * races, objects changed in the data plane. */
#pragma once

#include "tests/platform/model.h"

#include <stdbool.h>

void scene_open(struct platform *platform, const char *file);
void scene_close(struct platform *platform);
/* Just before a line is sent. Returns how many milliseconds are to pass then. */
int64_t scene_before(struct platform *platform, const char *file, int line, const char *note,
                     int64_t now_ms);
/* Header of a line's request; NULL = none. */
const char *scene_authorization(const char *file, int line);
/* A header that is always let in. */
const char *scene_token(void);
/* The answer was waited for, so that its time says nothing. */
bool scene_is_polled(const char *file, const char *note);
/* Many objects are polled side by side: no poll may wait long for its answer. */
bool scene_is_crowded(const char *file);
/* Recordings that do not belong to a clone. */
bool scene_is_optional(const char *file);
