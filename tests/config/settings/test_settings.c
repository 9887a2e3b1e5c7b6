/* celld.yaml: defaults, and bad inputs C1 to C6. */
#include "config/base/json.h"
#include "config/settings/settings.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOOD                                                                                       \
    "repository:\n  url: https://git.example/a.git\nplatform:\n  url: http://127.0.0.1:8080/\n"

static struct settings *read_text(const char *text, size_t length, struct diagnostics *found)
{
    struct settings *settings = NULL;
    const int status = settings_read("celld.yaml", text, length, found, &settings);
    cr_expect_eq(status < 0, settings == NULL);
    cr_expect_eq(status<0, diagnostics_error_count(found)> 0);
    return settings;
}

static const char *all(const struct diagnostics *found)
{
    static char text[65536];
    OWNED_TEXT out;
    text_init(&out, sizeof(text) - 1);
    const int status = diagnostics_write(found, DIAGNOSTIC_TEXT, &out);
    (void)snprintf(text, sizeof(text), "%s%s", text_get(&out), status < 0 ? "..." : "");
    return text;
}

Test(settings, the_least_that_works_has_all_defaults)
{
    struct diagnostics *found = diagnostics_new(100);
    struct settings *s = read_text(GOOD, strlen(GOOD), found);
    cr_assert_not_null(s, "%s", all(found));
    cr_expect_eq(diagnostics_count(found), 0u);
    cr_expect_str_eq(s->repository.branch.text, "main");
    cr_expect_str_eq(s->repository.platform_file.text, "platform.yaml");
    cr_assert_eq(s->repository.cell_files.count, 1u);
    cr_expect_str_eq(s->repository.cell_files.items[0].text, "cells/*/cell.yaml");
    cr_expect_eq(s->repository.interval.value.ms, 30000);
    cr_expect_eq(s->repository.jitter_percent.value, 10);
    cr_expect(s->repository.require_fast_forward.set && !s->repository.require_fast_forward.value);
    cr_expect_str_eq(s->platform.url.text, "http://127.0.0.1:8080");
    cr_expect_eq(s->platform.concurrency.value, 8);
    cr_expect_eq(s->platform.request_timeout.value.ms, 30000);
    cr_expect_eq(s->platform.idle_interval.value.ms, 60000);
    cr_expect_str_eq(s->status_socket.path.text, "/run/celld/celld.sock");
    cr_expect_str_eq(s->admin_socket.path.text, "/run/celld/admin.sock");
    cr_expect_eq(s->admin_socket.mode.value, 0660);
    cr_expect_eq(s->log_level, LOG_LEVEL_INFO);
    cr_expect_eq(s->engine.parallel.value, 16);
    cr_expect_eq(s->journal.keep.value.ms, INT64_C(90) * 86400000);
    cr_expect_null(s->state_directory.text);
    cr_expect_null(s->metrics_listen.text);
    cr_expect_null(s->metrics.sources.prometheus.server.url.text);
    cr_expect_eq(s->metrics.target_count, 0u);
    settings_free(s);
    diagnostics_free(found);
}

Test(settings, everything_written)
{
    static const char text[] =
        "repository: {url: \"git@git.example:a/b.git\", branch: live, auth: ssh, secret: "
        "{credential: git-key}, hostKeys: [\"SHA256:abc\"], interval: 5s, nativeFiles: "
        "[a/*.yaml]}\n"
        "platform: {url: \"https://api.example\", auth: oauth, clientId: celld, secret: {file: "
        "/etc/celld/secret}, issuer: \"https://id.example\", scope: openid, activeInterval: "
        "500ms}\n"
        "stateDirectory: /var/lib/other\nstatusSocket: {path: /tmp/a, group: ops, mode: \"0666\"}\n"
        "adminSocket: {path: /tmp/b, mode: \"600\"}\nmetricsListen: \"[::1]:9464\"\n"
        "logLevel: debug\nengine: {parallel: 2, retryFirst: 100ms, retryLongest: 2s}\n"
        "journal: {keep: 30d, keepEvents: 5000}\n";
    struct diagnostics *found = diagnostics_new(100);
    struct settings *s = read_text(text, strlen(text), found);
    cr_assert_not_null(s, "%s", all(found));
    cr_expect_eq(s->repository.auth, REPOSITORY_AUTH_SSH);
    cr_expect_str_eq(s->repository.user.text, "git");
    cr_expect_str_eq(s->repository.secret.credential.text, "git-key");
    cr_expect_str_eq(s->repository.host_keys.items[0].text, "SHA256:abc");
    cr_expect_eq(s->platform.auth, PLATFORM_AUTH_OAUTH);
    cr_expect_str_eq(s->platform.identity.secret.file.text, "/etc/celld/secret");
    cr_expect_eq(s->status_socket.mode.value, 0666);
    cr_expect_eq(s->admin_socket.mode.value, 0600);
    cr_expect_eq(s->log_level, LOG_LEVEL_DEBUG);
    cr_expect_eq(s->engine.retry_first.value.ms, 100);
    settings_free(s);
    diagnostics_free(found);
}

