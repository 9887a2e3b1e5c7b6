/* A client that can do what a library would not: half requests, bad requests, not reading. */
#pragma once

#include <stddef.h>

/* Connected; aborts otherwise. */
int wire_connect(const char *path);
void wire_send(int fd, const char *bytes, size_t length);
void wire_text(int fd, const char *text);

/* Reads until `part` was read, the other side closed, or 20 s have passed. Returns all that was
 * read: owned. */
char *wire_read_until(int fd, const char *part);

/* Until the other side closes. */
char *wire_read_all(int fd);

/* One request with "Connection: close" and its answer. */
char *wire_request(const char *path, const char *method, const char *target, const char *body);

/* The same on a TCP port of this machine. */
int wire_connect_port(unsigned port);
char *wire_request_port(unsigned port, const char *method, const char *target);

/* The three digits. */
int wire_status(const char *answer);
const char *wire_body(const char *answer);
