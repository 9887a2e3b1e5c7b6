/* What an answer proves, without a network: error bodies of all shapes, and successes that are
 * none. */
#include "config/base/json.h"
#include "daemon/http/answer.h"
#include "daemon/http/problem.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const struct {
    const char *type, *body, *detail; /* of a PUT */
    int status;
    enum error_kind kind;
} failures[] = {
    {"application/json", "{\"error\":\"spec.x is required\",\"code\":\"UNPROCESSABLE_CONTENT\"}",
     "PUT /api/v1/things/a: answered 422 (UNPROCESSABLE_CONTENT: spec.x is required); celld does "
     "not repeat it until its manifest changes",
     422, ERROR_INVALID},
    {"application/json", "{\"error\":\"INVALID_TOKEN\",\"message\":\"invalid or expired token\"}",
     "PUT /api/v1/things/a: answered 401 (INVALID_TOKEN: invalid or expired token); celld retries; "
     "check its credentials and roles",
     401, ERROR_DENIED},
    {"text/plain; charset=utf-8", "can't decode JSON body: unexpected EOF\n",
     "PUT /api/v1/things/a: answered 400 (can't decode JSON body: unexpected EOF); celld does not "
     "repeat it until its manifest changes",
     400, ERROR_INVALID},
    {"text/plain; charset=utf-8", "404 page not found\n",
     "PUT /api/v1/things/a: answered 404 (404 page not found); it does not exist", 404,
     ERROR_NOT_FOUND},
    {"application/json", "{\"title\":\"Forbidden\",\"errorCode\":\"OBS-1\",\"message\":\"no\"}",
     "PUT /api/v1/things/a: answered 403 (OBS-1: no); celld retries; check its credentials and "
     "roles",
     403, ERROR_DENIED},
    {"application/json", "{\"error\":\"Internal server error\",\"code\":\"INTERNAL_ERROR\"}",
     "PUT /api/v1/things/a: answered 500 (INTERNAL_ERROR: Internal server error); celld reads it "
     "again and retries at once",
     500, ERROR_CONFLICT},
    {"application/json", "{\"error\":\"x\"}",
     "PUT /api/v1/things/a: answered 409 (x); celld reads it again and retries at once", 409,
     ERROR_CONFLICT},
    {"text/html", "<html><body>Bad gateway</body></html>",
     "PUT /api/v1/things/a: answered 502; it may have happened: celld looks before it sends "
     "anything again",
     502, ERROR_UNKNOWN},
    {"text/plain", "",
     "PUT /api/v1/things/a: answered 405; celld does not repeat it until its manifest changes", 405,
     ERROR_INVALID},
    {"application/json", "not json",
     "PUT /api/v1/things/a: answered 400; celld does not repeat it until its manifest changes", 400,
     ERROR_INVALID},
    {"application/json", "[1,2]",
     "PUT /api/v1/things/a: answered 400; celld does not repeat it until its manifest changes", 400,
     ERROR_INVALID},
    {"text/html", "moved",
     "PUT /api/v1/things/a: answered 301, a redirect, which celld does not follow; it may have "
     "happened: celld looks before it sends anything again",
     301, ERROR_UNKNOWN},
    {"text/plain",
     "a\r\n\tb\x1b[31m\xff\xe2\x80\xa8"
     "c",
     "PUT /api/v1/things/a: answered 400 (a b?[31m??c); celld does not repeat it until its "
     "manifest changes",
     400, ERROR_INVALID},
    {"application/json", "{\"error\":\"you sent Bearer s3cr3t-t0ken\",\"code\":\"BAD\"}",
     "PUT /api/v1/things/a: answered 400 (BAD: you sent Bearer ************); celld does not "
     "repeat it until its manifest changes",
     400, ERROR_INVALID},
};

static void read_answer(int status, const char *type, const char *body,
                        const struct answer_question *question, struct client_result *ret_result,
                        json_t **ret_body)
{
    struct exchange_answer raw = {.code = CURLE_OK,
                                  .message = "",
                                  .status = status,
                                  .sent = true,
                                  .body = body,
                                  .body_length = strlen(body)};
    (void)snprintf(raw.content_type, sizeof(raw.content_type), "%s", type);
    answer_read(&raw, question, ret_result, ret_body);
}

Test(answer, every_shape_of_error_becomes_one_sentence)
{
    OWNED(secret_freep) struct secret *token = NULL;
    cr_assert_eq(secret_new("s3cr3t-t0ken", 12, SECRET_LINE, "it", &token, NULL), 0);
    const struct answer_question question = {.method = HTTP_PUT,
                                             .path = "/api/v1/things/a?cursor=very-long",
                                             .body_cap = 1000,
                                             .hidden = token};
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        struct client_result result;
        OWNED_JSON *body = NULL;
        read_answer(failures[i].status, failures[i].type, failures[i].body, &question, &result,
                    &body);
        cr_expect_str_eq(result.error.detail, failures[i].detail);
        cr_expect_eq(result.error.kind, failures[i].kind, "row %zu", i);
        cr_expect_eq(result.error.http_status, failures[i].status);
        cr_expect_eq(result.error.retry_after_ms, -1);
        cr_expect_eq(result.body, body);
    }
}

