/* From a request line to the handler: paths, methods, authentication. */
#include "tests/platform/crud.h"
#include "tests/platform/path.h"
#include "tests/platform/secrets.h"
#include "tests/platform/state.h"

#include <string.h>

static void not_found(struct answer *a)
{
    answer_text(a, 404, "404 page not found\n");
}

static void not_allowed(struct answer *a)
{
    answer_text(a, 405, "Method Not Allowed\n");
}

static bool is(const struct path *path, size_t i, const char *text)
{
    return i < path->count && strcmp(path->segments[i], text) == 0;
}

static void discover(struct platform *p, struct answer *a)
{
    answer_json(a, 200,
                json_pack("{s:[s],s:[s],s:b,s:s,s:s,s:[s,s,s]}", "authorization_servers", p->issuer,
                          "bearer_methods_supported", "header", "openchoreo_security_enabled",
                          (int)p->options.security, "resource", "https://control-plane.example/mcp",
                          "resource_name", "OpenChoreo MCP Server", "scopes_supported", "openid",
                          "profile", "email"));
}

static void describe_issuer(struct platform *p, struct answer *a)
{
    json_t *endpoint = json_sprintf("%s/oauth2/token", p->issuer);
    answer_json(a, 200,
                json_pack("{s:s,s:o,s:[s]}", "issuer", p->issuer, "token_endpoint", endpoint,
                          "grant_types_supported", "client_credentials"));
}

/* What needs no token. True when answered. */
static bool answer_open(struct platform *p, const struct platform_request *request,
                        const struct path *path, struct answer *a)
{
    if (path->count == 1 && is(path, 0, "health"))
        answer_text(a, 200, "OK");
    else if (path->count == 1 && is(path, 0, "ready"))
        answer_text(a, 200, "Ready");
    else if (path->count == 1 && is(path, 0, "version"))
        answer_json(a, 200,
                    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "buildTime", "not-set",
                              "gitRevision", "not-set", "goArch", "amd64", "goOS", "linux",
                              "goVersion", "go1.26.8", "name", "not-set", "version", "not-set"));
    else if (is(path, 0, ".well-known") && is(path, 1, "oauth-protected-resource"))
        discover(p, a);
    else if (is(path, 0, ".well-known") && is(path, 1, "openid-configuration"))
        describe_issuer(p, a);
    else if (is(path, 0, "oauth2") && is(path, 1, "token"))
        tokens_issue(p, request->body, a);
    else
        return false;
    if (a->text != NULL && a->status == 200)
        a->content_type = "text/plain";
    return true;
}

static void answer_schema(const struct crud *c)
{
    const struct object *o = store_find(c->platform, c->kind, c->ns, c->name);
    if (o == NULL) {
        answer_error(c->answer, 404, kinds_info(c->kind)->missing);
        return;
    }
    const json_t *spec = o->spec;
    if (c->kind == KIND_COMPONENT) {
        const char *slash = strchr(values_text(values_get(spec, "componentType"), "name"), '/');
        const struct object *type =
            slash == NULL ? NULL
                          : store_find(c->platform, KIND_CLUSTER_COMPONENT_TYPE, NULL, slash + 1);
        spec = type == NULL ? NULL : type->spec;
    }
    const json_t *schema = json_at(spec, "parameters", "openAPIV3Schema", NULL);
    answer_json(c->answer, 200,
                schema != NULL ? values_copy(schema)
                               : json_pack("{s:{},s:s}", "properties", "type", "object"));
}

static void answer_binding_part(const struct crud *c, const struct path *path, size_t at)
{
    struct object *o = store_find(c->platform, c->kind, c->ns, c->name);
    if (o == NULL)
        answer_error(c->answer, 404, kinds_info(c->kind)->missing);
    else if (at + 2 == path->count && crud_may(c, "view", o->project, o->component))
        tree_answer(c->platform, o, path->segments[at + 1], path->query, c->answer);
    else if (c->answer->status == 0)
        not_found(c->answer);
}

/* Below one object: /schema, /generate-release, /k8sresources/…, /status, /logs, /events. */
static void answer_part(const struct crud *c, const struct path *path, size_t at,
                        const char *method)
{
    const char *part = path->segments[at];
    const bool get = strcmp(method, "GET") == 0;
    if (strcmp(part, "schema") == 0 && get) {
        answer_schema(c);
    } else if (strcmp(part, "generate-release") == 0 && c->kind == KIND_COMPONENT && !get) {
        crud_generate_release(c);
    } else if (strcmp(part, "k8sresources") == 0 && c->kind == KIND_RELEASE_BINDING && get) {
        answer_binding_part(c, path, at);
    } else if (c->kind == KIND_WORKFLOW_RUN && get && at + 1 == path->count) {
        struct object *run = store_find(c->platform, c->kind, c->ns, c->name);
        if (run == NULL)
            answer_error(c->answer, 404, kinds_info(c->kind)->missing);
        else
            workflow_answer(c->platform, run, part, path->query, c->answer);
    } else {
        not_found(c->answer);
    }
}

