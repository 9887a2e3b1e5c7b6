/* Names in a cell that must exist: environments, targets, components. */
#include "config/base/text.h"
#include "config/manifest/check.h"
#include "config/manifest/schema.h"

#include <string.h>

static const struct environment *find_environment(const struct platform *platform, const char *name,
                                                  size_t length)
{
    for (size_t i = 0; i < platform->environment_count; i++) {
        const char *own = platform->environments[i].name.text;
        if (strlen(own) == length && memcmp(own, name, length) == 0)
            return &platform->environments[i];
    }
    return NULL;
}

static void report_environment(struct loader *loader, struct manifest_cell *entry,
                               const struct manifest_text *name)
{
    const char *names[100] = {0};
    char hint[400] = "name one of the platform's environments";
    size_t count = 0;
    for (; count < loader->platform->environment_count && count < 100; count++)
        names[count] = loader->platform->environments[count].name.text;
    const char *nearest = schema_nearest(names, count, name->text);
    size_t length = 0;
    if (nearest != NULL)
        (void)text_put(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    for (size_t i = 0; nearest == NULL && i < count && length + 80 < sizeof(hint); i++)
        length += (size_t)text_put(hint + length, sizeof(hint) - length, "%s%.63s",
                                   i == 0 ? "there are: " : ", ", names[i]);
    loader_error(loader, entry, "E_UNKNOWN_ENVIRONMENT", name->at, hint,
                 "there is no environment \"%s\"", name->text);
}

static void check_component_names(struct loader *loader, struct manifest_cell *entry,
                                  const struct override *override)
{
    const struct cell *cell = entry->cell;
    for (size_t i = 0; i < override->component_count; i++) {
        const struct manifest_text *name = &override->components[i].component;
        const char *names[200];
        size_t count = 0;
        bool found = false;
        for (size_t j = 0; j < cell->component_count && count < 200; j++) {
            names[count++] = cell->components[j].name.text;
            found |= strcmp(cell->components[j].name.text, name->text) == 0;
        }
        if (found)
            continue;
        char hint[160] = "name one of spec.components";
        const char *nearest = schema_nearest(names, count, name->text);
        if (nearest != NULL)
            (void)text_put(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
        loader_error(loader, entry, "E_UNKNOWN_COMPONENT", name->at, hint,
                     "the cell has no component \"%s\"", name->text);
    }
}

/* "environment@region", both known and together. */
static void check_target(struct loader *loader, struct manifest_cell *entry,
                         const struct manifest_text *name)
{
    const char *at = strchr(name->text, '@');
    const struct environment *environment =
        at == NULL ? NULL
                   : find_environment(loader->platform, name->text, (size_t)(at - name->text));
    for (size_t i = 0; environment != NULL && i < environment->region_count; i++) {
        if (strcmp(environment->regions[i]->name.text, at + 1) == 0)
            return;
    }
    loader_error(loader, entry, "E_UNKNOWN_TARGET", name->at,
                 "write environment@region as the platform has them", "there is no target \"%s\"",
                 name->text);
}

static void check_cell(struct loader *loader, struct manifest_cell *entry)
{
    const struct cell *cell = entry->cell;
    for (size_t i = 0; i < cell->environment_count; i++) {
        const struct manifest_text *name = &cell->environments[i].name;
        if (loader->platform != NULL &&
            find_environment(loader->platform, name->text, strlen(name->text)) == NULL)
            report_environment(loader, entry, name);
        check_component_names(loader, entry, &cell->environments[i]);
    }
    for (size_t i = 0; i < cell->target_count; i++) {
        if (loader->platform != NULL)
            check_target(loader, entry, &cell->targets[i].name);
        check_component_names(loader, entry, &cell->targets[i]);
    }
    for (size_t i = 0; loader->platform != NULL && i < cell->access_count; i++) {
        const struct manifest_texts *names = &cell->access[i].environments;
        for (size_t j = 0; j < names->count; j++) {
            const char *name = names->items[j].text;
            if (find_environment(loader->platform, name, strlen(name)) == NULL)
                report_environment(loader, entry, &names->items[j]);
        }
    }
}

void check_overrides(struct loader *loader)
{
    check_each_cell(loader, check_cell);
}
