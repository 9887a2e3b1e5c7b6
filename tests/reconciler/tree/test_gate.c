#include "config/base/json.h"
#include "reconciler/tree/gate.h"
#include "tests/reconciler/data.h"

#include <criterion/criterion.h>

#include <string.h>

#define IMAGE "registry.example/"

static json_t *recorded;

static void load(void)
{
    recorded = data_load("gate.json");
}

static void unload(void)
{
    json_decref(recorded);
}

TestSuite(gate, .init = load, .fini = unload);

static const json_t *binding_of(const char *key)
{
    const json_t *binding = json_at(recorded, "bindings", key, NULL);
    cr_assert_not_null(binding, "binding %s", key);
    return binding;
}

static const json_t *tree_of(const char *key)
{
    if (key == NULL)
        return NULL;
    const json_t *tree = json_at(recorded, "trees", key, NULL);
    cr_assert_not_null(tree, "tree %s", key);
    return tree;
}

/* Recorded answers, by scenario and number: what was asked for, and what the contract says. */
static const struct row {
    const char *what;
    const char *binding, *tree; /* NULL = the tree could not be read */
    struct gate_question question;
    const char *reason;
    enum gate_verdict verdict;
    bool second_look, grace;
} rows[] = {
    {"first rollout done",
     "03#9",
     "03#10",
     {.component = "orders",
      .release_name = "orders-000000000001",
      .image = IMAGE "orders:1",
      .generation_before = -1},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"not looked at yet",
     "03#14",
     "03#10",
     {.component = "orders",
      .release_name = "orders-000000000002",
      .image = IMAGE "orders:2",
      .generation_before = 1},
     "NotObserved",
     GATE_STALE,
     false,
     false},
    {"all conditions new and True, the old release runs",
     "03#15",
     "03#10",
     {.component = "orders",
      .release_name = "orders-000000000002",
      .image = IMAGE "orders:2",
      .generation_before = 1},
     "NotRendered",
     GATE_STALE,
     false,
     false},
    {"second rollout done",
     "03#17",
     "03#18",
     {.component = "orders",
      .release_name = "orders-000000000002",
      .image = IMAGE "orders:2",
      .generation_before = 1},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"done in the tree before Ready says so",
     "03#16",
     "03#18",
     {.component = "orders",
      .release_name = "orders-000000000002",
      .image = IMAGE "orders:2",
      .generation_before = 1},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"settled, but the tree is unreadable",
     "03#17",
     NULL,
     {.component = "orders",
      .release_name = "orders-000000000002",
      .image = IMAGE "orders:2",
      .generation_before = 1},
     "TreeUnreadable",
     GATE_UNKNOWN,
     false,
     false},
    {"broken image past its deadline",
     "03#25",
     "03#26",
     {.component = "orders",
      .release_name = "orders-000000000003",
      .image = IMAGE "orders:broken-3",
      .generation_before = 2},
     "ProgressDeadlineExceeded",
     GATE_FAILED,
     false,
     false},
    {"rolled back, the failure of before with the new generation",
     "03#29",
     "03#26",
     {.component = "orders",
      .release_name = "orders-000000000002",
      .image = IMAGE "orders:2",
      .generation_before = 3},
     "NotRendered",
     GATE_STALE,
     false,
     false},
    {"rolled back",
     "03#31",
     "03#18",
     {.component = "orders",
      .release_name = "orders-000000000002",
      .image = IMAGE "orders:2",
      .generation_before = 3},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"another release is named",
     "03#31",
     "03#18",
     {.component = "orders", .release_name = "orders-000000000003", .generation_before = -1},
     "ReleaseDiffers",
     GATE_STALE,
     false,
     false},
    {"no condition at all",
     "02#9",
     NULL,
     {.component = "early", .release_name = "early-000000000001", .generation_before = -1},
     "NotObserved",
     GATE_STALE,
     false,
     false},
    {"no namespace yet",
     "02#11",
     "26#19",
     {.component = "early", .release_name = "early-000000000001", .generation_before = -1},
     "ResourceApplyFailed",
     GATE_PROGRESSING,
     false,
     true},
    {"no namespace yet, no tree",
     "02#11",
     NULL,
     {.component = "early", .release_name = "early-000000000001", .generation_before = -1},
     "TreeUnreadable",
     GATE_UNKNOWN,
     false,
     false},
    {"route at 100/0",
     "04b#15",
     "04#15",
     {.component = "cart",
      .release_name = "cart-route-1",
      .generation_before = 15,
      .route = true,
      .weight_a = 100},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"route at 90/10",
     "04b#15",
     "04#27",
     {.component = "cart",
      .release_name = "cart-route-1",
      .generation_before = 15,
      .route = true,
      .weight_a = 90,
      .weight_b = 10},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"route wanted at 50/50",
     "04b#15",
     "04#27",
     {.component = "cart",
      .release_name = "cart-route-1",
      .generation_before = 15,
      .route = true,
      .weight_a = 50,
      .weight_b = 50},
     "NotRendered",
     GATE_STALE,
     false,
     false},
    {"route at 0/100",
     "04b#15",
     "04#31",
     {.component = "cart",
      .release_name = "cart-route-1",
      .generation_before = 15,
      .route = true,
      .weight_b = 100},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"slot",
     "15#14",
     "04#16",
     {.component = "cart-a",
      .release_name = "cart-a-000000000003",
      .image = IMAGE "cart:1",
      .generation_before = 2},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"all weights 0 do not render",
     "04b#3",
     "04#27",
     {.component = "cart", .release_name = "cart-route-1", .generation_before = 9, .route = true},
     "RenderingFailed",
     GATE_FAILED,
     true,
     false},
    {"rendering failure of the write before",
     "04b#3",
     "04#27",
     {.component = "cart", .release_name = "cart-route-1", .generation_before = 10, .route = true},
     "NotObserved",
     GATE_STALE,
     false,
     false},
    {"rendering failure, no tree",
     "04b#11",
     NULL,
     {.component = "cart", .release_name = "cart-route-1", .generation_before = 13},
     "RenderingFailed",
     GATE_FAILED,
     true,
     false},
    {"provider missing",
     "05#17",
     NULL,
     {.component = "till-a", .release_name = "till-a-1", .generation_before = -1},
     "ConnectionsPending",
     GATE_PROGRESSING,
     false,
     false},
    {"endpoint that is not there",
     "05#57",
     NULL,
     {.component = "audit2-a", .release_name = "audit2-a-1", .generation_before = -1},
     "ConnectionsPending",
     GATE_PROGRESSING,
     false,
     false},
    {"config maps, secrets, autoscaler",
     "06#20",
     "06#21",
     {.component = "conf",
      .release_name = "conf-1",
      .image = IMAGE "conf:1",
      .generation_before = 3},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"undeploy not taken up",
     "09#37",
     NULL,
     {.component = "g1", .undeploy = true, .generation_before = 1},
     "NotObserved",
     GATE_STALE,
     false,
     false},
    {"being undeployed",
     "09#38",
     "09#40",
     {.component = "g1", .undeploy = true, .generation_before = 1},
     "ResourcesUndeployed",
     GATE_PROGRESSING,
     false,
     false},
    {"undeployed",
     "09#39",
     "09#40",
     {.component = "g1", .undeploy = true, .generation_before = 1},
     "ResourcesUndeployed",
     GATE_UNDEPLOYED,
     false,
     false},
    {"undeployed, no tree",
     "09#39",
     NULL,
     {.component = "g1", .undeploy = true, .generation_before = 1},
     "TreeUnreadable",
     GATE_UNKNOWN,
     false,
     false},
    {"undeployed, objects still there",
     "09#39",
     "03#10",
     {.component = "g1", .undeploy = true, .generation_before = 1},
     "ResourcesUndeployed",
     GATE_PROGRESSING,
     false,
     false},
    {"undeployed, but wanted",
     "09#39",
     "09#40",
     {.component = "g1", .release_name = "g1-1", .generation_before = -1},
     "StateDiffers",
     GATE_STALE,
     false,
     false},
    {"active again, not taken up",
     "09#42",
     "09#40",
     {.component = "g1", .release_name = "g1-1", .generation_before = 2},
     "NotObserved",
     GATE_STALE,
     false,
     false},
    {"active again, nothing rendered",
     "09#43",
     "09#40",
     {.component = "g1", .release_name = "g1-1", .generation_before = 2},
     "NotRendered",
     GATE_PROGRESSING,
     false,
     false},
    {"Deployment deleted by hand, Ready all the while",
     "14#4",
     "14#2",
     {.component = "orders",
      .release_name = "orders-000000000002",
      .image = IMAGE "orders:2",
      .generation_before = -1},
     "ResourcesProgressing",
     GATE_PROGRESSING,
     false,
     false},
    {"route without autoscaler",
     "04b#15",
     "15#18",
     {.component = "cart",
      .release_name = "cart-route-1",
      .generation_before = 15,
      .route = true,
      .weight_a = 90,
      .weight_b = 10},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"answer to a PUT says nothing",
     "21#4",
     "21#5",
     {.component = "orders",
      .release_name = "orders-000000000001",
      .image = IMAGE "orders:1",
      .generation_before = 52},
     "NotObserved",
     GATE_STALE,
     false,
     false},
    {"flipped",
     "21#4",
     "21#5",
     {.component = "orders",
      .release_name = "orders-000000000001",
      .image = IMAGE "orders:1",
      .generation_before = 51},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"route with autoscaler at 25/75",
     "23#11",
     "23#12",
     {.component = "cart",
      .release_name = "cart-route-final",
      .generation_before = 66,
      .route = true,
      .weight_a = 25,
      .weight_b = 75},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"worker",
     "24#19",
     "24#20",
     {.component = "mailer",
      .release_name = "mailer-1",
      .image = IMAGE "mailer:1",
      .generation_before = -1},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"worker changed, Ready still False",
     "24#27",
     "24#26",
     {.component = "mailer",
      .release_name = "mailer-2",
      .image = IMAGE "mailer:2",
      .generation_before = 2},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"worker with autoscaler",
     "24#31",
     "24#30",
     {.component = "mailer",
      .release_name = "mailer-2",
      .image = IMAGE "mailer:2",
      .generation_before = 3},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"bad bounds",
     "24#35",
     "24#30",
     {.component = "mailer",
      .release_name = "mailer-2",
      .image = IMAGE "mailer:2",
      .generation_before = 5},
     "RenderingFailed",
     GATE_FAILED,
     true,
     false},
    {"worker broken",
     "24#42",
     "24#43",
     {.component = "mailer",
      .release_name = "mailer-3",
      .image = IMAGE "mailer:broken",
      .generation_before = 7},
     "ProgressDeadlineExceeded",
     GATE_FAILED,
     false,
     false},
    {"worker rolled back, Ready still False",
     "24#46",
     "24#45",
     {.component = "mailer",
      .release_name = "mailer-2",
      .image = IMAGE "mailer:2",
      .generation_before = 8},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"task",
     "25#17",
     "25#18",
     {.component = "report",
      .release_name = "report-1",
      .image = IMAGE "report:1",
      .generation_before = -1},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"task, schedule changed",
     "25#22",
     "25#25",
     {.component = "report",
      .release_name = "report-1",
      .image = IMAGE "report:1",
      .generation_before = -1},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"task, suspended",
     "25#37",
     "25#38",
     {.component = "report",
      .release_name = "report-2",
      .image = IMAGE "report:2",
      .generation_before = 4},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"task with a failed run",
     "25#49",
     "25#50",
     {.component = "report",
      .release_name = "report-2",
      .image = IMAGE "report:2",
      .generation_before = 5},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"task being undeployed",
     "25#53",
     "25#50",
     {.component = "report", .undeploy = true, .generation_before = 6},
     "ResourcesUndeployed",
     GATE_PROGRESSING,
     false,
     false},
    {"task undeployed",
     "25#54",
     "25#56",
     {.component = "report", .undeploy = true, .generation_before = 6},
     "ResourcesUndeployed",
     GATE_UNDEPLOYED,
     false,
     false},
    {"63 characters",
     "26#11",
     "26#12",
     {.component = "wxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      .release_name = "w62-1",
      .image = IMAGE "w:1",
      .generation_before = -1},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"64 characters",
     "26#18",
     "26#19",
     {.component = "wxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      .release_name = "w63-1",
      .image = IMAGE "w:1",
      .generation_before = -1},
     "ResourceApplyFailed",
     GATE_FAILED,
     false,
     false},
    {"64 characters, no tree",
     "26#18",
     NULL,
     {.component = "w", .release_name = "w63-1", .generation_before = -1},
     "ResourceApplyFailed",
     GATE_FAILED,
     false,
     false},
    {"long task name, cut",
     "26#46",
     "26#47",
     {.component = "txxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      .release_name = "t62-1",
      .image = IMAGE "t:1",
      .generation_before = -1},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"rendered release of another binding",
     "27#18",
     "27#19",
     {.component = "a", .release_name = "a-r1", .generation_before = -1},
     "ReleaseOwnershipConflict",
     GATE_FAILED,
     true,
     false},
    {"the one that was first",
     "27#21",
     "27#20",
     {.component = "a-b",
      .release_name = "a-b-r1",
      .image = IMAGE "a-b:1",
      .generation_before = -1},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"route taken by another component",
     "27b#24",
     "27b#23",
     {.component = "web-api", .release_name = "web-api-r1", .generation_before = -1},
     "TakenOver",
     GATE_FAILED,
     false,
     false},
    {"the one that took it",
     "27b#26",
     "27b#25",
     {.component = "web", .release_name = "web-r1", .generation_before = -1},
     "Settled",
     GATE_SETTLED,
     false,
     false},
    {"two endpoints with one route",
     "27b#28",
     "27b#27",
     {.component = "self", .release_name = "self-r1", .generation_before = -1},
     "RenderedTwice",
     GATE_FAILED,
     false,
     false},
    {"its route was deleted with the other",
     "27b#30",
     "27b#31",
     {.component = "web-api", .release_name = "web-api-r1", .generation_before = -1},
     "ResourcesProgressing",
     GATE_PROGRESSING,
     false,
     false},
};

