/* Settings as they lie on disk, and where their secrets are. */
#include "daemon/celld/settings_file.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];

static const char *path_of(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "we");
    cr_assert_not_null(file);
    cr_assert(fputs(text, file) >= 0 && fclose(file) == 0);
}

static void start(void)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/celld-settings-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void stop(void)
{
    static const char *const names[] = {"celld.yaml",      "fifo", "large", "git-token",
                                        "celld_git-token", "other"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(path_of(names[i]));
    cr_expect_eq(rmdir(directory), 0);
}

TestSuite(settings_file, .init = start, .fini = stop, .timeout = 60);

static int read_settings(const char *path, struct error *err, char *ret_said, size_t size)
{
    struct diagnostics *found = diagnostics_new(100);
    struct settings *settings = NULL;
    const int result = settings_file_read(path, found, &settings, err);
    OWNED_TEXT text;
    text_init(&text, 65536);
    cr_assert_eq(diagnostics_write(found, DIAGNOSTIC_TEXT, &text), 0);
    (void)snprintf(ret_said, size, "%s", text_get(&text));
    cr_assert_eq(settings != NULL, result == 0);
    if (settings != NULL)
        cr_expect_str_eq(settings->repository.url.text, "https://git.example/x.git");
    settings_free(settings);
    diagnostics_free(found);
    return result;
}

#define SOUND                                                                                      \
    "repository: {url: \"https://git.example/x.git\"}\nplatform: {url: \"https://api.example\"}\n"

Test(settings_file, is_read)
{
    struct error err = {0};
    char said[1024];
    write_file("celld.yaml", SOUND);
    cr_assert_eq(read_settings(path_of("celld.yaml"), &err, said, sizeof(said)), 0, "%s %s",
                 err.detail, said);
}

Test(settings_file, errors_in_it_are_told_with_their_place)
{
    struct error err = {0};
    char said[1024];
    write_file("celld.yaml", SOUND "frobnicate: 1\n");
    cr_assert_eq(read_settings(path_of("celld.yaml"), &err, said, sizeof(said)), ERR_INVALID);
    cr_expect_not_null(strstr(err.detail, "is not sound"), "%s", err.detail);
    cr_expect_not_null(strstr(said, "celld.yaml:3:1: error:"), "%s", said);
}

/* A pipe without a writer must not hold us up, and /dev/zero has no end. */
Test(settings_file, what_is_no_plain_file_is_refused_at_once)
{
    cr_assert_eq(mkfifo(path_of("fifo"), 0600), 0);
    char fifo[256];
    (void)snprintf(fifo, sizeof(fifo), "%s", path_of("fifo"));
    const char *const paths[] = {fifo, directory, "/dev/zero", "/dev/null", "/dev/tty"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct error err = {0};
        char said[1024];
        cr_expect_lt(read_settings(paths[i], &err, said, sizeof(said)), 0, "%s", paths[i]);
        /* Whether there is a terminal depends on who runs this. */
        if (strcmp(paths[i], "/dev/tty") != 0)
            cr_expect_not_null(strstr(err.detail, "is not a regular file"), "%s", err.detail);
        cr_expect_not_null(strstr(err.detail, paths[i]), "%s", err.detail);
    }
}

Test(settings_file, a_missing_file_is_named)
{
    struct error err = {0};
    char said[1024];
    cr_assert_lt(read_settings(path_of("other"), &err, said, sizeof(said)), 0);
    cr_expect_eq(err.kind, ERROR_NOT_FOUND);
    cr_expect_not_null(strstr(err.detail, path_of("other")), "%s", err.detail);
}

Test(settings_file, a_large_file_is_not_read)
{
    struct error err = {0};
    char said[1024];
    write_file("large", SOUND);
    cr_assert_eq(truncate(path_of("large"), (off_t)1024 * 1024 + 1), 0);
    cr_assert_eq(read_settings(path_of("large"), &err, said, sizeof(said)), ERR_LIMIT);
    cr_expect_not_null(strstr(err.detail, "more than 1048576 bytes"), "%s", err.detail);
}

/* --- secrets ---------------------------------------------------------------------------------- */

static const struct secret_source credential = {.credential = {.text = "git-token"}};

Test(settings_file, a_secret_in_a_file_is_where_the_settings_say)
{
    const struct secret_source source = {.file = {.text = "/srv/secret"}};
    char *path = NULL;
    struct error err = {0};
    cr_assert_eq(settings_file_secret(&source, "the secret", &path, &err), 0);
    cr_expect_str_eq(path, "/srv/secret");
    free(path);
}

Test(settings_file, a_secret_that_is_not_used_has_no_path)
{
    char *path = directory;
    struct error err = {0};
    cr_assert_eq(settings_file_secret(&(struct secret_source){0}, "the secret", &path, &err), 0);
    cr_expect_null(path);
}

Test(settings_file, a_credential_is_found_alone_and_as_one_of_the_service)
{
    static const char *const names[] = {"git-token", "celld_git-token"};
    cr_assert_eq(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *path = NULL;
        struct error err = {0};
        write_file(names[i], "secret");
        cr_assert_eq(settings_file_secret(&credential, "the secret", &path, &err), 0, "%s",
                     err.detail);
        cr_expect_str_eq(path, path_of(names[i]));
        free(path);
        cr_assert_eq(unlink(path_of(names[i])), 0);
    }
    /* Both: the one that is named exactly. */
    char *path = NULL;
    write_file(names[0], "secret");
    write_file(names[1], "secret");
    cr_assert_eq(settings_file_secret(&credential, "the secret", &path, NULL), 0);
    cr_expect_str_eq(path, path_of(names[0]));
    free(path);
}

Test(settings_file, a_missing_credential_says_what_to_do)
{
    char *path = NULL;
    struct error err = {0};
    cr_assert_eq(settings_file_secret(&credential, "the repository's secret", &path, &err),
                 ERR_INVALID);
    cr_expect_null(path);
    cr_expect_not_null(strstr(err.detail, "LoadCredential="), "%s", err.detail);
    cr_expect_not_null(strstr(err.detail, "the repository's secret is the credential git-token"),
                       "%s", err.detail);
    cr_assert_eq(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
    cr_assert_eq(settings_file_secret(&credential, "the repository's secret", &path, &err),
                 ERR_INVALID);
    cr_expect_null(path);
    cr_expect_not_null(strstr(err.detail, "/etc/celld/credentials"), "%s", err.detail);
    cr_expect_eq(err.kind, ERROR_INVALID);
}
