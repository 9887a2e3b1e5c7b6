/* Failures that looks show one after the other: how many, and for how long, until they count. */
#include "tests/reconciler/rollout/scene.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

/* A letter per look: what it shows of the slot, and of the route. */
struct look {
    char slot, route; /* 's'ettled, 'p'rogressing, cannot be 'a'pplied, 'f'ailed, 'u'nreadable */
    int after_s;
};

#define LOOKS_LIMIT 8

static struct gate_answer answer_of(char letter)
{
    struct gate_answer answer = {.generation = -1, .progress = 1};
    switch (letter) {
    case 's':
        answer.verdict = GATE_SETTLED;
        answer.weights_verified = true;
        break;
    case 'f':
        answer.verdict = GATE_FAILED;
        (void)snprintf(answer.text, sizeof(answer.text), "it failed");
        break;
    case 'a':
        answer.needs_grace = true;
        (void)snprintf(answer.text, sizeof(answer.text), "namespace not found");
        answer.verdict = GATE_PROGRESSING;
        break;
    case 'p':
        answer.verdict = GATE_PROGRESSING;
        break;
    default:
        answer.verdict = GATE_UNKNOWN;
        break;
    }
    return answer;
}

static const struct stand *stand_of(const char *name)
{
    for (size_t i = 0; i < scene_stand_count; i++) {
        if (strcmp(scene_stands[i].name, name) == 0)
            return &scene_stands[i];
    }
    cr_assert(false, "there is no stand \"%s\"", name);
    return NULL;
}

static void show(struct scene *scene, const struct look *look)
{
    scene->view.now.mono.ms += look->after_s * INT64_C(1000);
    scene->view.now.wall.ms += look->after_s * INT64_C(1000);
    for (size_t i = 0; i < 2; i++) {
        scene->view.slot[i].look++;
        scene->view.slot[i].gate = answer_of(look->slot);
    }
    scene->view.route.look++;
    scene->view.route.gate = answer_of(look->route);
}

static const struct {
    const char *what, *stand;
    struct look looks[LOOKS_LIMIT];
    size_t count;            /* of looks until the state is left; 0 = it is not */
    enum rollout_state left; /* for this one */
} rows[] = {
    {"applied at last, within the grace",
     "deploy, single",
     {{'a', 's', 1}, {'a', 's', 30}, {'a', 's', 29}, {'s', 's', 10}},
     4,
     ROLLOUT_BAKE},
    {"not applied beyond the grace",
     "deploy, single",
     {{'a', 's', 1}, {'a', 's', 30}, {'a', 's', 30}, {'a', 's', 1}},
     4,
     ROLLOUT_ROLLBACK},
    {"the same beside the stable slot",
     "deploy, two slots",
     {{'a', 's', 1}, {'a', 's', 30}, {'a', 's', 30}, {'a', 's', 1}},
     4,
     ROLLOUT_ROLLBACK},
    {"the same of a first release",
     "deploy, first",
     {{'a', 's', 1}, {'a', 's', 30}, {'a', 's', 30}, {'a', 's', 1}},
     4,
     ROLLOUT_WITHDRAW},
    {"the grace begins anew when something else was seen in between",
     "deploy, single",
     {{'a', 's', 30},
      {'a', 's', 29},
      {'p', 's', 30},
      {'a', 's', 29},
      {'a', 's', 29},
      {'a', 's', 1}},
     0,
     ROLLOUT_DEPLOY},
    {"what cannot be read is no failure to apply",
     "deploy, single",
     {{'a', 's', 30},
      {'a', 's', 29},
      {'u', 's', 30},
      {'a', 's', 29},
      {'a', 's', 29},
      {'a', 's', 1}},
     0,
     ROLLOUT_DEPLOY},
    {"one look at the end of a long silence does not do",
     "deploy, single",
     {{'a', 's', 600}},
     0,
     ROLLOUT_DEPLOY},
    {"a failure needs no grace, but two looks",
     "deploy, single",
     {{'f', 's', 1}, {'f', 's', 1}},
     2,
     ROLLOUT_ROLLBACK},
    {"a failure that a look does not show again",
     "deploy, single",
     {{'f', 's', 1}, {'p', 's', 1}, {'f', 's', 1}, {'p', 's', 1}},
     0,
     ROLLOUT_DEPLOY},
    {"the slot fails while the route stands",
     "route, in place",
     {{'f', 's', 1}, {'f', 's', 1}},
     2,
     ROLLOUT_ROLLBACK},
    {"the route fails while the slot stands",
     "route, two slots",
     {{'s', 'f', 1}, {'s', 'f', 1}},
     2,
     ROLLOUT_ROLLBACK},
    {"the route cannot be applied beyond the grace",
     "route, in place",
     {{'s', 'a', 1}, {'s', 'a', 30}, {'s', 'a', 30}, {'s', 'a', 1}},
     4,
     ROLLOUT_ROLLBACK},
    {"nor the narrower one",
     "narrow",
     {{'s', 'a', 1}, {'s', 'a', 30}, {'s', 'a', 30}, {'s', 'a', 1}},
     4,
     ROLLOUT_ROLLBACK},
    {"what stood before is not condemned for it while it bakes",
     "bake, in place",
     {{'a', 's', 30}, {'a', 's', 30}, {'a', 's', 30}, {'a', 's', 30}},
     0,
     ROLLOUT_BAKE},
};

