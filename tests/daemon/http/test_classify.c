#include "daemon/http/classify.h"

#include <criterion/criterion.h>
#include <curl/curl.h>

#include <string.h>

Test(classify, methods_and_verdicts_have_names)
{
    enum http_method method;
    for (int i = 0; i < HTTP_METHOD_COUNT; i++) {
        cr_assert(classify_method(classify_method_name((enum http_method)i), &method));
        cr_expect_eq(method, (enum http_method)i);
    }
    cr_expect_not(classify_method("PATCH", &method));
    cr_expect_not(classify_method("get", &method));
    cr_expect_str_eq(classify_verdict_name(VERDICT_READ_BACK), "read-back");
}

static const struct {
    int status;
    enum error_kind kinds[HTTP_METHOD_COUNT]; /* GET, PUT, POST, DELETE */
    enum verdict verdicts[HTTP_METHOD_COUNT];
} statuses[] = {
#define ALL(x)                                                                                     \
    {                                                                                              \
        x, x, x, x                                                                                 \
    }
#define READ_WRITE(r, w)                                                                           \
    {                                                                                              \
        r, w, w, w                                                                                 \
    }
    {200, ALL(ERROR_NONE), ALL(VERDICT_DONE)},
    {201, ALL(ERROR_NONE), ALL(VERDICT_DONE)},
    {204, ALL(ERROR_NONE), ALL(VERDICT_DONE)},
    {206, READ_WRITE(ERROR_UNAVAILABLE, ERROR_UNKNOWN),
     READ_WRITE(VERDICT_RETRY, VERDICT_READ_BACK)},
    {301, READ_WRITE(ERROR_UNAVAILABLE, ERROR_UNKNOWN),
     READ_WRITE(VERDICT_RETRY, VERDICT_READ_BACK)},
    {307, READ_WRITE(ERROR_UNAVAILABLE, ERROR_UNKNOWN),
     READ_WRITE(VERDICT_RETRY, VERDICT_READ_BACK)},
    {400, ALL(ERROR_INVALID), ALL(VERDICT_PERMANENT)},
    {401, ALL(ERROR_DENIED), ALL(VERDICT_DENIED)},
    {403, ALL(ERROR_DENIED), ALL(VERDICT_DENIED)},
    {404, ALL(ERROR_NOT_FOUND), ALL(VERDICT_MISSING)},
    {405, ALL(ERROR_INVALID), ALL(VERDICT_PERMANENT)},
    {408, READ_WRITE(ERROR_UNAVAILABLE, ERROR_UNKNOWN),
     READ_WRITE(VERDICT_RETRY, VERDICT_READ_BACK)},
    {409,
     {ERROR_UNAVAILABLE, ERROR_CONFLICT, ERROR_CONFLICT, ERROR_UNAVAILABLE},
     {VERDICT_RETRY, VERDICT_REFRESH, VERDICT_EXISTS, VERDICT_RETRY}},
    {410,
     {ERROR_UNAVAILABLE, ERROR_NOT_FOUND, ERROR_UNAVAILABLE, ERROR_NOT_FOUND},
     {VERDICT_RETRY, VERDICT_MISSING, VERDICT_RETRY, VERDICT_MISSING}},
    {412,
     {ERROR_UNAVAILABLE, ERROR_CONFLICT, ERROR_UNAVAILABLE, ERROR_UNAVAILABLE},
     {VERDICT_RETRY, VERDICT_REFRESH, VERDICT_RETRY, VERDICT_RETRY}},
    {413, ALL(ERROR_INVALID), ALL(VERDICT_PERMANENT)},
    {422, ALL(ERROR_INVALID), ALL(VERDICT_PERMANENT)},
    {429, ALL(ERROR_UNAVAILABLE), ALL(VERDICT_RETRY)},
    {500,
     {ERROR_UNAVAILABLE, ERROR_CONFLICT, ERROR_UNKNOWN, ERROR_UNKNOWN},
     {VERDICT_RETRY, VERDICT_REFRESH, VERDICT_READ_BACK, VERDICT_READ_BACK}},
    {501, ALL(ERROR_INVALID), ALL(VERDICT_PERMANENT)},
    {502, READ_WRITE(ERROR_UNAVAILABLE, ERROR_UNKNOWN),
     READ_WRITE(VERDICT_RETRY, VERDICT_READ_BACK)},
    {503, READ_WRITE(ERROR_UNAVAILABLE, ERROR_UNKNOWN),
     READ_WRITE(VERDICT_RETRY, VERDICT_READ_BACK)},
    {504, READ_WRITE(ERROR_UNAVAILABLE, ERROR_UNKNOWN),
     READ_WRITE(VERDICT_RETRY, VERDICT_READ_BACK)},
    {0, READ_WRITE(ERROR_UNAVAILABLE, ERROR_UNKNOWN), READ_WRITE(VERDICT_RETRY, VERDICT_READ_BACK)},
    {999, READ_WRITE(ERROR_UNAVAILABLE, ERROR_UNKNOWN),
     READ_WRITE(VERDICT_RETRY, VERDICT_READ_BACK)},
};

Test(classify, by_status_and_method)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
            const struct classification got =
                classify_status(statuses[i].status, (enum http_method)m);
            cr_expect_eq(got.kind, statuses[i].kinds[m], "%d on %s: %s", statuses[i].status,
                         classify_method_name((enum http_method)m), error_kind_name(got.kind));
            cr_expect_eq(got.verdict, statuses[i].verdicts[m], "%d on %s: %s", statuses[i].status,
                         classify_method_name((enum http_method)m),
                         classify_verdict_name(got.verdict));
        }
    }
}

