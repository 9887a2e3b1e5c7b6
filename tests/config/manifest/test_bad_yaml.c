/* YAML that is refused, or only seems to be what it is: bad inputs Y1 to Y26. */
#include "tests/config/manifest/fixture.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

/* NOLINTBEGIN(clang-analyzer-security.insecureAPI.strcpy): short texts into arrays made for them */

struct row {
    const char *what;
    const char *text;
    const char *code;
    uint32_t line, column;
    const char *message; /* a part of it */
};

static void check(const struct row *row, const char *bytes, size_t length)
{
    struct fixture fixture = {0};
    fixture_add(&fixture, "platform.yaml", fixture_platform);
    fixture_add_bytes(&fixture, "cells/cart/cell.yaml", bytes, length);
    fixture_load(&fixture, NULL, NULL);
    const struct diagnostic *found = fixture_find(&fixture, row->code);
    cr_expect_not_null(found, "%s: no %s in\n%s", row->what, row->code, fixture_found(fixture.set));
    if (found != NULL) {
        cr_expect_str_eq(found->at.path, "cells/cart/cell.yaml");
        cr_expect(found->at.line == row->line && found->at.column == row->column,
                  "%s: at %u:%u, not %u:%u: %s", row->what, found->at.line, found->at.column,
                  row->line, row->column, found->message);
        cr_expect_not_null(strstr(found->message, row->message), "%s: \"%s\"", row->what,
                           found->message);
        const bool error = found->severity == DIAGNOSTIC_ERROR;
        cr_expect_eq(fixture.set->cells[0].broken, error, "%s", row->what);
        cr_expect_str_eq(fixture.set->cells[0].name, "cart", "%s", row->what);
    }
    fixture_free(&fixture);
}

static void check_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&rows[i], rows[i].text, strlen(rows[i].text));
}

#define CHECK_ALL(rows) check_all(rows, sizeof(rows) / sizeof(rows[0]))

Test(bad_yaml, aliases_anchors_tags_and_directives)
{
    static const struct row rows[] = {
        {"Y1 alias bomb", FIXTURE_CELL "  x-a: &a [1, 2]\n  x-b: [*a, *a]\n", "E_YAML_ANCHOR", 9, 8,
         "anchors are refused (&a)"},
        {"Y2 cyclic alias", FIXTURE_CELL "  x-a: &x [*x]\n", "E_YAML_ANCHOR", 9, 8, "&x"},
        {"Y3 undefined alias", FIXTURE_CELL "  x-a: *nowhere\n", "E_YAML_ALIAS", 9, 8,
         "aliases are refused (*nowhere)"},
        {"Y4 anchor twice", FIXTURE_CELL "  x-a: &x 1\n  x-b: &x 2\n", "E_YAML_ANCHOR", 9, 8, "&x"},
        {"Y6 %TAG", "%TAG ! tag:x,2000:\n---\n" FIXTURE_CELL, "E_YAML_DIRECTIVE", 1, 1,
         "directives (%YAML, %TAG) are refused"},
        {"Y6 %YAML", FIXTURE_CELL "...\n%YAML 1.2\n---\n", "E_YAML_DIRECTIVE", 10, 1, "directives"},
        {"Y6 %FOO", "# comment\n%FOO bar\n---\n" FIXTURE_CELL, "E_YAML_DIRECTIVE", 2, 1,
         "directives"},
        {"Y16 merge key", FIXTURE_CELL "  <<: {suspend: true}\n", "E_YAML_MERGE", 9, 3,
         "merge keys (<<) are refused"},
        {"Y24 python tag", FIXTURE_CELL "  description: !!python/object:os.system x\n",
         "E_YAML_TAG", 9, 16, "tags are refused"},
        {"Y24 own tag", FIXTURE_CELL "  description: !foo x\n", "E_YAML_TAG", 9, 16, "!foo"},
        {"Y24 binary", FIXTURE_CELL "  description: !!binary aGk=\n", "E_YAML_TAG", 9, 16, "tags"},
        {"Y24 tag of a mapping", FIXTURE_CELL "  resources: !x {limits: {cpu: 1}}\n", "E_YAML_TAG",
         9, 14, "!x"},
    };
    CHECK_ALL(rows);
}

