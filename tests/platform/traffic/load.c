/* choreo-load: asks one address at a constant rate, whatever the answers, and counts them by status
 * and by the workload that answered. What was due while the machine was busy is asked at once. */
#include "config/base/check.h"
#include "tests/platform/traffic/upstream.h"

#include <jansson.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 5
#define PENDING_LIMIT 2000

static const char usage[] = "usage: choreo-load --url http://ADDRESS:PORT/PATH [option]...\n"
                            "  --host NAME        Host header (ADDRESS:PORT)\n"
                            "  --header TEXT      one more header line, \"Name: value\"\n"
                            "  --rate N           requests a second (100)\n"
                            "  --seconds N        how long (0 = until SIGTERM or SIGINT)\n"
                            "  --report FILE      JSON of the counts, replaced every second\n"
                            "At the end the counts stand on standard output. The exit status is 0 "
                            "when no request failed: an\n"
                            "answer of 500 and above, or none, is a failure.\n";

struct load {
    uv_loop_t loop;
    uv_timer_t tick, writing;
    uv_signal_t signals[2];
    struct traffic_upstream *upstream;
    struct sockaddr_in address;
    char request[4096], path[1024];
    const char *host, *report;
    char headers[2048];
    double rate, seconds;
    uint64_t begun, sent, answered, failed;
    size_t pending;
    json_t *statuses, *workloads;
    bool ending;
};

static void add_one(json_t *counts, const char *name)
{
    const json_int_t before = json_integer_value(json_object_get(counts, name));
    CHECK(json_object_set_new(counts, name, json_integer(before + 1)) == 0);
}

static json_t *show(struct load *l)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:f,s:O,s:O}", "sent", (json_int_t)l->sent, "answered",
                     (json_int_t)l->answered, "failed", (json_int_t)l->failed, "pending",
                     (json_int_t)l->pending, "seconds", (double)(uv_hrtime() - l->begun) / 1e9,
                     "statuses", l->statuses, "workloads", l->workloads);
}

static void end_if_done(struct load *l)
{
    if (!l->ending || l->pending > 0 || l->upstream == NULL)
        return;
    traffic_upstream_close(l->upstream, NULL, NULL);
    l->upstream = NULL;
}

static void count_workload(struct load *l, const struct traffic_message *message, bool failed)
{
    const struct traffic_slice slice = traffic_message_header(message, "x-workload");
    char name[300];
    snprintf(name, sizeof(name), "%.*s", slice.length < 299 ? (int)slice.length : 299,
             slice.at == NULL ? "" : slice.at);
    json_t *row = json_object_get(l->workloads, name[0] == '\0' ? "gateway" : name);
    if (row == NULL) {
        row = json_object();
        CHECK(json_object_set_new(l->workloads, name[0] == '\0' ? "gateway" : name, row) == 0);
    }
    add_one(row, "requests");
    if (failed)
        add_one(row, "failed");
}

static void on_answered(void *closure, int status, const struct traffic_message *message,
                        const char *bytes, size_t length)
{
    (void)bytes;
    (void)length;
    struct load *l = closure;
    char name[16] = "none";
    if (status > 0)
        snprintf(name, sizeof(name), "%d", status);
    add_one(l->statuses, name);
    const bool failed = status < 0 || status >= 500;
    l->answered += status > 0;
    l->failed += failed;
    if (status > 0)
        count_workload(l, message, failed);
    l->pending--;
    end_if_done(l);
}

static void end(struct load *l)
{
    if (l->ending)
        return;
    l->ending = true;
    uv_close((uv_handle_t *)&l->tick, NULL);
    uv_close((uv_handle_t *)&l->writing, NULL);
    uv_close((uv_handle_t *)&l->signals[0], NULL);
    uv_close((uv_handle_t *)&l->signals[1], NULL);
    end_if_done(l);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    end(handle->data);
}

static void on_tick(uv_timer_t *timer)
{
    struct load *l = timer->data;
    const double passed = (double)(uv_hrtime() - l->begun) / 1e9;
    const bool over = l->seconds > 0 && passed >= l->seconds;
    const double until = over ? l->seconds : passed;
    while ((double)l->sent < until * l->rate && l->pending < PENDING_LIMIT) {
        l->sent++;
        l->pending++;
        traffic_upstream_send(l->upstream, l->request, strlen(l->request), on_answered, l);
    }
    if (over)
        end(l);
}

