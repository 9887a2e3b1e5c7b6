/* What a question to a Prometheus takes, and what its answers say together. */
#include "daemon/analysis/prometheus.h"
#include "tests/daemon/analysis/stage.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the Prometheus of a test holds: for queries that contain `query`. */
struct held {
    const char *query, *result;
};

struct asked {
    char forms[32][2048]; /* decoded */
    const char *paths[32];
    size_t count;
    struct error error;
};

static void decode(const char *form, char *to, size_t size)
{
    size_t used = 0;
    for (; *form != '\0' && used + 1 < size; form++) {
        char digits[3] = "";
        if (*form == '%')
            (void)snprintf(digits, sizeof(digits), "%.2s", form + 1);
        const unsigned long code = strtoul(digits, NULL, 16);
        if (code != 0)
            form += 2;
        to[used++] = code == 0 ? *form : (char)code;
    }
    to[used] = '\0';
}

static json_t *look_up(const struct asked *asked, size_t index, const struct held *held,
                       size_t count)
{
    const char *form = asked->forms[index];
    const bool is_matrix = strstr(asked->paths[index], "range") != NULL ||
                           (strstr(form, "sum") == NULL && strstr(form, " on (") == NULL &&
                            strstr(form, "vector") == NULL);
    size_t i = 0;
    while (i < count && strstr(form, held[i].query) == NULL)
        i++;
    return stage_answer(is_matrix ? "matrix" : "vector", i < count ? held[i].result : "");
}

/* The answer as text; what went wrong in its place. Takes the question. */
static const char *ask(json_t *json, const struct held *held, size_t count, struct asked *asked)
{
    const struct prometheus_options options = {.lookback_ms = 300000, .stale_ms = 120000};
    struct question question;
    struct prometheus *prometheus = NULL;
    memset(asked, 0, sizeof(*asked));
    cr_assert_eq(question_read(json, &question, &asked->error), 0, "%s", asked->error.detail);
    int result = prometheus_new(&question, &options, &prometheus, &asked->error);
    json_decref(json);
    if (result < 0)
        return asked->error.detail;
    while (result == 0 && asked->count < prometheus_count(prometheus)) {
        const size_t end = prometheus_count(prometheus);
        for (; result == 0 && asked->count < end; asked->count++) {
            const struct prometheus_request each = prometheus_request(prometheus, asked->count);
            cr_assert_lt(asked->count, 32u);
            asked->paths[asked->count] =
                strstr(each.path, "range") == NULL ? "/api/v1/query" : "/api/v1/query_range";
            cr_expect_str_eq(each.path, asked->paths[asked->count]);
            decode(each.form, asked->forms[asked->count], sizeof(asked->forms[0]));
            json_t *body = look_up(asked, asked->count, held, count);
            result = prometheus_take(prometheus, asked->count, body, &asked->error);
            json_decref(body);
        }
        if (result == 0)
            result = prometheus_advance(prometheus, &asked->error);
    }
    const char *text = result < 0 ? asked->error.detail : stage_text(prometheus_answer(prometheus));
    prometheus_free(prometheus);
    return text;
}

#define ASK(json, ...)                                                                             \
    ask(json, (const struct held[]){__VA_ARGS__},                                                  \
        sizeof((const struct held[]){__VA_ARGS__}) / sizeof(struct held), &asked)
#define NOTHING                                                                                    \
    {                                                                                              \
        "nothing at all", ""                                                                       \
    }

#define SERIES(labels, values) "{'metric':{" labels "},'values':[" values "]}"
#define ERROR_RATE "{'name':'error-rate','kind':'error-rate'}"
#define LATENCY(edge) "{'name':'latency','kind':'latency','edge':" edge "}"

static struct asked asked;

