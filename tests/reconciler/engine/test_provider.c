/* Providers that have no release yet, and whose address is made ahead of it: when it stands, and
 * when it is on its way. */
#include "config/base/packed.h"
#include "reconciler/compile/compile.h"
#include "reconciler/engine/provider.h"
#include "reconciler/engine/status.h"

#include <criterion/criterion.h>

#include <stdio.h>

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

/* --- who goes ahead of whom ---------------------------------------------------------------------
 */

/* Cell amber's front connects to cell birch's store, which has no release yet. */
struct pair {
    struct engine engine;
    struct unit cells[2], *units[2];
    struct track front, store, *of_front[1], *of_store[1];
    struct node nodes[2];
    struct object bound[2]; /* their project bindings */
    struct node_facts facts[2];
    struct node_verdict verdicts[2];
    struct deployment deployment;
    struct effective effective;
    struct connection_end end;
};

static const struct component some_manifest;
static const struct component routed_manifest = {.type = COMPONENT_SERVICE, .endpoint_count = 1};
static const struct target some_target;

static void name_track(struct pair *pair, size_t cell, const char *component)
{
    struct track *track = cell == 0 ? &pair->front : &pair->store;
    track->unit = &pair->cells[cell];
    track->node = &pair->nodes[cell];
    track->place = &some_target;
    track->has_content = true;
    snprintf(track->component, sizeof track->component, "%s", component);
    snprintf(track->target, sizeof track->target, "production");
}

/* The store waits for the front's phase, so that it would wait in turn. */
static void pair_init(struct pair *pair)
{
    *pair = (struct pair){.end = {.cell = "birch", .component = "store"}};
    snprintf(pair->cells[0].name, NAME_SIZE, "amber");
    snprintf(pair->cells[1].name, NAME_SIZE, "birch");
    pair->cells[1].phase = 1;
    name_track(pair, 0, "front");
    name_track(pair, 1, "store");
    pair->front.manifest = &some_manifest;
    pair->store.rollout.routed = true;
    pair->effective.connections = &pair->end;
    pair->effective.connection_count = 1;
    pair->deployment.effective = &pair->effective;
    pair->front.deployment = &pair->deployment;
    pair->of_front[0] = &pair->front;
    pair->of_store[0] = &pair->store;
    pair->cells[0].tracks = pair->of_front;
    pair->cells[1].tracks = pair->of_store;
    for (size_t i = 0; i < 2; i++) {
        pair->units[i] = &pair->cells[i];
        pair->cells[i].track_count = 1;
        pair->nodes[i] = (struct node){.unit = &pair->cells[i], .index = i};
        pair->verdicts[i] = (struct node_verdict){.may_start = true, .waits_for = SIZE_MAX};
    }
    pair->engine.units = pair->units;
    pair->engine.unit_count = 2;
    pair->engine.queue_end = &pair->engine.queue;
    pair->engine.facts = pair->facts;
    pair->engine.verdicts = pair->verdicts;
}

static void let_run(struct pair *pair)
{
    json_t *needs = json_pack("[{s:s, s:s}]", "component", "store", "endpoint", "http");
    pair->front.rollout.has_stable = true;
    pair->front.rollout.stable.needs = packed_take(needs);
}

Test(provider, an_address_is_awaited_by_who_runs_or_could_begin)
{
    enum { RUNS, BEGINS, WITHOUT_ROUTE, GONE, OTHER, IN_NO_TURN, AT_A_GATE, UNBUILT, CASES };
    for (int i = 0; i < CASES; i++) {
        struct pair pair;
        pair_init(&pair);
        if (i == RUNS || i == WITHOUT_ROUTE || i == GONE)
            let_run(&pair);
        /* Nothing is routed that has no endpoints. */
        pair.store.manifest = i == BEGINS || i >= OTHER ? &routed_manifest : NULL;
        pair.store.rollout.routed = i != WITHOUT_ROUTE;
        pair.front.manifest = i == GONE ? NULL : &some_manifest;
        pair.end.component = i == OTHER ? "ledger" : "store";
        pair.cells[1].phase = i == IN_NO_TURN ? 0 : 1;
        pair.verdicts[1].wait = i == AT_A_GATE ? WAIT_GATE : WAIT_NONE;
        pair.front.has_content = i != UNBUILT;
        pair.front.ahead = true;
        pair.engine.ahead = 1;
        provider_step(&pair.engine, &pair.store);
        cr_expect_eq(pair.store.awaited, i == RUNS || i == BEGINS, "%d", i);
        (void)packed_unref(pair.front.rollout.stable.needs);
    }
}

Test(provider, what_has_no_address_is_waited_for_unless_it_waits_in_turn)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair;
        pair_init(&pair);
        pair.store.rollout.routed = false;
        pair.cells[1].phase = i;
        cr_expect_eq(provider_missing(&pair.engine, &pair.front), i == 0 ? &pair.store : NULL);
    }
}

/* --- what moves ---------------------------------------------------------------------------------
 */

/* All that is left to do there waits for others, and nobody has to see to the node itself. */
static void let_stand(struct pair *pair)
{
    for (size_t i = 0; i < 2; i++) {
        snprintf(pair->nodes[i].binding_release, sizeof pair->nodes[i].binding_release, "r");
        pair->nodes[i].binding_ready = true;
        pair->nodes[i].binding = &pair->bound[i];
        pair->facts[i].state = NODE_FORWARD;
        snprintf(pair->facts[i].wanted_digests, sizeof pair->facts[i].wanted_digests, "d");
    }
    snprintf(pair->front.content.deployment_digest, sizeof pair->front.content.deployment_digest,
             "d");
    pair->engine.now.wall.ms = 2;
}

Test(provider, a_node_works_unless_all_that_is_left_waits_for_others)
{
    enum { WAITS, YIELDS, TRIES_AGAIN, GOES_ON, UNBOUND, NOT_READY, LEAVING, CASES };
    for (int i = 0; i < CASES; i++) {
        struct pair pair;
        pair_init(&pair);
        let_stand(&pair);
        pair.front.waits = i == WAITS || i >= UNBOUND;
        pair.front.yields = i == YIELDS;
        if (i == TRIES_AGAIN) { /* its time has come: the plan says what it waits for */
            pair.front.rollout.state = ROLLOUT_HELD;
            pair.front.rollout.retry_at.ms = 1;
        }
        if (i == UNBOUND)
            pair.nodes[0].binding_release[0] = '\0';
        pair.nodes[0].binding_ready = i != NOT_READY;
        pair.nodes[0].looks_wanted = 1;
        pair.nodes[0].looks = 1;
        pair.bound[0].presence = i == LEAVING ? PRESENCE_TERMINATING : PRESENCE_PRESENT;
        cr_expect_eq(status_node_works(&pair.engine, &pair.nodes[0]), i >= GOES_ON, "%d", i);
    }
}

Test(provider, who_waits_for_what_goes_back_moves)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair;
        pair_init(&pair);
        let_stand(&pair);
        for (size_t k = 0; k < 2; k++)
            pair.verdicts[k].wait = WAIT_QUARANTINE;
        pair.store.recalled = i == 1;
        pair.store.rollout.has_previous = true;
        cr_expect_eq(status_node_moves(&pair.engine, &pair.nodes[0]), i == 1, "%d", i);
    }
}
