#include "daemon/log/limit.h"
#include "daemon/log/log.h"
#include "daemon/log/redact.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text, *wanted;
} redactions[] = {
    {"plain text", "plain text"},
    {"fetch https://user:secret@git.example/repo.git: refused",
     "fetch https://***@git.example/repo.git: refused"},
    {"https://token@git.example", "https://***@git.example"},
    {"https://a:b@c@git.example/x", "https://***@git.example/x"},
    {"https://git.example/a@b", "https://git.example/a@b"},
    {"https://git.example/?user=a@b", "https://git.example/?user=a@b"},
    {"ssh://git@git.example/x", "ssh://***@git.example/x"},
    {"two http://a:b@c and http://d:e@f", "two http://***@c and http://***@f"},
    {"Authorization: Bearer abc.def", "Authorization: Bearer ***"},
    {"authorization: Basic QWxh, next", "authorization: Basic ***, next"},
    {"header Bearer eyJhbGciOi.x", "header Bearer ***"},
    {"client_secret=hunter2&x=1", "client_secret=***"},
    {"a password=x y", "a password=*** y"},
    {"Bearer", "Bearer"},
    {"Bearer ", "Bearer "},
    {"line\nbreak\ttab\033[31m\x7f", "line\\x0abreak\\x09tab\\x1b[31m\\x7f"},
    {"grün 日本", "grün 日本"},
    {"", ""},
};

Test(redact, takes_out_credentials_and_control_characters)
{
    for (size_t i = 0; i < sizeof(redactions) / sizeof(redactions[0]); i++) {
        char got[256];
        redact_text(redactions[i].text, got, sizeof(got));
        cr_expect_str_eq(got, redactions[i].wanted, "%s", got);
    }
}

Test(redact, stays_within_its_room)
{
    for (size_t size = 1; size < 60; size++) {
        char got[64];
        memset(got, 'X', sizeof(got));
        redact_text("x https://user:secret@git.example/ \033 Bearer abcdefgh", got, size);
        cr_expect_lt(strlen(got), size);
        cr_expect_eq(got[size], 'X');
        cr_expect_null(strstr(got, "secret"));
        cr_expect_null(strstr(got, "abcdef"));
    }
}

Test(limit, a_loud_place_is_cut_and_says_how_much)
{
    static struct limit limit;
    unsigned dropped = 0;
    unsigned said = 0;
    for (unsigned i = 0; i < 100; i++)
        said += limit_may(&limit, 7, 1000 + i, &dropped);
    cr_assert_eq(said, LIMIT_BURST);
    cr_assert(limit_may(&limit, 8, 1000, &dropped), "another place may speak");
    cr_assert_not(limit_may(&limit, 7, 1000 + LIMIT_INTERVAL_MS - 1, &dropped));
    cr_assert(limit_may(&limit, 7, 1000 + LIMIT_INTERVAL_MS, &dropped));
    cr_assert_eq(dropped, 100 - LIMIT_BURST + 1);
    cr_assert(limit_may(&limit, 7, 1001 + LIMIT_INTERVAL_MS, &dropped));
    cr_assert_eq(dropped, 0);
}

Test(limit, many_places_fit_in_bounded_room)
{
    static struct limit limit;
    unsigned dropped = 0;
    for (uint64_t key = 1; key < 10000; key++)
        cr_assert(limit_may(&limit, key, key, &dropped));
}

Test(log, levels_have_words)
{
    cr_assert_eq(log_level_parse("error"), LOG_LEVEL_ERROR);
    cr_assert_eq(log_level_parse("debug"), LOG_LEVEL_DEBUG);
    cr_assert_eq(log_level_parse("DEBUG"), -1);
    log_start("celld", LOG_LEVEL_NOTICE);
    cr_assert(log_has_level(LOG_LEVEL_NOTICE));
    cr_assert_not(log_has_level(LOG_LEVEL_INFO));
}

Test(log, stderr_gets_lines_with_priorities, .init = cr_redirect_stderr)
{
    (void)unsetenv("JOURNAL_STREAM");
    log_start("celld", LOG_LEVEL_INFO);
    log_write(LOG_LEVEL_WARNING, NULL, "cannot fetch https://u:p@h/: %s", "two\nlines");
    log_write(LOG_LEVEL_DEBUG, NULL, "not shown");
    log_write(
        LOG_LEVEL_NOTICE,
        &(struct log_subject){.cell = "cart", .component = "cartservice", .target = "testing"},
        "rolled back");
    (void)fflush(stderr);
    cr_assert_stderr_eq_str("<4>celld: cannot fetch https://***@h/: two\\x0alines\n"
                            "<5>celld: cart/cartservice on testing: rolled back\n");
}

Test(log, a_stream_that_is_not_our_stderr_is_not_believed, .init = cr_redirect_stderr)
{
    (void)setenv("JOURNAL_STREAM", "1:2", 1);
    log_start("celld", LOG_LEVEL_INFO);
    log_write(LOG_LEVEL_INFO, NULL, "hello");
    (void)fflush(stderr);
    cr_assert_stderr_eq_str("<6>celld: hello\n");
}
