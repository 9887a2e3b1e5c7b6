/* Every state meets every situation, and the whole of what comes of it stands in states.txt: state,
 * hold and outcome, what is wanted of the bindings, and what was told. After a deliberate change of
 * the machine WRITE_STATES=1 writes the table again, to be read before it is committed. */
#include "tests/reconciler/rollout/situation.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE TEST_SOURCE_DIR "/tests/reconciler/rollout/states.txt"
#define SUMMARY_SIZE 256

static const char contents[] = {
    [CONTENT_UNTOUCHED] = '.',  [CONTENT_STABLE] = 's',  [CONTENT_NEXT] = 'n',
    [CONTENT_UNDEPLOYED] = 'u', [CONTENT_ADDRESS] = 'r',
};

/* "step aborted: a=s b=n+2 route=s 95/5; told rollback, quarantine" */
static void summarize(const struct scene *scene, const struct rollout_result *result,
                      char ret_text[static SUMMARY_SIZE])
{
    const struct rollout *rollout = &scene->rollout;
    const struct rollout_wants *wants = &result->wants;
    struct text text;
    text_init(&text, SUMMARY_SIZE - 1);
    text_add(&text, rollout_state_name(rollout->state));
    if (rollout->state == ROLLOUT_PAUSED || (rollout->state == ROLLOUT_HELD && rollout->has_next))
        text_format(&text, " from %s", rollout_state_name(rollout->from));
    if (rollout->hold != HOLD_NONE)
        text_format(&text, " (%s)", rollout_hold_name(rollout->hold));
    if (rollout->state == ROLLOUT_ROLLBACK || rollout->state == ROLLOUT_WITHDRAW)
        text_format(&text, " to be %s", rollout_outcome_name(rollout->outcome));
    if (rollout->last_outcome != OUTCOME_NONE)
        text_format(&text, " was %s", rollout_outcome_name(rollout->last_outcome));
    text_format(&text, ": a=%c b=%c route=%c %d/%d", contents[wants->slot[0].content],
                contents[wants->slot[1].content], contents[wants->route.content],
                wants->route.weight[0], wants->route.weight[1]);
    text_add(&text, wants->prepare ? wants->prepare_route ? " prepare both" : " prepare" : "");
    text_add(&text, wants->report_only ? " report" : "");
    for (size_t i = 0; i < result->note_count; i++)
        text_format(&text, "%s%s", i == 0 ? "; told " : ", ",
                    rollout_note_name(result->notes[i].kind));
    if (scene->view.command != COMMAND_NONE)
        text_add(&text, result->command_done ? "; done" : "; refused");
    cr_assert_eq(text_status(&text), 0);
    (void)snprintf(ret_text, SUMMARY_SIZE, "%s", text_get(&text));
    text_fini(&text);
}

static void add_stand(const struct stand *stand, struct text *out)
{
    char summaries[SITUATION_COUNT][SUMMARY_SIZE];
    for (size_t s = 0; s < SITUATION_COUNT; s++) {
        struct scene *scene = scene_new(stand);
        situation_all[s].change(scene);
        credit_kept(&scene->rollout);
        struct rollout_result result;
        rollout_advance(&scene->rollout, &scene->view, &result);
        summarize(scene, &result, summaries[s]);
        scene_free(scene);
    }
    text_format(out, "\n== %s\n", stand->name);
    bool told[SITUATION_COUNT] = {false};
    for (size_t s = 0; s < SITUATION_COUNT; s++) {
        if (told[s])
            continue;
        text_format(out, "%s\n    ", summaries[s]);
        for (size_t other = s; other < SITUATION_COUNT; other++) {
            if (strcmp(summaries[other], summaries[s]) != 0)
                continue;
            told[other] = true;
            text_format(out, "%s%s", other == s ? "" : "; ", situation_all[other].name);
        }
        text_add(out, "\n");
    }
}

static char *read_table(void)
{
    FILE *file = fopen(TABLE, "r");
    cr_assert_not_null(file, "%s", TABLE);
    static char text[1 << 20];
    const size_t length = fread(text, 1, sizeof(text) - 1, file);
    text[length] = '\0';
    (void)fclose(file);
    return text;
}

Test(states, all_that_comes_of_each_is_what_the_table_says)
{
    struct text out;
    text_init(&out, 1 << 20);
    text_add(&out, "# State and situation, and what comes of them: test_table.c\n"
                   "# s = stable, n = next, u = undeployed, . = left alone\n");
    for (size_t i = 0; i < scene_stand_count; i++)
        add_stand(&scene_stands[i], &out);
    cr_assert_eq(text_status(&out), 0);
    if (getenv("WRITE_STATES") != NULL) {
        FILE *file = fopen(TABLE, "w");
        cr_assert_not_null(file);
        (void)fputs(text_get(&out), file);
        (void)fclose(file);
    }
    const char *expected = read_table(), *got = text_get(&out);
    size_t at = 0, line = 0;
    for (; expected[at] != '\0' && expected[at] == got[at]; at++)
        line = expected[at] == '\n' ? at + 1 : line;
    cr_expect_eq(expected[at], got[at],
                 "wanted: %.200s\ngot: %.200s\n(WRITE_STATES=1 writes the table again)",
                 expected + line, got + line);
    text_fini(&out);
}
