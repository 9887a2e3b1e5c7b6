#include "tests/simulation/law_rest.h"

#include "config/base/json.h"
#include "tests/simulation/entry.h"
#include "tests/simulation/law_track.h"

#include <stdlib.h>
#include <string.h>

#define LINE 1000 /* bytes that still are one line for a person */

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

/* One line says who waits for what. */
static void l8_node(struct law *law, const struct plot *plot, const char *target)
{
    const char *state = world_node_state(law->world, plot->name, target);
    law->checks++;
    if (state[0] == '\0' || strcmp(state, "converged") == 0)
        return;
    char *why = world_why(law->world, plot->name, target);
    const size_t length = strlen(why);
    if (length < 10 || length > LINE || strchr(why, '\n') != NULL)
        law_break(law, "L8", "%s on %s is %s, and why is \"%s\"", plot->name, target, state, why);
    free(why);
}

void law_rest_explained(struct law *law)
{
    for (int i = 0; i < law->good->plot_count; i++) {
        for (int t = 0; law->good->plots[i].present && t < monorepo_target_count(law->good); t++)
            l8_node(law, &law->good->plots[i], monorepo_target(law->good, t));
    }
}

/* A hold says since when. */
static void l8_held(struct law *law, const char *track, const json_t *row)
{
    const struct plot *plot;
    const char *target;
    const struct part *part = law_track_part(law, track, &plot, &target);
    const struct plot *newest = part == NULL ? NULL : monorepo_plot(law->wanted, plot->name);
    if (part == NULL || !plot->present || !part->present || newest == NULL || newest->unreadable ||
        (!entry_is(row, "state", "held") && !entry_is(row, "state", "paused")))
        return;
    char *why = world_why(law->world, plot->name, target);
    law->checks++;
    if (strstr(why, " since ") == NULL)
        law_break(law, "L8", "%s is %s, and \"%s\" does not say since when", track,
                  json_text_or(json_object_get(row, "state"), ""), why);
    free(why);
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
        l8_held(law, row->key + 8, row->value);
    }
}

/* --- after a while ------------------------------------------------------------------------------
 */

const char *law_rest_condition(const struct law *law)
{
    static const char *const texts[] = {"starting", "working", "converged", "held"};
    return texts[engine_condition(law->world->engine)];
}

void law_rest_stays(struct law *law)
{
    char problem[256];
    law_expect_live(law, problem, sizeof problem);
    law->checks++;
    if (problem[0] != '\0')
        law_break(law, "L7", "%s, and it had been live", problem);
    if (engine_condition(law->world->engine) != CONDITION_CONVERGED)
        law_break(law, "L7", "the engine is %s, and it had converged", law_rest_condition(law));
}

void law_rest_deployable(struct law *law, bool rests)
{
    char problem[256];
    law_expect_live(law, problem, sizeof problem);
    law->checks++;
    if (!rests || problem[0] != '\0')
        law_break(law, "L3", "after a good commit: %s; the engine is %s",
                  rests ? problem : "no rest within the bound", law_rest_condition(law));
}
