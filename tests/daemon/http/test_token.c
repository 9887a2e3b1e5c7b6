#include "config/base/json.h"
#include "daemon/http/token.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *document, *issuer, *text; /* issuer NULL and text NULL: no token wanted */
} resources[] = {
    {"{\"authorization_servers\":[\"https://idp.example\",\"https://other\"],"
     "\"openchoreo_security_enabled\":true}",
     "https://idp.example", NULL},
    {"{\"authorization_servers\":[\"https://idp.example\"]}", "https://idp.example", NULL},
    {"{\"openchoreo_security_enabled\":false}", NULL, NULL},
    {"{\"openchoreo_security_enabled\":true}", NULL, "/authorization_servers/0 is missing"},
    {"{\"authorization_servers\":[]}", NULL, "/authorization_servers/0 is missing"},
    {"{\"authorization_servers\":\"https://idp.example\"}", NULL, "is missing"},
    {"{\"authorization_servers\":[7]}", NULL, "/authorization_servers/0 is no text"},
    {"{\"authorization_servers\":[\"\"]}", NULL, "/authorization_servers/0 is no text"},
    {"[]", NULL, "is missing"},
};

Test(token, issuer_from_the_protected_resource)
{
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        OWNED_JSON *document = json_loads(resources[i].document, 0, NULL);
        OWNED(owned_free) char *issuer = NULL;
        bool is_required = true;
        struct error err = {.detail = ""};
        const int result = token_read_resource(document, &is_required, &issuer, &err);
        cr_expect_eq(result, resources[i].text == NULL ? 0 : ERR_INVALID, "row %zu", i);
        if (resources[i].text != NULL)
            cr_expect_not_null(strstr(err.detail, resources[i].text), "%s", err.detail);
        else
            cr_expect_eq(is_required, resources[i].issuer != NULL);
        if (resources[i].issuer != NULL)
            cr_expect_str_eq(issuer, resources[i].issuer);
    }
}

Test(token, endpoint_from_the_configuration)
{
    OWNED_JSON *good = json_loads("{\"token_endpoint\":\"https://idp.example/t\"}", 0, NULL);
    OWNED_JSON *bad = json_loads("{\"issuer\":\"x\"}", 0, NULL);
    OWNED(owned_free) char *endpoint = NULL;
    struct error err;
    cr_expect_eq(token_read_configuration(good, &endpoint, &err), 0);
    cr_expect_str_eq(endpoint, "https://idp.example/t");
    cr_expect_eq(token_read_configuration(bad, &endpoint, &err), ERR_INVALID);
    cr_expect_not_null(strstr(err.detail, "/token_endpoint is missing"), "%s", err.detail);
}

static const struct {
    const char *document, *text; /* NULL = good */
    int64_t lifetime_s;
} grants[] = {
    {"{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600}", NULL, 3600},
    {"{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":1}", NULL, 1},
    {"{\"access_token\":\"t\"}", NULL, 300},
    {"{\"access_token\":\"t\",\"expires_in\":null}", NULL, 300},
    {"{\"access_token\":\"t\",\"expires_in\":9223372036854775807}", NULL, 86400},
    {"{\"access_token\":\"t\",\"expires_in\":0}", "/expires_in is 0", 0},
    {"{\"access_token\":\"t\",\"expires_in\":-5}", "/expires_in is -5", 0},
    {"{\"access_token\":\"t\",\"expires_in\":\"3600\"}", NULL, 3600},
    {"{\"access_token\":\"t\",\"expires_in\":\"0\"}", "/expires_in is 0", 0},
    {"{\"access_token\":\"t\",\"expires_in\":\"soon\"}", "/expires_in is no whole number", 0},
    {"{\"access_token\":\"t\",\"expires_in\":\"9999999999\"}", "/expires_in is no whole number", 0},
    {"{\"access_token\":\"t\",\"expires_in\":1.5}", "/expires_in is no whole number", 0},
    {"{\"access_token\":\"t\",\"token_type\":\"mac\"}", "/token_type is not \"Bearer\"", 0},
    {"{\"access_token\":\"t\",\"token_type\":7}", "/token_type is not \"Bearer\"", 0},
    {"{\"expires_in\":3600}", "/access_token is missing", 0},
    {"{\"access_token\":7}", "/access_token is no text", 0},
    {"{\"access_token\":\"\"}", "/access_token is empty", 0},
    {"{\"access_token\":\"a\\r\\nX: y\"}", "/access_token is not one line", 0},
    {"{\"error\":\"invalid_client\"}", "/access_token is missing", 0},
};

Test(token, grant)
{
    for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
        OWNED_JSON *document = json_loads(grants[i].document, 0, NULL);
        OWNED(secret_freep) struct secret *token = NULL;
        struct duration lifetime = {.ms = 0};
        struct error err = {.detail = ""};
        const int result = token_read_grant(document, &token, &lifetime, &err);
        cr_expect_eq(result == 0, grants[i].text == NULL, "row %zu: %s", i, err.detail);
        cr_expect_eq(lifetime.ms, grants[i].lifetime_s * 1000, "row %zu", i);
        cr_expect_eq(token != NULL, grants[i].text == NULL);
        if (grants[i].text != NULL)
            cr_expect_not_null(strstr(err.detail, grants[i].text), "%s", err.detail);
    }
}

static int compare(void *context, const char *bytes, size_t length)
{
    (void)length;
    return strcmp(context, bytes);
}

Test(token, form_has_the_credentials_in_its_body)
{
    OWNED(secret_freep) struct secret *client_secret = NULL;
    OWNED(secret_freep) struct secret *form = NULL;
    OWNED(secret_freep) struct secret *scoped = NULL;
    cr_assert_eq(secret_new("p&ss", 4, SECRET_LINE, "it", &client_secret, NULL), 0);
    cr_assert_eq(token_form("celld", client_secret, NULL, &form, NULL), 0);
    char expected[] = "grant_type=client_credentials&client_id=celld&client_secret=p%26ss";
    cr_expect_eq(secret_use(form, compare, expected), 0);
    cr_assert_eq(token_form("celld", client_secret, "a b", &scoped, NULL), 0);
    char with_scope[] =
        "grant_type=client_credentials&client_id=celld&client_secret=p%26ss&scope=a%20b";
    cr_expect_eq(secret_use(scoped, compare, with_scope), 0);
}

static const struct {
    int64_t lifetime_s, refresh_ms;
} lives[] = {{3600, 3570000}, {120, 90000}, {60, 45000}, {4, 3000}, {1, 750}};

Test(token, is_replaced_before_its_end)
{
    for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
        const struct token_life life =
            token_life((struct mono_time){.ms = 1000}, DURATION_S(lives[i].lifetime_s));
        cr_expect_eq(life.refresh.ms, 1000 + lives[i].refresh_ms, "row %zu", i);
        cr_expect_eq(life.end.ms, 1000 + lives[i].lifetime_s * 1000, "row %zu", i);
    }
}
