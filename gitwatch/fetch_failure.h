/* From the way a libgit2 network call failed to a reason and a sentence. Part of the fetch worker.
 */
#pragma once

#include "gitwatch/fetch_auth.h"
#include "gitwatch/fetch_result.h"

enum fetch_stage { FETCH_STAGE_CONNECT, FETCH_STAGE_DOWNLOAD };

/* Fills reason and error of *result from what libgit2 said last on this thread; what we stopped
 * ourselves (auth->reason) goes first. */
void fetch_failure_set(struct fetch_result *result, const struct fetch_auth *auth,
                       enum fetch_stage stage, int code);
