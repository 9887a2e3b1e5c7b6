/* The judge's questions, one at a time, and what becomes of their answers. */
#include "config/base/text.h"
#include "reconciler/engine/emit.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/trial.h"
#include "reconciler/engine/trial_query.h"
#include "reconciler/engine/trial_row.h"
#include "reconciler/engine/unit.h"

#include <errno.h>

/* A window that could not be had for so long is left out: sources forget. */
#define GIVE_UP DURATION_S(600)

/* The stable release's windows before a flip that the bake is compared with. */
#define BASELINE_WINDOWS 10

/* The names on the data plane come with the next looks; without them a source can only try. */
#define NAMES_PATIENCE DURATION_S(30)

/* --- asking -------------------------------------------------------------------------------------
 */

static void send(struct engine *engine, struct trial *trial)
{
    struct effect effect = {.kind = EFFECT_QUERY_METRICS};
    trial->request = ++engine->last_request;
    effect.as.metrics.id = trial->request;
    effect.as.metrics.query = json_incref(trial->asked);
    emit_effect(engine, &effect);
}

/* Durable first: after a death the same is asked again. */
static void ask(struct engine *engine, struct track *track, struct trial *next, json_t *query)
{
    if (query == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    next->asked = query;
    trial_row_put(engine, track, next);
    json_decref(query);
    if (engine->status == 0)
        send(engine, track->trial);
}

/* False: not yet, they come with a look. */
static bool has_names(struct engine *engine, struct trial *trial)
{
    if (trial_query_knows_names(trial->track))
        return true;
    if (trial->names_due.ms == 0)
        trial->names_due.ms = engine->now.mono.ms + NAMES_PATIENCE.ms;
    return trial->names_due.ms <= engine->now.mono.ms;
}

/* The new release has a part in it. */
static bool has_canary(const struct trial *trial, struct judge_window window)
{
    const struct rollout *rollout = &trial->track->rollout;
    return trial->judge.weight > 0 &&
           !(trial_has_baseline(rollout) && window.from.ms < trial->judge.step_from.ms);
}

static struct mono_time ask_window(struct engine *engine, struct track *track)
{
    struct trial *trial = track->trial, next = *trial;
    struct judge_window window;
    if (!judge_plan(&next.judge, engine->now.wall, &window)) {
        const int64_t ready =
            next.judge.until.ms + next.judge.settings.window.ms + next.judge.settings.lag.ms;
        int64_t wait = ready - engine->now.wall.ms;
        if (wait > 60000) /* the clock may have been set back */
            wait = 60000;
        return (struct mono_time){engine->now.mono.ms + wait};
    }
    if (!has_names(engine, trial))
        return trial->names_due;
    ask(engine, track, &next, trial_query_window(engine, track, window, has_canary(trial, window)));
    return (struct mono_time){NEVER};
}

struct mono_time trial_pump(struct engine *engine, struct track *track)
{
    struct trial *trial = track->trial;
    const struct mono_time never = {NEVER};
    if (trial == NULL || trial->request != 0 || !track_is_live(track) ||
        !trial_is_forward(&track->rollout))
        return never;
    if (trial->due.ms > engine->now.mono.ms)
        return trial->due;
    if (trial->asked != NULL) {
        send(engine, trial);
        return never;
    }
    if (!trial->judging) {
        if (rollout_effective(&track->rollout) == ROLLOUT_PREPARE)
            return never; /* nothing can be judged before the new release is deployed */
        if (!has_names(engine, trial))
            return trial->names_due;
        struct trial next = *trial;
        ask(engine, track, &next, trial_query_history(engine, track));
        return never;
    }
    return trial->looking && trial->judge.metric_count > 0 ? ask_window(engine, track) : never;
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void later(struct engine *engine, struct trial *trial, const struct error *err)
{
    trial->due = request_backoff(engine, trial->failures, err);
}

static void say_judging(struct engine *engine, const struct track *track)
{
    const struct trial *trial = track->trial;
    const json_t *metrics = json_object_get(trial->source, "metrics");
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        const json_t *metric = json_array_get(metrics, i);
        const char *message = json_text_or(json_object_get(metric, "message"), NULL);
        if (message == NULL)
            continue;
        history_publish(engine, PUBLISH_WARNING, "metric-left-out",
                        &(struct history_about){.cell = track->unit->name,
                                                .component = track->component,
                                                .target = track->target},
                        "%s of %s on %s is %s", json_text_or(json_object_get(metric, "name"), ""),
                        track->component, track->target, message);
    }
}

/* The judge takes its seat. A blue-green rollout is compared with what the stable release had just
 * before, so that its windows begin earlier. */
static void take_history(struct engine *engine, struct track *track, const json_t *answer)
{
    const struct rollout *rollout = &track->rollout;
    struct trial next = *track->trial;
    double rho = -1;
    json_t *source = trial_query_learn(next.source, answer, &rho);
    if (source == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    next.source = source;
    next.asked = NULL;
    next.judging = true;
    next.failures = 0;
    next.empty = false;
    if (answer != NULL)
        next.error[0] = '\0';
    struct wall_time start = rollout->started;
    if (trial_has_baseline(rollout)) {
        const int64_t interval = json_integer_value(json_object_get(next.source, "interval_ms"));
        start.ms -= BASELINE_WINDOWS * interval;
        if (start.ms < rollout->stable.baked_wall_ms)
            start.ms = rollout->stable.baked_wall_ms;
        next.looking = true;
    }
    if (start.ms > engine->now.wall.ms)
        start = engine->now.wall;
    (void)trial_query_seat(source, rho, start, &next.judge);
    trial_row_put(engine, track, &next);
    json_decref(source);
    if (engine->status == 0)
        say_judging(engine, track);
}

static void count(struct engine *engine, struct track *track, const json_t *answer)
{
    struct trial next = *track->trial;
    struct judge *judge = &next.judge;
    const struct judge_window window = judge->pending;
    struct judge_counts counts[JUDGE_METRICS_LIMIT];
    next.asked = NULL;
    const bool any = trial_query_counts(&next, answer, counts);
    const bool reached = any && trial_query_warm_up(&next, counts);
    if (any && judge_count(judge, window, counts) == JUDGE_COUNTED) {
        next.failures = 0;
        next.empty = false;
        next.error[0] = '\0';
        next.warm = next.warm || reached;
        next.windows++;
        if (next.standing && window.from.ms >= judge->step_from.ms)
            next.step_ms += window.to.ms - window.from.ms;
    } else {
        /* Left out: neither good nor bad. */
        judge_failed(judge, window, true);
        next.failures++;
        next.empty = !any;
        text_put(next.error, sizeof next.error,
                 any ? "the source answered with numbers that cannot be"
                     : "the source has no data of this window");
    }
    trial_row_put(engine, track, &next);
}

static void fail(struct engine *engine, struct track *track, const struct error *err)
{
    struct trial next = *track->trial;
    next.failures++;
    next.empty = false;
    text_put(next.error, sizeof next.error, "%.250s", err == NULL ? "no answer" : err->detail);
    if (next.judging) {
        const struct judge_window window = next.judge.pending;
        const bool old = engine->now.wall.ms - window.to.ms > GIVE_UP.ms;
        judge_failed(&next.judge, window, old);
        next.asked = old ? NULL : next.asked;
    }
    trial_row_put(engine, track, &next);
    later(engine, track->trial, err);
    if (next.failures == TRIAL_PATIENCE)
        history_publish(engine, PUBLISH_WARNING, "metrics-unreadable",
                        &(struct history_about){.cell = track->unit->name,
                                                .component = track->component,
                                                .target = track->target},
                        "the metrics of %s on %s cannot be read: %s", track->component,
                        track->target, next.error);
}

static struct track *asking(const struct engine *engine, uint64_t id)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        for (size_t k = 0; k < engine->units[i]->track_count; k++) {
            struct track *track = engine->units[i]->tracks[k];
            if (track->trial != NULL && track->trial->request == id)
                return track;
        }
    }
    return NULL;
}

void trial_answer(struct engine *engine, const struct engine_event *event)
{
    struct track *track = event->as.metrics.id == 0 ? NULL : asking(engine, event->as.metrics.id);
    if (track == NULL)
        return; /* late, or twice */
    struct trial *trial = track->trial;
    const json_t *answer = event->as.metrics.answer;
    trial->request = 0;
    trial->due = (struct mono_time){0};
    engine->progress++;
    unit_queue(engine, track->unit);
    if (trial->asked == NULL)
        return; /* forgotten meanwhile */
    if (json_is_object(answer) && trial->judging)
        count(engine, track, answer);
    else if (json_is_object(answer))
        take_history(engine, track, answer);
    else if (trial->judging || trial->failures + 1 < TRIAL_PATIENCE)
        fail(engine, track, event->as.metrics.error);
    else
        take_history(engine, track, NULL);
}
