#include "tests/simulation/people.h"

#include "config/base/json.h"
#include "tests/simulation/law_track.h"
#include "tests/simulation/run.h"

#include <stdio.h>
#include <string.h>

#define RETRIES 3

bool people_approve(struct people *people)
{
    struct world *world = people->world;
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *holds = json_object_get(status, "holds");
    bool gates = false;
    char prune[32] = "";
    for (size_t i = 0; i < json_array_size(holds); i++) {
        const json_t *hold = json_array_get(holds, i);
        const char *kind = json_text_or(json_object_get(hold, "kind"), "");
        gates |= strcmp(kind, "gate") == 0;
        if (strcmp(kind, "prune") == 0)
            snprintf(prune, sizeof prune, "%s", json_text_or(json_object_get(hold, "name"), ""));
    }
    json_decref(status);
    bool ok = false;
    if (prune[0] != '\0') {
        people->law->prune_approved = true;
        world_command(world, "approve", json_pack("{s:s}", "prune", prune), &ok);
        people->seen[SIGHT_PRUNE_APPROVED] |= ok;
    }
    ok = false;
    if (gates)
        world_command(world, "approve", json_pack("{s:b}", "all", 1), &ok);
    people->seen[SIGHT_APPROVED] |= ok;
    return gates || prune[0] != '\0';
}

/* `key` is that of the journal's row. */
static bool say(struct people *people, const char *key, const char *action)
{
    char cell[64] = "", component[64] = "", target[64] = "", verb[32], track[120];
    if (sscanf(key, "rollout/%63[^/]/%63[^/]/%63[^/]", cell, component, target) != 3)
        return false;
    snprintf(track, sizeof track, "%s", key + strlen("rollout/"));
    snprintf(verb, sizeof verb, "rollout-%s", action);
    bool done = false;
    law_track_ordered(people->law, track, action);
    world_command(
        people->world, verb,
        json_pack("{s:s, s:s, s:s}", "cell", cell, "component", component, "target", target),
        &done);
    law_track_answered(people->law, track, action, done);
    return done;
}

static bool may_retry(struct people *people, const char *key)
{
    for (size_t i = 0; i < people->retry_count; i++) {
        if (strcmp(people->retries[i].track, key) == 0)
            return people->retries[i].count++ < RETRIES;
    }
    if (people->retry_count == LAW_TRACKS)
        return false;
    snprintf(people->retries[people->retry_count].track, sizeof people->retries[0].track, "%s",
             key);
    people->retries[people->retry_count++].count = 1;
    return true;
}

bool people_mind(struct people *people)
{
    const struct world *world = people->world;
    char keys[64][120], actions[64][16];
    size_t count = 0;
    for (size_t i = 0; i < world->row_count && count < 64; i++) {
        const struct world_row *row = &world->rows[i];
        const char *state = json_text_or(json_object_get(row->value, "state"), "");
        const char *hold = json_text_or(json_object_get(row->value, "hold"), "");
        if (strncmp(row->key, "rollout/", 8) != 0)
            continue;
        const bool paused = strcmp(state, "paused") == 0;
        const bool held = strcmp(state, "held") == 0 && strcmp(hold, "quarantined") != 0;
        const json_t *stable = json_object_get(row->value, "stable");
        const bool unproven = strcmp(state, "idle") == 0 &&
                              json_is_true(json_object_get(stable, "unproven")) &&
                              !json_is_true(json_object_get(stable, "accepted"));
        if (!paused && !unproven && !(held && may_retry(people, row->key)))
            continue;
        snprintf(keys[count], sizeof keys[0], "%.119s", row->key);
        snprintf(actions[count++], sizeof actions[0], held ? "retry" : "promote");
    }
    bool any = false;
    /* What somebody paused before its steps is resumed, not promoted. */
    for (size_t i = 0; i < count; i++)
        any |= say(people, keys[i], actions[i]) ||
               (strcmp(actions[i], "promote") == 0 && say(people, keys[i], "resume"));
    return any;
}

bool people_meddle(struct people *people)
{
    static const struct {
        const char *action;
        enum sight sight;
    } words[] = {
        {"pause", SIGHT_PAUSED_BY_HAND},
        {"resume", SIGHT_RESUMED},
        {"promote", SIGHT_PROMOTED_BY_HAND},
        {"promote-full", SIGHT_PROMOTED_BY_HAND},
        {"abort", SIGHT_ABORTED},
        {"retry", SIGHT_RETRIED},
    };
    const struct world *world = people->world;
    const unsigned word = chance_below(&people->chance, sizeof words / sizeof *words);
    char key[120] = "";
    unsigned found = 0;
    /* Mostly to one that is under way. */
    const bool any = chance_percent(&people->chance, 20);
    for (size_t i = 0; i < world->row_count; i++) {
        const struct world_row *row = &world->rows[i];
        const char *state = json_text_or(json_object_get(row->value, "state"), "");
        if (strncmp(row->key, "rollout/", 8) != 0 || (!any && strcmp(state, "idle") == 0))
            continue;
        if (chance_below(&people->chance, ++found) == 0)
            snprintf(key, sizeof key, "%.119s", row->key);
    }
    if (key[0] == '\0')
        return false;
    people->seen[words[word].sight] |= say(people, key, words[word].action);
    return true;
}
