/* Diagnostics as text for people, as JSON for programs, and as SARIF for code review. */
#include "config/base/check.h"
#include "config/base/json.h"
#include "config/manifest/diagnostic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *severity_name(enum diagnostic_severity severity)
{
    switch (severity) {
    case DIAGNOSTIC_ERROR:
        return "error";
    case DIAGNOSTIC_WARNING:
        return "warning";
    case DIAGNOSTIC_NOTE:
        return "note";
    }
    CHECK_UNREACHABLE();
}

static void write_place(const struct source_pos *at, struct text *out)
{
    if (at->path != NULL)
        text_add(out, at->path);
    if (at->path != NULL && at->line > 0)
        text_format(out, ":%u:%u", at->line, at->column);
    if (at->path != NULL)
        text_add(out, ": ");
}

static void write_text(const struct diagnostics *list, struct text *out)
{
    for (size_t i = 0; i < diagnostics_count(list); i++) {
        const struct diagnostic *d = diagnostics_get(list, i);
        write_place(&d->at, out);
        text_format(out, "%s: %s [%s]\n", severity_name(d->severity), d->message, d->code);
        if (d->related.path != NULL) {
            write_place(&d->related, out);
            text_format(out, "note: %s\n",
                        d->related_message != NULL ? d->related_message : "the other place");
        }
        if (d->hint != NULL) {
            write_place(&d->at, out);
            text_format(out, "note: %s\n", d->hint);
        }
    }
    if (diagnostics_dropped(list) > 0)
        text_format(out, "%zu more diagnostics are not shown\n", diagnostics_dropped(list));
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *place_to_json(const struct source_pos *at)
{
    if (at->path == NULL)
        return json_null();
    return json_pack("{s:s, s:I, s:I}", "path", at->path, "line", (json_int_t)at->line, "column",
                     (json_int_t)at->column);
}

static json_t *to_json(const struct diagnostics *list)
{
    json_t *items = json_array();
    for (size_t i = 0; items != NULL && i < diagnostics_count(list); i++) {
        const struct diagnostic *d = diagnostics_get(list, i);
        json_t *item = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "severity",
                                 severity_name(d->severity), "code", d->code, "message", d->message,
                                 "at", place_to_json(&d->at), "hint", text_or_null(d->hint), "cell",
                                 text_or_null(d->cell), "related", place_to_json(&d->related),
                                 "relatedMessage", text_or_null(d->related_message));
        if (item == NULL || json_array_append_new(items, item) < 0) {
            json_decref(items);
            return NULL;
        }
    }
    if (items == NULL)
        return NULL;
    return json_pack("{s:o, s:I, s:I}", "diagnostics", items, "errors",
                     (json_int_t)diagnostics_error_count(list), "dropped",
                     (json_int_t)diagnostics_dropped(list));
}

/* SARIF wants URIs: every byte that may not stand in a relative one is written as %XX. */
static json_t *path_to_uri(const char *path)
{
    OWNED_TEXT uri;
    text_init(&uri, 65536);
    for (; *path != '\0'; path++) {
        const unsigned char c = (unsigned char)*path;
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || strchr("-._~/", c) != NULL;
        if (plain)
            text_add_char(&uri, (char)c);
        else
            text_format(&uri, "%%%02X", (unsigned)c);
    }
    return text_status(&uri) < 0 ? NULL : json_string(text_get(&uri));
}

static json_t *sarif_location(const struct source_pos *at)
{
    json_t *physical = json_pack("{s:{s:o}}", "artifactLocation", "uri", path_to_uri(at->path));
    if (physical == NULL)
        return NULL;
    if (at->line > 0)
        (void)json_object_set_new(physical, "region",
                                  json_pack("{s:I, s:I}", "startLine", (json_int_t)at->line,
                                            "startColumn",
                                            (json_int_t)(at->column > 0 ? at->column : 1)));
    return json_pack("{s:o}", "physicalLocation", physical);
}

static json_t *sarif_result(const struct diagnostic *d)
{
    OWNED_TEXT message;
    text_init(&message, 8192);
    text_add(&message, d->message);
    if (d->hint != NULL)
        text_format(&message, " (%s)", d->hint);
    if (text_status(&message) < 0)
        return NULL;
    json_t *result = json_pack("{s:s, s:s, s:{s:s}}", "ruleId", d->code, "level",
                               severity_name(d->severity), "message", "text", text_get(&message));
    if (result == NULL)
        return NULL;
    if (d->at.path != NULL)
        (void)json_object_set_new(result, "locations", json_pack("[o]", sarif_location(&d->at)));
    if (d->related.path != NULL) {
        json_t *related = sarif_location(&d->related);
        if (related != NULL && d->related_message != NULL)
            (void)json_object_set_new(related, "message",
                                      json_pack("{s:s}", "text", d->related_message));
        (void)json_object_set_new(result, "relatedLocations", json_pack("[o]", related));
    }
    return result;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Every code that occurs, once, in order. */
static json_t *sarif_rules(const struct diagnostics *list)
{
    const size_t count = diagnostics_count(list);
    const char **codes = calloc(count + 1, sizeof(*codes));
    json_t *rules = json_array();
    for (size_t i = 0; codes != NULL && i < count; i++)
        codes[i] = diagnostics_get(list, i)->code;
    if (codes != NULL && count > 1)
        qsort(codes, count, sizeof(*codes), compare_names);
    for (size_t i = 0; codes != NULL && i < count; i++) {
        if (i == 0 || strcmp(codes[i], codes[i - 1]) != 0)
            (void)json_array_append_new(rules, json_pack("{s:s}", "id", codes[i]));
    }
    free(codes);
    return rules;
}

static json_t *to_sarif(const struct diagnostics *list)
{
    json_t *results = json_array();
    for (size_t i = 0; results != NULL && i < diagnostics_count(list); i++) {
        if (json_array_append_new(results, sarif_result(diagnostics_get(list, i))) < 0) {
            json_decref(results);
            return NULL;
        }
    }
    return json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema",
                     "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs",
                     "tool", "driver", "name", "celld", "version", CELLD_VERSION, "rules",
                     sarif_rules(list), "columnKind", "unicodeCodePoints", "results", results);
}

static int write_json(json_t *value, struct text *out)
{
    OWNED_JSON *owned = value;
    if (owned == NULL)
        return -ENOMEM;
    char *dump = json_dumps(owned, JSON_INDENT(2));
    if (dump == NULL)
        return -ENOMEM;
    text_add(out, dump);
    text_add_char(out, '\n');
    free(dump);
    return text_status(out);
}

int diagnostics_write(const struct diagnostics *list, enum diagnostic_format format,
                      struct text *out)
{
    switch (format) {
    case DIAGNOSTIC_TEXT:
        write_text(list, out);
        return text_status(out);
    case DIAGNOSTIC_JSON:
        return write_json(to_json(list), out);
    case DIAGNOSTIC_SARIF:
        return write_json(to_sarif(list), out);
    }
    CHECK_UNREACHABLE();
}
