/* How long a complete list takes by the client (pages by cursor, parsed, items once each) against
 * `curl --parallel` of the same pages (known beforehand, thrown away), from one server in this
 * process.
 *
 * bench_pages [ANSWER_MS [COLLECTIONS [PAGES [ROUNDS]]]]; 100 items of about 1.5 kB a page.
 * ANSWER_MS is how long the server takes for a page: 44 by default, as a control plane was seen to
 * need; 0 shows what reading JSON costs. The goal is a ratio of at most 1.2. */
#include "config/base/check.h"
#include "config/base/text.h"
#include "daemon/celld/json_heap.h"
#include "daemon/http/listing.h"

#include <microhttpd.h>

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ITEMS_PER_PAGE 100
#define ROUNDS_LIMIT 100
#define COLLECTIONS_LIMIT 32

struct bench {
    unsigned answer_ms, collections, pages, rounds;
    struct text *rendered; /* one per page */
    struct MHD_Daemon *daemon;
    unsigned port;
    uv_loop_t loop;
    struct client *client;
    unsigned running;
    size_t items;
};

static double seconds_now(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* About what a binding looks like. */
static void render_item(struct text *text, unsigned number)
{
    text_format(
        text,
        "{\"apiVersion\":\"openchoreo.dev/v1alpha1\",\"kind\":\"ReleaseBinding\","
        "\"metadata\":{\"name\":\"component-%u-production\",\"namespace\":\"acme\","
        "\"uid\":\"00000000-0000-4000-8000-%012u\",\"labels\":{\"openchoreo.dev/project\":"
        "\"cell-%u\",\"openchoreo.dev/component\":\"component-%u\"},\"creationTimestamp\":"
        "\"2026-11-22T20:50:59Z\"},\"spec\":{\"owner\":{\"projectName\":\"cell-%u\","
        "\"componentName\":\"component-%u\"},\"environment\":\"production\",\"releaseName\":"
        "\"component-%u-0123456789ab\"},\"status\":{\"conditions\":[",
        number, number, number / 8, number, number / 8, number, number);
    for (unsigned i = 0; i < 5; i++)
        text_format(text,
                    "%s{\"type\":\"Condition%u\",\"status\":\"True\",\"reason\":\"Reconciled\","
                    "\"message\":\"everything that was asked for is as it should be\","
                    "\"observedGeneration\":3,\"lastTransitionTime\":\"2026-11-22T20:50:59Z\"}",
                    i == 0 ? "" : ",", i);
    text_add(text, "],\"endpoints\":[{\"name\":\"http\",\"type\":\"HTTP\",\"url\":"
                   "\"https://acme.example/component/http\"}]}}");
}

static void render_pages(struct bench *bench)
{
    bench->rendered = calloc(bench->pages, sizeof(*bench->rendered));
    CHECK(bench->rendered != NULL);
    for (unsigned page = 0; page < bench->pages; page++) {
        struct text *text = &bench->rendered[page];
        text_init(text, CLIENT_LIST_CAP);
        text_add(text, "{\"items\":[");
        for (unsigned i = 0; i < ITEMS_PER_PAGE; i++) {
            text_add(text, i == 0 ? "" : ",");
            render_item(text, page * ITEMS_PER_PAGE + i);
        }
        text_add(text, "],\"pagination\":{");
        if (page + 1 < bench->pages)
            text_format(text, "\"nextCursor\":\"%u\"", page + 1);
        text_add(text, "}}");
        CHECK(text_status(text) == 0);
    }
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **slot)
{
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    *upload_size = 0; /* nothing is sent to us */
    (void)slot;
    const struct bench *bench = context;
    const char *cursor = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "cursor");
    const unsigned long page = cursor == NULL ? 0 : strtoul(cursor, NULL, 10);
    CHECK(page < bench->pages);
    const struct timespec pause = {.tv_nsec = (long)bench->answer_ms * 1000000};
    (void)nanosleep(&pause, NULL);
    const struct text *text = &bench->rendered[page];
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text->length, text->bytes, MHD_RESPMEM_PERSISTENT);
    (void)MHD_add_response_header(response, "Content-Type", "application/json");
    const enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static void start_server(struct bench *bench)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    bench->daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL,
                         NULL, on_request, bench, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    CHECK(bench->daemon != NULL);
    bench->port = MHD_get_daemon_info(bench->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static void on_progress(void *context, uint64_t id, const struct listing_event *event)
{
    struct bench *bench = context;
    (void)id;
    switch (event->kind) {
    case LISTING_ITEMS:
        bench->items += json_array_size(event->items);
        break;
    case LISTING_RESTART:
    case LISTING_INCOMPLETE:
        (void)fprintf(stderr, "bench_pages: %s\n", event->error.detail);
        exit(EXIT_FAILURE);
    case LISTING_COMPLETE:
        if (--bench->running == 0)
            uv_stop(&bench->loop);
        break;
    }
}

static double measure_client(struct bench *bench)
{
    const double start = seconds_now();
    bench->items = 0;
    bench->running = bench->collections;
    for (unsigned i = 0; i < bench->collections; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "/api/v1/namespaces/acme/kind%u", i);
        const struct listing_request request = {.id = i + 1, .path = path};
        CHECK(listing_start(bench->client, &request, on_progress, bench, NULL) == 0);
    }
    (void)uv_run(&bench->loop, UV_RUN_DEFAULT);
    CHECK(bench->items == (size_t)bench->collections * bench->pages * ITEMS_PER_PAGE);
    return seconds_now() - start;
}

