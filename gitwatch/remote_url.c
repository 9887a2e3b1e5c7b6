#include "gitwatch/remote_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_INVALID, ERR_INVALID,
                     "the repository's address %s; it must look like https://host/path, "
                     "ssh://user@host/path, user@host:path or file:///path",
                     why);
}

static bool has_bad_character(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c <= 0x20 || *c >= 0x7f || strchr("\\\"<>^`{|}", *c) != NULL)
            return true;
    return false;
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_host(const char *host, bool bracketed)
{
    if (host[0] == '\0' || host[0] == '-' || host[0] == '.')
        return false;
    for (const unsigned char *c = (const unsigned char *)host; *c != '\0'; c++)
        if (!isalnum(*c) && *c != '-' && *c != '.' && !(bracketed && *c == ':'))
            return false;
    return true;
}

static bool is_user(const char *user)
{
    if (user[0] == '-')
        return false;
    for (const unsigned char *c = (const unsigned char *)user; *c != '\0'; c++)
        if (!isalnum(*c) && strchr("-._", *c) == NULL)
            return false;
    return true;
}

static bool copy_part(const char *from, size_t length, char ret_part[static REMOTE_HOST_LIMIT])
{
    if (length >= REMOTE_HOST_LIMIT)
        return false;
    memcpy(ret_part, from, length);
    ret_part[length] = '\0';
    return true;
}

/* [user@]host[:port], ending at `end`. */
static int parse_authority(const char *start, const char *end, struct remote_url *url,
                           struct error *err)
{
    const char *at = memrchr(start, '@', (size_t)(end - start));
    if (at != NULL) {
        if (memchr(start, ':', (size_t)(at - start)) != NULL)
            return refuse(err, "holds a password, which belongs into a credential");
        if (url->scheme != REMOTE_SSH)
            return refuse(err, "holds a user name or token, which belongs into a credential");
        if (at == start || !copy_part(start, (size_t)(at - start), url->user) ||
            !is_user(url->user))
            return refuse(err, "has a user name that celld does not accept");
        start = at + 1;
    }
    const char *host_end = end;
    const char *port = NULL;
    const bool bracketed = *start == '[';
    if (bracketed) {
        const char *close = memchr(start, ']', (size_t)(end - start));
        if (close == NULL)
            return refuse(err, "has an IPv6 host without ']'");
        start++;
        host_end = close;
        port = close + 1 < end ? close + 1 : NULL;
        if (port != NULL && *port != ':')
            return refuse(err, "has something between host and port");
    } else {
        port = memchr(start, ':', (size_t)(end - start));
        host_end = port == NULL ? end : port;
    }
    if (!copy_part(start, (size_t)(host_end - start), url->host) || !is_host(url->host, bracketed))
        return refuse(err, "has no valid host");
    for (char *c = url->host; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    if (port == NULL)
        return 0;
    uint32_t number = 0;
    for (const char *c = port + 1; c < end; c++) {
        if (!isdigit((unsigned char)*c) || number > UINT16_MAX)
            return refuse(err, "has a port that is no number from 1 to 65535");
        number = number * 10 + (uint32_t)(*c - '0');
    }
    if (number == 0 || number > UINT16_MAX)
        return refuse(err, "has a port that is no number from 1 to 65535");
    url->port = (uint16_t)number;
    return 0;
}

static const struct {
    const char *prefix;
    enum remote_scheme scheme;
    uint16_t port;
} schemes[] = {
    {"https://", REMOTE_HTTPS, 443},
    {"http://", REMOTE_HTTP, 80},
    {"ssh://", REMOTE_SSH, 22},
    {"file://", REMOTE_FILE, 0},
};

static int parse_scheme(const char *text, struct remote_url *url, struct error *err)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        const size_t length = strlen(schemes[i].prefix);
        if (strncasecmp(text, schemes[i].prefix, length) != 0)
            continue;
        const char *start = text + length;
        url->scheme = schemes[i].scheme;
        url->port = schemes[i].port;
        if (url->scheme == REMOTE_FILE)
            return *start == '/' ? 0 : refuse(err, "has no absolute path behind file://");
        const char *slash = strchr(start, '/');
        if (slash == NULL || slash[1] == '\0')
            return refuse(err, "names no repository on its host");
        return parse_authority(start, slash, url, err);
    }
    return refuse(err, "has a scheme that celld does not speak");
}

