/* Faults on demand, and that everything else is a function of the calls. */
#include "config/base/json.h"
#include "tests/platform/town.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BINDING "/api/v1/namespaces/acme/releasebindings/cart-a-development"
#define BINDINGS "/api/v1/namespaces/acme/releasebindings"
#define NEW_PROJECT "{\"metadata\":{\"name\":\"other\"},\"spec\":{}}"
#define PROJECTS "/api/v1/namespaces/acme/projects"

static struct platform_response raw(struct town *t, const char *method, const char *path,
                                    const char *body)
{
    const struct platform_request request = {.method = method,
                                             .path = path,
                                             .body = body,
                                             .body_length = body == NULL ? 0 : strlen(body)};
    struct platform_response response;
    platform_handle(t->platform, &request, t->now_ms, &response);
    return response;
}

static void fault(struct town *t, enum platform_fault_kind kind, const char *method,
                  const char *path, unsigned nth, unsigned count, int64_t parameter)
{
    const struct platform_fault f = {.kind = kind,
                                     .method = method,
                                     .path = path,
                                     .nth = nth,
                                     .count = count,
                                     .parameter = parameter};
    platform_fault_add(t->platform, &f);
}

static bool has_project(const struct town *t, const char *name)
{
    json_t *project = platform_object(t->platform, "projects", "acme", name);
    json_decref(project);
    return project != NULL;
}

Test(faults, names_go_both_ways)
{
    for (int i = 0; i < PLATFORM_FAULT_COUNT; i++) {
        const char *name = platform_fault_name((enum platform_fault_kind)i);
        cr_assert_not_null(name);
        cr_assert_eq(platform_fault_from_name(name), i);
    }
    cr_assert_eq(platform_fault_from_name("nothing"), -1);
}

Test(faults, hits_the_nth_request_and_as_many_as_asked_for)
{
    struct town *t = town_new(NULL);
    fault(t, PLATFORM_FAULT_STATUS, "GET", BINDINGS, 2, 2, 503);
    const int wanted[] = {200, 503, 503, 200};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(town_ask(t, "GET", PROJECTS, NULL, NULL), 200);
        cr_assert_eq(town_ask(t, "GET", BINDINGS, NULL, NULL), wanted[i], "request %zu", i);
    }
    town_free(t);
}

Test(faults, refused_requests_change_nothing)
{
    struct town *t = town_new(NULL);
    const enum platform_fault_kind kinds[] = {PLATFORM_FAULT_REFUSE, PLATFORM_FAULT_STATUS,
                                              PLATFORM_FAULT_RETRY_AFTER};
    for (size_t i = 0; i < 3; i++) {
        fault(t, kinds[i], "POST", PROJECTS, 1, 1, kinds[i] == PLATFORM_FAULT_STATUS ? 502 : 7);
        struct platform_response r = raw(t, "POST", PROJECTS, NEW_PROJECT);
        cr_assert_not(has_project(t, "other"));
        if (kinds[i] == PLATFORM_FAULT_REFUSE)
            cr_assert(r.lost);
        if (kinds[i] == PLATFORM_FAULT_STATUS)
            cr_assert_eq(r.status, 502);
        if (kinds[i] == PLATFORM_FAULT_RETRY_AFTER) {
            cr_assert_eq(r.status, 429);
            cr_assert_eq(r.retry_after_s, 7);
        }
        platform_response_fini(&r);
        platform_fault_clear(t->platform);
    }
    town_free(t);
}

Test(faults, lost_and_late_answers_come_after_the_effect)
{
    struct town *t = town_new(NULL);
    fault(t, PLATFORM_FAULT_LOST, "POST", PROJECTS, 1, 1, 0);
    struct platform_response r = raw(t, "POST", PROJECTS, NEW_PROJECT);
    cr_assert(r.lost);
    cr_assert(has_project(t, "other"));
    platform_response_fini(&r);
    const struct platform_logged *logged =
        platform_log_at(t->platform, platform_log_count(t->platform) - 1);
    cr_assert(logged->lost && logged->changed);
    cr_assert_eq(logged->status, 201);

    fault(t, PLATFORM_FAULT_LATE_ERROR, "POST", PROJECTS, 1, 1, 504);
    r = raw(t, "POST", PROJECTS, "{\"metadata\":{\"name\":\"third\"},\"spec\":{}}");
    cr_assert_eq(r.status, 504);
    cr_assert(has_project(t, "third"));
    platform_response_fini(&r);
    cr_assert_eq(town_ask(t, "POST", PROJECTS, NEW_PROJECT, NULL), 409);
    town_free(t);
}

