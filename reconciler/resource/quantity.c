#include "reconciler/resource/quantity.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* digits * 2^twos * 5^fives, where neither 2 nor 5 divides the digits: one representation for each
 * value, whatever its suffix. */
struct quantity {
    bool negative;
    uint64_t digits;
    int twos, fives;
};

static const struct suffix {
    const char *text;
    int ten, binary; /* powers of ten and of 1024 */
} suffixes[] = {
    {"", 0, 0},   {"n", -9, 0}, {"u", -6, 0}, {"m", -3, 0}, {"k", 3, 0},  {"M", 6, 0},
    {"G", 9, 0},  {"T", 12, 0}, {"P", 15, 0}, {"E", 18, 0}, {"Ki", 0, 1}, {"Mi", 0, 2},
    {"Gi", 0, 3}, {"Ti", 0, 4}, {"Pi", 0, 5}, {"Ei", 0, 6},
};

#define DIGITS_LIMIT 18

/* Times ten to the power of `ten`. */
static void scale(struct quantity *quantity, int ten)
{
    quantity->twos += ten;
    quantity->fives += ten;
}

static bool read_digits(const char **text, struct quantity *quantity)
{
    int count = 0;
    bool point = false, any = false;
    for (; (**text >= '0' && **text <= '9') || (**text == '.' && !point); (*text)++) {
        if (**text == '.') {
            point = true;
            continue;
        }
        any = true;
        if (quantity->digits != 0 || **text != '0')
            count++;
        if (count > DIGITS_LIMIT)
            return false;
        quantity->digits = quantity->digits * 10 + (unsigned)(**text - '0');
        if (point)
            scale(quantity, -1);
    }
    return any;
}

static bool read_exponent(const char *text, int *ret_exponent)
{
    const bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    int value = 0, count = 0;
    for (; *text >= '0' && *text <= '9' && count < 3; text++, count++)
        value = value * 10 + (*text - '0');
    if (count == 0 || *text != '\0')
        return false;
    *ret_exponent = negative ? -value : value;
    return true;
}

static bool add_suffix(const char *text, struct quantity *quantity)
{
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (strcmp(suffixes[i].text, text) == 0) {
            scale(quantity, suffixes[i].ten);
            quantity->twos += 10 * suffixes[i].binary;
            return true;
        }
    int exponent = 0;
    if ((*text != 'e' && *text != 'E') || !read_exponent(text + 1, &exponent))
        return false;
    scale(quantity, exponent);
    return true;
}

static bool quantity_read(const char *text, struct quantity *ret_quantity)
{
    struct quantity quantity = {0};
    if (*text == '+' || *text == '-')
        quantity.negative = *text++ == '-';
    if (!read_digits(&text, &quantity) || !add_suffix(text, &quantity))
        return false;
    for (; quantity.digits != 0 && quantity.digits % 2 == 0; quantity.digits /= 2)
        quantity.twos++;
    for (; quantity.digits != 0 && quantity.digits % 5 == 0; quantity.digits /= 5)
        quantity.fives++;
    if (quantity.digits == 0)
        quantity = (struct quantity){0};
    *ret_quantity = quantity;
    return true;
}

bool quantity_is_valid(const char *text)
{
    struct quantity quantity;
    return quantity_read(text, &quantity);
}

bool quantity_equal(const char *a, const char *b)
{
    struct quantity left, right;
    return quantity_read(a, &left) && quantity_read(b, &right) && left.negative == right.negative &&
           left.digits == right.digits && left.twos == right.twos && left.fives == right.fives;
}
