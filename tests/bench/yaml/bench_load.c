/* bench_load [CELLS]: time of manifest_load() over a generated repository, as a ratio to bare
 * libyaml events over the same bytes in the same run, and the memory that the set takes. */
#include "config/base/digest.h"
#include "config/manifest/load.h"

#include <yaml.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 15

struct corpus {
    struct manifest_file *files;
    size_t count, bytes;
};

static void add(struct corpus *corpus, enum manifest_file_kind kind, const char *path, char *text)
{
    const size_t length = strlen(text);
    const struct digest digest = digest_bytes(text, length);
    corpus->files[corpus->count++] =
        (struct manifest_file){kind, path, text, length, strdup(digest.text)};
    corpus->bytes += length;
}

static char *format_cell(int index)
{
    char *text = malloc(8192);
    (void)snprintf(
        text, 8192,
        "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: cell-%d}\nspec:\n"
        "  description: Generated cell number %d\n"
        "%s"
        "  components:\n"
        "    - name: service-%d\n      type: service\n"
        "      image: registry.example/service-%d:1.0.%d\n"
        "      endpoints:\n"
        "        - {name: api, type: http, port: 8080, basePath: /api/v1/c%d, visibility: "
        "[namespace]}\n"
        "        - {name: rpc, type: grpc, port: 9090, visibility: [namespace]}\n"
        "      readiness: {http: {path: /healthz}, period: 5s}\n"
        "    - name: worker-%d\n      type: worker\n"
        "      image: registry.example/worker-%d:1.0.%d\n"
        "  connections:\n"
        "    - name: \"upstream-api\"\n      target: \"shop-cell-%d\"\n"
        "      protocol: \"http\"\n      path: \"/api/v1/c%d\"\n"
        "  env:\n"
        "    - name: \"PORT\"\n      value: \"8080\"\n"
        "    - name: \"UPSTREAM\"\n      value: \"${CHOREO_CONNECTION_upstream-api}\"\n"
        "    - name: \"LOG_LEVEL\"\n      value: \"info\"\n"
        "  configurations:\n"
        "    - name: \"settings\"\n      type: \"config-map\"\n"
        "      mount_type: \"env variable\"\n      env_variables: |\n"
        "        {\n          \"REDIS_ADDR\": \"redis:6379\",\n          \"REDIS_DB\": \"0\"\n"
        "        }\n"
        "  resources:\n    limits:\n      cpu: \"1000m\"\n      memory: \"512Mi\"\n"
        "    requests:\n      cpu: \"100m\"\n      memory: \"128Mi\"\n"
        "  environments:\n    production:\n      components: {service-%d: {replicas: 3}}\n",
        index, index, index == 0 ? "" : "  dependsOn: [cell-0]\n", index, index, index, index,
        index, index, index, index == 0 ? 0 : index - 1, index == 0 ? 0 : index - 1, index);
    return text;
}

static char *format_platform(int cells)
{
    const size_t size = 4096 + (size_t)cells * 16;
    char *text = malloc(size);
    size_t used = (size_t)snprintf(
        text, size,
        "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n"
        "  namespace: shop\n  projectPrefix: shop-\n  regions: [us, eu]\n  environments:\n"
        "    - {name: development}\n    - {name: testing}\n"
        "    - {name: production, production: true, regions: [us, eu]}\n"
        "  phases:\n    - name: all\n      cells:\n");
    for (int i = 0; i < cells; i++)
        used += (size_t)snprintf(text + used, size - used, "        - cell-%d\n", i);
    return text;
}

static void generate(struct corpus *corpus, int cells)
{
    corpus->files = calloc((size_t)cells + 1, sizeof(*corpus->files));
    add(corpus, MANIFEST_FILE_PLATFORM, strdup("platform.yaml"), format_platform(cells));
    for (int i = 0; i < cells; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "cells/cell-%d/cell.yaml", i);
        add(corpus, MANIFEST_FILE_CELL, strdup(path), format_cell(i));
    }
}

static double now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static size_t bare_events(const struct corpus *corpus)
{
    size_t events = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        yaml_parser_t parser;
        (void)yaml_parser_initialize(&parser);
        yaml_parser_set_input_string(&parser, (const unsigned char *)corpus->files[i].bytes,
                                     corpus->files[i].length);
        for (bool ended = false; !ended;) {
            yaml_event_t event;
            if (yaml_parser_parse(&parser, &event) == 0)
                break;
            ended = event.type == YAML_STREAM_END_EVENT;
            yaml_event_delete(&event);
            events++;
        }
        yaml_parser_delete(&parser);
    }
    return events;
}

static struct manifest_set *load(const struct corpus *corpus, const struct manifest_set *previous)
{
    struct manifest_set *set = NULL;
    struct error err;
    if (manifest_load(corpus->files, corpus->count, NULL, previous, previous, &set, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.detail);
        exit(EXIT_FAILURE);
    }
    if (diagnostics_count(set->diagnostics) > 0) {
        (void)fprintf(stderr, "the generated repository is not sound: %s\n",
                      diagnostics_get(set->diagnostics, 0)->message);
        exit(EXIT_FAILURE);
    }
    return set;
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof(*times), compare);
    return times[ROUNDS / 2];
}

int main(int count, char **arguments)
{
    const int cells = count > 1 ? (int)strtol(arguments[1], NULL, 10) : 1000;
    struct corpus corpus = {0};
    double bare[ROUNDS], whole[ROUNDS], again[ROUNDS];
    size_t events = 0, memory = 0;
    generate(&corpus, cells);
    for (size_t i = 0; i < ROUNDS; i++) {
        double start = now_ms();
        events = bare_events(&corpus);
        bare[i] = now_ms() - start;
        const size_t before = mallinfo2().uordblks;
        start = now_ms();
        struct manifest_set *set = load(&corpus, NULL);
        whole[i] = now_ms() - start;
        memory = mallinfo2().uordblks - before;
        start = now_ms();
        struct manifest_set *next = load(&corpus, set);
        again[i] = now_ms() - start;
        manifest_set_unref(next);
        manifest_set_unref(set);
    }
    const double a = median(bare), b = median(whole), c = median(again);
    (void)printf("cells            %d (%zu KiB, %zu events)\n", cells, corpus.bytes / 1024, events);
    (void)printf("libyaml events   %.1f ms\n", a);
    (void)printf("manifest_load    %.1f ms, ratio %.2f (goal 1.3)\n", b, b / a);
    (void)printf("nothing changed  %.1f ms, ratio %.2f\n", c, c / a);
    (void)printf("memory           %.1f MiB, %.1f KiB a cell\n", (double)memory / 1048576,
                 (double)memory / 1024 / cells);
    for (size_t i = 0; i < corpus.count; i++) {
        free((void *)(uintptr_t)corpus.files[i].path);
        free((void *)(uintptr_t)corpus.files[i].bytes);
        free((void *)(uintptr_t)corpus.files[i].blob_id);
    }
    free(corpus.files);
    return EXIT_SUCCESS;
}
