/* Every allocation of a compilation fails once: nothing leaks, nothing half made comes out. */
#include "config/base/json.h"
#include "reconciler/resource/diff.h"
#include "tests/reconciler/compile/fixture.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>

static long allocations_left;
static long live_allocations;

static void *failing_malloc(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    live_allocations++;
    return malloc(size);
}

static void counting_free(void *pointer)
{
    if (pointer != NULL)
        live_allocations--;
    free(pointer);
}

/* What is done for one slot; 0 or -ENOMEM. */
static int compile_slot(const struct fixture *fixture)
{
    struct deployment *deployment = NULL;
    struct desired_object binding = {0};
    struct desired_list references = {0};
    struct difference difference = {0};
    struct error err = {0};
    int status = deployment_new(&fixture->context, fixture_cell(fixture, "shop"),
                                fixture_component(fixture, "shop", "cart"),
                                platform_target(fixture->set->platform, "production"), NULL,
                                &deployment, &err);
    if (status == 0)
        status = deployment_references(deployment, &references);
    if (status == 0)
        status =
            deployment_binding(deployment, ROLE_SLOT_A,
                               &(struct binding_wants){.active = true, .replicas = -1}, &binding);
    if (status == 0) {
        json_t *live = json_object();
        json_t *merged = diff_merge(KIND_RELEASE_BINDING, binding.body, NULL, live);
        status = live == NULL || merged == NULL
                     ? -ENOMEM
                     : diff_object(KIND_RELEASE_BINDING, binding.body, live, &difference);
        if (status == 0 && difference.count == 0)
            status = -EINVAL;
        json_decref(merged);
        json_decref(live);
    }
    difference_fini(&difference);
    desired_list_fini(&references);
    desired_object_fini(&binding);
    deployment_free(deployment);
    return status;
}

Test(memory, every_allocation_may_fail)
{
    struct fixture fixture;
    fixture_load(fixture_files, FIXTURE_FILE_COUNT, &fixture);
    json_set_alloc_funcs(failing_malloc, counting_free);
    long limit = 0;
    int status = -ENOMEM;
    for (; status != 0 && limit < 20000; limit++) {
        allocations_left = limit;
        live_allocations = 0;
        status = compile_slot(&fixture);
        cr_assert(status == 0 || status == -ENOMEM, "after %ld: %d", limit, status);
        cr_assert_eq(live_allocations, 0, "after %ld: %ld left", limit, live_allocations);
    }
    cr_assert_eq(status, 0);
    cr_assert_gt(limit, 100);
    json_set_alloc_funcs(malloc, free);
    fixture_free(&fixture);
}
