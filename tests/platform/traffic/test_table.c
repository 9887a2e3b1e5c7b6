/* Routing as a Gateway API implementation does it, heads of messages, words in tags. */
#include "tests/platform/traffic/behaviour.h"
#include "tests/platform/traffic/table.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BOTH_SLOTS                                                                                 \
    "'services':[{'namespace':'dp','name':'cart-a','selector':{'slot':'a'}},"                      \
    "{'namespace':'dp','name':'cart-b','selector':{'slot':'b'}},"                                  \
    "{'namespace':'dp','name':'cart','selector':{'app':'cart','slot':'a'}}],"                      \
    "'pods':[{'namespace':'dp','name':'a-0','uid':'1','workload':'a','image':'x:1','ready':true,"  \
    "'labels':{'app':'cart','slot':'a'}},"                                                         \
    "{'namespace':'dp','name':'a-1','uid':'2','workload':'a','image':'x:1','ready':true,"          \
    "'labels':{'app':'cart','slot':'a'}},"                                                         \
    "{'namespace':'dp','name':'a-2','uid':'3','workload':'a','image':'x:1','ready':false,"         \
    "'labels':{'app':'cart','slot':'a'}},"                                                         \
    "{'namespace':'dp','name':'b-0','uid':'4','workload':'b','image':'x:2','ready':%s,"            \
    "'labels':{'app':'cart','slot':'b'}}]"

static struct traffic_table *make_table(const char *rules, const char *b_ready)
{
    char text[8192], pods[2048];
    snprintf(pods, sizeof(pods), BOTH_SLOTS, b_ready);
    snprintf(text, sizeof(text),
             "{'routes':[{'metadata':{'namespace':'dp','name':'cart'},'spec':{'hostnames':"
             "['shop.example'],'rules':[%s]}}],%s,'workloads':[]}",
             rules, pods);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *serving = json_loads(text, 0, NULL);
    cr_assert_not_null(serving, "%s", text);
    return traffic_table_new(serving);
}

static struct traffic_choice ask(const struct traffic_table *table, const char *request,
                                 uint64_t *random)
{
    struct traffic_message message;
    cr_assert_eq(traffic_message_read(request, strlen(request), true, &message), 1, "%s", request);
    return traffic_table_choose(table, &message, random);
}

#define GET_CART "GET /cart/items?x=1 HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n"
#define WEIGHTS(a, b)                                                                              \
    "{'matches':[{'path':{'type':'PathPrefix','value':'/cart'}}],'filters':[{'type':"              \
    "'URLRewrite','urlRewrite':{'path':{'type':'ReplacePrefixMatch','replacePrefixMatch':"         \
    "'/api'}}}],'backendRefs':[{'name':'cart-a','weight':" #a "},{'name':'cart-b','weight':" #b    \
    "}]}"

