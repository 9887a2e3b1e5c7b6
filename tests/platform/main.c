/* choreo-standin: the stand-in control plane as a program. */
#include "config/base/json.h"
#include "tests/platform/server.h"
#include "tests/platform/traffic/traffic.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: choreo-standin [option]...\n"
    "  --listen ADDRESS:PORT   where to listen (127.0.0.1:0; port 0 = any free one)\n"
    "  --request-log FILE      append a JSON line for every request\n"
    "  --seed N                seed of delays and identifiers (1)\n"
    "  --speed N               controllers run N times faster (1)\n"
    "  --token TOKEN           accept this bearer token (turns security on)\n"
    "  --security              check bearer tokens\n"
    "  --authorization         check rights as well\n"
    "  --webhooks              run the admission webhooks\n"
    "  --secrets               the secrets API answers instead of 501\n"
    "  --conflicts PERCENT     of PUTs that lose a race (0)\n"
    "  --bare                  nothing is installed: no project type, no data planes\n"
    "  --faults FILE           JSON array of faults, as POST /standin/faults takes them\n"
    "  --traffic ADDRESS:PORT  serve the data plane: a gateway that follows the live routes, with "
    "a\n"
    "                          server for each ready pod. Tags of images say how these behave:\n"
    "                          `1.4.0-errors5` fails 5 % of its requests, `-slow200` takes 200 ms\n"
    "                          more, `-tail2x500` takes 500 ms more for 2 % of them\n"
    "  --metrics ADDRESS:PORT  with --traffic: GET /metrics as Hubble, GET /traffic counts as "
    "JSON\n"
    "                          (127.0.0.1:0)\n"
    "  --traffic-log FILE      append a JSON line for changes of weights and pods, failed "
    "requests\n"
    "The first line on standard output is \"listening on URL\"; with --traffic, \"gateway on URL\" "
    "and\n"
    "\"metrics on URL\" follow.\n";

struct settings {
    struct platform_server_options server;
    struct traffic_options traffic;
    char address[64], gateway[64], metrics[64];
    const char *faults;
    bool serve;
};

static bool read_listen(const char *text, char ret_address[static 64], uint16_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    const unsigned long port = colon == NULL ? 65536 : strtoul(colon + 1, &end, 10);
    if (colon == NULL || *end != '\0' || port > 65535 || colon - text >= 64)
        return false;
    memcpy(ret_address, text, (size_t)(colon - text));
    ret_address[colon - text] = '\0';
    *ret_port = (uint16_t)port;
    return true;
}

enum option_name {
    OPTION_LISTEN = 1,
    OPTION_LOG,
    OPTION_SEED,
    OPTION_SPEED,
    OPTION_TOKEN,
    OPTION_SECURITY,
    OPTION_AUTHORIZATION,
    OPTION_WEBHOOKS,
    OPTION_SECRETS,
    OPTION_CONFLICTS,
    OPTION_BARE,
    OPTION_FAULTS,
    OPTION_TRAFFIC,
    OPTION_METRICS,
    OPTION_TRAFFIC_LOG,
};

static const struct option options[] = {
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"request-log", required_argument, NULL, OPTION_LOG},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"speed", required_argument, NULL, OPTION_SPEED},
    {"token", required_argument, NULL, OPTION_TOKEN},
    {"security", no_argument, NULL, OPTION_SECURITY},
    {"authorization", no_argument, NULL, OPTION_AUTHORIZATION},
    {"webhooks", no_argument, NULL, OPTION_WEBHOOKS},
    {"secrets", no_argument, NULL, OPTION_SECRETS},
    {"conflicts", required_argument, NULL, OPTION_CONFLICTS},
    {"bare", no_argument, NULL, OPTION_BARE},
    {"faults", required_argument, NULL, OPTION_FAULTS},
    {"traffic", required_argument, NULL, OPTION_TRAFFIC},
    {"metrics", required_argument, NULL, OPTION_METRICS},
    {"traffic-log", required_argument, NULL, OPTION_TRAFFIC_LOG},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* What the model can do. */
static void read_switch(enum option_name option, struct platform_options *model)
{
    if (option == OPTION_TOKEN)
        model->static_token = optarg;
    model->security = model->security || option == OPTION_TOKEN || option == OPTION_SECURITY ||
                      option == OPTION_AUTHORIZATION;
    model->authorization = model->authorization || option == OPTION_AUTHORIZATION;
    model->admission_webhooks = model->admission_webhooks || option == OPTION_WEBHOOKS;
    model->secret_management = model->secret_management || option == OPTION_SECRETS;
    model->bare = model->bare || option == OPTION_BARE;
    if (option == OPTION_SEED)
        model->seed = strtoull(optarg, NULL, 10);
    if (option == OPTION_CONFLICTS)
        model->conflict_percent = (unsigned)strtoul(optarg, NULL, 10);
}