Test(answer, a_long_error_text_is_cut)
{
    static char body[5000];
    memset(body, 'x', sizeof(body) - 1);
    const struct answer_question question = {.method = HTTP_POST, .path = "/a", .body_cap = 9000};
    struct client_result result;
    OWNED_JSON *json = NULL;
    read_answer(400, "text/plain", body, &question, &result, &json);
    cr_expect_lt(strlen(result.error.detail), 400);
    cr_expect_not_null(strstr(result.error.detail, "until its manifest changes"), "%s",
                       result.error.detail);
}

static const struct {
    const char *type, *body, *text; /* NULL = a success */
} successes[] = {
    {"application/json", "{}", NULL},
    {"application/json; charset=utf-8", "[]", NULL},
    {"Application/JSON", "{\"a\":[1,2]}", NULL},
    {"text/html", "<html>log in</html>", "with text/html instead of JSON"},
    {"text/plain", "ok", "with text/plain instead of JSON"},
    {"application/jsonp", "{}", "instead of JSON"},
    {"", "{}", "with no content type instead of JSON"},
    {"application/json", "", "line 1, column 0"},
    {"application/json", "<html>", "is not valid JSON"},
    {"application/json", "{\"items\":[", "is not valid JSON: line 1, column 10"},
    {"application/json", "{} x", "is not valid JSON"},
    {"application/json", "{}{}", "is not valid JSON"},
    {"application/json", "\xef\xbb\xbf{}", "is not valid JSON"},
    {"application/json", "{\"a\":\"\xff\"}", "is not valid JSON"},
    {"application/json", "{\"a\":1,\"a\":2}", "duplicate object key"},
    {"application/json", "{\"a\":\"\\ud800\"}", "is not valid JSON"},
    {"application/json", "{\"a\":\"\\u0000\"}", "is not valid JSON"},
    {"application/json", "{\"a\":NaN}", "is not valid JSON"},
    {"application/json", "{\"a\":Infinity}", "is not valid JSON"},
    {"application/json", "{\"a\":1e400}", "is not valid JSON"},
    {"application/json", "{\"a\":18446744073709551616}", "is not valid JSON"},
    {"application/json", "null", "no JSON object"},
    {"application/json", "\"text\"", "no JSON object"},
};

Test(answer, a_success_that_is_none_proves_nothing)
{
    for (size_t i = 0; i < sizeof(successes) / sizeof(successes[0]); i++) {
        for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
            const struct answer_question question = {
                .method = (enum http_method)m, .path = "/a", .body_cap = 1000};
            struct client_result result;
            OWNED_JSON *body = NULL;
            read_answer(200, successes[i].type, successes[i].body, &question, &result, &body);
            if (successes[i].text == NULL) {
                cr_expect_eq(result.verdict, VERDICT_DONE, "row %zu: %s", i, result.error.detail);
                cr_expect_eq(result.error.kind, ERROR_NONE);
                cr_expect_not_null(result.body);
                continue;
            }
            cr_expect_null(result.body, "row %zu", i);
            cr_expect_null(body, "row %zu", i);
            cr_expect_eq(result.verdict, m == HTTP_GET ? VERDICT_RETRY : VERDICT_READ_BACK,
                         "row %zu", i);
            cr_expect_eq(result.error.kind, m == HTTP_GET ? ERROR_UNAVAILABLE : ERROR_UNKNOWN,
                         "row %zu", i);
            cr_expect_eq(result.outcome, m == HTTP_GET ? CLIENT_ANSWERED : CLIENT_UNKNOWN);
            cr_expect_not_null(strstr(result.error.detail, successes[i].text), "row %zu: %s", i,
                               result.error.detail);
        }
    }
}

Test(answer, depth_has_a_limit)
{
    char body[400];
    memset(body, '[', 200);
    memset(body + 200, ']', 199);
    body[399] = '\0';
    const struct answer_question question = {.method = HTTP_GET, .path = "/a", .body_cap = 1000};
    struct client_result result;
    OWNED_JSON *json = NULL;
    read_answer(200, "application/json", body, &question, &result, &json);
    cr_expect_eq(result.error.kind, ERROR_UNAVAILABLE);
    cr_expect_eq(result.error.code, ERR_LIMIT);
    cr_expect_not_null(strstr(result.error.detail, "nested deeper than 64 levels"), "%s",
                       result.error.detail);
}

