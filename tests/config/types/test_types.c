/* The component types inside the program. */
#include "config/base/json.h"
#include "config/types/types.h"

#include <criterion/criterion.h>

#include <string.h>

Test(types, all_five_are_there)
{
    static const char *const names[] = {"cell-build", "cell-route", "cell-slot", "cell-task",
                                        "cell-worker"};
    static const char *const workloads[] = {"proxy", "proxy", "deployment", "cronjob",
                                            "deployment"};
    OWNED_JSON *types = NULL;
    struct error err;
    cr_assert_eq(component_types_load(&types, &err), 0);
    cr_assert_eq(json_array_size(types), 5u);
    for (size_t i = 0; i < 5; i++) {
        const json_t *type = json_array_get(types, i);
        cr_expect_str_eq(json_text_or(json_object_get(type, "apiVersion"), ""),
                         "openchoreo.dev/v1alpha1");
        cr_expect_str_eq(json_text_or(json_object_get(type, "kind"), ""), "ClusterComponentType");
        cr_expect_str_eq(json_text_or(json_at(type, "metadata", "name", NULL), ""), names[i]);
        cr_expect_str_eq(json_text_or(json_at(type, "spec", "workloadType", NULL), ""),
                         workloads[i]);
        cr_expect_gt(json_array_size(json_at(type, "spec", "resources", NULL)), 0u);
    }
}

Test(types, the_route_scales_by_processors_and_by_memory)
{
    OWNED_JSON *types = NULL;
    cr_assert_eq(component_types_load(&types, NULL), 0);
    const json_t *fields =
        json_at(json_array_get(types, 1), "spec", "environmentConfigs", "openAPIV3Schema",
                "properties", "autoscaling", "items", "properties", NULL);
    cr_expect_eq(json_integer_value(json_at(fields, "cpuPercent", "default", NULL)), 80);
    cr_expect_eq(json_integer_value(json_at(fields, "memoryPercent", "default", NULL)), 0);
    cr_expect(json_is_integer(json_at(fields, "memoryPercent", "maximum", NULL)));
}
