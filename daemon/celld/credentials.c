#include "daemon/celld/credentials.h"

#include "config/base/digest.h"
#include "config/base/json.h"
#include "config/base/owned.h"
#include "daemon/http/secret.h"
#include "daemon/log/log.h"
#include "reconciler/resource/object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LIMIT 63
#define KEY_BYTES 32
#define DEPTH_LIMIT 64

struct credentials {
    unsigned char key[KEY_BYTES];
    struct compile_credential list[CREDENTIALS_LIMIT];
    struct secret *values[CREDENTIALS_LIMIT];
    char names[CREDENTIALS_LIMIT][NAME_LIMIT + 1];
    struct digest digests[CREDENTIALS_LIMIT];
    size_t count;
};

/* --- the key -------------------------------------------------------------------------------- */

static int read_key(const char *path, unsigned char ret_key[static KEY_BYTES])
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    struct stat about;
    const bool sound = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) &&
                       (about.st_mode & 077) == 0 && about.st_size == KEY_BYTES;
    const ssize_t length = sound ? read(fd, ret_key, KEY_BYTES) : 0;
    (void)close(fd);
    return length == KEY_BYTES ? 0 : -EINVAL;
}

/* Written aside and renamed: a half-written key would rename every Secret. */
static int make_key(const char *path, unsigned char ret_key[static KEY_BYTES])
{
    OWNED(owned_free) char *aside = NULL;
    if (asprintf(&aside, "%s.new", path) < 0)
        return -ENOMEM;
    if (getrandom(ret_key, KEY_BYTES, 0) != KEY_BYTES)
        return -EIO;
    (void)unlink(aside);
    const int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int result = write(fd, ret_key, KEY_BYTES) == KEY_BYTES && fsync(fd) == 0 ? 0 : -EIO;
    if (close(fd) < 0 || (result == 0 && rename(aside, path) < 0))
        result = -EIO;
    return result;
}

static int load_key(const char *state_directory, unsigned char ret_key[static KEY_BYTES],
                    struct error *err)
{
    OWNED(owned_free) char *path = NULL;
    if (asprintf(&path, "%s/name.key", state_directory) < 0)
        return error_no_memory(err);
    int result = read_key(path, ret_key);
    if (result == -ENOENT)
        result = make_key(path, ret_key);
    if (result == -ENOMEM)
        return error_no_memory(err);
    if (result == -EINVAL)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s is not a file of %d bytes that only its owner can read: put it right, "
                         "or remove it (then every secret that celld wrote gets a new name)",
                         path, KEY_BYTES);
    return result < 0
               ? error_set(err, ERROR_UNAVAILABLE, result,
                           "the key %s can neither be read nor made: %s", path, strerror(-result))
               : 0;
}

/* --- the files ------------------------------------------------------------------------------ */

static bool is_name(const char *name)
{
    const size_t length = strlen(name);
    return length > 0 && length <= NAME_LIMIT &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length && name[0] != '-' &&
           name[length - 1] != '-';
}

static size_t find(const struct credentials *credentials, const char *name)
{
    size_t i = 0;
    while (i < credentials->count && strcmp(credentials->names[i], name) != 0)
        i++;
    return i;
}

struct digesting {
    const struct credentials *credentials;
    struct digest *digest;
};

/* What cannot stand in JSON cannot be sent. */
static int digest_value(void *context, const char *bytes, size_t length)
{
    const struct digesting *digesting = context;
    OWNED_JSON *text = json_stringn(bytes, length);
    *digesting->digest = digest_keyed(digesting->credentials->key, KEY_BYTES, bytes, length);
    return text == NULL ? ERR_INVALID : 0;
}

static int add(struct credentials *credentials, const char *path, const char *name,
               struct error *err)
{
    const size_t at = credentials->count;
    if (!is_name(name))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s: a secret's name has lower-case letters, digits and '-', at most %d",
                         path, NAME_LIMIT);
    if (find(credentials, name) < at)
        return 0;
    if (at == CREDENTIALS_LIMIT)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "%s: there are more than %d secrets", path,
                         CREDENTIALS_LIMIT);
    int result = secret_read(path, SECRET_BYTES, &credentials->values[at], err);
    if (result < 0)
        return result;
    struct digesting digesting = {credentials, &credentials->digests[at]};
    if (secret_use(credentials->values[at], digest_value, &digesting) < 0) {
        credentials->values[at] = secret_free(credentials->values[at]);
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s is no UTF-8 text: the secrets API takes no other", path);
    }
    (void)snprintf(credentials->names[at], sizeof(credentials->names[at]), "%s", name);
    credentials->list[at] =
        (struct compile_credential){credentials->names[at], credentials->digests[at].text};
    credentials->count++;
    return 0;
}

