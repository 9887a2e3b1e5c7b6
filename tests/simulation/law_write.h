/* What must hold for each single write at the moment it leaves. Used by law.c. */
#pragma once

#include "tests/simulation/law.h"

void law_write(struct law *law, const char *method, const char *path, const json_t *body);