Test(prometheus, a_window_of_hubble)
{
    const char *answer =
        ASK(stage_question("window", "prometheus", "hubble", ERROR_RATE "," LATENCY("0.25")),
            {"hubble_http_requests_total{destination_namespace=\"dp-acme\",destination_workload="
             "\"cartservice-b-5f\",reporter=\"server\"}[360s]",
             SERIES("'status':'200'", "[999,'10'],[1050,'50']") "," SERIES("'status':'500'",
                                                                           "[999,'0'],[1050,'2']")},
            {"hubble_http_requests_total{destination_namespace=\"dp-acme\",destination_workload="
             "\"cartservice-a-5f\",reporter=\"server\"}[360s]",
             SERIES("'status':'200'", "[999,'100'],[1050,'900']")},
            {"cartservice-b-5f\",reporter=\"server\",le=~\"\\\\+Inf|0\\\\.25\"}[360s]",
             SERIES("'le':'0.25'", "[999,'10'],[1050,'40']") "," SERIES("'le':'+Inf'",
                                                                        "[999,'10'],[1050,'52']")});
    cr_expect_str_eq(answer,
                     "{'metrics':[{'canary':{'bad':2.0,'requests':42.0},'name':'error-rate',"
                     "'stable':{'bad':0.0,'requests':800.0}},{'canary':{'bad':12.0,'requests':"
                     "42.0},'name':'latency','stable':null}]}",
                     "%s", answer);
    cr_expect_eq(asked.count, 4u);
    for (size_t i = 0; i < asked.count; i++) {
        cr_expect_str_eq(asked.paths[i], "/api/v1/query");
        cr_expect_not_null(strstr(asked.forms[i], "&time=1060.000"), "%s", asked.forms[i]);
    }
}

/* Nobody calls either release. That others are counted by the same labels tells it from metrics
 * that nobody collects. */