static bool is_authz(enum kind kind)
{
    return kind == KIND_AUTHZ_ROLE || kind == KIND_CLUSTER_AUTHZ_ROLE ||
           kind == KIND_AUTHZ_BINDING || kind == KIND_CLUSTER_AUTHZ_BINDING;
}

static void answer_collection(struct crud *c, const struct path *path, size_t at,
                              const struct platform_request *request)
{
    struct platform *p = c->platform;
    const char *method = request->method;
    const bool has_name = at < path->count;
    if (is_authz(c->kind) && !(p->options.security && p->options.authorization)) {
        answer_internal(c->answer);
        return;
    }
    if (has_name)
        c->name = path->segments[at];
    if (at + 1 < path->count)
        answer_part(c, path, at + 1, method);
    else if (!has_name && strcmp(method, "GET") == 0)
        paging_list(p, c->kind, c->ns, path->query, c->subject, c->answer);
    else if (!has_name && strcmp(method, "POST") == 0)
        crud_post(c);
    else if (has_name && strcmp(method, "GET") == 0)
        crud_get(c);
    else if (has_name && strcmp(method, "PUT") == 0)
        crud_put(c);
    else if (has_name && strcmp(method, "DELETE") == 0)
        crud_delete(c);
    else
        not_allowed(c->answer);
}

static void answer_secrets(struct crud *c, const struct path *path,
                           const struct platform_request *request)
{
    c->kind = KIND_SECRET;
    c->name = path->count == 6 ? path->segments[5] : NULL;
    if (path->count == 5 && strcmp(request->method, "GET") == 0)
        paging_list(c->platform, c->kind, c->ns, path->query, c->subject, c->answer);
    else if (path->count == 5 && strcmp(request->method, "POST") == 0)
        secrets_post(c);
    else if (c->name != NULL && strcmp(request->method, "GET") == 0)
        secrets_get(c);
    else if (c->name != NULL && strcmp(request->method, "DELETE") == 0)
        secrets_delete(c);
    else
        not_allowed(c->answer);
}

static void answer_alpha(struct crud *c, const struct path *path,
                         const struct platform_request *request)
{
    struct platform *p = c->platform;
    if (is(path, 4, "secrets")) {
        if (!p->options.secret_management) {
            answer_error(c->answer, 501, "Secret API is disabled on this server");
            return;
        }
        answer_secrets(c, path, request);
    } else if (is(path, 4, "releasebindings") && is(path, 6, "trigger") && path->count == 7) {
        struct object *o = store_find(p, KIND_RELEASE_BINDING, c->ns, path->segments[5]);
        if (o == NULL)
            answer_error(c->answer, 404, "ReleaseBinding not found");
        else
            task_trigger(p, o, c->answer);
    } else {
        not_found(c->answer);
    }
}

static void answer_api(struct crud *c, const struct path *path,
                       const struct platform_request *request)
{
    const bool alpha = is(path, 1, "v1alpha1");
    if (!is(path, 0, "api") || (!alpha && !is(path, 1, "v1")) || path->count < 3) {
        not_found(c->answer);
        return;
    }
    const bool namespaced = is(path, 2, "namespaces") && path->count > 4;
    if (namespaced)
        c->ns = path->segments[3];
    if (alpha) {
        answer_alpha(c, path, request);
        return;
    }
    if (is(path, 2, "authz") && path->count == 4) {
        json_t *body = request->document != NULL ? json_deep_copy(request->document)
                       : request->body == NULL
                           ? NULL
                           : json_loadb(request->body, request->body_length, JSON_DECODE_ANY, NULL);
        rights_answer(c->platform, path->segments[3], c->subject, body, c->answer);
        json_decref(body);
        return;
    }
    c->kind = kinds_by_collection(path->segments[namespaced ? 4 : 2], namespaced);
    if (c->kind == KIND_RENDERED || c->kind == KIND_SECRET)
        not_found(c->answer);
    else
        answer_collection(c, path, namespaced ? 5 : 3, request);
}

void api_answer(struct platform *p, const struct platform_request *request, unsigned stale,
                struct answer *a, const char **ret_subject)
{
    struct path path;
    path_parse(&path, request->path);
    *ret_subject = "";
    if (path.too_long) {
        not_found(a);
    } else if (!answer_open(p, request, &path, a)) {
        const char *subject = tokens_subject(p, request->authorization, a);
        struct crud c = {.platform = p,
                         .kind = KIND_RENDERED,
                         .subject = subject,
                         .document = request->document,
                         .body = request->body,
                         .body_length = request->body_length,
                         .stale = stale,
                         .answer = a};
        if (subject != NULL) {
            *ret_subject = subject;
            answer_api(&c, &path, request);
        }
    }
    path_fini(&path);
}
