#include "daemon/celld/service.h"

#include "config/base/check.h"
#include "config/base/text.h"

#include <systemd/sd-daemon.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define STATUS_LIMIT 256

struct service {
    uv_timer_t pulse;
    service_is_alive *is_alive;
    void *context;
    char status[STATUS_LIMIT];
    void (*stopped)(void *context);
    void *stopped_context;
};

static void on_pulse(uv_timer_t *timer)
{
    const struct service *service = timer->data;
    if (service->is_alive(service->context))
        (void)sd_notify(0, "WATCHDOG=1");
}

struct service *service_start(uv_loop_t *loop, service_is_alive *is_alive, void *context)
{
    struct service *service = calloc(1, sizeof(*service));
    if (service == NULL)
        return NULL;
    service->is_alive = is_alive;
    service->context = context;
    CHECK(uv_timer_init(loop, &service->pulse) == 0);
    service->pulse.data = service;
    uint64_t watchdog_us = 0;
    if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
        const uint64_t every_ms = watchdog_us / 2000 > 0 ? watchdog_us / 2000 : 1;
        CHECK(uv_timer_start(&service->pulse, on_pulse, every_ms, every_ms) == 0);
    }
    return service;
}

void service_ready(struct service *service)
{
    (void)service;
    (void)sd_notify(0, "READY=1");
}

void service_reloading(struct service *service)
{
    struct timespec now;
    (void)service;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    /* Newer service managers insist on the time of the reload; older ones ignore it. */
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
                     (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void service_stopping(struct service *service)
{
    (void)service;
    (void)sd_notify(0, "STOPPING=1");
}

void service_status(struct service *service, const char *line)
{
    if (strncmp(service->status, line, sizeof(service->status) - 1) == 0)
        return;
    (void)text_put(service->status, sizeof(service->status), "%s", line);
    (void)sd_notifyf(0, "STATUS=%s", service->status);
}

int service_socket(const char *name)
{
    char **names = NULL;
    int found = -1;
    const int count = sd_listen_fds_with_names(0, &names);
    for (int i = 0; i < count; i++) {
        const int fd = SD_LISTEN_FDS_START + i;
        if (found < 0 && strcmp(names[i], name) == 0 &&
            sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) > 0)
            found = fd;
        free(names[i]);
    }
    free(names);
    return found;
}

static void on_closed(uv_handle_t *handle)
{
    struct service *service = handle->data;
    void (*stopped)(void *context) = service->stopped;
    void *context = service->stopped_context;
    free(service);
    stopped(context);
}

void service_stop(struct service *service, void (*stopped)(void *context), void *context)
{
    service->stopped = stopped;
    service->stopped_context = context;
    uv_close((uv_handle_t *)&service->pulse, on_closed);
}
