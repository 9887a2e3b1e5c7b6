/* Serves what celld says while there is no engine, because its journal is being read or cannot be:
 * serve_nothing COMMAND [WORD…]; the sockets' paths are added to the words. */
#include "config/base/check.h"
#include "daemon/celld/backend.h"
#include "tests/daemon/api/serve.h"

#include <errno.h>

static const char reason[] = "read-only: the journal cannot be opened";

static const struct core *no_core(void *context)
{
    (void)context;
    return NULL;
}

static const char *missing(void *context)
{
    (void)context;
    return reason;
}

static int plan(void *context, uint64_t id, const char *ref, struct error *err)
{
    (void)context;
    (void)id;
    (void)ref;
    return error_set(err, ERROR_UNAVAILABLE, -EAGAIN, "%s", reason);
}

static int command(void *context, uint64_t id, const char *verb, const json_t *arguments,
                   const char *operator_name, struct error *err)
{
    (void)verb;
    (void)arguments;
    (void)operator_name;
    return plan(context, id, NULL, err);
}

int main(int count, char **words)
{
    static const struct backend_hooks hooks = {
        .core = no_core, .missing = missing, .plan = plan, .command = command};
    const struct socket_backend backend = backend_make(&hooks);
    struct canned canned;
    canned_init(&canned);
    canned.backend = &backend;
    return serve(&canned, count - 1, words + 1);
}
