/* What a rollout may meet: every view and command that leads a state somewhere. */
#pragma once

#include "tests/reconciler/rollout/scene.h"

struct situation {
    const char *name;
    void (*change)(struct scene *scene);
};

#define SITUATION_COUNT 48
extern const struct situation situation_all[SITUATION_COUNT];