Test(gate, recorded_moments)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct gate_answer answer;
        gate_judge(&row->question, binding_of(row->binding), tree_of(row->tree), &answer);
        cr_expect_eq(answer.verdict, row->verdict, "%s: %s (%s: %s)", row->what,
                     gate_verdict_name(answer.verdict), answer.reason, answer.text);
        cr_expect_str_eq(answer.reason, row->reason, "%s: %s: %s", row->what, answer.reason,
                         answer.text);
        cr_expect_eq(answer.needs_second_look, row->second_look, "%s", row->what);
        cr_expect_eq(answer.needs_grace, row->grace, "%s", row->what);
        cr_expect_eq(answer.weights_verified, row->question.route && row->verdict == GATE_SETTLED,
                     "%s", row->what);
    }
}

/* In every recorded flip between two healthy releases, whatever the conditions say: with the tree
 * of the old release it is never settled nor failed, with the tree of the new one it is settled
 * exactly when the last write was taken up. */
Test(gate, stale_windows)
{
    static const char *const scenarios[] = {"03b", "19"};
    size_t looks = 0, fooled = 0;
    for (size_t s = 0; s < sizeof scenarios / sizeof scenarios[0]; s++) {
        int64_t before = -1;
        for (int n = 1; n < 40; n++) {
            char key[16];
            (void)snprintf(key, sizeof key, "%s#%d", scenarios[s], n);
            const json_t *binding = json_at(recorded, "bindings", key, NULL);
            if (binding == NULL)
                continue;
            const char *release = json_text_or(json_at(binding, "spec", "releaseName", NULL), "");
            const bool first = strcmp(release, "orders-000000000001") == 0;
            struct gate_question question = {
                .component = "orders",
                .release_name = release,
                .image = first ? IMAGE "orders:1" : IMAGE "orders:2",
                .generation_before = before,
            };
            struct gate_answer old, new;
            gate_judge(&question, binding, tree_of(first ? "03#18" : "03#10"), &old);
            gate_judge(&question, binding, tree_of(first ? "03#10" : "03#18"), &new);
            if (strcmp(json_text_or(json_object_get(binding, "sent"), ""), "PUT") == 0) {
                before = new.generation;
                continue;
            }
            cr_expect_eq(old.verdict, GATE_STALE, "%s: %s", key, old.reason);
            cr_expect_eq(new.verdict, new.generation > before ? GATE_SETTLED : GATE_STALE, "%s: %s",
                         key, new.reason);
            looks++;
            fooled += new.generation > before ? 1 : 0;
        }
    }
    cr_assert_geq(looks, 25);
    cr_assert_geq(fooled, 15);
}

