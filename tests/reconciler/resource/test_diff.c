#include "config/base/json.h"
#include "reconciler/resource/diff.h"
#include "tests/reconciler/data.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static json_t *read_json(const char *text)
{
    json_error_t problem;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &problem);
    cr_assert_not_null(value, "%s: %s", problem.text, text);
    return value;
}

/* "pointer pointer ..." of what differs. */
static char *pointers(enum resource_kind kind, const json_t *desired, const json_t *live)
{
    struct difference difference;
    cr_assert_eq(diff_object(kind, desired, live, &difference), 0);
    struct text text;
    text_init(&text, 1 << 16);
    for (size_t i = 0; i < difference.count; i++)
        text_format(&text, "%s%s", i == 0 ? "" : " ", difference.items[i].pointer);
    difference_fini(&difference);
    if (text.bytes == NULL)
        return strdup("");
    return text_take(&text);
}

static enum resource_kind kind_of(const json_t *row)
{
    enum resource_kind kind = KIND_NAMESPACE;
    const char *name = json_text_or(json_object_get(row, "kind"), "");
    cr_assert_eq(resource_kind_find(name, &kind), 0, "%s", name);
    return kind;
}

/* Fields that the server really loses: unknown ones, and one that an admission webhook replaces.
 * They must show, or a wrong manifest would look as if it stood. */
static const char *lost_fields(const char *from)
{
    static const char *const rows[][2] = {
        {"08-put-semantics #10", "/spec/nonsense"},
        {"16-security-on #31", "/spec/roleMappings/0/scope/resource"},
        {"32b-build-types-with-webhooks #12", "/spec/runTemplate/spec/serviceAccountName"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i][0], from) == 0)
            return rows[i][1];
    return "";
}

/* Whatever was written, the server's own echo of it is no difference, before a merge and after. */
Test(diff, recorded_echoes_are_no_difference)
{
    json_t *rows = data_load("echoes.json");
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        const json_t *sent = json_object_get(row, "sent"), *echo = json_object_get(row, "echo");
        const enum resource_kind kind = kind_of(row);
        const char *from = json_text_or(json_object_get(row, "from"), "?");
        char *found = pointers(kind, sent, echo);
        cr_expect_str_eq(found, lost_fields(from), "%s %s: %s", resource_kind_info(kind)->name,
                         from, found);
        free(found);
        json_t *merged = diff_merge(kind, sent, NULL, echo);
        cr_assert_not_null(merged);
        found = pointers(kind, sent, merged);
        cr_expect_str_eq(found, "", "merged %s: %s", from, found);
        cr_expect_null(json_object_get(merged, "status"), "%s", from);
        cr_expect_null(json_at(merged, "metadata", "uid", NULL), "%s", from);
        free(found);
        json_decref(merged);
    }
    cr_assert_geq(index, 60);
    json_decref(rows);
}

/* What the server does to a body: empty typed values go, free-form ones stay. */
static json_t *echo_of(const json_t *value, bool raw)
{
    if (json_is_array(value)) {
        json_t *copy = json_array();
        for (size_t i = 0; i < json_array_size(value); i++)
            json_array_append_new(copy, echo_of(json_array_get(value, i), raw));
        return copy;
    }
    if (!json_is_object(value))
        return json_deep_copy(value);
    json_t *copy = json_object();
    const char *key;
    json_t *member;
    json_object_foreach(json_unconst(value), key, member)
    {
        const bool free_form = raw || strstr(key, "onfigs") != NULL ||
                               strcmp(key, "parameters") == 0 || strcmp(key, "template") == 0;
        const bool empty = json_is_null(member) || json_is_false(member) ||
                           (json_is_string(member) && json_string_length(member) == 0) ||
                           (json_is_integer(member) && json_integer_value(member) == 0) ||
                           (json_is_array(member) && json_array_size(member) == 0);
        if (free_form || !empty)
            json_object_set_new(copy, key, echo_of(member, free_form));
    }
    return copy;
}

