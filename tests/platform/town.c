#include "tests/platform/town.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACME "/api/v1/namespaces/acme"
#define START_MS INT64_C(1795379531000)

int town_ask(struct town *t, const char *method, const char *path, const char *body,
             json_t **ret_body)
{
    const struct platform_request request = {.method = method,
                                             .path = path,
                                             .body = body,
                                             .body_length = body == NULL ? 0 : strlen(body)};
    struct platform_response response;
    t->now_ms += 5;
    platform_handle(t->platform, &request, t->now_ms, &response);
    if (ret_body != NULL)
        *ret_body = response.body == NULL
                        ? NULL
                        : json_loadb(response.body, response.length, JSON_DECODE_ANY, NULL);
    const int status = response.status;
    platform_response_fini(&response);
    return status;
}

json_t *town_must(struct town *t, int status, const char *method, const char *path,
                  const char *body)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "%s%s", strncmp(path, "/api/", 5) == 0 ? "" : ACME, path);
    json_t *answer = NULL;
    const int got = town_ask(t, method, whole, body, &answer);
    if (got != status) {
        char *text = json_dumps(answer, JSON_ENCODE_ANY | JSON_COMPACT);
        fprintf(stderr, "%s %s: %d instead of %d: %s\n", method, whole, got, status,
                text == NULL ? "" : text);
        abort();
    }
    return answer;
}

static void make(struct town *t, const char *collection, const char *body)
{
    json_decref(town_must(t, 201, "POST", collection, body));
}

/* The types as they were last written to the real platform. */
static void add_types(struct town *t)
{
    FILE *file = fopen(TEST_SOURCE_DIR "/tests/platform/recordings/23-final-types.jsonl", "re");
    CHECK(file != NULL);
    char *line = NULL;
    size_t capacity = 0;
    for (int i = 1; i <= 3 && getline(&line, &capacity, file) > 0; i++) {
        json_t *row = json_loads(line, 0, NULL);
        char *body = json_dumps(json_at(row, "request", "body", NULL), JSON_COMPACT);
        if (i != 2)
            make(t, "/api/v1/clustercomponenttypes", body);
        free(body);
        json_decref(row);
    }
    free(line);
    fclose(file);
}

struct town *town_new(const struct platform_options *options)
{
    struct platform_options defaults;
    platform_options_default(&defaults);
    struct town *t = calloc(1, sizeof(*t));
    CHECK(t != NULL);
    t->platform = platform_new(options == NULL ? &defaults : options);
    t->now_ms = START_MS;
    make(t, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"acme\"}}");
    make(t, "/environments",
         "{\"metadata\":{\"name\":\"development\"},\"spec\":{\"dataPlaneRef\":"
         "{\"kind\":\"ClusterDataPlane\",\"name\":\"us\"}}}");
    make(t, "/deploymentpipelines",
         "{\"metadata\":{\"name\":\"default\"},\"spec\":{\"promotionPaths\":[]}}");
    add_types(t);
    make(t, "/projects", "{\"metadata\":{\"name\":\"shop\"},\"spec\":{}}");
    town_pass(t, 2000);
    make(t, "/projectreleasebindings",
         "{\"metadata\":{\"name\":\"shop-development\"},\"spec\":{\"environment\":\"development\","
         "\"owner\":{\"projectName\":\"shop\"}}}");
    town_pass(t, 5000);
    return t;
}

struct town *town_free(struct town *t)
{
    if (t != NULL)
        platform_free(t->platform);
    free(t);
    return NULL;
}

void town_pass(struct town *t, int64_t ms)
{
    t->now_ms += ms;
    platform_advance(t->platform, t->now_ms);
}

static void put_workload(struct town *t, bool create, const char *name, const char *image)
{
    char path[128], body[1024];
    snprintf(path, sizeof(path), "/workloads%s%s", create ? "" : "/", create ? "" : name);
    snprintf(body, sizeof(body),
             "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"owner\":{\"projectName\":\"shop\","
             "\"componentName\":\"%s\"},\"container\":{\"image\":\"%s\"},\"endpoints\":{\"http\":"
             "{\"type\":\"HTTP\",\"port\":8080,\"visibility\":[\"project\",\"external\"]}}}}",
             name, name, image);
    json_decref(town_must(t, create ? 201 : 200, create ? "POST" : "PUT", path, body));
}

