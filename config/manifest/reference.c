#include "config/manifest/reference.h"

#include <string.h>
#include <strings.h>

#define PATH_LIMIT 1024u
#define IMAGE_LIMIT 512u
#define URL_LIMIT 2048u

/* What git and the file systems of others take for the repository's own folder. */
static bool is_git_folder(const char *name, size_t length)
{
    return (length == 4 && strncasecmp(name, ".git", 4) == 0) ||
           (length == 5 && strncasecmp(name, "git~1", 5) == 0);
}

const char *reference_path_problem(const char *path, size_t length)
{
    if (length == 0)
        return "is empty";
    if (length > PATH_LIMIT)
        return "is longer than 1024 characters";
    if (path[0] == '/')
        return "is absolute: write it from the repository's root, without the leading slash";
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)path[i] < 0x20 || path[i] == '\\' || path[i] == ':')
            return "has a character that no path here may have";
    }
    for (size_t start = 0; start <= length;) {
        const char *slash = memchr(path + start, '/', length - start);
        const size_t end = slash == NULL ? length : (size_t)(slash - path);
        const size_t size = end - start;
        if (size == 0)
            return "has an empty element (// or a slash at the end)";
        if ((size == 1 && path[start] == '.') ||
            (size == 2 && path[start] == '.' && path[start + 1] == '.'))
            return "leads upwards or nowhere with . or ..";
        if (is_git_folder(path + start, size))
            return "leads into the repository's own folder";
        start = end + 1;
    }
    return NULL;
}

static bool is_image_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("._-/:@", c) != NULL;
}

static bool is_digest(const char *digest)
{
    if (strncmp(digest, "sha256:", 7) != 0)
        return false;
    digest += 7;
    return strlen(digest) == 64 && strspn(digest, "0123456789abcdef") == 64;
}

const char *reference_image_problem(const char *image, size_t length)
{
    if (length == 0)
        return "is empty";
    if (length > IMAGE_LIMIT)
        return "is longer than 512 characters";
    for (size_t i = 0; i < length; i++) {
        if (image[i] == '\0' || !is_image_character(image[i]))
            return "has a character that no image reference may have";
    }
    const char *at = strchr(image, '@');
    if (at != NULL)
        return at > image && is_digest(at + 1) ? NULL
                                               : "has a digest that is not sha256: and 64 digits";
    const char *name = strrchr(image, '/');
    const char *tag = strchr(name == NULL ? image : name, ':');
    if (tag == NULL)
        return "has neither a tag nor a digest";
    if (tag == image || tag[1] == '\0' || strlen(tag + 1) > 128)
        return "has an empty name, or a tag that is empty or longer than 128 characters";
    return NULL;
}

static bool is_loopback(const char *host, size_t length)
{
    return (length >= 9 && strncmp(host + length - 9, "localhost", 9) == 0 &&
            (length == 9 || host[length - 10] == '.')) ||
           (length >= 4 && strncmp(host, "127.", 4) == 0) ||
           (length == 5 && strncmp(host, "[::1]", 5) == 0);
}

static const char *check_port(const char *port, size_t length)
{
    unsigned value = 0;
    for (size_t i = 0; i < length; i++) {
        if (port[i] < '0' || port[i] > '9' || value > 65535)
            return "has a port that is none";
        value = value * 10 + (unsigned)(port[i] - '0');
    }
    return length > 0 && value > 0 && value <= 65535 ? NULL : "has a port that is none";
}

const char *reference_url_problem(const char *url, size_t length, bool encrypted)
{
    if (length > URL_LIMIT)
        return "is longer than 2048 characters";
    const char *separator = strstr(url, "://");
    if (separator == NULL || separator == url)
        return "has no scheme: write https://...";
    for (size_t i = 0; i < length; i++) {
        if (url[i] <= ' ' || (unsigned char)url[i] >= 0x7F || strchr("\\\"<>^`{}|", url[i]) != NULL)
            return "has a character that may not stand in a URL";
    }
    const char *host = separator + 3;
    const size_t authority = strcspn(host, "/?#");
    if (strchr(url, '#') != NULL)
        return "has a fragment (#...), which means nothing here";
    if (memchr(host, '@', authority) != NULL)
        return "has a user or password in it: give them as credential";
    if (authority == 0)
        return "has no host";
    size_t host_length = authority;
    const char *bracket = host[0] == '[' ? memchr(host, ']', authority) : host;
    if (bracket == NULL)
        return "has a host that is none";
    const char *colon = memchr(bracket, ':', authority - (size_t)(bracket - host));
    if (colon != NULL) {
        const char *problem = check_port(colon + 1, authority - (size_t)(colon + 1 - host));
        if (problem != NULL)
            return problem;
        host_length = (size_t)(colon - host);
    }
    if (encrypted && strncmp(url, "http://", 7) == 0 && !is_loopback(host, host_length))
        return "is not encrypted: http:// is for this machine only, use https://";
    return NULL;
}