Test(diff, a_merged_body_leaves_no_difference)
{
    json_t *rows = data_load("echoes.json");
    uint64_t seed = 20261122;
    for (int round = 0; round < 40; round++) {
        size_t index;
        json_t *row;
        json_array_foreach(rows, index, row)
        {
            const json_t *sent = json_object_get(row, "sent");
            const enum resource_kind kind = kind_of(row);
            json_t *live = json_deep_copy(json_object_get(row, "echo"));
            for (uint64_t n = data_random(&seed) % 4; n > 0; n--)
                data_disturb(
                    json_object_get(live, data_random(&seed) % 4 == 0 ? "metadata" : "spec"),
                    &seed);
            json_t *merged = diff_merge(kind, sent, NULL, live);
            json_t *stored = echo_of(merged, false);
            char *found = pointers(kind, sent, stored);
            cr_assert_str_eq(found, "", "round %d, %s: %s", round,
                             json_text_or(json_object_get(row, "from"), "?"), found);
            free(found);
            json_decref(stored);
            json_decref(merged);
            json_decref(live);
        }
    }
    json_decref(rows);
}

Test(diff, table)
{
    static const struct {
        const char *what;
        enum resource_kind kind;
        const char *desired, *live, *pointers;
    } rows[] = {
        {"nothing wanted", KIND_PROJECT, "{\"spec\":{}}", "{\"spec\":{\"x\":1}}", ""},
        {"foreign spec field", KIND_COMPONENT, "{\"spec\":{\"autoDeploy\":false}}",
         "{\"spec\":{\"traits\":[{\"name\":\"t\"}]}}", ""},
        {"false against true", KIND_COMPONENT, "{\"spec\":{\"autoDeploy\":false}}",
         "{\"spec\":{\"autoDeploy\":true}}", "/spec/autoDeploy"},
        {"default that is absent", KIND_RELEASE_BINDING, "{\"spec\":{\"state\":\"Active\"}}",
         "{\"spec\":{}}", ""},
        {"state", KIND_RELEASE_BINDING, "{\"spec\":{\"state\":\"Active\"}}",
         "{\"spec\":{\"state\":\"Undeploy\"}}", "/spec/state"},
        {"quantities by value", KIND_RELEASE_BINDING,
         "{\"spec\":{\"componentTypeEnvironmentConfigs\":{\"resources\":{\"limits\":{\"cpu\":"
         "\"1000m\"}}}}}",
         "{\"spec\":{\"componentTypeEnvironmentConfigs\":{\"resources\":{\"limits\":{\"cpu\":\"1\"}"
         "}}}}",
         ""},
        {"free-form zero is not absence", KIND_RELEASE_BINDING,
         "{\"spec\":{\"componentTypeEnvironmentConfigs\":{\"replicas\":0}}}",
         "{\"spec\":{\"componentTypeEnvironmentConfigs\":{}}}",
         "/spec/componentTypeEnvironmentConfigs/replicas"},
        {"free-form surplus", KIND_RELEASE_BINDING,
         "{\"spec\":{\"componentTypeEnvironmentConfigs\":{\"replicas\":1}}}",
         "{\"spec\":{\"componentTypeEnvironmentConfigs\":{\"replicas\":1,\"scaledByRoute\":false}}"
         "}",
         "/spec/componentTypeEnvironmentConfigs/scaledByRoute"},
        {"an endpoint that is not wanted", KIND_WORKLOAD,
         "{\"spec\":{\"endpoints\":{\"a\":{\"port\":1}}}}",
         "{\"spec\":{\"endpoints\":{\"a\":{\"port\":1},\"b\":{\"port\":2}}}}", "/spec/endpoints/b"},
        {"a variable that is not wanted", KIND_WORKLOAD,
         "{\"spec\":{\"container\":{\"image\":\"i\"}}}",
         "{\"spec\":{\"container\":{\"image\":\"i\",\"env\":[{\"key\":\"A\",\"value\":\"1\"}]}}}",
         "/spec/container/env"},
        {"a value beside the reference", KIND_WORKLOAD,
         "{\"spec\":{\"container\":{\"env\":[{\"key\":\"A\",\"valueFrom\":{\"secretKeyRef\":{"
         "\"key\":\"k\",\"name\":\"n\"}}}]}}}",
         "{\"spec\":{\"container\":{\"env\":[{\"key\":\"A\",\"value\":\"1\"}]}}}",
         "/spec/container/env/0/valueFrom/secretKeyRef/key "
         "/spec/container/env/0/valueFrom/secretKeyRef/name /spec/container/env/0/value"},
        {"kind filled in inside a list", KIND_DEPLOYMENT_PIPELINE,
         "{\"spec\":{\"promotionPaths\":[{\"sourceEnvironmentRef\":{\"name\":\"a\"}}]}}",
         "{\"spec\":{\"promotionPaths\":[{\"sourceEnvironmentRef\":{\"name\":\"a\",\"kind\":"
         "\"Environment\"}}]}}",
         ""},
        {"duration", KIND_SECRET_REFERENCE, "{\"spec\":{\"refreshInterval\":\"1h\"}}",
         "{\"spec\":{\"refreshInterval\":\"1h0m0s\"}}", ""},
        {"label removed, foreign label there", KIND_PROJECT,
         "{\"metadata\":{\"labels\":{\"a\":\"1\"}}}", "{\"metadata\":{\"labels\":{\"b\":\"2\"}}}",
         "/metadata/labels/a"},
        {"notes are not compared", KIND_PROJECT,
         "{\"metadata\":{\"annotations\":{\"celld.dev/revision\":\"1\",\"celld.dev/intent\":\"2\","
         "\"celld.dev/digest\":\"3\"}}}",
         "{\"metadata\":{\"annotations\":{\"celld.dev/revision\":\"0\"}}}", ""},
        {"pointer escapes", KIND_PROJECT,
         "{\"metadata\":{\"annotations\":{\"a/b~c\":\"1\"}},\"spec\":{\"p/q\":{\"~\":1}}}", "{}",
         "/metadata/annotations/a~1b~0c /spec/p~1q/~0"},
        {"numbers by value", KIND_PROJECT, "{\"spec\":{\"n\":1}}", "{\"spec\":{\"n\":1.0}}", ""},
        {"another type", KIND_PROJECT, "{\"spec\":{\"n\":{\"a\":1}}}", "{\"spec\":{\"n\":[1]}}",
         "/spec/n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *desired = read_json(rows[i].desired), *live = read_json(rows[i].live);
        char *found = pointers(rows[i].kind, desired, live);
        cr_expect_str_eq(found, rows[i].pointers, "%s: %s", rows[i].what, found);
        free(found);
        json_decref(desired);
        json_decref(live);
    }
}

Test(diff, list_is_bounded)
{
    json_t *labels = json_object();
    for (int i = 0; i < DIFFERENCE_LIMIT + 5; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "l%d", i);
        json_object_set_new(labels, name, json_string("x"));
    }
    json_t *desired = json_pack("{s:{s:o}}", "metadata", "labels", labels);
    struct difference difference;
    cr_assert_eq(diff_object(KIND_PROJECT, desired, NULL, &difference), 0);
    cr_expect_eq(difference.count, DIFFERENCE_LIMIT);
    cr_expect_eq(difference.dropped, 5);
    cr_expect_null(difference.items[0].live);
    difference_fini(&difference);
    json_decref(desired);
}

