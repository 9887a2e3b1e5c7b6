/* Questions that cannot be; the observer's topology; a webhook's answers. */
#include "config/base/json.h"
#include "daemon/analysis/observer.h"
#include "daemon/analysis/question.h"
#include "daemon/analysis/webhook.h"
#include "tests/daemon/analysis/stage.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define ERROR_RATE "{'name':'error-rate','kind':'error-rate'}"
#define BOTH ERROR_RATE ",{'name':'latency','kind':'latency','edge':0.25}"

Test(question, sound)
{
    struct question question;
    struct error err = {0};
    json_t *json = stage_question("check", "observer", "hubble", BOTH);
    cr_assert_eq(question_read(json, &question, &err), 0, "%s", err.detail);
    cr_expect_eq(question.purpose, QUESTION_CHECK);
    cr_expect_eq(question.provider, QUESTION_OBSERVER);
    cr_expect_str_eq(question.dialect->name, "hubble");
    cr_expect_str_eq(question.target, "production-eu");
    cr_expect_eq(question.arms[QUESTION_CANARY].slot, 'b');
    cr_expect_str_eq(question.arms[QUESTION_STABLE].workload, "cartservice-a-5f");
    cr_assert_eq(question.metric_count, 2u);
    cr_expect_eq(question.metrics[1].kind, ANALYSIS_LATENCY);
    cr_expect_eq(question.metrics[1].edge, 0.25);
    cr_expect_lt(question.metrics[0].edge, 0.0);
    cr_expect_null(question.metrics[0].numerator);
    json_decref(json);
    cr_expect_str_eq(question_provider_name(QUESTION_WEBHOOK), "webhook");
}

