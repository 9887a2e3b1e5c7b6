#include "config/base/error.h"
#include "config/base/text.h"
#include "config/base/utf8.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <string.h>

Test(utf8, reads_what_rfc_3629_allows)
{
    static const struct {
        const char *bytes;
        size_t size;
        uint32_t point;
    } rows[] = {
        {"a", 1, 'a'},
        {"\x7F", 1, 0x7F},
        {"\x80", 0, 0},
        {"\xC1\xBF", 0, 0}, /* overlong */
        {"\xC2\x80", 2, 0x80},
        {"\xC3", 0, 0},
        {"\xC3(", 0, 0},
        {"\xE0\x9F\xBF", 0, 0}, /* overlong */
        {"\xE0\xA0\x80", 3, 0x800},
        {"\xED\x9F\xBF", 3, 0xD7FF},
        {"\xED\xA0\x80", 0, 0}, /* a surrogate */
        {"\xED\xBF\xBF", 0, 0},
        {"\xEE\x80\x80", 3, 0xE000},
        {"\xF0\x8F\xBF\xBF", 0, 0}, /* overlong */
        {"\xF0\x90\x80\x80", 4, 0x10000},
        {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
        {"\xF4\x90\x80\x80", 0, 0},
        {"\xF5\x80\x80\x80", 0, 0},
        {"\xFF", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t point = 0;
        const size_t size = utf8_read(rows[i].bytes, strlen(rows[i].bytes), &point);
        cr_expect_eq(size, rows[i].size, "%zu", i);
        cr_expect_eq(point, rows[i].point, "%zu", i);
        cr_expect_eq(utf8_is_valid(rows[i].bytes), rows[i].size > 0, "%zu", i);
        /* What JSON is written with thinks the same. */
        json_t *json = json_string(rows[i].bytes);
        cr_expect_eq(json != NULL, rows[i].size > 0, "%zu", i);
        json_decref(json);
    }
    cr_expect(utf8_is_valid(""));
}

Test(utf8, mends_what_was_cut_or_never_was_text)
{
    static const struct {
        const char *bytes, *mended;
    } rows[] = {
        {"", ""},
        {"na\xC3\xAFve", "na\xC3\xAFve"},
        {"na\xC3", "na"},
        {"na\xE2\x86", "na"},
        {"na\xF0\x9F\x98", "na"},
        {"na\xC3ve", "na?ve"},
        {"\x86\x92x", "??x"},
        {"x\xF0y", "x?y"},
        {"\xFFx\xE2", "?x"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[16];
        memcpy(text, rows[i].bytes, strlen(rows[i].bytes) + 1);
        utf8_mend(text);
        cr_expect_str_eq(text, rows[i].mended, "%zu", i);
    }
}

Test(utf8, no_character_is_cut_where_words_are_kept)
{
    static const char words[] = "\xC3\xA9\xE2\x86\x92\xF0\x9F\x98\x80";
    for (size_t size = 1; size <= sizeof words; size++) {
        char place[sizeof words];
        cr_expect_eq(text_put(place, size, "%s", words), (int)sizeof words - 1);
        cr_expect(utf8_is_valid(place), "%zu: %s", size, place);
        cr_expect(strncmp(place, words, strlen(place)) == 0, "%zu: %s", size, place);
    }
    cr_expect_eq(text_put(NULL, 0, "%s", words), (int)sizeof words - 1);
    for (int precision = 0; precision < (int)sizeof words; precision++) {
        struct text text;
        struct error err;
        text_init(&text, 100);
        text_format(&text, "<%.*s", precision, words);
        text_add(&text, ">");
        cr_expect(utf8_is_valid(text_get(&text)), "%d: %s", precision, text_get(&text));
        cr_expect_eq(text_get(&text)[text.length - 1], '>');
        text_fini(&text);
        (void)error_set(&err, ERROR_INVALID, -1, "%.*s: and more", precision, words);
        cr_expect(utf8_is_valid(err.detail), "%d: %s", precision, err.detail);
        cr_expect_not_null(strstr(err.detail, ": and more"));
    }
}