Test(faults, conflict_changes_nothing)
{
    struct town *t = town_new(NULL);
    town_deploy_slot(t, "cart-a", "a", "cart:1");
    town_pass(t, 30000);
    const int64_t before =
        platform_generation(t->platform, "releasebindings", "acme", "cart-a-development");
    json_t *answer;
    fault(t, PLATFORM_FAULT_CONFLICT, "PUT", NULL, 1, 1, 0);
    const char *body = "{\"metadata\":{\"name\":\"cart-a-development\"},\"spec\":{\"owner\":{"
                       "\"projectName\":\"shop\",\"componentName\":\"cart-a\"},\"environment\":"
                       "\"development\",\"releaseName\":\"cart-a-1\",\"state\":\"Undeploy\"}}";
    cr_assert_eq(town_ask(t, "PUT", BINDING, body, &answer), 500);
    cr_assert_str_eq(json_text_or(json_object_get(answer, "code"), ""), "INTERNAL_ERROR");
    json_decref(answer);
    cr_assert_eq(platform_generation(t->platform, "releasebindings", "acme", "cart-a-development"),
                 before);
    cr_assert_eq(town_ask(t, "PUT", BINDING, body, NULL), 200);
    town_free(t);
}

Test(faults, stale_read_is_an_older_version)
{
    struct town *t = town_new(NULL);
    town_deploy_slot(t, "cart-a", "a", "cart:1");
    town_pass(t, 30000);
    town_release(t, "cart-a", "cart-a-2", "cart:2");
    fault(t, PLATFORM_FAULT_STALE, "GET", BINDING, 1, 1, 1);
    struct platform_response r = raw(t, "GET", BINDING, NULL); /* status is a version as well */
    json_t *fresh, *stale = json_loadb(r.body, r.length, 0, NULL);
    platform_response_fini(&r);
    cr_assert_eq(town_ask(t, "GET", BINDING, NULL, &fresh), 200);
    cr_assert_str_eq(json_text_or(json_at(stale, "spec", "releaseName", NULL), ""), "cart-a-1");
    cr_assert_str_eq(json_text_or(json_at(fresh, "spec", "releaseName", NULL), ""), "cart-a-2");
    json_decref(stale);
    json_decref(fresh);
    town_free(t);
}

Test(faults, lists_lie)
{
    struct town *t = town_new(NULL);
    for (int i = 0; i < 5; i++) {
        char body[128];
        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"p%d\"},\"spec\":{}}", i);
        cr_assert_eq(town_ask(t, "POST", PROJECTS, body, NULL), 201);
    }
    json_t *list;
    fault(t, PLATFORM_FAULT_EMPTY_LIST, "GET", PROJECTS, 1, 1, 0);
    cr_assert_eq(town_ask(t, "GET", PROJECTS, NULL, &list), 200);
    cr_assert_eq(json_array_size(json_object_get(list, "items")), 0);
    json_decref(list);
    fault(t, PLATFORM_FAULT_SHORT_LIST, "GET", PROJECTS, 1, 1, 2);
    cr_assert_eq(town_ask(t, "GET", PROJECTS, NULL, &list), 200);
    cr_assert_eq(json_array_size(json_object_get(list, "items")), 4);
    cr_assert_null(json_at(list, "pagination", "nextCursor", NULL));
    json_decref(list);
    fault(t, PLATFORM_FAULT_TORN, "GET", PROJECTS, 1, 1, 0);
    struct platform_response r = raw(t, "GET", PROJECTS, NULL);
    cr_assert(r.cut > 0 && r.cut < r.length);
    platform_response_fini(&r);
    fault(t, PLATFORM_FAULT_HTML, "GET", PROJECTS, 1, 1, 0);
    r = raw(t, "GET", PROJECTS, NULL);
    cr_assert_eq(r.status, 200);
    cr_assert_eq(strncmp(r.content_type, "text/html", 9), 0);
    platform_response_fini(&r);
    fault(t, PLATFORM_FAULT_DELAY, "GET", PROJECTS, 1, 1, 1234);
    r = raw(t, "GET", PROJECTS, NULL);
    cr_assert_eq(r.delay_ms, 1234);
    platform_response_fini(&r);
    town_free(t);
}

