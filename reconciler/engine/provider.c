#include "reconciler/engine/provider.h"

#include "config/base/check.h"
#include "reconciler/engine/contract.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"

#include <string.h>

static size_t connection_count(const struct track *track)
{
    return track->deployment == NULL ? 0 : track->deployment->effective->connection_count;
}

/* Where one of its connections leads; NULL = nowhere that celld knows. */
static struct track *provider_at(const struct engine *engine, const struct track *track,
                                 size_t index)
{
    const struct connection_end *end = &track->deployment->effective->connections[index];
    return end->external ? NULL : unit_track_find(engine, end->cell, end->component, track->target);
}

/* Its live release has what is connected to. */
static bool stands_for(const struct track *track, const struct track *provider)
{
    return provider->rollout.has_stable && contract_is_met(track, provider);
}

/* --- who waits for whom -------------------------------------------------------------------------
 */

/* Its node waits for our phase, or for our cell. */
static bool comes_later(const struct track *track, const struct track *provider)
{
    if (provider->unit->phase > track->unit->phase)
        return true;
    const struct cell *cell = provider->unit->cell;
    for (size_t i = 0; cell != NULL && i < cell->depends_on.count; i++) {
        if (strcmp(cell->depends_on.items[i].text, track->unit->name) == 0)
            return true;
    }
    return false;
}

static void add_node(struct track_walk *walk, const struct node *node)
{
    for (size_t i = 0; i < node->unit->track_count; i++) {
        if (node->unit->tracks[i]->node == node)
            track_walk_add(walk, node->unit->tracks[i]);
    }
}

void provider_add_waits(struct track_walk *walk, const struct track *at, const void *context)
{
    const struct engine *engine = context;
    for (size_t i = 0; i < connection_count(at); i++) {
        const struct track *provider = provider_at(engine, at, i);
        if (provider != NULL && !stands_for(at, provider))
            track_walk_add(walk, provider);
    }
    if (at->node == NULL)
        return;
    const struct node_verdict *verdict = node_verdict_of(engine, at->node);
    if (verdict->wait == WAIT_PHASE || verdict->wait == WAIT_DEPENDENCY)
        add_node(walk, engine->nodes[verdict->waits_for]);
}

bool provider_is_waited_for(const struct engine *engine, const struct track *provider,
                            const struct track *track)
{
    return track_walk_leads(track, provider, provider_add_waits, engine);
}

static bool waits_in_turn(const struct engine *engine, const struct track *track,
                          const struct track *provider)
{
    return provider == track || comes_later(track, provider) ||
           provider_is_waited_for(engine, track, provider);
}

/* --- addresses ahead of releases ----------------------------------------------------------------
 */

/* Others reach it by a route. */
static bool is_routed(const struct track *track)
{
    return track->manifest == NULL ? track->rollout.routed : deployment_is_routed(track->manifest);
}

/* Nothing but its turn keeps it from beginning: no gate is closed, no promotion is due. What is to
 * be built is built for that. */
static bool lacks_only_its_turn(const struct engine *engine, const struct track *provider)
{
    if (!track_is_live(provider) || !(provider->has_content || provider->needs_image))
        return false;
    switch (node_verdict_of(engine, provider->node)->wait) {
    case WAIT_NONE:
    case WAIT_PHASE:
    case WAIT_DEPENDENCY:
    case WAIT_CAPACITY:
        return true;
    case WAIT_PROMOTION:
    case WAIT_GATE:
    case WAIT_REGION:
    case WAIT_FREEZE:
    case WAIT_SUSPENDED:
    case WAIT_BROKEN:
    case WAIT_QUARANTINE:
    case WAIT_CANCELLED:
    case WAIT_PLATFORM:
    case WAIT_APPROVAL:
    case WAIT_UNKNOWN:
        return false;
    }
    CHECK_UNREACHABLE();
}

static bool connects_to(const struct engine *engine, const struct track *track,
                        const struct track *provider)
{
    for (size_t i = 0; i < connection_count(track); i++) {
        if (provider_at(engine, track, i) == provider)
            return true;
    }
    return false;
}

/* Somebody has to be first, and this one can be. */
static bool goes_ahead(const struct engine *engine, const struct track *track,
                       const struct track *provider)
{
    return track->has_content && node_is_open(engine, track->node) &&
           connects_to(engine, track, provider) && lacks_only_its_turn(engine, provider) &&
           waits_in_turn(engine, track, provider);
}

/* It runs, is on its way, or could be: all it needs of a provider without a release is where that
 * will be found. */
