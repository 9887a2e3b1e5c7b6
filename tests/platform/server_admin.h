/* The paths under /standin/. */
#pragma once

#include "tests/platform/model.h"

#include <stddef.h>

/* Fills a response as platform_handle() does. The model is locked by the caller. */
void server_admin_answer(struct platform *platform, const char *method, const char *path,
                         const char *body, size_t length, int64_t now_ms,
                         struct platform_response *ret_response);
