#include "tests/platform/server_admin.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

static const char *text(const json_t *object, const char *key)
{
    return json_text_or(json_object_get(object, key), NULL);
}

static int64_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool add_fault(struct platform *p, const json_t *b)
{
    const char *name = text(b, "kind");
    const int kind = name == NULL ? -1 : platform_fault_from_name(name);
    if (kind < 0)
        return false;
    platform_fault_add(p, &(struct platform_fault){.kind = (enum platform_fault_kind)kind,
                                                   .method = text(b, "method"),
                                                   .path = text(b, "path"),
                                                   .nth = (unsigned)number(b, "nth"),
                                                   .count = (unsigned)number(b, "count"),
                                                   .parameter = number(b, "parameter")});
    return true;
}

static bool add_image(struct platform *p, const json_t *b)
{
    static const char *const kinds[] = {"healthy", "never-ready", "crashes", "missing", "slow"};
    const char *kind = text(b, "kind"), *glob = text(b, "glob");
    for (int i = 0; kind != NULL && glob != NULL && i < 5; i++) {
        if (strcmp(kinds[i], kind) != 0)
            continue;
        platform_image_rule(p, glob, (enum platform_image_kind)i, number(b, "delayMs"));
        return true;
    }
    return false;
}

static bool post(struct platform *p, const char *what, const json_t *b, int64_t now_ms)
{
    const char *ns = text(b, "namespace"), *name = text(b, "name");
    const json_t *patch = json_object_get(b, "patch");
    if (strcmp(what, "faults") == 0)
        return add_fault(p, b);
    if (strcmp(what, "images") == 0)
        return add_image(p, b);
    if (strcmp(what, "stall") == 0) {
        platform_stall(p, now_ms + number(b, "ms"));
        return true;
    }
    if (strcmp(what, "workflows") == 0 && text(b, "glob") != NULL && text(b, "outcome") != NULL) {
        platform_workflow_rule(p, text(b, "glob"), text(b, "outcome"));
        return true;
    }
    if (strcmp(what, "grant") == 0 && text(b, "role") != NULL && text(b, "subject") != NULL) {
        platform_grant(p, text(b, "role"), text(b, "subject"), json_object_get(b, "actions"));
        return true;
    }
    if (strcmp(what, "tamper") == 0 && text(b, "collection") != NULL && name != NULL)
        return platform_tamper(p, text(b, "collection"), ns, name, patch, now_ms);
    if (strcmp(what, "tamper-live") == 0 && text(b, "kind") != NULL && ns != NULL && name != NULL)
        return platform_tamper_live(p, text(b, "kind"), ns, name,
                                    json_is_object(patch) ? patch : NULL);
    return false;
}

static json_t *stats(const struct platform *p)
{
    const struct platform_counts c = platform_count(p);
    const struct platform_dangers d = platform_danger(p);
    json_t *counts = json_pack("{s:I,s:I,s:I,s:I,s:I}", "requests", (json_int_t)c.requests, "reads",
                               (json_int_t)c.reads, "writes", (json_int_t)c.writes, "changes",
                               (json_int_t)c.changes, "refused", (json_int_t)c.refused);
    const struct {
        const char *name;
        unsigned value;
    } rows[] = {{"namespaceDestroyed", d.namespace_destroyed},
                {"duplicateBinding", d.duplicate_binding},
                {"livelockEntered", d.livelock_entered},
                {"environmentDeleted", d.environment_deleted},
                {"weightToMissing", d.weight_to_missing},
                {"weightToUnready", d.weight_to_unready},
                {"routeTaken", d.route_taken},
                {"bindingWithoutPrb", d.binding_without_prb},
                {"releaseOverwritten", d.release_overwritten},
                {"danglingReference", d.dangling_reference},
                {"terminatingUsed", d.terminating_used},
                {"foreignErased", d.foreign_erased},
                {"doubleRollout", d.double_rollout}};
    json_t *dangers = json_object();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        json_object_set_new(dangers, rows[i].name, json_integer(rows[i].value));
    return json_pack("{s:o,s:o}", "counts", counts, "dangers", dangers);
}

static json_t *log_lines(const struct platform *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < platform_log_count(p); i++) {
        const struct platform_logged *e = platform_log_at(p, i);
        json_array_append_new(list,
                              json_pack("{s:I,s:I,s:s,s:s,s:i,s:b,s:b,s:s*}", "number",
                                        (json_int_t)e->number, "at", (json_int_t)e->at_ms, "method",
                                        e->method, "path", e->path, "status", e->status, "lost",
                                        (int)e->lost, "changed", (int)e->changed, "body", e->body));
    }
    return list;
}

static json_t *get(const struct platform *p, const char *what)
{
    if (strcmp(what, "stats") == 0)
        return stats(p);
    if (strcmp(what, "log") == 0)
        return log_lines(p);
    if (strncmp(what, "live", 4) == 0) {
        const char *kind = strstr(what, "?kind=");
        return platform_live_all(p, kind == NULL ? NULL : kind + 6);
    }
    return NULL;
}

static bool clear(struct platform *p, const char *what)
{
    if (strcmp(what, "faults") == 0)
        platform_fault_clear(p);
    else if (strcmp(what, "log") == 0)
        platform_log_clear(p);
    else
        return false;
    return true;
}

void server_admin_answer(struct platform *p, const char *method, const char *path, const char *body,
                         size_t length, int64_t now_ms, struct platform_response *ret)
{
    const char *what = path + strlen("/standin/");
    json_t *result = NULL;
    bool ok = false;
    platform_advance(p, now_ms);
    if (strcmp(method, "GET") == 0) {
        result = get(p, what);
        ok = result != NULL;
    } else if (strcmp(method, "DELETE") == 0) {
        ok = clear(p, what);
    } else {
        json_t *parsed = json_loadb(body, length, 0, NULL);
        ok = parsed != NULL && post(p, what, parsed, now_ms);
        json_decref(parsed);
    }
    if (result == NULL)
        result = json_pack("{s:b}", "ok", (int)ok);
    *ret = (struct platform_response){.status = ok ? 200 : 400,
                                      .content_type = "application/json",
                                      .body = json_dumps(result, JSON_COMPACT),
                                      .retry_after_s = -1,
                                      .cut = SIZE_MAX};
    CHECK(ret->body != NULL);
    ret->length = strlen(ret->body);
    json_decref(result);
}
