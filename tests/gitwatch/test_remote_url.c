#include "gitwatch/fetch_request.h"
#include "gitwatch/host_key.h"
#include "gitwatch/remote_url.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct {
    const char *text, *user, *host;
    enum remote_scheme scheme;
    uint16_t port;
} good[] = {
    {"https://git.example.com/team/shop.git", "", "git.example.com", REMOTE_HTTPS, 443},
    {"HTTPS://Git.Example.com:8443/x", "", "git.example.com", REMOTE_HTTPS, 8443},
    {"http://localhost:3000/x", "", "localhost", REMOTE_HTTP, 3000},
    {"http://127.0.0.9/x", "", "127.0.0.9", REMOTE_HTTP, 80},
    {"http://[::1]:80/x", "", "::1", REMOTE_HTTP, 80},
    {"ssh://git@git.example.com:2222/x", "git", "git.example.com", REMOTE_SSH, 2222},
    {"ssh://git.example.com/x", "", "git.example.com", REMOTE_SSH, 22},
    {"git@git.example.com:team/shop.git", "git", "git.example.com", REMOTE_SSH, 22},
    {"file:///srv/git/shop.git", "", "", REMOTE_FILE, 0},
    {"/srv/git/shop.git", "", "", REMOTE_FILE, 0},
};

Test(remote_url, accepts)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct remote_url url;
        struct error error;
        cr_assert(remote_url_parse(good[i].text, &url, &error) == 0, "%s: %s", good[i].text,
                  error.detail);
        cr_assert(url.scheme == good[i].scheme && url.port == good[i].port, "%s", good[i].text);
        cr_assert_str_eq(url.host, good[i].host);
        cr_assert_str_eq(url.user, good[i].user);
    }
}

static const struct {
    const char *text, *words;
} bad[] = {
    {"", "is empty"},
    {"shop", "neither a URL"},
    {"relative/path", "neither a URL"},
    {"ftp://host/x", "scheme"},
    {"git://host/x", "scheme"},
    {"ext::sh -c true", "space"},
    {"https://user:canary-secret@host/x", "password"},
    {"https://canary-secret@host/x", "user name or token"},
    {"http://git.example.com/x", "http to another machine"},
    {"http://127.0.0.1.example.com/x", "http to another machine"},
    {"http://localhost.example.com/x", "http to another machine"},
    {"https://host", "names no repository"},
    {"https://host/", "names no repository"},
    {"https:///x", "no valid host"},
    {"https://-oProxyCommand=x/y", "no valid host"},
    {"ssh://-oProxyCommand=x/y", "no valid host"},
    {"ssh://-l@host/y", "user name"},
    {"git@-host:x", "no valid host"},
    {"https://host:0/x", "port"},
    {"https://host:65536/x", "port"},
    {"https://host:99999999999999/x", "port"},
    {"https://host:8x/x", "port"},
    {"https://[::1/x", "']'"},
    {"https://host/x?y", "query"},
    {"https://host/x#y", "query"},
    {"https://host/x\n", "control"},
    {"https://host/x\\y", "character"},
    {"https://h\xc3\xb6st/x", "non-ASCII"},
    {"file://relative", "absolute"},
};

Test(remote_url, refuses)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct remote_url url;
        struct error error;
        cr_assert(remote_url_parse(bad[i].text, &url, &error) == ERR_INVALID, "%s", bad[i].text);
        cr_assert(error.kind == ERROR_INVALID);
        cr_assert_not_null(strstr(error.detail, bad[i].words), "%s: %s", bad[i].text, error.detail);
        cr_assert_null(strstr(error.detail, "canary"), "the message repeats a secret");
    }
    char long_url[2048] = "https://host/";
    memset(long_url + 13, 'x', 1500);
    struct remote_url url;
    cr_assert(remote_url_parse(long_url, &url, NULL) == ERR_INVALID);
}