Test(diff, merge_keeps_what_is_foreign_and_takes_out_what_was_ours)
{
    json_t *desired = read_json("{\"metadata\":{\"name\":\"x\",\"labels\":{\"ours\":\"new\"}},"
                                "\"spec\":{\"releaseName\":\"r2\",\"workloadOverrides\":{}}}");
    json_t *previous =
        read_json("{\"metadata\":{\"labels\":{\"ours\":\"old\",\"dropped\":\"1\"},\"annotations\":"
                  "{\"gone\":\"1\"}},\"spec\":{\"releaseName\":\"r1\",\"gone\":{\"a\":1},\"deep\":{"
                  "\"ours\":1}}}");
    json_t *live = read_json(
        "{\"apiVersion\":\"v1\",\"kind\":\"K\",\"metadata\":{\"name\":\"x\",\"uid\":\"u\","
        "\"namespace\":\"n\",\"labels\":{\"ours\":\"old\",\"dropped\":\"1\",\"foreign\":\"1\"},"
        "\"annotations\":{\"gone\":\"1\",\"openchoreo.dev/restartedAt\":\"t\"}},\"spec\":{"
        "\"releaseName\":\"r1\",\"gone\":{\"a\":1},\"deep\":{\"ours\":1,\"theirs\":2},"
        "\"workloadOverrides\":{\"container\":{\"env\":[{\"key\":\"A\"}]}}},\"status\":{\"s\":1}}");
    json_t *merged = diff_merge(KIND_RELEASE_BINDING, desired, previous, live);
    char *text = json_canonical(merged);
    cr_expect_str_eq(text, "{\"metadata\":{\"annotations\":{\"openchoreo.dev/restartedAt\":\"t\"},"
                           "\"labels\":{\"foreign\":\"1\",\"ours\":\"new\"},\"name\":\"x\"},"
                           "\"spec\":{\"deep\":{\"theirs\":2},\"releaseName\":\"r2\","
                           "\"workloadOverrides\":{}}}");
    free(text);
    json_decref(merged);
    json_decref(live);
    json_decref(previous);
    json_decref(desired);
}

