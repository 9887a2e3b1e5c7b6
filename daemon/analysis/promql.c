#include "daemon/analysis/promql.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_FIRST "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:"
#define NAME_REST NAME_FIRST "0123456789"
#define SPACE " \t\r\n"

void promql_literal(struct text *out, const char *value)
{
    for (; *value != '\0'; value++) {
        const unsigned char c = (unsigned char)*value;
        if (c == '\\')
            text_add(out, "\\\\");
        else if (c < 0x20 || c == 0x7F || c == '"' || c == '\'' || c == '`')
            text_format(out, "\\x%02x", c); /* no quote ends a literal, whichever it has */
        else
            text_add_char(out, *value);
    }
}

/* The backslash is doubled: the literal's own escapes are taken off first. */
void promql_pattern(struct text *out, const char *value)
{
    for (; *value != '\0'; value++) {
        const char c[2] = {*value, '\0'};
        if (strchr(".+*?()|[]{}^$\\", *value) != NULL)
            text_add(out, "\\\\");
        promql_literal(out, c);
    }
}

void promql_duration(struct text *out, int64_t ms)
{
    if (ms % 1000 == 0)
        text_format(out, "%llds", (long long)(ms / 1000));
    else
        text_format(out, "%lldms", (long long)ms);
}

/* --- placeholders --------------------------------------------------------------------------- */

/* "cart-b" is the slot b of the route "cart". */
static bool add_cluster(struct text *out, const struct question_arm *arm)
{
    if (arm->namespace == NULL || arm->component == NULL || (arm->slot != 'a' && arm->slot != 'b'))
        return false;
    char route[256];
    const size_t length = strlen(arm->component);
    const bool is_slot =
        length > 2 && arm->component[length - 2] == '-' && arm->component[length - 1] == arm->slot;
    (void)snprintf(route, sizeof(route), "%.*s", (int)(is_slot ? length - 2 : length),
                   arm->component);
    text_add(out, "(httproute|grpcroute)/");
    promql_pattern(out, arm->namespace);
    text_add(out, "/");
    promql_pattern(out, route);
    text_format(out, "-[a-z0-9]+(-internal)?-[0-9a-f]{8}/rule/[0-9]+/backend/%d",
                arm->slot == 'a' ? 0 : 1);
    return true;
}

static bool add_upstream(struct text *out, const struct question_arm *arm)
{
    if (arm->namespace == NULL || arm->service == NULL)
        return false;
    promql_pattern(out, arm->namespace);
    text_add(out, "_");
    promql_pattern(out, arm->service);
    text_add(out, "_[0-9]+");
    return true;
}

static bool add_text(struct text *out, const char *value)
{
    if (value != NULL)
        promql_literal(out, value);
    return value != NULL;
}

static bool is_name(const char *name, size_t length, const char *wanted)
{
    return strlen(wanted) == length && memcmp(name, wanted, length) == 0;
}

static int fill_one(struct text *out, const char *name, size_t length,
                    const struct question_arm *arm, int64_t window_ms, bool *ret_known,
                    struct error *err)
{
    if (is_name(name, length, "namespace"))
        *ret_known = add_text(out, arm->namespace);
    else if (is_name(name, length, "workload"))
        *ret_known = add_text(out, arm->workload);
    else if (is_name(name, length, "service"))
        *ret_known = add_text(out, arm->service);
    else if (is_name(name, length, "component"))
        *ret_known = add_text(out, arm->component);
    else if (is_name(name, length, "cluster"))
        *ret_known = add_cluster(out, arm);
    else if (is_name(name, length, "upstream"))
        *ret_known = add_upstream(out, arm);
    else if (is_name(name, length, "window"))
        promql_duration(out, window_ms);
    else
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "a query has the placeholder ${%.*s}, which does not exist: there are "
                         "namespace, workload, service, component and window",
                         length > 40 ? 40 : (int)length, name);
    return 0;
}

