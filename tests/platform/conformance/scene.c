#include "tests/platform/conformance/scene.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

static bool is_one_of(const char *file, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, file) == 0)
            return true;
    return false;
}

bool scene_is_optional(const char *file)
{
    static const char *const names[] = {"24b", "30", "30b", "32c", NULL};
    return is_one_of(file, names);
}

bool scene_is_crowded(const char *file)
{
    static const char *const names[] = {"31", "31b", "32", NULL};
    return is_one_of(file, names);
}

bool scene_is_polled(const char *file, const char *note)
{
    return strstr(note, "only changes kept") != NULL ||
           (strcmp(file, "29") == 0 && (strstr(note, "environment in no pipeline") != NULL ||
                                        strstr(note, "after the pipeline let go") != NULL));
}

static void grant(struct platform *p, const char *role, const char *subject, const char *actions)
{
    json_t *list = json_loads(actions, 0, NULL);
    platform_grant(p, role, subject, list);
    json_decref(list);
}

/* How the engine of the recordings treated a run, by its name. */
static void set_engine(struct platform *p)
{
    platform_workflow_pace(p, "*-mid-*", 14000, 0);
    platform_workflow_pace(p, "*-slow-*", 45000, 0);
    platform_workflow_pace(p, "*-late-*", 3000, 25000);
    platform_workflow_rule(p, "*fail*", "Failed");
}

void scene_open(struct platform *p, const char *file)
{
    set_engine(p);
    static const char *const webhooks[] = {"13", "13b", "24b", "32b", NULL};
    struct platform_options options;
    platform_options_default(&options);
    options.admission_webhooks = is_one_of(file, webhooks);
    options.security = options.authorization = strcmp(file, "16") == 0;
    if (options.security)
        options.issuer = "https://control-plane.example";
    platform_restart(p, &options);
    if (!options.security)
        return;
    platform_token_add(p, "root", "root", INT64_MAX);
    platform_token_add(p, "celld", "celld", INT64_MAX);
    platform_token_add(p, "half", "half", INT64_MAX);
    platform_token_add(p, "expired", "celld", 1);
    platform_token_add(p, "issuer", "!issuer", INT64_MAX);
    platform_token_add(p, "nobody", "", INT64_MAX);
    grant(p, "root", "root", "[\"*\"]");
}

void scene_close(struct platform *p)
{
    platform_stall_data_plane(p, 0);
    struct platform_options options;
    platform_options_default(&options);
    platform_restart(p, &options);
}

const char *scene_token(void)
{
    return "Bearer root";
}

const char *scene_authorization(const char *file, int line)
{
    static const char *const headers[] = {NULL,
                                          NULL,
                                          NULL,
                                          "Bearer no.such.token",
                                          "Bearer expired",
                                          "Bearer issuer",
                                          "Bearer unknown.key",
                                          "Bearer nobody"};
    if (strcmp(file, "16") != 0)
        return NULL;
    if (line < 8)
        return headers[line];
    return line >= 38 && line <= 40 ? "Bearer half" : "Bearer celld";
}

static void post(struct platform *p, const char *path, const char *body, int64_t now_ms)
{
    const struct platform_request request = {.method = "POST",
                                             .path = path,
                                             .authorization = "Bearer root",
                                             .body = body,
                                             .body_length = strlen(body)};
    struct platform_response response;
    platform_handle(p, &request, now_ms, &response);
    platform_response_fini(&response);
}

/* Puts a digit for every %d, and double quotes for single ones. */
static void fill(char *text, char digit)
{
    char *out = text;
    for (const char *in = text; *in != '\0'; in++) {
        if (in[0] == '%' && in[1] == 'd') {
            *out++ = digit;
            in++;
        } else {
            *out++ = (char)(*in == '\'' ? '"' : *in);
        }
    }
    *out = '\0';
}

