#include "daemon/socket/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

/* One turn of the loop takes no more than this. */
#define ACCEPTS_PER_TURN 16

static int failed(struct error *err, const char *what, const char *path)
{
    const int code = errno > 0 ? -errno : -EIO;
    return error_set(err, ERROR_UNAVAILABLE, code, "cannot %s %s: %s", what, path, strerror(-code));
}

/* Returns 0 when somebody listens, otherwise what connecting says. */
static int try_connect(const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    const int result =
        connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
    (void)close(fd);
    return result;
}

/* Only a socket that nobody listens on is removed. */
static int make_room(const struct sockaddr_un *address, struct error *err)
{
    struct stat about;
    if (lstat(address->sun_path, &about) != 0)
        return errno == ENOENT ? 0 : failed(err, "look at", address->sun_path);
    if (!S_ISSOCK(about.st_mode))
        return error_set(err, ERROR_INVALID, -EEXIST,
                         "%s is in the way and is no socket; it was left alone", address->sun_path);
    const int result = try_connect(address);
    if (result == 0 || result == -EAGAIN)
        return error_set(err, ERROR_CONFLICT, -EADDRINUSE,
                         "another program listens on %s; stop it, or set another path",
                         address->sun_path);
    if (result != -ECONNREFUSED)
        return error_set(err, ERROR_UNAVAILABLE, result, "cannot tell whether %s is in use: %s",
                         address->sun_path, strerror(-result));
    return unlink(address->sun_path) == 0 ? 0 : failed(err, "remove the old", address->sun_path);
}

static int set_owner(const char *path, const char *group, unsigned mode, struct error *err)
{
    if (group != NULL) {
        errno = 0;
        const struct group *entry = getgrnam(group);
        if (entry == NULL)
            return error_set(err, ERROR_INVALID, errno == 0 ? -ENOENT : -errno,
                             "there is no group \"%s\" to give %s to", group, path);
        if (lchown(path, (uid_t)-1, entry->gr_gid) != 0)
            return failed(err, "give to its group", path);
    }
    return chmod(path, mode) == 0 ? 0 : failed(err, "set the mode of", path);
}

static int bind_path(struct listener *listener, const char *path, const char *group, unsigned mode,
                     struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(err, ERROR_INVALID, -ENAMETOOLONG,
                         "the socket's path has %zu bytes, a Unix socket allows %zu: %s",
                         strlen(path), sizeof(address.sun_path) - 1, path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int result = make_room(&address, err);
    if (result != 0)
        return result;
    /* Nobody may connect before the owner is right. */
    const mode_t before = umask(0177);
    result = bind(listener->fd, (const struct sockaddr *)&address, sizeof(address));
    const int code = errno;
    (void)umask(before);
    errno = code;
    if (result != 0)
        return failed(err, "bind to", path);
    struct stat about;
    if (lstat(path, &about) == 0) {
        memcpy(listener->path, path, strlen(path) + 1);
        listener->device = about.st_dev;
        listener->inode = about.st_ino;
    }
    result = set_owner(path, group, mode, err);
    if (result == 0 && listen(listener->fd, BACKLOG) != 0)
        result = failed(err, "listen on", path);
    return result;
}

static int take_over(int fd, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    socklen_t length = sizeof(address);
    int listens = 0;
    socklen_t size = sizeof(listens);
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 ||
        address.sun_family != AF_UNIX ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens != 1)
        return error_set(err, ERROR_INVALID, -EINVAL,
                         "descriptor %d was handed over, but it is no listening Unix socket", fd);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return failed(err, "set up", "the descriptor that was handed over");
    return 0;
}

int listener_open(struct listener *listener, const char *path, const char *group, unsigned mode,
                  int given, struct error *err)
{
    *listener = (struct listener){.fd = given, .reserve_fd = -1};
    int result;
    if (given >= 0) {
        result = take_over(given, err);
        if (result != 0)
            return result;
    } else {
        listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (listener->fd < 0)
            return failed(err, "make a socket for", path);
        result = bind_path(listener, path, group, mode, err);
        if (result != 0) {
            listener_close(listener, NULL);
            return result;
        }
    }
    listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return 0;
}

/* --- TCP -------------------------------------------------------------------------------------- */

