#include "reconciler/resource/quantity.h"

#include <criterion/criterion.h>

#include <stddef.h>

Test(quantity, equal_by_value)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"1000m", "1", true},
        {"1", "1", true},
        {"0.5", "500m", true},
        {"1Ki", "1024", true},
        {"1.5Gi", "1536Mi", true},
        {"1e3", "1k", true},
        {"1E", "1000P", true},
        {"0", "0m", true},
        {"-0", "0", true},
        {"100000000n", "100m", true},
        {"512Mi", "512M", false},
        {"1", "2", false},
        {"-1", "1", false},
        {"1", "", false},
        {"", "", false},
        {"one", "one", false},
        {"1x", "1x", false},
        {"1 ", "1", false},
        {"9999999999999999999999", "9999999999999999999999", false},
        {"999999999999999999Ei", "999999999999999999Ei", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(quantity_equal(rows[i].a, rows[i].b), rows[i].equal, "%s and %s", rows[i].a,
                     rows[i].b);
}

Test(quantity, valid)
{
    cr_expect(quantity_is_valid("250m"));
    cr_expect(quantity_is_valid("1.Mi") && quantity_is_valid(".5"));
    cr_expect_not(quantity_is_valid("m"));
    cr_expect_not(quantity_is_valid("1e"));
    cr_expect_not(quantity_is_valid("1.2.3"));
    cr_expect_not(quantity_is_valid("1ki"));
}