Test(failing, counts_when_looks_show_it_again_and_for_long_enough)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct stand *stand = stand_of(rows[i].stand);
        struct scene *scene = scene_new(stand);
        size_t looks = 0;
        bool condemned = false;
        while (looks < LOOKS_LIMIT && rows[i].looks[looks].slot != 0 &&
               scene->rollout.state == stand->state) {
            show(scene, &rows[i].looks[looks++]);
            struct rollout_result result;
            rollout_advance(&scene->rollout, &scene->view, &result);
            scene_check_row(scene);
            for (size_t n = 0; n < result.note_count; n++)
                condemned = condemned || result.notes[n].kind == NOTE_QUARANTINE;
        }
        cr_expect_eq(scene->rollout.state, rows[i].left, "%s: %s", rows[i].what,
                     rollout_state_name(scene->rollout.state));
        if (rows[i].count > 0)
            cr_expect_eq(looks, rows[i].count, "%s: after %zu looks", rows[i].what, looks);
        const bool back = rows[i].left == ROLLOUT_ROLLBACK || rows[i].left == ROLLOUT_WITHDRAW;
        cr_expect_eq(condemned, back, "%s", rows[i].what);
        scene_free(scene);
    }
}

/* --- pauses ------------------------------------------------------------------------------- */

static const struct {
    const char *stand;
    enum gate_verdict verdict;
    bool matches;
    int64_t waited_ms;
    enum rollout_state state;
    bool waits; /* the time goes on being counted */
} pauses[] = {
    {"paused in a step", GATE_PROGRESSING, true, 30000, ROLLOUT_PAUSED, true},
    {"paused in a step", GATE_PROGRESSING, true, LONG_MS, ROLLOUT_ROLLBACK, false},
    {"paused in bake", GATE_PROGRESSING, true, LONG_MS, ROLLOUT_ROLLBACK, false},
    {"paused in a step", GATE_SETTLED, true, LONG_MS, ROLLOUT_PAUSED, false},
    /* not to see it is no reason, nor that it is just written */
    {"paused in a step", GATE_UNKNOWN, true, LONG_MS, ROLLOUT_PAUSED, false},
    {"paused in a step", GATE_PROGRESSING, false, LONG_MS, ROLLOUT_PAUSED, false},
    /* nobody is sent there yet */
    {"paused in deploy", GATE_PROGRESSING, true, LONG_MS, ROLLOUT_PAUSED, false},
};

/* A person may be asleep: users are not left to pods that are gone until the pause ends. */
Test(failing, a_pause_does_not_keep_traffic_on_pods_that_are_gone)
{
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        struct scene *scene = scene_new(stand_of(pauses[i].stand));
        struct rollout *rollout = &scene->rollout;
        const size_t next = slot_index(rollout->next_slot);
        scene->view.slot[next].gate.verdict = pauses[i].verdict;
        scene->view.slot[next].matches = pauses[i].matches;
        rollout->waited_ms = pauses[i].waited_ms;
        rollout->counted_at = scene->view.now;
        struct rollout_result result;
        rollout_advance(rollout, &scene->view, &result);
        cr_expect_eq(rollout->state, pauses[i].state, "%zu: %s", i,
                     rollout_state_name(rollout->state));
        cr_expect_eq(rollout->waited_ms > 0, pauses[i].waits, "%zu", i);
        /* so that a restart puts the deadline off by no more than a moment */
        cr_expect_eq(rollout->kept.waited_ms, rollout->waited_ms, "%zu", i);
        scene_free(scene);
    }
}
