/* The model behind HTTP, seen through a socket. */
#include "tests/platform/server.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROJECTS "/api/v1/namespaces/acme/projects"

/* Sends one request and reads until the connection ends. Returns the status; 0 = no answer. */
static int ask(struct platform_server *server, const char *method, const char *path,
               const char *body, char *ret_answer, size_t size)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(platform_server_port(server)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    char request[2048];
    const int length = snprintf(request, sizeof(request),
                                "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                "Content-Length: %zu\r\n\r\n%s",
                                method, path, strlen(body), body);
    cr_assert_eq(send(fd, request, (size_t)length, MSG_NOSIGNAL), length);
    size_t got = 0;
    for (ssize_t n; got + 1 < size && (n = recv(fd, ret_answer + got, size - got - 1, 0)) > 0;)
        got += (size_t)n;
    ret_answer[got] = '\0';
    close(fd);
    if (strncmp(ret_answer, "HTTP/1.1 ", 9) != 0)
        return 0;
    return (int)strtol(ret_answer + 9, NULL, 10);
}

static struct platform_server *start(const char *request_log, double speed)
{
    struct platform_server_options options = {
        .address = "127.0.0.1", .speed = speed, .request_log = request_log};
    platform_options_default(&options.model);
    char error[256];
    struct platform_server *server = platform_server_start(&options, error);
    cr_assert_not_null(server, "%s", error);
    return server;
}

Test(server, answers_on_a_port_of_its_own)
{
    struct platform_server *a = start(NULL, 1), *b = start(NULL, 1);
    char answer[8192];
    cr_assert_neq(platform_server_port(a), platform_server_port(b));
    cr_assert_eq(ask(a, "GET", "/health", "", answer, sizeof(answer)), 200);
    cr_assert_eq(ask(a, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"acme\"}}", answer,
                     sizeof(answer)),
                 201);
    cr_assert_eq(ask(a, "GET", "/api/v1/namespaces/acme", "", answer, sizeof(answer)), 200);
    cr_assert_eq(ask(b, "GET", "/api/v1/namespaces/acme", "", answer, sizeof(answer)), 404);
    cr_assert_not_null(strstr(answer, "NOT_FOUND"));
    platform_server_stop(a);
    platform_server_stop(b);
}

Test(server, faults_over_http)
{
    struct platform_server *s = start(NULL, 1);
    char answer[8192];
    ask(s, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"acme\"}}", answer,
        sizeof(answer));
    ask(s, "POST", "/standin/faults",
        "{\"kind\":\"retry-after\",\"method\":\"GET\",\"path\":\"" PROJECTS
        "\",\"count\":1,\"parameter\":3}",
        answer, sizeof(answer));
    cr_assert_eq(ask(s, "GET", PROJECTS, "", answer, sizeof(answer)), 429);
    cr_assert_not_null(strcasestr(answer, "Retry-After: 3"));
    cr_assert_eq(ask(s, "GET", PROJECTS, "", answer, sizeof(answer)), 200);

    ask(s, "POST", "/standin/faults", "{\"kind\":\"lost\",\"method\":\"POST\",\"count\":1}", answer,
        sizeof(answer));
    cr_assert_eq(ask(s, "POST", PROJECTS, "{\"metadata\":{\"name\":\"shop\"},\"spec\":{}}", answer,
                     sizeof(answer)),
                 0);
    cr_assert_eq(ask(s, "GET", PROJECTS "/shop", "", answer, sizeof(answer)), 200);

    ask(s, "POST", "/standin/faults", "{\"kind\":\"torn\",\"count\":1}", answer, sizeof(answer));
    cr_assert_eq(ask(s, "GET", PROJECTS "/shop", "", answer, sizeof(answer)), 200);
    size_t promised = 0;
    const char *header = strcasestr(answer, "Content-Length: ");
    cr_assert_not_null(header);
    promised = strtoul(header + 16, NULL, 10);
    cr_assert(strlen(strstr(answer, "\r\n\r\n") + 4) < promised);

    ask(s, "POST", "/standin/faults", "{\"kind\":\"status\",\"parameter\":503}", answer,
        sizeof(answer));
    cr_assert_eq(ask(s, "GET", "/health", "", answer, sizeof(answer)), 503);
    cr_assert_eq(ask(s, "DELETE", "/standin/faults", "", answer, sizeof(answer)), 200);
    cr_assert_eq(ask(s, "GET", "/health", "", answer, sizeof(answer)), 200);
    cr_assert_eq(
        ask(s, "POST", "/standin/faults", "{\"kind\":\"nonsense\"}", answer, sizeof(answer)), 400);
    platform_server_stop(s);
}

Test(server, time_passes_by_itself)
{
    struct platform_server *s = start(NULL, 50);
    char answer[8192];
    ask(s, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"acme\"}}", answer,
        sizeof(answer));
    ask(s, "POST", "/api/v1/namespaces/acme/deploymentpipelines",
        "{\"metadata\":{\"name\":\"default\"},\"spec\":{\"promotionPaths\":[]}}", answer,
        sizeof(answer));
    ask(s, "POST", PROJECTS, "{\"metadata\":{\"name\":\"shop\"},\"spec\":{}}", answer,
        sizeof(answer));
    for (int i = 0; i < 200; i++) {
        int64_t now_ms;
        struct platform *platform = platform_server_lock(s, &now_ms);
        json_t *releases = platform_objects(platform, "projectreleases");
        platform_server_unlock(s);
        const size_t count = json_array_size(releases);
        json_decref(releases);
        if (count == 1)
            break;
        cr_assert(i < 199, "no project release within four seconds");
        usleep(20000);
    }
    platform_server_stop(s);
}

Test(server, keeps_a_request_log)
{
    char file[] = "/tmp/standin-log-XXXXXX", answer[8192], line[4096];
    const int fd = mkstemp(file);
    cr_assert(fd >= 0);
    struct platform_server *s = start(file, 1);
    ask(s, "GET", "/health", "", answer, sizeof(answer));
    ask(s, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"acme\"}}", answer,
        sizeof(answer));
    ask(s, "GET", "/standin/stats", "", answer, sizeof(answer));
    cr_assert_not_null(strstr(answer, "livelockEntered"));
    platform_server_stop(s);
    FILE *log = fdopen(fd, "r");
    const char *const methods[] = {"GET", "POST"};
    const int statuses[] = {200, 201};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_not_null(fgets(line, sizeof(line), log));
        json_t *row = json_loads(line, 0, NULL);
        cr_assert_str_eq(json_string_value(json_object_get(row, "method")), methods[i]);
        cr_assert_eq(json_integer_value(json_object_get(row, "status")), statuses[i]);
        cr_assert_eq(json_object_get(row, "body") != NULL, i == 1);
        json_decref(row);
    }
    cr_assert_null(fgets(line, sizeof(line), log));
    fclose(log);
    unlink(file);
}
