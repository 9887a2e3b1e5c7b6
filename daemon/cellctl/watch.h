/* Showing an answer of celld again and again, as it changes. */
#pragma once

#include "daemon/cellctl/command.h"

#include <jansson.h>

#include <stdio.h>

struct watch_subject {
    const struct invocation *invocation;
    /* Asks celld. Returns 0 and owned JSON with a "version", or a negative code with *err. */
    int (*get)(const struct watch_subject *subject, json_t **ret_value, struct error *err);
    /* Draws it, for a terminal. */
    void (*draw)(const struct watch_subject *subject, FILE *file, const json_t *value);
    /* Off a terminal, in its place: appends what is new since `before` (NULL at first). May be
     * NULL: then everything is drawn anew. */
    void (*append)(const struct watch_subject *subject, FILE *file, const json_t *value,
                   const json_t *before);
};

/* Once, by the invocation's format. Returns the exit code. */
int watch_show(const struct watch_subject *subject);

/* Until it is stopped: at each event, and slowly beside. A first failure is the answer; a later one
 * is shown and may pass. */
int watch_run(const struct watch_subject *subject);
