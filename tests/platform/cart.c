#include "tests/platform/cart.h"

#include <criterion/criterion.h>

struct town *cart_town(void)
{
    struct town *t = town_new(NULL);
    town_deploy_slot(t, "cart-a", "a", "cart:1");
    cr_assert(town_wait(t, "cart-a-development", "Ready", "True", 60000));
    town_deploy_route(t, "[{\"name\":\"cart-a\",\"weight\":100}]");
    cr_assert(town_wait(t, "cart-development", "Ready", "True", 60000));
    town_pass(t, 60000);
    return t;
}

const char *cart_ready(struct town *t, const char *binding)
{
    return town_condition(t, binding, "Ready", NULL);
}