static void generate(struct town *t, const char *name, const char *release)
{
    char path[128], body[128];
    snprintf(path, sizeof(path), "/components/%s/generate-release", name);
    snprintf(body, sizeof(body), "{\"releaseName\":\"%s\"}", release);
    json_decref(town_must(t, 201, "POST", path, body));
}

static void bind(struct town *t, bool create, const char *name, const char *release,
                 const char *configs)
{
    char path[128], body[2048];
    snprintf(path, sizeof(path), "/releasebindings%s%s%s", create ? "" : "/", create ? "" : name,
             create ? "" : "-development");
    snprintf(body, sizeof(body),
             "{\"metadata\":{\"name\":\"%s-development\"},\"spec\":{\"owner\":{\"projectName\":"
             "\"shop\",\"componentName\":\"%s\"},\"environment\":\"development\",\"releaseName\":"
             "\"%s\",\"componentTypeEnvironmentConfigs\":%s}}",
             name, name, release, configs);
    json_decref(town_must(t, create ? 201 : 200, create ? "POST" : "PUT", path, body));
}

void town_deploy_slot(struct town *t, const char *name, const char *slot, const char *image)
{
    char body[1024], release[128];
    snprintf(body, sizeof(body),
             "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"owner\":{\"projectName\":\"shop\"},"
             "\"componentType\":{\"kind\":\"ClusterComponentType\",\"name\":"
             "\"deployment/cell-slot\"},\"parameters\":{\"service\":\"cart\",\"slot\":\"%s\"}}}",
             name, slot);
    make(t, "/components", body);
    put_workload(t, true, name, image);
    snprintf(release, sizeof(release), "%s-1", name);
    generate(t, name, release);
    bind(t, true, name, release, "{}");
}

void town_release(struct town *t, const char *name, const char *release, const char *image)
{
    put_workload(t, false, name, image);
    generate(t, name, release);
    bind(t, false, name, release, "{}");
}

static void route(struct town *t, bool create, const char *backends)
{
    char configs[1024];
    snprintf(configs, sizeof(configs), "{\"backends\":%s}", backends);
    bind(t, create, "cart", "cart-1", configs);
}

void town_deploy_route(struct town *t, const char *backends)
{
    make(t, "/components",
         "{\"metadata\":{\"name\":\"cart\"},\"spec\":{\"owner\":{\"projectName\":\"shop\"},"
         "\"componentType\":{\"kind\":\"ClusterComponentType\",\"name\":\"proxy/cell-route\"}}}");
    put_workload(t, true, "cart", "none:1");
    generate(t, "cart", "cart-1");
    route(t, true, backends);
}

void town_route(struct town *t, const char *backends)
{
    route(t, false, backends);
}

const char *town_condition(struct town *t, const char *binding, const char *type,
                           const char **ret_reason)
{
    static char status[16], reason[64];
    status[0] = reason[0] = '\0';
    json_t *object = platform_object(t->platform, "releasebindings", "acme", binding);
    size_t i;
    json_t *condition;
    json_array_foreach(json_at(object, "status", "conditions", NULL), i, condition)
    {
        if (strcmp(json_text_or(json_object_get(condition, "type"), ""), type) != 0)
            continue;
        snprintf(status, sizeof(status), "%s",
                 json_text_or(json_object_get(condition, "status"), ""));
        snprintf(reason, sizeof(reason), "%s",
                 json_text_or(json_object_get(condition, "reason"), ""));
    }
    json_decref(object);
    if (ret_reason != NULL)
        *ret_reason = reason;
    return status;
}

bool town_wait(struct town *t, const char *binding, const char *type, const char *status,
               int64_t limit_ms)
{
    const int64_t end = t->now_ms + limit_ms;
    while (strcmp(town_condition(t, binding, type, NULL), status) != 0) {
        const int64_t due = platform_next_due(t->platform);
        if (t->now_ms >= end)
            return false;
        t->now_ms = due > t->now_ms && due < end ? due : due >= end ? end : t->now_ms + 1;
        platform_advance(t->platform, t->now_ms);
    }
    return true;
}