/* 46 more like the one that was recorded. */
static void add_pages(struct platform *p, int64_t now_ms)
{
    for (int i = 1; i <= 46; i++) {
        char body[512];
        snprintf(body, sizeof(body),
                 "{\"metadata\":{\"name\":\"page-%02d\",\"labels\":{\"celld.dev/set\":\"page\"}},"
                 "\"spec\":{\"owner\":{\"projectName\":\"billing\"},\"componentType\":{\"kind\":"
                 "\"ClusterComponentType\",\"name\":\"deployment/cell-slot\"}}}",
                 i);
        post(p, "/api/v1/namespaces/acme/components", body, now_ms);
    }
}

/* Three of the hundred cells that were measured. */
static void add_scale(struct platform *p, int64_t now_ms)
{
    static const char ns[] = "/api/v1/namespaces/scale/";
    static const char *const rows[][2] = {
        {"projects",
         "{'metadata':{'name':'p00%d','labels':{'app.kubernetes.io/managed-by':'celld'}},"
         "'spec':{}}"},
        {"projectreleasebindings", "{'metadata':{'name':'p00%d-production'},'spec':{'owner':"
                                   "{'projectName':'p00%d'},'environment':'production'}}"},
        {"components", "{'metadata':{'name':'c00%d'},'spec':{'owner':{'projectName':'p00%d'},"
                       "'componentType':{'kind':'ClusterComponentType','name':"
                       "'deployment/cell-slot'},'parameters':{'service':'c','slot':'a'}}}"},
        {"workloads", "{'metadata':{'name':'c00%d'},'spec':{'owner':{'projectName':'p00%d',"
                      "'componentName':'c00%d'},'container':{'image':'x:1'},'endpoints':{'http':"
                      "{'type':'HTTP','port':8080,'visibility':['project']}}}}"},
        {"components/c00%d/generate-release", "{'releaseName':'c00%d-1'}"},
        {"releasebindings", "{'metadata':{'name':'c00%d-production','labels':{"
                            "'app.kubernetes.io/managed-by':'celld'}},'spec':{'owner':{"
                            "'projectName':'p00%d','componentName':'c00%d'},'environment':"
                            "'production','releaseName':'c00%d-1'}}"},
    };
    post(p, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"scale\"}}", now_ms);
    post(p, "/api/v1/namespaces/scale/environments",
         "{\"metadata\":{\"name\":\"production\"},\"spec\":{\"dataPlaneRef\":{\"kind\":"
         "\"ClusterDataPlane\",\"name\":\"us\"}}}",
         now_ms);
    for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++)
        for (int place = 0; place < 3; place++) {
            const char digit = (char)('0' + place);
            char path[256] = "", body[1024] = "";
            snprintf(path, sizeof(path), "%s%s", ns, rows[row][0]);
            snprintf(body, sizeof(body), "%s", rows[row][1]);
            fill(path, digit);
            fill(body, digit);
            post(p, path, body, now_ms + (int64_t)row * 500);
        }
}

static void change(struct platform *p, const char *collection, const char *ns, const char *name,
                   const char *patch, int64_t now_ms)
{
    json_t *parsed = json_loads(patch, 0, NULL);
    platform_tamper(p, collection, ns, name, parsed, now_ms);
    json_decref(parsed);
}

/* The project type was replaced between the recordings: all projects got new releases. */
static const char second_project_type[] =
    "{\"spec\":{\"environmentConfigs\":{\"openAPIV3Schema\":{\"properties\":{\"labels\":null,"
    "\"namespaceAnnotations\":{\"additionalProperties\":{\"type\":\"string\"},\"default\":{},"
    "\"type\":\"object\"},\"namespaceLabels\":{\"additionalProperties\":{\"type\":\"string\"},"
    "\"default\":{},\"type\":\"object\"}}}},\"resources\":[{\"id\":\"cell-namespace\","
    "\"targetPlane\":\"dataplane\",\"template\":{\"apiVersion\":\"v1\",\"kind\":\"Namespace\","
    "\"metadata\":{\"annotations\":\"${environmentConfigs.namespaceAnnotations}\",\"labels\":"
    "\"${oc_merge(metadata.labels, environmentConfigs.namespaceLabels)}\",\"name\":"
    "\"${metadata.namespace}\"}}}]}}";

