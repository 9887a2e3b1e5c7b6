#include "daemon/celld/core.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "daemon/celld/assembly.h"
#include "daemon/celld/core_parts.h"

#include <stdlib.h>

static void tell_failure(uv_timer_t *timer)
{
    struct core *core = timer->data;
    core->hooks.failed(core->hooks.context, &core->error);
}

void core_fail(void *context, const struct error *err)
{
    struct core *core = context;
    if (core->failed)
        return;
    core->failed = true;
    core->error = *err;
    CHECK(uv_timer_start(&core->failure, tell_failure, 0, 0) == 0);
}

void core_step(void *context, const struct engine_event *event)
{
    struct core *core = context;
    struct effect_list effects;
    if (core->failed)
        return;
    effect_list_init(&effects);
    const int result = engine_step(core->engine, event, &effects);
    executor_run(core->executor, &effects);
    effect_list_fini(&effects);
    if (result < 0) {
        struct error err;
        (void)error_no_memory(&err);
        core_fail(core, &err);
    }
    core->hooks.stepped(core->hooks.context);
}

/* --- start ---------------------------------------------------------------------------------- */

static void ignore_stop(void *context)
{
    (void)context;
}

int core_start(uv_loop_t *loop, struct journal *journal, const struct core_options *options,
               const struct core_hooks *hooks, struct core **ret_core, struct error *err)
{
    struct core *core = calloc(1, sizeof(*core));
    if (core == NULL)
        return error_no_memory(err);
    core->loop = loop;
    core->hooks = *hooks;
    core->settings = options->settings;
    CHECK(uv_timer_init(loop, &core->wake) == 0 && uv_timer_init(loop, &core->failure) == 0);
    core->wake.data = core;
    core->failure.data = core;
    const int result = assembly_make(core, journal, options, err);
    if (result < 0) {
        core_stop(core, ignore_stop, NULL);
        return result;
    }
    const struct engine_event start = {.kind = EVENT_START, .now = executor_now()};
    core_step(core, &start);
    *ret_core = core;
    return 0;
}

/* --- questions and commands ----------------------------------------------------------------- */

const struct engine *core_engine(const struct core *core)
{
    return core->engine;
}

struct repository_counters core_fetches(const struct core *core)
{
    return repository_counters(core->repository);
}

struct notices_counters core_notices(const struct core *core)
{
    return notices_counters(core->notices);
}

struct sources_counters core_questions(const struct core *core)
{
    return sources_counters(core->sources);
}

bool core_is_idle(const struct core *core)
{
    return executor_is_idle(core->executor);
}

void core_command(struct core *core, uint64_t id, const char *verb, const json_t *arguments,
                  const char *operator_name)
{
    struct engine_event event = {.kind = EVENT_COMMAND, .now = executor_now()};
    event.as.command.id = id;
    event.as.command.verb = verb;
    event.as.command.arguments = arguments;
    event.as.command.operator_name = operator_name;
    core_step(core, &event);
}

/* `commit` names what was read for the question; NULL = what is watched. */
static void reply_plan(struct core *core, uint64_t id, struct manifest_set *set,
                       const struct object_id *commit)
{
    OWNED_JSON *plan = engine_plan(core->engine, set, executor_now());
    if (plan != NULL && commit != NULL)
        (void)json_object_set_new(plan, "revision", json_string(commit->hex));
    core->hooks.replied(core->hooks.context, id, plan != NULL, plan);
}

static void drop_question(struct plan_question *question)
{
    struct plan_question **place = &question->core->questions;
    while (*place != question)
        place = &(*place)->next;
    *place = question->next;
    free(question);
}

static void on_revision_read(void *context, const struct object_id *commit,
                             struct manifest_set *set, const struct error *err)
{
    struct plan_question *question = context;
    struct core *core = question->core;
    if (set != NULL) {
        reply_plan(core, question->id, set, commit);
    } else {
        OWNED_JSON *body =
            json_pack("{s:s, s:s}", "kind", error_kind_name(err->kind), "message", err->detail);
        core->hooks.replied(core->hooks.context, question->id, false, body);
    }
    drop_question(question);
}

int core_plan(struct core *core, uint64_t id, const char *ref, struct error *err)
{
    if (ref == NULL) {
        reply_plan(core, id, NULL, NULL);
        return 0;
    }
    struct plan_question *question = calloc(1, sizeof(*question));
    if (question == NULL)
        return error_no_memory(err);
    *question = (struct plan_question){.next = core->questions, .core = core, .id = id};
    core->questions = question;
    const int result = repository_read(core->repository, ref, on_revision_read, question, err);
    if (result < 0)
        drop_question(question);
    return result;
}

const char *core_warning(const struct core *core)
{
    return client_is_plaintext(core->client)
               ? "the control plane is reached without TLS: whoever is on the way can read and "
                 "change everything"
               : NULL;
}

/* --- stop ----------------------------------------------------------------------------------- */

static void part_stopped(void *context)
{
    struct core *core = context;
    if (--core->parts > 0)
        return;
    void (*stopped)(void *context) = core->stopped;
    void *stopped_context = core->stopped_context;
    (void)engine_free(core->engine);
    (void)credentials_free(core->credentials);
    while (core->questions != NULL) {
        struct plan_question *next = core->questions->next;
        free(core->questions);
        core->questions = next;
    }
    free(core);
    stopped(stopped_context);
}

static void handle_closed(uv_handle_t *handle)
{
    part_stopped(handle->data);
}

void core_stop(struct core *core, void (*stopped)(void *context), void *context)
{
    core->failed = true;
    core->stopped = stopped;
    core->stopped_context = context;
    core->parts = 2u + (core->client != NULL) + (core->repository != NULL) +
                  (core->sources != NULL) + (core->notices != NULL);
    core->executor = executor_free(core->executor);
    uv_close((uv_handle_t *)&core->wake, handle_closed);
    uv_close((uv_handle_t *)&core->failure, handle_closed);
    if (core->repository != NULL)
        repository_stop(core->repository, part_stopped, core);
    if (core->notices != NULL)
        notices_close(core->notices, part_stopped, core);
    if (core->sources != NULL)
        sources_close(core->sources, part_stopped, core);
    if (core->client != NULL)
        client_close(core->client, part_stopped, core);
}
