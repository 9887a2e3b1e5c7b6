/* Runs a fetch job to its end, as a loop would. */
#pragma once

#include "gitwatch/fetch_job.h"

/* A request for a local repository with the default limits and 60 s. */
struct fetch_request test_fetch_request(const char *url, const char *mirror);

/* Asserts that the job ends. */
struct fetch_result test_fetch_wait(struct fetch_job *job);

struct fetch_result test_fetch(const struct fetch_request *request);
