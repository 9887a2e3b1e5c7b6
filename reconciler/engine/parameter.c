#include "reconciler/engine/parameter.h"

#include "config/base/json.h"
#include "config/base/text.h"

#include <errno.h>
#include <string.h>

static bool is_of_type(const char *type, const json_t *value)
{
    static const struct {
        const char *name;
        json_type types[2];
    } rows[] = {
        {"object", {JSON_OBJECT, JSON_OBJECT}}, {"array", {JSON_ARRAY, JSON_ARRAY}},
        {"string", {JSON_STRING, JSON_STRING}}, {"integer", {JSON_INTEGER, JSON_INTEGER}},
        {"number", {JSON_INTEGER, JSON_REAL}},  {"boolean", {JSON_TRUE, JSON_FALSE}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(type, rows[i].name) == 0)
            return json_typeof(value) == rows[i].types[0] || json_typeof(value) == rows[i].types[1];
    }
    return true;
}

static bool is_listed(const json_t *values, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(values); i++) {
        if (json_equal(json_array_get(values, i), value))
            return true;
    }
    return false;
}

static int check_bounds(const json_t *schema, const json_t *value, const char *where,
                        struct error *err)
{
    const json_t *least = json_object_get(schema, "minimum");
    const json_t *most = json_object_get(schema, "maximum");
    if (is_of_type("number", value) &&
        ((least != NULL && json_number_value(value) < json_number_value(least)) ||
         (most != NULL && json_number_value(value) > json_number_value(most))))
        return error_set(err, ERROR_INVALID, ERR_INVALID, "%s is out of bounds", where);
    const size_t length = json_string_length(value);
    const json_t *shortest = json_object_get(schema, "minLength");
    const json_t *longest = json_object_get(schema, "maxLength");
    if (json_typeof(value) == JSON_STRING &&
        ((shortest != NULL && (json_int_t)length < json_integer_value(shortest)) ||
         (longest != NULL && (json_int_t)length > json_integer_value(longest))))
        return error_set(err, ERROR_INVALID, ERR_INVALID, "%s has a wrong length", where);
    return 0;
}

static int check_members(const json_t *schema, const json_t *value, const char *where,
                         struct error *err)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *required = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_text_or(json_array_get(required, i), "");
        if (json_object_get(value, name) == NULL &&
            json_at(properties, name, "default", NULL) == NULL)
            return error_set(err, ERROR_INVALID, ERR_INVALID, "%s lacks %s", where, name);
    }
    json_t *members = json_unconst(value);
    for (void *i = json_object_iter(members); i != NULL; i = json_object_iter_next(members, i)) {
        const char *name = json_object_iter_key(i);
        const json_t *property = json_object_get(properties, name);
        char below[256];
        text_put(below, sizeof below, "%.120s.%.120s", where, name);
        if (property == NULL && properties != NULL &&
            json_object_get(schema, "additionalProperties") == NULL)
            return error_set(err, ERROR_INVALID, ERR_INVALID, "%s is unknown", below);
        const int result =
            property == NULL ? 0 : parameter_check(property, json_object_iter_value(i), below, err);
        if (result < 0)
            return result;
    }
    return 0;
}

int parameter_check(const json_t *schema, const json_t *value, const char *where, struct error *err)
{
    const char *type = json_text_or(json_object_get(schema, "type"), "");
    if (!is_of_type(type, value))
        return error_set(err, ERROR_INVALID, ERR_INVALID, "%s has to be of type %s", where, type);
    const json_t *values = json_object_get(schema, "enum");
    if (values != NULL && !is_listed(values, value))
        return error_set(err, ERROR_INVALID, ERR_INVALID, "%s is none of the allowed values",
                         where);
    int result = check_bounds(schema, value, where, err);
    if (result == 0 && json_typeof(value) == JSON_OBJECT)
        result = check_members(schema, value, where, err);
    const json_t *items = json_object_get(schema, "items");
    for (size_t i = 0; result == 0 && items != NULL && i < json_array_size(value); i++) {
        char below[256];
        text_put(below, sizeof below, "%.200s[%zu]", where, i);
        result = parameter_check(items, json_array_get(value, i), below, err);
    }
    return result;
}

static int add_own(const json_t *schema, json_t *parameters, const char *name, const char *value)
{
    const json_t *property = json_at(schema, "properties", name, NULL);
    if (property == NULL || json_object_get(parameters, name) != NULL)
        return 0;
    /* A list of digests, say: one of them is a list too. */
    if (strcmp(json_text_or(json_object_get(property, "type"), "string"), "array") == 0)
        return json_object_set_new(parameters, name, json_pack("[s]", value));
    return json_object_set_new(parameters, name, json_string(value));
}

int parameter_fill(const json_t *schema, const struct node_parameters *given, const char *project,
                   json_t **ret_parameters, struct error *err)
{
    OWNED_JSON *parameters =
        given->manifest == NULL ? json_object() : json_deep_copy(given->manifest);
    if (parameters == NULL || add_own(schema, parameters, "project", project) < 0 ||
        add_own(schema, parameters, "cell", given->cell) < 0 ||
        add_own(schema, parameters, "environment", given->environment) < 0 ||
        add_own(schema, parameters, "revision", given->revision) < 0 ||
        add_own(schema, parameters, "digests", given->digests) < 0)
        return error_no_memory(err);
    const int result = parameter_check(schema, parameters, "parameters", err);
    if (result == 0)
        *ret_parameters = TAKE(parameters);
    return result;
}

/* The object of this name, made where the schema asks for one; *ret_member NULL = it does not, or
 * the manifest has something else there. Returns 0 or -ENOMEM. */
static int member_of(const json_t *schema, json_t *parent, const char *name, json_t **ret_member)
{
    *ret_member = NULL;
    if (json_at(schema, "properties", name, "properties", NULL) == NULL)
        return 0;
    json_t *member = json_object_get(parent, name);
    if (member == NULL) {
        if (json_object_set_new(parent, name, json_object()) < 0)
            return -ENOMEM;
        member = json_object_get(parent, name);
    }
    *ret_member = json_typeof(member) == JSON_OBJECT ? member : NULL;
    return 0;
}

static int fill_repository(const json_t *schema, const struct build_parameters *given,
                           json_t *parameters)
{
    json_t *repository = NULL, *revision = NULL;
    if (member_of(schema, parameters, "repository", &repository) < 0)
        return -ENOMEM;
    if (repository == NULL)
        return 0;
    const json_t *below = json_at(schema, "properties", "repository", NULL);
    if (member_of(below, repository, "revision", &revision) < 0 ||
        add_own(below, repository, "url", given->url) < 0 ||
        add_own(below, repository, "appPath", given->path) < 0)
        return -ENOMEM;
    if (revision == NULL)
        return 0;
    const json_t *last = json_at(below, "properties", "revision", NULL);
    json_object_del(revision, "commit");
    if (add_own(last, revision, "branch", given->branch) < 0 ||
        add_own(last, revision, "commit", given->commit) < 0)
        return -ENOMEM;
    return 0;
}

int parameter_fill_build(const json_t *schema, const struct build_parameters *given,
                         json_t **ret_parameters, struct error *err)
{
    OWNED_JSON *parameters =
        given->manifest == NULL ? json_object() : json_deep_copy(given->manifest);
    if (parameters == NULL || fill_repository(schema, given, parameters) < 0)
        return error_no_memory(err);
    const int result = parameter_check(schema, parameters, "parameters", err);
    if (result == 0)
        *ret_parameters = TAKE(parameters);
    return result;
}