Test(question, bad_ones)
{
    static const struct {
        const char *member, *value, *says;
    } rows[] = {
        {"purpose", "'guess'", "purpose"},
        {"purpose", "1", "purpose"},
        {"provider", "'graphite'", "provider"},
        {"template", "'envoy'", "template"},
        {"from_ms", "'1'", "from_ms"},
        {"from_ms", "-1", "from_ms"},
        {"from_ms", "1060000", "from_ms"},
        {"to_ms", "1.5", "from_ms"},
        {"to_ms", "999999999999", "from_ms"},
        {"metrics", "null", "metrics"},
        {"metrics", "[]", "metrics"},
        {"metrics", "[{'name':'a'}]", "no kind"},
        {"metrics", "[{'kind':'ratio'}]", "no name"},
        {"metrics", "[{'name':'a','kind':'mean'}]", "no kind"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct question question;
        struct error err = {0};
        json_t *json = stage_question("window", "prometheus", "hubble", ERROR_RATE);
        char text[256] = "{'v':";
        strcat(strcat(text, rows[i].value), "}");
        json_t *value = stage_json(text);
        json_object_set(json, rows[i].member, json_object_get(value, "v"));
        json_decref(value);
        cr_expect_eq(question_read(json, &question, &err), ERR_INVALID, "%s: %s", rows[i].member,
                     rows[i].value);
        cr_expect_not_null(strstr(err.detail, rows[i].says), "%s: %s", rows[i].value, err.detail);
        json_decref(json);
    }
    struct question question;
    struct error err = {0};
    cr_expect_eq(question_read(NULL, &question, &err), ERR_INVALID);
}

static struct question read_question(json_t *json)
{
    struct question question;
    struct error err = {0};
    cr_assert_eq(question_read(json, &question, &err), 0, "%s", err.detail);
    return question;
}

/* --- observer ------------------------------------------------------------------------------- */

#define EDGE(source, component, metrics)                                                           \
    "{'id':'x','source':{'kind':'" source                                                          \
    "'},'target':{'kind':'component','component':'" component "'},'metrics':{" metrics "}}"
#define TOPOLOGY(edges) "{'summary':{},'nodes':[],'edges':[" edges "]}"

Test(observer, request)
{
    json_t *json = stage_question("window", "observer", "query", ERROR_RATE);
    struct question question = read_question(json);
    struct error err = {0};
    char *body = NULL;
    cr_assert_eq(observer_request(&question, &body, &err), 0);
    cr_expect_str_eq(body, "{\"endTime\":\"1970-01-01T00:17:40Z\",\"includeExternal\":true,"
                           "\"includeGateways\":true,\"searchScope\":{\"environment\":"
                           "\"production\",\"namespace\":\"acme\",\"project\":\"cart\"},"
                           "\"startTime\":\"1970-01-01T00:16:40Z\"}");
    free(body);
    question.project = NULL;
    cr_expect_eq(observer_request(&question, &body, &err), ERR_INVALID);
    json_decref(json);
    /* Latency alone, and history: the observer has neither. */
    json = stage_question("window", "observer", "query",
                          "{'name':'latency','kind':'latency','edge':1}");
    question = read_question(json);
    cr_expect_eq(observer_request(&question, &body, &err), 0);
    cr_expect_null(body);
    json_decref(json);
    json = stage_question("history", "observer", "query", ERROR_RATE);
    question = read_question(json);
    cr_expect_eq(observer_request(&question, &body, &err), 0);
    cr_expect_null(body);
    json_t *answer = NULL;
    cr_assert_eq(observer_answer(&question, NULL, &answer, &err), 0);
    cr_expect_str_eq(stage_text(answer),
                     "{'metrics':[{'edges':null,'name':'error-rate'}],'replicas':null}");
    json_decref(json);
}

Test(observer, answers)
{
#define CANARY(text)                                                                               \
    "{'metrics':[{'canary':" text ",'name':'error-rate','stable':null},{'canary':"                 \
    "null,'name':'latency','stable':null}]}"
    static const struct {
        const char *what, *body, *answer;
    } rows[] = {
        {"no traffic was seen", TOPOLOGY(""), CANARY("null")},
        {"no edges at all", "{'summary':{}}", CANARY("null")},
        {"all edges that lead to it",
         TOPOLOGY(EDGE(
             "gateway", "cartservice-b",
             "'requestCount':40,'unsuccessfulRequestCount':1") "," EDGE("component",
                                                                        "cartservice-b",
                                                                        "'requestCount':2.5,"
                                                                        "'unsuccessfulRequestCount'"
                                                                        ":0.5") "," EDGE("componen"
                                                                                         "t",
                                                                                         "other",
                                                                                         "'requestC"
                                                                                         "ount':9,'"
                                                                                         "unsuccess"
                                                                                         "fulReques"
                                                                                         "tCount':"
                                                                                         "9")),
         CANARY("{'bad':1.5,'requests':42.5}")},
        {"none is left out where others show some",
         TOPOLOGY(EDGE("gateway", "cartservice-b", "'requestCount':40") "," EDGE(
             "gateway", "other", "'requestCount':4,'unsuccessfulRequestCount':1")),
         CANARY("{'bad':0.0,'requests':40.0}")},
        {"nobody's are counted", TOPOLOGY(EDGE("gateway", "cartservice-b", "'requestCount':40")),
         CANARY("null")},
        {"no count", TOPOLOGY(EDGE("gateway", "cartservice-b", "'unsuccessfulRequestCount':1")),
         CANARY("null")},
        {"negative",
         TOPOLOGY(
             EDGE("gateway", "cartservice-b", "'requestCount':-1,'unsuccessfulRequestCount':0")),
         CANARY("null")},
        {"a little more bad than all, by extrapolation",
         TOPOLOGY(
             EDGE("gateway", "cartservice-b", "'requestCount':10,'unsuccessfulRequestCount':10.5")),
         CANARY("{'bad':10.0,'requests':10.0}")},
        {"far more bad than all",
         TOPOLOGY(
             EDGE("gateway", "cartservice-b", "'requestCount':10,'unsuccessfulRequestCount':20")),
         CANARY("null")},
        {"leads away from it",
         TOPOLOGY("{'id':'x','source':{'kind':'component','component':'cartservice-b'},'target':{"
                  "'kind':'external','component':'cartservice-b'},'metrics':{'requestCount':5,"
                  "'unsuccessfulRequestCount':5}}"),
         CANARY("null")},
    };
    json_t *json = stage_question("window", "observer", "query", BOTH);
    const struct question question = read_question(json);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = {0};
        json_t *body = stage_json(rows[i].body), *answer = NULL;
        cr_assert_eq(observer_answer(&question, body, &answer, &err), 0, "%s", err.detail);
        const char *text = stage_text(answer);
        cr_expect_str_eq(text, rows[i].answer, "%s: %s", rows[i].what, text);
        json_decref(body);
    }
    struct error err = {0};
    json_t *body = stage_json("{'nodes':[]}"), *answer = NULL;
    cr_expect_eq(observer_answer(&question, body, &answer, &err), ERR_INVALID);
    json_decref(body);
    json_decref(json);
}

/* --- webhook -------------------------------------------------------------------------------- */

struct exchanged {
    const char *body;
    const char *result; /* the answer, or a part of the message */
};

