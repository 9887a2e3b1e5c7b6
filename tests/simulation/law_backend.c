#include "tests/simulation/law_backend.h"

#include "config/base/json.h"
#include "reconciler/resource/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char collection[] = "/api/v1/namespaces/acme/releasebindings";

static struct law_loss *loss_of(struct law *law, const char *binding)
{
    for (size_t i = 0; i < law->loss_count; i++) {
        if (strcmp(law->losses[i].binding, binding) == 0)
            return &law->losses[i];
    }
    return NULL;
}

void law_backend_deleted(struct law *law, const char *binding)
{
    struct law_loss *loss = loss_of(law, binding);
    if (loss == NULL && law->loss_count == LAW_LOSSES)
        return;
    if (loss == NULL)
        loss = &law->losses[law->loss_count++];
    *loss = (struct law_loss){.seen_ms = INT64_MAX};
    snprintf(loss->binding, sizeof loss->binding, "%s", binding);
}

/* --- what the engine sees -----------------------------------------------------------------------
 */

static void see(struct law *law, struct law_loss *loss)
{
    if (loss->seen_ms == INT64_MAX)
        loss->seen_ms = law->world->now_ms;
}

static bool is_whole(const json_t *items, const char *binding)
{
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (strcmp(json_text_or(json_at(item, "metadata", "name", NULL), ""), binding) == 0)
            return !object_is_terminating(item);
    }
    return false;
}

/* "name" or "name/k8sresources/tree" of a binding's path; NULL = it is about something else. */
static const char *below(const struct world_request *request)
{
    const size_t length = strlen(collection);
    return strncmp(request->path, collection, length) == 0 && request->path[length] == '/'
               ? request->path + length + 1
               : NULL;
}

static bool is_about(const char *path, const char *binding)
{
    const size_t length = strlen(binding);
    return strncmp(path, binding, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

void law_backend_heard(struct law *law, const struct world_request *request)
{
    const struct engine_event *answer = &request->answer;
    if (answer->kind == EVENT_LISTED && answer->as.listed.complete &&
        strcmp(request->path, collection) == 0) {
        for (size_t i = 0; i < law->loss_count; i++) {
            if (!is_whole(answer->as.listed.items, law->losses[i].binding))
                see(law, &law->losses[i]);
        }
        return;
    }
    const char *path = below(request);
    if (answer->kind != EVENT_ANSWER || path == NULL ||
        answer->as.answer.outcome != ANSWER_RECEIVED)
        return;
    const bool gone =
        answer->as.answer.status == 404 || object_is_terminating(answer->as.answer.body);
    for (size_t i = 0; i < law->loss_count && gone; i++) {
        if (is_about(path, law->losses[i].binding))
            see(law, &law->losses[i]);
    }
}

void law_backend_forgotten(struct law *law)
{
    for (size_t i = 0; i < law->loss_count; i++)
        law->losses[i].seen_ms = INT64_MAX;
}

/* --- what it does -------------------------------------------------------------------------------
 */

void law_backend_made(struct law *law, const char *binding)
{
    struct law_loss *loss = loss_of(law, binding);
    if (loss != NULL)
        *loss = law->losses[--law->loss_count];
}

void law_backend_routed(struct law *law, const char *slot, const char *target)
{
    char binding[96];
    snprintf(binding, sizeof binding, "%s-%s", slot, target);
    const struct law_loss *loss = loss_of(law, binding);
    law->checks++;
    if (loss != NULL && loss->seen_ms != INT64_MAX)
        law_break(law, "I8", "%s gets weight, and was seen to be gone %" PRId64 " ms ago", binding,
                  law->world->now_ms - loss->seen_ms);
}

static const char *label(const json_t *object, const char *key)
{
    return json_text_or(json_object_get(json_at(object, "metadata", "labels", NULL), key), "");
}

static bool has_service(const json_t *services, const char *name, const char *target)
{
    for (size_t i = 0; i < json_array_size(services); i++) {
        const json_t *service = json_array_get(services, i);
        if (strcmp(json_text_or(json_at(service, "metadata", "name", NULL), ""), name) == 0 &&
            strcmp(label(service, "openchoreo.dev/environment"), target) == 0)
            return true;
    }
    return false;
}

static void check_route(struct law *law, const json_t *services, const json_t *route)
{
    const char *target = label(route, "openchoreo.dev/environment");
    const json_t *rules = json_at(route, "spec", "rules", NULL);
    for (size_t k = 0; k < json_array_size(rules); k++) {
        const json_t *refs = json_object_get(json_array_get(rules, k), "backendRefs");
        for (size_t b = 0; b < json_array_size(refs); b++) {
            const json_t *ref = json_array_get(refs, b);
            const char *name = json_text_or(json_object_get(ref, "name"), "");
            char binding[96];
            snprintf(binding, sizeof binding, "%s-%s", name, target);
            if (json_integer_value(json_object_get(ref, "weight")) > 0 &&
                !has_service(services, name, target) && loss_of(law, binding) == NULL)
                law_break(law, "I8", "%s gets weight and is not there, and nobody else deleted it",
                          binding);
        }
    }
}

void law_backend_missing(struct law *law)
{
    json_t *routes = platform_live_all(law->world->platform, "HTTPRoute");
    json_t *services = platform_live_all(law->world->platform, "Service");
    for (size_t i = 0; i < json_array_size(routes); i++)
        check_route(law, services, json_array_get(routes, i));
    json_decref(routes);
    json_decref(services);
}
