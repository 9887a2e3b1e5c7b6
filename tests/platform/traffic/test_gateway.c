/* Gateway and pods on one loop, asked over sockets while tables change. */
#include "tests/platform/traffic/gateway.h"
#include "tests/platform/traffic/hubble.h"
#include "tests/platform/traffic/upstream.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

struct scene {
    uv_loop_t loop;
    uv_timer_t timer;
    struct traffic_counts *counts;
    struct traffic_gateway *gateway;
    struct traffic_upstream *client;
    char request[256];
    int statuses[600];
    int a, b;          /* answers of the slots' pods */
    int left, pending; /* requests to send, and under way */
    int step;
    void (*tick)(struct scene *scene);
};

/* Slot a with two pods, slot b with one of another image; either can be absent. */
static struct traffic_table *make_table(int weight_a, int weight_b, bool a, bool b,
                                        const char *tag_b)
{
    json_t *pods = json_array();
    if (a)
        for (int i = 0; i < 2; i++)
            json_array_append_new(pods,
                                  json_pack("{s:s,s:s+,s:s+,s:s,s:s,s:b,s:{s:s}}", "namespace",
                                            "dp", "name", "a-", i == 0 ? "0" : "1", "uid", "uid-a-",
                                            i == 0 ? "0" : "1", "workload", "slot-a", "image",
                                            "cart:1", "ready", 1, "labels", "slot", "a"));
    if (b)
        json_array_append_new(pods, json_pack("{s:s,s:s,s:s,s:s,s:s+,s:b,s:{s:s}}", "namespace",
                                              "dp", "name", "b-0", "uid", "uid-b", "workload",
                                              "slot-b", "image", "cart:", tag_b, "ready", 1,
                                              "labels", "slot", "b"));
    json_t *serving = json_pack(
        "{s:[{s:{s:s,s:s},s:{s:[{s:[{s:s,s:i},{s:s,s:i}]}]}}],s:[{s:s,s:s,s:{s:s}},{s:s,s:s,s:{s:s"
        "}}],s:o,s:[]}",
        "routes", "metadata", "namespace", "dp", "name", "cart", "spec", "rules", "backendRefs",
        "name", "cart-a", "weight", weight_a, "name", "cart-b", "weight", weight_b, "services",
        "namespace", "dp", "name", "cart-a", "selector", "slot", "a", "namespace", "dp", "name",
        "cart-b", "selector", "slot", "b", "pods", pods, "workloads");
    cr_assert_not_null(serving);
    return traffic_table_new(serving);
}

static void end(struct scene *s)
{
    traffic_upstream_close(s->client, NULL, NULL);
    traffic_gateway_close(s->gateway);
    uv_close((uv_handle_t *)&s->timer, NULL);
}

static void on_answered(void *closure, int status, const struct traffic_message *message,
                        const char *bytes, size_t length)
{
    struct scene *s = closure;
    cr_assert(status > 0, "no answer: %s", uv_strerror(status));
    cr_assert(status < 600);
    cr_assert_eq(length, message->head_length + message->body_length);
    s->statuses[status]++;
    const struct traffic_slice workload = traffic_message_header(message, "x-workload");
    s->a += workload.at != NULL && traffic_slice_is(workload, "slot-a");
    s->b += workload.at != NULL && traffic_slice_is(workload, "slot-b");
    cr_assert_not_null(bytes);
    if (--s->pending == 0 && s->left == 0)
        end(s);
}

static void on_time(uv_timer_t *timer)
{
    struct scene *s = timer->data;
    for (int i = 0; i < 20 && s->left > 0; i++) {
        s->left--;
        s->pending++;
        traffic_upstream_send(s->client, s->request, strlen(s->request), on_answered, s);
    }
    if (s->left > 0 && s->tick != NULL)
        s->tick(s);
}

