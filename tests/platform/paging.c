/* Lists: filters that work for some kinds and are ignored by others, pages of one snapshot, opaque
 * cursors that expire. */
#include "config/base/check.h"
#include "tests/platform/selector.h"
#include "tests/platform/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 20
#define LARGEST_LIMIT 100

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(const char *text, char *ret, size_t size)
{
    size_t n = 0;
    const size_t length = strlen(text);
    for (size_t i = 0; i < length && n + 5 < size; i += 3) {
        const unsigned a = (unsigned char)text[i];
        const unsigned b = i + 1 < length ? (unsigned char)text[i + 1] : 0;
        const unsigned c = i + 2 < length ? (unsigned char)text[i + 2] : 0;
        const unsigned bits = a << 16 | b << 8 | c;
        const unsigned kept = i + 2 < length ? 4 : i + 1 < length ? 3 : 2;
        for (unsigned k = 0; k < kept; k++)
            ret[n++] = digits[bits >> (18 - 6 * k) & 63];
    }
    ret[n] = '\0';
}

static bool decode(const char *text, char *ret, size_t size)
{
    unsigned bits = 0, count = 0;
    size_t n = 0;
    for (; *text != '\0' && *text != '='; text++) {
        const char *digit = strchr(digits, *text);
        if (digit == NULL || n + 2 > size)
            return false;
        bits = (bits << 6 | (unsigned)(digit - digits)) & 0xffffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            ret[n++] = (char)(bits >> count & 0xff);
        }
    }
    ret[n] = '\0';
    return true;
}

static void make_cursor(uint64_t snapshot, size_t from, char *ret_cursor, size_t size)
{
    char inner[128], middle[192], outer[256];
    snprintf(inner, sizeof(inner), "{\"v\":\"meta.k8s.io/v1\",\"rv\":%llu,\"start\":\"%zu\"}",
             (unsigned long long)snapshot, from);
    encode(inner, middle, sizeof(middle));
    snprintf(outer, sizeof(outer), "{\"c\":\"%s\"}", middle);
    encode(outer, ret_cursor, size);
}

static bool read_cursor(const char *cursor, uint64_t *ret_snapshot, size_t *ret_from)
{
    char outer[512], middle[512], inner[512];
    if (!decode(cursor, outer, sizeof(outer)) || sscanf(outer, "{\"c\":\"%511[^\"]", middle) != 1 ||
        !decode(middle, inner, sizeof(inner)))
        return false;
    static const char first[] = "{\"v\":\"meta.k8s.io/v1\",\"rv\":", second[] = ",\"start\":\"";
    if (strncmp(inner, first, sizeof(first) - 1) != 0)
        return false;
    char *end;
    *ret_snapshot = strtoull(inner + sizeof(first) - 1, &end, 10);
    if (strncmp(end, second, sizeof(second) - 1) != 0)
        return false;
    *ret_from = strtoull(end + sizeof(second) - 1, &end, 10);
    return strcmp(end, "\"}") == 0;
}

static bool filters_by_project(enum kind kind)
{
    return kind == KIND_COMPONENT || kind == KIND_PROJECT_RELEASE || kind == KIND_PROJECT_BINDING ||
           kind == KIND_RESOURCE;
}

static bool filters_by_component(enum kind kind)
{
    return kind == KIND_RELEASE_BINDING || kind == KIND_WORKLOAD || kind == KIND_COMPONENT_RELEASE;
}

static bool is_wanted(enum kind kind, const struct object *o, const json_t *query)
{
    const char *project = values_text(query, "project");
    const char *component = values_text(query, "component");
    if (project[0] != '\0' && filters_by_project(kind) && strcmp(o->project, project) != 0)
        return false;
    if (component[0] != '\0' && filters_by_component(kind) && strcmp(o->component, component) != 0)
        return false;
    const char *selector = values_text(query, "labelSelector");
    return selector[0] == '\0' || selector_fits(selector, o->labels);
}

