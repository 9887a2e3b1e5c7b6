/* Numbers that a real Prometheus scraped: every step of a counter counts once, also the first one
 * of a series, and a reset; what is missing, stale or no number is no data. */
#include "tests/daemon/analysis/desk.h"
#include "tests/daemon/analysis/scraper.h"
#include "tests/daemon/analysis/stage.h"
#include "tests/daemon/http/certificates.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ERROR_RATE "{'name':'error-rate','kind':'error-rate'}"
#define LATENCY "{'name':'latency','kind':'latency','edge':0.25}"

/* What the cart's pods have served since they began. */
struct shop {
    int b_good, b_bad;   /* the canary's one pod; no series while 0 */
    int b_fast, b_all;   /* answers within 0.25 s, and all */
    int a_good, a_other; /* the stable release's two pods */
    bool b_is_gone;
};

#define REQUESTS                                                                                   \
    "hubble_http_requests_total{destination_namespace=\"dp-acme\",destination_workload="
#define BUCKET                                                                                     \
    "hubble_http_request_duration_seconds_bucket{destination_namespace=\"dp-acme\",destination_"   \
    "workload=\"cartservice-b-5f\",reporter=\"server\",method=\"GET\",le="
#define STABLE_BUCKET                                                                              \
    "hubble_http_request_duration_seconds_bucket{destination_namespace=\"dp-acme\",destination_"   \
    "workload=\"cartservice-a-5f\",reporter=\"server\",method=\"GET\",le="

static void show(struct scraper *scraper, const struct shop *shop)
{
    char canary[4096] = "", bad[512] = "";
    if (shop->b_bad > 0)
        (void)snprintf(bad, sizeof(bad),
                       REQUESTS "\"cartservice-b-5f\",destination_pod=\"b-1\",reporter=\"server\","
                                "status=\"503\"} %d\n",
                       shop->b_bad);
    if (!shop->b_is_gone)
        (void)snprintf(canary, sizeof(canary),
                       REQUESTS
                       "\"cartservice-b-5f\",destination_pod=\"b-1\",reporter=\"server\",status="
                       "\"200\"} %d\n" REQUESTS
                       "\"cartservice-b-5f\",destination_pod=\"b-1\",reporter=\"client\",status="
                       "\"500\"} %d\n%s" BUCKET "\"0.1\"} 0\n" BUCKET "\"0.25\"} %d\n" BUCKET
                       "\"+Inf\"} %d\n",
                       shop->b_good, 7 * shop->b_good, bad, shop->b_fast, shop->b_all);
    scraper_show(scraper,
                 "# TYPE hubble_http_requests_total counter\n%s" REQUESTS
                 "\"cartservice-a-5f\",destination_pod=\"a-1\",reporter=\"server\",status="
                 "\"200\"} %d\n" REQUESTS
                 "\"cartservice-a-5f\",destination_pod=\"a-2\",reporter=\"server\",status="
                 "\"200\"} %d\n" STABLE_BUCKET "\"0.25\"} %d\n" STABLE_BUCKET "\"+Inf\"} %d\n"
                 "orders_total{component=\"cartservice-b\"} NaN\n"
                 "orders_total{component=\"cartservice-a\"} %d\n"
                 "orders_failed_total{component=\"cartservice-a\"} 0\n"
                 "orders_failed_total{component=\"cartservice-b\"} 0\n",
                 canary, shop->a_good, shop->a_other, shop->a_other, shop->a_other, shop->a_good);
}

/* Turns the loop until the page was scraped so often again. */
static void wait_scrapes(struct desk *desk, const struct scraper *scraper, unsigned count)
{
    const unsigned wanted = scraper_count(scraper) + count;
    desk->deadline_ms = UINT64_MAX;
    for (const int64_t end = scraper_now() + 60000; scraper_count(scraper) < wanted;) {
        cr_assert_lt(scraper_now(), end, "Prometheus does not scrape");
        desk_turn(desk);
    }
}

static json_t *window_question(const char *purpose, const char *dialect, const char *metrics,
                               int64_t from, int64_t to)
{
    json_t *question = stage_question(purpose, "prometheus", dialect, metrics);
    json_object_set_new(question, "from_ms", json_integer(from));
    json_object_set_new(question, "to_ms", json_integer(to));
    return question;
}

