#include "daemon/http/classify.h"

#include "config/base/check.h"

#include <curl/curl.h>

#include <stddef.h>
#include <string.h>

static const char *const method_names[] = {
    [HTTP_GET] = "GET", [HTTP_PUT] = "PUT", [HTTP_POST] = "POST", [HTTP_DELETE] = "DELETE"};
_Static_assert(sizeof(method_names) / sizeof(method_names[0]) == HTTP_METHOD_COUNT,
               "a name per method");

static const char *const verdict_names[] = {
    [VERDICT_DONE] = "done",       [VERDICT_MISSING] = "missing",     [VERDICT_EXISTS] = "exists",
    [VERDICT_REFRESH] = "refresh", [VERDICT_PERMANENT] = "permanent", [VERDICT_DENIED] = "denied",
    [VERDICT_RETRY] = "retry",     [VERDICT_READ_BACK] = "read-back"};
_Static_assert(sizeof(verdict_names) / sizeof(verdict_names[0]) == VERDICT_COUNT,
               "a name per verdict");

bool classify_method(const char *text, enum http_method *ret_method)
{
    for (size_t i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (strcmp(method_names[i], text) == 0) {
            *ret_method = (enum http_method)i;
            return true;
        }
    }
    return false;
}

const char *classify_method_name(enum http_method method)
{
    CHECK((unsigned)method < HTTP_METHOD_COUNT);
    return method_names[method];
}

const char *classify_verdict_name(enum verdict verdict)
{
    CHECK((unsigned)verdict < VERDICT_COUNT);
    return verdict_names[verdict];
}

/* clang-format off */
#define DONE       {ERROR_NONE, VERDICT_DONE}
#define MISSING    {ERROR_NOT_FOUND, VERDICT_MISSING}
#define EXISTS     {ERROR_CONFLICT, VERDICT_EXISTS}
#define REFRESH    {ERROR_CONFLICT, VERDICT_REFRESH}
#define PERMANENT  {ERROR_INVALID, VERDICT_PERMANENT}
#define DENIED     {ERROR_DENIED, VERDICT_DENIED}
#define LATER      {ERROR_UNAVAILABLE, VERDICT_RETRY}
#define UNKNOWN    {ERROR_UNKNOWN, VERDICT_READ_BACK}

/* The first row that holds the status decides. 5xx of a proxy on a write proves nothing: the server
 * behind it may have done it before the connection broke. */
static const struct {
    int first, last;
    struct classification by_method[HTTP_METHOD_COUNT]; /* GET, PUT, POST, DELETE */
} statuses[] = {
    {200, 204, {DONE,      DONE,      DONE,      DONE}},
    {205, 399, {LATER,     UNKNOWN,   UNKNOWN,   UNKNOWN}}, /* no answer that this API gives */
    {400, 400, {PERMANENT, PERMANENT, PERMANENT, PERMANENT}},
    {401, 401, {DENIED,    DENIED,    DENIED,    DENIED}},
    {403, 403, {DENIED,    DENIED,    DENIED,    DENIED}},
    {404, 404, {MISSING,   MISSING,   MISSING,   MISSING}},
    {405, 405, {PERMANENT, PERMANENT, PERMANENT, PERMANENT}},
    {407, 407, {DENIED,    DENIED,    DENIED,    DENIED}},
    {408, 408, {LATER,     UNKNOWN,   UNKNOWN,   UNKNOWN}},
    {409, 409, {LATER,     REFRESH,   EXISTS,    LATER}},
    {410, 410, {LATER,     MISSING,   LATER,     MISSING}}, /* GET: a cursor that expired */
    {412, 412, {LATER,     REFRESH,   LATER,     LATER}},
    {425, 425, {LATER,     LATER,     LATER,     LATER}},
    {429, 429, {LATER,     LATER,     LATER,     LATER}},
    {400, 499, {PERMANENT, PERMANENT, PERMANENT, PERMANENT}},
    {500, 500, {LATER,     REFRESH,   UNKNOWN,   UNKNOWN}},
    {501, 501, {PERMANENT, PERMANENT, PERMANENT, PERMANENT}},
    {502, 599, {LATER,     UNKNOWN,   UNKNOWN,   UNKNOWN}},
};
/* clang-format on */
#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

