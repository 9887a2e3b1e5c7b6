/* Who may do what: (Cluster)AuthzRoles bound to the claim `sub`. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

/* Name, lowest scope, and what a role may be narrowed by, with its description. */
static const char *const catalog[][4] = {
#include "tests/platform/actions.inc"
};

static bool covers(const json_t *role, const char *action)
{
    size_t i;
    json_t *pattern;
    json_array_foreach(values_get(role, "actions"), i, pattern)
    {
        if (values_glob(json_text_or(pattern, ""), action))
            return true;
    }
    return false;
}

static bool in_scope(const json_t *scope, const char *project, const char *component)
{
    const char *wanted = values_text(scope, "project"), *part = values_text(scope, "component");
    return (wanted[0] == '\0' || strcmp(wanted, project) == 0) &&
           (part[0] == '\0' || strcmp(part, component) == 0);
}

/* +1 allowed, -1 denied, 0 nothing said. */
static int judge(const struct platform *p, const struct object *binding, const char *subject,
                 const char *action, const char *project, const char *component)
{
    const json_t *entitlement = values_get(binding->spec, "entitlement");
    if (strcmp(values_text(entitlement, "claim"), "sub") != 0 ||
        strcmp(values_text(entitlement, "value"), subject) != 0)
        return 0;
    size_t i;
    json_t *mapping;
    json_array_foreach(values_get(binding->spec, "roleMappings"), i, mapping)
    {
        const json_t *ref = values_get(mapping, "roleRef");
        const bool cluster = strcmp(values_text(ref, "kind"), "ClusterAuthzRole") == 0;
        const struct object *role =
            store_find(p, cluster ? KIND_CLUSTER_AUTHZ_ROLE : KIND_AUTHZ_ROLE,
                       cluster ? NULL : binding->ns, values_text(ref, "name"));
        if (role != NULL && covers(role->spec, action) &&
            in_scope(values_get(mapping, "scope"), project, component))
            return strcmp(values_text(binding->spec, "effect"), "deny") == 0 ? -1 : 1;
    }
    return 0;
}

static bool is_off(const struct platform *p)
{
    return !p->options.security || !p->options.authorization;
}

bool rights_may(const struct platform *p, const char *subject, const char *action, const char *ns,
                const char *project, const char *component)
{
    if (is_off(p))
        return true;
    int allowed = 0, denied = 0;
    static const enum kind kinds[] = {KIND_CLUSTER_AUTHZ_BINDING, KIND_AUTHZ_BINDING};
    for (size_t k = 0; k < 2; k++) {
        size_t from, to;
        store_range(p, kinds[k], k == 0 ? NULL : ns, &from, &to);
        for (size_t i = from; i < to; i++) {
            const int verdict =
                judge(p, store_at(p, kinds[k], i), subject, action, project, component);
            allowed += verdict > 0;
            denied += verdict < 0;
        }
    }
    return allowed > 0 && denied == 0;
}

void platform_grant(struct platform *p, const char *role, const char *subject,
                    const json_t *actions)
{
    struct object *there = store_find(p, KIND_CLUSTER_AUTHZ_ROLE, NULL, role);
    json_t *spec = json_pack("{s:O}", "actions", actions);
    if (there != NULL)
        store_set_spec(p, there, spec);
    else
        store_add(p, KIND_CLUSTER_AUTHZ_ROLE, NULL, role, NULL, NULL, spec);
    if (store_find(p, KIND_CLUSTER_AUTHZ_BINDING, NULL, role) == NULL)
        store_add(p, KIND_CLUSTER_AUTHZ_BINDING, NULL, role, NULL, NULL,
                  json_pack("{s:{s:s,s:s},s:s,s:[{s:{s:s,s:s}}]}", "entitlement", "claim", "sub",
                            "value", subject, "effect", "allow", "roleMappings", "roleRef", "kind",
                            "ClusterAuthzRole", "name", role));
}

static json_t *show_action(const char *const row[4])
{
    json_t *action = json_pack("{s:s,s:s}", "lowestScope", row[1], "name", row[0]);
    if (row[2] != NULL)
        json_object_set_new(action, "conditions",
                            json_pack("[{s:s,s:s}]", "key", row[2], "description", row[3]));
    return action;
}

static void answer_actions(struct platform *p, struct answer *a)
{
    if (is_off(p)) {
        answer_internal(a);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof(catalog) / sizeof(*catalog); i++)
        json_array_append_new(list, show_action(catalog[i]));
    answer_json(a, 200, list);
}

static void answer_profile(struct platform *p, const char *subject, struct answer *a)
{
    if (is_off(p)) {
        answer_error(a, 403, "You do not have permission to perform this operation");
        return;
    }
    json_t *capabilities = json_object();
    for (size_t i = 0; i < sizeof(catalog) / sizeof(*catalog); i++)
        if (rights_may(p, subject, catalog[i][0], "", "", ""))
            json_object_set_new(capabilities, catalog[i][0],
                                json_pack("{s:[{s:s}],s:[]}", "allowed", "path", "*", "denied"));
    char time[32];
    values_time(p->now_ms, time);
    answer_json(a, 200,
                json_pack("{s:o,s:s,s:{s:s,s:[s],s:s}}", "capabilities", capabilities,
                          "evaluatedAt", time, "user", "entitlement_claim", "sub",
                          "entitlement_values", subject, "type", "service_account"));
}

static json_t *evaluate(struct platform *p, const json_t *question)
{
    const json_t *values = json_at(question, "subjectContext", "entitlementValues", NULL);
    const char *subject = json_text_or(json_array_get(values, 0), "");
    const char *action = values_text(question, "action");
    const json_t *h = json_at(question, "resource", "hierarchy", NULL);
    const char *ns = values_text(h, "namespace"), *project = values_text(h, "project");
    const char *component = values_text(h, "component");
    char path[512], reason[1024];
    snprintf(path, sizeof(path), "ns/%s%s%s%s%s", ns, project[0] == '\0' ? "" : "/project/",
             project, component[0] == '\0' ? "" : "/component/", component);
    const bool may = rights_may(p, subject, action, ns, project, component);
    if (may)
        snprintf(reason, sizeof(reason),
                 "Access granted: entitlement value '%s' authorized to perform '%s' on hierarchy "
                 "'%s'",
                 subject, action, path);
    else
        snprintf(reason, sizeof(reason), "Access denied: no matching policies found");
    return json_pack("{s:{s:s},s:b}", "context", "reason", reason, "decision", (int)may);
}

void rights_answer(struct platform *p, const char *path, const char *subject, const json_t *body,
                   struct answer *a)
{
    if (strcmp(path, "actions") == 0) {
        answer_actions(p, a);
    } else if (strcmp(path, "profile") == 0) {
        answer_profile(p, subject, a);
    } else if (strcmp(path, "evaluates") == 0 && json_is_array(body)) {
        json_t *list = json_array();
        size_t i;
        json_t *question;
        json_array_foreach(body, i, question) json_array_append_new(list, evaluate(p, question));
        answer_json(a, 200, list);
    } else {
        answer_text(a, 404, "404 page not found\n");
    }
}
