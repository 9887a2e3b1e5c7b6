#include "tests/reconciler/rollout/world.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const char *const digests[] = {"aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc",
                                      "dddddddddddd"};

static void content_init(struct rollout_content *content, size_t i, bool routed)
{
    *content = (struct rollout_content){0};
    (void)snprintf(content->deployment_digest, sizeof(content->deployment_digest), "%s",
                   digests[i]);
    (void)snprintf(content->release_digest, sizeof(content->release_digest), "r%.11s", digests[i]);
    (void)snprintf(content->revision, sizeof(content->revision), "revision-%zu", i);
    content->slot_spec[0] =
        packed_take(json_pack("{s:s,s:i}", "releaseName", digests[i], "replicas", 2));
    if (!routed)
        return;
    (void)snprintf(content->route_digest, sizeof(content->route_digest), "route");
    content->slot_spec[1] = packed_ref(content->slot_spec[0]);
    content->route_spec = packed_take(json_pack("{s:s}", "releaseName", "route"));
    content->endpoints =
        packed_take(json_pack("{s:{s:s,s:i}}", "http", "type", "HTTP", "port", 8080));
}

void world_init(struct world *world, bool routed, enum strategy strategy)
{
    *world = (struct world){.settle_ms = 4000, .quarantine_kept = true};
    rollout_init(&world->rollout, "cart", "cartservice", "testing", routed);
    cr_assert_eq(rollout_open(&world->rollout), 0);
    for (size_t i = 0; i < 4; i++)
        content_init(&world->contents[i], i, routed);
    static const struct rollout_step steps[] = {
        {.weight = {.value = 5, .set = true}, .soak = {.value = {120000}, .set = true}},
        {.weight = {.value = 20, .set = true}, .soak = {.value = {300000}, .set = true}},
        {.weight = {.value = 50, .set = true}, .soak = {.value = {300000}, .set = true}},
    };
    world->plan = (struct rollout_plan){
        .strategy = strategy,
        .steps = steps,
        .step_count = strategy == STRATEGY_CANARY ? 3 : 0,
        .bake = {60000},
        .progress_deadline = {600000},
        .apply_grace = {60000},
        .attempts = 3,
    };
    world->view = (struct rollout_view){
        .now = {.mono = {1000000}, .wall = {INT64_C(1800000000000)}},
        .plan = &world->plan,
        .may_start = true,
        .correct_drift = true,
        .stable_healthy = true,
    };
}

void world_start(struct world *world, bool routed, enum strategy strategy, bool restarts)
{
    world_init(world, routed, strategy);
    world->restart_each_round = restarts;
}

void world_fini(struct world *world)
{
    rollout_fini(&world->rollout);
    for (size_t i = 0; i < 4; i++)
        rollout_content_fini(&world->contents[i]);
}

void world_want(struct world *world, size_t content)
{
    world->view.wanted = &world->contents[content];
}

void world_endpoints(struct world *world, size_t content, const char *json)
{
    (void)packed_unref(world->contents[content].endpoints);
    world->contents[content].endpoints = packed_take(json_loads(json, 0, NULL));
    cr_assert_not_null(world->contents[content].endpoints);
    (void)snprintf(world->contents[content].route_digest,
                   sizeof(world->contents[content].route_digest), "route-%zu", content);
}

static void say(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct world *world, const char *format, ...)
{
    const size_t length = strlen(world->log);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(world->log + length, sizeof(world->log) - length, format, arguments);
    va_end(arguments);
}

static size_t content_number(const char *digest)
{
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(digests[i], digest) == 0)
            return i;
    }
    cr_assert(false, "no such content: %s", digest);
    return 0;
}

/* --- bindings ----------------------------------------------------------------------------- */

/* Digest that a choice stands for; NULL = leave it. */
static const char *chosen(const struct world *world, enum content_choice choice)
{
    switch (choice) {
    case CONTENT_UNTOUCHED:
        return NULL;
    case CONTENT_STABLE:
        return world->rollout.stable.deployment_digest;
    case CONTENT_NEXT:
        return world->rollout.next.deployment_digest;
    case CONTENT_UNDEPLOYED:
        return "";
    case CONTENT_ADDRESS:
        break; /* nobody awaits it here */
    }
    cr_assert(false, "choice");
    return NULL;
}