struct classification classify_unusable(enum http_method method)
{
    return method == HTTP_GET ? (struct classification)LATER : (struct classification)UNKNOWN;
}

struct classification classify_status(int status, enum http_method method)
{
    CHECK((unsigned)method < HTTP_METHOD_COUNT);
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (status >= statuses[i].first && status <= statuses[i].last)
            return statuses[i].by_method[method];
    }
    return classify_unusable(method);
}

/* What is not in the table is ERROR_UNAVAILABLE: retrying is safe where nothing was sent. */
static const struct {
    int code;
    enum error_kind kind;
} transports[] = {
    {CURLE_OPERATION_TIMEDOUT, ERROR_TIMEOUT},
    {CURLE_URL_MALFORMAT, ERROR_INVALID},
    {CURLE_UNSUPPORTED_PROTOCOL, ERROR_INVALID},
    {CURLE_BAD_FUNCTION_ARGUMENT, ERROR_INTERNAL},
    {CURLE_FAILED_INIT, ERROR_INTERNAL},
    {CURLE_OUT_OF_MEMORY, ERROR_INTERNAL},
    {CURLE_PEER_FAILED_VERIFICATION, ERROR_DENIED},
    {CURLE_SSL_CERTPROBLEM, ERROR_DENIED},
    {CURLE_SSL_CIPHER, ERROR_DENIED},
    {CURLE_SSL_ISSUER_ERROR, ERROR_DENIED},
    {CURLE_SSL_CACERT_BADFILE, ERROR_INVALID},
    {CURLE_WRITE_ERROR, ERROR_LIMIT},
};
#define TRANSPORT_COUNT (sizeof(transports) / sizeof(transports[0]))

static enum verdict verdict_without_answer(enum error_kind kind)
{
    if (kind == ERROR_DENIED)
        return VERDICT_DENIED;
    return kind == ERROR_INVALID ? VERDICT_PERMANENT : VERDICT_RETRY;
}

struct classification classify_transport(int curl_code, enum http_method method, bool sent)
{
    CHECK(curl_code != CURLE_OK);
    if (sent && method != HTTP_GET)
        return (struct classification)UNKNOWN;
    enum error_kind kind = ERROR_UNAVAILABLE;
    for (size_t i = 0; i < TRANSPORT_COUNT; i++) {
        if (transports[i].code == curl_code)
            kind = transports[i].kind;
    }
    /* What only our own request can be wrong about cannot be found out from an answer. */
    if (sent && kind == ERROR_INVALID)
        kind = ERROR_UNAVAILABLE;
    return (struct classification){kind, verdict_without_answer(kind)};
}

/* Digits alone; -1 otherwise. Stops counting where it no longer matters. */
static int64_t read_seconds(const char *value)
{
    int64_t seconds = 0;
    if (*value == '\0')
        return -1;
    for (; *value >= '0' && *value <= '9'; value++) {
        if (seconds < 1000000)
            seconds = seconds * 10 + (*value - '0');
    }
    value += strspn(value, " \t");
    return *value == '\0' ? seconds : -1;
}

struct duration classify_retry_after(const char *value, struct wall_time now)
{
    value += strspn(value, " \t");
    int64_t ms = read_seconds(value);
    if (ms >= 0) {
        ms *= 1000;
    } else {
        const time_t date = curl_getdate(value, NULL);
        ms = date < 0 ? 0 : (int64_t)date * 1000 - now.ms;
    }
    if (ms < RETRY_AFTER_MIN.ms)
        return RETRY_AFTER_MIN;
    return ms > RETRY_AFTER_MAX.ms ? RETRY_AFTER_MAX : DURATION_MS(ms);
}
