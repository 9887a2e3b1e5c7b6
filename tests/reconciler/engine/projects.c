#include "tests/reconciler/engine/projects.h"

#include "config/base/json.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

/* development, testing, production on us and eu; no gates. */
static const char wide[] = PLATFORM_HEAD "  environments:\n"
                                         "    - {name: development}\n"
                                         "    - {name: testing}\n"
                                         "    - {name: production, regions: [us, eu]}\n"
                                         "  phases:\n"
                                         "    - {name: first, cells: [billing]}\n"
                                         "    - {name: second, cells: [shop]}\n";

const char *const projects_targets[4] = {"development", "testing", "production", "production-eu"};

void projects_commit(struct world *world, int revision, const char *image)
{
    repository_commit(world, revision, wide, "billing", "registry.example/billing:1", NULL, "shop",
                      image, NULL, NULL);
}

void projects_converge(struct world *world)
{
    projects_commit(world, 1, "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
}

void projects_change_type(struct world *world, const char *label)
{
    expect_changed(world, "clusterprojecttypes", NULL, "default",
                   json_pack("{s:{s:{s:s}}}", "spec", "labels", "generation", label));
}

const char *projects_text(const struct world *world, const char *collection, const char *name,
                          const char *part, const char *field, const char *more)
{
    static char texts[4][128];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    json_t *object = platform_object(world->platform, collection, "acme", name);
    snprintf(text, sizeof texts[0], "%s",
             json_text_or(json_at(object, part, field, more, NULL), ""));
    json_decref(object);
    return text;
}

const char *projects_pin(const struct world *world, const char *binding)
{
    return projects_text(world, PROJECTS_BINDINGS, binding, "spec", "projectRelease", NULL);
}

const char *projects_latest(const struct world *world, const char *project)
{
    return projects_text(world, "projects", project, "status", "latestRelease", "name");
}

const char *projects_written(const struct world *world)
{
    static char names[1024];
    names[0] = '\0';
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *row = platform_log_at(world->platform, i);
        const char *name = strstr(row->path, PROJECTS_BINDINGS "/");
        if (name == NULL || strcmp(row->method, "GET") == 0)
            continue;
        const size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", length == 0 ? "" : " ",
                 name + strlen(PROJECTS_BINDINGS "/acme-"));
    }
    return names;
}

void projects_expect_latest(const struct world *world, const char *project)
{
    for (size_t i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-%s", project, projects_targets[i]);
        cr_expect_str_eq(projects_pin(world, name), projects_latest(world, project), "%s", name);
    }
}