Test(prometheus, slots_without_requests)
{
    static const struct {
        const char *dialect, *others, *b, *said;
    } rows[] = {
        {"hubble", "{'metric':{},'value':[1060,'7']}", "", "{'bad':0.0,'requests':0.0}"},
        {"istio", "{'metric':{},'value':[1060,'7']}", "", "{'bad':0.0,'requests':0.0}"},
        {"hubble", "{'metric':{},'value':[1060,'0']}", "", "null"},
        {"hubble", "{'metric':{},'value':[1060,'NaN']}", "", "null"},
        {"hubble", "", "", "null"},
        /* who has series that are no longer scraped had requests */
        {"hubble", "{'metric':{},'value':[1060,'7']}", SERIES("'status':'200'", "[700,'10']"),
         "null"},
        {"nginx", "{'metric':{},'value':[1060,'7']}", "", "null"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *answer =
            ASK(stage_question("window", "prometheus", rows[i].dialect, ERROR_RATE),
                {"sum(count_over_time(", rows[i].others}, {"cartservice-b", rows[i].b});
        char wanted[256];
        (void)snprintf(wanted, sizeof(wanted),
                       "{'metrics':[{'canary':%s,'name':'error-rate','stable':%s}]}", rows[i].said,
                       rows[i].said);
        cr_expect_str_eq(answer, wanted, "%zu: %s", i, answer);
    }
    (void)ASK(stage_question("window", "prometheus", "hubble", ERROR_RATE), NOTHING);
    cr_assert_eq(asked.count, 3u);
    cr_expect_not_null(strstr(asked.forms[2],
                              "sum(count_over_time(hubble_http_requests_total{destination_namespace"
                              "!=\"\",destination_workload!=\"\",reporter=\"server\"}[120s]))"),
                       "%s", asked.forms[2]);
}

/* A status that was never seen before: its target is looked up, and it counts from 0. */
Test(prometheus, series_that_begin_within_the_window)
{
    const char *answer = ASK(
        stage_question("window", "prometheus", "hubble", ERROR_RATE),
        {"last_over_time(up[300s] offset 60s) and on (job, instance) hubble_http_requests_total{"
         "destination_namespace=\"dp-acme\",destination_workload=\"cartservice-b-5f\"",
         "{'metric':{'job':'h','instance':'n1:9965'},'value':[1060,'1']}"},
        {"cartservice-b",
         SERIES(
             "'job':'h','instance':'n1:9965','status':'200'",
             "[999,'10'],[1050,'50']") "," SERIES("'job':'h','instance':'n1:9965','status':'500'",
                                                  "[1020,'3'],[1050,'4']")},
        {"cartservice-a",
         SERIES("'job':'h','instance':'n1:9965','status':'200'", "[999,'10'],[1050,'50']")});
    cr_expect_str_eq(answer,
                     "{'metrics':[{'canary':{'bad':4.0,'requests':44.0},'name':'error-rate',"
                     "'stable':{'bad':0.0,'requests':40.0}}]}",
                     "%s", answer);
    cr_expect_eq(asked.count, 3u, "the stable release needs no such look");
}

Test(prometheus, other_dialects)
{
    static const struct {
        const char *dialect, *query, *labels;
    } rows[] = {
        {"istio",
         "istio_requests_total{destination_workload_namespace=\"dp-acme\",destination_"
         "workload=\"cartservice-b-5f\",reporter=\"destination\"}[360s]",
         "'response_code':'503'"},
        {"istio",
         "istio_requests_total{destination_workload_namespace=\"dp-acme\",destination_"
         "workload=\"cartservice-b-5f\",reporter=\"destination\"}[360s]",
         "'response_code':'200','grpc_response_status':'13'"},
        {"envoy-gateway",
         "envoy_cluster_upstream_rq_xx{envoy_cluster_name=~\"(httproute|grpcroute)"
         "/dp-acme/cartservice-[a-z0-9]+(-internal)?-[0-9a-f]{8}/rule/[0-9]+/"
         "backend/1\"}[360s]",
         "'envoy_response_code_class':'5'"},
        {"nginx",
         "nginx_http_upstream_peer_responses_total{nginx_upstream_name=~\"dp-acme_"
         "cartservice-b_[0-9]+\"}[360s]",
         "'nginx_status_range':'5xx'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char series[256];
        (void)snprintf(series, sizeof(series), SERIES("%s", "[999,'1'],[1050,'6']"),
                       rows[i].labels);
        const char *answer = ASK(
            stage_question("window", "prometheus", rows[i].dialect, ERROR_RATE "," LATENCY("0.25")),
            {rows[i].query, series});
        cr_expect_not_null(
            strstr(answer, "'canary':{'bad':5.0,'requests':5.0},'name':'error-rate'"), "%s: %s",
            rows[i].dialect, answer);
        cr_expect_not_null(strstr(answer, "'canary':null,'name':'latency'"), "%s", answer);
    }
    /* Milliseconds. */
    const char *answer = ASK(
        stage_question("window", "prometheus", "istio", LATENCY("0.25")),
        {"destination_workload=\"cartservice-b-5f\",reporter=\"destination\",le=~\"\\\\+Inf|250|"
         "250\\\\.0\"}",
         SERIES("'le':'250'", "[999,'1'],[1050,'3']") "," SERIES("'le':'+Inf'",
                                                                 "[999,'1'],[1050,'4']")});
    cr_expect_not_null(strstr(answer, "'canary':{'bad':1.0,'requests':3.0}"), "%s", answer);
}

/* No edge yet, no names yet, no such release: nothing is asked. */
Test(prometheus, what_is_not_known_is_not_asked)
{
    const char *answer =
        ASK(stage_question("window", "prometheus", "hubble", LATENCY("null")), NOTHING);
    cr_expect_str_eq(answer, "{'metrics':[{'canary':null,'name':'latency','stable':null}]}");
    cr_expect_eq(asked.count, 0u);
    json_t *json = stage_question("window", "prometheus", "hubble", ERROR_RATE);
    json_object_set_new(json_object_get(json, "canary"), "workload", json_null());
    json_object_set_new(json, "stable", json_null());
    answer = ASK(json, NOTHING);
    cr_expect_str_eq(answer, "{'metrics':[{'canary':null,'name':'error-rate','stable':null}]}");
    cr_expect_eq(asked.count, 0u);
}

#define PAIR(numerator, denominator)                                                               \
    "{'name':'orders','kind':'ratio','numerator':'" numerator "','denominator':'" denominator "'}"

Test(prometheus, pairs)
{
    const char *answer =
        ASK(stage_question("window", "prometheus", "query", PAIR("failed{w=`${slot}`}", "orders")),
            NOTHING);
    cr_expect_not_null(strstr(answer, "has the placeholder ${slot}, which does not exist"), "%s",
                       answer);
    answer = ASK(stage_question("window", "prometheus", "query",
                                PAIR("sum(increase(failed_${component}[${window}]))",
                                     "sum(increase(orders_${component}[${window}]))")),
                 {"failed_cartservice-b[60s]", "{'metric':{},'value':[1060,'2.5']}"},
                 {"orders_cartservice-b[60s]", "{'metric':{},'value':[1060,'10']}"},
                 {"orders_cartservice-a[60s]", "{'metric':{},'value':[1060,'90']}"});
    cr_expect_str_eq(answer,
                     "{'metrics':[{'canary':{'bad':2.5,'requests':10.0},'name':'orders','stable':{"
                     "'bad':0.0,'requests':90.0}}]}",
                     "the stable release has had none, as the canary's number shows: %s", answer);
    answer = ASK(stage_question("window", "prometheus", "query", PAIR("failed", "orders")),
                 {"orders[360s]", SERIES("", "[999,'1'],[1050,'11']")});
    cr_expect_str_eq(answer, "{'metrics':[{'canary':null,'name':'orders','stable':null}]}",
                     "a query that finds nothing passes nothing: %s", answer);
    answer = ASK(stage_question("window", "prometheus", "query", PAIR("failed", "orders")),
                 {"failed[360s]", SERIES("", "[999,'1'],[1050,'21']")},
                 {"orders[360s]", SERIES("", "[999,'1'],[1050,'11']")});
    cr_expect_str_eq(answer, "{'metrics':[{'canary':null,'name':'orders','stable':null}]}",
                     "more bad ones than events: %s", answer);
    answer = ASK(stage_question("window", "prometheus", "query",
                                PAIR("failed{w=`${workload}`}", "orders{w=`${workload}`}")),
                 {"failed{w=\"cartservice-b-5f\"}[360s]", SERIES("", "[999,'1'],[1050,'3']")},
                 {"orders{w=\"cartservice-", SERIES("", "[999,'1'],[1050,'31']")});
    cr_expect_str_eq(answer,
                     "{'metrics':[{'canary':{'bad':2.0,'requests':30.0},'name':'orders','stable':{"
                     "'bad':0.0,'requests':30.0}}]}",
                     "%s", answer);
    answer = ASK(stage_question("window", "prometheus", "query", PAIR("sum(failed)", "orders")),
                 NOTHING);
    cr_expect_not_null(
        strstr(answer, "neither a plain selector of a counter nor one with ${window}"), "%s",
        answer);
}

#define HISTOGRAM(query, edge)                                                                     \
    "{'name':'page-load','kind':'histogram','histogram':'" query "','edge':" edge "}"

Test(prometheus, histograms_of_their_own)
{
    const char *answer =
        ASK(stage_question("window", "prometheus", "query", HISTOGRAM("load_bucket", "2.5")),
            {"load_bucket{le=~\"\\\\+Inf|2\\\\.5\"}[360s]",
             SERIES("'le':'2.5'", "[999,'1'],[1050,'3']") "," SERIES("'le':'+Inf'",
                                                                     "[999,'1'],[1050,'4']")});
    cr_expect_str_eq(answer,
                     "{'metrics':[{'canary':{'bad':1.0,'requests':3.0},'name':'page-load',"
                     "'stable':{'bad':1.0,'requests':3.0}}]}",
                     "%s", answer);
    answer =
        ASK(stage_question("window", "prometheus", "query",
                           HISTOGRAM("sum by (le) (increase(load_bucket[${window}]))", "2.5")),
            {"sum by (le) (increase(load_bucket[60s]))&time",
             "{'metric':{'le':'2.5'},'value':[1060,'7']},{'metric':{'le':'+Inf'},'value':[1060,"
             "'9']}"});
    cr_expect_not_null(strstr(answer, "'canary':{'bad':2.0,'requests':9.0}"), "%s", answer);
    answer = ASK(stage_question("window", "prometheus", "query", ERROR_RATE), NOTHING);
    cr_expect_not_null(strstr(answer,
                              "the metric error-rate has no queries, and the template query "
                              "knows none"),
                       "%s", answer);
    answer = ASK(stage_question("window", "prometheus", "query", LATENCY("1")), NOTHING);
    cr_expect_not_null(strstr(answer, "the metric latency has no queries"), "%s", answer);
}

Test(prometheus, history)
{
    json_t *json =
        stage_question("history", "prometheus", "hubble", ERROR_RATE "," LATENCY("null"));
    json_object_set_new(json, "from_ms", json_integer(0));
    json_object_set_new(json, "to_ms", json_integer(INT64_C(7200000)));
    const char *answer = ASK(
        json,
        {"sum by (le) (max without (job, prometheus, prometheus_replica, replica, thanos_replica, "
         "receive_replica) (increase(hubble_http_request_duration_seconds_bucket{destination_"
         "namespace=\"dp-acme\",destination_workload=\"cartservice-a-5f\",reporter=\"server\"}"
         "[7200s])))",
         "{'metric':{'le':'0.25'},'value':[1060,'7']},{'metric':{'le':'+Inf'},'value':[1060,'9']}"},
        {"cartservice-a-5f\",reporter=\"server\",status=~\"5.*\"}[120s])))&start=120.000&end="
         "7200.000&step=120.000",
         SERIES("'destination_pod':'p1'", "[240,'1']")},
        {"sum by (destination_pod) (max without (job, prometheus, prometheus_replica, replica, "
         "thanos_replica, receive_replica) (increase(hubble_http_requests_total{destination_"
         "namespace=\"dp-acme\",destination_workload=\"cartservice-a-5f\",reporter=\"server\"}"
         "[120s])))&start=120.000&end=7200.000&step=120.000",
         SERIES("'destination_pod':'p1'", "[120,'4'],[240,'5']") "," SERIES(
             "'destination_pod':'p2'", "[120,'4'],[240,'6']")});
    cr_expect_str_eq(answer,
                     "{'metrics':[{'edges':null,'name':'error-rate'},{'edges':[{'count':7.0,'le':"
                     "0.25},{'count':9.0,'le':null}],'name':'latency'}],'replicas':[[[4.0,0.0],["
                     "4.0,0.0]],[[5.0,1.0],[6.0,0.0]]]}",
                     "%s", answer);
    cr_expect_eq(asked.count, 3u);
    cr_expect_str_eq(asked.paths[2], "/api/v1/query_range");
}

Test(prometheus, history_of_what_has_none)
{
    const char *answer =
        ASK(stage_question("history", "prometheus", "envoy-gateway", ERROR_RATE), NOTHING);
    cr_expect_str_eq(answer, "{'metrics':[{'edges':null,'name':'error-rate'}],'replicas':null}");
    json_t *json = stage_question("history", "prometheus", "hubble", LATENCY("null"));
    json_object_set_new(json, "stable", json_null());
    answer = ASK(json, NOTHING);
    cr_expect_str_eq(answer, "{'metrics':[{'edges':null,'name':'latency'}],'replicas':null}");
    cr_expect_eq(asked.count, 0u);
    answer =
        ASK(stage_question("history", "prometheus", "query", HISTOGRAM("load_bucket", "null")),
            {"sum by (le) (max without (", "{'metric':{'le':'1'},'value':[1060,'7']},{'metric':"
                                           "{'le':'+Inf'},'value':[1060,'9']}"});
    cr_expect_str_eq(answer,
                     "{'metrics':[{'edges':[{'count':7.0,'le':1.0},{'count':9.0,'le':null}],"
                     "'name':'page-load'}],'replicas':null}",
                     "%s", answer);
    /* Short: three parts at least. */
    (void)ASK(stage_question("history", "prometheus", "hubble", ERROR_RATE), NOTHING);
    cr_expect_not_null(strstr(asked.forms[0], "[20s])))&start=1020.000&end=1060.000&step=20.000"),
                       "%s", asked.forms[0]);
}

Test(prometheus, partial_and_broken_answers)
{
    struct question question;
    struct prometheus *prometheus = NULL;
    struct error err = {0};
    const struct prometheus_options options = {.lookback_ms = 1500, .stale_ms = 1000};
    json_t *json = stage_question("window", "prometheus", "hubble", ERROR_RATE);
    cr_assert_eq(question_read(json, &question, &err), 0);
    cr_assert_eq(prometheus_new(&question, &options, &prometheus, &err), 0);
    json_decref(json);
    json_t *body = stage_json("{'status':'success','warnings':['x'],'data':{'resultType':'matrix',"
                              "'result':[]}}");
    cr_expect_lt(prometheus_take(prometheus, 0, body, &err), 0);
    json_decref(body);
    body = stage_answer("vector", "");
    cr_expect_lt(prometheus_take(prometheus, 1, body, &err), 0);
    json_decref(body);
    char form[2048];
    decode(prometheus_request(prometheus, 0).form, form, sizeof(form));
    cr_expect_not_null(strstr(form, "}[61500ms]"), "%s", form);
    prometheus_free(prometheus);
}