static void begin(struct scene *s, int requests)
{
    int status;
    cr_assert_eq(uv_loop_init(&s->loop), 0);
    s->counts = traffic_counts_new();
    s->gateway = traffic_gateway_new(&s->loop, "127.0.0.1", 0, 42, s->counts, NULL, &status);
    cr_assert_not_null(s->gateway);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(traffic_gateway_port(s->gateway)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    s->client = traffic_upstream_new(&s->loop, &address);
    snprintf(s->request, sizeof(s->request), "GET /cart HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    s->left = requests;
    s->timer.data = s;
    cr_assert_eq(uv_timer_init(&s->loop, &s->timer), 0);
    cr_assert_eq(uv_timer_start(&s->timer, on_time, 0, 3), 0);
}

static void run(struct scene *s)
{
    cr_assert_eq(uv_run(&s->loop, UV_RUN_DEFAULT), 0);
    cr_assert_eq(uv_loop_close(&s->loop), 0, "handles are left");
}

/* Round and round: a alone, both, b alone with a gone, both again. */
static void turn(struct scene *s)
{
    static const struct {
        int a, b;
        bool has_a, has_b;
    } steps[] = {{100, 0, true, false}, {100, 0, true, true},  {50, 50, true, true},
                 {0, 100, true, true},  {0, 100, false, true}, {0, 100, true, true},
                 {100, 0, true, true}};
    const size_t i = (size_t)++s->step % (sizeof(steps) / sizeof(*steps));
    traffic_gateway_adopt(s->gateway,
                          make_table(steps[i].a, steps[i].b, steps[i].has_a, steps[i].has_b, "2"),
                          s->step);
}

Test(gateway, a_flip_loses_no_request, .timeout = 60)
{
    static struct scene s;
    begin(&s, 6000);
    s.tick = turn;
    traffic_gateway_adopt(s.gateway, make_table(100, 0, true, false, "2"), 0);
    run(&s);
    cr_assert_eq(s.statuses[200], 6000, "%d answered well", s.statuses[200]);
    cr_assert_eq(s.a + s.b, 6000);
    cr_assert(s.a > 1000 && s.b > 1000, "a %d b %d", s.a, s.b);
    json_t *shown = traffic_counts_show(s.counts);
    cr_assert_eq(json_integer_value(json_object_get(shown, "requests")), 6000);
    cr_assert_eq(json_integer_value(json_object_get(shown, "failed")), 0);
    json_decref(shown);
    traffic_counts_free(s.counts);
}

Test(gateway, a_missing_backend_fails_its_share, .timeout = 60)
{
    static struct scene s;
    begin(&s, 4000);
    /* the Service of slot b stands, but no pod is ready */
    traffic_gateway_adopt(s.gateway, make_table(75, 25, true, false, "2"), 0);
    run(&s);
    cr_assert_eq(s.statuses[200] + s.statuses[503], 4000);
    cr_assert(s.statuses[503] > 850 && s.statuses[503] < 1150, "%d", s.statuses[503]);
    traffic_counts_free(s.counts);
}

Test(gateway, errors_follow_the_tag_and_are_counted_per_pod, .timeout = 60)
{
    static struct scene s;
    begin(&s, 4000);
    traffic_gateway_adopt(s.gateway, make_table(50, 50, true, true, "2-errors20"), 0);
    run(&s);
    cr_assert_eq(s.statuses[200] + s.statuses[500], 4000);
    const double expected = s.b * 0.2;
    cr_assert(s.statuses[500] > expected * 0.7 && s.statuses[500] < expected * 1.3, "%d of %d",
              s.statuses[500], s.b);
    int pods = 0;
    uint64_t requests = 0, failed = 0;
    for (const struct traffic_pod_count *pod = traffic_counts_first_pod(s.counts); pod != NULL;
         pod = pod->next) {
        uint64_t slower = 0, in_buckets = 0;
        for (int i = 0; i < TRAFFIC_KIND_COUNT; i++) {
            requests += pod->kinds[i].requests;
            failed += pod->kinds[i].status == 500 ? pod->kinds[i].requests : 0;
            slower += pod->durations[i].count;
            for (int k = 0; k <= TRAFFIC_EDGE_COUNT; k++)
                in_buckets += pod->durations[i].buckets[k];
        }
        cr_assert(slower > 500);
        cr_assert_eq(slower, in_buckets);
        pods++;
    }
    cr_assert_eq(pods, 3);
    cr_assert_eq(requests, 4000);
    cr_assert_eq((int)failed, s.statuses[500]);
    size_t length;
    char *text = hubble_text(s.counts, &length);
    cr_assert_eq(strlen(text), length);
    cr_assert_not_null(strstr(text, "destination_pod=\"b-0\",traffic_direction=\"ingress\","
                                    "protocol=\"HTTP/1.1\",status=\"500\"} "));
    cr_assert_not_null(strstr(text, "# TYPE hubble_http_request_duration_seconds histogram\n"));
    cr_assert_not_null(strstr(text, "le=\"+Inf\"} "));
    free(text);
    traffic_counts_free(s.counts);
}
