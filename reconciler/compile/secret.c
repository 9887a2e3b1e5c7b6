#include "config/base/arena.h"
#include "config/base/digest.h"
#include "config/base/json.h"
#include "reconciler/compile/native.h"
#include "reconciler/compile/parts.h"
#include "reconciler/resource/object.h"

#include <errno.h>
#include <string.h>

#define SECRETS_LIMIT 256

/* "CURRENCY_API_KEY" -> "currency-api-key": how a variable's name is written as an object's. */
static const char *object_name(struct arena *arena, const char *name)
{
    char *text = arena_text(arena, name);
    for (char *c = text; c != NULL && *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
        else if (*c == '_')
            *c = '-';
    return text;
}

static bool has_key(const json_t *data, const char *key)
{
    for (size_t i = 0; i < json_array_size(data); i++)
        if (strcmp(json_text_or(json_object_get(json_array_get(data, i), "secretKey"), ""), key) ==
            0)
            return true;
    return false;
}

/* The key as asked for; failing that, the name's own; failing that, the only one there is. */
static const char *choose_key(const json_t *data, const char *name, const char *key)
{
    if (has_key(data, key))
        return key;
    if (has_key(data, name))
        return name;
    if (json_array_size(data) == 1)
        return json_text_or(json_object_get(json_array_get(data, 0), "secretKey"), NULL);
    return NULL;
}

static bool has_reference(const struct deployment *deployment, const char *name)
{
    const json_t *references = deployment->parts->references;
    for (size_t i = 0; i < json_array_size(references); i++)
        if (strcmp(
                json_text_or(json_at(json_array_get(references, i), "metadata", "name", NULL), ""),
                name) == 0)
            return true;
    return false;
}

/* Adds the copy of a declared SecretReference that bears its content's name, once. */
static int add_copy(struct deployment *deployment, const struct native_resource *native,
                    const char *name)
{
    json_t *references = deployment->parts->references;
    if (has_reference(deployment, name))
        return 0;
    struct body body = {0};
    json_t *object = body_new(&body, name, deployment->cell->name.text);
    body_put(&body, object, "spec", json_deep_copy(json_object_get(native->body, "spec")));
    body_append(&body, references, object);
    return body.status;
}

static int note_use(struct deployment *deployment, const char *name, const char *key,
                    struct source_pos at, struct error *err)
{
    struct secret_use *uses = NULL;
    for (size_t i = 0; i < deployment->secret_count; i++)
        if (strcmp(deployment->secrets[i].name, name) == 0 &&
            strcmp(deployment->secrets[i].key, key) == 0)
            return 0;
    if (deployment->secret_count == SECRETS_LIMIT)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "%s uses more than %d secrets",
                         deployment->component->name.text, SECRETS_LIMIT);
    uses = arena_array(deployment->arena, deployment->secret_count + 1, sizeof *uses);
    if (uses == NULL)
        return error_no_memory(err);
    if (deployment->secret_count > 0)
        memcpy(uses, deployment->secrets, deployment->secret_count * sizeof *uses);
    uses[deployment->secret_count++] = (struct secret_use){name, key, at};
    deployment->secrets = uses;
    return 0;
}

static json_t *key_reference(const char *name, const char *key)
{
    return json_pack("{s:s, s:s}", "name", name, "key", key);
}

/* A declared SecretReference is never written again under its name: a PUT of it would restart all
 * that use it, everywhere and at once. */
