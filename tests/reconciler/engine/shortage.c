#include "tests/reconciler/engine/shortage.h"

#include "reconciler/engine/unit.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>

struct track *shortage_track(const struct world *world, const char *component)
{
    struct track *track = unit_track_find(world->engine, "shop", component, "development");
    cr_assert_not_null(track);
    return track;
}

unsigned shortage_run(struct engine *engine, struct track *track,
                      void (*part)(struct engine *engine, struct track *track))
{
    unsigned told = 0;
    uint64_t failed = 1;
    for (uint64_t spared = 0; failed > 0; spared++) {
        struct effect_list effects;
        effect_list_init(&effects);
        engine->out = &effects;
        engine->status = 0;
        scarcity_begin(spared, false);
        part(engine, track);
        failed = scarcity_end();
        cr_assert(engine->status == 0 || (engine->status == -ENOMEM && failed > 0), "after %u",
                  (unsigned)spared);
        told += engine->status != 0;
        engine->out = NULL;
        effect_list_fini(&effects);
    }
    return told;
}
