/* How fast the model is: choreo-standin-bench [components] */
#include "tests/platform/town.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void show(const char *what, double start, double count)
{
    printf("%-46s %10.2f us\n", what, (seconds() - start) * 1e6 / count);
}

static void step_until(struct town *t, int64_t end, const char *what)
{
    const double start = seconds();
    unsigned long steps = 0;
    for (int64_t due; (due = platform_next_due(t->platform)) <= end; steps++) {
        t->now_ms = due > t->now_ms ? due : t->now_ms;
        platform_advance(t->platform, t->now_ms);
    }
    t->now_ms = end;
    platform_advance(t->platform, end);
    printf("%-46s %10.2f us/step, %lu steps, %.2f s\n", what,
           steps == 0 ? 0 : (seconds() - start) * 1e6 / (double)steps, steps, seconds() - start);
}

int main(int argc, char **argv)
{
    const int components = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 2000;
    struct town *t = town_new(NULL);
    char name[64];
    double start = seconds();
    for (int i = 0; i < components; i++) {
        snprintf(name, sizeof(name), "c%05d-%c", i / 2, i % 2 == 0 ? 'a' : 'b');
        town_deploy_slot(t, name, i % 2 == 0 ? "a" : "b", "cart:1");
    }
    show("deploy a slot component (4 requests)", start, components);
    step_until(t, t->now_ms + 60000, "the next minute");
    step_until(t, t->now_ms + 60000, "a settled minute");
    step_until(t, t->now_ms + 3600000, "a settled hour");
    start = seconds();
    for (int i = 0; i < 100000; i++)
        platform_advance(t->platform, t->now_ms);
    show("advance, nothing due", start, 100000);
    start = seconds();
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "/api/v1/namespaces/acme/releasebindings/c%05d-a-development",
                 i % (components / 2));
        const struct platform_request request = {.method = "GET", .path = name};
        struct platform_response response;
        platform_handle(t->platform, &request, t->now_ms, &response);
        platform_response_fini(&response);
    }
    show("GET a binding", start, 20000);
    start = seconds();
    for (int i = 0; i < 200; i++) {
        const struct platform_request request = {
            .method = "GET", .path = "/api/v1/namespaces/acme/releasebindings?limit=100"};
        struct platform_response response;
        platform_handle(t->platform, &request, t->now_ms, &response);
        platform_response_fini(&response);
    }
    show("GET a page of 100 bindings", start, 200);
    start = seconds();
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "c%05d-a", i % (components / 2));
        char release[64];
        snprintf(release, sizeof(release), "c%05d-a-r%d", i % (components / 2), i + 2);
        town_release(t, name, release, i % 2 == 0 ? "cart:2" : "cart:3");
    }
    show("release (3 requests)", start, 500);
    start = seconds();
    for (int i = 0; i < 200; i++)
        json_decref(platform_live_all(t->platform, "Service"));
    show("list of all live Services", start, 200);
    town_free(t);
    return 0;
}
