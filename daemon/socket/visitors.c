#include "daemon/socket/visitors.h"

#include <stdlib.h>
#include <sys/socket.h>

struct visitor {
    struct visitor *next;
    int fd;
    uint64_t idle_since_ms;
    bool busy;
};

static int fd_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

void visitors_add(struct visitors *visitors, struct MHD_Connection *connection,
                  void **socket_context, uint64_t now_ms)
{
    struct visitor *visitor = calloc(1, sizeof(*visitor));
    visitors->count++;
    *socket_context = visitor;
    if (visitor == NULL)
        return; /* then only the library's own timeout ends it */
    *visitor =
        (struct visitor){.next = visitors->first, .fd = fd_of(connection), .idle_since_ms = now_ms};
    visitors->first = visitor;
}

void visitors_remove(struct visitors *visitors, void **socket_context)
{
    visitors->count--;
    for (struct visitor **at = &visitors->first; *at != NULL; at = &(*at)->next) {
        if (*at == *socket_context) {
            struct visitor *visitor = *at;
            *at = visitor->next;
            free(visitor);
            break;
        }
    }
    *socket_context = NULL;
}

void visitors_busy(struct MHD_Connection *connection, bool busy, uint64_t now_ms)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct visitor *visitor = info == NULL ? NULL : info->socket_context;
    if (visitor == NULL)
        return;
    visitor->busy = busy;
    visitor->idle_since_ms = now_ms;
}

static void cut(int fd)
{
    if (fd >= 0)
        (void)shutdown(fd, SHUT_RDWR);
}

void visitors_cut(const struct visitors *visitors, uint64_t now_ms, uint64_t idle_ms, bool all)
{
    for (const struct visitor *visitor = visitors->first; visitor != NULL;
         visitor = visitor->next) {
        if (all || (!visitor->busy && now_ms - visitor->idle_since_ms > idle_ms))
            cut(visitor->fd);
    }
}

void visitors_cut_one(struct MHD_Connection *connection)
{
    cut(fd_of(connection));
}
