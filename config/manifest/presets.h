/* The ready-made canary steps. */
#pragma once

#include "config/manifest/model.h"

struct preset {
    const char *name;
    const char *doc; /* one line: what it can show */
    struct duration bake;
    size_t step_count;
    struct {
        int weight; /* percent */
        struct duration soak;
    } steps[4];
};

extern const struct preset presets[];
extern const size_t preset_count;

/* NULL when there is none of this name. */
const struct preset *preset_find(const char *name);
