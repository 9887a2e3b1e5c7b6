/* `stages:` of a cell says again what the platform says: environments in order, gates between. */
#include "config/manifest/check.h"

#include <stdio.h>
#include <string.h>

static const char deploy_to[] = "deploy to ";

/* "integration tests" names the gate "integration-tests". */
static bool names_gate(const char *step, const char *gate)
{
    for (; *step != '\0' && *gate != '\0'; step++, gate++) {
        const int c = *step == ' ' || *step == '_' ? '-' : (unsigned char)*step;
        const int lower = c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
        if (lower != (unsigned char)*gate)
            return false;
    }
    return *step == *gate;
}

static bool has_gate(const struct environment *environment, const char *step)
{
    for (size_t i = 0; i < environment->gate_count; i++) {
        if (names_gate(step, environment->gates[i].name.text))
            return true;
    }
    return false;
}

static void check_deploy_step(struct loader *loader, struct manifest_cell *entry,
                              const struct manifest_text *step, size_t *next)
{
    const struct platform *platform = loader->platform;
    const char *name = step->text + strlen(deploy_to);
    if (*next >= platform->environment_count) {
        loader_error(loader, entry, "E_STAGE", step->at, "remove the step",
                     "\"%s\": the platform has no environment after the last one", step->text);
        return;
    }
    const char *expected = platform->environments[*next].name.text;
    if (strcmp(name, expected) != 0)
        loader_error(loader, entry, "E_STAGE", step->at,
                     "name the platform's environments in the order of promotion",
                     "\"%s\": the platform's next environment is \"%s\"", step->text, expected);
    (*next)++;
}

static void check_test_step(struct loader *loader, struct manifest_cell *entry,
                            const struct manifest_text *step, size_t next)
{
    const struct platform *platform = loader->platform;
    if (next >= platform->environment_count) {
        loader_error(loader, entry, "E_STAGE", step->at, "put it before a deploy step",
                     "\"%s\" stands after the last environment, where no gate is", step->text);
        return;
    }
    const struct environment *environment = &platform->environments[next];
    if (!has_gate(environment, step->text))
        loader_error(loader, entry, "E_STAGE", step->at,
                     "add the gate to the platform's environment, or remove the step",
                     "\"%s\": the environment \"%s\" has no such gate", step->text,
                     environment->name.text);
}

static void check_deploy(struct loader *loader, struct manifest_cell *entry,
                         const struct stage *stage)
{
    size_t next = 0;
    for (size_t i = 0; i < stage->steps.count; i++) {
        const struct manifest_text *step = &stage->steps.items[i];
        if (strncmp(step->text, deploy_to, strlen(deploy_to)) == 0)
            check_deploy_step(loader, entry, step, &next);
        else
            check_test_step(loader, entry, step, next);
    }
    if (next < loader->platform->environment_count && !entry->broken)
        loader_error(loader, entry, "E_STAGE", stage->name.at,
                     "add the step, or remove stages: the platform says it all",
                     "the stage does not deploy to \"%s\"",
                     loader->platform->environments[next].name.text);
}

static void check_cell(struct loader *loader, struct manifest_cell *entry)
{
    for (size_t i = 0; i < entry->cell->stage_count; i++) {
        const struct stage *stage = &entry->cell->stages[i];
        if (strcmp(stage->name.text, "deploy") == 0)
            check_deploy(loader, entry, stage);
        else if (i > 0)
            loader_error(loader, entry, "E_STAGE", stage->name.at, "put build first",
                         "nothing can be built after it is deployed");
    }
}

void check_stages(struct loader *loader)
{
    if (loader->platform != NULL)
        check_each_cell(loader, check_cell);
}
