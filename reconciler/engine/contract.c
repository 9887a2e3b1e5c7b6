#include "reconciler/engine/contract.h"

#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/provider.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/words.h"

#include <stdlib.h>
#include <string.h>

/* --- one need ----------------------------------------------------------------------------------
 */

enum lack { LACK_NONE, LACK_ENDPOINT, LACK_TYPE, LACK_VISIBILITY, LACK_UNKNOWN };

/* Ports and paths follow the provider by themselves: addresses are resolved live. */
static enum lack lack_of(const json_t *need, const json_t *endpoints)
{
    const json_t *endpoint =
        json_object_get(endpoints, json_text_or(json_object_get(need, "endpoint"), ""));
    if (endpoint == NULL)
        return LACK_ENDPOINT;
    if (strcmp(json_text_or(json_object_get(endpoint, "type"), ""),
               json_text_or(json_object_get(need, "type"), "")) != 0)
        return LACK_TYPE;
    const unsigned visibility =
        (unsigned)json_integer_value(json_object_get(endpoint, "visibility"));
    const bool far = json_is_true(json_object_get(need, "namespace"));
    return far && (visibility &
                   (VISIBILITY_NAMESPACE | VISIBILITY_INTERNAL | VISIBILITY_EXTERNAL)) == 0
               ? LACK_VISIBILITY
               : LACK_NONE;
}

static bool is_about(const json_t *need, const char *component)
{
    return strcmp(json_text_or(json_object_get(need, "component"), ""), component) == 0;
}

bool contract_needs(const struct packed *needs, const struct track *provider)
{
    OWNED_JSON *list = packed_open(needs);
    if (list == NULL)
        return needs != NULL; /* no memory: it may be */
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (is_about(json_array_get(list, i), provider->component))
            return true;
    }
    return false;
}

bool contract_is_met(const struct track *track, const struct track *provider)
{
    OWNED_JSON *needs = packed_open(track->content.needs);
    OWNED_JSON *endpoints = packed_open(provider->rollout.stable.endpoints);
    if (needs == NULL)
        return track->content.needs == NULL;
    for (size_t i = 0; i < json_array_size(needs); i++) {
        const json_t *need = json_array_get(needs, i);
        if (is_about(need, provider->component) && lack_of(need, endpoints) != LACK_NONE)
            return false;
    }
    return true;
}

/* --- consumers ---------------------------------------------------------------------------------
 */

struct loss {
    enum lack lack;
    char endpoint[NAME_SIZE], type[16];
};

/* The first need that the live provider meets and its new content would not. */
static struct loss loss_of(const struct packed *wanted, const struct track *provider)
{
    struct loss loss = {.lack = LACK_NONE};
    if (strstr(packed_text(wanted), provider->component) == NULL)
        return loss;
    const struct packed *next = provider->content.endpoints;
    OWNED_JSON *needs = packed_open(wanted);
    OWNED_JSON *before = packed_open(provider->rollout.stable.endpoints); /* it has some */
    OWNED_JSON *after = packed_open(next);
    if (needs == NULL || before == NULL || (next != NULL && after == NULL))
        loss.lack = LACK_UNKNOWN;
    for (size_t i = 0; i < json_array_size(needs) && loss.lack == LACK_NONE; i++) {
        const json_t *need = json_array_get(needs, i);
        if (!is_about(need, provider->component) || lack_of(need, before) != LACK_NONE)
            continue;
        loss.lack = lack_of(need, after);
        text_put(loss.endpoint, sizeof loss.endpoint, "%s",
                 json_text_or(json_object_get(need, "endpoint"), ""));
        text_put(loss.type, sizeof loss.type, "%s",
                 json_text_or(json_object_get(need, "type"), ""));
    }
    return loss;
}

static struct loss live_loss(const struct track *consumer, const struct track *provider)
{
    const struct rollout *rollout = &consumer->rollout;
    struct loss loss = {.lack = LACK_NONE};
    if (rollout->has_stable)
        loss = loss_of(rollout->stable.needs, provider);
    if (loss.lack == LACK_NONE && rollout->has_next)
        loss = loss_of(rollout->next.needs, provider);
    return loss;
}

/* Git wants it to. */
static bool is_to_do_without(const struct track *consumer, const struct track *provider)
{
    return track_is_live(consumer) && consumer->has_content && !track_is_done(consumer) &&
           consumer->node != NULL && loss_of(consumer->content.needs, provider).lack == LACK_NONE;
}