/* No binding, whatever it says, is settled or undeployed without its tree. */
Test(gate, a_binding_alone_never_settles)
{
    const char *key;
    json_t *binding;
    size_t count = 0;
    json_object_foreach(json_object_get(recorded, "bindings"), key, binding)
    {
        for (int undeploy = 0; undeploy < 2; undeploy++) {
            const struct gate_question question = {
                .component =
                    json_text_or(json_at(binding, "spec", "owner", "componentName", NULL), ""),
                .release_name = json_text_or(json_at(binding, "spec", "releaseName", NULL), ""),
                .undeploy = undeploy == 1,
                .generation_before = -1,
            };
            struct gate_answer answer;
            gate_judge(&question, binding, NULL, &answer);
            cr_expect(answer.verdict != GATE_SETTLED && answer.verdict != GATE_UNDEPLOYED, "%s",
                      key);
            cr_expect(answer.text[0] != '\0' && answer.reason[0] != '\0', "%s", key);
            count++;
        }
    }
    cr_assert_geq(count, 400);
}

/* --- made from a recorded tree by one change ------------------------------------------------- */

static json_t *node_of(json_t *tree, const char *kind, size_t which)
{
    json_t *nodes =
        json_object_get(json_array_get(json_object_get(tree, "renderedReleases"), 0), "nodes");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        json_t *node = json_array_get(nodes, i);
        if (strcmp(json_text_or(json_object_get(node, "kind"), ""), kind) == 0 && which-- == 0)
            return json_object_get(node, "object");
    }
    cr_assert_fail("no %s", kind);
    return NULL;
}

