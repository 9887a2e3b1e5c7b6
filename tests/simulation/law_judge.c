#include "tests/simulation/law_judge.h"

#include "config/base/json.h"
#include "tests/simulation/entry.h"
#include "tests/simulation/law_track.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void name(const json_t *query, char ret_track[160])
{
    snprintf(ret_track, 160, "%s/%s/%s", json_text_or(json_object_get(query, "cell"), ""),
             json_text_or(json_object_get(query, "component"), ""),
             json_text_or(json_object_get(query, "target"), ""));
}

/* A judge that has counted nothing cannot count a window twice: that of a new attempt, and that of
 * a held one which began anew, without its evidence, after the clock was set back. */
static bool has_counted(const json_t *row)
{
    return entry_number(json_object_get(row, "judge"), "judged_ms") != 0;
}

void law_judge_query(struct law *law, const json_t *query)
{
    char track[160];
    if (!entry_is(query, "purpose", "window"))
        return;
    name(query, track);
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
    known->wrong = false;
    const bool again = known->window_from_ms == from && known->window_to_ms == to;
    if (known->window_attempt == attempt && !again && has_counted(judge) &&
        from < known->window_to_ms)
        law_break(law, "S14", "%s: the window from %" PRId64 " begins before %" PRId64, track, from,
                  known->window_to_ms);
    if (to <= from)
        law_break(law, "S14", "%s: a window of nothing", track);
    known->window_attempt = attempt;
    known->window_from_ms = from;
    known->window_to_ms = to;
}

void law_judge_told(struct law *law, const json_t *query, bool wrong)
{
    char track[160];
    name(query, track);
    struct law_track *known = law_track_of(law, track);
    if (known != NULL && entry_is(query, "purpose", "window"))
        known->wrong = wrong;
}

/* What is known of the new release: its counts, and what they prove. */
static bool is_same_evidence(const json_t *before, const json_t *value)
{
    static const char *const proofs[] = {"relative", "pass", "guard"};
    const json_t *sum = json_object_get(before, "sum"), *is = json_object_get(value, "sum");
    bool same = json_equal(json_array_get(sum, 0), json_array_get(is, 0)) &&
                json_equal(json_array_get(sum, 1), json_array_get(is, 1));
    for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++)
        same = same &&
               json_equal(json_object_get(before, proofs[i]), json_object_get(value, proofs[i]));
    return same;
}

/* What is missing, bears other labels or is no number at all is evidence of nothing. */
void law_judge_row(struct law *law, const char *track, const json_t *before, const json_t *value)
{
    const struct law_track *known = law_track_of(law, track);
    law->checks++;
    if (known == NULL || !known->wrong || before == NULL || !has_counted(value) ||
        entry_number(before, "attempt") != entry_number(value, "attempt"))
        return;
    const json_t *was = json_at(before, "judge", "metrics", NULL);
    const json_t *is = json_at(value, "judge", "metrics", NULL);
    for (size_t i = 0; i < json_array_size(was); i++) {
        if (!is_same_evidence(json_array_get(was, i), json_array_get(is, i)))
            law_break(law, "S13", "%s: a wrong answer about metrics was counted", track);
    }
}
