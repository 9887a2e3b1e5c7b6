/* The connections of one HTTP server: how many there are, which are idle, and since when. */
#pragma once

#include <microhttpd.h>

#include <stdbool.h>
#include <stdint.h>

struct visitor;

struct visitors {
    struct visitor *first;
    unsigned count;
};

/* For the library's notification of connections. */
void visitors_add(struct visitors *visitors, struct MHD_Connection *connection,
                  void **socket_context, uint64_t now_ms);
void visitors_remove(struct visitors *visitors, void **socket_context);

/* A request of it is being received or answered, or none is any more. */
void visitors_busy(struct MHD_Connection *connection, bool busy, uint64_t now_ms);

/* Ends connections as they are: those that are idle for longer than `idle_ms`, and with `all` also
 * those that are busy. */
void visitors_cut(const struct visitors *visitors, uint64_t now_ms, uint64_t idle_ms, bool all);

/* Ends one connection as it is. */
void visitors_cut_one(struct MHD_Connection *connection);