static bool awaits(const struct engine *engine, const struct track *track,
                   const struct track *provider)
{
    const struct rollout *rollout = &track->rollout;
    if (provider->rollout.has_stable || !is_routed(provider) || !track_is_live(track))
        return false;
    return (rollout->has_stable && contract_needs(rollout->stable.needs, provider)) ||
           (rollout->has_next && contract_needs(rollout->next.needs, provider)) ||
           goes_ahead(engine, track, provider);
}

static bool is_awaited(const struct engine *engine, const struct track *provider)
{
    if (engine->ahead == 0 || provider->rollout.has_stable)
        return false;
    for (size_t i = 0; i < engine->unit_count; i++) {
        const struct unit *unit = engine->units[i];
        for (size_t k = 0; k < unit->track_count; k++) {
            const struct track *track = unit->tracks[k];
            if (track->ahead && strcmp(track->target, provider->target) == 0 &&
                awaits(engine, track, provider))
                return true;
        }
    }
    return false;
}

/* Its route stands, be it with nothing behind it. */
static bool is_known(const struct track *track)
{
    const struct binding *route = &track->bindings[BINDING_ROUTE];
    if (route->object == NULL || route->object->presence != PRESENCE_PRESENT ||
        !object_is_equal(route->object))
        return false;
    const struct gate_answer *seen = look_seen(route);
    return seen != NULL && seen->verdict == GATE_SETTLED;
}

/* --- a step -------------------------------------------------------------------------------------
 */

const struct track *provider_missing(const struct engine *engine, const struct track *track)
{
    for (size_t i = 0; i < connection_count(track); i++) {
        const struct track *provider = provider_at(engine, track, i);
        if (provider == NULL || stands_for(track, provider))
            continue;
        /* One of them has to be first. What neither has yet, a release that stands cannot be given
         * ahead of its next. */
        if ((is_routed(provider) && !provider->known) || !waits_in_turn(engine, track, provider))
            return provider;
    }
    return NULL;
}

bool provider_is_on_its_way(const struct track *track)
{
    if (!track->awaited || track->known)
        return false;
    for (size_t i = 0; i < track->unit->attached_count; i++) {
        if (operation_is_held(track->unit->attached[i]))
            return false;
    }
    const struct gate_answer *seen = look_seen(&track->bindings[BINDING_ROUTE]);
    return seen == NULL || seen->verdict != GATE_FAILED;
}

bool provider_explain(const struct engine *engine, const struct track *track, struct text *out)
{
    const struct track *provider = provider_missing(engine, track);
    if (provider == NULL || track->rollout.state != ROLLOUT_IDLE)
        return false; /* what has become of it says more */
    const bool new = provider->rollout.has_stable;
    text_format(out, "%s waits for %s%s of %s, which it connects to", track->component,
                new ? "an endpoint of " : "", provider->component, provider->unit->name);
    if (!waits_in_turn(engine, track, provider))
        return true;
    if (new)
        text_format(out,
                    " and which waits for it in turn: bring the endpoint in one commit, and the "
                    "connection to it in the next");
    else if (!provider->awaited)
        text_format(out, " and which waits for it in turn, and may not begin yet");
    return true;
}

/* Those that it goes ahead of have work to do. */
static bool call(struct engine *engine, const struct track *track)
{
    bool ahead = false;
    for (size_t i = 0; i < connection_count(track); i++) {
        const struct track *provider = provider_at(engine, track, i);
        if (provider == NULL || !awaits(engine, track, provider))
            continue;
        ahead = true;
        if (!provider->awaited)
            unit_queue(engine, provider->unit);
    }
    return ahead;
}

void provider_step(struct engine *engine, struct track *track)
{
    if (track->deployment != NULL) {
        const bool ahead = call(engine, track);
        engine->ahead += (size_t)ahead - (size_t)track->ahead;
        track->ahead = ahead;
    }
    const bool awaited = is_awaited(engine, track);
    if (awaited != track->awaited)
        unit_queue(engine, track->unit); /* its project comes first */
    track->awaited = awaited;
    track->waits = provider_missing(engine, track) != NULL;
}

void provider_tell(struct engine *engine, struct track *track)
{
    const bool known = track->awaited && !track->rollout.has_stable && is_known(track);
    if (known == track->known)
        return;
    track->known = known;
    contract_changed(engine);
}

bool provider_is_awaited_on(const struct node *node)
{
    for (size_t i = 0; i < node->unit->track_count; i++) {
        if (node->unit->tracks[i]->node == node && node->unit->tracks[i]->awaited)
            return true;
    }
    return false;
}