/* user@host:path, as git and ssh users write it. */
static int parse_scp(const char *text, struct remote_url *url, struct error *err)
{
    const char *colon = strchr(text, ':');
    const char *at = strchr(text, '@');
    if (colon == NULL || at == NULL || at > colon || colon[1] == '\0')
        return refuse(err, "is neither a URL nor user@host:path");
    url->scheme = REMOTE_SSH;
    url->port = 22;
    return parse_authority(text, colon, url, err);
}

int remote_url_parse(const char *text, struct remote_url *ret_url, struct error *err)
{
    struct remote_url url = {.scheme = REMOTE_FILE};
    const size_t length = strnlen(text, REMOTE_URL_LIMIT);
    if (length == 0)
        return refuse(err, "is empty");
    if (length == REMOTE_URL_LIMIT)
        return refuse(err, "is longer than 1023 bytes");
    if (has_bad_character(text))
        return refuse(err, "holds a space, control or non-ASCII character");
    int status = 0;
    if (strstr(text, "://") != NULL)
        status = parse_scheme(text, &url, err);
    else if (text[0] != '/')
        status = parse_scp(text, &url, err);
    if (status < 0)
        return status;
    if (url.scheme != REMOTE_FILE && strpbrk(text, "?#") != NULL)
        return refuse(err, "has a query or fragment");
    if (url.scheme == REMOTE_HTTP && !is_loopback(url.host))
        return refuse(err, "uses http to another machine, where anybody can read and change it: "
                           "use https");
    memcpy(url.text, text, length + 1);
    *ret_url = url;
    return 0;
}

bool remote_url_same_origin(const struct remote_url *configured, const struct remote_url *asked)
{
    return configured->scheme == asked->scheme && configured->port == asked->port &&
           strcmp(configured->host, asked->host) == 0;
}

/* git-check-ref-format(1), without libgit2 so that settings can be checked anywhere. */
static const char *ref_problem(const char *name)
{
    if (name[0] == '\0')
        return "is empty";
    if (strcmp(name, "@") == 0 || name[0] == '-' || name[0] == '/')
        return "begins with a character that a branch cannot begin with";
    const size_t length = strlen(name);
    if (name[length - 1] == '/' || name[length - 1] == '.')
        return "ends with '/' or '.'";
    if (strstr(name, "..") != NULL || strstr(name, "//") != NULL || strstr(name, "@{") != NULL ||
        strstr(name, "/.") != NULL || name[0] == '.' || strstr(name, ".lock/") != NULL)
        return "holds '..', '//', '@{', or a step that begins with '.' or ends with '.lock'";
    if (length >= 5 && strcmp(name + length - 5, ".lock") == 0)
        return "ends with '.lock'";
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++)
        if (*c <= 0x20 || *c >= 0x7f || strchr("~^:?*[\\", *c) != NULL)
            return "holds a character that a branch cannot have";
    return NULL;
}

int remote_url_ref(const char *name, char ret_ref[static REMOTE_REF_LIMIT], struct error *err)
{
    const bool full = strncmp(name, "refs/", 5) == 0;
    const char *problem = NULL;
    if (strnlen(name, REMOTE_REF_LIMIT) > REMOTE_REF_LIMIT - sizeof("refs/heads/"))
        problem = "is too long";
    else if (full && strncmp(name, "refs/heads/", 11) != 0 && strncmp(name, "refs/tags/", 10) != 0)
        problem = "is neither below refs/heads/ nor below refs/tags/";
    else
        problem = ref_problem(name);
    if (problem != NULL)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "the branch's name %s; a name like main, release/1.0 or refs/tags/v1.0 "
                         "would be right",
                         problem);
    snprintf(ret_ref, REMOTE_REF_LIMIT, "%s%s", full ? "" : "refs/heads/", name);
    return 0;
}
