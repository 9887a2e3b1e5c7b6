#include "tests/simulation/law_judge.h"

#include "config/base/json.h"
#include "tests/simulation/entry.h"
#include "tests/simulation/law_track.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void law_judge_query(struct law *law, const json_t *query)
{
    char track[160];
    if (!entry_is(query, "purpose", "window"))
        return;
    snprintf(track, sizeof track, "%s/%s/%s", json_text_or(json_object_get(query, "cell"), ""),
             json_text_or(json_object_get(query, "component"), ""),
             json_text_or(json_object_get(query, "target"), ""));
    struct law_track *known = law_track_of(law, track);
    char key[200];
    snprintf(key, sizeof key, "judge/%s", track);
    const json_t *judge = law_row(law, key);
    const uint64_t attempt = (uint64_t)entry_number(judge, "attempt");
    const int64_t from = entry_number(query, "from_ms"), to = entry_number(query, "to_ms");
    law->checks++;
    if (judge == NULL || !json_equal(json_object_get(judge, "asked"), query))
        law_break(law, "S19", "metrics of %s are asked for, and the journal does not say so",
                  track);
    if (known == NULL)
        return;
    const bool again = known->window_from_ms == from && known->window_to_ms == to;
    if (known->window_attempt == attempt && !again && from < known->window_to_ms)
        law_break(law, "S14", "%s: the window from %" PRId64 " begins before %" PRId64, track, from,
                  known->window_to_ms);
    if (to <= from)
        law_break(law, "S14", "%s: a window of nothing", track);
    known->window_attempt = attempt;
    known->window_from_ms = from;
    known->window_to_ms = to;
}
