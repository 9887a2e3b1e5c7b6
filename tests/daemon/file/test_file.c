/* Small files, and things at a path that are none. */
#include "daemon/file/file.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/celld-file-XXXXXX";
static char path[64], link_path[64], pipe_path[64];

static void start(void)
{
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/file", directory);
    (void)snprintf(link_path, sizeof(link_path), "%s/link", directory);
    (void)snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", directory);
    FILE *file = fopen(path, "w");
    cr_assert(file != NULL && fputs("12345678", file) >= 0 && fclose(file) == 0);
    cr_assert(symlink(path, link_path) == 0 && mkfifo(pipe_path, 0600) == 0);
}

static void stop(void)
{
    (void)unlink(path);
    (void)unlink(link_path);
    (void)unlink(pipe_path);
    (void)rmdir(directory);
}

TestSuite(file, .init = start, .fini = stop, .timeout = 60);

static int read_with(const char *from, struct file_terms terms, struct error *err)
{
    char *bytes = NULL;
    size_t length = 0;
    const int result = file_read(from, &terms, &bytes, &length, err);
    if (result == 0) {
        cr_expect_eq(length, 8u);
        cr_expect_str_eq(bytes, "12345678");
    } else {
        cr_expect_null(bytes);
    }
    free(bytes);
    return result;
}

Test(file, is_read_up_to_its_limit)
{
    struct error err;
    cr_expect_eq(read_with(path, (struct file_terms){.limit = 8}, &err), 0);
    cr_expect_eq(read_with(path, (struct file_terms){.limit = 7}, &err), ERR_LIMIT);
    cr_expect_not_null(strstr(err.detail, "more than 7 bytes"), "%s", err.detail);
}

Test(file, that_is_none_is_refused_at_once)
{
    struct error err;
    const struct file_terms terms = {.what = "thing ", .limit = 100};
    cr_expect_eq(read_with(directory, terms, &err), ERR_INVALID);
    cr_expect_eq(read_with(pipe_path, terms, &err), ERR_INVALID);
    cr_expect_not_null(strstr(err.detail, "thing /"), "%s", err.detail);
    cr_expect_eq(read_with("/dev/null", terms, &err), ERR_INVALID);
    cr_expect_eq(read_with("/nowhere/at/all", terms, &err), -ENOENT);
    cr_expect_eq(err.kind, ERROR_NOT_FOUND);
}

Test(file, may_be_refused_by_its_mode_or_for_being_a_link)
{
    struct error err;
    cr_assert_eq(chmod(path, 0644), 0);
    cr_expect_eq(read_with(path, (struct file_terms){.limit = 8, .denied = S_IROTH}, &err),
                 ERR_INVALID);
    cr_expect_eq(err.kind, ERROR_DENIED);
    cr_assert_eq(chmod(path, 0600), 0);
    cr_expect_eq(read_with(path, (struct file_terms){.limit = 8, .denied = S_IROTH}, &err), 0);
    cr_expect_eq(read_with(link_path, (struct file_terms){.limit = 8}, &err), 0);
    cr_expect_eq(read_with(link_path, (struct file_terms){.limit = 8, .no_link = true}, &err),
                 -ELOOP);
}