static bool fulfilled(const struct sim_binding *binding, const char *content)
{
    if (content == NULL)
        return true;
    if (!binding->exists)
        return content[0] == '\0';
    return strcmp(binding->content, content) == 0;
}

static void write_binding(struct world *world, struct sim_binding *binding, const char *content)
{
    binding->exists = true;
    if (strcmp(binding->content, content) != 0) {
        binding->ever_settled = false;
        (void)memcpy(binding->before, binding->content, sizeof(binding->before));
    }
    (void)snprintf(binding->content, sizeof(binding->content), "%s", content);
    binding->ready_at = world->view.now.mono.ms + world->settle_ms;
}

static bool route_fulfilled(const struct world *world, const struct route_want *want)
{
    const struct sim_binding *route = &world->route;
    const char *content = chosen(world, want->content);
    if (!fulfilled(route, content) || content == NULL || content[0] == '\0')
        return fulfilled(route, content);
    for (size_t i = 0; i < 2; i++) {
        if (route->weight[i] != want->weight[i] || route->list[i] != want->list[i])
            return false;
    }
    return route->active == want->active_slot;
}

/* Carries the wants out, as the engine would. */
static void apply(struct world *world, const struct rollout_wants *wants)
{
    if (wants->report_only)
        return;
    for (size_t i = 0; i < 2; i++) {
        struct sim_binding *slot = &world->slot[i];
        const char *content = chosen(world, wants->slot[i].content);
        const bool runs = content != NULL && content[0] != '\0';
        if (!fulfilled(slot, content) || (runs && (slot->scaled != wants->slot[i].scaled_by_route ||
                                                   slot->replicas != wants->slot[i].replicas)))
            write_binding(world, slot, content);
        if (runs) {
            slot->scaled = wants->slot[i].scaled_by_route;
            slot->replicas = wants->slot[i].replicas;
        }
    }
    if (route_fulfilled(world, &wants->route))
        return;
    write_binding(world, &world->route, chosen(world, wants->route.content));
    (void)memcpy(world->route.weight, wants->route.weight, sizeof(world->route.weight));
    (void)memcpy(world->route.list, wants->route.list, sizeof(world->route.list));
    world->route.active = wants->route.active_slot;
}

static enum gate_verdict verdict_of(const struct world *world, struct sim_binding *binding,
                                    enum behaviour behaviour)
{
    if (behaviour == UNREADABLE)
        return GATE_UNKNOWN;
    if (behaviour == IGNORED || world->view.now.mono.ms < binding->ready_at - world->settle_ms / 2)
        return GATE_STALE;
    if (binding->content[0] == '\0')
        return GATE_UNDEPLOYED;
    if (world->view.now.mono.ms < binding->ready_at || behaviour == NEVER_READY)
        return GATE_PROGRESSING;
    return behaviour == FAILS ? GATE_FAILED : GATE_SETTLED;
}

static void look(struct world *world, struct binding_view *view, struct sim_binding *binding,
                 enum behaviour behaviour, bool fulfils)
{
    view->known = true;
    view->exists = binding->exists;
    view->terminating = false;
    view->matches = binding->exists && fulfils;
    view->has_release = behaviour != IGNORED;
    view->look = ++binding->look;
    view->gate = (struct gate_answer){.verdict = GATE_UNKNOWN, .generation = -1};
    if (!binding->exists)
        return;
    view->gate.verdict = verdict_of(world, binding, behaviour);
    view->gate.replicas_wanted = 2;
    if (view->gate.verdict == GATE_SETTLED) {
        view->gate.replicas_ready = view->gate.replicas_available = 2;
        view->gate.progress = 100;
        binding->ever_settled = true;
    }
    if (view->gate.verdict == GATE_FAILED)
        (void)snprintf(view->gate.text, sizeof(view->gate.text), "pod x: back-off");
}

