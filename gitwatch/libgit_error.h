/* From libgit2's error (thread-local, overwritten by the next call) to ours. Inside gitwatch only.
 */
#pragma once

#include "config/base/error.h"

/* `code` is what the libgit2 call returned. Fills *err with "<context>: <libgit2's text>" and
 * returns -ENOENT, -EEXIST, -ENOMEM, MIRROR_DAMAGED (an object or pack cannot be read) or ERR_GIT.
 */
int libgit_error(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* libgit2's text for the last error of this thread; "unknown error" when there is none. */
const char *libgit_error_text(void);

/* Whether the last failure means that stored objects cannot be read (as opposed to: not there). */
int libgit_error_is_damage(int code);
