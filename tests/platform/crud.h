/* POST, GET, PUT and DELETE of single objects. */
#pragma once

#include "tests/platform/state.h"

struct crud {
    struct platform *platform;
    enum kind kind;
    const char *ns, *name; /* NULL where the path has none */
    const char *subject;
    const json_t *document; /* in place of body */
    const char *body;
    size_t body_length;
    unsigned stale;
    struct answer *answer;
};

void crud_post(const struct crud *c);
void crud_get(const struct crud *c);
void crud_put(const struct crud *c);
void crud_delete(const struct crud *c);
void crud_generate_release(const struct crud *c);
/* False and answered when the subject has no such right. */
bool crud_may(const struct crud *c, const char *verb, const char *project, const char *component);
