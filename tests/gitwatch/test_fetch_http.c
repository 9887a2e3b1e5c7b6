#include "tests/gitwatch/test_fetch.h"
#include "tests/gitwatch/test_server.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct test_repository repository;
static struct test_server server;
static struct object_id first;

static void start_as(enum test_server_kind kind)
{
    test_repository_init(&repository);
    test_repository_write(&repository, "platform.yaml", "kind: Platform\n");
    first = test_repository_commit(&repository, "first");
    test_server_start_http(&server, &repository, kind);
}

static void start_http(void)
{
    start_as(TEST_SERVER_HTTP);
}

static void start_https(void)
{
    start_as(TEST_SERVER_HTTPS);
}

static void stop(void)
{
    test_server_stop(&server);
    test_repository_fini(&repository);
}

TestSuite(fetch_http, .init = start_http, .fini = stop, .timeout = 120);
TestSuite(fetch_https, .init = start_https, .fini = stop, .timeout = 120);

static struct fetch_request request_now(void)
{
    struct fetch_request request = test_fetch_request(server.url, repository.mirror);
    if (server.ca_file[0] != '\0')
        request.ca_file = server.ca_file;
    return request;
}

static void use_password(struct fetch_request *request, const char *password)
{
    request->credential = FETCH_CREDENTIAL_PASSWORD;
    request->username = TEST_SERVER_USER;
    request->secret = password;
}

static void assert_reason(const struct fetch_request *request, enum fetch_reason reason,
                          const char *words)
{
    const struct fetch_result result = test_fetch(request);
    cr_assert(result.reason == reason, "%s, not %s: %s", fetch_reason_name(result.reason),
              fetch_reason_name(reason), result.error.detail);
    cr_assert_not_null(strstr(result.error.detail, words), "%s", result.error.detail);
    cr_assert_null(strstr(result.error.detail, "canary"), "%s", result.error.detail);
    if (reason == FETCH_OK)
        cr_assert_str_eq(result.commit.hex, first.hex);
}

Test(fetch_http, open_repository)
{
    const struct fetch_request request = request_now();
    assert_reason(&request, FETCH_OK, "");
    test_repository_write(&repository, "platform.yaml", "second\n");
    first = test_repository_commit(&repository, "second");
    assert_reason(&request, FETCH_OK, "");
    assert_reason(&request, FETCH_OK, "");
}

Test(fetch_http, empty_repository)
{
    (void)GIT(&repository, "--git-dir", repository.remote, "update-ref", "-d", "refs/heads/main");
    const struct fetch_request request = request_now();
    assert_reason(&request, FETCH_EMPTY, "no commit yet");
}

/* G11 */
Test(fetch_http, password)
{
    test_server_url(&server, TEST_SERVER_HTTP, "private");
    struct fetch_request request = request_now();
    assert_reason(&request, FETCH_DENIED, "none is configured");
    use_password(&request, "canary-wrong");
    assert_reason(&request, FETCH_DENIED, "refused the configured credential");
    use_password(&request, TEST_SERVER_PASSWORD);
    assert_reason(&request, FETCH_OK, "");
}

Test(fetch_http, password_from_a_file)
{
    char path[256];
    test_server_url(&server, TEST_SERVER_HTTP, "private");
    test_repository_write(&repository, "token", TEST_SERVER_PASSWORD "\n");
    snprintf(path, sizeof(path), "%s/token", repository.work);
    struct fetch_request request = request_now();
    use_password(&request, NULL);
    request.secret_file = path;
    cr_assert(chmod(path, 0644) == 0);
    assert_reason(&request, FETCH_DENIED, "chmod 0600");
    cr_assert(chmod(path, 0400) == 0);
    assert_reason(&request, FETCH_OK, "");
    cr_assert(unlink(path) == 0);
    assert_reason(&request, FETCH_DENIED, "is missing");
    cr_assert(mkfifo(path, 0600) == 0);
    assert_reason(&request, FETCH_DENIED, "no regular file");
}

/* What the server at the other port was shown in Authorization headers: one line per request. */
static void assert_other_saw_no_secret(void)
{
    char path[256];
    char line[256];
    snprintf(path, sizeof(path), "%s/other.log", server.root);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        cr_assert_str_eq(line, "-\n");
    fclose(file);
}

/* G11: libgit2 follows a redirect within a host by itself; the credential never goes along, neither
 * to another host nor to another port. */
