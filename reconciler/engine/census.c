#include "reconciler/engine/census.h"

#include "config/base/text.h"
#include "reconciler/engine/fingerprint.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t print_of(const char *project, const char *environment)
{
    char key[4 * NAME_SIZE];
    text_put(key, sizeof key, "%s/%s", project, environment);
    return fingerprint_text(key);
}

static int compare(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

void census_take(struct engine *engine, struct census *census, const json_t *items,
                 bool environments)
{
    const size_t count = json_array_size(items);
    uint64_t *seen = calloc(count + 1, sizeof *seen);
    census_fini(census);
    if (seen == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *spec = json_object_get(json_array_get(items, i), "spec");
        seen[i] =
            print_of(json_text_or(json_at(spec, "owner", "projectName", NULL), ""),
                     environments ? json_text_or(json_object_get(spec, "environment"), "") : "");
    }
    qsort(seen, count, sizeof *seen, compare);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || seen[i] != seen[kept - 1])
            seen[kept++] = seen[i];
    }
    *census = (struct census){.seen = seen, .count = kept};
}

bool census_has(const struct census *census, const char *project, const char *environment)
{
    const uint64_t print = print_of(project, environment);
    return census->seen == NULL ||
           bsearch(&print, census->seen, census->count, sizeof *census->seen, compare) != NULL;
}

void census_fini(struct census *census)
{
    free(census->seen);
    *census = (struct census){.count = 0};
}
