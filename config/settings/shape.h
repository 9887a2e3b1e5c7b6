/* The schema table of celld.yaml. */
#pragma once

#include "config/manifest/schema.h"

extern const struct shape settings_shape; /* struct settings */

/* Parts of it: private to this folder. */
extern const struct shape settings_secret_shape;       /* struct secret_source */
extern const struct shape settings_identity_shape;     /* struct identity_settings */
extern const struct shape settings_notification_shape; /* struct webhook_settings */
extern const struct shape settings_metrics_shape;      /* struct metrics_settings */
