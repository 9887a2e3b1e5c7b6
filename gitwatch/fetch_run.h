/* One fetch from beginning to end, inside the worker process. */
#pragma once

#include "gitwatch/fetch_request.h"
#include "gitwatch/fetch_result.h"

/* Told now and then while objects arrive. */
typedef void (*fetch_run_progress)(const struct fetch_progress *progress, void *payload);

/* Always fills *ret_result. libgit2 has been started. Blocks as long as the server likes. */
void fetch_run(const struct fetch_request *request, fetch_run_progress progress, void *payload,
               struct fetch_result *ret_result);
