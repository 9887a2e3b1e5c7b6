#include "daemon/http/address.h"

#include "config/base/text.h"

#include <curl/curl.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ADDRESS_LIMIT 2048

static bool ends_with_localhost(const char *host)
{
    static const char name[] = "localhost";
    const size_t length = strlen(host);
    const size_t wanted = sizeof(name) - 1;
    if (length < wanted || strcasecmp(host + length - wanted, name) != 0)
        return false;
    return length == wanted || host[length - wanted - 1] == '.';
}

/* libcurl has brought numeric addresses into their usual form, and looks names below "localhost" up
 * nowhere. */
static bool is_loopback(const char *host)
{
    const size_t digits = strspn(host, "0123456789.");
    if (host[digits] == '\0' && strncmp(host, "127.", 4) == 0)
        return true;
    return strcmp(host, "[::1]") == 0 || ends_with_localhost(host);
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *value = NULL;
    const bool found = curl_url_get(url, part, &value, 0) == CURLUE_OK;
    curl_free(value);
    return found;
}

static int check_parts(CURLU *url, const char *what, struct error *err)
{
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s must not contain a user or password: use a credential", what);
    if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s must not contain a query or fragment ('?' or '#')", what);
    return 0;
}

static int examine(struct address *address, const char *scheme, const char *host,
                   bool allow_plaintext, const char *what, struct error *err)
{
    address->plaintext = strcmp(scheme, "http") == 0;
    address->loopback = is_loopback(host);
    if (!address->plaintext && strcmp(scheme, "https") != 0)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s must begin with https://, not %.16s:", what, scheme);
    if (address->plaintext && !address->loopback && !allow_plaintext)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s begins with http://, but %.200s is not this machine: celld sends "
                         "credentials over https only",
                         what, host);
    return 0;
}

static int take_url(struct address *address, CURLU *url, struct error *err)
{
    char *normal = NULL;
    if (curl_url_get(url, CURLUPART_URL, &normal, 0) != CURLUE_OK)
        return error_no_memory(err);
    size_t length = strlen(normal);
    while (length > 0 && normal[length - 1] == '/')
        length--;
    address->url = strndup(normal, length);
    curl_free(normal);
    return address->url == NULL ? error_no_memory(err) : 0;
}

static int read_url(struct address *address, CURLU *url, bool allow_plaintext, const char *what,
                    struct error *err)
{
    int result = check_parts(url, what, err);
    char *scheme = NULL, *host = NULL;
    if (result == 0 && (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
                        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK))
        result = error_set(err, ERROR_INVALID, ERR_INVALID, "%s names no host", what);
    if (result == 0 && scheme != NULL && host != NULL)
        result = examine(address, scheme, host, allow_plaintext, what, err);
    if (result == 0)
        result = take_url(address, url, err);
    curl_free(scheme);
    curl_free(host);
    return result;
}

int address_init(struct address *address, const char *url, bool allow_plaintext, const char *what,
                 struct error *err)
{
    *address = (struct address){.url = NULL};
    if (strlen(url) > ADDRESS_LIMIT)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "%s is longer than %d characters", what,
                         ADDRESS_LIMIT);
    CURLU *parsed = curl_url();
    if (parsed == NULL)
        return error_no_memory(err);
    int result = 0;
    const CURLUcode code = curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    if (code != CURLUE_OK)
        result = error_set(err, ERROR_INVALID, ERR_INVALID,
                           "%s is not an absolute URL such as https://host:8443 (%s)", what,
                           curl_url_strerror(code));
    else
        result = read_url(address, parsed, allow_plaintext, what, err);
    curl_url_cleanup(parsed);
    return result;
}

void address_fini(struct address *address)
{
    free(address->url);
    *address = (struct address){.url = NULL};
}

char *address_join(const struct address *address, const char *path)
{
    struct text text;
    text_init(&text, (size_t)64 * 1024);
    text_add(&text, address->url);
    text_add(&text, path);
    char *url = text_take(&text);
    text_fini(&text);
    return url;
}