Test(answer, the_parser_never_quotes_the_body)
{
    const struct answer_question question = {.method = HTTP_GET, .path = "/a", .body_cap = 1000};
    struct client_result result;
    OWNED_JSON *json = NULL;
    read_answer(200, "application/json", "{\"access_token\":\"k3y\" \"k3y\"", &question, &result,
                &json);
    cr_expect_neq(result.verdict, VERDICT_DONE);
    cr_expect_null(strstr(result.error.detail, "k3y"), "%s", result.error.detail);
}

Test(answer, no_content_is_an_answer_to_a_delete_only)
{
    for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
        const struct answer_question question = {
            .method = (enum http_method)m, .path = "/a", .body_cap = 1000};
        struct client_result result;
        OWNED_JSON *json = NULL;
        read_answer(204, "", "", &question, &result, &json);
        cr_expect_eq(result.verdict == VERDICT_DONE, m == HTTP_DELETE, "method %d", m);
    }
}

static const struct {
    const char *body, *text; /* NULL = the right one */
} identities[] = {
    {"{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\"}}", NULL},
    {"{\"metadata\":{\"name\":\"b\",\"namespace\":\"n\",\"uid\":\"u\"}}",
     "/metadata/name is \"b\", not \"a\""},
    {"{\"metadata\":{\"name\":\"a\",\"namespace\":\"m\",\"uid\":\"u\"}}",
     "/metadata/namespace is \"m\", not \"n\""},
    {"{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"v\"}}",
     "/metadata/uid is \"v\", not \"u\""},
    {"{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"}}", "/metadata/uid is missing, not \"u\""},
    {"{\"metadata\":{\"name\":7}}", "/metadata/name is missing"},
    {"{\"metadata\":null}", "/metadata/name is missing"},
    {"[]", "/metadata/name is missing"},
};

Test(answer, about_another_object_proves_nothing)
{
    const struct answer_question question = {.method = HTTP_PUT,
                                             .path = "/a",
                                             .body_cap = 1000,
                                             .expect_name = "a",
                                             .expect_namespace = "n",
                                             .expect_uid = "u"};
    for (size_t i = 0; i < sizeof(identities) / sizeof(identities[0]); i++) {
        struct client_result result;
        OWNED_JSON *json = NULL;
        read_answer(200, "application/json", identities[i].body, &question, &result, &json);
        cr_expect_eq(result.verdict, identities[i].text == NULL ? VERDICT_DONE : VERDICT_READ_BACK,
                     "row %zu", i);
        if (identities[i].text != NULL)
            cr_expect_not_null(strstr(result.error.detail, identities[i].text), "%s",
                               result.error.detail);
    }
}

Test(answer, a_read_by_post_is_never_an_unknown_outcome)
{
    const struct answer_question question = {
        .method = HTTP_POST, .is_read = true, .path = "/a", .body_cap = 1000};
    struct client_result result;
    OWNED_JSON *json = NULL;
    read_answer(500, "application/json", "{}", &question, &result, &json);
    cr_expect_eq(result.verdict, VERDICT_RETRY);
    cr_expect_eq(result.outcome, CLIENT_ANSWERED);
    cr_expect_null(strstr(result.error.detail, "may have happened"));
}

Test(answer, retry_after_is_read_from_any_failure)
{
    struct exchange_answer raw = {.code = CURLE_OK,
                                  .message = "",
                                  .status = 503,
                                  .sent = true,
                                  .body = "",
                                  .retry_after = "7"};
    const struct answer_question question = {.method = HTTP_GET, .path = "/a", .body_cap = 1000};
    struct client_result result;
    OWNED_JSON *json = NULL;
    answer_read(&raw, &question, &result, &json);
    cr_expect_eq(result.error.retry_after_ms, 7000);
    cr_expect_eq(result.error.kind, ERROR_UNAVAILABLE);
}

Test(answer, compressed_although_nobody_asked)
{
    struct exchange_answer raw = {.code = CURLE_OK,
                                  .message = "",
                                  .status = 200,
                                  .sent = true,
                                  .body = "{}",
                                  .body_length = 2,
                                  .content_type = "application/json",
                                  .content_encoding = "gzip"};
    const struct answer_question question = {.method = HTTP_GET, .path = "/a", .body_cap = 1000};
    struct client_result result;
    OWNED_JSON *json = NULL;
    answer_read(&raw, &question, &result, &json);
    cr_expect_eq(result.error.kind, ERROR_UNAVAILABLE);
    cr_expect_not_null(strstr(result.error.detail, "compressed"), "%s", result.error.detail);
    (void)strcpy(raw.content_encoding, "identity");
    answer_read(&raw, &question, &result, &json);
    cr_expect_eq(result.verdict, VERDICT_DONE);
}
