/* Header and cookie matches of a route. */
#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/compile/body.h"
#include "reconciler/compile/compile.h"

#include <errno.h>
#include <string.h>

#define EXPRESSION_LIMIT 16384

/* As a text that stands for itself in a regular expression, whatever the gateway's dialect. */
static void add_literal(struct text *expression, const char *literal)
{
    for (const char *at = literal; *at != '\0'; at++)
        text_format(expression, strchr(".^$|()[]{}*+?\\", *at) != NULL ? "\\%c" : "%c", *at);
}

/* All cookies come in one header, "a=1; b=2". The expression spans it all: gateways differ in
 * whether a part is enough. */
static json_t *cookie_expression(const struct header_match *match)
{
    OWNED_TEXT expression;
    text_init(&expression, EXPRESSION_LIMIT);
    text_add(&expression, "^(.*; *)?");
    add_literal(&expression, match->name.text);
    text_add(&expression, "=");
    add_literal(&expression, match->value.text);
    text_add(&expression, "(;.*)?$");
    return text_status(&expression) == 0 ? json_string(text_get(&expression)) : NULL;
}

static void add_match(struct body *body, json_t *list, const struct header_match *match)
{
    json_t *entry = json_object();
    switch (match->kind) {
    case MATCH_HEADER:
        body_put_text(body, entry, "type", "Exact");
        body_put_text(body, entry, "name", match->name.text);
        body_put_text(body, entry, "value", match->value.text);
        break;
    case MATCH_COOKIE:
        body_put_text(body, entry, "type", "RegularExpression");
        body_put_text(body, entry, "name", "Cookie");
        body_put(body, entry, "value", cookie_expression(match));
        break;
    }
    body_append(body, list, entry);
}

int deployment_put_matches(json_t *configs, const char *component,
                           const struct binding_wants *wants)
{
    struct body body = {0};
    json_object_del(configs, "matches");
    json_object_del(configs, "matchBackend");
    if (wants->match_count == 0)
        return 0;
    json_t *list = body_put_array(&body, configs, "matches");
    for (size_t i = 0; i < wants->match_count; i++)
        add_match(&body, list, &wants->matches[i]);
    body_put(&body, configs, "matchBackend", json_sprintf("%s-%c", component, wants->match_slot));
    return body.status;
}