Test(settings, sources_of_metrics)
{
    static const char text[] =
        GOOD "metrics:\n"
             "  prometheus: {url: \"https://p.example/prom\", auth: basic, user: judge, secret: "
             "{credential: p}, caFile: /etc/celld/p.pem, lookback: 1m}\n"
             "  webhook: {url: \"http://localhost:1/x\", timeout: 3s, signature: {file: /k}}\n"
             "  targets:\n"
             "    - {name: testing, prometheus: {url: \"https://t.example\"}}\n"
             "    - {name: production-eu, observer: {url: \"https://o.example\", auth: oauth, "
             "clientId: celld, secret: {credential: o}}}\n"
             "notifications: [{url: \"https://n.example/hook\", signature: {credential: n}}]\n";
    struct diagnostics *found = diagnostics_new(100);
    struct settings *s = read_text(text, strlen(text), found);
    cr_assert_not_null(s, "%s", all(found));
    cr_assert_eq(s->notification_count, 1u);
    cr_expect_str_eq(s->notifications[0].server.url.text, "https://n.example/hook");
    cr_expect_eq(s->notifications[0].server.timeout.value.ms, 10000);
    const struct metrics_sources *sources = &s->metrics.sources;
    cr_expect_eq(sources->prometheus.server.auth, METRICS_AUTH_BASIC);
    cr_expect_str_eq(sources->prometheus.server.user.text, "judge");
    cr_expect_eq(sources->prometheus.lookback.value.ms, 60000);
    cr_expect_eq(sources->prometheus.stale_after.value.ms, 120000);
    cr_expect_eq(sources->prometheus.server.timeout.value.ms, 10000);
    cr_expect_eq(sources->webhook.server.timeout.value.ms, 3000);
    cr_expect_str_eq(sources->webhook.signature.file.text, "/k");
    cr_expect_null(sources->observer.server.url.text);
    cr_assert_eq(s->metrics.target_count, 2u);
    cr_expect_str_eq(s->metrics.targets[0].name.text, "testing");
    cr_expect_eq(s->metrics.targets[0].sources.prometheus.lookback.value.ms, 300000);
    cr_expect_eq(s->metrics.targets[1].sources.observer.server.auth, METRICS_AUTH_OAUTH);
    settings_free(s);
    diagnostics_free(found);
}

