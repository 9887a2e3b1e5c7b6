#include "tests/platform/state.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [PLATFORM_FAULT_DELAY] = "delay",
    [PLATFORM_FAULT_REFUSE] = "refuse",
    [PLATFORM_FAULT_STATUS] = "status",
    [PLATFORM_FAULT_RETRY_AFTER] = "retry-after",
    [PLATFORM_FAULT_LOST] = "lost",
    [PLATFORM_FAULT_LATE_ERROR] = "late-error",
    [PLATFORM_FAULT_STALE] = "stale",
    [PLATFORM_FAULT_TORN] = "torn",
    [PLATFORM_FAULT_SHORT_LIST] = "short-list",
    [PLATFORM_FAULT_EMPTY_LIST] = "empty-list",
    [PLATFORM_FAULT_CURSOR_LOOP] = "cursor-loop",
    [PLATFORM_FAULT_CURSOR_EXPIRED] = "cursor-expired",
    [PLATFORM_FAULT_HTML] = "html",
    [PLATFORM_FAULT_CONFLICT] = "conflict",
};
_Static_assert(sizeof(names) / sizeof(*names) == PLATFORM_FAULT_COUNT, "every fault has a name");

const char *platform_fault_name(enum platform_fault_kind kind)
{
    return (unsigned)kind < PLATFORM_FAULT_COUNT ? names[kind] : NULL;
}

int platform_fault_from_name(const char *name)
{
    for (int i = 0; i < PLATFORM_FAULT_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

void platform_fault_add(struct platform *p, const struct platform_fault *fault)
{
    struct fault *all = realloc(p->faults, (p->fault_count + 1) * sizeof(*all));
    if (all == NULL)
        abort();
    p->faults = all;
    struct fault *f = &all[p->fault_count++];
    *f = (struct fault){.rule = *fault};
    f->method = fault->method == NULL ? NULL : values_copy_text(fault->method);
    f->path = fault->path == NULL ? NULL : values_copy_text(fault->path);
    f->rule.method = f->method;
    f->rule.path = f->path;
    if (f->rule.nth == 0)
        f->rule.nth = 1;
}

void platform_fault_clear(struct platform *p)
{
    faults_fini(p);
}

void faults_fini(struct platform *p)
{
    for (size_t i = 0; i < p->fault_count; i++) {
        free(p->faults[i].method);
        free(p->faults[i].path);
    }
    free(p->faults);
    p->faults = NULL;
    p->fault_count = 0;
}

/* Faults that only make sense for a certain request wait for one. */
static bool may_hit(const struct fault *f, const char *method, bool cursor)
{
    if (f->rule.kind == PLATFORM_FAULT_CURSOR_EXPIRED)
        return cursor;
    if (f->rule.kind == PLATFORM_FAULT_STALE || f->rule.kind == PLATFORM_FAULT_SHORT_LIST ||
        f->rule.kind == PLATFORM_FAULT_EMPTY_LIST || f->rule.kind == PLATFORM_FAULT_CURSOR_LOOP)
        return strcmp(method, "GET") == 0;
    return true;
}

const struct platform_fault *faults_match(struct platform *p, const char *method, const char *path,
                                          bool cursor)
{
    const struct platform_fault *hit = NULL;
    for (size_t i = 0; i < p->fault_count; i++) {
        struct fault *f = &p->faults[i];
        if ((f->method != NULL && strcmp(f->method, method) != 0) ||
            (f->path != NULL && !values_glob(f->path, path)) || !may_hit(f, method, cursor))
            continue;
        f->seen++;
        const bool over = f->rule.count > 0 && f->seen >= f->rule.nth + f->rule.count;
        if (hit == NULL && f->seen >= f->rule.nth && !over)
            hit = &f->rule;
    }
    return hit;
}