/* Splits "host:port" and reads both as numbers. */
static bool read_address(const char *text, struct sockaddr_storage *ret_address,
                         socklen_t *ret_size)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    char host[INET6_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] == '\0' || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    const unsigned long number = strtoul(colon + 1, NULL, 10);
    if (strlen(colon + 1) > 5 || number > UINT16_MAX)
        return false;
    const in_port_t port = htons((uint16_t)number);
    const bool bracketed = text[0] == '[' && colon[-1] == ']';
    const char *first = bracketed ? text + 1 : text;
    const size_t length = (size_t)(colon - first) - (bracketed ? 1 : 0);
    if (length >= sizeof(host))
        return false;
    memcpy(host, first, length);
    host[length] = '\0';
    if (bracketed && inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        v6.sin6_port = port;
        memcpy(ret_address, &v6, sizeof(v6));
        *ret_size = sizeof(v6);
        return true;
    }
    if (bracketed || inet_pton(AF_INET, host, &v4.sin_addr) != 1)
        return false;
    v4.sin_port = port;
    memcpy(ret_address, &v4, sizeof(v4));
    *ret_size = sizeof(v4);
    return true;
}

int listener_open_tcp(struct listener *listener, const char *address, struct error *err)
{
    struct sockaddr_storage place = {0};
    socklen_t size = 0;
    const int yes = 1;
    *listener = (struct listener){.fd = -1, .reserve_fd = -1};
    if (!read_address(address, &place, &size))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s is no address with a port to listen on: write 127.0.0.1:9464 or "
                         "[::1]:9464",
                         address);
    listener->fd = socket(place.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return failed(err, "make a socket for", address);
    if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        bind(listener->fd, (const struct sockaddr *)&place, size) != 0 ||
        listen(listener->fd, BACKLOG) != 0) {
        const int result = failed(err, "listen on", address);
        listener_close(listener, NULL);
        return result;
    }
    listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return 0;
}

uint16_t listener_port(const struct listener *listener)
{
    struct sockaddr_storage place = {0};
    socklen_t size = sizeof(place);
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (getsockname(listener->fd, (struct sockaddr *)&place, &size) != 0)
        return 0;
    memcpy(&v4, &place, sizeof(v4));
    memcpy(&v6, &place, sizeof(v6));
    return ntohs(place.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

/* --- accepting -------------------------------------------------------------------------------- */

/* Without a free descriptor the client would wait, and the loop would spin: the reserved one is
 * used to take the connection and end it. */
static void shed(struct listener *listener)
{
    if (listener->reserve_fd < 0)
        return;
    (void)close(listener->reserve_fd);
    const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && !listener->paused; i++) {
        const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            listener->accepted(listener->context, fd);
        else if (errno == EMFILE || errno == ENFILE)
            shed(listener);
        else if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

int listener_start(struct listener *listener, uv_loop_t *loop, listener_accepted *accepted,
                   void *context, struct error *err)
{
    listener->accepted = accepted;
    listener->context = context;
    int result = uv_poll_init(loop, &listener->poll, listener->fd);
    if (result == 0) {
        listener->poll.data = listener;
        listener->polls = true;
        result = uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    }
    if (result != 0)
        return error_set(err, ERROR_INTERNAL, result, "cannot watch a socket: %s",
                         uv_strerror(result));
    return 0;
}

void listener_pause(struct listener *listener, bool paused)
{
    if (!listener->polls || listener->paused == paused)
        return;
    listener->paused = paused;
    if (paused)
        (void)uv_poll_stop(&listener->poll);
    else
        (void)uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

void listener_close(struct listener *listener, uv_close_cb closed)
{
    if (listener->polls) {
        (void)uv_poll_stop(&listener->poll);
        uv_close((uv_handle_t *)&listener->poll, closed);
        listener->polls = false;
    }
    struct stat about;
    if (listener->path[0] != '\0' && lstat(listener->path, &about) == 0 &&
        about.st_dev == listener->device && about.st_ino == listener->inode)
        (void)unlink(listener->path);
    listener->path[0] = '\0';
    if (listener->fd >= 0)
        (void)close(listener->fd);
    if (listener->reserve_fd >= 0)
        (void)close(listener->reserve_fd);
    listener->fd = listener->reserve_fd = -1;
}
