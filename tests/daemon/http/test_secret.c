#include "config/base/owned.h"
#include "daemon/http/secret.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int compare(void *context, const char *bytes, size_t length)
{
    cr_expect_eq(strlen(bytes), length);
    return strcmp(context, bytes);
}

static void expect_text(const struct secret *secret, char *text)
{
    cr_expect_eq(secret_use(secret, compare, text), 0, "not %s", text);
}

static const struct {
    const char *bytes;
    size_t length;
    int line, any;
} forms[] = {
    {"abc", 3, 0, 0},
    {"a b~!", 5, 0, 0},
    {"", 0, ERR_INVALID, ERR_INVALID},
    {"a\nb", 3, ERR_INVALID, 0},
    {"a\r\nX: y", 7, ERR_INVALID, 0},
    {"a\0b", 3, ERR_INVALID, ERR_INVALID},
    {"\xc3\xa9", 2, ERR_INVALID, 0},
    {"\x7f", 1, ERR_INVALID, 0},
};

Test(secret, has_its_form)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct secret *secret = NULL;
        struct error err = {.detail = ""};
        cr_expect_eq(secret_new(forms[i].bytes, forms[i].length, SECRET_LINE, "it", &secret, &err),
                     forms[i].line, "row %zu", i);
        secret = secret_free(secret);
        cr_expect_eq(secret_new(forms[i].bytes, forms[i].length, SECRET_BYTES, "it", &secret, &err),
                     forms[i].any, "row %zu", i);
        secret_free(secret);
    }
}

Test(secret, composes_headers_and_forms)
{
    OWNED(secret_freep) struct secret *token = NULL;
    OWNED(secret_freep) struct secret *start = NULL;
    cr_assert_eq(secret_new("a&b =%/+", 8, SECRET_LINE, "it", &token, NULL), 0);
    cr_assert_eq(secret_new("x=1", 3, SECRET_LINE, "it", &start, NULL), 0);
    OWNED(secret_freep) struct secret *header = secret_prefixed("Authorization: Bearer ", token);
    OWNED(secret_freep) struct secret *form = secret_form_field(start, "client_secret", token);
    char header_text[] = "Authorization: Bearer a&b =%/+";
    char form_text[] = "x=1&client_secret=a%26b%20%3D%25%2F%2B";
    expect_text(header, header_text);
    expect_text(form, form_text);
    cr_expect(secret_equal(token, token));
    cr_expect_not(secret_equal(token, start));
}

struct directory {
    char path[64], file[96];
};

static void directory_make(struct directory *directory)
{
    (void)snprintf(directory->path, sizeof(directory->path), "/tmp/celld-secret-XXXXXX");
    cr_assert_not_null(mkdtemp(directory->path));
    (void)snprintf(directory->file, sizeof(directory->file), "%s/token", directory->path);
}

static void directory_remove(struct directory *directory)
{
    (void)unlink(directory->file);
    (void)rmdir(directory->file);
    cr_expect_eq(rmdir(directory->path), 0);
}

static void write_file(const char *path, const char *bytes, size_t length, mode_t mode)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, length), (ssize_t)length);
    cr_assert_eq(fchmod(fd, mode), 0);
    (void)close(fd);
}

static const struct {
    const char *bytes;
    const char *secret; /* NULL = refused */
    const char *text;
    mode_t mode;
    enum error_kind kind;
} files[] = {
    {"token", "token", "", 0400, ERROR_NONE},
    {"token\n", "token", "", 0440, ERROR_NONE},
    {"token\n\n", NULL, "not one line", 0400, ERROR_INVALID},
    {"token\r\n", NULL, "not one line", 0400, ERROR_INVALID},
    {"", NULL, "is empty", 0400, ERROR_INVALID},
    {"\n", NULL, "is empty", 0400, ERROR_INVALID},
    {"token", NULL, "open to every user (mode 0404)", 0404, ERROR_DENIED},
    {"token", NULL, "open to every user", 0402, ERROR_DENIED},
    {"token", NULL, "make it 0400", 0644, ERROR_DENIED},
};

Test(secret, file_is_read_with_care)
{
    struct directory directory;
    directory_make(&directory);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        write_file(directory.file, files[i].bytes, strlen(files[i].bytes), files[i].mode);
        struct secret *secret = NULL;
        struct error err = {.kind = ERROR_NONE};
        const int result = secret_read(directory.file, SECRET_LINE, &secret, &err);
        cr_expect_eq(result == 0, files[i].secret != NULL, "row %zu: %s", i, err.detail);
        cr_expect_eq(err.kind, files[i].kind, "row %zu: %s", i, err.detail);
        cr_expect_not_null(strstr(err.detail, files[i].text), "row %zu: %s", i, err.detail);
        cr_expect(result == 0 || strstr(err.detail, directory.file) != NULL);
        if (result == 0) {
            char text[32];
            (void)snprintf(text, sizeof(text), "%s", files[i].secret);
            expect_text(secret, text);
        }
        secret_free(secret);
        (void)unlink(directory.file);
    }
    directory_remove(&directory);
}

Test(secret, file_that_is_none)
{
    struct directory directory;
    struct secret *secret = NULL;
    struct error err;
    directory_make(&directory);
    cr_expect_eq(secret_read(directory.file, SECRET_LINE, &secret, &err), -ENOENT);
    cr_expect_eq(err.kind, ERROR_NOT_FOUND);
    cr_assert_eq(mkdir(directory.file, 0700), 0);
    cr_expect_eq(secret_read(directory.file, SECRET_LINE, &secret, &err), ERR_INVALID);
    cr_expect_not_null(strstr(err.detail, "not a regular file"), "%s", err.detail);
    (void)rmdir(directory.file);
    cr_assert_eq(mkfifo(directory.file, 0600), 0);
    cr_expect_eq(secret_read(directory.file, SECRET_LINE, &secret, &err), ERR_INVALID);
    cr_expect_not_null(strstr(err.detail, "not a regular file"), "%s", err.detail);
    cr_expect_null(secret);
    directory_remove(&directory);
}

Test(secret, file_size_is_limited)
{
    struct directory directory;
    struct secret *secret = NULL;
    struct error err;
    directory_make(&directory);
    static char big[SECRET_SIZE_LIMIT + 2];
    memset(big, 'x', sizeof(big));
    write_file(directory.file, big, sizeof(big), 0400);
    cr_expect_eq(secret_read(directory.file, SECRET_BYTES, &secret, &err), ERR_LIMIT);
    big[SECRET_SIZE_LIMIT] = '\n';
    write_file(directory.file, big, SECRET_SIZE_LIMIT + 1, 0400);
    cr_expect_eq(secret_read(directory.file, SECRET_BYTES, &secret, &err), 0);
    secret_free(secret);
    directory_remove(&directory);
}