Test(settings, bad_sources_of_metrics)
{
    static const struct {
        const char *metrics, *code, *message;
    } rows[] = {
        {"{prometheus: {}}", "E_REQUIRED", "prometheus needs the field \"url\""},
        {"{prometheus: {url: \"http://a.example\"}}", "E_FORM", "is not encrypted"},
        {"{prometheus: {url: \"ftp://a.example\"}}", "E_URL", "neither https nor http"},
        {"{prometheus: {url: \"https://a.example/?a=b\"}}", "E_URL", "has a query"},
        {"{prometheus: {url: \"https://a.example/api/v1\"}}", "E_URL", "ends with /api/v1"},
        {"{observer: {url: \"https://a.example\", auth: token}}", "E_AUTH", "needs a secret"},
        {"{observer: {url: \"https://a.example\", secret: {file: /s}}}", "E_AUTH",
         "a secret that nothing uses"},
        {"{observer: {url: \"https://a.example\", secret: hunter2}}", "E_SECRET_LITERAL",
         "may not stand in the settings"},
        {"{observer: {url: \"https://a.example\", auth: basic, secret: {file: /s}}}", "E_AUTH",
         "auth basic and user belong together"},
        {"{observer: {url: \"https://a.example\", auth: basic, user: \"a:b\", secret: {file: /s}}"
         "}",
         "E_AUTH", "no colon"},
        {"{observer: {url: \"https://a.example\", auth: oauth, secret: {file: /s}}}", "E_AUTH",
         "needs clientId"},
        {"{observer: {url: \"https://a.example\", scope: a}}", "E_AUTH", "belong to auth oauth"},
        {"{observer: {url: \"https://a.example\", auth: platform}}", "E_AUTH",
         "shows nothing to the control plane"},
        {"{observer: {url: \"https://a.example\", timeout: 1ms}}", "E_RANGE", "timeout"},
        {"{webhook: {url: \"https://a.example\", lookback: 1m}}", "E_UNKNOWN", "lookback"},
        {"[{url: \"http://a.example\"}]", "E_FORM", "is not encrypted"},
        {"[{url: \"https://a.example\", auth: platform}]", "E_AUTH",
         "shows nothing to the control plane"},
        {"[{auth: token}]", "E_REQUIRED", "url"},
        {"{targets: [{name: testing}]}", "E_METRICS", "a target that names no source"},
        {"{targets: [{webhook: {url: \"https://a.example\"}}]}", "E_REQUIRED", "name"},
        {"{targets: [{name: a, webhook: {url: \"https://a.example\"}}, {name: a, webhook: {url: "
         "\"https://b.example\"}}]}",
         "E_DUPLICATE", "a"},
        {"{targets: [{name: a, webhook: {url: \"https://a.example\", auth: platform}}]}", "E_AUTH",
         "shows nothing to the control plane"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024];
        struct diagnostics *found = diagnostics_new(100);
        (void)snprintf(text, sizeof(text),
                       rows[i].metrics[0] == '[' ? "%snotifications: %s\n" : "%smetrics: %s\n",
                       GOOD, rows[i].metrics);
        struct settings *s = read_text(text, strlen(text), found);
        cr_assert_null(s, "%s", rows[i].metrics);
        cr_expect_not_null(strstr(all(found), rows[i].code), "%s: %s", rows[i].metrics, all(found));
        cr_expect_not_null(strstr(all(found), rows[i].message), "%s: %s", rows[i].metrics,
                           all(found));
        diagnostics_free(found);
    }
}

static char *read_file(const char *path, size_t *ret_length)
{
    char whole[4096];
    (void)snprintf(whole, sizeof(whole), "%s/%s", TEST_SOURCE_DIR, path);
    FILE *file = fopen(whole, "rb");
    cr_assert_not_null(file);
    char *bytes = malloc(65536);
    cr_assert_not_null(bytes);
    *ret_length = fread(bytes, 1, 65536, file);
    (void)fclose(file);
    return bytes;
}

/* The shipped file: as it is, and with everything that is commented out as a default. */
Test(settings, the_shipped_file_is_sound)
{
    size_t length = 0;
    char *text = read_file("config/celld.yaml", &length);
    struct diagnostics *found = diagnostics_new(100);
    struct settings *s = read_text(text, length, found);
    cr_assert_not_null(s, "%s", all(found));
    cr_expect_str_eq(s->repository.secret.credential.text, "git-token");
    cr_expect_str_eq(s->repository.user.text, "x-access-token");
    settings_free(s);
    diagnostics_free(found);
    free(text);
}

struct row {
    const char *what;
    const char *text; /* whole */
    const char *code;
    uint32_t line, column;
    const char *message;
};