Test(remote_url, gives_a_credential_to_its_origin_only)
{
    static const char *const others[] = {
        "https://git.example.com:8443/x", "http://localhost/x", "https://evil.example.com/x",
        "ssh://git@git.example.com:443/x", "https://git.example.com.evil.com/x"};
    struct remote_url configured;
    struct remote_url asked;
    cr_assert(remote_url_parse("https://git.example.com/a", &configured, NULL) == 0);
    cr_assert(remote_url_parse("https://GIT.example.com:443/b", &asked, NULL) == 0);
    cr_assert(remote_url_same_origin(&configured, &asked));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        cr_assert(remote_url_parse(others[i], &asked, NULL) == 0, "%s", others[i]);
        cr_assert(!remote_url_same_origin(&configured, &asked), "%s", others[i]);
    }
}

Test(remote_url, names_of_branches)
{
    static const struct {
        const char *name, *full;
    } names[] = {
        {"main", "refs/heads/main"},
        {"release/1.0", "refs/heads/release/1.0"},
        {"refs/heads/main", "refs/heads/main"},
        {"refs/tags/v1.0", "refs/tags/v1.0"},
        {"", NULL},
        {"-x", NULL},
        {"a..b", NULL},
        {"a//b", NULL},
        {"/a", NULL},
        {"a/", NULL},
        {"a.", NULL},
        {".a", NULL},
        {"a/.b", NULL},
        {"a.lock", NULL},
        {"a.lock/b", NULL},
        {"a b", NULL},
        {"a~1", NULL},
        {"a^", NULL},
        {"a:b", NULL},
        {"a?", NULL},
        {"*", NULL},
        {"a[", NULL},
        {"a\\b", NULL},
        {"a@{1}", NULL},
        {"@", NULL},
        {"a\x7f", NULL},
        {"a\xc3\xa4", NULL},
        {"refs/celld/keep/x", NULL},
        {"refs/pull/1/head", NULL},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char ref[REMOTE_REF_LIMIT];
        struct error error;
        const int status = remote_url_ref(names[i].name, ref, &error);
        cr_assert((status == 0) == (names[i].full != NULL), "%s", names[i].name);
        if (status == 0)
            cr_assert_str_eq(ref, names[i].full);
        else
            cr_assert_not_null(strstr(error.detail, "branch's name"), "%s", error.detail);
    }
}

static struct fetch_request sound(void)
{
    return (struct fetch_request){
        .url = "https://git.example.com/x",
        .ref = "main",
        .mirror = "/var/lib/celld/mirror",
        .limits = fetch_limits_default(),
        .deadline = DURATION_S(60),
    };
}

static void assert_refused(const struct fetch_request *request, const char *words)
{
    struct error error;
    cr_assert(fetch_request_check(request, &error) < 0, "%s", words);
    cr_assert_not_null(strstr(error.detail, words), "%s, not %s", error.detail, words);
}

Test(fetch_request, is_checked)
{
    struct fetch_request request = sound();
    cr_assert(fetch_request_check(&request, NULL) == 0);
    request.mirror = "relative";
    assert_refused(&request, "not absolute");
    request = sound();
    request.deadline = DURATION_MS(0);
    assert_refused(&request, "is 0");
    request = sound();
    request.credential = FETCH_CREDENTIAL_PASSWORD;
    assert_refused(&request, "neither a value nor a file");
    request.secret = "";
    assert_refused(&request, "neither a value nor a file");
    request.secret = "x";
    cr_assert(fetch_request_check(&request, NULL) == 0);
    request.passphrase = "x";
    assert_refused(&request, "only an SSH key");
    request.passphrase = NULL;
    request.url = "/srv/git";
    assert_refused(&request, "http and https");
    request.url = "ssh://git@host/x";
    assert_refused(&request, "http and https");
    request.credential = FETCH_CREDENTIAL_NONE;
    assert_refused(&request, "private key");
    request.credential = FETCH_CREDENTIAL_SSH_KEY;
    assert_refused(&request, "host key");
    const char *const keys[] = {"SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg"};
    const char *const wrong_keys[] = {"MD5:00"};
    request.host_keys = keys;
    request.host_key_count = 1;
    cr_assert(fetch_request_check(&request, NULL) == 0);
    request.host_keys = wrong_keys;
    assert_refused(&request, "43 base64");
    request = sound();
    request.credential = FETCH_CREDENTIAL_SSH_KEY;
    request.secret = "x";
    assert_refused(&request, "ssh repositories only");
}

