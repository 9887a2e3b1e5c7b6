#include "reconciler/resource/kind.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

Test(kind, every_kind_is_found_by_its_name)
{
    for (int i = 0; i < RESOURCE_KIND_COUNT; i++) {
        const struct resource_kind_info *info = resource_kind_info((enum resource_kind)i);
        enum resource_kind found = KIND_NAMESPACE;
        cr_assert_eq(resource_kind_find(info->name, &found), 0, "%s", info->name);
        cr_expect_eq((int)found, i);
        cr_expect_eq(strncmp(info->name, "Cluster", 7) == 0 || i == KIND_NAMESPACE,
                     !info->namespaced, "%s", info->name);
    }
    enum resource_kind found = KIND_TRAIT;
    cr_expect_eq(resource_kind_find("Deployment", &found), -ENOENT);
    cr_expect_eq(found, KIND_TRAIT);
}

Test(kind, what_takes_others_along_is_never_deleted)
{
    cr_expect_not(resource_kind_info(KIND_NAMESPACE)->may_delete);
    cr_expect_not(resource_kind_info(KIND_ENVIRONMENT)->may_delete);
    cr_expect_not(resource_kind_info(KIND_DEPLOYMENT_PIPELINE)->may_delete);
    cr_expect_not(resource_kind_info(KIND_CLUSTER_DATA_PLANE)->may_delete);
    cr_expect(resource_kind_info(KIND_RELEASE_BINDING)->may_delete);
    cr_expect_not(resource_kind_info(KIND_COMPONENT_RELEASE)->may_put);
    cr_expect_not(resource_kind_info(KIND_COMPONENT_RELEASE)->lists);
}

static const char *path_of(struct text *text, enum resource_kind kind, const char *name)
{
    text_fini(text);
    text_init(text, 1024);
    object_key_path(&(struct object_key){kind, "acme", name}, text);
    return text_get(text);
}

Test(kind, paths)
{
    struct text text;
    text_init(&text, 1024);
    cr_expect_str_eq(path_of(&text, KIND_RELEASE_BINDING, "cart-a-testing"),
                     "/api/v1/namespaces/acme/releasebindings/cart-a-testing");
    cr_expect_str_eq(path_of(&text, KIND_CLUSTER_COMPONENT_TYPE, "cell-slot"),
                     "/api/v1/clustercomponenttypes/cell-slot");
    cr_expect_str_eq(path_of(&text, KIND_NAMESPACE, "acme"), "/api/v1/namespaces/acme");
    cr_expect_str_eq(path_of(&text, KIND_PROJECT, "a/b?c%d\xc3\xa9"),
                     "/api/v1/namespaces/acme/projects/a%2Fb%3Fc%25d%C3%A9");
    cr_expect_str_eq(path_of(&text, KIND_PROJECT, ".."), "/api/v1/namespaces/acme/projects/%2E%2E");
    text_fini(&text);
    object_collection_path(KIND_WORKLOAD, "acme", &text);
    cr_expect_str_eq(text_get(&text), "/api/v1/namespaces/acme/workloads");
    text_fini(&text);
    object_key_text(&(struct object_key){KIND_ENVIRONMENT, "acme", "testing"}, &text);
    cr_expect_str_eq(text_get(&text), "Environment testing");
    text_fini(&text);
}

Test(kind, key_order)
{
    const struct object_key keys[] = {
        {KIND_NAMESPACE, "", "z"}, {KIND_PROJECT, "a", "b"},   {KIND_PROJECT, "a", "c"},
        {KIND_PROJECT, "b", "a"},  {KIND_COMPONENT, "a", "a"}, {KIND_RELEASE_BINDING, "a", "a"},
    };
    const size_t count = sizeof keys / sizeof keys[0];
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            const int order = object_key_compare(&keys[i], &keys[k]);
            cr_expect_eq((order > 0) - (order < 0), (i > k) - (i < k), "%zu %zu", i, k);
        }
    cr_expect_eq(object_key_compare(&(struct object_key){KIND_NAMESPACE, NULL, "a"},
                                    &(struct object_key){KIND_NAMESPACE, "", "a"}),
                 0);
}
