#include "daemon/http/address.h"
#include "daemon/http/filter.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *url;
    const char *normal; /* NULL = refused */
    bool loopback, needs_plaintext;
    const char *text;
} addresses[] = {
    {"https://api.example", "https://api.example", false, false, ""},
    {"https://api.example/", "https://api.example", false, false, ""},
    {"https://api.example:8443/choreo/", "https://api.example:8443/choreo", false, false, ""},
    {"HTTPS://api.example", "https://api.example", false, false, ""},
    {"http://127.0.0.1:8080", "http://127.0.0.1:8080", true, false, ""},
    {"http://127.1.2.3", "http://127.1.2.3", true, false, ""},
    {"http://[::1]:80", "http://[::1]:80", true, false, ""},
    {"http://localhost:8080", "http://localhost:8080", true, false, ""},
    {"http://thunder.openchoreo.localhost:8080", "http://thunder.openchoreo.localhost:8080", true,
     false, ""},
    {"http://api.example", "http://api.example", false, true, "over https only"},
    {"http://128.0.0.1", "http://128.0.0.1", false, true, "over https only"},
    {"http://127.0.0.1.example", "http://127.0.0.1.example", false, true, "over https only"},
    {"http://notlocalhost", "http://notlocalhost", false, true, "over https only"},
    {"http://localhost.example", "http://localhost.example", false, true, "over https only"},
    {"https://user:secret@api.example", NULL, false, false, "must not contain a user"},
    {"https://token@api.example", NULL, false, false, "must not contain a user"},
    {"https://api.example?x=1", NULL, false, false, "query or fragment"},
    {"https://api.example#x", NULL, false, false, "query or fragment"},
    {"ftp://api.example", NULL, false, false, "must begin with https://"},
    {"file:///etc/passwd", NULL, false, false, ""},
    {"api.example", NULL, false, false, "not an absolute URL"},
    {"", NULL, false, false, "not an absolute URL"},
    {"https://", NULL, false, false, "not an absolute URL"},
    {"https://api.example:99999", NULL, false, false, "not an absolute URL"},
    {"https://api.example/a b", NULL, false, false, "not an absolute URL"},
    {"https://api.example\r\nX: y", NULL, false, false, "not an absolute URL"},
};

static void check_address(size_t row, bool allow_plaintext)
{
    struct address address;
    struct error err = {.detail = ""};
    const int result = address_init(&address, addresses[row].url, allow_plaintext, "it", &err);
    const bool wanted =
        addresses[row].normal != NULL && (allow_plaintext || !addresses[row].needs_plaintext);
    cr_expect_eq(result == 0, wanted, "%s: %s", addresses[row].url, err.detail);
    cr_expect_null(strstr(err.detail, "secret"), "%s", err.detail);
    if (wanted) {
        cr_expect_str_eq(address.url, addresses[row].normal);
        cr_expect_eq(address.loopback, addresses[row].loopback, "%s", addresses[row].url);
        cr_expect_eq(address.plaintext, strncmp(address.url, "http:", 5) == 0);
    } else {
        cr_expect_not_null(strstr(err.detail, addresses[row].text), "%s: %s", addresses[row].url,
                           err.detail);
        cr_expect_null(address.url);
    }
    address_fini(&address);
}

Test(address, credentials_go_over_https_or_stay_on_this_machine)
{
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        check_address(i, false);
        check_address(i, true);
    }
}

Test(address, too_long)
{
    static char url[4000] = "https://api.example/";
    memset(url + 20, 'x', sizeof(url) - 21);
    struct address address;
    struct error err;
    cr_expect_eq(address_init(&address, url, false, "it", &err), ERR_LIMIT);
}

Test(address, paths_are_joined)
{
    struct address address;
    cr_assert_eq(address_init(&address, "https://api.example/choreo/", false, "it", NULL), 0);
    char *url = address_join(&address, "/api/v1/namespaces?limit=1");
    cr_expect_str_eq(url, "https://api.example/choreo/api/v1/namespaces?limit=1");
    free(url);
    address_fini(&address);
}

static const struct {
    const char *path;
    const char *ignored; /* NULL = all of them work */
} paths[] = {
    {"/api/v1/namespaces/a/components", NULL},
    {"/api/v1/namespaces/a/components?project=p", NULL},
    {"/api/v1/namespaces/a/components?project=p&labelSelector=a%3Db", NULL},
    {"/api/v1/namespaces/a/components?component=c", "component"},
    {"/api/v1/namespaces/a/projectreleases?project=p", NULL},
    {"/api/v1/namespaces/a/projectreleasebindings?project=p", NULL},
    {"/api/v1/namespaces/a/releasebindings?project=p", "project"},
    {"/api/v1/namespaces/a/releasebindings?component=c", NULL},
    {"/api/v1/namespaces/a/releasebindings?component=c&environment=e", "environment"},
    {"/api/v1/namespaces/a/workloads?project=p", "project"},
    {"/api/v1/namespaces/a/workloads?component=c", NULL},
    {"/api/v1/namespaces/a/componentreleases?component=c", NULL},
    {"/api/v1/namespaces/a/componentreleases?project=p", "project"},
    {"/api/v1/namespaces?labelSelector=x", NULL},
    {"/api/v1/namespaces?name=x", "name"},
    {"/api/v1/namespaces?limit=3", "limit"},
};

Test(filter, only_those_that_the_server_obeys)
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char name[FILTER_NAME_SIZE] = "";
        const bool works = filter_check_path(paths[i].path, name);
        cr_expect_eq(works, paths[i].ignored == NULL, "%s", paths[i].path);
        if (paths[i].ignored != NULL)
            cr_expect_str_eq(name, paths[i].ignored);
    }
}
