#include "tests/simulation/run_end.h"

#include "tests/simulation/entry.h"
#include "tests/simulation/law_rest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUND SECONDS(7200) /* after the last fault, all is well within this */

/* Held content is tried again by itself some time. Once that time has come, the plan says what else
 * it waits for. */
static bool tries_again(const struct world *world)
{
    for (size_t i = 0; i < world->row_count; i++) {
        const struct world_row *row = &world->rows[i];
        if (strncmp(row->key, "rollout/", 8) == 0 && entry_is(row->value, "state", "held") &&
            entry_number(row->value, "retry_at") > world_now(world).wall.ms)
            return true;
    }
    return false;
}

/* Until it has come to rest; false = not within the bound. */
static bool settle(struct run *run)
{
    const int64_t until = run->world->now_ms + BOUND;
    while (run->world->now_ms < until && !run_is_broken(run)) {
        const int64_t calm_until = run->world->now_ms + 2 * LIST_INTERVAL;
        const uint64_t writes = run->world->writes;
        while (run->world->now_ms < calm_until && !run_is_broken(run) &&
               run->world->writes == writes)
            run_step(run, calm_until);
        const enum engine_condition condition = engine_condition(run->world->engine);
        if (run->world->writes == writes && run->world->request_count == 0 &&
            (condition == CONDITION_CONVERGED || condition == CONDITION_HELD) &&
            !tries_again(run->world) && !people_approve(&run->people) && !people_mind(&run->people))
            return true;
        run_go(run, SECONDS(5));
    }
    return false;
}

static void i11_silence(struct run *run)
{
    const uint64_t writes = run->world->writes;
    run_go(run, 10 * LIST_INTERVAL);
    run->law.checks++;
    if (run->world->writes != writes)
        law_break(&run->law, "I11", "%" PRIu64 " writes at rest", run->world->writes - writes);
}

/* --- the end ------------------------------------------------------------------------------------
 */

static void tell_why(struct run *run, const char *what)
{
    char chain[700] = "";
    for (int i = 0; i < run->script.wanted.plot_count && chain[0] == '\0'; i++) {
        for (int t = 0; t < monorepo_target_count(&run->script.wanted) && chain[0] == '\0'; t++) {
            const char *target = monorepo_target(&run->script.wanted, t);
            const char *cell = run->script.wanted.plots[i].name;
            const char *state = world_node_state(run->world, cell, target);
            if (state[0] == '\0' || strcmp(state, "converged") == 0)
                continue;
            char *why = world_why(run->world, cell, target);
            snprintf(chain, sizeof chain, "%s", why);
            free(why);
        }
    }
    law_break(&run->law, "I12", "%s; the engine is %s: %s", what, law_rest_condition(&run->law),
              chain);
}

/* Where all stands as git wants it, nothing is called sick. */
static void l8_well(struct run *run)
{
    const struct monorepo *wanted = &run->script.wanted;
    for (int i = 0; i < wanted->plot_count * monorepo_target_count(wanted); i++) {
        const struct plot *plot = &wanted->plots[i / monorepo_target_count(wanted)];
        char *why = world_why(run->world, plot->name,
                              monorepo_target(wanted, i % monorepo_target_count(wanted)));
        run->law.checks++;
        if (plot->present && strstr(why, "not healthy") != NULL)
            law_break(&run->law, "L8", "all is live, and \"%s\"", why);
        free(why);
    }
}

/* After the faults: it converges, and it stays so. */
static void i12_converges(struct run *run)
{
    if (!settle(run)) {
        tell_why(run, "no rest within the bound");
        return;
    }
    char problem[256];
    law_expect_live(&run->law, problem, sizeof problem);
    if (problem[0] != '\0' || engine_condition(run->world->engine) != CONDITION_CONVERGED)
        tell_why(run, problem);
    else
        l8_well(run);
}

/* Something bad stands in git: what is not concerned is live, nothing bad is. */
static void i15_others(struct run *run)
{
    if (!settle(run)) {
        tell_why(run, "no rest within the bound");
        return;
    }
    run->result->seen[SIGHT_HELD_AT_THE_END] |=
        engine_condition(run->world->engine) == CONDITION_HELD;
    struct monorepo others = run->script.wanted;
    for (int i = 0; i < others.plot_count; i++) {
        if (script_is_concerned(&run->script, i))
            others.plots[i].present = false;
    }
    char problem[256] = "";
    for (int i = 0; i < others.plot_count && problem[0] == '\0'; i++) {
        struct monorepo one = run->script.wanted;
        one.plots[0] = others.plots[i];
        one.plot_count = 1;
        run->law.wanted = &one;
        if (others.plots[i].present)
            law_expect_live(&run->law, problem, sizeof problem);
    }
    run->law.wanted = &run->script.wanted;
    if (problem[0] != '\0')
        law_break(&run->law, "I15",
                  "%s, yet it has nothing to do with what is bad; the engine is %s", problem,
                  law_rest_condition(&run->law));
}

/* It stays as it has become. */
static void l7_stays(struct run *run)
{
    i11_silence(run);
    if (!run_is_broken(run) && !settle(run))
        tell_why(run, "it does not come to rest again");
    if (!run_is_broken(run))
        law_rest_stays(&run->law);
}

/* Whatever is held, aborted or condemned: the next good commit becomes live. */
static void l3_deployable(struct run *run)
{
    run->script.heals = true;
    struct monorepo *wanted = &run->script.wanted;
    /* A build that failed stays so until its sources change. */
    for (int i = 0; i < wanted->plot_count * MONOREPO_COMPONENTS; i++) {
        struct part *part = &wanted->plots[i / MONOREPO_COMPONENTS].parts[i % MONOREPO_COMPONENTS];
        if (part->built)
            part->version = ++wanted->version;
    }
    if (!script_heal(&run->script))
        return;
    script_commit(&run->script, run->world, &run->law, run->result->seen);
    const bool rests = settle(run);
    if (!run_is_broken(run))
        law_rest_deployable(&run->law, rests);
}

void run_end(struct run *run)
{
    if (script_heal(&run->script))
        script_commit(&run->script, run->world, &run->law, run->result->seen);
    if (!run_is_broken(run) && run->script.healed)
        i12_converges(run);
    else if (!run_is_broken(run))
        i15_others(run);
    if (!run_is_broken(run))
        law_rest(&run->law);
    if (!run_is_broken(run) && run->script.healed)
        l7_stays(run);
    else if (!run_is_broken(run))
        i11_silence(run);
    if (!run_is_broken(run) && !run->script.healed)
        l3_deployable(run);
}
