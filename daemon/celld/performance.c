#include "daemon/celld/performance.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "daemon/log/log.h"

static void on_wake(uv_timer_t *timer)
{
    const struct engine_event tick = {.kind = EVENT_TICK, .now = executor_now()};
    core_step(timer->data, &tick);
}

static void set_wake(struct core *core, struct mono_time at)
{
    const int64_t now = executor_now().mono.ms;
    uv_update_time(core->loop);
    if (at.ms == INT64_MAX)
        CHECK(uv_timer_stop(&core->wake) == 0);
    else
        CHECK(uv_timer_start(&core->wake, on_wake, at.ms > now ? (uint64_t)(at.ms - now) : 0, 0) ==
              0);
}

static enum log_level log_level_of(enum publish_level level)
{
    switch (level) {
    case PUBLISH_INFO:
        return LOG_LEVEL_INFO;
    case PUBLISH_NOTICE:
        return LOG_LEVEL_NOTICE;
    case PUBLISH_WARNING:
        return LOG_LEVEL_WARNING;
    case PUBLISH_ERROR:
        return LOG_LEVEL_ERROR;
    }
    CHECK_UNREACHABLE();
}

static void publish(struct core *core, const struct effect *effect)
{
    const struct log_subject subject = {
        .cell = effect->as.publish.cell,
        .component = effect->as.publish.component,
        .target = effect->as.publish.target,
        .revision = effect->as.publish.revision,
        .rollout = effect->as.publish.rollout,
        .event = effect->as.publish.type,
    };
    log_write(log_level_of(effect->as.publish.level), &subject, "%s", effect->as.publish.message);
    const json_t *sequence = json_at(effect->as.publish.data, "sequence", NULL);
    if (!json_is_integer(sequence))
        return; /* not kept: for the log only */
    const uint64_t number = (uint64_t)json_integer_value(sequence);
    struct packed *event = engine_event(core->engine, number);
    if (event != NULL)
        core->hooks.published(core->hooks.context, number, event);
}

void performance_answered(void *context, uint64_t id, const json_t *answer, const struct error *err)
{
    struct engine_event event = {.kind = EVENT_METRICS, .now = executor_now()};
    event.as.metrics.id = id;
    event.as.metrics.answer = answer;
    event.as.metrics.error = err;
    if (err != NULL)
        log_write(LOG_LEVEL_DEBUG, NULL, "metrics: %s", err->detail);
    core_step(context, &event);
}

static void query_metrics(struct core *core, const struct effect *effect)
{
    struct error err = {0};
    if (sources_ask(core->sources, effect->as.metrics.id, effect->as.metrics.query, &err) < 0)
        performance_answered(core, effect->as.metrics.id, NULL, &err);
}

/* The event that came with it stands in history, stream and log. */
static void tell_commit_status(struct core *core, const struct effect *effect)
{
    char at[WALL_TIME_TEXT_SIZE];
    wall_time_format(executor_now().wall, at);
    notices_post(core->notices,
                 json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "type", "commit-status", "at", at,
                           "repository", core->settings->repository.url.text, "revision",
                           effect->as.commit_status.revision, "context",
                           effect->as.commit_status.context, "state",
                           effect->as.commit_status.state, "message",
                           effect->as.commit_status.message));
}

void performance_of(void *context, const struct effect *effect)
{
    struct core *core = context;
    switch (effect->kind) {
    case EFFECT_WAKE:
        set_wake(core, effect->as.wake.at);
        return;
    case EFFECT_FETCH:
        repository_sync(core->repository);
        return;
    case EFFECT_PIN:
        repository_pin(core->repository, effect->as.pin.name, effect->as.pin.commit);
        return;
    case EFFECT_PUBLISH:
        publish(core, effect);
        return;
    case EFFECT_COMMIT_STATUS:
        tell_commit_status(core, effect);
        return;
    case EFFECT_REPLY:
        core->hooks.replied(core->hooks.context, effect->as.reply.id, effect->as.reply.ok,
                            effect->as.reply.body);
        return;
    case EFFECT_QUERY_METRICS:
        query_metrics(core, effect);
        return;
    case EFFECT_CANCEL:
        sources_cancel(core->sources, effect->as.cancel.id);
        return;
    case EFFECT_PERSIST:
    case EFFECT_REQUEST:
    case EFFECT_LIST:
        break;
    }
    CHECK_UNREACHABLE();
}