static json_t *rendered_of(json_t *tree, const char *kind)
{
    json_t *release = json_array_get(json_object_get(tree, "renderedReleases"), 0);
    json_t *list = json_object_get(
        json_object_get(json_object_get(release, "renderedRelease"), "spec"), "resources");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *object = json_object_get(json_array_get(list, i), "object");
        if (strcmp(json_text_or(json_object_get(object, "kind"), ""), kind) == 0)
            return object;
    }
    cr_assert_fail("no rendered %s", kind);
    return NULL;
}

static json_t *at(json_t *value, const char *path)
{
    char copy[256];
    (void)snprintf(copy, sizeof copy, "%s", path);
    for (char *save = NULL, *key = strtok_r(copy, "/", &save); key != NULL;
         key = strtok_r(NULL, "/", &save))
        value = json_is_array(value) ? json_array_get(value, strtoul(key, NULL, 10))
                                     : json_object_get(value, key);
    cr_assert_not_null(value, "%s", path);
    return value;
}

static void set(json_t *value, const char *path, const char *key, const char *json)
{
    json_t *new = json_loads(json, JSON_DECODE_ANY, NULL);
    cr_assert_not_null(new, "%s", json);
    json_object_set_new(at(value, path), key, new);
}

#define MAIN "spec/template/spec/containers/0"