/* What is scraped is not there at once: asks until the answer is `wanted`. */
static void expect_answer(struct desk *desk, json_t *question, const char *wanted)
{
    const char *text = "";
    for (const int64_t end = scraper_now() + 20000;
         strcmp(text, wanted) != 0 && scraper_now() < end;) {
        if (desk->count > DESK_LIMIT - 2) {
            for (size_t i = 0; i < desk->count; i++)
                json_decref(desk->results[i].answer);
            desk->count = 0;
        }
        const struct desk_result *result = desk_ask(desk, json_incref(question));
        text =
            result->answer == NULL ? result->error.detail : stage_text(json_incref(result->answer));
    }
    cr_expect_str_eq(text, wanted, "%s", text);
    json_decref(question);
}

static void open_desk(struct desk *desk, const struct scraper *scraper)
{
    char yaml[256];
    desk_make(desk);
    (void)snprintf(yaml, sizeof(yaml),
                   "{prometheus: {url: \"http://127.0.0.1:%u\", lookback: 10s, staleAfter: 1s}}",
                   scraper->port);
    desk_open(desk, yaml, NULL);
}

static void check_windows(struct desk *desk, struct scraper *scraper, struct shop *shop)
{
    const int64_t first = scraper_now();
    shop->b_good = 50;
    shop->b_bad = 2;
    shop->b_fast = 40;
    shop->b_all = 52;
    shop->a_good = 110;
    show(scraper, shop);
    wait_scrapes(desk, scraper, 2);
    shop->a_good = 3; /* the pod began anew */
    shop->a_other = 60;
    show(scraper, shop);
    wait_scrapes(desk, scraper, 2);
    const int64_t second = scraper_now();
    expect_answer(desk, window_question("window", "hubble", ERROR_RATE "," LATENCY, first, second),
                  "{'metrics':[{'canary':{'bad':2.0,'requests':42.0},'name':'error-rate','stable':{"
                  "'bad':0.0,'requests':23.0}},{'canary':{'bad':12.0,'requests':42.0},'name':"
                  "'latency','stable':{'bad':0.0,'requests':10.0}}]}");
    /* The next window begins where this one ended, and counts nothing of it. */
    shop->b_good = 60;
    shop->b_bad = 3;
    show(scraper, shop);
    wait_scrapes(desk, scraper, 2);
    const int64_t third = scraper_now();
    expect_answer(desk, window_question("window", "hubble", ERROR_RATE, second, third),
                  "{'metrics':[{'canary':{'bad':1.0,'requests':11.0},'name':'error-rate','stable':{"
                  "'bad':0.0,'requests':0.0}}]}");
}

static void check_gaps(struct desk *desk, struct scraper *scraper, struct shop *shop)
{
    int64_t from = scraper_now();
    wait_scrapes(desk, scraper, 2);
    expect_answer(desk,
                  window_question("window", "query",
                                  "{'name':'orders','kind':'ratio','numerator':'orders_failed_total"
                                  "{component=`${component}`}','denominator':'orders_total{"
                                  "component=`${component}`}'}",
                                  from, scraper_now()),
                  "{'metrics':[{'canary':null,'name':'orders','stable':{'bad':0.0,'requests':0.0}}]"
                  "}");
    json_t *question = window_question("window", "hubble", ERROR_RATE, from, scraper_now());
    json_object_set_new(json_object_get(question, "canary"), "workload", json_string("other"));
    expect_answer(desk, question,
                  "{'metrics':[{'canary':null,'name':'error-rate','stable':{'bad':0.0,'requests':"
                  "0.0}}]}");
    shop->b_is_gone = true;
    show(scraper, shop);
    wait_scrapes(desk, scraper, 2);
    from = scraper_now();
    wait_scrapes(desk, scraper, 2);
    expect_answer(desk, window_question("window", "hubble", ERROR_RATE, from, scraper_now()),
                  "{'metrics':[{'canary':null,'name':'error-rate','stable':{'bad':0.0,'requests':"
                  "0.0}}]}");
    const struct desk_result *result =
        desk_ask(desk, window_question("window", "query",
                                       "{'name':'orders','kind':'ratio','numerator':'sum(${window}'"
                                       ",'denominator':'sum(${window}'}",
                                       from, scraper_now()));
    cr_expect_null(result->answer);
    cr_expect_not_null(strstr(result->error.detail, "answered 400 (bad_data: "), "%s",
                       result->error.detail);
}

