/* One request for an object, taken apart. */
#pragma once

#include "reconciler/resource/kind.h"
#include "tests/simulation/law.h"

struct law_writing {
    const char *method;
    const json_t *body;
    enum resource_kind kind;
    char space[64], name[128];
    char key[240]; /* "ReleaseBinding/acme/name", as the journal's keys have it */
    bool generate;
};

/* False when it is about no single object. The texts are borrowed. */
bool law_writing_read(const char *method, const char *path, const json_t *body,
                      struct law_writing *ret_writing);
