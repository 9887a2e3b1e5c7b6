#include "config/settings/check.h"

#include "config/base/arena.h"
#include "config/manifest/reference.h"
#include "config/settings/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET_PATH_LIMIT 107u
#define DEFAULT_MODE 0660
#define WORLD 0007

static void error(struct decoder *decoder, const char *code, struct source_pos at,
                  const char *message, const char *hint)
{
    decode_report(decoder, DIAGNOSTIC_ERROR, code, at, hint, "%s", message);
}

/* --- secrets ---------------------------------------------------------------------------------- */

/* A text in place of the mapping is most likely the secret itself: it is never shown. */
void settings_read_secret(struct decoder *decoder, const struct field *field,
                          const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    if (value->kind == YAML_KIND_SCALAR) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_SECRET_LITERAL", decode_place(decoder, value),
                      "write {credential: NAME} or {file: /path}, and change the secret if this "
                      "was it",
                      "\"%s\" may not stand in the settings", field->name);
        return;
    }
    decode_value(decoder, field, key, value, object);
}

void settings_check_secret(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                           uint64_t seen)
{
    const struct secret_source *secret = object;
    (void)mapping;
    (void)seen;
    if ((secret->credential.text == NULL) == (secret->file.text == NULL) && seen != 1 && seen != 2)
        error(decoder, "E_SECRET", secret->at, "a secret has a credential or a file, exactly one",
              "write {credential: NAME} or {file: /path}");
}

static bool is_given(const struct secret_source *secret)
{
    return secret->credential.text != NULL || secret->file.text != NULL;
}

/* --- permissions ------------------------------------------------------------------------------ */

void settings_read_mode(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct manifest_number *mode = (void *)((char *)object + field->offset);
    struct manifest_text text = {0};
    (void)key;
    if (!decode_text(decoder, field, value, &text))
        return;
    const char *digits = text.text[0] == '0' ? text.text + 1 : text.text;
    if (strlen(digits) != 3 || strspn(digits, "01234567") != 3) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_MODE", text.at, "write \"0660\"",
                      "\"%s\": \"%.20s\" are no octal permissions", field->name, text.text);
        return;
    }
    const int64_t bits = (digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0');
    *mode = (struct manifest_number){.value = bits, .set = true, .at = text.at};
}

static void check_socket(struct decoder *decoder, struct socket_settings *socket, bool acts)
{
    if (!socket->mode.set)
        socket->mode = (struct manifest_number){.value = DEFAULT_MODE, .set = true};
    if (acts && (socket->mode.value & WORLD) != 0)
        error(decoder, "E_MODE", socket->mode.at, "everybody could act through the admin socket",
              "write \"0660\" and put the operators into its group");
    if (socket->path.text != NULL && strlen(socket->path.text) > SOCKET_PATH_LIMIT)
        error(decoder, "E_SOCKET_PATH", socket->path.at,
              "the path is longer than 107 bytes, more than a socket can have",
              "choose a shorter one");
}

/* --- addresses -------------------------------------------------------------------------------- */

/* user@host:path, as git knows it. */
static bool is_scp_like(const char *url)
{
    const char *at = strchr(url, '@'), *colon = strchr(url, ':');
    return strstr(url, "://") == NULL && at != NULL && colon != NULL && at < colon && at != url &&
           colon != at + 1 && colon[1] != '\0' && strpbrk(url, " \t\"'\\") == NULL;
}

static bool is_plain(const char *url)
{
    for (; *url != '\0'; url++) {
        if ((unsigned char)*url <= ' ' || (unsigned char)*url >= 0x7F || *url == '\\')
            return false;
    }
    return true;
}

/* ssh://user@host/path; the user may stand in it, a password may not. */
static const char *ssh_problem(const char *url)
{
    const char *host = url + strlen("ssh://");
    const size_t authority = strcspn(host, "/");
    const char *at = memchr(host, '@', authority);
    const char *colon = memchr(host, ':', authority);
    if (!is_plain(url) || authority == 0 || host[authority] == '\0')
        return "is no ssh URL: write ssh://user@host/path";
    if (at != NULL && colon != NULL && colon < at)
        return "has a password in it: give a key as credential";
    return strchr(url, '#') != NULL ? "has a fragment (#...), which means nothing here" : NULL;
}