int promql_fill(const char *query, const struct question_arm *arm, int64_t window_ms,
                struct text *out, enum promql_filled *ret_filled, struct error *err)
{
    *ret_filled = PROMQL_FILLED;
    while (*query != '\0') {
        const char *begin = strstr(query, "${");
        const char *end = begin == NULL ? NULL : strchr(begin, '}');
        if (end == NULL) {
            text_add(out, query);
            break;
        }
        text_add_bytes(out, query, (size_t)(begin - query));
        bool known = true;
        const int result =
            fill_one(out, begin + 2, (size_t)(end - begin - 2), arm, window_ms, &known, err);
        if (result < 0)
            return result;
        if (!known)
            *ret_filled = PROMQL_UNKNOWN;
        query = end + 1;
    }
    if (text_status(out) == ERR_LIMIT)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "a query is longer than %zu bytes",
                         out->limit);
    return text_status(out) < 0 ? error_no_memory(err) : 0;
}

bool promql_covers_window(const char *query)
{
    return strstr(query, "${window}") != NULL;
}

/* --- selectors ------------------------------------------------------------------------------ */

/* Behind the closing brace; NULL when there is none. Braces in literals do not count. */
static const char *skip_matchers(const char *from)
{
    char quote = '\0';
    for (from++; *from != '\0'; from++) {
        if (quote != '\0') {
            if (*from == '\\' && quote != '`' && from[1] != '\0')
                from++;
            else if (*from == quote)
                quote = '\0';
        } else if (*from == '"' || *from == '\'' || *from == '`') {
            quote = *from;
        } else if (*from == '}') {
            return from + 1;
        } else if (*from == '{' || *from == '(' || *from == '[') {
            return NULL;
        }
    }
    return NULL;
}

bool promql_is_selector(const char *query)
{
    query += strspn(query, SPACE);
    const bool is_named = *query != '\0' && strchr(NAME_FIRST, *query) != NULL;
    if (is_named)
        query += strspn(query, NAME_REST);
    query += strspn(query, SPACE);
    if (*query == '{')
        query = skip_matchers(query);
    else if (!is_named)
        return false;
    return query != NULL && query[strspn(query, SPACE)] == '\0';
}

void promql_narrow(struct text *out, const char *selector, const char *matcher)
{
    size_t length = strlen(selector);
    while (length > 0 && strchr(SPACE, selector[length - 1]) != NULL)
        length--;
    if (length == 0 || selector[length - 1] != '}') {
        text_add_bytes(out, selector, length);
        text_format(out, "{%s}", matcher);
        return;
    }
    length--;
    size_t end = length;
    while (end > 0 && strchr(SPACE, selector[end - 1]) != NULL)
        end--;
    text_add_bytes(out, selector, end);
    const bool first = end > 0 && (selector[end - 1] == '{' || selector[end - 1] == ',');
    text_format(out, "%s%s}", first ? "" : ",", matcher);
}

/* --- edges ---------------------------------------------------------------------------------- */

/* The shortest form with an exponent, as Go writes large numbers: 2.5e+06. */
static void add_exponent(struct text *out, double value)
{
    char number[64];
    for (int digits = 1; digits <= 14; digits++) {
        (void)snprintf(number, sizeof(number), "%.*g", digits, value);
        if (strtod(number, NULL) == value)
            break;
    }
    text_add(out, "|");
    promql_pattern(out, number);
}

/* Fewer digits than a double has: an edge that changed its unit is still the same. */
void promql_edges(struct text *out, double edge)
{
    char number[64];
    (void)snprintf(number, sizeof(number), "%.14g", edge);
    const double value = strtod(number, NULL);
    text_add(out, "\\\\+Inf|");
    promql_pattern(out, number);
    if (value == floor(value) && value < 1e14)
        text_format(out, "|%s\\\\.0", number);
    if (value >= 1e6)
        add_exponent(out, value);
}
