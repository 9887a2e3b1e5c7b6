#include "tests/simulation/weather.h"

#include "config/base/check.h"

#include <string.h>

static const char *const names[] = {
    [FAULT_REFUSED] = "refused",
    [FAULT_LOST_ANSWER] = "lost-answer",
    [FAULT_NEVER_SEEN] = "never-seen",
    [FAULT_LATE_ERROR] = "late-error",
    [FAULT_CONFLICT] = "conflict",
    [FAULT_THROTTLED] = "throttled",
    [FAULT_UNAVAILABLE] = "unavailable",
    [FAULT_SLOW] = "slow",
    [FAULT_REORDERED] = "reordered",
    [FAULT_STALE] = "stale",
    [FAULT_TORN] = "torn",
    [FAULT_SHORT_LIST] = "short-list",
    [FAULT_EMPTY_LIST] = "empty-list",
    [FAULT_CURSOR_LOOP] = "cursor-loop",
    [FAULT_HTML] = "html",
    [FAULT_STALL] = "stall",
    [FAULT_STALL_DATA] = "stall-data",
    [FAULT_SLOW_PODS] = "slow-pods",
    [FAULT_STORAGE] = "storage",
    [FAULT_KILL] = "kill",
    [FAULT_KILL_WRITE] = "kill-write",
    [FAULT_DOWNTIME] = "downtime",
    [FAULT_CLOCK] = "clock",
    [FAULT_REPOSITORY] = "repository",
    [FAULT_DRIFT] = "drift",
    [FAULT_METRICS_EMPTY] = "metrics-empty",
    [FAULT_METRICS_NAN] = "metrics-nan",
    [FAULT_METRICS_LATE] = "metrics-late",
    [FAULT_METRICS_TWICE] = "metrics-twice",
    [FAULT_METRICS_RESET] = "metrics-reset",
    [FAULT_METRICS_LABELS] = "metrics-labels",
    [FAULT_METRICS_ERROR] = "metrics-error",
    [FAULT_WEIGHT_SLOW] = "weight-slow",
    [FAULT_WEIGHT_STUCK] = "weight-stuck",
    [FAULT_CRASH] = "crash",
    [FAULT_STABLE_DIES] = "stable-dies",
    [FAULT_PEOPLE] = "people",
};
_Static_assert(sizeof names / sizeof *names == FAULT_COUNT, "every fault has a name");

const char *fault_name(enum fault fault)
{
    return names[fault];
}

