/* Where a connection leads: the one endpoint of the target project that matches it. Pure. */
#pragma once

#include "config/manifest/effective.h"

struct text;

enum resolve_outcome {
    RESOLVE_FOUND,
    RESOLVE_UNKNOWN_PROJECT, /* no cell has this project */
    RESOLVE_UNREADABLE,      /* the cell is there, but cannot be read */
    RESOLVE_NO_ENDPOINT,
    RESOLVE_SEVERAL,
};

/* The cell of a project; NULL when there is none. */
const struct manifest_cell *resolve_project(const struct manifest_set *set,
                                            const struct platform *platform, const char *project);

/* Fills *ret_end when the outcome is RESOLVE_FOUND; ret_end->project is then the connection's own
 * text. */
enum resolve_outcome resolve_connection(const struct manifest_set *set,
                                        const struct platform *platform, const struct cell *cell,
                                        const struct connection *connection,
                                        struct connection_end *ret_end);

/* The target's endpoints, for messages: "cartservice/cart grpc 7070, ...". */
void resolve_candidates(const struct cell *provider, struct text *out);

/* "http", "grpc", ... */
const char *resolve_type_name(enum endpoint_type type);
