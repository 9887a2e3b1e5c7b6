#include "gitwatch/fetch_request.h"

#include "config/base/json.h"
#include "gitwatch/host_key.h"
#include "gitwatch/remote_url.h"

#include <string.h>

struct fetch_limits fetch_limits_default(void)
{
    return (struct fetch_limits){
        .download_bytes = UINT64_C(1) << 30,
        .objects = 2000000,
        .object_bytes = UINT64_C(64) << 20,
        .memory_bytes = UINT64_C(2) << 30,
        .cpu_seconds = 300,
        .compact_packs = 50,
    };
}

static int refuse(struct error *err, const char *text)
{
    return error_set(err, ERROR_INVALID, ERR_INVALID, "%s", text);
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static int check_host_keys(const struct fetch_request *request, struct error *err)
{
    if (request->host_key_count == 0)
        return refuse(err, "an SSH repository needs the server's host key: its fingerprint as "
                           "SHA256:… (ssh-keyscan HOST | ssh-keygen -lf - prints it; compare it "
                           "with what the server's people publish)");
    if (request->host_key_count > FETCH_HOST_KEY_LIMIT)
        return error_set(err, ERROR_INVALID, ERR_LIMIT,
                         "%zu host keys are given; at most %d can be", request->host_key_count,
                         FETCH_HOST_KEY_LIMIT);
    for (size_t i = 0; i < request->host_key_count; i++)
        if (!host_key_is_fingerprint(request->host_keys[i]))
            return refuse(err, "a host key is not of the form SHA256:<43 base64 digits>, as "
                               "ssh-keygen -lf prints it");
    return 0;
}

static int check_credential(const struct fetch_request *request, enum remote_scheme scheme,
                            struct error *err)
{
    const bool http = scheme == REMOTE_HTTP || scheme == REMOTE_HTTPS;
    const bool given = is_given(request->secret) || is_given(request->secret_file);
    switch (request->credential) {
    case FETCH_CREDENTIAL_NONE:
        return scheme == REMOTE_SSH ? refuse(err, "an SSH repository needs a private key") : 0;
    case FETCH_CREDENTIAL_PASSWORD:
        if (!http)
            return refuse(err, "a token or password is for http and https repositories only");
        break;
    case FETCH_CREDENTIAL_SSH_KEY:
        if (scheme != REMOTE_SSH)
            return refuse(err, "an SSH key is for ssh repositories only");
        break;
    }
    if (request->credential != FETCH_CREDENTIAL_SSH_KEY &&
        (is_given(request->passphrase) || is_given(request->passphrase_file)))
        return refuse(err, "only an SSH key has a passphrase");
    if (!given)
        return refuse(err, "the repository's credential has neither a value nor a file");
    return 0;
}

static bool is_pin(const char *pin)
{
    const size_t length = strnlen(pin, FETCH_PIN_LIMIT + 1);
    return length <= FETCH_PIN_LIMIT && pin[0] != '/' && pin[length - 1] != '/' &&
           strstr(pin, "//") == NULL &&
           strspn(pin, "abcdefghijklmnopqrstuvwxyz0123456789-/") == length;
}

int fetch_request_check(const struct fetch_request *request, struct error *err)
{
    struct remote_url url;
    char ref[REMOTE_REF_LIMIT];
    int status = remote_url_parse(request->url, &url, err);
    if (status < 0)
        return status;
    status = remote_url_ref(request->ref, ref, err);
    if (status < 0)
        return status;
    if (is_given(request->pin) && !is_pin(request->pin))
        return refuse(err, "a pin cannot have this name");
    status = check_credential(request, url.scheme, err);
    if (status < 0)
        return status;
    if (url.scheme == REMOTE_SSH && (status = check_host_keys(request, err)) < 0)
        return status;
    if (request->mirror == NULL || request->mirror[0] != '/' || strlen(request->mirror) > 2048)
        return refuse(err, "the mirror's path is not absolute, or longer than 2048 bytes");
    const struct fetch_limits *limits = &request->limits;
    if (limits->download_bytes == 0 || limits->objects == 0 || limits->object_bytes == 0 ||
        limits->memory_bytes == 0 || limits->cpu_seconds == 0 || request->deadline.ms < 1)
        return refuse(err, "a limit or the deadline of the fetch is 0");
    return 0;
}

static json_t *optional_text(const char *text)
{
    return is_given(text) ? json_string(text) : json_null();
}

static json_t *host_keys_to_json(const struct fetch_request *request)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < request->host_key_count; i++)
        if (json_array_append_new(keys, json_string(request->host_keys[i])) < 0) {
            json_decref(keys);
            return NULL;
        }
    return keys;
}

