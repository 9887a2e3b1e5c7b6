/* Gates: workflows whose runs come to odd ends, windows, and records that outlive their gate. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(gates, .timeout = 600);

#define GATED(gates_)                                                                              \
    PLATFORM_HEAD "  environments:\n"                                                              \
                  "    - {name: development}\n"                                                    \
                  "    - name: testing\n"                                                          \
                  "      gates: [" gates_ "]\n"                                                    \
                  "  phases: [{name: all, cells: [shop]}]\n"

static const char by_workflow[] = GATED("{name: tests, workflow: {name: check}, timeout: 2m}");

static void add_workflow(struct world *world, const char *schema)
{
    char body[1024];
    snprintf(body, sizeof body,
             "{\"metadata\":{\"name\":\"check\"},\"spec\":{\"runTemplate\":{},\"parameters\":{"
             "\"openAPIV3Schema\":%s}}}",
             schema);
    expect_created(world, "/api/v1/clusterworkflows", body);
}

static const char loose[] = "{\"type\":\"object\"}";

#define RUN(uid_, conditions_)                                                                     \
    "{\"metadata\":{\"name\":\"x\",\"uid\":\"" uid_ "\"},\"status\":{\"conditions\":[" conditions_ \
    "]}}"
#define DONE(reason_, message_)                                                                    \
    "{\"type\":\"Other\",\"status\":\"True\"},{\"type\":\"WorkflowCompleted\",\"status\":"         \
    "\"True\",\"reason\":\"" reason_ "\",\"message\":\"" message_ "\"}"

static const struct {
    const char *what;
    struct meddling items[3];
    const char *schema;
    enum engine_condition condition;
    const char *event, *why; /* NULL = not looked at */
} cases[] = {
    {"nothing odd", {{.method = NULL}}, loose, CONDITION_CONVERGED, "gate-passed", NULL},
    {"the schema is not there",
     {{"GET", "/schema", 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 404, "{}", false}},
     loose,
     CONDITION_HELD,
     "gate-failed",
     "there is no ClusterWorkflow check"},
    {"the schema cannot be read for a while",
     {{"GET", "/schema", 0, 3, ANSWER_RECEIVED, 500, "{}", false}},
     loose,
     CONDITION_CONVERGED,
     "gate-passed",
     NULL},
    {"nobody answers about the schema for a while",
     {{"GET", "/schema", 0, 2, ANSWER_NOT_SENT, 0, NULL, false}},
     loose,
     CONDITION_CONVERGED,
     "gate-passed",
     NULL},
    {"the schema wants what nobody gives",
     {{.method = NULL}},
     "{\"type\":\"object\",\"required\":[\"colour\"]}",
     CONDITION_HELD,
     "gate-failed",
     "would not get what it needs: parameters lacks colour"},
    {"the run is refused",
     {{"POST", "/workflowruns", 0, 1, ANSWER_RECEIVED, 422, "{}", false}},
     loose,
     CONDITION_HELD,
     "gate-failed",
     "was refused (422)"},
    {"the run is refused as malformed",
     {{"POST", "/workflowruns", 0, 1, ANSWER_RECEIVED, 400, "{}", false}},
     loose,
     CONDITION_HELD,
     "gate-failed",
     "was refused (400)"},
    {"there is no place for the run",
     {{"POST", "/workflowruns", 0, 1, ANSWER_RECEIVED, 404, "{}", false}},
     loose,
     CONDITION_HELD,
     "gate-failed",
     "was refused (404)"},
    {"the answer to its POST is lost",
     {{"POST", "/workflowruns", 0, 1, ANSWER_UNKNOWN, 0, NULL, false}},
     loose,
     CONDITION_CONVERGED,
     "gate-passed",
     NULL},
    {"its name is taken, says the server",
     {{"POST", "/workflowruns", 0, 1, ANSWER_RECEIVED, 500, "{}", false}},
     loose,
     CONDITION_CONVERGED,
     "gate-passed",
     NULL},
    {"the run cannot be read for a while",
     {{"GET", "/workflowruns/", 0, 2, ANSWER_RECEIVED, 503, "{}", false}},
     loose,
     CONDITION_CONVERGED,
     "gate-passed",
     NULL},
    {"the run reads as no object",
     {{"GET", "/workflowruns/", 0, 2, ANSWER_RECEIVED, 200, "[]", false}},
     loose,
     CONDITION_CONVERGED,
     "gate-passed",
     NULL},
    {"the run reads as nothing",
     {{"GET", "/workflowruns/", 0, 2, ANSWER_RECEIVED, 200, NULL, false}},
     loose,
     CONDITION_CONVERGED,
     "gate-passed",
     NULL},
    {"the run is gone, three times",
     {{"GET", "/workflowruns/", 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 404, "{}", false}},
     loose,
     CONDITION_HELD,
     "gate-unknown",
     "is gone: its outcome is unknown"},
    {"the run was never made, and is posted again",
     {{"POST", "/workflowruns", 0, 1, ANSWER_RECEIVED, 503, "{}", false},
      {"GET", "/workflowruns/", 0, 1, ANSWER_RECEIVED, 404, "{}", false}},
     loose,
     CONDITION_CONVERGED,
     "gate-passed",
     NULL},
    {"another execution answers, three times",
     {{"GET", "/workflowruns/", 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 200,
       RUN("stranger", DONE("WorkflowSucceeded", "")), false}},
     loose,
     CONDITION_HELD,
     "gate-unknown",
     "is another execution"},
    {"it fails",
     {{"POST", "/workflowruns", 0, 1, ANSWER_RECEIVED, 201,
       RUN("u", DONE("WorkflowFailed", "2 of 9 tests failed")), false}},
     loose,
     CONDITION_HELD,
     "gate-failed",
     "failed: WorkflowFailed 2 of 9 tests failed"},
    {"it fails because its component is not found",
     {{"POST", "/workflowruns", 0, 1, ANSWER_RECEIVED, 201,
       RUN("u", DONE("ComponentValidationFailed", "component not found")), false}},
     loose,
     CONDITION_HELD,
     "gate-failed",
     "ComponentValidationFailed"},
    {"it is lost, three times",
     {{"POST", "/workflowruns", 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 201,
       RUN("u", DONE("WorkflowError", "workflow not found")), false}},
     loose,
     CONDITION_HELD,
     "gate-unknown",
     "was lost by its engine"},
    {"it does not end, and cannot be removed at first",
     {{"GET", "/workflowruns/", 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 500, "{}", false},
      {"DELETE", "/workflowruns/", 0, 1, ANSWER_RECEIVED, 500, "{}", false}},
     loose,
     CONDITION_HELD,
     "gate-unknown",
     "did not end in time"},
    {"it does not end, and nobody answers about its removal at first",
     {{"GET", "/workflowruns/", 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 500, "{}", false},
      {"DELETE", "/workflowruns/", 0, 1, ANSWER_UNKNOWN, 0, NULL, true}},
     loose,
     CONDITION_HELD,
     "gate-unknown",
     "did not end in time"},
    {"it does not end, and is gone when it is removed",
     {{"GET", "/workflowruns/", 0, MEDDLE_ALWAYS, ANSWER_NOT_SENT, 0, NULL, false},
      {"DELETE", "/workflowruns/", 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 404, "{}", false}},
     loose,
     CONDITION_HELD,
     "gate-unknown",
     "did not end in time"},
};