static void look_around(struct world *world, const struct rollout_wants *wants)
{
    for (size_t i = 0; i < 2; i++) {
        struct sim_binding *slot = &world->slot[i];
        const char *content = chosen(world, wants->slot[i].content);
        const bool runs = content != NULL && content[0] != '\0';
        const bool same = !runs || (slot->scaled == wants->slot[i].scaled_by_route &&
                                    slot->replicas == wants->slot[i].replicas);
        const enum behaviour behaviour =
            slot->content[0] != '\0' ? world->behaviour[content_number(slot->content)] : BEHAVES;
        look(world, &world->view.slot[i], slot, behaviour, same && fulfilled(slot, content));
        /* A release is made unless its content is ignored. */
        const char *next = world->rollout.has_next ? world->rollout.next.deployment_digest : NULL;
        world->view.slot[i].has_release =
            next == NULL || world->behaviour[content_number(next)] != IGNORED;
        world->view.slot[i].autoscaler_acts = world->plan.scaled && world->route.list[i];
    }
    look(world, &world->view.route, &world->route, world->route_behaviour,
         route_fulfilled(world, &wants->route));
    world->view.route.has_release = true;
    world->view.route.gate.weights_verified = world->view.route.gate.verdict == GATE_SETTLED;
}

/* --- what must never be ------------------------------------------------------------------- */

static void check_route(struct world *world, const struct rollout_wants *wants)
{
    const struct route_want *route = &wants->route;
    if (route->content != CONTENT_STABLE && route->content != CONTENT_NEXT)
        return;
    cr_assert_eq(route->weight[0] + route->weight[1], 100, "weights %d + %d", route->weight[0],
                 route->weight[1]);
    for (size_t i = 0; i < 2; i++) {
        cr_assert(route->weight[i] >= 0 && route->weight[i] <= 100);
        cr_assert(route->list[i] || route->weight[i] == 0);
        if (route->weight[i] == 0)
            continue;
        cr_assert_neq(wants->slot[i].content, CONTENT_UNDEPLOYED, "weight on a slot that goes");
        /* Raised only onto what was seen ready in this attempt. */
        if (world->route.exists && world->route.content[0] != '\0' &&
            route->weight[i] > world->route.weight[i] && world->rollout.state != ROLLOUT_ROLLBACK &&
            world->rollout.state != ROLLOUT_DEPLOY)
            cr_assert(world->slot[i].ever_settled, "weight on a slot that never was ready: %s",
                      world->log);
    }
}

static void check_stable(const struct world *world, const struct rollout_wants *wants)
{
    const struct rollout *rollout = &world->rollout;
    if (!rollout->has_stable)
        return;
    const size_t stable = rollout->stable_slot == 'b' ? 1 : 0;
    cr_assert_neq(wants->slot[stable].content, CONTENT_UNDEPLOYED);
    if (rollout->has_next && rollout->next_slot != rollout->stable_slot)
        cr_assert_eq(wants->slot[stable].content, CONTENT_STABLE,
                     "the stable slot is overwritten in %s", rollout_state_name(rollout->state));
}

static void check_quarantine(const struct world *world, const struct rollout_wants *wants)
{
    for (size_t q = 0; q < world->quarantine_count; q++) {
        if (!world->rollout.has_next ||
            strcmp(world->rollout.next.deployment_digest, world->quarantined[q]) != 0)
            continue;
        for (size_t i = 0; i < 2; i++)
            cr_assert_neq(wants->slot[i].content, CONTENT_NEXT, "quarantined content is wanted");
    }
}

/* --- rounds ------------------------------------------------------------------------------- */

