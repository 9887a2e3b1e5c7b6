/* Checks of what must hold after every step, whatever happened. */
#include "config/base/check.h"
#include "reconciler/engine/internal.h"

static void check_object(const struct object *object)
{
    const struct operation *operation = object->operation;
    CHECK(object->unit != NULL);
    /* At most one request per object, and no write without a durable intent. */
    if (operation != NULL && operation->request != 0)
        CHECK(operation->state == OPERATION_READING || operation->state == OPERATION_SEARCHING ||
              object->intent);
    if (operation != NULL && operation->state == OPERATION_DELETING)
        CHECK(object->inventory && object->uid[0] != '\0');
    /* What cannot be taken back is never to be deleted. */
    if (object->goal == GOAL_ABSENT)
        CHECK(resource_kind_info(object->key.kind)->may_delete);
    CHECK(object->goal != GOAL_PRESENT || object->desired != 0);
}

static void check_unit(const struct engine *engine, const struct unit *unit)
{
    for (size_t i = 0; i < unit->attached_count; i++)
        CHECK(unit->attached[i]->unit == unit);
    for (size_t i = 0; i < unit->track_count; i++) {
        const struct track *track = unit->tracks[i];
        rollout_check(&track->rollout);
        CHECK(track->node == NULL || (track->node->index < engine->node_count &&
                                      engine->nodes[track->node->index] == track->node));
    }
    CHECK(unit->heap == 0 || engine->heap[unit->heap - 1] == unit);
}

void engine_check_invariants(const struct engine *engine)
{
    CHECK(engine->in_flight <= (size_t)engine->options.parallel_requests);
    for (size_t i = 0; i < engine->object_count; i++)
        check_object(engine->object_list[i]);
    for (size_t i = 0; i < engine->unit_count; i++)
        check_unit(engine, engine->units[i]);
    for (size_t i = 0; i < engine->heap_count; i++)
        CHECK(i == 0 || engine->heap[(i - 1) / 2]->due.ms <= engine->heap[i]->due.ms);
}