/* The settled second release of orders; `change` makes something of it. */
static struct gate_answer judge_changed(void (*change)(json_t *tree), const char *const *variables,
                                        size_t variable_count)
{
    json_t *tree = json_deep_copy(tree_of("03#18"));
    const struct gate_question question = {
        .component = "orders",
        .release_name = "orders-000000000002",
        .image = IMAGE "orders:2",
        .generation_before = 1,
        .variables = variables,
        .variable_count = variable_count,
    };
    struct gate_answer answer;
    change(tree);
    gate_judge(&question, binding_of("03#17"), tree, &answer);
    json_decref(tree);
    return answer;
}

static void change_nothing(json_t *tree)
{
    (void)tree;
}

/* What a real cluster makes of the rendered text: quantities in another form, empty values
 * dropped, defaults and a sidecar's variable added. */
static void change_like_kubernetes(json_t *tree)
{
    json_t *deployment = node_of(tree, "Deployment", 0);
    set(rendered_of(tree, "Deployment"), MAIN "/resources/limits", "cpu", "\"1000m\"");
    set(deployment, MAIN "/resources/limits", "cpu", "\"1\"");
    set(deployment, MAIN "/resources/limits", "memory", "\"268435456\"");
    set(deployment, MAIN, "terminationMessagePath", "\"/dev/termination-log\"");
    set(deployment, MAIN, "env", "[{\"name\":\"INJECTED\",\"value\":\"1\"}]");
    json_object_del(at(deployment, MAIN), "volumeMounts");
    json_object_del(at(deployment, "spec/template/spec"), "volumes");
    json_object_del(at(deployment, "spec"), "minReadySeconds");
    json_object_del(at(deployment, MAIN "/readinessProbe"), "initialDelaySeconds");
    set(deployment, "metadata/labels", "openchoreo.dev/managed-by", "\"x\"");
    set(deployment, "spec/template/spec", "containers",
        "[]"); /* replaced below: the sidecar stands first */
}