Test(fetch_http, redirects_get_no_credential)
{
    static const struct {
        const char *prefix;
        enum fetch_reason reason;
        const char *words;
    } redirects[] = {
        {"moved", FETCH_REDIRECT, "another server than the configured one"},
        {"away", FETCH_REDIRECT, "follows no redirect"},
        {"renamed", FETCH_OK, ""},
    };
    for (size_t i = 0; i < sizeof(redirects) / sizeof(redirects[0]); i++) {
        test_server_url(&server, TEST_SERVER_HTTP, redirects[i].prefix);
        struct fetch_request request = request_now();
        use_password(&request, TEST_SERVER_PASSWORD);
        assert_reason(&request, redirects[i].reason, redirects[i].words);
    }
    assert_other_saw_no_secret();
}

Test(fetch_http, answers_that_are_errors)
{
    static const struct {
        const char *prefix;
        enum fetch_reason reason;
    } answers[] = {
        {"forbidden", FETCH_DENIED}, {"broken", FETCH_UNAVAILABLE}, {"nothing", FETCH_NOT_FOUND}};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        test_server_url(&server, TEST_SERVER_HTTP, answers[i].prefix);
        const struct fetch_request request = request_now();
        assert_reason(&request, answers[i].reason, "");
    }
    test_server_stop(&server);
    const struct fetch_request request = request_now();
    assert_reason(&request, FETCH_UNAVAILABLE, "try again");
}

/* G7: the declared size of an object is looked at before memory is taken for it. */
Test(fetch_http, object_that_a_delta_makes_too_large_is_refused)
{
    (void)test_repository_run(&repository, "sh", "-c",
                              "head -c 3000000 /dev/zero > one; (cat one; echo x) > two", NULL);
    first = test_repository_commit(&repository, "two files, one made from the other");
    struct fetch_request request = request_now();
    request.limits.object_bytes = 1000000;
    assert_reason(&request, FETCH_LIMIT, "raise the limit");
    request.limits.object_bytes = 4000000;
    assert_reason(&request, FETCH_OK, "");
}

Test(fetch_http, limits_of_objects_and_bytes_hold)
{
    struct fetch_request request = request_now();
    request.limits.objects = 2;
    assert_reason(&request, FETCH_LIMIT, "");
    request = request_now();
    request.limits.download_bytes = 100;
    assert_reason(&request, FETCH_LIMIT, "100 bytes");
}

static void make_remote_shallow(const char *option)
{
    char source[160];
    (void)test_repository_run(&repository, "rm", "-rf", repository.remote, NULL);
    snprintf(source, sizeof(source), "file://%s", repository.objects);
    (void)GIT(&repository, "config", "uploadpack.allowFilter", "true");
    (void)GIT(&repository, "clone", "-q", "--bare", option, source, repository.remote);
}

/* G8: what a shallow repository has is enough as long as it holds the commit. */
Test(fetch_http, shallow_repository)
{
    test_repository_write(&repository, "platform.yaml", "second\n");
    first = test_repository_commit(&repository, "second");
    make_remote_shallow("--depth=1");
    const struct fetch_request request = request_now();
    const struct fetch_result result = test_fetch(&request);
    cr_assert(result.reason == FETCH_OK || result.error.kind == ERROR_UNAVAILABLE, "%s: %s",
              fetch_reason_name(result.reason), result.error.detail);
    cr_assert(!result.recloned);
}

/* G8: a partial one lacks contents that celld needs. */
Test(fetch_http, partial_repository_is_refused)
{
    make_remote_shallow("--filter=blob:none");
    (void)test_repository_run(&repository, "rm", "-rf", repository.objects, NULL);
    const struct fetch_request request = request_now();
    const struct fetch_result result = test_fetch(&request);
    cr_assert(result.reason != FETCH_OK, "a commit without its files was taken");
    cr_assert(!result.recloned);
}

Test(fetch_https, private_authority)
{
    struct fetch_request request = request_now();
    assert_reason(&request, FETCH_OK, "");
    request.ca_file = NULL;
    assert_reason(&request, FETCH_CERTIFICATE, "authority");
    request.ca_file = "/nonexistent/ca.pem";
    assert_reason(&request, FETCH_INVALID, "/nonexistent/ca.pem");
}

Test(fetch_https, certificate_for_another_name_is_refused)
{
    char url[160];
    struct fetch_request request = request_now();
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/open/remote.git", server.port);
    request.url = url;
    assert_reason(&request, FETCH_CERTIFICATE, "");
}

Test(fetch_https, password)
{
    test_server_url(&server, TEST_SERVER_HTTPS, "private");
    struct fetch_request request = request_now();
    use_password(&request, TEST_SERVER_PASSWORD);
    assert_reason(&request, FETCH_OK, "");
    use_password(&request, "canary-wrong");
    assert_reason(&request, FETCH_DENIED, "refused the configured credential");
}
