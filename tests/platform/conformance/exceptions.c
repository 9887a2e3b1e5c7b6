#include "tests/platform/conformance/exceptions.h"

#include "tests/platform/state.h"

#include <string.h>

#define NO_EXPRESSIONS "no expression language: CEL expressions of types are not type-checked"
#define PODS                                                                                       \
    "when a Pod in the livelock of duplicate bindings was ready was up to the recorder's kubelet"
#define BY_HAND                                                                                    \
    "events, log lines and the failed Job were written by hand while recording; the model "        \
    "reports none"
#define BACKENDS                                                                                   \
    "the recorder's gateway called every backend resolved; the model follows Gateway API: a "      \
    "missing Service is BackendNotFound"
#define APPLIES "how often the fight over one name re-applied the object is a matter of chance"
#define OWN_TYPE                                                                                   \
    "type with own templates; without expressions the model renders it like a plain type"
#define NOT_MADE "the stock component or workflow was made before, by something no recording shows"
#define CLOCK                                                                                      \
    "the run waits out minutes of its retries; the replay has run ahead of the recording by then"
#define ENGINE "when a step of the recorder's engine starts and ends: some seconds off"

const struct exception exceptions_table[] = {
    {"11", 30, 30, "/renderedReleases/0/nodes/2/*", PODS},
    {"13", 42, 42, "*", NO_EXPRESSIONS},
    {"13", 45, 46, "*", NO_EXPRESSIONS},
    {"25", 50, 50, "/renderedReleases/0/nodes/*", BY_HAND},
    {"28", 2, 4, "/events/*", BY_HAND},
    {"28", 10, 11, "/logEntries/*", BY_HAND},
    {"28", 13, 13, "/logEntries/*", BY_HAND},
    {"27b", 23, 23, "*/parents/0/conditions/1/*", BACKENDS},
    {"27b", 25, 25, "*/parents/0/conditions/1/*", BACKENDS},
    {"27b", 27, 27, "*/parents/0/conditions/1/*", BACKENDS},
    {"27b", 27, 27, "*eneration", APPLIES},
    {"27b", 31, 31, "*/parents/0/conditions/1/*", BACKENDS},
    {"30", 30, 31, "/status/endpoints/0/*", OWN_TYPE},
    {"30", 32, 32, "/renderedReleases/*", OWN_TYPE},
    {"30", 33, 33, "*", NOT_MADE},
    {"30", 41, 41, "/renderedReleases/*", OWN_TYPE},
    {"30", 43, 58, "*", NOT_MADE},
    {"30", 64, 65, "*", NOT_MADE},
    {"30", 67, 69, "*", NOT_MADE},
    {"24b", 2, 2, "*", NO_EXPRESSIONS},
    {"24b", 4, 4, "*", NO_EXPRESSIONS},
    {"24b", 5, 5, "*", NOT_MADE},
    {"24b", 7, 9, "*", NOT_MADE},
    {"30b", 1, 3, "*", NOT_MADE},
    {"31", 94, 94, "/*", BY_HAND},
    {"31", 99, 99, "/*", BY_HAND},
    {"31", 102, 102, "/status/tasks/0/phase", ENGINE},
    {"31", 117, 118, "/*", BY_HAND},
    {"31", 120, 121, "/*", BY_HAND},
    {"31", 152, 153, "/*", BY_HAND},
    {"31", 156, 156, "/*", BY_HAND},
    {"32", 82, 82, "/items/9/status/*", CLOCK},
    {"31b", 1, 1, "/status/*", CLOCK},
    {"32c", 2, 19, "*", NOT_MADE},
};

size_t exceptions_count(void)
{
    return sizeof(exceptions_table) / sizeof(*exceptions_table);
}

int exceptions_find(const char *file, int line, const char *pointer)
{
    for (size_t i = 0; i < exceptions_count(); i++) {
        const struct exception *e = &exceptions_table[i];
        if (strcmp(e->file, file) == 0 && line >= e->from && line <= e->to &&
            values_glob(e->pointer, pointer))
            return (int)i;
    }
    return -1;
}
