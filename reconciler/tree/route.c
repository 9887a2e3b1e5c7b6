#include "reconciler/tree/route.h"

#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/tree/gate.h"
#include "reconciler/tree/node.h"

#include <string.h>

bool route_is(const json_t *object)
{
    static const char *const kinds[] = {"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute",
                                        "UDPRoute"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(node_kind(object), kinds[i]) == 0)
            return true;
    return false;
}

/* --- acceptance ----------------------------------------------------------------------------- */

static const json_t *condition_of(const json_t *parent, const char *type)
{
    const json_t *conditions = json_object_get(parent, "conditions");
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        if (strcmp(json_text_or(json_object_get(condition, "type"), ""), type) == 0)
            return condition;
    }
    return NULL;
}

static bool parent_accepts(const json_t *live, const json_t *parent, char *text, size_t size)
{
    static const char *const types[] = {"Accepted", "ResolvedRefs"};
    const json_int_t generation = json_integer_value(json_at(live, "metadata", "generation", NULL));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const json_t *condition = condition_of(parent, types[i]);
        const json_t *observed = json_object_get(condition, "observedGeneration");
        if (condition == NULL || json_integer_value(observed) != generation) {
            (void)text_put(text, size, "its gateway has not looked at it yet");
            return false;
        }
        if (strcmp(json_text_or(json_object_get(condition, "status"), ""), "True") != 0) {
            (void)text_put(text, size, "its gateway says %s=False: %.60s", types[i],
                           json_text_or(json_object_get(condition, "reason"), "no reason"));
            return false;
        }
    }
    return true;
}

static bool is_equal_text(const json_t *a, const json_t *b, const char *key)
{
    return strcmp(json_text_or(json_object_get(a, key), ""),
                  json_text_or(json_object_get(b, key), "")) == 0;
}

/* Of a gateway that the route names: what another one said of it once may stay there for ever. */
static bool is_named(const json_t *live, const json_t *parent)
{
    const json_t *wanted = json_at(live, "spec", "parentRefs", NULL);
    const json_t *reference = json_object_get(parent, "parentRef");
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        const json_t *one = json_array_get(wanted, i);
        const bool somewhere = json_object_get(one, "namespace") == NULL ||
                               json_object_get(reference, "namespace") == NULL;
        if (is_equal_text(one, reference, "name") &&
            (somewhere || is_equal_text(one, reference, "namespace")))
            return true;
    }
    return json_array_size(wanted) == 0;
}

bool route_is_accepted(const json_t *live, char *text, size_t size)
{
    const json_t *parents = json_at(live, "status", "parents", NULL);
    size_t accepting = 0;
    for (size_t i = 0; i < json_array_size(parents); i++) {
        const json_t *parent = json_array_get(parents, i);
        if (!is_named(live, parent))
            continue;
        if (!parent_accepts(live, parent, text, size))
            return false;
        accepting++;
    }
    if (accepting == 0)
        (void)text_put(text, size, "no gateway has taken it up");
    return accepting > 0;
}

/* --- weights -------------------------------------------------------------------------------- */

static bool is_slot(const char *name, const char *component, char slot)
{
    const size_t length = strlen(component);
    return strncmp(name, component, length) == 0 && name[length] == '-' &&
           name[length + 1] == slot && name[length + 2] == '\0';
}

static json_int_t weight_of(const json_t *backend)
{
    const json_t *weight = json_object_get(backend, "weight");
    if (!json_is_number(weight))
        return 1; /* the Gateway API's default */
    const double value = json_number_value(weight);
    return value < 0 ? 0 : value > 1000000 ? 1000000 : (json_int_t)value;
}

static bool rule_has_weights(const json_t *rule, const char *component, int weight_a, int weight_b)
{
    const json_t *backends = json_object_get(rule, "backendRefs");
    json_int_t a = 0, b = 0;
    for (size_t i = 0; i < json_array_size(backends); i++) {
        const json_t *backend = json_array_get(backends, i);
        const char *name = json_text_or(json_object_get(backend, "name"), "");
        const json_int_t weight = weight_of(backend);
        if (is_slot(name, component, 'a'))
            a += weight;
        else if (is_slot(name, component, 'b'))
            b += weight;
        else if (weight != 0)
            return false;
    }
    return (a != 0 || b != 0) && (weight_a != 0 || weight_b != 0) && a * weight_b == b * weight_a;
}

/* The rule in front: these headers, each by itself, and the one slot. */
static bool rule_has_matches(const json_t *rule, const struct gate_question *question)
{
    const json_t *matches = json_object_get(rule, "matches");
    if (json_array_size(matches) != json_array_size(question->matches))
        return false;
    for (size_t i = 0; i < json_array_size(matches); i++) {
        const json_t *headers = json_object_get(json_array_get(matches, i), "headers");
        const json_t *header = json_array_get(headers, 0);
        const json_t *wanted = json_array_get(question->matches, i);
        if (json_array_size(headers) != 1 || !is_equal_text(header, wanted, "type") ||
            !is_equal_text(header, wanted, "name") || !is_equal_text(header, wanted, "value"))
            return false;
    }
    return rule_has_weights(rule, question->component, question->match_slot == 'a',
                            question->match_slot == 'b');
}

bool route_is_wanted(const json_t *object, const struct gate_question *question)
{
    const json_t *rules = json_at(object, "spec", "rules", NULL);
    const size_t first = question->matches == NULL ? 0 : 1;
    if (first == 1 && !rule_has_matches(json_array_get(rules, 0), question))
        return false;
    for (size_t i = first; i < json_array_size(rules); i++)
        if (!rule_has_weights(json_array_get(rules, i), question->component, question->weight_a,
                              question->weight_b))
            return false;
    return json_array_size(rules) > first;
}
