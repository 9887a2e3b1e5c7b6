/* Every state meets every situation: a table of what becomes of it. */
#include "tests/reconciler/rollout/situation.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One letter for each state. */
static const char letters[] = "IPNDSRZBCKWH", small[] = "ipndsrzbckwh";
_Static_assert(sizeof(letters) - 1 == ROLLOUT_STATE_COUNT, "one each");

static char meet(const struct stand *stand, size_t situation)
{
    struct scene *scene = scene_new(stand);
    situation_all[situation].change(scene);
    credit_kept(&scene->rollout);
    rollout_check(&scene->rollout);
    struct rollout_room room = *scene->rollout.room;
    struct rollout before = scene->rollout;
    before.room = &room;
    struct rollout_result result;
    rollout_advance(&scene->rollout, &scene->view, &result);
    scene_check_row(scene);
    scene_check_wants(&result.wants, stand->name, situation_all[situation].name);
    scene_check_explained(scene);
    scene_check_announced(scene, &before, &result);
    const bool command = scene->view.command != COMMAND_NONE;
    cr_assert_eq(result.command[0] != '\0', command, "a command is always answered");
    char letter = letters[scene->rollout.state];
    if (scene->rollout.state == stand->state && result.changed)
        letter = small[scene->rollout.state];
    scene_free(scene);
    return letter;
}

Test(states, every_state_meets_every_situation)
{
    const bool print = getenv("PRINT_STATES") != NULL;
    for (size_t i = 0; i < scene_stand_count; i++) {
        char line[SITUATION_COUNT + 1] = "";
        for (size_t s = 0; s < SITUATION_COUNT; s++) {
            line[s] = meet(&scene_stands[i], s);
            char expected = '?';
            if (strlen(scene_stands[i].becomes) == SITUATION_COUNT)
                expected = scene_stands[i].becomes[s];
            if (!print)
                cr_expect_eq(line[s], expected, "%s, %s: %c instead of %c", scene_stands[i].name,
                             situation_all[s].name, line[s], expected);
        }
        if (print)
            (void)fprintf(stderr, "%-40s \"%s\"\n", scene_stands[i].name, line);
    }
}

Test(states, moves_that_the_diagram_does_not_have_stop_the_daemon)
{
    static const struct {
        enum rollout_state from, to;
    } never[] = {
        {ROLLOUT_IDLE, ROLLOUT_BAKE},     {ROLLOUT_PREPARE, ROLLOUT_STEP},
        {ROLLOUT_DEPLOY, ROLLOUT_IDLE},   {ROLLOUT_STEP, ROLLOUT_PREPARE},
        {ROLLOUT_STEP, ROLLOUT_IDLE},     {ROLLOUT_CLEANUP, ROLLOUT_ROLLBACK},
        {ROLLOUT_ROLLBACK, ROLLOUT_STEP}, {ROLLOUT_WITHDRAW, ROLLOUT_PREPARE},
        {ROLLOUT_BAKE, ROLLOUT_STEP},     {ROLLOUT_IDLE, ROLLOUT_IDLE},
    };
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        cr_expect(!machine_may_move(never[i].from, never[i].to), "%s to %s",
                  rollout_state_name(never[i].from), rollout_state_name(never[i].to));
    cr_expect(machine_may_move(ROLLOUT_BAKE, ROLLOUT_CLEANUP));
}
