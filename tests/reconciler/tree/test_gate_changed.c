#include "config/base/json.h"
#include "reconciler/tree/gate.h"
#include "tests/reconciler/data.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
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

TestSuite(gate_changed, .init = load, .fini = unload);

static const json_t *binding_of(const char *key)
{
    const json_t *binding = json_at(recorded, "bindings", key, NULL);
    cr_assert_not_null(binding, "binding %s", key);
    return binding;
}

static const json_t *tree_of(const char *key)
{
    const json_t *tree = json_at(recorded, "trees", key, NULL);
    cr_assert_not_null(tree, "tree %s", key);
    return tree;
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

Test(gate_changed, one_change)
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

/* A cluster's own forms of the same values, without a loss of containers. */
Test(gate_changed, kubernetes_forms_are_contained)
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

/* Takes the nodes of that kind out of the answer; the release goes on saying that it applied them.
 */
static json_t *without_kind(const char *key, const char *kind)
{
    json_t *tree = json_deep_copy(tree_of(key));
    json_t *nodes = at(tree, "renderedReleases/0/nodes");
    for (size_t i = json_array_size(nodes); i-- > 0;)
        if (strcmp(json_text_or(json_object_get(json_array_get(nodes, i), "kind"), ""), kind) == 0)
            json_array_remove(nodes, i);
    return tree;
}

/* The tree leaves out, without a word, what the control plane's own cluster has no CRD for. */
Test(gate_changed, a_kind_that_the_control_plane_cannot_show)
{
    static const struct {
        const char *tree, *binding, *kind;
        struct gate_question question;
        enum gate_verdict verdict;
        const char *reason;
    } rows[] = {
        {"24#26", "24#27", "ExternalSecret", {.component = "mailer"}, GATE_SETTLED, "Settled"},
        {"24#26",
         "24#25",
         "ConfigMap",
         {.component = "mailer"},
         GATE_PROGRESSING,
         "ResourcesProgressing"},
        {"23#12",
         "23#11",
         "HTTPRoute",
         {.component = "cart", .route = true, .weight_a = 25, .weight_b = 75},
         GATE_UNKNOWN,
         "NotShown"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gate_question question = rows[i].question;
        question.generation_before = -1;
        struct gate_answer answer;
        gate_judge(&question, binding_of(rows[i].binding), tree_of(rows[i].tree), &answer);
        cr_expect_eq(answer.verdict, GATE_SETTLED, "%s: %s", rows[i].tree, answer.text);
        json_t *tree = without_kind(rows[i].tree, rows[i].kind);
        gate_judge(&question, binding_of(rows[i].binding), tree, &answer);
        cr_expect_eq(answer.verdict, rows[i].verdict, "%s: %s", rows[i].kind, answer.text);
        cr_expect_str_eq(answer.reason, rows[i].reason, "%s: %s", rows[i].kind, answer.text);
        /* One that was never applied is on its way. */
        json_object_del(at(tree, "renderedReleases/0/renderedRelease/status"), "resources");
        gate_judge(&question, binding_of(rows[i].binding), tree, &answer);
        cr_expect_eq(answer.verdict, GATE_PROGRESSING, "%s: %s", rows[i].kind, answer.text);
        json_decref(tree);
    }
}

static void remove_routes(json_t *list, const char *member)
{
    for (size_t i = json_array_size(list); i-- > 0;) {
        const json_t *entry = json_array_get(list, i);
        const json_t *object = member == NULL ? entry : json_object_get(entry, member);
        if (strstr(json_text_or(json_object_get(object, "kind"), ""), "Route") != NULL)
            json_array_remove(list, i);
    }
}

/* A route with no slot behind it is a Service alone: whatever still leads somewhere must be gone.
 */
Test(gate_changed, without_weights_there_is_no_route)
{
    const struct gate_question question = {
        .component = "cart", .route = true, .generation_before = -1};
    struct gate_answer answer;
    gate_judge(&question, binding_of("23#11"), tree_of("23#12"), &answer);
    cr_expect_eq(answer.verdict, GATE_STALE, "%s", answer.text);
    cr_expect_str_eq(answer.reason, "NotRendered");
    json_t *tree = json_deep_copy(tree_of("23#12"));
    remove_routes(at(tree, "renderedReleases/0/renderedRelease/spec/resources"), "object");
    gate_judge(&question, binding_of("23#11"), tree, &answer);
    cr_expect_eq(answer.verdict, GATE_PROGRESSING, "%s", answer.text);
    cr_expect_str_eq(answer.reason, "RouteStands");
    remove_routes(at(tree, "renderedReleases/0/nodes"), NULL);
    gate_judge(&question, binding_of("23#11"), tree, &answer);
    cr_expect_eq(answer.verdict, GATE_SETTLED, "%s", answer.text);
    cr_expect(answer.weights_verified);
    json_decref(tree);
}

/* What a gateway said that the route does not name any more stays in its status. */
Test(gate_changed, only_the_gateways_that_a_route_names_accept_it)
{
    const struct gate_question question = {.component = "cart",
                                           .route = true,
                                           .weight_a = 25,
                                           .weight_b = 75,
                                           .generation_before = -1};
    json_t *tree = json_deep_copy(tree_of("23#12"));
    json_t *route = node_of(tree, "HTTPRoute", 0);
    json_t *parents = at(route, "status/parents");
    json_array_append_new(parents,
                          json_pack("{s:{s:s, s:s}, s:[]}", "parentRef", "name", "gateway-of-old",
                                    "namespace", "gateways", "conditions"));
    struct gate_answer answer;
    gate_judge(&question, binding_of("23#11"), tree, &answer);
    cr_expect_eq(answer.verdict, GATE_SETTLED, "%s", answer.text);
    json_array_remove(parents, 0);
    gate_judge(&question, binding_of("23#11"), tree, &answer);
    cr_expect_eq(answer.verdict, GATE_PROGRESSING, "%s", answer.text);
    cr_expect_str_eq(answer.reason, "RouteNotAccepted", "%s", answer.text);
    json_decref(tree);
}

Test(gate_changed, terminating_binding)
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
Test(gate_changed, progress_rises)
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

Test(gate_changed, failed_runs)
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