Test(settings, bad_ones)
{
#define REPOSITORY(rest) "repository: {url: " rest "}\nplatform: {url: \"https://a.example\"}\n"
#define PLATFORM(rest) "repository: {url: \"https://git.example/a\"}\nplatform: {url: " rest "}\n"
    static const struct row rows[] = {
        {"C1 unknown key", GOOD "repositry: {}\n", "E_UNKNOWN_FIELD", 5, 1,
         "unknown field \"repositry\""},
        {"C1 duplicate key", GOOD "logLevel: info\nlogLevel: debug\n", "E_YAML_DUPLICATE_KEY", 6, 1,
         "the key \"logLevel\" stands twice"},
        {"C1 wrong type", GOOD "engine: [1]\n", "E_TYPE", 5, 9, "engine must be a mapping"},
        {"C1 missing", "platform: {url: \"https://a.example\"}\n", "E_REQUIRED", 1, 1,
         "celld.yaml needs the field \"repository\""},
        {"C2 bare number", REPOSITORY("\"https://a.example\", interval: 5"), "E_DURATION", 1, 50,
         "\"interval\": \"5\" is not a length of time"},
        {"C2 no unit at the end", REPOSITORY("\"https://a.example\", interval: 5m30"), "E_DURATION",
         1, 50, "is not a length of time"},
        {"C2 negative", REPOSITORY("\"https://a.example\", interval: -1s"), "E_DURATION", 1, 50,
         "is not a length of time"},
        {"C2 exponent", REPOSITORY("\"https://a.example\", interval: 1e9h"), "E_DURATION", 1, 50,
         "is not a length of time"},
        {"C2 zero", REPOSITORY("\"https://a.example\", interval: 0s"), "E_RANGE", 1, 50,
         "\"interval\" is 0s; it must be between 100ms and 1d"},
        {"C2 overflow", REPOSITORY("\"https://a.example\", interval: 99999999999999999999d"),
         "E_DURATION", 1, 50, "\"interval\""},
        {"C2 spaces", REPOSITORY("\"https://a.example\", interval: \"5 s\""), "E_DURATION", 1, 50,
         "is not a length of time"},
        {"C3 no scheme", REPOSITORY("git.example/a"), "E_URL", 1, 19, "has no scheme"},
        {"C3 user in the URL", REPOSITORY("\"https://me:secret@git.example/a\""), "E_URL", 1, 19,
         "has a user or password in it"},
        {"C3 fragment", REPOSITORY("\"https://git.example/a#b\""), "E_URL", 1, 19,
         "has a fragment"},
        {"C3 not encrypted", REPOSITORY("\"http://git.example/a\""), "E_URL", 1, 19,
         "is not encrypted"},
        {"C3 other scheme", REPOSITORY("\"git://git.example/a\""), "E_URL", 1, 19,
         "has a scheme that celld does not speak"},
        {"C3 port", PLATFORM("\"https://a.example:99999\""), "E_FORM", 2, 17,
         "has a port that is none"},
        {"C3 a password is not shown", PLATFORM("\"https://me:pw@a.example\""), "E_FORM", 2, 17,
         "\"url\" has a user or password in it"},
        {"no branch of git's", REPOSITORY("\"https://a.example\", branch: \"a b..c\""), "E_FORM", 1,
         48, "no name that git lets a branch have"},
        {"C3 platform not encrypted", PLATFORM("\"http://a.example\""), "E_FORM", 2, 17,
         "is not encrypted"},
        {"C3 platform path", PLATFORM("\"https://a.example/api/v1/\""), "E_URL", 2, 17,
         "ends with /api/v1"},
        {"C3 ssh password", REPOSITORY("\"ssh://git:secret@git.example/a\", auth: ssh"), "E_URL", 1,
         19, "has a password in it"},
        {"C4 inline secret", PLATFORM("\"https://a.example\", auth: token, secret: hunter2"),
         "E_SECRET_LITERAL", 2, 59, "\"secret\" may not stand in the settings"},
        {"C4 two places",
         PLATFORM("\"https://a.example\", auth: token, secret: {credential: a, file: /b}"),
         "E_SECRET", 2, 59, "exactly one"},
        {"C4 world may act", GOOD "adminSocket: {mode: \"0666\"}\n", "E_MODE", 5, 21,
         "everybody could act"},
        {"mode", GOOD "adminSocket: {mode: rw}\n", "E_MODE", 5, 21, "are no octal permissions"},
        {"C5 retries", GOOD "engine: {retryFirst: 10s, retryLongest: 5s}\n", "E_RELATION", 5, 22,
         "retryFirst is longer than retryLongest"},
        {"C5 against a default", GOOD "engine: {retryLongest: 1s, retryFirst: 2s}\n", "E_RELATION",
         5, 40, "retryFirst is longer"},
        {"C5 timeouts", PLATFORM("\"https://a.example\", connectTimeout: 20s, requestTimeout: 10s"),
         "E_RELATION", 2, 54, "connectTimeout is longer than requestTimeout"},
        {"C5 intervals", PLATFORM("\"https://a.example\", activeInterval: 2m"), "E_RELATION", 2, 54,
         "activeInterval is longer than idleInterval"},
        {"C5 one socket", GOOD "adminSocket: {path: /run/celld/celld.sock}\n", "E_RELATION", 5, 21,
         "looking and acting would share one socket"},
        {"C6 not UTF-8", GOOD "logLevel: \xFF\n", "E_YAML_ENCODING", 5, 11,
         "the file is not valid UTF-8"},
        {"C6 BOM inside", GOOD "\xEF\xBB\xBFlogLevel: info\n", "E_YAML_CHARACTER", 5, 1, "U+FEFF"},
        {"token without secret", PLATFORM("\"https://a.example\", auth: token"), "E_AUTH", 2, 11,
         "platform: this auth needs a secret"},
        {"secret without auth", PLATFORM("\"https://a.example\", secret: {credential: a}"),
         "E_AUTH", 2, 38, "a secret that nothing uses"},
        {"oauth without client",
         PLATFORM("\"https://a.example\", auth: oauth, secret: {credential: a}"), "E_AUTH", 2, 11,
         "auth oauth needs clientId"},
        {"ssh without host keys",
         REPOSITORY("\"ssh://git@git.example/a\", auth: ssh, secret: {credential: a}"), "E_AUTH", 1,
         13, "ssh needs the server's keys"},
        {"ssh URL without ssh", REPOSITORY("\"git@git.example:a\""), "E_AUTH", 1, 19,
         "the URL is ssh, but auth is not"},
        {"socket path",
         GOOD "statusSocket: {path: "
              "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              "aaaaaaa"
              "aaaaaaaaaaaaaaaaaaaa}\n",
         "E_SOCKET_PATH", 5, 22, "longer than 107 bytes"},
        {"listener", GOOD "metricsListen: 9464\n", "E_FORM", 5, 16, "is no address with a port"},
        {"listener by name", GOOD "metricsListen: \"localhost:9464\"\n", "E_FORM", 5, 16,
         "is no address with a port"},
        {"listener, three numbers", GOOD "metricsListen: \"127.0.1:9464\"\n", "E_FORM", 5, 16,
         "is no address with a port"},
        {"listener, large number", GOOD "metricsListen: \"127.0.0.256:9464\"\n", "E_FORM", 5, 16,
         "is no address with a port"},
        {"listener, large port", GOOD "metricsListen: \"127.0.0.1:65536\"\n", "E_FORM", 5, 16,
         "is no address with a port"},
        {"listener, bare IPv6", GOOD "metricsListen: \"::1:9464\"\n", "E_FORM", 5, 16,
         "is no address with a port"},
        {"listener, no port", GOOD "metricsListen: \"[::1]\"\n", "E_FORM", 5, 16,
         "is no address with a port"},
        {"file URL", REPOSITORY("\"file://host/a\""), "E_URL", 1, 19, "is no file URL"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct diagnostics *found = diagnostics_new(100);
        cr_expect_null(read_text(rows[i].text, strlen(rows[i].text), found), "%s", rows[i].what);
        const struct diagnostic *first = NULL;
        for (size_t j = 0; first == NULL && j < diagnostics_count(found); j++) {
            if (strcmp(diagnostics_get(found, j)->code, rows[i].code) == 0)
                first = diagnostics_get(found, j);
        }
        cr_expect_not_null(first, "%s: %s", rows[i].what, all(found));
        if (first != NULL) {
            cr_expect(first->at.line == rows[i].line && first->at.column == rows[i].column,
                      "%s: at %u:%u, not %u:%u", rows[i].what, first->at.line, first->at.column,
                      rows[i].line, rows[i].column);
            cr_expect_not_null(strstr(first->message, rows[i].message), "%s: %s", rows[i].what,
                               first->message);
        }
        cr_expect_null(strstr(all(found), "hunter2"), "a secret is never shown");
        diagnostics_free(found);
    }
}

Test(settings, all_errors_are_listed)
{
    static const char text[] = "repository: {url: \"https://git.example/a\", intervl: 5s, branch: "
                               "~}\nplatform: {url: ftp, concurrency: 0}\nlogLevel: loud\n"
                               "engine: {parallel: x}\n";
    struct diagnostics *found = diagnostics_new(100);
    cr_expect_null(read_text(text, strlen(text), found));
    cr_expect_eq(diagnostics_error_count(found), 6u, "%s", all(found));
    diagnostics_free(found);
}

/* C6: a NUL, and more than a settings file can be. */
Test(settings, bytes)
{
    static const char nul[] = GOOD "logLevel: in\0fo\n";
    struct diagnostics *found = diagnostics_new(100);
    cr_expect_null(read_text(nul, sizeof(nul) - 1, found));
    cr_assert_eq(diagnostics_count(found), 1u);
    cr_expect_str_eq(diagnostics_get(found, 0)->message, "control character U+0000 in the file");
    cr_expect_eq(diagnostics_get(found, 0)->at.column, 13u);
    diagnostics_free(found);

    const size_t size = (size_t)1024 * 1024 + 1;
    char *large = malloc(size);
    cr_assert_not_null(large);
    memset(large, '\n', size);
    found = diagnostics_new(100);
    cr_expect_null(read_text(large, size, found));
    cr_expect_str_eq(diagnostics_get(found, 0)->code, "E_YAML_FILE_SIZE");
    free(large);
    diagnostics_free(found);
}