/* It waits for the provider's new content itself: neither of them could be first. */
static bool waits_for(const struct engine *engine, const struct track *consumer,
                      const struct track *provider)
{
    return !contract_is_met(consumer, provider) ||
           provider_is_waited_for(engine, provider, consumer);
}

/* ... and nothing keeps that from coming about before the provider moves. */
static bool moves_on(const struct engine *engine, const struct track *consumer,
                     const struct track *provider)
{
    return is_to_do_without(consumer, provider) && node_is_open(engine, consumer->node) &&
           consumer->rollout.state != ROLLOUT_HELD && !waits_for(engine, consumer, provider);
}

static void say(struct engine *engine, struct track *provider, const struct track *consumer,
                const struct loss *loss)
{
    static const char *const what[] = {
        [LACK_NONE] = "",
        [LACK_ENDPOINT] = "does not have",
        [LACK_TYPE] = "serves by another protocol",
        [LACK_VISIBILITY] = "no longer shows to other cells",
        [LACK_UNKNOWN] = "may not have (there was no memory to compare them)",
    };
    const bool circle =
        is_to_do_without(consumer, provider) && waits_for(engine, consumer, provider);
    words_say(engine, &provider->refusal,
              "%s of cell %s connects to endpoint %s (%s) of %s, which this release %s: %s%s%s",
              consumer->component, consumer->unit->name, loss->endpoint, loss->type,
              provider->component, what[loss->lack], circle ? "" : "keep it until ",
              consumer->component,
              circle ? " waits for this release in turn: keep both in one commit, drop it in "
                       "the next"
                     : " does without");
}

/* Most releases take nothing away: only the others are held against every consumer. */
static bool takes_away(const struct track *track)
{
    if (packed_equal(track->rollout.stable.endpoints, track->content.endpoints))
        return false;
    OWNED_JSON *before = packed_open(track->rollout.stable.endpoints);
    OWNED_JSON *after = packed_open(track->content.endpoints);
    if (before == NULL)
        return track->rollout.stable.endpoints != NULL;
    static const char *const met[] = {"type", "visibility"};
    const char *name;
    json_t *endpoint;
    json_object_foreach(before, name, endpoint)
    {
        const json_t *other = json_object_get(after, name);
        for (size_t i = 0; i < sizeof met / sizeof *met; i++) {
            if (other == NULL ||
                !json_equal(json_object_get(endpoint, met[i]), json_object_get(other, met[i])))
                return true;
        }
    }
    return false;
}

static void hold_against(struct engine *engine, struct track *track, const struct track *consumer)
{
    const struct loss live = live_loss(consumer, track);
    const struct loss wanted = consumer->has_content ? loss_of(consumer->content.needs, track)
                                                     : (struct loss){.lack = LACK_NONE};
    const struct loss *loss = live.lack != LACK_NONE ? &live : &wanted;
    if (loss->lack == LACK_NONE)
        return;
    const bool moves = moves_on(engine, consumer, track);
    if (track->refusal != NULL && (moves || !track->yields))
        return;
    track->yields = moves;
    say(engine, track, consumer, loss);
}

void contract_check(struct engine *engine, struct track *track)
{
    free(TAKE(track->refusal));
    track->yields = false;
    if (!track->has_content || !track->rollout.has_stable || !takes_away(track))
        return;
    for (size_t i = 0; i < engine->unit_count; i++) {
        const struct unit *unit = engine->units[i];
        for (size_t k = 0; k < unit->track_count; k++) {
            const struct track *consumer = unit->tracks[k];
            if (consumer != track && strcmp(consumer->target, track->target) == 0)
                hold_against(engine, track, consumer);
        }
    }
}

bool contract_yields_to(const struct engine *engine, const struct track *track,
                        const struct track *consumer)
{
    return strcmp(consumer->target, track->target) == 0 &&
           live_loss(consumer, track).lack != LACK_NONE && moves_on(engine, consumer, track);
}

void contract_changed(struct engine *engine)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        struct unit *unit = engine->units[i];
        for (size_t k = 0; k < unit->track_count; k++) {
            if (unit->tracks[k]->refusal != NULL || unit->tracks[k]->waits)
                unit_queue(engine, unit);
        }
    }
}