/* Two celld on one control plane name different workflows in the types that they share. */
Test(diff, workflows_that_others_allow_stay)
{
    static const struct {
        const char *desired, *live, *merged;
    } rows[] = {
        {"[{\"kind\":\"ClusterWorkflow\",\"name\":\"docker\"}]",
         "[{\"name\":\"theirs\"},{\"name\":\"docker\"}]", NULL},
        {"[{\"kind\":\"ClusterWorkflow\",\"name\":\"docker\"}]",
         "[{\"kind\":\"ClusterWorkflow\",\"name\":\"theirs\"}]",
         "[{\"kind\":\"ClusterWorkflow\",\"name\":\"docker\"},"
         "{\"kind\":\"ClusterWorkflow\",\"name\":\"theirs\"}]"},
        {"[{\"kind\":\"ClusterWorkflow\",\"name\":\"docker\"}]", NULL,
         "[{\"kind\":\"ClusterWorkflow\",\"name\":\"docker\"}]"},
        {"[]", "[{\"name\":\"theirs\"}]", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *desired =
            json_pack("{s:{s:o}}", "spec", "allowedWorkflows", read_json(rows[i].desired));
        json_t *live = json_pack("{s:{s:o*}}", "spec", "allowedWorkflows",
                                 rows[i].live == NULL ? NULL : read_json(rows[i].live));
        char *found = pointers(KIND_CLUSTER_COMPONENT_TYPE, desired, live);
        cr_expect_str_eq(found, rows[i].merged == NULL ? "" : "/spec/allowedWorkflows", "%zu", i);
        free(found);
        json_t *merged = diff_merge(KIND_CLUSTER_COMPONENT_TYPE, desired, NULL, live);
        found = pointers(KIND_CLUSTER_COMPONENT_TYPE, desired, merged);
        cr_expect_str_eq(found, "", "%zu", i);
        free(found);
        if (rows[i].merged != NULL) {
            json_t *wanted = read_json(rows[i].merged);
            cr_expect_eq(json_equal(json_at(merged, "spec", "allowedWorkflows", NULL), wanted), 1);
            json_decref(wanted);
        }
        json_decref(merged);
        json_decref(desired);
        json_decref(live);
    }
}

Test(diff, marks)
{
    json_t *live = read_json("{\"metadata\":{\"labels\":{\"app.kubernetes.io/managed-by\":"
                             "\"celld\"},\"deletionTimestamp\":\"2026-11-22T20:32:11Z\"}}");
    json_t *foreign = read_json("{\"metadata\":{\"labels\":{\"app.kubernetes.io/managed-by\":7}}}");
    cr_expect(object_is_managed(live) && object_is_terminating(live));
    cr_expect_not(object_is_managed(foreign) || object_is_terminating(foreign));
    cr_expect_not(object_is_managed(NULL) || object_is_terminating(NULL));
    json_decref(foreign);
    json_decref(live);
}
