#include "reconciler/engine/astray.h"

#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/unit.h"

/* A rollout asks for what it needs, and comes first. */
static bool is_rolling(const struct unit *unit)
{
    for (size_t i = 0; i < unit->track_count; i++) {
        if (rollout_is_active(&unit->tracks[i]->rollout))
            return true;
    }
    return false;
}

bool astray_may_be_read(const struct object *object)
{
    return object->key.kind == KIND_COMPONENT_RELEASE && object->inventory &&
           object->goal == GOAL_NONE && object->operation == NULL && !is_rolling(object->unit);
}

bool astray_is(const struct object *object)
{
    return object->astray && object->wanted;
}

bool astray_explain(const struct object *object, struct text *out)
{
    if (!astray_is(object))
        return false;
    if (object->presence == PRESENCE_PRESENT)
        text_format(out,
                    "ComponentRelease %s is not the one that celld made: somebody put another in "
                    "its place; delete it, then celld makes it again",
                    object->key.name);
    else
        text_format(out, "ComponentRelease %s is gone and is being made again", object->key.name);
    return true;
}

static void stray(struct engine *engine, struct object *release, const char *how)
{
    release->sound = false;
    if (release->astray)
        return;
    release->astray = true;
    const struct history_about about = object_about(release);
    history_publish(engine, PUBLISH_ERROR, "release-astray", &about, "ComponentRelease %s %s",
                    release->key.name, how);
    unit_queue(engine, release->unit);
}

void astray_gone(struct engine *engine, struct object *release)
{
    if (release->inventory && release->wanted && release->goal == GOAL_NONE)
        stray(engine, release, "was deleted by somebody else");
}

void astray_observed(struct engine *engine, struct object *release, const json_t *live)
{
    if (!release->inventory)
        return;
    if (!object_is_same(release, live)) {
        stray(engine, release, "was replaced by another one under its name by somebody else");
        return;
    }
    /* Labels may change. What git wants is compared to be sure. */
    release->astray = release->wanted && release->live != release->equal_live;
    if (!release->astray)
        return;
    release->sound = false; /* as far as is known */
    unit_queue(engine, release->unit);
}
