/* Queries: names that would break out, placeholders, selectors, bucket edges; and what the dialects
 * make of a slot. */
#include "daemon/analysis/dialect.h"
#include "daemon/analysis/promql.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct question_arm slot = {.present = true,
                                         .slot = 'b',
                                         .component = "cart-b",
                                         .namespace = "dp-acme",
                                         .workload = "cart-b-5f",
                                         .service = "cart-b"};

static const char *filled(const char *query, const struct question_arm *arm, int64_t window_ms)
{
    static char result[PROMQL_LIMIT + 1];
    struct error err = {0};
    enum promql_filled state = PROMQL_FILLED;
    OWNED_TEXT out;
    text_init(&out, PROMQL_LIMIT);
    if (promql_fill(query, arm, window_ms, &out, &state, &err) < 0)
        return strncpy(result, err.detail, sizeof(result) - 1);
    return state == PROMQL_UNKNOWN ? "unknown" : strcpy(result, text_get(&out));
}

Test(promql, placeholders)
{
    static const struct {
        const char *query, *result;
        int64_t window_ms;
    } rows[] = {
        {"a{n=\"${namespace}\",w=\"${workload}\"}", "a{n=\"dp-acme\",w=\"cart-b-5f\"}", 60000},
        {"${service}/${component}", "cart-b/cart-b", 60000},
        {"increase(a[${window}])", "increase(a[60s])", 60000},
        {"increase(a[${window}])", "increase(a[1500ms])", 1500},
        {"no placeholder $ { } $x", "no placeholder $ { } $x", 1},
        {"an open ${namespace", "an open ${namespace", 1},
        {"${}",
         "a query has the placeholder ${}, which does not exist: there are namespace, "
         "workload, service, component and window",
         1},
        {"${WINDOW}",
         "a query has the placeholder ${WINDOW}, which does not exist: there are "
         "namespace, workload, service, component and window",
         1},
        {"${cluster}",
         "(httproute|grpcroute)/dp-acme/cart-[a-z0-9]+(-internal)?-[0-9a-f]{8}/rule/"
         "[0-9]+/backend/1",
         1},
        {"${upstream}", "dp-acme_cart-b_[0-9]+", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_str_eq(filled(rows[i].query, &slot, rows[i].window_ms), rows[i].result, "%s: %s",
                         rows[i].query, filled(rows[i].query, &slot, rows[i].window_ms));
}

Test(promql, unknown_names_are_no_data)
{
    const struct question_arm bare = {.present = true, .component = "cart-b", .slot = 'b'};
    cr_expect_str_eq(filled("a{n=\"${namespace}\"}", &bare, 1), "unknown");
    cr_expect_str_eq(filled("${workload}", &bare, 1), "unknown");
    cr_expect_str_eq(filled("${service}", &bare, 1), "unknown");
    cr_expect_str_eq(filled("${cluster}", &bare, 1), "unknown");
    cr_expect_str_eq(filled("${upstream}", &bare, 1), "unknown");
    cr_expect_str_eq(filled("${component}", &bare, 1), "cart-b");
    struct question_arm stray = slot;
    stray.slot = '\0';
    cr_expect_str_eq(filled("${cluster}", &stray, 1), "unknown");
}

/* Whatever quotes the query's author took: the name stays inside. */
Test(promql, hostile_names_stay_in_their_literal)
{
    struct question_arm hostile = slot;
    hostile.workload = "a\"} or vector(1) or x{a=\"";
    cr_expect_str_eq(filled("x{w=\"${workload}\"}", &hostile, 1),
                     "x{w=\"a\\x22} or vector(1) or x{a=\\x22\"}");
    hostile.workload = "a'`\\\n\x7f";
    cr_expect_str_eq(filled("x{w='${workload}'}", &hostile, 1), "x{w='a\\x27\\x60\\\\\\x0a\\x7f'}");
    hostile.workload = "${namespace}";
    cr_expect_str_eq(filled("${workload}", &hostile, 1), "${namespace}");
    hostile.namespace = "a.b|c/.*";
    hostile.service = "s+";
    cr_expect_str_eq(filled("${upstream}", &hostile, 1), "a\\\\.b\\\\|c/\\\\.\\\\*_s\\\\+_[0-9]+");
}

Test(promql, too_long)
{
    char name[PROMQL_LIMIT + 2];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    struct question_arm hostile = slot;
    hostile.workload = name;
    cr_expect_str_eq(filled("${workload}", &hostile, 1), "a query is longer than 16384 bytes");
}

Test(promql, selectors)
{
    static const struct {
        const char *query;
        bool is_selector;
    } rows[] = {
        {"up", true},
        {" up\n", true},
        {"a:b_total{}", true},
        {"{__name__=\"up\"}", true},
        {"up{job=\"a\",path=\"}{[(\"} ", true},
        {"up{job='it\\'s'}", true},
        {"up{job=`\\`}", true},
        {"", false},
        {"1", false},
        {"up{", false},
        {"up{job=\"a}", false},
        {"up[5m]", false},
        {"up{}[5m]", false},
        {"sum(up)", false},
        {"up + up", false},
        {"up offset 5m", false},
        {"up{} up", false},
        {"rate(up[${window}])", false},
        {"-up", false},
        {"up{a={}}", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(promql_is_selector(rows[i].query), rows[i].is_selector, "%s", rows[i].query);
    cr_expect(promql_covers_window("increase(a[${window}])"));
    cr_expect_not(promql_covers_window("increase(a[5m])"));
}

Test(promql, narrowing)
{
    static const char *const rows[][2] = {
        {"up", "up{m}"},
        {"up ", "up{m}"},
        {"up{}", "up{m}"},
        {"up{ }", "up{m}"},
        {"up{a=\"b\"}", "up{a=\"b\",m}"},
        {"up{a=\"b\", } ", "up{a=\"b\",m}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OWNED_TEXT out;
        text_init(&out, PROMQL_LIMIT);
        promql_narrow(&out, rows[i][0], "m");
        cr_expect_str_eq(text_get(&out), rows[i][1]);
    }
}

Test(promql, edges)
{
    static const struct {
        double edge;
        const char *pattern;
    } rows[] = {
        {0.25, "\\\\+Inf|0\\\\.25"},
        {1, "\\\\+Inf|1|1\\\\.0"},
        {0.0049999999999999996, "\\\\+Inf|0\\\\.005"},
        {0.1 * 3 * 1000, "\\\\+Inf|300|300\\\\.0"},
        {2500000, "\\\\+Inf|2500000|2500000\\\\.0|2\\\\.5e\\\\+06"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OWNED_TEXT out;
        text_init(&out, PROMQL_LIMIT);
        promql_edges(&out, rows[i].edge);
        cr_expect_str_eq(text_get(&out), rows[i].pattern, "%s", text_get(&out));
    }
}

Test(promql, dialects)
{
    static const char *const rows[][2] = {
        {"hubble", "destination_namespace=\"dp-acme\",destination_workload=\"cart-b-5f\",reporter="
                   "\"server\""},
        {"istio", "destination_workload_namespace=\"dp-acme\",destination_workload=\"cart-b-5f\","
                  "reporter=\"destination\""},
        {"envoy-gateway", "envoy_cluster_name=~\"(httproute|grpcroute)/dp-acme/cart-[a-z0-9]+"
                          "(-internal)?-[0-9a-f]{8}/rule/[0-9]+/backend/1\""},
        {"nginx", "nginx_upstream_name=~\"dp-acme_cart-b_[0-9]+\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct dialect *dialect = dialect_find(rows[i][0]);
        cr_assert_not_null(dialect);
        cr_expect_str_eq(filled(dialect->selector, &slot, 1), rows[i][1]);
        cr_expect_not_null(dialect->requests);
        cr_expect_not_null(dialect->code);
    }
    cr_expect_null(dialect_find("query")->selector);
    cr_expect_null(dialect_find("graphite"));
}
