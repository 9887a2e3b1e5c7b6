#include "tests/daemon/analysis/stage.h"

#include "config/base/json.h"
#include "config/base/text.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 65536

json_t *stage_json(const char *text)
{
    struct error err = {0};
    json_t *value = NULL;
    OWNED_TEXT copy;
    text_init(&copy, (size_t)4 * SIZE);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '`')
            text_add(&copy, "\\\"");
        else
            text_add_char(&copy, *c == '\'' ? '"' : *c);
    }
    cr_assert_eq(json_read(text_get(&copy), copy.length, text, &value, &err), 0, "%s", err.detail);
    return value;
}

const char *stage_text(json_t *value)
{
    static char texts[4][SIZE];
    static unsigned turn;
    char *to = texts[turn++ % 4];
    char *text = json_canonical(value);
    cr_assert_not_null(text);
    (void)snprintf(to, SIZE, "%s", text);
    for (char *c = to; *c != '\0'; c++)
        *c = *c == '"' ? '\'' : *c;
    free(text);
    json_decref(value);
    return to;
}

json_t *stage_question(const char *purpose, const char *provider, const char *template_name,
                       const char *metrics)
{
    char text[SIZE];
    (void)snprintf(
        text, sizeof(text),
        "{'purpose':'%s','provider':'%s','template':'%s','cell':'cart','component':'cartservice',"
        "'target':'production-eu','environment':'production','region':'eu','namespace':'acme',"
        "'project':'cart','revision':'1f2e3d4','from':'1970-01-01T00:16:40Z','to':"
        "'1970-01-01T00:17:40Z','from_ms':1000000,'to_ms':1060000,"
        "'canary':{'slot':'b','component':'cartservice-b','binding':'cartservice-b-production-eu',"
        "'release':'d2','namespace':'dp-acme','workload':'cartservice-b-5f','service':"
        "'cartservice-b'},"
        "'stable':{'slot':'a','component':'cartservice-a','binding':'cartservice-a-production-eu',"
        "'release':'d1','namespace':'dp-acme','workload':'cartservice-a-5f','service':"
        "'cartservice-a'},'metrics':[%s]}",
        purpose, provider, template_name, metrics);
    return stage_json(text);
}

json_t *stage_answer(const char *type, const char *result)
{
    char text[SIZE];
    (void)snprintf(text, sizeof(text),
                   "{'status':'success','data':{'resultType':'%s','result':[%s]}}", type, result);
    return stage_json(text);
}

void stage_samples(enum samples_shape shape, const char *result, struct samples *ret_samples)
{
    struct error err = {0};
    json_t *answer = stage_answer(shape == SAMPLES_VECTOR ? "vector" : "matrix", result);
    cr_assert_eq(samples_read(answer, shape, ret_samples, &err), 0, "%s", err.detail);
    json_decref(answer);
}
