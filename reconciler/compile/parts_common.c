#include "reconciler/compile/parts.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool texts_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int refuse(const struct deployment *deployment, struct source_pos at, const char *what,
                  struct error *err)
{
    const int status =
        error_set(err, ERROR_INVALID, ERR_INVALID,
                  "%s of %s cannot be different on %s: it is part of the release, which is the "
                  "same everywhere; write it on the component",
                  what, deployment->component->name.text, deployment->target->name);
    if (err != NULL)
        err->where = at;
    return status;
}

static bool durations_equal(const struct manifest_duration *a, const struct manifest_duration *b)
{
    return a->set == b->set && (!a->set || a->value.ms == b->value.ms);
}

static bool readiness_equal(const struct readiness *a, const struct readiness *b)
{
    return a->set == b->set && a->kind == b->kind && a->port == b->port &&
           texts_equal(a->path.text, b->path.text) && durations_equal(&a->period, &b->period) &&
           durations_equal(&a->timeout, &b->timeout) &&
           durations_equal(&a->initial_delay, &b->initial_delay) &&
           a->failure_threshold.set == b->failure_threshold.set &&
           a->failure_threshold.value == b->failure_threshold.value;
}

/* Where a variable leads inside the platform; NULL = it is a literal, or leads outside. */
static const struct connection_end *end_of(const struct effective *effective,
                                           const struct env_variable *variable)
{
    for (size_t i = 0; variable->connection.text != NULL && i < effective->connection_count; i++) {
        const struct connection_end *end = &effective->connections[i];
        if (strcmp(end->connection->name.text, variable->connection.text) == 0)
            return end->external ? NULL : end;
    }
    return NULL;
}

static bool ends_equal(const struct connection_end *a, const struct connection_end *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a->project, b->project) == 0 && strcmp(a->component, b->component) == 0 &&
           strcmp(a->endpoint->name.text, b->endpoint->name.text) == 0;
}

static const struct env_variable *find_variable(const struct effective *effective, const char *name)
{
    for (size_t i = 0; i < effective->env_count; i++)
        if (strcmp(effective->env[i].name.text, name) == 0)
            return &effective->env[i];
    return NULL;
}

/* Variables of connections are dependencies of the Workload; an override cannot reach them. */
static int check_variables(const struct deployment *deployment, struct error *err)
{
    const struct effective *common = deployment->common, *target = deployment->effective;
    for (size_t i = 0; i < target->env_count; i++) {
        const struct env_variable *here = &target->env[i];
        const struct env_variable *there = find_variable(common, here->name.text);
        const struct connection_end *leads = end_of(target, here);
        if (ends_equal(leads, there == NULL ? NULL : end_of(common, there)))
            continue;
        return refuse(deployment, here->at, "a variable that is a connection's address", err);
    }
    return 0;
}

int parts_check_common(const struct deployment *deployment, struct error *err)
{
    const struct effective *common = deployment->common, *target = deployment->effective;
    if (!texts_equal(common->image.text, target->image.text))
        return refuse(deployment, target->image.at, "the image", err);
    if (!readiness_equal(&common->readiness, &target->readiness))
        return refuse(deployment, target->readiness.at, "the readiness probe", err);
    return check_variables(deployment, err);
}