/* One that is bad does not keep the others from their cells. */
static int read_directory(struct credentials *credentials, const char *directory, struct error *err)
{
    static const char *const prefixes[] = {"secret-", "celld_secret-"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        DIR *entries = opendir(directory);
        if (entries == NULL)
            return error_set(err, ERROR_INVALID, -errno, "%s cannot be read: %s", directory,
                             strerror(errno));
        const struct dirent *entry;
        int result = 0;
        while (result != -ENOMEM && (entry = readdir(entries)) != NULL) {
            char path[4096];
            struct error problem = {0};
            if (strncmp(entry->d_name, prefixes[i], strlen(prefixes[i])) != 0 ||
                snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >=
                    (int)sizeof(path))
                continue;
            result = add(credentials, path, entry->d_name + strlen(prefixes[i]), &problem);
            if (result < 0)
                log_write(LOG_LEVEL_WARNING, NULL, "a secret is not used: %s", problem.detail);
        }
        (void)closedir(entries);
        if (result == -ENOMEM)
            return error_no_memory(err);
    }
    return 0;
}

int credentials_read(const char *directory, const char *state_directory,
                     struct credentials **ret_credentials, struct error *err)
{
    struct credentials *credentials = calloc(1, sizeof(*credentials));
    if (credentials == NULL)
        return error_no_memory(err);
    int result = 0;
    if (directory != NULL)
        result = load_key(state_directory, credentials->key, err);
    if (directory != NULL && result == 0)
        result = read_directory(credentials, directory, err);
    if (result < 0) {
        credentials_free(credentials);
        return result;
    }
    *ret_credentials = credentials;
    return 0;
}

struct credentials *credentials_free(struct credentials *credentials)
{
    if (credentials == NULL)
        return NULL;
    for (size_t i = 0; i < credentials->count; i++)
        secret_free(credentials->values[i]);
    secret_wipe(credentials->key, sizeof(credentials->key));
    free(credentials);
    return NULL;
}

const struct compile_credential *credentials_list(const struct credentials *credentials,
                                                  size_t *ret_count)
{
    *ret_count = credentials->count;
    return credentials->list;
}

/* --- sending -------------------------------------------------------------------------------- */

bool credentials_guard(const char *path)
{
    static const char head[] = "/api/v1alpha1/namespaces/", tail[] = "/secrets";
    if (strncmp(path, head, sizeof(head) - 1) != 0)
        return false;
    const char *rest = strchr(path + sizeof(head) - 1, '/');
    return rest != NULL && strncmp(rest, tail, sizeof(tail) - 1) == 0 &&
           (rest[sizeof(tail) - 1] == '\0' || rest[sizeof(tail) - 1] == '/');
}

static size_t count_placeholders(const json_t *value, int depth)
{
    const char *key;
    json_t *member;
    size_t count = json_object_get(value, CREDENTIAL_PLACEHOLDER) != NULL;
    /* Nothing that celld sends is so deep; what is counts as unclean. */
    if (depth == DEPTH_LIMIT)
        return json_is_object(value) || json_is_array(value) ? 1000 : 0;
    json_object_foreach(json_unconst(value), key, member)
    {
        count += count_placeholders(member, depth + 1);
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        count += count_placeholders(json_array_get(value, i), depth + 1);
    return count;
}

static int to_json(void *context, const char *bytes, size_t length)
{
    json_t **text = context;
    *text = json_stringn(bytes, length);
    return *text == NULL ? -ENOMEM : 0;
}

static int fill_data(const struct credentials *credentials, const json_t *from, json_t *data,
                     size_t *ret_filled, struct error *err)
{
    const char *key;
    json_t *member;
    json_object_foreach(json_unconst(from), key, member)
    {
        const char *name = json_text_or(json_object_get(member, CREDENTIAL_PLACEHOLDER), NULL);
        if (name == NULL || json_object_size(member) != 1)
            continue;
        const size_t at = credentials == NULL ? 0 : find(credentials, name);
        if (credentials == NULL || at == credentials->count)
            return error_set(err, ERROR_INVALID, ERR_INVALID,
                             "there is no credential secret-%s any more", name);
        json_t *value = NULL;
        if (secret_use(credentials->values[at], to_json, (void *)&value) < 0 ||
            json_object_set_new(data, key, value) < 0)
            return error_no_memory(err);
        ++*ret_filled;
    }
    return 0;
}

int credentials_fill(const struct credentials *credentials, const char *method, const char *path,
                     const json_t *body, json_t **ret_body, struct error *err)
{
    *ret_body = NULL;
    const size_t wanted = count_placeholders(body, 0);
    if (wanted == 0)
        return 0;
    OWNED_JSON *filled = json_deep_copy(body);
    if (filled == NULL)
        return error_no_memory(err);
    size_t found = 0;
    if (credentials_guard(path) && strcmp(method, "POST") == 0) {
        const int result = fill_data(credentials, json_object_get(body, "data"),
                                     json_object_get(filled, "data"), &found, err);
        if (result < 0)
            return result;
    }
    if (found != wanted)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "a request wants a credential where none may stand: it is not sent");
    *ret_body = TAKE(filled);
    return 0;
}
