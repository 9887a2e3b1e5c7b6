#include "config/base/arena.h"
#include "config/base/digest.h"
#include "config/base/error.h"
#include "config/base/json.h"
#include "config/base/text.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

Test(text, grows_up_to_its_limit_and_remembers_the_first_failure)
{
    struct text text;
    text_init(&text, 10);
    text_format(&text, "%d-%s", 42, "abc");
    cr_expect_str_eq(text_get(&text), "42-abc");
    text_add(&text, "12345");
    cr_expect_eq(text_status(&text), ERR_LIMIT);
    text_add(&text, "1");
    cr_expect_str_eq(text_get(&text), "42-abc");
    cr_expect_null(text_take(&text));
    text_fini(&text);
}

Test(text, an_empty_text_can_be_taken)
{
    struct text text;
    text_init(&text, 10);
    char *bytes = text_take(&text);
    cr_expect_str_eq(bytes, "");
    free(bytes);
}

Test(arena, holds_what_it_gave_until_the_end_and_no_more_than_its_limit)
{
    struct arena *arena = arena_new(4096);
    char *first = arena_text(arena, "first");
    for (int i = 0; i < 50; i++)
        cr_assert_not_null(arena_format(arena, "%d", i));
    cr_expect_str_eq(first, "first");
    cr_expect_null(arena_alloc(arena, 4096));
    cr_expect_null(arena_array(arena, (size_t)-1, 16));
    arena_free(arena);
}

Test(error, text_is_bounded_and_printable)
{
    struct error err;
    cr_expect_eq(error_set(&err, ERROR_INVALID, -EINVAL, "a\nb\033[1m"), -EINVAL);
    cr_expect_str_eq(err.detail, "a?b?[1m");
    char longer[2000];
    memset(longer, 'x', sizeof(longer));
    memcpy(longer + 510, "\xc3\xa9", 2);
    longer[sizeof(longer) - 1] = '\0';
    (void)error_set(&err, ERROR_INVALID, -EINVAL, "%s", longer);
    cr_expect_eq(strlen(err.detail), 510);
    (void)error_set(&err, ERROR_INVALID, -EINVAL, "cause");
    cr_expect_eq(error_context(&err, "while %s", "reading"), -EINVAL);
    cr_expect_str_eq(err.detail, "while reading: cause");
}

Test(json, rejects_what_is_not_exactly_one_document)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{} {}",
                                      "\xef\xbb\xbf{}",
                                      "[1,]",
                                      "{\"a\":1,\"a\":2}",
                                      "\"\\u0000\"",
                                      "\"\xff\"",
                                      "[NaN]",
                                      "[1e400]",
                                      "\"\\ud800\"",
                                      "<html>"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *value = NULL;
        struct error err;
        cr_expect_eq(json_read(bad[i], strlen(bad[i]), "answer", &value, &err), ERR_SYNTAX, "%s",
                     bad[i]);
        cr_expect_null(value);
    }
    char deep[JSON_DEPTH_LIMIT + 1];
    memset(deep, '[', sizeof(deep));
    json_t *value = NULL;
    cr_expect_eq(json_read(deep, sizeof(deep), "answer", &value, NULL), ERR_LIMIT);
}

Test(digest, known_values)
{
    cr_expect_str_eq(digest_bytes("abc", 3).text,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cr_expect_str_eq(digest_keyed("key", 3, "The quick brown fox jumps over the lazy dog", 43).text,
                     "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
    OWNED_JSON *a = json_pack("{s:i,s:i}", "a", 1, "b", 2);
    OWNED_JSON *b = json_pack("{s:i,s:i}", "b", 2, "a", 1);
    struct digest first, second;
    cr_assert_eq(digest_json(a, &first), 0);
    cr_assert_eq(digest_json(b, &second), 0);
    cr_expect_str_eq(first.text, second.text);
}