Test(bad_yaml, keys)
{
    static const struct row rows[] = {
        {"Y8 duplicate key", FIXTURE_CELL "  suspend: true\n  adopt: true\n  suspend: false\n",
         "E_YAML_DUPLICATE_KEY", 11, 3, "the key \"suspend\" stands twice"},
        {"Y25 list as key", FIXTURE_CELL "  ? [a]\n  : 1\n", "E_YAML_KEY", 9, 5,
         "a key that is a mapping or a list"},
        {"Y25 mapping as key", FIXTURE_CELL "  {a: b}: 1\n", "E_YAML_KEY", 9, 3, "a key that is"},
        {"Y25 empty key", FIXTURE_CELL "  \"\": 1\n", "E_YAML_KEY", 9, 3, "an empty key"},
        {"Y14 direction in a key", FIXTURE_CELL "  sus\xE2\x80\xAEpend: true\n", "E_YAML_INVISIBLE",
         9, 3, "a key with invisible characters: sus\\xE2\\x80\\xAEpend"},
        {"Y14 zero width in a key", FIXTURE_CELL "  suspend\xE2\x80\x8B: true\n",
         "E_YAML_INVISIBLE", 9, 3, "a key with invisible characters"},
    };
    CHECK_ALL(rows);
    struct fixture fixture = {0};
    fixture_add(&fixture, "cells/cart/cell.yaml",
                FIXTURE_CELL "  suspend: true\n  suspend: true\n");
    fixture_load(&fixture, NULL, NULL);
    const struct diagnostic *twice = fixture_find(&fixture, "E_YAML_DUPLICATE_KEY");
    cr_assert_not_null(twice);
    cr_expect_eq(twice->related.line, 9u, "the earlier line is shown too");
    cr_expect_eq(twice->related.column, 3u);
    fixture_free(&fixture);
}

Test(bad_yaml, bytes)
{
    static const struct row rows[] = {
        {"Y9 tab", "apiVersion: celld.dev/v1\nkind: Cell\nmetadata:\n\tname: cart\n", "E_YAML_TAB",
         4, 1, "a tab cannot indent"},
        {"Y10 BOM before the second document", FIXTURE_CELL "---\n\xEF\xBB\xBFx: 1\n",
         "E_YAML_CHARACTER", 10, 1, "U+FEFF"},
        {"Y12 invalid UTF-8", FIXTURE_CELL "  description: \xFF\n", "E_YAML_ENCODING", 9, 16,
         "the file is not valid UTF-8"},
        {"Y12 overlong", FIXTURE_CELL "  description: \xC0\xAF\n", "E_YAML_ENCODING", 9, 16,
         "not valid UTF-8"},
        {"Y12 surrogate", FIXTURE_CELL "  description: \xED\xA0\x80\n", "E_YAML_ENCODING", 9, 16,
         "not valid UTF-8"},
        {"Y12 cut character", FIXTURE_CELL "  description: \xE2\x82", "E_YAML_ENCODING", 9, 16,
         "not valid UTF-8"},
        {"Y12 C0",
         FIXTURE_CELL "  description: a\x01"
                      "b\n",
         "E_YAML_CHARACTER", 9, 17, "control character U+0001"},
        {"Y12 DEL", FIXTURE_CELL "  description: \x7F\n", "E_YAML_CHARACTER", 9, 16, "U+007F"},
        {"Y12 C1", FIXTURE_CELL "  description: \xC2\x80\n", "E_YAML_CHARACTER", 9, 16, "U+0080"},
        {"Y12 columns count characters", FIXTURE_CELL "  description: \xC3\xA9\xC3\xA9\x01\n",
         "E_YAML_CHARACTER", 9, 18, "U+0001"},
        {"Y13 NUL by \\0", FIXTURE_CELL "  description: \"a\\0b\"\n", "E_YAML_NUL", 9, 16,
         "a text with the character U+0000"},
        {"Y13 NUL by \\x00", FIXTURE_CELL "  description: \"\\x00\"\n", "E_YAML_NUL", 9, 16,
         "U+0000"},
        {"Y13 NUL by \\u0000", FIXTURE_CELL "  description: \"\\u0000\"\n", "E_YAML_NUL", 9, 16,
         "U+0000"},
        {"Y14 direction in a text",
         FIXTURE_CELL "  description: a\xE2\x80\xAE"
                      "b\n",
         "W_INVISIBLE", 9, 16, "\"description\" has invisible characters"},
        {"Y14 no-break space",
         FIXTURE_CELL "  description: a\xC2\xA0"
                      "b\n",
         "W_INVISIBLE", 9, 16, "invisible characters"},
        {"Y15 CR", FIXTURE_CELL "  suspend: true\r  adopt: true\n", "E_YAML_LINE_BREAK", 9, 16,
         "a carriage return without a line feed"},
        {"Y15 NEL", FIXTURE_CELL "  suspend: true\xC2\x85\n", "E_YAML_LINE_BREAK", 9, 16, "U+0085"},
        {"Y15 LS", FIXTURE_CELL "  description: a\xE2\x80\xA8\n", "E_YAML_CHARACTER", 9, 17,
         "U+2028"},
        {"syntax", FIXTURE_CELL "  description: [a\n", "E_YAML_SYNTAX", 10, 1,
         "did not find expected ',' or ']'"},
    };
    CHECK_ALL(rows);
    static const char raw_nul[] = FIXTURE_CELL "  description: a\0b\n";
    check(&(struct row){"Y13 raw NUL", NULL, "E_YAML_CHARACTER", 9, 17, "U+0000"}, raw_nul,
          sizeof(raw_nul) - 1);
}

