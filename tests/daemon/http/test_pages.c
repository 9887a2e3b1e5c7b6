#include "config/base/json.h"
#include "daemon/http/pages.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static int add(struct pages *pages, const char *text, size_t *ret_new, struct error *err)
{
    OWNED_JSON *body = json_loads(text, 0, NULL);
    OWNED_JSON *items = NULL;
    cr_assert_not_null(body, "%s", text);
    const int result = pages_add(pages, body, &items, err);
    *ret_new = json_array_size(items);
    return result;
}

#define ITEM(name, uid) "{\"metadata\":{\"name\":\"" name "\",\"uid\":\"" uid "\"}}"
#define PAGE(items, cursor) "{\"items\":[" items "],\"pagination\":{\"nextCursor\":\"" cursor "\"}}"
#define LAST(items) "{\"items\":[" items "],\"pagination\":{}}"

Test(pages, are_put_together_once_each)
{
    struct pages *pages = pages_new(10);
    struct error err;
    size_t new_items = 0;
    cr_expect_null(pages_cursor(pages));
    cr_expect_eq(add(pages, PAGE(ITEM("a", "1") "," ITEM("b", "2"), "x"), &new_items, &err), 0);
    cr_expect_eq(new_items, 2);
    cr_expect_str_eq(pages_cursor(pages), "x");
    cr_expect_eq(add(pages, PAGE(ITEM("b", "2") "," ITEM("c", "3"), "y"), &new_items, &err), 0);
    cr_expect_eq(new_items, 1);
    cr_expect_eq(add(pages, PAGE("", "z"), &new_items, &err), 0);
    cr_expect_eq(new_items, 0);
    cr_expect_eq(add(pages, LAST(ITEM("d", "4")), &new_items, &err), 0);
    cr_expect_null(pages_cursor(pages));
    cr_expect_eq(pages_count(pages), 4);
    cr_expect_eq(pages_items(pages), 4);
    cr_expect_eq(pages_duplicates(pages), 1);
    pages_free(pages);
}

Test(pages, the_same_name_in_two_namespaces_is_two_items)
{
    struct pages *pages = pages_new(10);
    struct error err;
    size_t new_items = 0;
    cr_expect_eq(
        add(pages,
            "{\"items\":[{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"1\"}},"
            "{\"metadata\":{\"name\":\"a\",\"namespace\":\"m\",\"uid\":\"2\"}}]}",
            &new_items, &err),
        0);
    cr_expect_eq(new_items, 2);
    pages_free(pages);
}

Test(pages, without_uids_names_decide)
{
    struct pages *pages = pages_new(10);
    struct error err;
    size_t new_items = 0;
    cr_expect_eq(add(pages,
                     "{\"items\":[{\"metadata\":{\"name\":\"a\"}},"
                     "{\"metadata\":{\"name\":\"a\"}}],\"pagination\":{\"nextCursor\":\"\"}}",
                     &new_items, &err),
                 0);
    cr_expect_eq(new_items, 1);
    cr_expect_null(pages_cursor(pages));
    pages_free(pages);
}

/* After one good page with item a/1 and cursor "x". */
static const struct {
    const char *body;
    int result;
    enum error_kind kind;
    const char *text;
} torn[] = {
    {PAGE(ITEM("b", "2"), "x"), ERR_INVALID, ERROR_UNAVAILABLE, "leads back"},
    {LAST(ITEM("a", "9")), ERR_INVALID, ERROR_UNAVAILABLE, "another uid"},
    {"{}", ERR_INVALID, ERROR_UNAVAILABLE, "/items is missing"},
    {"[]", ERR_INVALID, ERROR_UNAVAILABLE, "/items is missing"},
    {"{\"items\":null}", ERR_INVALID, ERROR_UNAVAILABLE, "/items is no array"},
    {"{\"items\":{}}", ERR_INVALID, ERROR_UNAVAILABLE, "/items is no array"},
    {"{\"items\":[7]}", ERR_INVALID, ERROR_UNAVAILABLE, "/items/0/metadata/name is no text"},
    {"{\"items\":[" ITEM("b", "2") ",{\"metadata\":{}}]}", ERR_INVALID, ERROR_UNAVAILABLE,
     "/items/1/metadata/name is no text"},
    {"{\"items\":[{\"metadata\":{\"name\":\"\"}}]}", ERR_INVALID, ERROR_UNAVAILABLE,
     "/items/0/metadata/name is no text"},
    {"{\"items\":[{\"metadata\":{\"name\":\"b\",\"uid\":7}}]}", ERR_INVALID, ERROR_UNAVAILABLE,
     "/items/0/metadata/uid is no text"},
    {"{\"items\":[],\"pagination\":{\"nextCursor\":7}}", ERR_INVALID, ERROR_UNAVAILABLE,
     "/pagination/nextCursor is no cursor"},
};

Test(pages, a_torn_list_is_noticed)
{
    for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
        struct pages *pages = pages_new(10);
        struct error err = {.detail = ""};
        size_t new_items = 0;
        cr_assert_eq(add(pages, PAGE(ITEM("a", "1"), "x"), &new_items, &err), 0);
        cr_expect_eq(add(pages, torn[i].body, &new_items, &err), torn[i].result, "row %zu", i);
        cr_expect_eq(err.kind, torn[i].kind, "row %zu", i);
        cr_expect_not_null(strstr(err.detail, torn[i].text), "row %zu: %s", i, err.detail);
        pages_free(pages);
    }
}

Test(pages, have_a_cap)
{
    struct pages *pages = pages_new(2);
    struct error err;
    size_t new_items = 0;
    cr_expect_eq(add(pages, PAGE("", "x"), &new_items, &err), 0);
    cr_expect_eq(add(pages, PAGE("", "y"), &new_items, &err), ERR_LIMIT);
    cr_expect_eq(err.kind, ERROR_LIMIT);
    cr_expect_not_null(strstr(err.detail, "more than 2 pages"), "%s", err.detail);
    pages_free(pages);
}

Test(pages, the_next_cursor_is_guessed_from_the_text)
{
    static const struct {
        const char *text, *cursor; /* NULL = none */
    } cases[] = {
        {PAGE(ITEM("a", "1"), "x="), "x="},
        {"{\"pagination\": {\"nextCursor\" : \"x\"}, \"items\": []}", "x"},
        {LAST(ITEM("a", "1")), NULL},
        {PAGE("", ""), NULL},
        {PAGE("", "a\\u0041"), NULL},
        {"{\"nextCursor\":null}", NULL},
        {"{\"items\":[{\"a\":\"\\\"nextCursor\\\":\\\"x\\\"\"}]}", NULL},
        {"{\"nextCursor\":\"cut", NULL},
        {"{\"nextCursor\"", NULL},
        {"{\"nextCursor\":", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *cursor = pages_peek(cases[i].text, strlen(cases[i].text));
        if (cases[i].cursor == NULL)
            cr_expect_null(cursor, "%s", cases[i].text);
        else
            cr_expect_str_eq(cursor, cases[i].cursor, "%s", cases[i].text);
        free(cursor);
    }
}