static void check_webhook(const char *purpose, const struct exchanged *rows, size_t count)
{
    json_t *json = stage_question(purpose, "webhook", "query", BOTH);
    const struct question question = read_question(json);
    for (size_t i = 0; i < count; i++) {
        struct error err = {0};
        json_t *body = stage_json(rows[i].body), *answer = NULL;
        const int result = webhook_answer(&question, body, &answer, &err);
        if (result == 0) {
            const char *text = stage_text(answer);
            cr_expect_str_eq(text, rows[i].result, "%s: %s", rows[i].body, text);
        } else {
            cr_expect_not_null(strstr(err.detail, rows[i].result), "%s: %s", rows[i].body,
                               err.detail);
        }
        json_decref(body);
    }
    json_decref(json);
}

Test(webhook, windows)
{
#define METRIC(canary) "{'metrics':[{'name':'error-rate','canary':" canary "}]}"
    static const struct exchanged rows[] = {
        {"{'metrics':[]}",
         "{'metrics':[{'canary':null,'name':'error-rate','stable':null},{'canary':"
         "null,'name':'latency','stable':null}]}"},
        {"{'metrics':[{'name':'latency','stable':{'requests':4,'bad':0},'canary':null},{'name':"
         "'error-rate','canary':{'requests':2.5,'bad':1},'more':1}],'more':2}",
         "{'metrics':[{'canary':{'bad':1.0,'requests':2.5},'name':'error-rate','stable':null},{"
         "'canary':null,'name':'latency','stable':{'bad':0.0,'requests':4.0}}]}"},
        {"{}", "no list of metrics"},
        {"[]", "no list of metrics"},
        {"{'metrics':[{'name':'orders'}]}", "orders: this metric was not asked for"},
        {"{'metrics':[{}]}", "not asked for"},
        {"{'metrics':[{'name':'latency'},{'name':'latency'}]}", "latency: this metric comes twice"},
        {METRIC("1"), "error-rate: canary and stable are null"},
        {METRIC("{}"), "canary and stable are null"},
        {METRIC("{'requests':1}"), "canary and stable are null"},
        {METRIC("{'requests':'1','bad':0}"), "canary and stable are null"},
        {METRIC("{'requests':1,'bad':2}"), "the second is not larger"},
        {METRIC("{'requests':1,'bad':-1}"), "canary and stable are null"},
        {METRIC("{'requests':1e300,'bad':1}"), "canary and stable are null"},
    };
    check_webhook("window", rows, sizeof(rows) / sizeof(rows[0]));
}

Test(webhook, history)
{
#define EDGES(edges) "{'metrics':[{'name':'latency','edges':" edges "}]}"
#define REPLICAS(rows) "{'metrics':[],'replicas':" rows "}"
#define NO_EDGES "{'metrics':[{'edges':null,'name':'error-rate'},{'edges':null,'name':'latency'}]"
    static const struct exchanged rows[] = {
        {"{'metrics':[]}", NO_EDGES ",'replicas':null}"},
        {REPLICAS("[[[10,1],[12.5,0]],[]]"), NO_EDGES ",'replicas':[[[10,1],[12.5,0]],[]]}"},
        {EDGES("[{'le':0.1,'count':2},{'le':null,'count':3}]"),
         "{'metrics':[{'edges':null,'name':'error-rate'},{'edges':[{'count':2,'le':"
         "0.10000000000000001},{'count':3,'le':null}],'name':'latency'}],'replicas':null}"},
        {EDGES("{}"), "latency: edges is null or a list"},
        {EDGES("[{'le':null,'count':2},{'le':1,'count':3}]"), "le null only at last"},
        {EDGES("[{'le':1,'count':2},{'le':1,'count':3}]"), "both rising"},
        {EDGES("[{'le':1,'count':2},{'le':2,'count':1}]"), "both rising"},
        {EDGES("[{'le':1,'count':-2}]"), "both rising"},
        {EDGES("[{'le':'1','count':2},{'le':2,'count':3}]"), "both rising"},
        {REPLICAS("{}"), "replicas is null or a list"},
        {REPLICAS("[1]"), "replicas is null or a list"},
        {REPLICAS("[[[1]]]"), "replicas is null or a list"},
        {REPLICAS("[[[1,2]]]"), "replicas is null or a list"},
        {REPLICAS("[[[1,'0']]]"), "replicas is null or a list"},
    };
    check_webhook("history", rows, sizeof(rows) / sizeof(rows[0]));
}