Test(gates, runs_that_come_to_odd_ends)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct meddler meddler;
        struct world *world = meddle_world(&meddler, cases[i].items);
        add_workflow(world, cases[i].schema);
        repository_commit(world, 1, by_workflow, "shop", "registry.example/shop:1", NULL, NULL);
        cr_expect(world_run_until(world, cases[i].condition, MINUTES(30)), "%s: condition %d",
                  cases[i].what, (int)engine_condition(world->engine));
        cr_expect(world_published(world, cases[i].event, "shop"), "%s: %s", cases[i].what,
                  cases[i].event);
        cr_expect_eq(meddler.replaced > 0, cases[i].items[0].method != NULL, "%s", cases[i].what);
        if (cases[i].why != NULL) {
            json_t *gates = engine_gates(world->engine);
            const json_t *gate = json_array_get(json_object_get(gates, "gates"), 0);
            const char *message = json_text_or(json_object_get(gate, "message"), "");
            cr_expect_not_null(strstr(message, cases[i].why), "%s: \"%s\"", cases[i].what, message);
            json_decref(gates);
        }
        expect_no_dangers(world);
        world_free(world);
    }
}

Test(gates, a_gate_that_the_platform_drops_does_not_answer_any_more)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"GET", "/workflowruns/", 0, 3, ANSWER_NOT_SENT, 0, NULL, false}, {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    add_workflow(world, loose);
    repository_commit(world, 1, by_workflow, "shop", "registry.example/shop:1", NULL, NULL);
    while (!world_published(world, "gate-started", "shop"))
        cr_assert(world_step(world, MINUTES(20)));
    repository_commit(world, 2, GATED(""), "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "testing", "registry.example/shop:1");
    expect_silence(world);
    world_free(world);
}

/* --- windows ------------------------------------------------------------------------------------
 */

/* The simulated clock starts on a Wednesday (2026-11-25) at some time of day: the window is laid
 * around it. */
static char *windowed(const struct world *world, int from_minutes, int to_minutes, const char *zone)
{
    static char text[2048];
    const int64_t minute = world_now(world).wall.ms / 60000 % 1440;
    const int from = (int)((minute + from_minutes + 1440) % 1440);
    const int to = (int)((minute + to_minutes + 1440) % 1440);
    snprintf(text, sizeof text,
             GATED("{name: office, window: {days: [mon, tue, wed, thu, fri, sat, sun], "
                   "from: \"%02d:%02d\", to: \"%02d:%02d\", zone: %s}}"),
             from / 60, from % 60, to / 60, to % 60, zone);
    return text;
}

Test(gates, a_window_opens_by_itself)
{
    struct world *world = repository_world();
    repository_commit(world, 1, windowed(world, 8, 60, "UTC"), "shop", "registry.example/shop:1",
                      NULL, NULL);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "testing", "waits for gate office to open");
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_geq(world->now_ms, MINUTES(7));
    expect_runs(world, "shop-api-a", "testing", "registry.example/shop:1");
    world_free(world);
}

