/* The secrets API: a Secret in a plane and a SecretReference that consumers name, made and removed
 * together. */
#pragma once

#include "tests/platform/crud.h"

void secrets_post(const struct crud *c);
void secrets_get(const struct crud *c);
void secrets_delete(const struct crud *c);
