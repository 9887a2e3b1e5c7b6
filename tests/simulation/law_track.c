#include "tests/simulation/law_track.h"

#include "config/base/json.h"
#include "tests/simulation/entry.h"

#include <stdio.h>
#include <string.h>

struct law_track *law_track_of(struct law *law, const char *track)
{
    for (size_t i = 0; i < law->track_count; i++) {
        if (strcmp(law->tracks[i].key, track) == 0)
            return &law->tracks[i];
    }
    if (law->track_count == LAW_TRACKS)
        return NULL;
    struct law_track *made = &law->tracks[law->track_count++];
    snprintf(made->key, sizeof made->key, "%.119s", track);
    return made;
}

void law_track_forget(struct law *law, const char *track)
{
    struct law_track *known = law_track_of(law, track);
    if (known == NULL)
        return;
    struct law_track fresh = {0};
    memcpy(fresh.key, known->key, sizeof fresh.key);
    *known = fresh;
}

const struct part *law_track_part(const struct law *law, const char *track,
                                  const struct plot **ret_plot, const char **ret_target)
{
    char component[64] = "";
    sscanf(track, "%*[^/]/%63[^/]", component);
    *ret_target = strrchr(track, '/') + 1;
    return monorepo_part(law->good, component, ret_plot);
}

bool law_track_is_by_hand(const struct law_track *known, const json_t *row)
{
    return known->by_hand == (uint64_t)entry_number(row, "attempt");
}

static size_t count_condemned(const struct law *law, const char *track)
{
    char prefix[160];
    const int length = snprintf(prefix, sizeof prefix, "quarantine/%s/", track);
    size_t count = 0;
    for (size_t i = 0; i < law->world->row_count; i++)
        count += strncmp(law->world->rows[i].key, prefix, (size_t)length) == 0;
    return count;
}

/* An abort with nothing under way is refused, and changes nothing. */
static void s10_nothing(struct law *law, const struct law_track *known, bool done)
{
    char key[160];
    snprintf(key, sizeof key, "rollout/%s", known->key);
    const json_t *row = law_row(law, key);
    law->checks++;
    if (done)
        law_break(law, "S10", "%s was aborted, and nothing was under way", known->key);
    if ((uint64_t)entry_number(row, "attempt") != known->spoken)
        return; /* something has begun meanwhile */
    if (entry_is(row, "hold", "aborted") && strcmp(known->hold, "aborted") != 0)
        law_break(law, "S10", "%s had nothing to abort, and is held", known->key);
    if (count_condemned(law, known->key) != known->condemned)
        law_break(law, "S10", "%s had nothing to abort, and content was condemned", known->key);
}

void law_track_ordered(struct law *law, const char *track, const char *action)
{
    struct law_track *known = law_track_of(law, track);
    char key[160];
    snprintf(key, sizeof key, "rollout/%s", track);
    const json_t *row = law_row(law, key);
    (void)action;
    if (known == NULL)
        return;
    snprintf(known->hold, sizeof known->hold, "%.23s",
             json_text_or(json_object_get(row, "hold"), ""));
    known->condemned = count_condemned(law, track);
    known->spoken = (uint64_t)entry_number(row, "attempt");
    known->before = known->by_hand;
    known->by_hand = known->spoken; /* it may act before it answers */
    known->under_way = entry_flag(row, "has_next") || entry_is(row, "state", "held");
}

void law_track_answered(struct law *law, const char *track, const char *action, bool done)
{
    struct law_track *known = law_track_of(law, track);
    if (known == NULL)
        return;
    if (!done)
        known->by_hand = known->before;
    if (strcmp(action, "retry") == 0 && done)
        known->by_hand = known->spoken + 1; /* it begins anew, whatever the plan says */
    if (strcmp(action, "abort") != 0)
        return;
    if (!known->under_way)
        s10_nothing(law, known, done);
    else if (done)
        known->aborted = known->spoken;
}
