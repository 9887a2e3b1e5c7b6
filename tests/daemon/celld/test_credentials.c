/* Credentials for cells: what is read, and the one place where a value leaves. */
#include "config/base/json.h"
#include "daemon/celld/credentials.h"

#include <criterion/criterion.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CANARY "canary \"4711\"\nvalue"
#define SECRETS "/api/v1alpha1/namespaces/acme/secrets"

static char directory[64], state[64];

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert(fputs(text, file) >= 0 && fclose(file) == 0);
    cr_assert_eq(chmod(path, mode), 0);
}

static void start(void)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/celld-credentials-XXXXXX");
    (void)snprintf(state, sizeof(state), "/tmp/celld-state-XXXXXX");
    cr_assert(mkdtemp(directory) != NULL && mkdtemp(state) != NULL);
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    (void)about;
    (void)kind;
    (void)at;
    return remove(path);
}

static void stop(void)
{
    (void)nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    (void)nftw(state, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(credentials, .init = start, .fini = stop, .timeout = 60);

static struct credentials *read_all(void)
{
    struct credentials *credentials = NULL;
    struct error err = {0};
    cr_assert_eq(credentials_read(directory, state, &credentials, &err), 0, "%s", err.detail);
    return credentials;
}

static const char *digest_of(const struct credentials *credentials, const char *name)
{
    size_t count;
    const struct compile_credential *list = credentials_list(credentials, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return list[i].digest;
    return NULL;
}

Test(credentials, files_with_the_name_are_read_and_no_others)
{
    write_file("secret-db-password", CANARY "\n", 0600);
    write_file("celld_secret-api", "x", 0600);
    write_file("git-token", "y", 0600);
    write_file("secret-UPPER", "z", 0600);
    write_file("secret-open", "z", 0644);
    write_file("secret-empty", "", 0600);
    write_file("secret-binary", "\xff\xfe", 0600);
    struct credentials *credentials = read_all();
    size_t count;
    (void)credentials_list(credentials, &count);
    cr_expect_eq(count, 2);
    cr_expect_not_null(digest_of(credentials, "db-password"));
    cr_expect_not_null(digest_of(credentials, "api"));
    credentials_free(credentials);
}

Test(credentials, digests_are_keyed_and_stay_over_starts)
{
    write_file("secret-a", CANARY, 0600);
    struct credentials *once = read_all(), *again = read_all();
    cr_expect_str_eq(digest_of(once, "a"), digest_of(again, "a"));
    const struct digest plain = digest_bytes(CANARY, strlen(CANARY));
    cr_expect_str_neq(digest_of(once, "a"), plain.text);
    write_file("secret-a", "another", 0600);
    struct credentials *rotated = read_all();
    cr_expect_str_neq(digest_of(once, "a"), digest_of(rotated, "a"));

    char path[256];
    struct stat about;
    (void)snprintf(path, sizeof(path), "%s/name.key", state);
    cr_assert_eq(stat(path, &about), 0);
    cr_expect_eq(about.st_mode & 0777, 0600);
    cr_assert_eq(unlink(path), 0);
    struct credentials *rekeyed = read_all();
    cr_expect_str_neq(digest_of(rotated, "a"), digest_of(rekeyed, "a"));
    cr_assert_eq(chmod(path, 0644), 0);
    struct credentials *refused = NULL;
    struct error err = {0};
    cr_expect_eq(credentials_read(directory, state, &refused, &err), ERR_INVALID);
    cr_expect_not_null(strstr(err.detail, "name.key"));
    credentials_free(once);
    credentials_free(again);
    credentials_free(rotated);
    credentials_free(rekeyed);
}

Test(credentials, without_a_directory_there_are_none_and_no_key)
{
    struct credentials *credentials = NULL;
    char path[256];
    size_t count;
    cr_assert_eq(credentials_read(NULL, state, &credentials, NULL), 0);
    (void)credentials_list(credentials, &count);
    cr_expect_eq(count, 0);
    (void)snprintf(path, sizeof(path), "%s/name.key", state);
    cr_expect_neq(access(path, F_OK), 0);
    credentials_free(credentials);
}

Test(credentials, a_value_leaves_in_one_place_only)
{
    write_file("secret-a", CANARY, 0600);
    struct credentials *credentials = read_all();
    static const struct {
        const char *what, *method, *path, *body;
        int result;
        bool filled;
    } rows[] = {
        {"as meant", "POST", SECRETS, "{\"data\":{\"k\":{\"$credential\":\"a\"}}}", 0, true},
        {"nothing asked", "POST", SECRETS, "{\"data\":{\"k\":\"v\"}}", 0, false},
        {"another body", "PUT", "/api/v1/namespaces/acme/workloads/x", "{\"spec\":{}}", 0, false},
        {"another path", "POST", "/api/v1/namespaces/acme/workloads",
         "{\"data\":{\"k\":{\"$credential\":\"a\"}}}", ERR_INVALID, false},
        {"a project called secrets", "POST", "/api/v1/namespaces/acme/projects/secrets",
         "{\"data\":{\"k\":{\"$credential\":\"a\"}}}", ERR_INVALID, false},
        {"no POST", "PUT", SECRETS "/x", "{\"data\":{\"k\":{\"$credential\":\"a\"}}}", ERR_INVALID,
         false},
        {"labels", "POST", SECRETS, "{\"labels\":{\"k\":{\"$credential\":\"a\"}}}", ERR_INVALID,
         false},
        {"deeper", "POST", SECRETS, "{\"data\":{\"k\":{\"l\":{\"$credential\":\"a\"}}}}",
         ERR_INVALID, false},
        {"in a list", "PUT", "/x", "{\"spec\":[{\"$credential\":\"a\"}]}", ERR_INVALID, false},
        {"two in one", "POST", SECRETS, "{\"data\":{\"k\":{\"$credential\":\"a\",\"x\":1}}}",
         ERR_INVALID, false},
        {"unknown", "POST", SECRETS, "{\"data\":{\"k\":{\"$credential\":\"b\"}}}", ERR_INVALID,
         false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *body = json_loads(rows[i].body, 0, NULL), *filled = NULL;
        struct error err = {0};
        cr_assert_not_null(body);
        cr_expect_eq(
            credentials_fill(credentials, rows[i].method, rows[i].path, body, &filled, &err),
            rows[i].result, "%s", rows[i].what);
        cr_expect_eq(filled != NULL, rows[i].filled, "%s", rows[i].what);
        cr_expect_null(strstr(err.detail, "canary"), "%s", rows[i].what);
        if (filled != NULL) {
            cr_expect_str_eq(json_text_or(json_at(filled, "data", "k", NULL), ""), CANARY);
            cr_expect_null(json_text_or(json_at(body, "data", "k", NULL), NULL),
                           "the body itself stays");
        }
        json_decref(filled);
        json_decref(body);
    }
    json_t *body = json_loads("{\"data\":{\"k\":{\"$credential\":\"a\"}}}", 0, NULL), *filled;
    cr_expect_eq(credentials_fill(NULL, "POST", SECRETS, body, &filled, NULL), ERR_INVALID);
    json_decref(body);
    credentials_free(credentials);
}

Test(credentials, the_secrets_api_is_known_by_its_path)
{
    cr_expect(credentials_guard(SECRETS));
    cr_expect(credentials_guard(SECRETS "/acme-shop-a-123"));
    cr_expect_not(credentials_guard(SECRETS "more"));
    cr_expect_not(credentials_guard("/api/v1/namespaces/acme/secretreferences/x"));
    cr_expect_not(credentials_guard("/api/v1alpha1/namespaces/acme/releasebindings/secrets"));
    cr_expect_not(credentials_guard("/api/v1alpha1/namespaces/acme"));
}
