#include "config/base/packed.h"

#include <criterion/criterion.h>

#include <stdlib.h>

Test(packed, is_the_value_again)
{
    static const char *const values[] = {"{}", "[]", "{\"a\":{\"b\":[1,\"x\",null,true]}}",
                                         "\"text\"", "12345678901234567"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct packed *packed = packed_take(json_loads(values[i], JSON_DECODE_ANY, NULL));
        cr_assert_not_null(packed, "%s", values[i]);
        cr_expect_str_eq(packed_text(packed), values[i]);
        json_t *opened = packed_open(packed);
        json_t *wanted = json_loads(values[i], JSON_DECODE_ANY, NULL);
        cr_expect(json_equal(opened, wanted), "%s", values[i]);
        json_decref(opened);
        json_decref(wanted);
        cr_expect_null(packed_unref(packed));
    }
}

Test(packed, order_of_keys_makes_no_difference)
{
    struct packed *a = packed_take(json_loads("{\"x\":1,\"y\":2}", 0, NULL));
    struct packed *b = packed_take(json_loads("{\"y\":2,\"x\":1}", 0, NULL));
    struct packed *c = packed_take(json_loads("{\"y\":2,\"x\":3}", 0, NULL));
    cr_expect(packed_equal(a, b));
    cr_expect_not(packed_equal(a, c));
    cr_expect_not(packed_equal(a, NULL));
    cr_expect(packed_equal(NULL, NULL));
    (void)packed_unref(a);
    (void)packed_unref(b);
    (void)packed_unref(c);
}

Test(packed, nothing_stays_nothing)
{
    cr_expect_null(packed_take(NULL));
    cr_expect_null(packed_open(NULL));
    cr_expect_null(packed_ref(NULL));
    cr_expect_null(packed_unref(NULL));
    cr_expect_str_eq(packed_text(NULL), "");
}

Test(packed, lives_as_long_as_its_last_holder)
{
    struct packed *packed = packed_take(json_pack("{s:i}", "a", 1));
    struct packed *same = packed_ref(packed);
    cr_expect_eq(same, packed);
    (void)packed_unref(packed);
    cr_expect_str_eq(packed_text(same), "{\"a\":1}");
    (void)packed_unref(same);
}