static const char *repository_problem(const char *url)
{
    if (strncmp(url, "file://", 7) == 0)
        return url[7] == '/' && is_plain(url) ? NULL : "is no file URL: write file:///path";
    if (strncmp(url, "ssh://", 6) == 0)
        return ssh_problem(url);
    if (is_scp_like(url))
        return NULL;
    const char *problem = reference_url_problem(url, strlen(url), true);
    if (problem != NULL)
        return problem;
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return "has a scheme that celld does not speak: https, ssh or file";
    return NULL;
}

static bool is_ssh(const char *url)
{
    return strncmp(url, "ssh://", 6) == 0 || is_scp_like(url);
}

/* --- repository ------------------------------------------------------------------------------- */

static void check_repository_auth(struct decoder *decoder, const struct repository_settings *own)
{
    const bool ssh = own->auth == REPOSITORY_AUTH_SSH;
    if (own->auth != REPOSITORY_AUTH_NONE && !is_given(&own->secret))
        error(decoder, "E_AUTH", own->at, "repository: this auth needs a secret",
              "add secret: {credential: NAME}");
    if (own->auth == REPOSITORY_AUTH_NONE && is_given(&own->secret))
        error(decoder, "E_AUTH", own->secret.at, "repository: a secret that nothing uses",
              "write auth: token, basic or ssh");
    if (own->auth == REPOSITORY_AUTH_BASIC && own->user.text == NULL)
        error(decoder, "E_AUTH", own->at, "repository: auth basic needs a user", "add user");
    if (ssh && !own->host_keys.set)
        error(decoder, "E_AUTH", own->at,
              "repository: ssh needs the server's keys, or anybody could pose as it",
              "add hostKeys: [\"SHA256:...\"] (ssh-keyscan HOST | ssh-keygen -lf -)");
    if (!ssh && is_given(&own->passphrase))
        error(decoder, "E_AUTH", own->passphrase.at, "repository: only ssh keys have a passphrase",
              "remove it");
    if (own->url.text != NULL && ssh != is_ssh(own->url.text))
        error(decoder, "E_AUTH", own->url.at,
              ssh ? "repository: auth ssh, but the URL is not ssh"
                  : "repository: the URL is ssh, but auth is not",
              ssh ? "write ssh://user@host/path" : "write auth: ssh, with a key and hostKeys");
}

/* What git lets no branch be called. */
static bool is_branch(const char *name)
{
    const size_t length = strlen(name);
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7F || strchr("~^:?*[\\", *c) != NULL)
            return false;
    }
    return length > 0 && name[0] != '-' && name[0] != '/' && name[0] != '.' &&
           name[length - 1] != '/' && name[length - 1] != '.' && strstr(name, "..") == NULL &&
           strstr(name, "//") == NULL && strstr(name, "/.") == NULL && strstr(name, "@{") == NULL &&
           strcmp(name, "@") != 0 && (length < 5 || strcmp(name + length - 5, ".lock") != 0);
}

void settings_check_repository(struct decoder *decoder, void *object,
                               const struct yaml_node *mapping, uint64_t seen)
{
    struct repository_settings *own = object;
    (void)mapping;
    (void)seen;
    const char *problem = own->url.text == NULL ? NULL : repository_problem(own->url.text);
    if (problem != NULL)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_URL", own->url.at, NULL,
                      "the repository's URL %s", problem);
    else
        check_repository_auth(decoder, own);
    if (own->branch.text != NULL && !is_branch(own->branch.text))
        error(decoder, "E_FORM", own->branch.at,
              "\"branch\" is no name that git lets a branch have",
              "write the branch's name alone, without refs/heads/ or origin/");
    if (own->user.text == NULL && own->auth != REPOSITORY_AUTH_NONE)
        own->user.text = own->auth == REPOSITORY_AUTH_SSH ? "git" : "x-access-token";
}

/* --- platform --------------------------------------------------------------------------------- */

static void trim_url(struct decoder *decoder, struct manifest_text *url)
{
    size_t length = strlen(url->text);
    while (length > 0 && url->text[length - 1] == '/')
        length--;
    if (length >= 7 && strncmp(url->text + length - 7, "/api/v1", 7) == 0)
        error(decoder, "E_URL", url->at, "the platform's URL ends with /api/v1",
              "write what stands before it");
    url->text = arena_copy(decoder->arena, url->text, length);
    if (url->text == NULL)
        decoder->status = -ENOMEM;
}