Test(table, weights_are_honoured_within_five_sigma)
{
    static const struct {
        const char *rule;
        double share; /* of slot b */
    } rows[] = {{WEIGHTS(95, 5), 0.05},
                {WEIGHTS(80, 20), 0.2},
                {WEIGHTS(1, 1), 0.5},
                {WEIGHTS(0, 100), 1},
                {WEIGHTS(100, 0), 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct traffic_table *table = make_table(rows[i].rule, "true");
        uint64_t random = 7;
        const int n = 20000;
        int b = 0, second = 0;
        for (int k = 0; k < n; k++) {
            const struct traffic_choice choice = ask(table, GET_CART, &random);
            cr_assert_eq(choice.outcome, TRAFFIC_TO_POD);
            cr_assert(choice.pod->ready);
            b += strcmp(choice.pod->name, "b-0") == 0;
            second += strcmp(choice.pod->name, "a-1") == 0;
        }
        const double p = rows[i].share, sigma = sqrt(n * p * (1 - p));
        cr_assert(fabs(b - n * p) <= 5 * sigma, "row %zu: %d of %d", i, b, n);
        /* replicas of a slot share its part */
        const double q = (1 - p) / 2;
        cr_assert(fabs(second - n * q) <= 5 * sqrt(n * q * (1 - q)), "row %zu: %d", i, second);
        traffic_table_free(table);
    }
}

Test(table, a_share_that_nobody_can_serve_fails)
{
    static const struct {
        const char *rule, *b_ready;
        enum traffic_outcome outcome;
        int status;
    } rows[] = {
        {WEIGHTS(0, 1), "false", TRAFFIC_NOT_READY, 503},
        {WEIGHTS(0, 0), "true", TRAFFIC_NO_WEIGHT, 500},
        {"{'backendRefs':[]}", "true", TRAFFIC_NO_WEIGHT, 500},
        {"{'backendRefs':[{'name':'cart-c','weight':1}]}", "true", TRAFFIC_NO_SERVICE, 500},
        {"{'backendRefs':[{'name':'cart-a'}]}", "true", TRAFFIC_TO_POD, 200},
        {"{'matches':[{'path':{'value':'/other'}}],'backendRefs':[{'name':'cart-a'}]}", "true",
         TRAFFIC_NO_ROUTE, 404},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct traffic_table *table = make_table(rows[i].rule, rows[i].b_ready);
        uint64_t random = 1;
        const struct traffic_choice choice = ask(table, GET_CART, &random);
        cr_assert_eq(choice.outcome, rows[i].outcome, "row %zu", i);
        cr_assert_eq(traffic_outcome_status(choice.outcome), rows[i].status);
        traffic_table_free(table);
    }
    /* only its share fails */
    struct traffic_table *table = make_table(
        "{'backendRefs':[{'name':'cart-a','weight':9},{'name':'cart-c','weight':1}]}", "true");
    uint64_t random = 3;
    int failed = 0;
    for (int k = 0; k < 10000; k++)
        failed += ask(table, GET_CART, &random).outcome == TRAFFIC_NO_SERVICE;
    cr_assert(failed > 850 && failed < 1150, "%d", failed);
    traffic_table_free(table);
}

#define TO_B "'backendRefs':[{'name':'cart-b','weight':1}]"
#define TO_A "'backendRefs':[{'name':'cart-a','weight':1}]"

Test(table, the_most_specific_match_wins)
{
    static const struct {
        const char *what, *rules, *request, *slot;
    } rows[] = {
        {"header",
         "{" TO_A "},{'matches':[{'headers':[{'name':'x-canary','value':'always'}]}]," TO_B "}",
         "GET /cart HTTP/1.1\r\nHost: shop.example\r\nX-Canary: always\r\n\r\n", "b"},
        {"header of another value",
         "{" TO_A "},{'matches':[{'headers':[{'name':'x-canary','value':'always'}]}]," TO_B "}",
         "GET /cart HTTP/1.1\r\nHost: shop.example\r\nX-Canary: never\r\n\r\n", "a"},
        {"cookie",
         "{" TO_A "},{'matches':[{'headers':[{'type':'RegularExpression','name':'cookie','value':"
         "'(.*; )?canary=always(;.*)?'}]}]," TO_B "}",
         "GET /cart HTTP/1.1\r\nHost: shop.example\r\nCookie: a=b; canary=always\r\n\r\n", "b"},
        {"cookie that only looks like it",
         "{" TO_A "},{'matches':[{'headers':[{'type':'RegularExpression','name':'cookie','value':"
         "'(.*; )?canary=always(;.*)?'}]}]," TO_B "}",
         "GET /cart HTTP/1.1\r\nHost: shop.example\r\nCookie: a=b; nocanary=always\r\n\r\n", "a"},
        {"longer prefix",
         "{'matches':[{'path':{'value':'/cart'}}]," TO_A
         "},{'matches':[{'path':{'value':'/cart/items'}}]," TO_B "}",
         "GET /cart/items/1 HTTP/1.1\r\nHost: shop.example\r\n\r\n", "b"},
        {"prefixes end at elements",
         "{" TO_A "},{'matches':[{'path':{'value':'/cart/item'}}]," TO_B "}",
         "GET /cart/items/1 HTTP/1.1\r\nHost: shop.example\r\n\r\n", "a"},
        {"exact before prefix",
         "{'matches':[{'path':{'value':'/cart/items'}}]," TO_A
         "},{'matches':[{'path':{'type':'Exact','value':'/cart/items'}}]," TO_B "}",
         "GET /cart/items HTTP/1.1\r\nHost: shop.example\r\n\r\n", "b"},
        {"method", "{" TO_A "},{'matches':[{'method':'POST'}]," TO_B "}",
         "POST /cart HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n", "b"},
        {"another host", "{" TO_A "}", "GET /cart HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n", ""},
        {"inside the cluster, past the weights", "{" TO_B "}",
         "GET /cart HTTP/1.1\r\nHost: cart.dp.svc.cluster.local:7070\r\n\r\n", "a"},
        {"a Service that is not there", "{" TO_B "}",
         "GET /cart HTTP/1.1\r\nHost: order.dp.svc.cluster.local\r\n\r\n", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct traffic_table *table = make_table(rows[i].rules, "true");
        uint64_t random = 11;
        const struct traffic_choice choice = ask(table, rows[i].request, &random);
        cr_assert_str_eq(choice.pod == NULL ? "" : choice.pod->workload, rows[i].slot, "%s",
                         rows[i].what);
        traffic_table_free(table);
    }
}

Test(table, the_matched_prefix_is_replaced)
{
    static const struct {
        const char *prefix, *to, *path, *seen;
    } rows[] = {
        {"/cart", "/api/v1", "/cart/items?x=1", "/api/v1/items?x=1"},
        {"/cart", "/api/v1", "/cart", "/api/v1"},
        {"/cart", "/", "/cart", "/"},
        {"/cart", "/", "/cart?x=1", "/?x=1"},
        {"/cart/", "/api/", "/cart/items", "/api/items"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char rule[512], request[256], seen[256];
        snprintf(rule, sizeof(rule),
                 "{'matches':[{'path':{'value':'%s'}}],'filters':[{'urlRewrite':{'path':{"
                 "'replacePrefixMatch':'%s'}}}],'backendRefs':[{'name':'cart-a'}]}",
                 rows[i].prefix, rows[i].to);
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: shop.example\r\n\r\n",
                 rows[i].path);
        struct traffic_table *table = make_table(rule, "true");
        struct traffic_message message;
        uint64_t random = 1;
        cr_assert_eq(traffic_message_read(request, strlen(request), true, &message), 1);
        const struct traffic_choice choice = traffic_table_choose(table, &message, &random);
        traffic_choice_target(&choice, message.target, seen, sizeof(seen));
        cr_assert_str_eq(seen, rows[i].seen);
        traffic_table_free(table);
    }
}

Test(message, heads)
{
    static const struct {
        const char *bytes;
        bool request;
        int result;
        size_t body;
        bool keep;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true, 1, 0, true},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", true, 1, 0, false},
        {"GET / HTTP/1.0\r\n\r\n", true, 1, 0, false},
        {"POST /a HTTP/1.1\r\nContent-Length: 12\r\n\r\n", true, 1, 12, true},
        {"GET / HTTP/1.1\r\nHost: x\r\n", true, 0, 0, false},
        {"", true, 0, 0, false},
        {"GET  HTTP/1.1\r\n\r\n", true, -1, 0, false},
        {"GET x HTTP/1.1\r\n\r\n", true, -1, 0, false},
        {"GET / HTTP/2.0\r\n\r\n", true, -1, 0, false},
        {"GET / HTTP/1.1\r\nnonsense\r\n\r\n", true, -1, 0, false},
        {"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", true, -1, 0, false},
        {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", true, -1, 0, false},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", true, -1, 0, false},
        {"\r\n\r\n", true, -1, 0, false},
        {"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno", false, 1, 2, true},
        {"HTTP/1.1 5x3 No\r\n\r\n", false, -1, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct traffic_message message;
        const int got =
            traffic_message_read(rows[i].bytes, strlen(rows[i].bytes), rows[i].request, &message);
        cr_assert_eq(got, rows[i].result, "row %zu: %d", i, got);
        if (got > 0) {
            cr_assert_eq(message.body_length, rows[i].body, "row %zu", i);
            cr_assert_eq(message.keep_alive, rows[i].keep, "row %zu", i);
        }
    }
}

Test(message, limits)
{
    char many[TRAFFIC_HEAD_LIMIT + 100];
    size_t length = (size_t)snprintf(many, sizeof(many), "GET / HTTP/1.1\r\n");
    for (int i = 0; i <= TRAFFIC_HEADER_LIMIT; i++)
        length += (size_t)snprintf(many + length, sizeof(many) - length, "h%d: x\r\n", i);
    length += (size_t)snprintf(many + length, sizeof(many) - length, "\r\n");
    struct traffic_message message;
    cr_assert_eq(traffic_message_read(many, length, true, &message), -1);
    memset(many, 'a', sizeof(many));
    cr_assert_eq(traffic_message_read(many, sizeof(many), true, &message), -1);
}

Test(behaviour, words_of_tags)
{
    static const struct {
        const char *image;
        struct traffic_behaviour want;
    } rows[] = {
        {"registry.example/cart:1.4.0", {.slow_ms = 0}},
        {"registry.example/cart", {.slow_ms = 0}},
        {"registry.example:5000/cart", {.slow_ms = 0}},
        {"registry.example/cart:1.4.0-errors5", {.errors = 0.05}},
        {"cart:1-errors0.5", {.errors = 0.005}},
        {"cart:1-errors100", {.errors = 1}},
        {"cart:1-errors101", {.slow_ms = 0}},
        {"cart:1-errors", {.slow_ms = 0}},
        {"cart:1-errors5x", {.slow_ms = 0}},
        {"cart:errors5", {.slow_ms = 0}},
        {"cart:1.4.0-slow200", {.slow_ms = 200}},
        {"cart:1.4.0-slow20000", {.slow_ms = 0}},
        {"cart:1.4.0-tail2x500", {.tail = 0.02, .tail_ms = 500}},
        {"cart:1.4.0-tail2", {.slow_ms = 0}},
        {"cart:1-rc1-errors1-slow50", {.errors = 0.01, .slow_ms = 50}},
        {"cart@sha256:0123-errors5", {.slow_ms = 0}},
        {"team-errors9/cart:1", {.slow_ms = 0}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct traffic_behaviour got = traffic_behaviour_of(rows[i].image);
        cr_assert_float_eq(got.errors, rows[i].want.errors, 1e-12, "%s", rows[i].image);
        cr_assert_float_eq(got.tail, rows[i].want.tail, 1e-12, "%s", rows[i].image);
        cr_assert_eq(got.slow_ms, rows[i].want.slow_ms, "%s", rows[i].image);
        cr_assert_eq(got.tail_ms, rows[i].want.tail_ms, "%s", rows[i].image);
    }
}
