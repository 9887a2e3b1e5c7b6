/* Bodies that Go's decoder refuses: text/plain 400 with its words. Only the shapes that a client
 * can plausibly send wrong are told apart. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "can't decode JSON body: "

__attribute__((format(printf, 1, 2))) static char *complain(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return values_copy_text(text);
}

static const char *go_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "bool";
    case JSON_NULL:
        return "null";
    }
    CHECK_UNREACHABLE();
}

struct typed_field {
    enum kind kind;
    json_type type;
    const char *owner, *field, *go_type;
};

static const struct typed_field fields[] = {
    {KIND_COMPONENT, JSON_OBJECT, "ComponentSpec", "owner",
     "struct { ProjectName string \"json:\\\"projectName\\\"\" }"},
    {KIND_COMPONENT, JSON_TRUE, "ComponentSpec", "autoDeploy", "bool"},
    {KIND_COMPONENT, JSON_OBJECT, "ComponentSpec", "componentType", "gen.ComponentTypeRef"},
    {KIND_COMPONENT, JSON_OBJECT, "ComponentSpec", "parameters", "map[string]interface {}"},
    {KIND_RELEASE_BINDING, JSON_STRING, "ReleaseBindingSpec", "environment", "string"},
    {KIND_RELEASE_BINDING, JSON_STRING, "ReleaseBindingSpec", "releaseName", "string"},
    {KIND_RELEASE_BINDING, JSON_STRING, "ReleaseBindingSpec", "state",
     "gen.ReleaseBindingSpecState"},
    {KIND_RELEASE_BINDING, JSON_OBJECT, "ReleaseBindingSpec", "componentTypeEnvironmentConfigs",
     "map[string]interface {}"},
    {KIND_PROJECT_BINDING, JSON_STRING, "ProjectReleaseBindingSpec", "environment", "string"},
    {KIND_PROJECT_BINDING, JSON_STRING, "ProjectReleaseBindingSpec", "projectRelease", "string"},
    {KIND_ENVIRONMENT, JSON_TRUE, "EnvironmentSpec", "isProduction", "bool"},
    {KIND_WORKLOAD, JSON_OBJECT, "WorkloadSpec", "endpoints", "map[string]gen.WorkloadEndpoint"},
};

static bool fits(const json_t *value, json_type type)
{
    return json_is_null(value) || json_typeof(value) == type ||
           (type == JSON_TRUE && json_is_false(value));
}

static char *check_fields(const json_t *body, enum kind kind)
{
    const json_t *spec = values_get(body, "spec");
    if (spec != NULL && !json_is_object(spec) && !json_is_null(spec))
        return complain(PREFIX "json: cannot unmarshal %s into Go struct field %s.spec of type "
                               "gen.%sSpec\n",
                        go_name(spec), kinds_info(kind)->name, kinds_info(kind)->name);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        const struct typed_field *f = &fields[i];
        const json_t *value = values_get(spec, f->field);
        char path[128];
        snprintf(path, sizeof(path), "%s.spec.%s", f->owner, f->field);
        if (f->kind == kind && value != NULL && !fits(value, f->type))
            return complain(PREFIX "json: cannot unmarshal %s into Go struct field %s of type "
                                   "%s\n",
                            go_name(value), path, f->go_type);
    }
    return NULL;
}

static char *syntax_error(const char *bytes, size_t length)
{
    size_t i = 0;
    while (i < length && isspace((unsigned char)bytes[i]))
        i++;
    if (i == length)
        return values_copy_text(PREFIX "EOF\n");
    const char *place = "looking for beginning of value";
    if (bytes[i] == '{') {
        for (i++; i < length && isspace((unsigned char)bytes[i]);)
            i++;
        if (i == length)
            return values_copy_text(PREFIX "unexpected EOF\n");
        place = bytes[i] == '"' ? "after object key:value pair"
                                : "looking for beginning of object key string";
    }
    const char found[2] = {bytes[i], '\0'};
    return complain(PREFIX "invalid character '%s' %s\n", found, place);
}

char *decode_body(const json_t *document, const char *bytes, size_t length, enum kind kind,
                  json_t **ret_body)
{
    json_error_t problem;
    json_t *body = document != NULL
                       ? json_deep_copy(document)
                       : json_loadb(bytes == NULL ? "" : bytes, length,
                                    JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &problem);
    if (body == NULL)
        return syntax_error(bytes == NULL ? "" : bytes, length);
    char *complaint = NULL;
    if (!json_is_object(body))
        complaint = complain(PREFIX "json: cannot unmarshal %s into Go value of type gen.%s\n",
                             go_name(body), kinds_info(kind)->name);
    else
        complaint = check_fields(body, kind);
    if (complaint != NULL) {
        json_decref(body);
        return complaint;
    }
    *ret_body = body;
    return NULL;
}