static void add_partial_subject(struct platform *p, int64_t now_ms)
{
    post(p, "/api/v1/namespaces/acme/authzroles",
         "{\"metadata\":{\"name\":\"partial\"},\"spec\":{\"actions\":[\"component:view\"]}}",
         now_ms);
    post(p, "/api/v1/namespaces/acme/authzrolebindings",
         "{\"metadata\":{\"name\":\"partial\"},\"spec\":{\"entitlement\":{\"claim\":\"sub\","
         "\"value\":"
         "\"half\"},\"roleMappings\":[{\"roleRef\":{\"kind\":\"AuthzRole\",\"name\":\"partial\"},"
         "\"scope\":{\"project\":\"shop\"}}]}}",
         now_ms);
}

static void before_security(struct platform *p, int line, int64_t now_ms)
{
    if (line == 1)
        post(p, "/api/v1/namespaces/acme/components",
             "{\"metadata\":{\"name\":\"aaa-0\"},\"spec\":{\"owner\":{\"projectName\":\"billing\"},"
             "\"componentType\":{\"kind\":\"ClusterComponentType\",\"name\":\"deployment/"
             "cell-slot\"},"
             "\"parameters\":{\"service\":\"aaa\",\"slot\":\"a\"}}}",
             now_ms);
    if (line == 12)
        grant(p, "celld", "celld", "[\"*\"]");
    if (line == 34)
        add_partial_subject(p, now_ms);
}

int64_t scene_before(struct platform *p, const char *file, int line, const char *note,
                     int64_t now_ms)
{
    const bool race = (strcmp(file, "08") == 0 && strstr(note, "racing") != NULL) ||
                      (strcmp(file, "13") == 0 && line == 20);
    platform_fault_clear(p);
    if (race)
        platform_fault_add(
            p, &(struct platform_fault){
                   .kind = PLATFORM_FAULT_CONFLICT, .method = "PUT", .nth = 1, .count = 1});
    if (strcmp(file, "07c") == 0 && line == 2)
        add_pages(p, now_ms);
    if (strcmp(file, "14") == 0 && line == 2)
        platform_tamper_live(p, "Deployment", "dp-acme-shop-development-12d45ec4",
                             "orders-development-c6d944db", NULL);
    if (strcmp(file, "19") == 0 && line == 7)
        platform_stall_data_plane(p, now_ms + 600000);
    if (strcmp(file, "25") == 0 && line == 48)
        platform_task_result(p, "acme", "report", "production", true);
    if (strcmp(file, "31") == 0 && line == 141)
        platform_workflow_rule(p, "gate-slow-lost", "Lost");
    if (strcmp(file, "16") == 0)
        before_security(p, line, now_ms);
    static const char *const changed[] = {"12", "14", "18", "19", "21", NULL};
    if (line != 1 || !is_one_of(file, changed))
        return 0;
    if (strcmp(file, "12") == 0)
        add_scale(p, now_ms);
    if (strcmp(file, "14") == 0)
        change(p, "releasebindings", "acme", "orders-development",
               "{\"spec\":{\"componentTypeEnvironmentConfigs\":{\"replicas\":3}}}", now_ms);
    if (strcmp(file, "18") == 0)
        change(p, "clusterprojecttypes", NULL, "default", second_project_type, now_ms);
    if (strcmp(file, "19") == 0)
        change(p, "releasebindings", "acme", "orders-development",
               "{\"spec\":{\"releaseName\":\"orders-000000000002\"}}", now_ms);
    if (strcmp(file, "21") == 0)
        change(p, "releasebindings", "acme", "orders-development",
               "{\"spec\":{\"releaseName\":\"orders-000000000001\"}}", now_ms);
    return 60000;
}