void settings_check_platform(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                             uint64_t seen)
{
    struct platform_settings *own = object;
    (void)mapping;
    (void)seen;
    if (own->url.text != NULL) {
        trim_url(decoder, &own->url);
        if (own->url.text != NULL && strncmp(own->url.text, "http", 4) != 0)
            error(decoder, "E_URL", own->url.at, "the platform's URL is neither https nor http",
                  "write https://...");
    }
    if (own->auth != PLATFORM_AUTH_NONE && !is_given(&own->identity.secret))
        error(decoder, "E_AUTH", own->at, "platform: this auth needs a secret",
              "add secret: {credential: NAME}");
    if (own->auth == PLATFORM_AUTH_NONE && is_given(&own->identity.secret))
        error(decoder, "E_AUTH", own->identity.secret.at, "platform: a secret that nothing uses",
              "write auth: token or oauth");
    if (own->auth == PLATFORM_AUTH_OAUTH && own->identity.client_id.text == NULL)
        error(decoder, "E_AUTH", own->at, "platform: auth oauth needs clientId", "add clientId");
    if (own->auth != PLATFORM_AUTH_OAUTH &&
        (own->identity.client_id.text != NULL || own->identity.issuer.text != NULL ||
         own->identity.token_url.text != NULL))
        error(decoder, "E_AUTH", own->at,
              "platform: clientId, issuer and tokenUrl belong to auth oauth",
              "write auth: oauth, or remove them");
}

/* --- relations -------------------------------------------------------------------------------- */

static void check_order(struct decoder *decoder, const struct manifest_duration *shorter,
                        const struct manifest_duration *longer, const char *message)
{
    if (shorter->set && longer->set && shorter->value.ms > longer->value.ms) {
        const bool first = shorter->at.line > 0;
        error(decoder, "E_RELATION", first ? shorter->at : longer->at, message,
              "change one of the two");
    }
}

/* Four numbers up to 255; or, in brackets, what IPv6 addresses are made of: the daemon reads it
 * closely when it listens. */
static bool is_numeric_host(const char *host, size_t length)
{
    if (host[0] == '[')
        return length > 3 && host[length - 1] == ']' &&
               strspn(host + 1, "0123456789abcdefABCDEF:.") == length - 2 &&
               memchr(host, ':', length) != NULL;
    unsigned parts = 0;
    for (size_t i = 0; i < length; parts++) {
        const size_t digits = strspn(host + i, "0123456789");
        if (digits == 0 || digits > 3 || (digits > 1 && host[i] == '0') ||
            strtol(host + i, NULL, 10) > 255)
            return false;
        i += digits;
        if (i < length && (host[i++] != '.' || i == length))
            return false;
    }
    return parts == 4;
}

/* "127.0.0.1:9464", "[::1]:9464". */
static bool is_listen_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    return colon != NULL && colon[1] != '\0' && strlen(colon + 1) <= 5 &&
           strspn(colon + 1, "0123456789") == strlen(colon + 1) &&
           strtol(colon + 1, NULL, 10) <= 65535 && is_numeric_host(text, (size_t)(colon - text));
}

void settings_check_all(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                        uint64_t seen)
{
    struct settings *own = object;
    (void)mapping;
    (void)seen;
    check_socket(decoder, &own->status_socket, false);
    check_socket(decoder, &own->admin_socket, true);
    if (own->status_socket.path.text != NULL && own->admin_socket.path.text != NULL &&
        strcmp(own->status_socket.path.text, own->admin_socket.path.text) == 0)
        error(decoder, "E_RELATION", own->admin_socket.path.at,
              "looking and acting would share one socket", "give adminSocket another path");
    check_order(decoder, &own->platform.connect_timeout, &own->platform.request_timeout,
                "connectTimeout is longer than requestTimeout");
    check_order(decoder, &own->platform.active_interval, &own->platform.idle_interval,
                "activeInterval is longer than idleInterval");
    check_order(decoder, &own->engine.retry_first, &own->engine.retry_longest,
                "retryFirst is longer than retryLongest");
    settings_check_metrics(decoder, own);
    if (own->metrics_listen.text != NULL && !is_listen_address(own->metrics_listen.text))
        error(decoder, "E_FORM", own->metrics_listen.at, "metricsListen is no address with a port",
              "write 127.0.0.1:9464");
}