Test(bad_yaml, other_encodings)
{
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {{"\xFF\xFE"
                 "a\0",
                 4},
                {"\xFE\xFF\0a", 4},
                {"a\0b\0", 4},
                {"\0a\0b", 4},
                {"\xFF\xFE\0\0a\0\0\0", 8},
                {"\0\0\xFE\xFF", 4}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture fixture = {0};
        fixture_add_bytes(&fixture, "cells/cart/cell.yaml", rows[i].bytes, rows[i].length);
        fixture_load(&fixture, NULL, NULL);
        const struct diagnostic *found = fixture_find(&fixture, "E_YAML_ENCODING");
        cr_assert_not_null(found, "row %zu: %s", i, fixture_found(fixture.set));
        cr_expect_str_eq(found->message, "the file is UTF-16 or UTF-32, not UTF-8");
        cr_expect(found->at.line == 1 && found->at.column == 1);
        fixture_free(&fixture);
    }
}

Test(bad_yaml, good_bytes)
{
    static const char *const texts[] = {
        "\xEF\xBB\xBF" FIXTURE_CELL, /* Y10: a mark at the start */
        "apiVersion: celld.dev/v1\r\nkind: Cell\r\nmetadata: {name: cart}\r\nspec:\r\n"
        "  components:\r\n    - {name: cartservice, type: worker, image: \"a:1\"}\r\n", /* Y15 */
        "---\n" FIXTURE_CELL "---\n---\n# nothing\n",                                   /* Y22 */
        FIXTURE_CELL "  description: 100 % \xC3\xA9\xF0\x9F\x8E\x89",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct fixture fixture = {0};
        fixture_add(&fixture, "platform.yaml", fixture_platform);
        fixture_add(&fixture, "cells/cart/cell.yaml", texts[i]);
        fixture_load(&fixture, NULL, NULL);
        cr_expect_eq(diagnostics_count(fixture.set->diagnostics), 0u, "%zu: %s", i,
                     fixture_found(fixture.set));
        cr_expect_not(fixture.set->cells[0].broken);
        fixture_free(&fixture);
    }
}

/* A text of `count` times `part` after the usual cell. Owned. */
static char *repeat(const char *head, const char *part, size_t count, const char *tail)
{
    const size_t size = strlen(part);
    char *text = malloc(strlen(head) + size * count + strlen(tail) + 1);
    cr_assert_not_null(text);
    char *end = text + strlen(head);
    strcpy(text, head);
    for (size_t i = 0; i < count; i++, end += size)
        memcpy(end, part, size);
    strcpy(end, tail);
    return text;
}