static void note_result(struct world *world, enum rollout_state before, size_t step)
{
    const struct rollout_result *result = &world->result;
    for (size_t i = 0; i < result->note_count; i++) {
        if (result->notes[i].kind == NOTE_QUARANTINE) {
            say(world, "%squarantine", world->log[0] != '\0' ? " " : "");
            if (world->quarantine_kept)
                (void)memcpy(world->quarantined[world->quarantine_count++], result->notes[i].digest,
                             DIGEST_SHORT + 1);
            cr_assert_lt(world->quarantine_count, 4);
        } else if (result->notes[i].kind == NOTE_ALARM) {
            say(world, "%salarm", world->log[0] != '\0' ? " " : "");
        }
    }
    if (world->rollout.state != before)
        say(world, "%s%s", world->log[0] != '\0' ? " " : "",
            rollout_state_name(world->rollout.state));
    if (world->rollout.state == ROLLOUT_STEP && !world->rollout.verified &&
        (before != ROLLOUT_STEP || world->rollout.step != step))
        say(world, ":%d", world->rollout.weight);
    if (world->rollout.has_next && world->rollout.weight > world->most_weight)
        world->most_weight = world->rollout.weight;
}

static void restart(struct world *world)
{
    json_t *row = rollout_to_json(&world->rollout);
    cr_assert_not_null(row);
    struct rollout restored;
    rollout_init(&restored, "cart", "cartservice", "testing", world->rollout.routed);
    struct error err;
    cr_assert_eq(rollout_from_json(row, &restored, &err), 0, "%s", err.detail);
    rollout_fini(&world->rollout);
    world->rollout = restored;
    rollout_restarted(&world->rollout);
    json_decref(row);
}

void world_round(struct world *world)
{
    struct rollout_view *view = &world->view;
    if (world->restart_each_round) {
        restart(world);
        view->now.mono.ms += 7;
    }
    view->quarantined = false;
    for (size_t i = 0; view->wanted != NULL && i < world->quarantine_count; i++) {
        if (strcmp(view->wanted->deployment_digest, world->quarantined[i]) == 0)
            view->quarantined = true;
    }
    struct rollout_wants wants;
    rollout_wants(&world->rollout, view, &wants);
    look_around(world, &wants);
    const enum rollout_state before = world->rollout.state;
    const size_t step = world->rollout.step;
    rollout_advance(&world->rollout, view, &world->result);
    view->command = COMMAND_NONE;
    check_route(world, &world->result.wants);
    check_stable(world, &world->result.wants);
    check_quarantine(world, &world->result.wants);
    note_result(world, before, step);
    apply(world, &world->result.wants);
}

void world_run(struct world *world, int64_t ms, int64_t tick_ms)
{
    for (int64_t at = 0; at < ms; at += tick_ms) {
        world_round(world);
        world->view.now.mono.ms += tick_ms;
        world->view.now.wall.ms += tick_ms;
        if (world->plan.analysis && world->view.verdict != VERDICT_PROVIDER_ERROR &&
            world->view.verdict != VERDICT_NO_DATA)
            world->view.judged_ms += tick_ms;
    }
}

void world_until(struct world *world, enum rollout_state state, int64_t limit_ms)
{
    for (int64_t at = 0; at < limit_ms; at += 1000) {
        world_run(world, 1000, 1000);
        if (world->rollout.state == state)
            return;
    }
    cr_assert(false, "%s was not reached but %s: %s", rollout_state_name(state),
              rollout_state_name(world->rollout.state), world->log);
}

void world_command(struct world *world, enum rollout_command command)
{
    world->view.command = command;
    world_round(world);
}

void world_clear(struct world *world)
{
    world->log[0] = '\0';
    world->most_weight = 0;
}

void world_with_stable(struct world *world)
{
    world_want(world, 0);
    world_until(world, ROLLOUT_BAKE, 300000);
    world_until(world, ROLLOUT_IDLE, 300000);
    world_run(world, 20000, 1000);
    cr_assert_eq(world->rollout.state, ROLLOUT_IDLE);
    cr_assert_str_eq(world->rollout.stable.deployment_digest, digests[0]);
    world_clear(world);
}

void world_canary(struct world *world)
{
    world_start(world, true, STRATEGY_CANARY, false);
    world_with_stable(world);
}

void world_until_first_step(struct world *world)
{
    world_want(world, 1);
    world_until(world, ROLLOUT_STEP, 60000);
}
