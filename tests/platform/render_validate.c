/* The preRenderValidations of our own types, each with the C that its rule means. A rule that is
 * not known here counts as met. */
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

static bool has_endpoints(const struct render *r)
{
    return json_object_size(values_get(r->workload, "endpoints")) > 0;
}

static const json_t *backends(const struct render *r)
{
    return values_get(r->configs, "backends");
}

static bool has_positive_weight(const struct render *r)
{
    size_t i;
    json_t *backend;
    json_array_foreach(backends(r), i, backend)
    {
        if (values_int(backend, "weight", 0) > 0)
            return true;
    }
    return false;
}

static bool has_weight_or_no_backend(const struct render *r)
{
    return json_array_size(backends(r)) == 0 || has_positive_weight(r);
}

static bool has_no_slot_without_backend(const struct render *r)
{
    return json_array_size(backends(r)) > 0 || values_text(r->configs, "activeSlot")[0] == '\0';
}

static bool has_distinct_backends(const struct render *r)
{
    for (size_t i = 0; i < json_array_size(backends(r)); i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(values_text(json_array_get(backends(r), i), "name"),
                       values_text(json_array_get(backends(r), k), "name")) == 0)
                return false;
    return true;
}

static bool has_match_backend(const struct render *r)
{
    if (json_array_size(values_get(r->configs, "matches")) == 0)
        return true;
    for (size_t i = 0; i < json_array_size(backends(r)); i++)
        if (strcmp(values_text(json_array_get(backends(r), i), "name"),
                   values_text(r->configs, "matchBackend")) == 0)
            return true;
    return false;
}

static bool has_sound_autoscalers(const struct render *r)
{
    size_t i;
    json_t *scale;
    json_array_foreach(values_get(r->configs, "autoscaling"), i, scale)
    {
        if (values_int(scale, "minReplicas", 1) > values_int(scale, "maxReplicas", 1))
            return false;
    }
    return true;
}

static bool is_visible(const struct render *r, const char *side)
{
    const char *name;
    json_t *endpoint;
    json_object_foreach(values_get(r->workload, "endpoints"), name, endpoint)
    {
        size_t i;
        json_t *visibility;
        json_array_foreach(values_get(endpoint, "visibility"), i, visibility)
        {
            if (strcmp(json_string_value(visibility), side) == 0)
                return true;
        }
    }
    return false;
}

static bool has_gateway(const struct render *r, const char *side)
{
    return !is_visible(r, side) || values_get(values_get(r->gateway, "ingress"), side) != NULL;
}

static bool scales_itself(const struct render *r)
{
    return values_true(values_get(r->configs, "autoscaling"), "enabled");
}

static bool has_sound_own_autoscaler(const struct render *r)
{
    const json_t *scale = values_get(r->configs, "autoscaling");
    return !scales_itself(r) ||
           values_int(scale, "minReplicas", 1) <= values_int(scale, "maxReplicas", 1);
}

static bool can_probe(const struct render *r)
{
    const json_t *readiness = values_get(r->parameters, "readiness");
    return strcmp(values_text(readiness, "kind"), "none") == 0 ||
           values_int(readiness, "port", 0) > 0 || has_endpoints(r);
}

static bool meets(const struct render *r, const char *message)
{
    if (strcmp(message, "a route component needs the endpoints of its slots") == 0)
        return has_endpoints(r);
    if (strcmp(message, "at least one backend is needed") == 0)
        return json_array_size(backends(r)) > 0;
    if (strcmp(message, "at least one backend needs a positive weight") == 0)
        return has_positive_weight(r);
    if (strcmp(message, "one of the backends needs a positive weight") == 0)
        return has_weight_or_no_backend(r);
    if (strcmp(message, "a route without a backend has no active slot") == 0)
        return has_no_slot_without_backend(r);
    if (strcmp(message, "a backend may be listed once only") == 0)
        return has_distinct_backends(r);
    if (strcmp(message, "matchBackend must be one of the backends") == 0)
        return has_match_backend(r);
    if (strcmp(message, "minReplicas must not exceed maxReplicas") == 0)
        return has_sound_autoscalers(r);
    if (strstr(message, "no external gateway") != NULL)
        return has_gateway(r, "external");
    if (strstr(message, "no internal gateway") != NULL)
        return has_gateway(r, "internal");
    if (strcmp(message, "parameters.service must name the route component") == 0)
        return values_text(r->parameters, "service")[0] != '\0';
    if (strcmp(message, "autoscaling.minReplicas must not exceed autoscaling.maxReplicas") == 0)
        return has_sound_own_autoscaler(r);
    if (strcmp(message, "autoscaling.enabled and scaledByRoute exclude each other") == 0)
        return !(scales_itself(r) && values_true(r->configs, "scaledByRoute"));
    if (strcmp(message, "a readiness probe needs readiness.port or at least one endpoint") == 0)
        return can_probe(r);
    if (strstr(message, "has no endpoints") != NULL)
        return !has_endpoints(r);
    if (strcmp(message, "progressDeadlineSeconds must exceed minReadySeconds") == 0)
        return values_int(r->parameters, "minReadySeconds", 0) <
               values_int(r->parameters, "progressDeadlineSeconds", 0);
    if (strcmp(message, "startingDeadlineSeconds below 10 may skip every run") == 0) {
        const int64_t deadline = values_int(r->configs, "startingDeadlineSeconds", 300);
        return deadline == 0 || deadline >= 10;
    }
    return true;
}

bool render_validate(struct render *r)
{
    char failed[MESSAGE_SIZE - 128] = "";
    size_t i;
    json_t *validation;
    json_array_foreach(values_get(r->type, "preRenderValidations"), i, validation)
    {
        const char *message = values_text(validation, "message");
        if (meets(r, message))
            continue;
        const size_t used = strlen(failed);
        const char *rule = values_text(validation, "rule");
        snprintf(failed + used, sizeof(failed) - used,
                 "%srule[%zu] \"%.120s%s\" evaluated to false: %s", used == 0 ? "" : "; ", i, rule,
                 strlen(rule) > 120 ? "..." : "", message);
    }
    if (failed[0] != '\0')
        render_fail(r, "Failed to render resources: component type validation failed: %s", failed);
    return failed[0] == '\0';
}
