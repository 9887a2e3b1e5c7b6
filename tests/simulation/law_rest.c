#include "tests/simulation/law_rest.h"

#include "config/base/json.h"
#include "tests/simulation/entry.h"
#include "tests/simulation/law_track.h"

#include <string.h>

static void l1_held(struct law *law, const struct world_row *row)
{
    law->checks++;
    if (entry_is(row->value, "state", "held") &&
        (entry_is(row->value, "hold", "none") || entry_is(row->value, "reason", "")))
        law_break(law, "L1", "%s is held, and does not say why", row->key);
    if (entry_is(row->value, "state", "rollback") || entry_is(row->value, "state", "withdraw"))
        law_break(law, "L2", "%s is still on its way back", row->key);
}

static void l6_garbage(struct law *law, const char *track, const json_t *row)
{
    const struct plot *plot;
    const char *target;
    const struct part *part = law_track_part(law, track, &plot, &target);
    if (part == NULL || part->type != PART_SERVICE || !entry_is(row, "state", "idle") ||
        !entry_flag(row, "has_stable"))
        return;
    char component[32];
    monorepo_component(part, entry_slot(row, "stable_slot") == 'b' ? 'a' : 'b', component);
    const struct platform_running running =
        platform_running(law->world->platform, "acme", component, target);
    law->checks++;
    if (running.deployed)
        law_break(law, "L6", "%s is left over on %s", component, target);
}

void law_rest(struct law *law)
{
    world_platform_now(law->world);
    for (size_t i = 0; i < law->world->row_count; i++) {
        const struct world_row *row = &law->world->rows[i];
        if (strncmp(row->key, "rollout/", 8) != 0)
            continue;
        l1_held(law, row);
        l6_garbage(law, row->key + 8, row->value);
    }
}
