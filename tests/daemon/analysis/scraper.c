#include "tests/daemon/analysis/scraper.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "/usr/bin/prometheus"

static void serve(void *context, const struct web_request *request, struct web_reply *reply)
{
    struct scraper *scraper = context;
    (void)request;
    reply->content_type = "text/plain; version=0.0.4";
    (void)pthread_mutex_lock(&scraper->lock);
    text_add(&reply->body, scraper->page);
    (void)pthread_mutex_unlock(&scraper->lock);
}

/* A port that nobody has now. */
static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, size), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static void write_file(const struct scraper *scraper, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", scraper->directory, name);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

static void start_program(struct scraper *scraper, bool has_web_config)
{
    char config[128], data[128], listen[128], web[128];
    (void)snprintf(config, sizeof(config), "--config.file=%s/prometheus.yml", scraper->directory);
    (void)snprintf(data, sizeof(data), "--storage.tsdb.path=%s/data", scraper->directory);
    (void)snprintf(listen, sizeof(listen), "--web.listen-address=127.0.0.1:%u", scraper->port);
    (void)snprintf(web, sizeof(web), "--web.config.file=%s/web.yml", scraper->directory);
    char program[] = PROGRAM, quiet[] = "--log.level=error";
    char *arguments[] = {program, config, data, listen, quiet, has_web_config ? web : NULL, NULL};
    scraper->pid = fork();
    cr_assert_geq(scraper->pid, 0);
    if (scraper->pid == 0) {
        const int nothing = open("/dev/null", O_RDWR);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || nothing < 0 || dup2(nothing, 1) < 0 ||
            dup2(nothing, 2) < 0)
            _exit(126);
        (void)execv(PROGRAM, arguments);
        _exit(127);
    }
}

bool scraper_start(struct scraper *scraper, const char *web_config)
{
    char text[512];
    memset(scraper, 0, sizeof(*scraper));
    if (access(PROGRAM, X_OK) != 0)
        return false;
    cr_assert_eq(pthread_mutex_init(&scraper->lock, NULL), 0);
    scraper->web = web_start(&(struct web_options){.handler = serve, .context = scraper});
    (void)snprintf(scraper->directory, sizeof(scraper->directory), "/tmp/celld-scraper-XXXXXX");
    cr_assert_not_null(mkdtemp(scraper->directory));
    (void)snprintf(text, sizeof(text),
                   "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
                   "scrape_configs: [{job_name: hubble, static_configs: [{targets: "
                   "[\"127.0.0.1:%u\"]}]}]\n",
                   web_port(scraper->web));
    write_file(scraper, "prometheus.yml", text);
    if (web_config != NULL)
        write_file(scraper, "web.yml", web_config);
    scraper->port = free_port();
    start_program(scraper, web_config != NULL);
    return true;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

void scraper_stop(struct scraper *scraper)
{
    int status = 0;
    (void)kill(scraper->pid, SIGKILL);
    cr_expect_eq(waitpid(scraper->pid, &status, 0), scraper->pid);
    web_stop(scraper->web);
    (void)pthread_mutex_destroy(&scraper->lock);
    cr_expect_eq(nftw(scraper->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void scraper_show(struct scraper *scraper, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)pthread_mutex_lock(&scraper->lock);
    (void)vsnprintf(scraper->page, sizeof(scraper->page), format, arguments);
    (void)pthread_mutex_unlock(&scraper->lock);
    va_end(arguments);
}

unsigned scraper_count(const struct scraper *scraper)
{
    return web_count(scraper->web);
}

int64_t scraper_now(void)
{
    struct timespec now;
    cr_assert_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