json_t *fetch_request_to_json(const struct fetch_request *request)
{
    const struct fetch_limits *limits = &request->limits;
    return json_pack(
        "{s:s, s:s, s:o, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:I, s:I, "
        "s:I, "
        "s:I, s:I, "
        "s:I, s:I}",
        "url", request->url, "ref", request->ref, "pin", optional_text(request->pin), "mirror",
        request->mirror, "credential", (int)request->credential, "username",
        optional_text(request->username), "secret", optional_text(request->secret), "secretFile",
        optional_text(request->secret_file), "passphrase", optional_text(request->passphrase),
        "passphraseFile", optional_text(request->passphrase_file), "caFile",
        optional_text(request->ca_file), "hostKeys", host_keys_to_json(request),
        "requireFastForward", (int)request->require_fast_forward, "reclone", (int)request->reclone,
        "mayReclone", (int)request->may_reclone, "downloadBytes",
        (json_int_t)limits->download_bytes, "objects", (json_int_t)limits->objects, "objectBytes",
        (json_int_t)limits->object_bytes, "memoryBytes", (json_int_t)limits->memory_bytes,
        "cpuSeconds", (json_int_t)limits->cpu_seconds, "compactPacks",
        (json_int_t)limits->compact_packs, "deadlineMs", (json_int_t)request->deadline.ms);
}

static uint64_t number_at(const json_t *json, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(json, key));
    return value < 0 ? 0 : (uint64_t)value;
}

static uint32_t small_number_at(const json_t *json, const char *key)
{
    const uint64_t value = number_at(json, key);
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static bool flag_at(const json_t *json, const char *key)
{
    return json_is_true(json_object_get(json, key));
}

static const char *text_at(const json_t *json, const char *key, const char *otherwise)
{
    return json_text_or(json_object_get(json, key), otherwise);
}

int fetch_request_from_json(const json_t *json, struct fetch_request *ret_request,
                            const char *ret_keys[static FETCH_HOST_KEY_LIMIT], struct error *err)
{
    const uint64_t credential = number_at(json, "credential");
    const json_t *keys = json_object_get(json, "hostKeys");
    const size_t key_count = json_array_size(keys);
    if (!json_is_object(json) || credential > FETCH_CREDENTIAL_SSH_KEY ||
        key_count > FETCH_HOST_KEY_LIMIT)
        return refuse(err, "the fetch worker did not understand its request");
    for (size_t i = 0; i < key_count; i++)
        ret_keys[i] = json_text_or(json_array_get(keys, i), "");
    *ret_request = (struct fetch_request){
        .url = text_at(json, "url", ""),
        .ref = text_at(json, "ref", ""),
        .pin = text_at(json, "pin", NULL),
        .mirror = text_at(json, "mirror", ""),
        .credential = (enum fetch_credential)credential,
        .username = text_at(json, "username", NULL),
        .secret = text_at(json, "secret", NULL),
        .secret_file = text_at(json, "secretFile", NULL),
        .passphrase = text_at(json, "passphrase", NULL),
        .passphrase_file = text_at(json, "passphraseFile", NULL),
        .ca_file = text_at(json, "caFile", NULL),
        .host_keys = ret_keys,
        .host_key_count = key_count,
        .require_fast_forward = flag_at(json, "requireFastForward"),
        .reclone = flag_at(json, "reclone"),
        .may_reclone = flag_at(json, "mayReclone"),
        .limits = {.download_bytes = number_at(json, "downloadBytes"),
                   .objects = small_number_at(json, "objects"),
                   .object_bytes = number_at(json, "objectBytes"),
                   .memory_bytes = number_at(json, "memoryBytes"),
                   .cpu_seconds = small_number_at(json, "cpuSeconds"),
                   .compact_packs = small_number_at(json, "compactPacks")},
        .deadline = DURATION_MS((int64_t)number_at(json, "deadlineMs")),
    };
    return fetch_request_check(ret_request, err);
}