static void write_config(const struct bench *bench, const char *path)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    for (unsigned i = 0; i < bench->collections; i++) {
        for (unsigned page = 0; page < bench->pages; page++)
            (void)fprintf(file,
                          "url = \"http://127.0.0.1:%u/api/v1/namespaces/acme/kind%u?limit=100"
                          "&cursor=%u\"\noutput = \"/dev/null\"\n",
                          bench->port, i, page);
    }
    CHECK(fclose(file) == 0);
}

static double measure_curl(char *config)
{
    char *arguments[] = {(char[]){"curl"},
                         (char[]){"-q"},
                         (char[]){"--silent"},
                         (char[]){"--no-progress-meter"},
                         (char[]){"--fail"},
                         (char[]){"--parallel"},
                         (char[]){"--parallel-max"},
                         (char[]){"6"},
                         (char[]){"--http1.1"},
                         (char[]){"--config"},
                         config,
                         NULL};
    pid_t child = 0;
    int status = 0;
    const double start = seconds_now();
    CHECK(posix_spawnp(&child, "curl", NULL, NULL, arguments, environ) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    const double took = seconds_now() - start;
    if (status != 0) {
        (void)fprintf(stderr, "bench_pages: curl failed with status %d\n", status);
        exit(EXIT_FAILURE);
    }
    return took;
}

static int compare_doubles(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;
    return (*left > *right) - (*left < *right);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

static void run_rounds(struct bench *bench)
{
    static double by_client[ROUNDS_LIMIT], by_curl[ROUNDS_LIMIT];
    char config[] = "/tmp/celld-bench-pages-XXXXXX";
    const int fd = mkstemp(config);
    CHECK(fd >= 0);
    (void)close(fd);
    write_config(bench, config);
    (void)measure_client(bench);
    (void)measure_curl(config);
    for (unsigned i = 0; i < bench->rounds; i++) {
        by_client[i] = measure_client(bench);
        by_curl[i] = measure_curl(config);
    }
    (void)unlink(config);
    const double client = median(by_client, bench->rounds);
    const double curl = median(by_curl, bench->rounds);
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    (void)printf("%u collections of %u pages, %zu kB and %u ms each; median of %u rounds\n",
                 bench->collections, bench->pages, bench->rendered[0].length / 1024,
                 bench->answer_ms, bench->rounds);
    (void)printf("client           %8.1f ms\n", client * 1e3);
    (void)printf("curl --parallel  %8.1f ms\n", curl * 1e3);
    (void)printf("ratio            %8.2f\n", client / curl);
    (void)printf("resident at most %8ld kB (with the server and its pages)\n", usage.ru_maxrss);
}

static unsigned argument(int count, char **arguments, int index, unsigned otherwise, unsigned least,
                         unsigned most)
{
    if (index >= count)
        return otherwise;
    const unsigned long number = strtoul(arguments[index], NULL, 10);
    if (number >= least && number <= most)
        return (unsigned)number;
    (void)fprintf(stderr, "bench_pages: %s is not a number from %u to %u\n", arguments[index],
                  least, most);
    exit(EXIT_FAILURE);
}

static void on_closed(void *context)
{
    (void)context;
}

int main(int count, char **arguments)
{
    struct bench bench = {.answer_ms = argument(count, arguments, 1, 44, 0, 999),
                          .collections = argument(count, arguments, 2, 7, 1, COLLECTIONS_LIMIT),
                          .pages = argument(count, arguments, 3, 40, 1, 900),
                          .rounds = argument(count, arguments, 4, 5, 1, ROUNDS_LIMIT)};
    /* As celld does. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)mallopt(M_ARENA_MAX, 1);
    json_heap_start();
    render_pages(&bench);
    start_server(&bench);
    CHECK(uv_loop_init(&bench.loop) == 0);
    char address[64];
    (void)snprintf(address, sizeof(address), "http://127.0.0.1:%u", bench.port);
    struct error err;
    if (client_new(&bench.loop,
                   &(struct client_options){.base_url = address, .requests_per_second = -1},
                   &bench.client, &err) < 0) {
        (void)fprintf(stderr, "bench_pages: %s\n", err.detail);
        return EXIT_FAILURE;
    }
    run_rounds(&bench);
    client_close(bench.client, on_closed, NULL);
    (void)uv_run(&bench.loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&bench.loop) == 0);
    MHD_stop_daemon(bench.daemon);
    for (unsigned i = 0; i < bench.pages; i++)
        text_fini(&bench.rendered[i]);
    free(bench.rendered);
    return EXIT_SUCCESS;
}