int fault_find(const char *name)
{
    for (int i = 0; i < FAULT_COUNT; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

void weather_init(struct weather *weather, uint64_t seed, const bool *allowed)
{
    *weather = (struct weather){.chance = chance_stream(seed, 2)};
    const unsigned kind = chance_below(&weather->chance, 10);
    weather->extreme = kind == 9;
    weather->rate = weather->extreme ? 25 : 1 + chance_below(&weather->chance, 10);
    for (int i = 0; i < FAULT_COUNT; i++) {
        const bool acts = kind != 0 && (weather->extreme || chance_percent(&weather->chance, 30));
        weather->acts[i] = acts && (allowed == NULL || allowed[i]);
    }
}

/* From now on the gateway takes weights up after this time. */
static void follow(struct weather *weather, int64_t lag_ms)
{
    weather->traffic->lag_ms = lag_ms;
    weather->traffic->version = 0;
}

void weather_settle(struct weather *weather)
{
    if (weather->traffic->lag_ms != 0 && weather->world->now_ms >= weather->unsteady_ms)
        follow(weather, 0);
}

void weather_end(struct weather *weather)
{
    weather->calm = true;
    platform_fault_clear(weather->world->platform);
    weather->unsteady_ms = 0;
    weather_settle(weather);
    /* The clock is right again, too: windows of another time would count other traffic. */
    weather->world->wall_offset_ms = world_platform_now(weather->world) - weather->world->now_ms;
}

/* --- single requests ----------------------------------------------------------------------------
 */

static void arm(const struct weather *weather, enum platform_fault_kind kind, int64_t parameter)
{
    platform_fault_add(weather->world->platform,
                       &(struct platform_fault){.kind = kind, .count = 1, .parameter = parameter});
}

/* Which faults make sense for a read, a list, a write. */
static bool fits(enum fault fault, const struct world_request *request)
{
    const bool list = strcmp(request->method, "LIST") == 0, write = request->write > 0;
    switch (fault) {
    case FAULT_REFUSED:
    case FAULT_NEVER_SEEN:
    case FAULT_THROTTLED:
    case FAULT_UNAVAILABLE:
    case FAULT_SLOW:
    case FAULT_TORN:
    case FAULT_HTML:
        return true;
    case FAULT_LOST_ANSWER:
    case FAULT_LATE_ERROR:
        return write;
    case FAULT_CONFLICT:
        return strcmp(request->method, "PUT") == 0;
    case FAULT_STALE:
        return !list && !write;
    case FAULT_SHORT_LIST:
    case FAULT_EMPTY_LIST:
    case FAULT_CURSOR_LOOP:
        return list;
    case FAULT_REORDERED:
    case FAULT_STALL:
    case FAULT_STALL_DATA:
    case FAULT_SLOW_PODS:
    case FAULT_STORAGE:
    case FAULT_KILL:
    case FAULT_KILL_WRITE:
    case FAULT_DOWNTIME:
    case FAULT_CLOCK:
    case FAULT_REPOSITORY:
    case FAULT_DRIFT:
    case FAULT_METRICS_EMPTY:
    case FAULT_METRICS_NAN:
    case FAULT_METRICS_LATE:
    case FAULT_METRICS_TWICE:
    case FAULT_METRICS_RESET:
    case FAULT_METRICS_LABELS:
    case FAULT_METRICS_ERROR:
    case FAULT_WEIGHT_SLOW:
    case FAULT_WEIGHT_STUCK:
    case FAULT_CRASH:
    case FAULT_STABLE_DIES:
    case FAULT_PEOPLE:
        return false;
    }
    CHECK_UNREACHABLE();
}

static enum world_fate strike(struct weather *weather, enum fault fault)
{
    struct chance *chance = &weather->chance;
    static const struct {
        enum platform_fault_kind kind;
        int64_t low, high;
    } armed[FAULT_COUNT] = {
        [FAULT_LATE_ERROR] = {PLATFORM_FAULT_LATE_ERROR, 502, 504},
        [FAULT_CONFLICT] = {PLATFORM_FAULT_CONFLICT, 0, 0},
        [FAULT_THROTTLED] = {PLATFORM_FAULT_RETRY_AFTER, 1, 5},
        [FAULT_UNAVAILABLE] = {PLATFORM_FAULT_STATUS, 502, 504},
        [FAULT_SLOW] = {PLATFORM_FAULT_DELAY, 500, 20000},
        [FAULT_STALE] = {PLATFORM_FAULT_STALE, 1, 3},
        [FAULT_TORN] = {PLATFORM_FAULT_TORN, 0, 0},
        [FAULT_SHORT_LIST] = {PLATFORM_FAULT_SHORT_LIST, 1, 4},
        [FAULT_EMPTY_LIST] = {PLATFORM_FAULT_EMPTY_LIST, 0, 0},
        [FAULT_CURSOR_LOOP] = {PLATFORM_FAULT_CURSOR_LOOP, 0, 0},
        [FAULT_HTML] = {PLATFORM_FAULT_HTML, 0, 0},
    };
    weather->hits[fault]++;
    if (fault == FAULT_REFUSED)
        return WORLD_NOT_SENT;
    if (fault == FAULT_LOST_ANSWER)
        return WORLD_ANSWER_LOST;
    if (fault == FAULT_NEVER_SEEN)
        return WORLD_NEVER_SEEN;
    arm(weather, armed[fault].kind, chance_between(chance, armed[fault].low, armed[fault].high));
    return WORLD_ARRIVES;
}

enum world_fate weather_fate(struct weather *weather, const struct world_request *request)
{
    if (weather->calm || strcmp(request->method, "METRICS") == 0)
        return WORLD_ARRIVES; /* of metrics, the source itself may be wrong */
    platform_fault_clear(weather->world->platform);
    if (!chance_percent(&weather->chance, weather->rate))
        return WORLD_ARRIVES;
    /* Writes are few: they get more than one draw. */
    for (int draws = request->write > 0 ? 4 : 1; draws > 0; draws--) {
        const enum fault fault = (enum fault)chance_below(&weather->chance, FAULT_METRICS_EMPTY);
        if (weather->acts[fault] && fits(fault, request))
            return strike(weather, fault);
    }
    return WORLD_ARRIVES;
}

int64_t weather_delay(struct weather *weather, const struct world_request *request)
{
    (void)request;
    if (weather->calm || !weather->acts[FAULT_REORDERED])
        return 0;
    weather->hits[FAULT_REORDERED]++;
    return chance_between(&weather->chance, 0, chance_percent(&weather->chance, 5) ? 4000 : 80);
}

enum traffic_lie weather_lie(void *context)
{
    static const enum traffic_lie lies[] = {TRAFFIC_EMPTY, TRAFFIC_NAN,   TRAFFIC_LATE,
                                            TRAFFIC_TWICE, TRAFFIC_RESET, TRAFFIC_LABELS,
                                            TRAFFIC_ERROR};
    struct weather *weather = context;
    if (!weather->calm && weather->world->now_ms < weather->blind_ms)
        return TRAFFIC_ERROR;
    if (weather->calm || !chance_percent(&weather->chance, 40))
        return TRAFFIC_TRUTH;
    const unsigned which = chance_below(&weather->chance, sizeof lies / sizeof *lies);
    const enum fault fault = (enum fault)(FAULT_METRICS_EMPTY + (int)which);
    if (!weather->acts[fault])
        return TRAFFIC_TRUTH;
    weather->hits[fault]++;
    return lies[which];
}

/* --- all around ---------------------------------------------------------------------------------
 */

static int64_t wall(struct world *world)
{
    return world_platform_now(world); /* the control plane's own */
}

static void die_soon(struct weather *weather, enum fault fault)
{
    struct world *world = weather->world;
    struct chance *chance = &weather->chance;
    if (fault == FAULT_KILL && chance_percent(chance, 50)) {
        world->kill_at_effect = world->effects + 1 + chance_below(chance, 40);
    } else if (fault == FAULT_KILL) {
        world->kill_at_event = world->events + 1 + chance_below(chance, 40);
    } else if (fault == FAULT_STORAGE) {
        world->crash = WORLD_CRASH_UNPERSISTED;
        world->crash_at = world->persists + 1 + chance_below(chance, 10);
    } else {
        world->crash =
            (enum world_crash)chance_between(chance, WORLD_CRASH_UNSENT, WORLD_CRASH_ANSWERED);
        world->crash_at = world->writes + 1 + chance_below(chance, 4);
    }
    if (weather->acts[FAULT_DOWNTIME] && chance_percent(chance, 50)) {
        weather->hits[FAULT_DOWNTIME]++;
        world->downtime_ms =
            chance_between(chance, 1000, chance_percent(chance, 30) ? 3600000 : 60000);
    }
}

void weather_gust(struct weather *weather)
{
    static const enum fault gusts[] = {FAULT_STALL,        FAULT_STALL_DATA,   FAULT_SLOW_PODS,
                                       FAULT_STORAGE,      FAULT_KILL,         FAULT_KILL_WRITE,
                                       FAULT_CLOCK,        FAULT_REPOSITORY,   FAULT_WEIGHT_SLOW,
                                       FAULT_WEIGHT_STUCK, FAULT_METRICS_ERROR};
    struct world *world = weather->world;
    struct chance *chance = &weather->chance;
    const enum fault fault = gusts[chance_below(chance, sizeof gusts / sizeof *gusts)];
    if (weather->calm || !weather->acts[fault])
        return;
    weather->hits[fault]++;
    const int64_t until = chance_between(chance, 2000, 40000);
    if (fault == FAULT_STALL) {
        platform_stall(world->platform, wall(world) + until);
        weather->disturbed_ms = world->now_ms + until;
    } else if (fault == FAULT_STALL_DATA) {
        platform_stall_data_plane(world->platform, wall(world) + until);
        weather->disturbed_ms = world->now_ms + until;
    } else if (fault == FAULT_SLOW_PODS) {
        platform_image_rule(world->platform, "*api:*", PLATFORM_IMAGE_SLOW, until);
        platform_image_rule(world->platform, "*broken*", PLATFORM_IMAGE_NEVER_READY, 0);
    } else if (fault == FAULT_WEIGHT_SLOW || fault == FAULT_WEIGHT_STUCK) {
        follow(weather, fault == FAULT_WEIGHT_SLOW ? until : INT64_MAX);
        weather->unsteady_ms = world->now_ms + 5 * until;
    } else if (fault == FAULT_METRICS_ERROR) {
        weather->blind_ms = world->now_ms + 6 * until;
    } else if (fault == FAULT_CLOCK) {
        world->wall_offset_ms += chance_percent(chance, 50) ? until * 90 : -until * 90;
    } else if (fault == FAULT_REPOSITORY) {
        world_repository_failed(world, "Unreachable");
    } else {
        die_soon(weather, fault);
    }
}