/* References to the objects themselves would show later changes; the snapshot holds what is. */
static json_t *collect(struct platform *p, enum kind kind, const char *ns, const json_t *query,
                       const char *subject)
{
    json_t *items = json_array();
    size_t from, to;
    store_range(p, kind, kinds_info(kind)->namespaced ? ns : NULL, &from, &to);
    char action[64];
    snprintf(action, sizeof(action), "%s:view", kinds_info(kind)->action);
    for (size_t i = from; i < to; i++) {
        const struct object *o = store_at(p, kind, i);
        const char *component = kind == KIND_COMPONENT ? o->name : o->component;
        const char *project = kind == KIND_PROJECT ? o->name : o->project;
        if (is_wanted(kind, o, query) && rights_may(p, subject, action, o->ns, project, component))
            json_array_append_new(items, store_show(o, 0));
    }
    return items;
}

static struct snapshot *keep_snapshot(struct platform *p, json_t *items)
{
    const size_t slots = sizeof(p->snapshots) / sizeof(*p->snapshots);
    struct snapshot *s = &p->snapshots[++p->snapshot_id % slots];
    json_decref(s->items);
    *s = (struct snapshot){.id = p->snapshot_id, .made_ms = p->now_ms, .items = json_incref(items)};
    return s;
}

static json_t *find_snapshot(struct platform *p, uint64_t id)
{
    const size_t slots = sizeof(p->snapshots) / sizeof(*p->snapshots);
    const struct snapshot *s = &p->snapshots[id % slots];
    const int64_t expiry = p->options.timing.cursor_expiry;
    if (s->items == NULL || s->id != id || (expiry > 0 && p->now_ms - s->made_ms > expiry))
        return NULL;
    return json_incref(s->items);
}

static bool read_limit(const json_t *query, size_t *ret_limit, struct answer *a)
{
    const char *text = values_text(query, "limit");
    *ret_limit = DEFAULT_LIMIT;
    if (values_get(query, "limit") == NULL)
        return true;
    char *end;
    errno = 0;
    const long limit = strtol(text, &end, 10);
    if (text[0] == '\0' || *end != '\0' || errno != 0) {
        char message[512];
        snprintf(message, sizeof(message),
                 "Invalid format for parameter limit: error binding string parameter: "
                 "strconv.ParseInt: parsing \"%s\": invalid syntax\n",
                 text);
        answer_text(a, 400, message);
        return false;
    }
    *ret_limit = limit < 1 ? 1 : limit > LARGEST_LIMIT ? LARGEST_LIMIT : (size_t)limit;
    return true;
}

static bool check_query(struct platform *p, enum kind kind, const char *ns, const json_t *query,
                        struct answer *a)
{
    const char *project = values_text(query, "project");
    if (kind == KIND_COMPONENT && project[0] != '\0' &&
        store_find(p, KIND_PROJECT, ns, project) == NULL) {
        answer_error(a, 404, "Project not found");
        return false;
    }
    if (!selector_is_sound(values_text(query, "labelSelector"))) {
        answer_error(a, 400,
                     "invalid label selector: unable to parse requirement: found '', "
                     "expected: ',', ')' or identifier");
        return false;
    }
    return true;
}

void paging_list(struct platform *p, enum kind kind, const char *ns, const json_t *query,
                 const char *subject, struct answer *a)
{
    size_t limit, from = 0;
    uint64_t id = 0;
    if (!read_limit(query, &limit, a) || !check_query(p, kind, ns, query, a))
        return;
    const char *cursor = values_text(query, "cursor");
    json_t *items = NULL;
    if (cursor[0] == '\0')
        items = collect(p, kind, ns, query, subject);
    else if (read_cursor(cursor, &id, &from))
        items = find_snapshot(p, id);
    if (items == NULL) {
        answer_internal(a);
        return;
    }
    json_t *page = json_array(), *pagination = json_object();
    const size_t count = json_array_size(items);
    size_t i = from;
    for (; i < count && i < from + limit; i++)
        json_array_append(page, json_array_get(items, i));
    if (i < count) {
        if (id == 0)
            id = keep_snapshot(p, items)->id;
        char next[512];
        make_cursor(id, i, next, sizeof(next));
        json_object_set_new(pagination, "nextCursor", json_string(next));
    }
    json_decref(items);
    answer_json(a, 200, json_pack("{s:o,s:o}", "items", page, "pagination", pagination));
}
