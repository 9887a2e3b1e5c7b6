/* Providers that have no release yet, and whose address is made ahead of it: when it stands, and
 * when it is on its way. */
#include "reconciler/engine/provider.h"

#include <criterion/criterion.h>

TestSuite(provider, .timeout = 60);

/* One provider whose route was looked at and stands; the cell has one more object. */
struct scene {
    struct engine engine;
    struct unit unit;
    struct object route, other, *attached[1];
    struct operation operation;
    struct gate_answer gate;
    struct track track;
};

static struct binding *scene_init(struct scene *scene)
{
    *scene = (struct scene){.gate = {.verdict = GATE_SETTLED}};
    scene->route = (struct object){.presence = PRESENCE_PRESENT, .goal = GOAL_PRESENT};
    scene->attached[0] = &scene->other;
    scene->unit.attached = scene->attached;
    scene->unit.attached_count = 1;
    scene->track.unit = &scene->unit;
    scene->track.awaited = true;
    struct binding *route = &scene->track.bindings[BINDING_ROUTE];
    route->object = &scene->route;
    route->gate = &scene->gate;
    route->answered = true;
    return route;
}

Test(provider, an_address_is_known_once_its_route_was_seen_to_stand)
{
    enum { STANDS, UNNAMED, ABSENT, DIFFERENT, UNSEEN, PROGRESSING, NOT_AWAITED, CASES };
    for (int i = 0; i < CASES; i++) {
        struct scene scene;
        struct binding *route = scene_init(&scene);
        route->object = i == UNNAMED ? NULL : route->object;
        scene.route.presence = i == ABSENT ? PRESENCE_ABSENT : PRESENCE_PRESENT;
        scene.route.desired = scene.route.equal_desired = 7;
        route->judged = 7;
        scene.route.live = i == DIFFERENT;
        route->answered = i != UNSEEN;
        scene.gate.verdict = i == PROGRESSING ? GATE_PROGRESSING : GATE_SETTLED;
        scene.track.awaited = i != NOT_AWAITED;
        provider_tell(&scene.engine, &scene.track);
        cr_expect_eq(scene.track.known, i == STANDS, "%d", i);
    }
}

Test(provider, an_address_is_on_its_way_unless_something_is_held_or_has_failed)
{
    enum { COMES, UNSEEN, FAILED, HELD, UNPERMITTED, KNOWN, NOT_AWAITED, CASES };
    for (int i = 0; i < CASES; i++) {
        struct scene scene;
        struct binding *route = scene_init(&scene);
        route->answered = i != UNSEEN;
        scene.gate.verdict = i == FAILED ? GATE_FAILED : GATE_PROGRESSING;
        scene.operation.state = OPERATION_HELD;
        scene.operation.unpermitted = i == UNPERMITTED;
        scene.other.operation = i == HELD || i == UNPERMITTED ? &scene.operation : NULL;
        scene.track.known = i == KNOWN;
        scene.track.awaited = i != NOT_AWAITED;
        cr_expect_eq(provider_is_on_its_way(&scene.track),
                     i == COMES || i == UNSEEN || i == UNPERMITTED, "%d", i);
    }
}