static void change_sidecar(json_t *tree)
{
    json_t *containers = at(node_of(tree, "Deployment", 0), "spec/template/spec/containers");
    json_array_insert_new(containers, 0, json_pack("{s:s, s:s}", "name", "sidecar", "image", "s"));
}

static void change_without_containers(json_t *tree)
{
    change_like_kubernetes(tree);
}

static void change_replicas(json_t *tree)
{
    set(node_of(tree, "Deployment", 0), "spec", "replicas", "5");
}

static void change_unobserved(json_t *tree)
{
    set(node_of(tree, "Deployment", 0), "metadata", "generation", "9");
}

static void change_unavailable(json_t *tree)
{
    set(node_of(tree, "Deployment", 0), "status", "availableReplicas", "1");
}

static void change_surge(json_t *tree)
{
    set(node_of(tree, "Deployment", 0), "status", "replicas", "3");
}

static void change_terminating(json_t *tree)
{
    set(node_of(tree, "Deployment", 0), "metadata", "deletionTimestamp",
        "\"2026-11-22T20:32:11Z\"");
}

static void wait_for(json_t *tree, const char *reason, int restarts)
{
    change_unavailable(tree);
    char text[160];
    (void)snprintf(text, sizeof text,
                   "[{\"name\":\"main\",\"ready\":false,\"restartCount\":%d,\"state\":{\"waiting\":"
                   "{\"reason\":\"%s\",\"message\":\"the message\"}}}]",
                   restarts, reason);
    set(node_of(tree, "Pod", 0), "status", "containerStatuses", text);
}

static void change_crash_once(json_t *tree)
{
    wait_for(tree, "CrashLoopBackOff", 1);
}

static void change_crash_loop(json_t *tree)
{
    wait_for(tree, "CrashLoopBackOff", 4);
}

static void change_image_pull(json_t *tree)
{
    wait_for(tree, "ImagePullBackOff", 0);
}

static void change_creating(json_t *tree)
{
    wait_for(tree, "ContainerCreating", 0);
}

/* A crash of the old release's pods is not the new one's. */
static void change_old_crash(json_t *tree)
{
    wait_for(tree, "CrashLoopBackOff", 9);
    set(node_of(tree, "Pod", 0), "spec/containers/0", "image", "\"registry.example/orders:1\"");
}

/* Same image, changed configuration: only the ReplicaSets tell which pods are new. */
static void change_old_replica_set(json_t *tree)
{
    wait_for(tree, "CrashLoopBackOff", 9);
    set(node_of(tree, "Pod", 0), "metadata/labels", "pod-template-hash", "\"old\"");
    json_t *nodes =
        json_object_get(json_array_get(json_object_get(tree, "renderedReleases"), 0), "nodes");
    for (int i = 1; i <= 2; i++)
        json_array_append_new(
            nodes,
            json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s, s:{s:s}, s:{s:s}}}}", "kind", "ReplicaSet",
                      "name", "rs", "object", "apiVersion", "apps/v1", "kind", "ReplicaSet",
                      "metadata", "name", i == 1 ? "old" : "new", "annotations",
                      "deployment.kubernetes.io/revision", i == 1 ? "9" : "10", "labels",
                      "pod-template-hash", i == 1 ? "old" : "b026a4486d"));
}

static void change_config_map(json_t *tree)
{
    set(node_of(tree, "ConfigMap", 0), "data", "MODE", "\"other\"");
}

static void change_pod_hash(json_t *tree)
{
    set(rendered_of(tree, "Deployment"), "spec/template/metadata/annotations",
        "openchoreo.dev/dp-resource-hash", "\"changed\"");
}

static void change_with_variable(json_t *tree)
{
    static const char env[] = "[{\"name\":\"RATES_URL\",\"value\":\"http://rates\"}]";
    set(rendered_of(tree, "Deployment"), MAIN, "env", env);
    set(node_of(tree, "Deployment", 0), MAIN, "env", env);
}

static void change_shape(json_t *tree)
{
    json_object_set_new(tree, "renderedReleases", json_string("nothing"));
}