static void check_history(struct desk *desk, int64_t begin)
{
    json_t *question =
        window_question("history", "hubble", ERROR_RATE "," LATENCY, begin, scraper_now());
    const json_t *answer = NULL, *edges = NULL;
    for (const int64_t end = scraper_now() + 20000;
         json_array_size(edges) == 0 && scraper_now() < end;) {
        answer = desk_ask(desk, json_incref(question))->answer;
        edges = json_object_get(json_array_get(json_object_get(answer, "metrics"), 1), "edges");
    }
    json_decref(question);
    cr_assert_eq(json_array_size(edges), 2u);
    cr_expect_eq(json_number_value(json_object_get(json_array_get(edges, 0), "le")), 0.25);
    cr_expect(json_is_null(json_object_get(json_array_get(edges, 1), "le")));
    const json_t *replicas = json_object_get(answer, "replicas");
    double sum = 0;
    cr_assert_gt(json_array_size(replicas), 0u);
    for (size_t i = 0; i < json_array_size(replicas); i++) {
        const json_t *row = json_array_get(replicas, i);
        cr_expect_eq(json_array_size(row), 2u);
        sum += json_number_value(json_array_get(json_array_get(row, 0), 0));
    }
    cr_expect(isfinite(sum) && sum > 0, "%g", sum);
}

Test(scraped, counts, .timeout = 240)
{
    struct scraper scraper;
    struct desk desk;
    struct shop shop = {.b_good = 10, .b_fast = 10, .b_all = 10, .a_good = 100, .a_other = 50};
    if (!scraper_start(&scraper, NULL))
        cr_skip_test("no prometheus");
    show(&scraper, &shop);
    open_desk(&desk, &scraper);
    wait_scrapes(&desk, &scraper, 4);
    const int64_t begin = scraper_now();
    check_windows(&desk, &scraper, &shop);
    check_gaps(&desk, &scraper, &shop);
    check_history(&desk, begin);
    desk_close(&desk);
    scraper_stop(&scraper);
}

/* bcrypt of "open sesame" */
#define HASH "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"

Test(scraped, tls_and_password, .timeout = 240)
{
    struct scraper scraper;
    struct certificates certificates;
    struct desk desk;
    char config[512], yaml[512];
    certificates_make(&certificates);
    desk_make(&desk);
    (void)snprintf(config, sizeof(config),
                   "tls_server_config: {cert_file: %s, key_file: %s}\n"
                   "basic_auth_users: {judge: %s}\n",
                   desk_file(&desk, "cert.pem", certificates.good.certificate),
                   desk_file(&desk, "key.pem", certificates.good.key), HASH);
    if (!scraper_start(&scraper, config))
        cr_skip_test("no prometheus");
    const struct shop shop = {.a_good = 5};
    show(&scraper, &shop);
    (void)snprintf(yaml, sizeof(yaml),
                   "{prometheus: {url: \"https://127.0.0.1:%u\", lookback: 10s, staleAfter: 1s, "
                   "auth: basic, user: judge, secret: {file: %s}, caFile: %s}}",
                   scraper.port, desk_file(&desk, "password", "open sesame"),
                   desk_file(&desk, "ca.pem", certificates.authority));
    desk_open(&desk, yaml, NULL);
    wait_scrapes(&desk, &scraper, 3);
    const int64_t from = scraper_now();
    wait_scrapes(&desk, &scraper, 2);
    expect_answer(&desk, window_question("window", "hubble", ERROR_RATE, from, scraper_now()),
                  "{'metrics':[{'canary':{'bad':0.0,'requests':0.0},'name':'error-rate','stable':{"
                  "'bad':0.0,'requests':0.0}}]}");
    (void)desk_file(&desk, "password", "open barley");
    const struct desk_result *result =
        desk_ask(&desk, window_question("window", "hubble", ERROR_RATE, from, scraper_now()));
    cr_expect_eq(result->error.kind, ERROR_DENIED, "%s", result->error.detail);
    desk_close(&desk);
    scraper_stop(&scraper);
    certificates_free(&certificates);
}