Test(fetch_request, survives_the_way_to_the_worker)
{
    const char *const keys[] = {"SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg"};
    struct fetch_request request = sound();
    request.url = "ssh://git@host/x";
    request.credential = FETCH_CREDENTIAL_SSH_KEY;
    request.secret = "line 1\nline 2\n";
    request.passphrase_file = "/run/passphrase";
    request.host_keys = keys;
    request.host_key_count = 1;
    request.require_fast_forward = true;
    request.username = "";
    request.ca_file = "";
    json_t *json = fetch_request_to_json(&request);
    struct fetch_request back;
    const char *back_keys[FETCH_HOST_KEY_LIMIT];
    struct error error;
    cr_assert(fetch_request_from_json(json, &back, back_keys, &error) == 0, "%s", error.detail);
    cr_assert_str_eq(back.secret, request.secret);
    cr_assert_str_eq(back.host_keys[0], keys[0]);
    cr_assert_str_eq(back.passphrase_file, request.passphrase_file);
    cr_assert_null(back.passphrase);
    cr_assert(back.ca_file == NULL && back.username == NULL, "empty is the same as not given");
    cr_assert(back.require_fast_forward && !back.reclone && !back.may_reclone);
    cr_assert_eq(back.limits.download_bytes, request.limits.download_bytes);
    cr_assert_eq(back.limits.objects, request.limits.objects);
    cr_assert_eq(back.limits.object_bytes, request.limits.object_bytes);
    cr_assert_eq(back.limits.memory_bytes, request.limits.memory_bytes);
    cr_assert_eq(back.limits.cpu_seconds, request.limits.cpu_seconds);
    cr_assert_eq(back.limits.compact_packs, request.limits.compact_packs);
    cr_assert_eq(back.deadline.ms, request.deadline.ms);
    json_object_set_new(json, "credential", json_integer(99));
    cr_assert(fetch_request_from_json(json, &back, back_keys, &error) < 0);
    json_decref(json);
}

/* --- host keys -------------------------------------------------------------------------------- */

#define ED25519_BLOB "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
#define ED25519_PRINT "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"

static const struct {
    const char *text, *fingerprint; /* NULL = refused */
} host_keys[] = {
    {ED25519_PRINT, ED25519_PRINT},
    {"github.com ssh-ed25519 " ED25519_BLOB, ED25519_PRINT},
    {"  host,10.0.0.1\tssh-ed25519  " ED25519_BLOB " a comment", ED25519_PRINT},
    {"|1|hash|hash= ssh-ed25519 " ED25519_BLOB, ED25519_PRINT},
    {"", NULL},
    {"MD5:00", NULL},
    {"SHA256:short", NULL},
    {ED25519_PRINT "=", NULL},
    {"host ssh-ed25519", NULL},
    {"host ssh-rsa " ED25519_BLOB, NULL}, /* another type than the key's own */
    {"host ssh-ed25519 not*base64", NULL},
    {"ssh-ed25519 " ED25519_BLOB, NULL}, /* a line of authorized_keys */
    {"@revoked host ssh-ed25519 " ED25519_BLOB, NULL},
    {"@cert-authority *.host ssh-ed25519 " ED25519_BLOB, NULL},
};

Test(host_key, fingerprints_and_lines_of_known_hosts)
{
    for (size_t i = 0; i < sizeof(host_keys) / sizeof(host_keys[0]); i++) {
        char text[HOST_KEY_SIZE] = "untouched";
        struct error error = {0};
        const int status = host_key_read(host_keys[i].text, text, &error);
        if (host_keys[i].fingerprint == NULL) {
            cr_assert_eq(status, ERR_INVALID, "%s", host_keys[i].text);
            cr_assert_str_eq(text, "untouched");
            cr_assert_not_null(strstr(error.detail, "ssh-keygen"));
        } else {
            cr_assert_eq(status, 0, "%s: %s", host_keys[i].text, error.detail);
            cr_assert_str_eq(text, host_keys[i].fingerprint);
        }
    }
}