static int declared_reference(struct deployment *deployment, const struct native_resource *native,
                              const char *name, const char *key, struct source_pos at,
                              json_t **ret_value, struct error *err)
{
    const json_t *spec = json_object_get(native->body, "spec");
    const char *chosen = choose_key(json_object_get(spec, "data"), name, key);
    if (chosen == NULL) {
        const int status = error_set(err, ERROR_INVALID, ERR_INVALID,
                                     "SecretReference %s has no key %s: add it there, or name "
                                     "another key as NAME:key",
                                     native->name, key);
        if (err != NULL)
            err->where = at;
        return status;
    }
    struct digest digest;
    if (spec == NULL || digest_json(spec, &digest) != 0)
        return error_no_memory(err);
    /* With the project in its name, as two cells may use one reference and each owns its copy. */
    const char *copy = arena_format(deployment->arena, "%s-%s-%.*s", deployment->project,
                                    native->name, DIGEST_SHORT, digest.text);
    if (copy == NULL || add_copy(deployment, native, copy) != 0)
        return error_no_memory(err);
    *ret_value = key_reference(copy, chosen);
    return *ret_value == NULL ? error_no_memory(err) : 0;
}

/* --- credentials ---------------------------------------------------------------------------- */

static const struct compile_credential *find_credential(const struct compile_context *context,
                                                        const char *name)
{
    for (size_t i = 0; i < context->credential_count; i++)
        if (strcmp(context->credentials[i].name, name) == 0)
            return &context->credentials[i];
    return NULL;
}

/* The one key of the Secret is the credential's name: one value, however it is asked for. */
static int add_credential(struct deployment *deployment, const char *credential, const char *name)
{
    const struct region *region = deployment->parts->region;
    struct body body = {0};
    json_t *object = body_new(&body, name, deployment->cell->name.text);
    body_put_text(&body, json_object_get(json_object_get(object, "metadata"), "labels"),
                  LABEL_CREDENTIAL, LABEL_CREDENTIAL_YES);
    json_t *source = body_put_object(&body, object, "credential");
    body_put_text(&body, source, "name", credential);
    body_put_text(&body, source, "key", credential);
    json_t *plane = body_put_object(&body, source, "targetPlane");
    body_put_text(&body, plane, "kind", region->data_plane_kind.text);
    body_put_text(&body, plane, "name", region->data_plane_name.text);
    body_append(&body, deployment->parts->references, object);
    return body.status;
}

/* Named by value and data plane: another value is another name, and so another release; and a
 * Secret lies in the store of one plane only. */
static int credential_reference(struct deployment *deployment,
                                const struct compile_credential *credential, json_t **ret_value,
                                struct error *err)
{
    const struct region *region = deployment->parts->region;
    const char *content = arena_format(deployment->arena, "%s %s %s", credential->digest,
                                       region->data_plane_kind.text, region->data_plane_name.text);
    if (content == NULL)
        return error_no_memory(err);
    const struct digest digest = digest_bytes(content, strlen(content));
    const char *name = arena_format(deployment->arena, "%s-%s-%.*s", deployment->project,
                                    credential->name, DIGEST_SHORT, digest.text);
    if (name == NULL || (!has_reference(deployment, name) &&
                         add_credential(deployment, credential->name, name) != 0))
        return error_no_memory(err);
    *ret_value = key_reference(name, credential->name);
    return *ret_value == NULL ? error_no_memory(err) : 0;
}

int secret_key_reference(struct deployment *deployment, const char *name, const char *key,
                         struct source_pos at, json_t **ret_value, struct error *err)
{
    const char *as_object = object_name(deployment->arena, name);
    if (as_object == NULL)
        return error_no_memory(err);
    if (key == NULL || key[0] == '\0')
        key = name;
    const struct native_resource *native = native_secret_reference(deployment->context, name);
    if (native == NULL)
        native = native_secret_reference(deployment->context, as_object);
    if (native != NULL)
        return declared_reference(deployment, native, name, key, at, ret_value, err);
    const struct compile_credential *credential = find_credential(deployment->context, as_object);
    if (credential != NULL)
        return credential_reference(deployment, credential, ret_value, err);
    const int status = note_use(deployment, as_object, key, at, err);
    if (status != 0)
        return status;
    *ret_value = key_reference(as_object, key);
    return *ret_value == NULL ? error_no_memory(err) : 0;
}