/* False when it is no address and port. */
static bool read_value(enum option_name option, struct settings *s)
{
    if (option == OPTION_LISTEN)
        return read_listen(optarg, s->address, &s->server.port);
    if (option == OPTION_METRICS)
        return read_listen(optarg, s->metrics, &s->traffic.metrics_port);
    if (option == OPTION_TRAFFIC) {
        s->serve = true;
        return read_listen(optarg, s->gateway, &s->traffic.gateway_port);
    }
    if (option == OPTION_LOG)
        s->server.request_log = optarg;
    else if (option == OPTION_SPEED)
        s->server.speed = strtod(optarg, NULL);
    else if (option == OPTION_FAULTS)
        s->faults = optarg;
    else if (option == OPTION_TRAFFIC_LOG)
        s->traffic.log = optarg;
    else
        read_switch(option, &s->server.model);
    return true;
}

/* Returns 0, or an exit status; negative = help was asked for. */
static int read_arguments(int argc, char **argv, struct settings *s)
{
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h' || option == '?') {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? -1 : 2;
        }
        if (!read_value((enum option_name)option, s)) {
            fprintf(stderr, "choreo-standin: ADDRESS:PORT is wanted, not %s\n", optarg);
            return 2;
        }
    }
    s->server.address = s->address;
    s->traffic.gateway_address = s->gateway;
    s->traffic.metrics_address = s->metrics;
    s->traffic.seed = s->server.model.seed;
    return 0;
}

static bool add_faults(struct platform_server *server, const char *file)
{
    json_error_t problem;
    json_t *list = json_load_file(file, 0, &problem), *row;
    if (!json_is_array(list)) {
        fprintf(stderr, "choreo-standin: %s:%d: %s\n", file, problem.line, problem.text);
        json_decref(list);
        return false;
    }
    int64_t now_ms;
    size_t i;
    bool sound = true;
    struct platform *model = platform_server_lock(server, &now_ms);
    json_array_foreach(list, i, row)
    {
        const int kind = platform_fault_from_name(json_text_or(json_object_get(row, "kind"), ""));
        sound = sound && kind >= 0;
        if (kind < 0)
            continue;
        platform_fault_add(model,
                           &(struct platform_fault){
                               .kind = (enum platform_fault_kind)kind,
                               .method = json_text_or(json_object_get(row, "method"), NULL),
                               .path = json_text_or(json_object_get(row, "path"), NULL),
                               .nth = (unsigned)json_integer_value(json_object_get(row, "nth")),
                               .count = (unsigned)json_integer_value(json_object_get(row, "count")),
                               .parameter = json_integer_value(json_object_get(row, "parameter"))});
    }
    platform_server_unlock(server);
    json_decref(list);
    if (!sound)
        fprintf(stderr, "choreo-standin: %s: a fault of an unknown kind\n", file);
    return sound;
}

/* The first line on standard output, and those of the data plane. */
static void say_where(const struct settings *s, const struct platform_server *server,
                      const struct traffic *traffic)
{
    printf("listening on %s\n", platform_server_url(server));
    if (traffic != NULL)
        printf("gateway on http://%s:%u\nmetrics on http://%s:%u\n", s->gateway,
               (unsigned)traffic_gateway_port_of(traffic), s->metrics,
               (unsigned)traffic_metrics_port_of(traffic));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct settings s = {.server = {.speed = 1}, .address = "127.0.0.1", .metrics = "127.0.0.1"};
    platform_options_default(&s.server.model);
    const int status = read_arguments(argc, argv, &s);
    if (status != 0)
        return status < 0 ? 0 : status;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    char error[256] = "";
    struct platform_server *server = platform_server_start(&s.server, error);
    struct traffic *traffic = NULL;
    if (server != NULL && s.serve)
        traffic = traffic_start(server, &s.traffic, error);
    if (error[0] != '\0') {
        fprintf(stderr, "choreo-standin: %s\n", error);
        platform_server_stop(server);
        return 1;
    }
    if (s.faults != NULL && !add_faults(server, s.faults)) {
        traffic_stop(traffic);
        platform_server_stop(server);
        return 1;
    }
    say_where(&s, server, traffic);
    int came;
    while (sigwait(&set, &came) != 0)
        continue;
    traffic_stop(traffic);
    platform_server_stop(server);
    return 0;
}
