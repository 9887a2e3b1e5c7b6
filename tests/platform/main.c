/* choreo-standin: the stand-in control plane as a program. */
#include "config/base/json.h"
#include "tests/platform/server.h"

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
    "The first line on standard output is \"listening on URL\".\n";

struct settings {
    struct platform_server_options server;
    char address[64];
    const char *faults;
};

static bool read_listen(const char *text, struct settings *s)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    const unsigned long port = colon == NULL ? 65536 : strtoul(colon + 1, &end, 10);
    if (colon == NULL || *end != '\0' || port > 65535 ||
        (size_t)(colon - text) >= sizeof(s->address))
        return false;
    memcpy(s->address, text, (size_t)(colon - text));
    s->address[colon - text] = '\0';
    s->server.address = s->address;
    s->server.port = (uint16_t)port;
    return true;
}

/* Returns 0, or an exit status. */
static int read_arguments(int argc, char **argv, struct settings *s)
{
    enum {
        LISTEN = 1,
        LOG,
        SEED,
        SPEED,
        TOKEN,
        SECURITY,
        AUTHORIZATION,
        WEBHOOKS,
        SECRETS,
        CONFLICTS,
        BARE,
        FAULTS
    };
    static const struct option options[] = {
        {"listen", required_argument, NULL, LISTEN},
        {"request-log", required_argument, NULL, LOG},
        {"seed", required_argument, NULL, SEED},
        {"speed", required_argument, NULL, SPEED},
        {"token", required_argument, NULL, TOKEN},
        {"security", no_argument, NULL, SECURITY},
        {"authorization", no_argument, NULL, AUTHORIZATION},
        {"webhooks", no_argument, NULL, WEBHOOKS},
        {"secrets", no_argument, NULL, SECRETS},
        {"conflicts", required_argument, NULL, CONFLICTS},
        {"bare", no_argument, NULL, BARE},
        {"faults", required_argument, NULL, FAULTS},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct platform_options *model = &s->server.model;
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == LISTEN) {
            if (!read_listen(optarg, s)) {
                fprintf(stderr, "choreo-standin: --listen wants ADDRESS:PORT, not %s\n", optarg);
                return 2;
            }
        } else if (option == LOG) {
            s->server.request_log = optarg;
        } else if (option == SEED) {
            model->seed = strtoull(optarg, NULL, 10);
        } else if (option == SPEED) {
            s->server.speed = strtod(optarg, NULL);
        } else if (option == TOKEN) {
            model->static_token = optarg;
            model->security = true;
        } else if (option == SECURITY) {
            model->security = true;
        } else if (option == AUTHORIZATION) {
            model->security = model->authorization = true;
        } else if (option == WEBHOOKS) {
            model->admission_webhooks = true;
        } else if (option == SECRETS) {
            model->secret_management = true;
        } else if (option == CONFLICTS) {
            model->conflict_percent = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == BARE) {
            model->bare = true;
        } else if (option == FAULTS) {
            s->faults = optarg;
        } else {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? -1 : 2;
        }
    }
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

int main(int argc, char **argv)
{
    struct settings s = {.server = {.speed = 1}};
    platform_options_default(&s.server.model);
    const int status = read_arguments(argc, argv, &s);
    if (status != 0)
        return status < 0 ? 0 : status;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return 1;
    char error[256];
    struct platform_server *server = platform_server_start(&s.server, error);
    if (server == NULL) {
        fprintf(stderr, "choreo-standin: %s\n", error);
        return 1;
    }
    if (s.faults != NULL && !add_faults(server, s.faults)) {
        platform_server_stop(server);
        return 1;
    }
    printf("listening on %s\n", platform_server_url(server));
    fflush(stdout);
    int signal;
    while (sigwait(&set, &signal) != 0)
        continue;
    platform_server_stop(server);
    return 0;
}
