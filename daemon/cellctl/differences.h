/* Field differences for people. */
#pragma once

#include "daemon/cellctl/output.h"

#include <jansson.h>

/* One line per difference: "    /spec/replicas  1 -> 3". */
void differences_print(const json_t *differences, bool colour);
