/* Components that go to another cell. OpenChoreo's names are unique in a namespace and owners never
 * change, so nothing can be moved: what stands in the project before is removed there first (as all
 * removals are: within the budget, or when a person allows it), and only then made here. */
#pragma once

#include "reconciler/engine/internal.h"

/* Why the unit's cell cannot be made yet: ERR_INVALID, and *err says which component stands where.
 * 0 = nothing of it stands elsewhere. */
int move_check(struct engine *engine, struct unit *unit, struct error *err);

/* Something left the inventory: those who waited for it are looked at again. */
void move_look_again(struct engine *engine);