Test(bad_yaml, limits)
{
    static const struct {
        struct row row;
        const char *head, *part, *tail;
        size_t count;
    } rows[] = {
        {{"Y5 deep nesting", NULL, "E_YAML_DEPTH", 9, 38, "nested deeper than 32 levels"},
         FIXTURE_CELL "  x-a: ",
         "[",
         "\n",
         100000},
        {{"Y7 file size", NULL, "E_YAML_FILE_SIZE", 1, 1, "at most 262144 are read"},
         FIXTURE_CELL,
         "# comment\n",
         "",
         30000},
        {{"Y7 nodes", NULL, "E_YAML_NODES", 9, 29943, "the file has more than 10000 values"},
         FIXTURE_CELL "  x-a: [",
         "1, ",
         "1]\n",
         20000},
        {{"Y7 text", NULL, "E_YAML_SCALAR_LENGTH", 9, 16, "a text of 70000 bytes; at most 65536"},
         FIXTURE_CELL "  description: ",
         "a",
         "\n",
         70000},
        {{"Y7 key", NULL, "E_YAML_KEY_LENGTH", 9, 3, "a key of 300 bytes; at most 253"},
         FIXTURE_CELL "  ",
         "k",
         ": 1\n",
         300},
        {{"Y26 key over 1024", NULL, "E_YAML_SYNTAX", 9, 2003, "could not find expected ':'"},
         FIXTURE_CELL "  ",
         "k",
         ": 1\n",
         2000},
        {{"Y22 documents", NULL, "E_YAML_DOCUMENTS", 135, 1, "more than 64 documents"},
         FIXTURE_CELL,
         "---\na: 1\n",
         "",
         100},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = repeat(rows[i].head, rows[i].part, rows[i].count, rows[i].tail);
        const char *name = rows[i].row.what;
        struct fixture fixture = {0};
        fixture_add(&fixture, "platform.yaml", fixture_platform);
        fixture_add(&fixture, "cells/cart/cell.yaml", text);
        fixture_load(&fixture, NULL, NULL);
        const struct diagnostic *found = fixture_find(&fixture, rows[i].row.code);
        cr_expect_not_null(found, "%s: %s", name, fixture_found(fixture.set));
        if (found != NULL) {
            cr_expect(found->at.line == rows[i].row.line && found->at.column == rows[i].row.column,
                      "%s: at %u:%u", name, found->at.line, found->at.column);
            cr_expect_not_null(strstr(found->message, rows[i].row.message), "%s: %s", name,
                               found->message);
        }
        cr_expect(fixture.set->cells[0].broken);
        fixture_free(&fixture);
        free(text);
    }
}

Test(bad_yaml, files_without_a_document)
{
    static const char *const texts[] = {"", "\n\n", "# only a comment\n", "---\n", "---\n...\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct fixture fixture = {0};
        fixture_add(&fixture, "platform.yaml", fixture_platform);
        fixture_add(&fixture, "cells/cart/cell.yaml", texts[i]);
        fixture_load(&fixture, NULL, NULL);
        const struct diagnostic *found = fixture_find(&fixture, "E_YAML_EMPTY");
        cr_assert_not_null(found, "%zu: %s", i, fixture_found(fixture.set));
        cr_expect_not_null(strstr(found->message, "holds no document"));
        cr_expect(found->at.line == 1 && found->at.column == 1);
        cr_expect(fixture.set->cells[0].broken);
        fixture_free(&fixture);
    }
}

/* Y23: a cut file may be sound YAML; what tells is git's id of the content. */
Test(bad_yaml, a_cut_file_is_other_content)
{
    struct fixture whole = {0}, cut = {0};
    const char *text = FIXTURE_CELL "  env: [{name: A, value: b}]\n";
    fixture_add(&whole, "cells/cart/cell.yaml", text);
    fixture_add_bytes(&cut, "cells/cart/cell.yaml", text, strlen(FIXTURE_CELL));
    fixture_load(&whole, NULL, NULL);
    fixture_load(&cut, whole.set, NULL);
    cr_assert_not_null(whole.set->cells[0].cell);
    cr_assert_not_null(cut.set->cells[0].cell);
    cr_expect_neq(whole.set->cells[0].cell, cut.set->cells[0].cell);
    cr_expect_str_neq(whole.set->cells[0].cell->content_digest,
                      cut.set->cells[0].cell->content_digest);
    fixture_free(&whole);
    fixture_free(&cut);
}
/* NOLINTEND(clang-analyzer-security.insecureAPI.strcpy) */