Test(gate, one_change)
{
    static const char *const variables[] = {"RATES_URL"};
    static const struct {
        const char *what;
        void (*change)(json_t *tree);
        size_t variable_count;
        const char *reason;
        enum gate_verdict verdict;
        bool second_look;
    } table[] = {
        {"nothing", change_nothing, 0, "Settled", GATE_SETTLED, false},
        {"a sidecar", change_sidecar, 0, "Settled", GATE_SETTLED, false},
        {"no containers", change_without_containers, 0, "ResourcesProgressing", GATE_PROGRESSING,
         false},
        {"live replicas differ", change_replicas, 0, "ResourcesProgressing", GATE_PROGRESSING,
         false},
        {"not observed", change_unobserved, 0, "ResourcesProgressing", GATE_PROGRESSING, false},
        {"unavailable", change_unavailable, 0, "ResourcesProgressing", GATE_PROGRESSING, false},
        {"an old pod is left", change_surge, 0, "ResourcesProgressing", GATE_PROGRESSING, false},
        {"Deployment terminating", change_terminating, 0, "ResourcesProgressing", GATE_PROGRESSING,
         false},
        {"one crash", change_crash_once, 0, "CrashLoopBackOff", GATE_PROGRESSING, false},
        {"crash loop", change_crash_loop, 0, "CrashLoopBackOff", GATE_FAILED, true},
        {"no image", change_image_pull, 0, "ImagePullBackOff", GATE_FAILED, true},
        {"creating", change_creating, 0, "ContainerCreating", GATE_PROGRESSING, false},
        {"crash of an old pod", change_old_crash, 0, "ResourcesProgressing", GATE_PROGRESSING,
         false},
        {"crash in an old ReplicaSet", change_old_replica_set, 0, "ResourcesProgressing",
         GATE_PROGRESSING, false},
        {"ConfigMap", change_config_map, 0, "ResourcesProgressing", GATE_PROGRESSING, false},
        {"pod template's hash", change_pod_hash, 0, "ResourcesProgressing", GATE_PROGRESSING,
         false},
        {"connection's variable missing", change_nothing, 1, "ConnectionsPending", GATE_PROGRESSING,
         false},
        {"connection's variable there", change_with_variable, 1, "Settled", GATE_SETTLED, false},
        {"no tree at all", change_shape, 0, "TreeUnreadable", GATE_UNKNOWN, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct gate_answer answer =
            judge_changed(table[i].change, variables, table[i].variable_count);
        cr_expect_eq(answer.verdict, table[i].verdict, "%s: %s: %s: %s", table[i].what,
                     gate_verdict_name(answer.verdict), answer.reason, answer.text);
        cr_expect_str_eq(answer.reason, table[i].reason, "%s: %s", table[i].what, answer.reason);
        cr_expect_eq(answer.needs_second_look, table[i].second_look, "%s", table[i].what);
    }
    const struct gate_answer answer = judge_changed(change_crash_loop, NULL, 0);
    cr_expect_eq(answer.restarts, 4);
    cr_expect_eq(answer.replicas_wanted, 2);
    cr_expect_eq(answer.replicas_available, 1);
    cr_expect_not_null(strstr(answer.text, "1/2 replicas ready"), "%s", answer.text);
    cr_expect_not_null(strstr(answer.text, "CrashLoopBackOff: the message"), "%s", answer.text);
}

/* Whatever an answer looks like, it is judged without harm, and settles only with all its parts. */
Test(gate, hostile_answers)
{
    static const char *const trees[] = {"03#18", "04#27", "25#50", "27b#27"};
    static const char *const bindings[] = {"03#17", "04b#15", "25#49", "27b#28"};
    static const char *const components[] = {"orders", "cart", "report", "self"};
    uint64_t seed = 20261123;
    size_t settled = 0, other = 0;
    for (int round = 0; round < 4000; round++) {
        const size_t which = (size_t)round % 4;
        json_t *tree = json_deep_copy(tree_of(trees[which]));
        json_t *binding = json_deep_copy(binding_of(bindings[which]));
        for (uint64_t n = data_random(&seed) % 6; n > 0; n--) {
            data_disturb(tree, &seed);
            data_disturb(binding, &seed);
        }
        const struct gate_question question = {
            .component = components[which],
            .generation_before = (int64_t)(data_random(&seed) % 3) - 1,
            .route = which == 1,
            .weight_a = 90,
            .weight_b = 10,
        };
        struct gate_answer answer;
        gate_judge(&question, binding, tree, &answer);
        cr_assert_lt((int)answer.verdict, GATE_VERDICT_COUNT);
        cr_assert(answer.text[0] != '\0' && answer.reason[0] != '\0', "round %d: %s: %s", round,
                  gate_verdict_name(answer.verdict), answer.reason);
        cr_assert_geq(answer.progress, 0);
        cr_assert_geq(gate_failed_runs(tree), 0);
        settled += answer.verdict == GATE_SETTLED ? 1 : 0;
        other += answer.verdict == GATE_SETTLED ? 0 : 1;
        json_decref(binding);
        json_decref(tree);
    }
    cr_expect_gt(settled, 100);
    cr_expect_gt(other, 1000);
}

/* A cluster's own forms of the same values, without a loss of containers. */
Test(gate, kubernetes_forms_are_contained)
{
    json_t *tree = json_deep_copy(tree_of("03#18"));
    json_t *containers =
        json_deep_copy(at(node_of(tree, "Deployment", 0), "spec/template/spec/containers"));
    change_like_kubernetes(tree);
    json_t *deployment = node_of(tree, "Deployment", 0);
    json_object_set_new(at(deployment, "spec/template/spec"), "containers", containers);
    set(deployment, MAIN "/resources/limits", "cpu", "\"1\"");
    set(deployment, MAIN "/resources/limits", "memory", "\"268435456\"");
    set(deployment, MAIN, "env", "[{\"name\":\"INJECTED\",\"value\":\"1\"}]");
    json_object_del(at(deployment, MAIN), "volumeMounts");
    json_object_del(at(deployment, MAIN "/readinessProbe"), "initialDelaySeconds");
    const struct gate_question question = {
        .component = "orders", .image = IMAGE "orders:2", .generation_before = 1};
    struct gate_answer answer;
    gate_judge(&question, binding_of("03#17"), tree, &answer);
    cr_expect_eq(answer.verdict, GATE_SETTLED, "%s", answer.text);
    json_decref(tree);
}

Test(gate, terminating_binding)
{
    json_t *binding = json_deep_copy(binding_of("03#17"));
    set(binding, "metadata", "deletionTimestamp", "\"2026-11-22T20:32:11Z\"");
    const struct gate_question question = {.component = "orders", .generation_before = -1};
    struct gate_answer answer;
    gate_judge(&question, binding, tree_of("03#18"), &answer);
    cr_expect_eq(answer.verdict, GATE_PROGRESSING);
    cr_expect_str_eq(answer.reason, "Terminating");
    json_decref(binding);
    gate_judge(&question, NULL, tree_of("03#18"), &answer);
    cr_expect_eq(answer.verdict, GATE_UNKNOWN);
}

/* Progress only grows along a recorded rollout, and stands still while nothing moves. */
Test(gate, progress_rises)
{
    const struct gate_question question = {.component = "orders",
                                           .release_name = "orders-000000000003",
                                           .image = IMAGE "orders:broken-3",
                                           .generation_before = 2};
    struct gate_answer stale, broken;
    gate_judge(&question, binding_of("03#22"), tree_of("03#18"), &stale);
    gate_judge(&question, binding_of("03#25"), tree_of("03#26"), &broken);
    cr_expect_lt(stale.progress, broken.progress);
    const struct gate_answer few = judge_changed(change_unavailable, NULL, 0);
    const struct gate_answer surge = judge_changed(change_surge, NULL, 0);
    const struct gate_answer all = judge_changed(change_nothing, NULL, 0);
    cr_expect_lt(few.progress, all.progress);
    cr_expect_lt(surge.progress, all.progress);
    cr_expect_lt(broken.progress, all.progress);
}

Test(gate, failed_runs)
{
    cr_expect_eq(gate_failed_runs(tree_of("25#50")), 1);
    cr_expect_eq(gate_failed_runs(tree_of("25#38")), 0);
    cr_expect_eq(gate_failed_runs(NULL), 0);
    json_t *tree = json_deep_copy(tree_of("25#50"));
    set(node_of(tree, "Job", 1), "metadata", "creationTimestamp", "\"2027-01-01T00:00:00Z\"");
    set(node_of(tree, "Job", 1), "", "status",
        "{\"conditions\":[{\"type\":\"Complete\",\"status\":\"True\"}]}");
    cr_expect_eq(gate_failed_runs(tree), 0, "a later success clears it");
    json_decref(tree);
}
