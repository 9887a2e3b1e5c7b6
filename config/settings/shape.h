/* The schema table of celld.yaml. */
#pragma once

#include "config/manifest/schema.h"

extern const struct shape settings_shape; /* struct settings */
