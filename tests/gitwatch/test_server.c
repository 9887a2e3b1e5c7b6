#include "tests/gitwatch/test_server.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TRIES = 5, CONNECT_TRIES = 500, CONNECT_PAUSE_MS = 10 };

static void require(const char *program, const char *package)
{
    cr_assert(access(program, X_OK) == 0,
              "%s is missing: this test needs the Debian package %s (apt-get install %s)", program,
              package, package);
}

int test_server_silent(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0);
    cr_assert(listen(fd, 16) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static uint16_t free_port(void)
{
    uint16_t port = 0;
    close(test_server_silent(&port));
    return port;
}

static bool answers(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool yes = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return yes;
}

/* Until the server answers; false when it ended instead (the port was taken meanwhile). */
static bool wait_until_up(const struct test_server *server)
{
    const struct timespec pause = {.tv_nsec = CONNECT_PAUSE_MS * 1000000L};
    for (int i = 0; i < CONNECT_TRIES; i++) {
        if (waitpid(server->pid, NULL, WNOHANG) != 0)
            return false;
        if (answers(server->port))
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

static void write_text(const char *directory, const char *name, const char *text, mode_t mode)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
    cr_assert(chmod(path, mode) == 0);
}

/* A private authority and a certificate of it for localhost, but not for 127.0.0.1. */
static void make_certificates(struct test_server *server, const struct test_repository *repository)
{
    char script[2048];
    require("/usr/bin/openssl", "openssl");
    snprintf(script, sizeof(script),
             "set -e; cd '%s'; "
             "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Test Authority' "
             "-keyout ca.key -out ca.pem 2>/dev/null; "
             "openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout server.key "
             "-out server.csr 2>/dev/null; "
             "printf 'subjectAltName=DNS:localhost\\n' > ext; "
             "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
             "-extfile ext -out server.pem 2>/dev/null",
             server->root);
    (void)test_repository_run(repository, "sh", "-c", script, NULL);
    snprintf(server->ca_file, sizeof(server->ca_file), "%s/ca.pem", server->root);
}

static void start_cgi(struct test_server *server)
{
    char path[128];
    struct stat found;
    const struct timespec pause = {.tv_nsec = CONNECT_PAUSE_MS * 1000000L};
    require("/usr/sbin/fcgiwrap", "fcgiwrap");
    snprintf(path, sizeof(path), "unix:%s/cgi", server->root);
    /* One process: children of its own would outlive it. */
    const char *const arguments[] = {"/usr/sbin/fcgiwrap", "-s", path, NULL};
    server->cgi = test_repository_spawn("/", -1, -1, -1, NULL, arguments);
    for (int i = 0; i < CONNECT_TRIES && stat(path + 5, &found) < 0; i++)
        (void)nanosleep(&pause, NULL);
    cr_assert(chmod(path + 5, 0777) == 0, "fcgiwrap did not start");
}

static void write_nginx_settings(const struct test_server *server,
                                 const struct test_repository *repository,
                                 enum test_server_kind kind)
{
    char settings[8192];
    const char *backend = "include /etc/nginx/fastcgi_params; "
                          "fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend; "
                          "fastcgi_param GIT_HTTP_EXPORT_ALL 1; "
                          "fastcgi_param GIT_CONFIG_COUNT 1; "
                          "fastcgi_param GIT_CONFIG_KEY_0 safe.directory; "
                          "fastcgi_param GIT_CONFIG_VALUE_0 *; "
                          "fastcgi_param PATH_INFO $1;";
    char tls[400] = "";
    const bool secure = kind == TEST_SERVER_HTTPS;
    const char *scheme = secure ? "https" : "http";
    const char *root = server->root;
    if (secure)
        snprintf(tls, sizeof(tls),
                 "ssl_certificate %s/server.pem; ssl_certificate_key %s/server.key;", root, root);
    const int length = snprintf(
        settings, sizeof(settings),
        "daemon off; master_process off; pid %s/pid; error_log %s/error.log; %s"
        "events { worker_connections 64; }\n"
        "http { access_log off; client_body_temp_path %s/b; proxy_temp_path %s/p; "
        "fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s; "
        "log_format shown '$http_authorization';\n"
        "server { listen 127.0.0.1:%u%s; %s access_log %s/other.log shown; "
        "location / { add_header WWW-Authenticate 'Basic realm=x' always; return 401; } }\n"
        "server { listen 127.0.0.1:%u%s; %s\n",
        root, root, geteuid() == 0 ? "user root; " : "", root, root, root, root, root,
        server->other, secure ? " ssl" : "", tls, root, server->port, secure ? " ssl" : "", tls);
    cr_assert(length > 0 && (size_t)length < sizeof(settings));
    snprintf(settings + length, sizeof(settings) - (size_t)length,
             "location ~ ^/open(/.*)$ { %s fastcgi_param GIT_PROJECT_ROOT %s; "
             "fastcgi_pass unix:%s/cgi; }\n"
             "location ~ ^/private(/.*)$ { auth_basic x; auth_basic_user_file %s/users; %s "
             "fastcgi_param GIT_PROJECT_ROOT %s; fastcgi_param REMOTE_USER $remote_user; "
             "fastcgi_pass unix:%s/cgi; }\n"
             "location /forbidden/ { return 403; }\n"
             "location /broken/ { return 500; }\n"
             "location ~ ^/renamed/(.*)$ { return 301 %s://localhost:%u/open/$1$is_args$args; }\n"
             "location ~ ^/moved/(.*)$ { return 302 %s://localhost:%u/open/$1$is_args$args; }\n"
             "location ~ ^/away/(.*)$ { return 302 %s://127.0.0.1:%u/$1; }\n"
             "} }\n",
             backend, repository->root, root, root, backend, repository->root, root, scheme,
             server->port, scheme, server->other, scheme, server->other);
    write_text(server->root, "nginx.conf", settings, 0600);
}

void test_server_url(struct test_server *server, enum test_server_kind kind, const char *prefix)
{
    snprintf(server->url, sizeof(server->url), "%s://localhost:%u/%s/remote.git",
             kind == TEST_SERVER_HTTPS ? "https" : "http", server->port, prefix);
}

void test_server_start_http(struct test_server *server, const struct test_repository *repository,
                            enum test_server_kind kind)
{
    char settings[160];
    *server = (struct test_server){.pid = -1, .cgi = -1};
    require("/usr/sbin/nginx", "nginx-light");
    require("/usr/lib/git-core/git-http-backend", "git");
    snprintf(server->root, sizeof(server->root), "%s/server", repository->root);
    snprintf(settings, sizeof(settings), "%s/nginx.conf", server->root);
    cr_assert(mkdir(server->root, 0755) == 0);
    write_text(server->root, "users", TEST_SERVER_USER ":{PLAIN}" TEST_SERVER_PASSWORD "\n", 0644);
    if (kind == TEST_SERVER_HTTPS)
        make_certificates(server, repository);
    start_cgi(server);
    const char *const arguments[] = {"/usr/sbin/nginx", "-c", settings, "-e", "/dev/null", NULL};
    bool up = false;
    for (int i = 0; i < START_TRIES && !up; i++) {
        server->port = free_port();
        server->other = free_port();
        write_nginx_settings(server, repository, kind);
        server->pid = test_repository_spawn("/", -1, -1, STDERR_FILENO, NULL, arguments);
        up = wait_until_up(server);
    }
    cr_assert(up, "nginx did not start");
    test_server_url(server, kind, "open");
}

/* Reads a small file into a text. */
static void read_text(const char *directory, const char *name, char *ret_text, size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file, "%s", path);
    const size_t length = fread(ret_text, 1, size - 1, file);
    ret_text[length] = '\0';
    cr_assert(fclose(file) == 0);
}

static void make_keys(struct test_server *server, const struct test_repository *repository,
                      const char *key_type)
{
    char script[1024];
    snprintf(script, sizeof(script),
             "set -e; cd '%s'; ssh-keygen -q -t ed25519 -N '' -f host; "
             "ssh-keygen -q -t %s -N '' -f client; cp client.pub authorized; chmod 600 authorized; "
             "ssh-keygen -lf host.pub | cut -d' ' -f2",
             server->root, key_type);
    snprintf(server->host_key, sizeof(server->host_key), "%s",
             test_repository_run(repository, "sh", "-c", script, NULL));
    read_text(server->root, "client", server->client_key, sizeof(server->client_key));
}

void test_server_start_ssh(struct test_server *server, const struct test_repository *repository,
                           const char *key_type)
{
    char settings[160];
    char text[1024];
    *server = (struct test_server){.pid = -1, .cgi = -1};
    require("/usr/sbin/sshd", "openssh-server");
    require("/usr/bin/ssh-keygen", "openssh-client");
    (void)mkdir("/run/sshd", 0755);
    snprintf(server->root, sizeof(server->root), "%s/server", repository->root);
    snprintf(settings, sizeof(settings), "%s/sshd_config", server->root);
    cr_assert(mkdir(server->root, 0700) == 0);
    make_keys(server, repository, key_type);
    const char *const arguments[] = {"/usr/sbin/sshd", "-D", "-e", "-f", settings, NULL};
    bool up = false;
    for (int i = 0; i < START_TRIES && !up; i++) {
        server->port = free_port();
        snprintf(text, sizeof(text),
                 "Port %u\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile "
                 "%s/authorized\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n"
                 "PasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel ERROR\n",
                 server->port, server->root, server->root);
        write_text(server->root, "sshd_config", text, 0600);
        server->pid = test_repository_spawn("/", -1, -1, -1, NULL, arguments);
        up = wait_until_up(server);
    }
    cr_assert(up, "sshd did not start");
    const struct passwd *user = getpwuid(geteuid());
    cr_assert_not_null(user);
    snprintf(server->url, sizeof(server->url), "ssh://%s@127.0.0.1:%u%s", user->pw_name,
             server->port, repository->remote);
}

static void stop(pid_t *pid)
{
    if (*pid <= 0)
        return;
    (void)kill(*pid, SIGTERM);
    (void)waitpid(*pid, NULL, 0);
    *pid = -1;
}

void test_server_stop(struct test_server *server)
{
    stop(&server->pid);
    stop(&server->cgi);
}
