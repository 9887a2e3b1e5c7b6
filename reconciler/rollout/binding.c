#include "reconciler/rollout/machine.h"

bool binding_is_settled(const struct binding_view *binding)
{
    return binding->known && binding->exists && !binding->terminating && binding->matches &&
           binding->gate.verdict == GATE_SETTLED;
}

bool binding_may_carry(const struct binding_view *slot)
{
    return slot->matches &&
           (slot->gate.verdict == GATE_SETTLED || slot->gate.verdict == GATE_UNKNOWN);
}

bool binding_is_verified(const struct binding_view *route)
{
    return binding_is_settled(route) && route->gate.weights_verified;
}

bool binding_is_unseen(const struct binding_view *binding)
{
    return !binding->known || binding->gate.verdict == GATE_UNKNOWN ||
           binding->gate.verdict == GATE_STALE;
}

bool binding_has_vanished(const struct binding_view *binding)
{
    return binding->known && (!binding->exists || binding->terminating);
}

bool binding_is_gone(const struct binding_view *binding)
{
    return binding->known &&
           (!binding->exists || (binding->matches && binding->gate.verdict == GATE_UNDEPLOYED));
}
