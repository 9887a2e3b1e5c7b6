/* The rollout policies of the simulated repositories. Times are short, so that a seed sees many. */
#include "tests/simulation/monorepo.h"

#include <stdio.h>

#define JUDGED "provider: prometheus, template: hubble, interval: 10s, metrics: [error-rate]"
#define STEPS "steps: [{weight: 20, soak: 60s}, {weight: 50, soak: 40s}], bake: 30s"

static const char *const words[] = {
    [POLICY_ROLLING] = "",
    [POLICY_BLUE_GREEN] = "strategy: blue-green, bake: 40s",
    [POLICY_BLUE_GREEN_JUDGED] = "strategy: blue-green, bake: 60s, analysis: {" JUDGED "}",
    [POLICY_CANARY] =
        "strategy: canary, steps: [{weight: 10, soak: 20s}, {weight: 50, soak: 20s}], "
        "bake: 10s",
    [POLICY_CANARY_JUDGED] = "strategy: canary, " STEPS ", analysis: {" JUDGED "}",
    [POLICY_CANARY_LATENCY] =
        "strategy: canary, " STEPS ", analysis: {provider: prometheus, interval: 10s, "
        "metrics: [error-rate, latency]}",
    [POLICY_CANARY_PAUSED] =
        "strategy: canary, steps: [{weight: 25, pause: true}, {weight: 50, soak: 20s}], bake: 20s",
    [POLICY_CANARY_CHEAP] = "strategy: canary, steps: [{weight: 5, soak: 20s}, {weight: 40, soak: "
                            "20s}], bake: 20s, analysis: {" JUDGED ", insufficient: promote}",
    [POLICY_PRESET] = "strategy: canary, preset: fast",
};
_Static_assert(sizeof words / sizeof *words == POLICY_COUNT, "every policy has its words");

const char *monorepo_policy(enum policy policy, bool forbidden, char ret_text[512])
{
    ret_text[0] = '\0';
    if (policy != POLICY_ROLLING)
        snprintf(ret_text, 512, "      rollout: {%s, progressDeadline: 90s%s}\n", words[policy],
                 forbidden ? ", rollback: {forbidden: true}" : "");
    return ret_text;
}