Test(classify, every_status_has_a_row_and_only_success_is_no_error)
{
    for (int status = 0; status < 1000; status++) {
        for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
            const struct classification got = classify_status(status, (enum http_method)m);
            cr_expect_eq(got.kind == ERROR_NONE, got.verdict == VERDICT_DONE, "%d", status);
            cr_expect_eq(got.verdict == VERDICT_DONE, status >= 200 && status <= 204, "%d", status);
        }
    }
}

static const struct {
    CURLcode code;
    bool sent;
    enum error_kind get_kind, post_kind;
    enum verdict get_verdict, post_verdict;
} transports[] = {
    {CURLE_COULDNT_RESOLVE_HOST, false, ERROR_UNAVAILABLE, ERROR_UNAVAILABLE, VERDICT_RETRY,
     VERDICT_RETRY},
    {CURLE_COULDNT_CONNECT, false, ERROR_UNAVAILABLE, ERROR_UNAVAILABLE, VERDICT_RETRY,
     VERDICT_RETRY},
    {CURLE_OPERATION_TIMEDOUT, false, ERROR_TIMEOUT, ERROR_TIMEOUT, VERDICT_RETRY, VERDICT_RETRY},
    {CURLE_OPERATION_TIMEDOUT, true, ERROR_TIMEOUT, ERROR_UNKNOWN, VERDICT_RETRY,
     VERDICT_READ_BACK},
    {CURLE_GOT_NOTHING, true, ERROR_UNAVAILABLE, ERROR_UNKNOWN, VERDICT_RETRY, VERDICT_READ_BACK},
    {CURLE_RECV_ERROR, true, ERROR_UNAVAILABLE, ERROR_UNKNOWN, VERDICT_RETRY, VERDICT_READ_BACK},
    {CURLE_SEND_ERROR, true, ERROR_UNAVAILABLE, ERROR_UNKNOWN, VERDICT_RETRY, VERDICT_READ_BACK},
    {CURLE_PARTIAL_FILE, true, ERROR_UNAVAILABLE, ERROR_UNKNOWN, VERDICT_RETRY, VERDICT_READ_BACK},
    {CURLE_WRITE_ERROR, true, ERROR_LIMIT, ERROR_UNKNOWN, VERDICT_RETRY, VERDICT_READ_BACK},
    {CURLE_ABORTED_BY_CALLBACK, true, ERROR_UNAVAILABLE, ERROR_UNKNOWN, VERDICT_RETRY,
     VERDICT_READ_BACK},
    {CURLE_PEER_FAILED_VERIFICATION, false, ERROR_DENIED, ERROR_DENIED, VERDICT_DENIED,
     VERDICT_DENIED},
    {CURLE_SSL_CONNECT_ERROR, false, ERROR_UNAVAILABLE, ERROR_UNAVAILABLE, VERDICT_RETRY,
     VERDICT_RETRY},
    {CURLE_UNSUPPORTED_PROTOCOL, false, ERROR_INVALID, ERROR_INVALID, VERDICT_PERMANENT,
     VERDICT_PERMANENT},
    {CURLE_UNSUPPORTED_PROTOCOL, true, ERROR_UNAVAILABLE, ERROR_UNKNOWN, VERDICT_RETRY,
     VERDICT_READ_BACK},
    {CURLE_OUT_OF_MEMORY, false, ERROR_INTERNAL, ERROR_INTERNAL, VERDICT_RETRY, VERDICT_RETRY},
};

Test(classify, by_libcurl_code_method_and_whether_bytes_left)
{
    for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
        const struct classification get =
            classify_transport((int)transports[i].code, HTTP_GET, transports[i].sent);
        const struct classification post =
            classify_transport((int)transports[i].code, HTTP_POST, transports[i].sent);
        cr_expect_eq(get.kind, transports[i].get_kind, "row %zu", i);
        cr_expect_eq(get.verdict, transports[i].get_verdict, "row %zu", i);
        cr_expect_eq(post.kind, transports[i].post_kind, "row %zu", i);
        cr_expect_eq(post.verdict, transports[i].post_verdict, "row %zu", i);
    }
}

/* 2026-11-22T12:00:00Z */
#define NOW ((struct wall_time){.ms = INT64_C(1795348800000)})

static const struct {
    const char *value;
    int64_t ms;
} pauses[] = {
    {"1", 1000},
    {"30", 30000},
    {" 30 ", 30000},
    {"0", 1000},
    {"300", 300000},
    {"301", 300000},
    {"1000000000", 300000},
    {"99999999999999999999999999", 300000},
    {"-1", 1000},
    {"-1000000000", 1000},
    {"", 1000},
    {"soon", 1000},
    {"1.5", 1000},
    {"3s", 1000},
    {"\xff\xfe", 1000},
    {"Sun, 22 Nov 2026 12:01:00 GMT", 60000},
    {"Sunday, 22-Nov-26 12:01:00 GMT", 60000},
    {"Sun, 22 Nov 2026 11:00:00 GMT", 1000},
    {"Thu, 01 Jan 1970 00:00:00 GMT", 1000},
    {"Fri, 31 Dec 9999 23:59:59 GMT", 300000},
};

Test(classify, retry_after_is_clamped)
{
    for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++)
        cr_expect_eq(classify_retry_after(pauses[i].value, NOW).ms, pauses[i].ms, "\"%s\": %lld",
                     pauses[i].value, (long long)classify_retry_after(pauses[i].value, NOW).ms);
}
