#include "config/manifest/presets.h"

#include <string.h>

#define MINUTES(n)                                                                                 \
    {                                                                                              \
        .ms = INT64_C(60000) * (n)                                                                 \
    }

/* How long it takes to rule out a share of bad requests with 95 % confidence, at 10 requests a
 * second and 5 % of them on the new release: 5 % bad in 2 minutes, 2 % in 5, 1 % in 10. */
const struct preset presets[] = {
    {
        .name = "cautious",
        .doc = "rules out 1 % of bad requests in its first step, at 10 requests a second",
        .bake = MINUTES(15),
        .step_count = 4,
        .steps = {{5, MINUTES(10)}, {20, MINUTES(10)}, {50, MINUTES(10)}, {75, MINUTES(10)}},
    },
    {
        .name = "normal",
        .doc = "rules out 2 % of bad requests in its first step, at 10 requests a second",
        .bake = MINUTES(10),
        .step_count = 3,
        .steps = {{5, MINUTES(5)}, {20, MINUTES(5)}, {50, MINUTES(5)}},
    },
    {
        .name = "fast",
        .doc = "rules out 2 % of bad requests in its first step, at 10 requests a second",
        .bake = MINUTES(5),
        .step_count = 2,
        .steps = {{20, MINUTES(2)}, {50, MINUTES(2)}},
    },
};
const size_t preset_count = sizeof(presets) / sizeof(presets[0]);

const struct preset *preset_find(const char *name)
{
    for (size_t i = 0; i < preset_count; i++) {
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    }
    return NULL;
}
