#include "tests/reconciler/engine/repository.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char platform_small[] = PLATFORM_HEAD "  environments:\n"
                                            "    - {name: development}\n"
                                            "  phases:\n"
                                            "    - {name: first, cells: [shop]}\n";

const char platform_large[] = PLATFORM_HEAD "  environments:\n"
                                            "    - {name: development}\n"
                                            "    - {name: testing}\n"
                                            "    - name: production\n"
                                            "      production: true\n"
                                            "      regions: [us, eu]\n"
                                            "      gates: [{name: approval, manual: {}}]\n"
                                            "  phases:\n"
                                            "    - {name: first, cells: [billing]}\n"
                                            "    - {name: second, cells: [shop]}\n";

char *cell_text(const char *name, const char *image, const char *extra)
{
    char *text = NULL;
    const int length =
        asprintf(&text,
                 "apiVersion: celld.dev/v1\n"
                 "kind: Cell\n"
                 "metadata: {name: %s}\n"
                 "spec:\n"
                 "  components:\n"
                 "    - name: %s-api\n"
                 "      type: service\n"
                 "      image: %s\n"
                 "      endpoints:\n"
                 "        - {name: http, type: http, port: 8080, basePath: /%s, visibility: "
                 "[namespace, external]}\n"
                 "%s",
                 name, name, image, name, extra == NULL ? "" : extra);
    CHECK(length > 0);
    return text;
}

void repository_commit_files(struct world *world, int revision, const struct world_file *files,
                             size_t count)
{
    char commit[41];
    snprintf(commit, sizeof commit, "%040x", (unsigned)revision);
    world_commit(world, commit, files, count);
}

void repository_commit_native(struct world *world, int revision, const char *platform,
                              const char *path, const char *text)
{
    char *cell = cell_text("shop", "registry.example/shop:1", NULL);
    const struct world_file files[] = {
        {"platform.yaml", platform}, {"cells/shop/cell.yaml", cell}, {path, text}};
    repository_commit_files(world, revision, files, text == NULL ? 2 : 3);
    free(cell);
}

void repository_commit(struct world *world, int revision, const char *platform, ...)
{
    struct world_file files[17];
    char paths[16][128];
    char *texts[16];
    size_t count = 0;
    files[count++] = (struct world_file){"platform.yaml", platform};
    va_list cells;
    va_start(cells, platform);
    for (const char *name; count <= 16 && (name = va_arg(cells, const char *)) != NULL; count++) {
        const char *image = va_arg(cells, const char *);
        const char *extra = va_arg(cells, const char *);
        snprintf(paths[count - 1], sizeof paths[0], "cells/%s/cell.yaml", name);
        texts[count - 1] =
            strncmp(image, "raw:", 4) == 0 ? strdup(image + 4) : cell_text(name, image, extra);
        files[count] = (struct world_file){paths[count - 1], texts[count - 1]};
    }
    va_end(cells);
    repository_commit_files(world, revision, files, count);
    for (size_t i = 1; i < count; i++)
        free(texts[i - 1]);
}

struct world *repository_world(void)
{
    struct world_options options;
    world_options_default(&options);
    return world_new(&options);
}

const char *repository_release(const struct world *world, const char *binding)
{
    static char release[128];
    json_t *object = platform_object(world->platform, "releasebindings", "acme", binding);
    snprintf(release, sizeof release, "%s",
             json_text_or(json_at(object, "spec", "releaseName", NULL), ""));
    json_decref(object);
    return release;
}