Test(gates, an_open_window_is_no_wait)
{
    struct world *world = repository_world();
    repository_commit(world, 1, windowed(world, 0, 90, "UTC"), "shop", "registry.example/shop:1",
                      NULL, NULL);
    world_run(world, MINUTES(6));
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
    /* UTC needs no file, by either of its names. */
    repository_commit(world, 2, windowed(world, 0, 90, "Etc/UTC"), "shop",
                      "registry.example/shop:2", NULL, NULL);
    world_run(world, MINUTES(6));
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "testing", "registry.example/shop:2");
    world_free(world);
}

/* A zone of one type, an hour east of UTC, with no transitions. */
static size_t east_zone(unsigned char *bytes)
{
    size_t at = 0;
    for (int part = 0; part < 2; part++) {
        memset(bytes + at, 0, 64);
        memcpy(bytes + at, "TZif2", 5); /* NOLINT(bugprone-not-null-terminated-result) */
        bytes[at + 39] = 1;
        bytes[at + 43] = 4;
        at += 44;
        bytes[at + 2] = 3600 >> 8;
        bytes[at + 3] = 3600 & 255;
        at += 10;
    }
    memcpy(bytes + at, "\n\n", 2); /* NOLINT(bugprone-not-null-terminated-result) */
    return at + 2;
}

Test(gates, a_window_follows_its_zone)
{
    struct world *world = repository_world();
    unsigned char bytes[256];
    const struct zone_file zones[] = {{"Moon/Crater", "TZif", 4},
                                      {"Earth/East", bytes, east_zone(bytes)}};
    world->zones = zones;
    world->zone_count = 2;
    repository_commit(world, 1, windowed(world, 68, 120, "Earth/East"), "shop",
                      "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "testing", "waits for gate office to open");
    /* The same zones again, with the next revision. */
    repository_commit(world, 2, windowed(world, 62, 120, "Earth/East"), "shop",
                      "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 3, windowed(world, 62, 120, "Moon/Crater"), "shop",
                      "registry.example/shop:3", NULL, NULL);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "testing", "gate office, whose outcome is not known");
    world_free(world);
}

Test(gates, a_window_in_a_zone_that_nobody_knows_stays_shut)
{
    struct world *world = repository_world();
    repository_commit(world, 1, windowed(world, 0, 90, "Europe/Zurich"), "shop",
                      "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(10));
    expect_why(world, "shop", "testing", "gate office, whose outcome is not known");
    world_free(world);
}

Test(gates, an_approval_is_for_what_was_seen)
{
    static const char approved_by_hand[] = GATED("{name: somebody, manual: {}}");
    struct world *world = repository_world();
    for (int revision = 1; revision <= 3; revision++) {
        char image[64], before[64];
        snprintf(before, sizeof before, "%s", repository_release(world, "shop-api-a-testing"));
        snprintf(image, sizeof image, "registry.example/shop:%d", revision);
        repository_commit(world, revision, approved_by_hand, "shop", image, NULL, NULL);
        expect_condition(world, CONDITION_HELD);
        expect_why(world, "shop", "testing", "somebody");
        cr_expect_str_eq(repository_release(world, "shop-api-a-testing"), before);
        bool ok;
        world_command(world, "approve", json_pack("{s:s}", "cell", "shop"), &ok);
        cr_expect(ok);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "shop-api-a", "testing", image);
    }
    world_free(world);
}
