#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

void expect_created(struct world *world, const char *path, const char *body)
{
    const struct platform_request request = {
        .method = "POST", .path = path, .body = body, .body_length = strlen(body)};
    struct platform_response response;
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    cr_assert_eq(response.status, 201, "%s", response.body);
    platform_response_fini(&response);
}

void expect_changed(struct world *world, const char *collection, const char *namespace_name,
                    const char *name, json_t *patch)
{
    cr_assert_not_null(patch);
    cr_assert(platform_tamper(world->platform, collection, namespace_name, name, patch,
                              world_platform_now(world)));
    json_decref(patch);
}

void expect_no_dangers(const struct world *world)
{
    const struct platform_dangers dangers = platform_danger(world->platform);
    const struct platform_dangers none = {0};
    cr_expect(memcmp(&dangers, &none, sizeof none) == 0,
              "namespace %u duplicate %u livelock %u environment %u missing %u unready %u taken %u "
              "prb %u overwritten %u dangling %u terminating %u foreign %u double %u",
              dangers.namespace_destroyed, dangers.duplicate_binding, dangers.livelock_entered,
              dangers.environment_deleted, dangers.weight_to_missing, dangers.weight_to_unready,
              dangers.route_taken, dangers.binding_without_prb, dangers.release_overwritten,
              dangers.dangling_reference, dangers.terminating_used, dangers.foreign_erased,
              dangers.double_rollout);
}

void expect_condition(struct world *world, enum engine_condition condition)
{
    if (world_run_until(world, condition, MINUTES(20)))
        return;
    json_t *status = engine_status(world->engine, world_now(world));
    char *text = json_dumps(status, JSON_INDENT(1));
    char *events = json_dumps(world->published, JSON_COMPACT);
    cr_assert_fail("condition %d, not %d: %s\n%s", (int)engine_condition(world->engine),
                   (int)condition, text, events);
}

void expect_silence(struct world *world)
{
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(10));
    cr_expect_eq(world->writes, writes, "%u writes at rest", (unsigned)(world->writes - writes));
    char *differ = world_rows_differ(world);
    cr_expect_null(differ, "journal and engine differ in %s", differ);
    free(differ);
}

void expect_why(const struct world *world, const char *cell, const char *target, const char *part)
{
    char *why = world_why(world, cell, target);
    cr_expect_not_null(strstr(why, part), "\"%s\" lacks \"%s\"", why, part);
    free(why);
}

void expect_runs(const struct world *world, const char *component, const char *environment,
                 const char *image)
{
    const struct platform_running running =
        platform_running(world->platform, "acme", component, environment);
    cr_expect(running.deployed, "%s is not on %s", component, environment);
    cr_expect_str_eq(running.image, image);
    cr_expect(running.ready > 0 && running.ready == running.wanted, "%s on %s: %d/%d", component,
              environment, running.ready, running.wanted);
}
