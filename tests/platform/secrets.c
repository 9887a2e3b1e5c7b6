#include "tests/platform/secrets.h"

#include "config/base/check.h"

#include <nettle/base64.h>

#include <stdlib.h>
#include <string.h>

static json_t *encoded(const json_t *data)
{
    json_t *all = json_object();
    const char *key;
    json_t *value;
    json_object_foreach(values_mutable(data), key, value)
    {
        const size_t length = json_string_length(value);
        char *text = values_alloc(BASE64_ENCODE_RAW_LENGTH(length) + 1, 1);
        base64_encode_raw(text, length, (const uint8_t *)json_string_value(value));
        json_object_set_new(all, key, json_string(text));
        free(text);
    }
    return all;
}

static json_t *show(const struct object *secret)
{
    json_t *shown = store_show(secret, 0);
    json_t *answer =
        json_pack("{s:s, s:s, s:O, s:O, s:o}", "apiVersion", "v1", "kind", "Secret", "metadata",
                  values_get(shown, "metadata"), "type", values_get(secret->spec, "type"), "data",
                  encoded(values_get(secret->spec, "data")));
    json_decref(shown);
    CHECK(answer != NULL);
    return answer;
}

/* What is wrong with the request; NULL = nothing. */
static const char *complaint_of(const json_t *body)
{
    static const char *const kinds[] = {"WorkflowPlane", "ClusterWorkflowPlane", "DataPlane",
                                        "ClusterDataPlane"};
    const json_t *plane = values_get(body, "targetPlane"), *data = values_get(body, "data");
    bool known = false;
    const char *key;
    json_t *value;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        known = known || strcmp(values_text(plane, "kind"), kinds[i]) == 0;
    if (values_text(body, "secretName")[0] == '\0')
        return "secretName is required";
    if (strcmp(values_text(body, "secretType"), "Opaque") != 0)
        return "secretType is not supported";
    if (!known || values_text(plane, "name")[0] == '\0')
        return "targetPlane is required";
    if (json_object_size(data) == 0)
        return "data is required";
    json_object_foreach(values_mutable(data), key, value)
    {
        if (!json_is_string(value))
            return "data must be text";
    }
    json_object_foreach(values_mutable(values_get(body, "labels")), key, value)
    {
        if (strncmp(key, "openchoreo.dev/", 15) == 0)
            return "labels in the openchoreo.dev/ namespace are reserved";
    }
    return NULL;
}

static void create(const struct crud *c, const json_t *body)
{
    struct platform *p = c->platform;
    const char *name = values_text(body, "secretName"), *key;
    const json_t *data = values_get(body, "data"), *labels = values_get(body, "labels");
    json_t *value, *rows = json_array();
    json_object_foreach(values_mutable(data), key, value)
    {
        json_array_append_new(rows, json_pack("{s:s, s:{s:s, s:s}}", "secretKey", key, "remoteRef",
                                              "key", name, "property", key));
    }
    /* Its reference was deleted, and the value stayed. */
    struct object *before = store_find(p, KIND_SECRET, c->ns, name);
    if (before != NULL)
        store_remove(p, before);
    struct object *secret =
        store_add(p, KIND_SECRET, c->ns, name, NULL, NULL,
                  json_pack("{s:s, s:O}", "type", values_text(body, "secretType"), "data", data));
    struct object *reference =
        store_add(p, KIND_SECRET_REFERENCE, c->ns, name,
                  json_object_size(labels) == 0 ? NULL : values_copy(labels), NULL,
                  json_pack("{s:{s:s}, s:o, s:s, s:O}", "template", "type",
                            values_text(body, "secretType"), "data", rows, "refreshInterval", "1h",
                            "targetPlane", values_get(body, "targetPlane")));
    p->changed = true;
    answer_json(c->answer, 201, show(secret));
    controllers_created(p, reference);
}

void secrets_post(const struct crud *c)
{
    json_t *body = c->document != NULL ? json_deep_copy(c->document)
                   : c->body == NULL   ? NULL
                                       : json_loadb(c->body, c->body_length, 0, NULL);
    const char *complaint = complaint_of(body);
    if (complaint != NULL)
        answer_error(c->answer, 400, complaint);
    else if (!crud_may(c, "create", "", ""))
        ; /* answered */
    else if (store_find(c->platform, KIND_SECRET_REFERENCE, c->ns,
                        values_text(body, "secretName")) != NULL)
        answer_error(c->answer, 409, "Secret already exists");
    else
        create(c, body);
    json_decref(body);
}

static struct object *find(const struct crud *c, const char *verb)
{
    struct object *secret = store_find(c->platform, KIND_SECRET, c->ns, c->name);
    if (!crud_may(c, verb, "", ""))
        return NULL;
    if (secret == NULL || store_find(c->platform, KIND_SECRET_REFERENCE, c->ns, c->name) == NULL) {
        answer_error(c->answer, 404, "Secret not found");
        return NULL;
    }
    return secret;
}

void secrets_get(const struct crud *c)
{
    const struct object *secret = find(c, "view");
    if (secret != NULL)
        answer_json(c->answer, 200, show(secret));
}

void secrets_delete(const struct crud *c)
{
    struct platform *p = c->platform;
    struct object *secret = find(c, "delete");
    if (secret == NULL)
        return;
    store_delete(p, store_find(p, KIND_SECRET_REFERENCE, c->ns, c->name));
    store_delete(p, secret);
    p->changed = true;
    c->answer->status = 204;
    c->answer->content_type = "";
}