static void write_report(struct load *l)
{
    char fresh[4096];
    if (l->report == NULL ||
        snprintf(fresh, sizeof(fresh), "%s.new", l->report) >= (int)sizeof(fresh))
        return;
    json_t *shown = show(l);
    if (json_dump_file(shown, fresh, JSON_COMPACT) != 0 || rename(fresh, l->report) != 0)
        fprintf(stderr, "choreo-load: cannot write %s: %s\n", l->report, strerror(errno));
    json_decref(shown);
}

static void on_report(uv_timer_t *timer)
{
    write_report(timer->data);
}

static bool read_url(struct load *l, const char *url, char ret_authority[static 128])
{
    static const char scheme[] = "http://";
    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
        return false;
    const char *authority = url + sizeof(scheme) - 1, *path = strchrnul(authority, '/');
    snprintf(ret_authority, 128, "%.*s", (int)(path - authority), authority);
    snprintf(l->path, sizeof(l->path), "%s", *path == '\0' ? "/" : path);
    char address[128];
    snprintf(address, sizeof(address), "%s", ret_authority);
    char *colon = strchr(address, ':');
    if (colon == NULL)
        return false;
    *colon = '\0';
    return uv_ip4_addr(address, (int)strtol(colon + 1, NULL, 10), &l->address) == 0;
}

/* Returns 0, or an exit status; negative = help was asked for. */
static int read_arguments(int argc, char **argv, struct load *l, char ret_authority[static 128])
{
    static const struct option options[] = {
        {"url", required_argument, NULL, 'u'},     {"host", required_argument, NULL, 'H'},
        {"header", required_argument, NULL, 'e'},  {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'}, {"report", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    bool sound = false;
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        const size_t used = strlen(l->headers);
        if (option == 'u')
            sound = read_url(l, optarg, ret_authority);
        else if (option == 'H')
            l->host = optarg;
        else if (option == 'e')
            snprintf(l->headers + used, sizeof(l->headers) - used, "%s\r\n", optarg);
        else if (option == 'r')
            l->rate = strtod(optarg, NULL);
        else if (option == 's')
            l->seconds = strtod(optarg, NULL);
        else if (option == 'f')
            l->report = optarg;
        else
            sound = false;
        if (option == 'h' || option == '?')
            break;
    }
    if (sound)
        return 0;
    fputs(usage, option == 'h' ? stdout : stderr);
    return option == 'h' ? -1 : 2;
}

static void start(struct load *l)
{
    CHECK(uv_loop_init(&l->loop) == 0);
    l->upstream = traffic_upstream_new(&l->loop, &l->address);
    l->tick.data = l->writing.data = l->signals[0].data = l->signals[1].data = l;
    CHECK(uv_timer_init(&l->loop, &l->tick) == 0);
    CHECK(uv_timer_init(&l->loop, &l->writing) == 0);
    CHECK(uv_signal_init(&l->loop, &l->signals[0]) == 0);
    CHECK(uv_signal_init(&l->loop, &l->signals[1]) == 0);
    CHECK(uv_signal_start(&l->signals[0], on_signal, SIGTERM) == 0);
    CHECK(uv_signal_start(&l->signals[1], on_signal, SIGINT) == 0);
    CHECK(uv_timer_start(&l->tick, on_tick, 0, TICK_MS) == 0);
    CHECK(uv_timer_start(&l->writing, on_report, 1000, 1000) == 0);
    l->begun = uv_hrtime();
}

int main(int argc, char **argv)
{
    static struct load l = {.rate = 100};
    char authority[128];
    const int status = read_arguments(argc, argv, &l, authority);
    if (status != 0)
        return status < 0 ? 0 : status;
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    snprintf(l.request, sizeof(l.request), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", l.path,
             l.host == NULL ? authority : l.host, l.headers);
    l.statuses = json_object();
    l.workloads = json_object();
    start(&l);
    CHECK(uv_run(&l.loop, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(&l.loop) == 0);
    write_report(&l);
    json_t *shown = show(&l);
    json_dumpf(shown, stdout, JSON_COMPACT | JSON_REAL_PRECISION(4));
    putchar('\n');
    json_decref(shown);
    json_decref(l.statuses);
    json_decref(l.workloads);
    return l.failed == 0 && l.answered > 0 ? 0 : 1;
}
