#include "tests/simulation/law_intent.h"

#include "config/base/json.h"
#include "tests/simulation/entry.h"
#include "tests/simulation/law_track.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- I1, I3 -------------------------------------------------------------------------------------
 */

static void run_is_named(struct law *law, const struct law_writing *writing)
{
    for (size_t i = 0; i < law->world->row_count; i++) {
        const struct world_row *row = &law->world->rows[i];
        if ((strncmp(row->key, "gate/", 5) == 0 || strncmp(row->key, "build/", 6) == 0) &&
            entry_is(row->value, "run", writing->name))
            return;
    }
    law_break(law, "I1", "no gate's or build's row names the run %s", writing->name);
}

/* No write without a durable intent before it. */
static void i1_intent(struct law *law, const struct law_writing *writing)
{
    char key[256];
    law->checks++;
    if (writing->kind == KIND_WORKFLOW_RUN) {
        run_is_named(law, writing);
        return;
    }
    snprintf(key, sizeof key, "intent/%s", writing->key);
    const char verb = writing->generate                        ? 'G'
                      : strcmp(writing->method, "POST") == 0   ? 'P'
                      : strcmp(writing->method, "DELETE") == 0 ? 'D'
                                                               : 'U';
    const json_t *row = law_row(law, key);
    const char *durable = json_text_or(json_object_get(row, "verb"), "none");
    if (durable[0] != verb)
        law_break(law, "I1", "%s %s: the durable intent is %s", writing->method, writing->key,
                  durable);
}

/* One mutating request per object at a time. */
static void i3_alone(struct law *law, const struct law_writing *writing)
{
    law->checks++;
    for (size_t i = 0; i < law->world->request_count; i++) {
        const struct world_request *request = law->world->requests[i];
        struct law_writing other;
        if (request->write > 0 && !request->abandoned &&
            law_writing_read(request->method, request->path, request->body, &other) &&
            strcmp(other.key, writing->key) == 0)
            law_break(law, "I3", "a second %s of %s while a %s is under way", writing->method,
                      writing->key, other.method);
    }
}

/* --- S19: read back -----------------------------------------------------------------------------
 */

static bool is_open(const struct law *law, const char *key, size_t *ret_at)
{
    for (size_t i = 0; i < law->open_count; i++) {
        if (strcmp(law->open[i], key) == 0) {
            *ret_at = i;
            return true;
        }
    }
    return false;
}

/* What became of the last write is known before the next one, be it by reading it. */
static void s19_read_back(struct law *law, const struct law_writing *writing)
{
    size_t at;
    /* A run has its name for itself: taking it away twice is the same as once. */
    const bool idempotent =
        writing->kind == KIND_WORKFLOW_RUN && strcmp(writing->method, "DELETE") == 0;
    law->checks++;
    if (!idempotent && is_open(law, writing->key, &at)) {
        law_break(law, "S19", "%s of %s, and nobody knows what became of the write before",
                  writing->method, writing->key);
        return;
    }
    if (law->open_count < LAW_OPEN && !is_open(law, writing->key, &at))
        snprintf(law->open[law->open_count++], sizeof law->open[0], "%.159s", writing->key);
}

void law_intent_heard(struct law *law, const struct world_request *request)
{
    const struct engine_event *answer = &request->answer;
    struct law_writing about;
    size_t at;
    if (answer->kind != EVENT_ANSWER || answer->as.answer.outcome == ANSWER_UNKNOWN ||
        !law_writing_read(request->method, request->path, request->body, &about))
        return;
    const bool read = strcmp(request->method, "GET") == 0;
    const bool told = answer->as.answer.outcome == ANSWER_RECEIVED &&
                      (answer->as.answer.status == 200 || answer->as.answer.status == 404);
    if ((!read || told) && is_open(law, about.key, &at))
        memmove(law->open[at], law->open[--law->open_count], sizeof law->open[0]);
}

/* --- S19: journaled -----------------------------------------------------------------------------
 */

static const char *release_in(const json_t *row, const char *content, const char *spec)
{
    return json_text_or(json_at(row, content, spec, "releaseName", NULL), "");
}

/* A slot gets nothing but what the rollout's row says. */
static void s19_slot(struct law *law, const json_t *row, const char *component, const json_t *spec)
{
    const size_t length = strlen(component);
    const char *slot =
        length > 1 && strcmp(component + length - 2, "-b") == 0 ? "slot_b" : "slot_a";
    const char *release = json_text_or(json_object_get(spec, "releaseName"), "");
    if (strcmp(release, release_in(row, "stable", slot)) != 0 &&
        strcmp(release, release_in(row, "next", slot)) != 0)
        law_break(law, "S19", "%s is to carry %s, and the journal does not say so", component,
                  release);
}

static int64_t weight_in_row(const json_t *row)
{
    const char *state = entry_effective(row);
    if (strcmp(state, "step") == 0)
        return entry_number(row, "weight");
    return strcmp(state, "route") == 0 || strcmp(state, "bake") == 0 ? 100 : 0;
}

/* A route gives the new slot what the row says, no more and no less. */
static void s19_route(struct law *law, const json_t *row, const char *component,
                      const json_t *backends)
{
    const char next = entry_slot(row, "next_slot");
    if (!entry_flag(row, "has_next") || !entry_flag(row, "has_stable") ||
        next == entry_slot(row, "stable_slot"))
        return;
    int64_t weight = 0;
    for (size_t i = 0; i < json_array_size(backends); i++) {
        const json_t *backend = json_array_get(backends, i);
        const char *name = json_text_or(json_object_get(backend, "name"), "");
        if (name[0] != '\0' && name[strlen(name) - 1] == next)
            weight += entry_number(backend, "weight");
    }
    if (weight != weight_in_row(row))
        law_break(law, "S19", "%s gives slot %c %" PRId64 " percent, the journal says %" PRId64,
                  component, next, weight, weight_in_row(row));
}

static void s19_binding(struct law *law, const struct law_writing *writing)
{
    const json_t *spec = json_object_get(writing->body, "spec");
    const char *component = json_text_or(json_at(spec, "owner", "componentName", NULL), "");
    const struct plot *plot;
    const struct part *part = monorepo_part(law->good, component, &plot);
    law->checks++;
    if (part == NULL || entry_is(spec, "state", "Undeploy"))
        return;
    char key[200];
    snprintf(key, sizeof key, "rollout/%s/%s/%s", plot->name, part->name,
             json_text_or(json_object_get(spec, "environment"), ""));
    const json_t *row = law_row(law, key);
    const bool route = part->type == PART_SERVICE && strcmp(component, part->name) == 0;
    const json_t *configs = json_object_get(spec, "componentTypeEnvironmentConfigs");
    if (route && json_array_size(json_object_get(configs, "backends")) == 0)
        return; /* an address bears no release */
    if (row == NULL)
        law_break(law, "S19", "%s is bound, and the journal has no rollout of it", component);
    else if (route)
        s19_route(law, row, component,
                  json_at(spec, "componentTypeEnvironmentConfigs", "backends", NULL));
    else
        s19_slot(law, row, component, spec);
}

void law_intent_write(struct law *law, const struct law_writing *writing)
{
    i1_intent(law, writing);
    i3_alone(law, writing);
    s19_read_back(law, writing);
    if (writing->kind == KIND_RELEASE_BINDING && strcmp(writing->method, "DELETE") != 0)
        s19_binding(law, writing);
}
