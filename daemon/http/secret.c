#include "daemon/http/secret.h"

#include "config/base/owned.h"
#include "daemon/file/file.h"

#include <nettle/base64.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct secret {
    size_t length;
    char bytes[]; /* and a NUL */
};

void secret_wipe(void *bytes, size_t length)
{
    explicit_bzero(bytes, length);
}

static struct secret *allocate(size_t length)
{
    struct secret *secret = malloc(sizeof(*secret) + length + 1);
    if (secret != NULL) {
        secret->length = length;
        secret->bytes[length] = '\0';
    }
    return secret;
}

struct secret *secret_free(struct secret *secret)
{
    if (secret != NULL) {
        secret_wipe(secret->bytes, secret->length);
        free(secret);
    }
    return NULL;
}

void secret_freep(struct secret **secret)
{
    *secret = secret_free(*secret);
}

static bool has_form(const char *bytes, size_t length, enum secret_form form)
{
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        if (form == SECRET_LINE ? c < 0x20 || c > 0x7E : c == '\0')
            return false;
    }
    return true;
}

int secret_new(const char *bytes, size_t length, enum secret_form form, const char *what,
               struct secret **ret_secret, struct error *err)
{
    if (length == 0)
        return error_set(err, ERROR_INVALID, ERR_INVALID, "%s is empty", what);
    if (length > SECRET_SIZE_LIMIT)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "%s has more than %zu bytes", what,
                         SECRET_SIZE_LIMIT);
    if (!has_form(bytes, length, form))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         form == SECRET_LINE ? "%s is not one line of printable ASCII characters"
                                             : "%s contains a NUL byte",
                         what);
    struct secret *secret = allocate(length);
    if (secret == NULL)
        return error_no_memory(err);
    memcpy(secret->bytes, bytes, length);
    *ret_secret = secret;
    return 0;
}

int secret_read(const char *path, enum secret_form form, struct secret **ret_secret,
                struct error *err)
{
    /* One byte more for the newline. */
    const struct file_terms terms = {
        .what = "credential ", .limit = SECRET_SIZE_LIMIT + 1, .denied = S_IROTH | S_IWOTH};
    char *bytes = NULL;
    char what[300];
    size_t length = 0;
    int result = file_read(path, &terms, &bytes, &length, err);
    if (result < 0)
        return result;
    const size_t shown = length > 0 && bytes[length - 1] == '\n' ? length - 1 : length;
    (void)snprintf(what, sizeof(what), "credential %s", path);
    result = secret_new(bytes, shown, form, what, ret_secret, err);
    secret_wipe(bytes, length);
    free(bytes);
    return result;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    if (a->length != b->length)
        return false;
    unsigned char difference = 0;
    for (size_t i = 0; i < a->length; i++)
        difference |= (unsigned char)(a->bytes[i] ^ b->bytes[i]);
    return difference == 0;
}

int secret_use(const struct secret *secret, secret_user *use, void *context)
{
    return use(context, secret->bytes, secret->length);
}

struct secret *secret_prefixed(const char *prefix, const struct secret *secret)
{
    const size_t before = strlen(prefix);
    if (before > SECRET_SIZE_LIMIT)
        return NULL;
    struct secret *result = allocate(before + secret->length);
    if (result != NULL) {
        memcpy(result->bytes, prefix, before);
        memcpy(result->bytes + before, secret->bytes, secret->length);
    }
    return result;
}

struct secret *secret_basic(const char *user, const struct secret *password)
{
    OWNED(secret_freep) struct secret *both = NULL;
    char prefix[SECRET_USER_LIMIT + 2];
    if (snprintf(prefix, sizeof(prefix), "%s:", user) >= (int)sizeof(prefix))
        return NULL;
    both = secret_prefixed(prefix, password);
    struct secret *result = both == NULL ? NULL : allocate(BASE64_ENCODE_RAW_LENGTH(both->length));
    if (result != NULL)
        base64_encode_raw(result->bytes, both->length, (const uint8_t *)both->bytes);
    return result;
}

/* Characters that application/x-www-form-urlencoded and RFC 3986 both leave as they are. */
static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

struct secret *secret_form_field(const struct secret *before, const char *key,
                                 const struct secret *value)
{
    static const char digits[] = "0123456789ABCDEF";
    const size_t key_length = strlen(key);
    size_t length = before->length + 1 + key_length + 1;
    if (length > 4 * SECRET_SIZE_LIMIT)
        return NULL;
    for (size_t i = 0; i < value->length; i++)
        length += is_unreserved((unsigned char)value->bytes[i]) ? 1 : 3;
    struct secret *result = allocate(length);
    if (result == NULL)
        return NULL;
    char *to = mempcpy(result->bytes, before->bytes, before->length);
    *to++ = '&';
    to = mempcpy(to, key, key_length);
    *to++ = '=';
    for (size_t i = 0; i < value->length; i++) {
        const unsigned char c = (unsigned char)value->bytes[i];
        if (is_unreserved(c)) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    return result;
}