Test(faults, cursors_loop_and_expire)
{
    struct town *t = town_new(NULL);
    for (int i = 0; i < 5; i++) {
        char body[128];
        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"p%d\"},\"spec\":{}}", i);
        cr_assert_eq(town_ask(t, "POST", PROJECTS, body, NULL), 201);
    }
    json_t *list;
    char path[1024];
    cr_assert_eq(town_ask(t, "GET", PROJECTS "?limit=2", NULL, &list), 200);
    snprintf(path, sizeof(path), PROJECTS "?limit=2&cursor=%s",
             json_text_or(json_at(list, "pagination", "nextCursor", NULL), ""));
    json_decref(list);
    fault(t, PLATFORM_FAULT_CURSOR_LOOP, "GET", PROJECTS, 1, 1, 0);
    cr_assert_eq(town_ask(t, "GET", path, NULL, &list), 200);
    cr_assert_not_null(
        strstr(path, json_text_or(json_at(list, "pagination", "nextCursor", NULL), "-")));
    json_decref(list);
    fault(t, PLATFORM_FAULT_CURSOR_EXPIRED, "GET", PROJECTS, 1, 1, 0);
    cr_assert_eq(town_ask(t, "GET", path, NULL, NULL), 500);
    cr_assert_eq(town_ask(t, "GET", path, NULL, NULL), 200);
    /* and by themselves, when they are old */
    struct platform_options options;
    platform_options_default(&options);
    town_pass(t, options.timing.cursor_expiry + 1000);
    cr_assert_eq(town_ask(t, "GET", path, NULL, &list), 500);
    cr_assert_str_eq(json_text_or(json_object_get(list, "code"), ""), "INTERNAL_ERROR");
    json_decref(list);
    town_free(t);
}

/* All that a run answers, in one text. */
static char *transcript(uint64_t seed, unsigned percent, unsigned *ret_conflicts)
{
    struct platform_options options;
    platform_options_default(&options);
    options.seed = seed;
    struct town *t = town_new(&options);
    town_deploy_slot(t, "cart-a", "a", "cart:1");
    town_pass(t, 20000);
    options.conflict_percent = percent;
    platform_restart(t->platform, &options);
    char *all = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&all, &size);
    *ret_conflicts = 0;
    for (int i = 0; i < 60; i++) {
        char body[512];
        snprintf(body, sizeof(body),
                 "{\"metadata\":{\"name\":\"cart-a-development\"},\"spec\":{\"owner\":{"
                 "\"projectName\":\"shop\",\"componentName\":\"cart-a\"},\"environment\":"
                 "\"development\",\"releaseName\":\"cart-a-1\",\"componentTypeEnvironmentConfigs\":"
                 "{\"replicas\":%d}}}",
                 i % 5 + 1);
        struct platform_response r = raw(t, "PUT", BINDING, body);
        *ret_conflicts += r.status == 500;
        fprintf(out, "%d %s\n", r.status, r.body);
        platform_response_fini(&r);
        town_pass(t, 300);
    }
    fclose(out);
    town_free(t);
    return all;
}

Test(faults, the_same_seed_gives_the_same_bytes)
{
    unsigned a, b, c, none;
    char *first = transcript(7, 20, &a), *second = transcript(7, 20, &b);
    char *third = transcript(8, 20, &c), *never = transcript(7, 0, &none);
    cr_assert_str_eq(first, second);
    cr_assert_str_neq(first, third);
    cr_assert(a > 2 && a < 30, "%u conflicts", a);
    cr_assert_eq(none, 0);
    free(first);
    free(second);
    free(third);
    free(never);
}
