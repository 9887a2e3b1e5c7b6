/* Real git servers on this machine for tests: nginx with git's own http-backend (plain or TLS, with
 * basic authentication), sshd, and sockets that misbehave. */
#pragma once

#include "tests/gitwatch/test_repository.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TEST_SERVER_USER "celld-reader"
#define TEST_SERVER_PASSWORD "canary-secret-4711"

struct test_server {
    pid_t pid, cgi;
    uint16_t port, other; /* other: wants a password, writes what it gets to ROOT/other.log */
    char ca_file[128];
    char client_key[4096]; /* ssh: private key that the server accepts */
    char host_key[64];     /* ssh: "SHA256:…" */
    char url[160];         /* of the watched repository */
    char root[96];
};

enum test_server_kind {
    TEST_SERVER_HTTP,  /* open, under /open/; with authentication, under /private/; /renamed/
                          redirects to /open/, /moved/ to another port, /away/ to another host,
                          /broken/ answers 500, /forbidden/ 403 */
    TEST_SERVER_HTTPS, /* the same, with a certificate of a private authority for localhost */
};

/* Asserts, naming the Debian package, when a server program is missing. Serves
 * repository->remote as PREFIX/remote.git. */
void test_server_start_http(struct test_server *server, const struct test_repository *repository,
                            enum test_server_kind kind);
void test_server_url(struct test_server *server, enum test_server_kind kind, const char *prefix);

/* sshd as this user, with a host key and one accepted client key of the given type. */
void test_server_start_ssh(struct test_server *server, const struct test_repository *repository,
                           const char *key_type);

void test_server_stop(struct test_server *server);

/* Accepts connections (by the kernel's backlog) and never says a word. Returns the socket. */
int test_server_silent(uint16_t *ret_port);
