#include "daemon/http/exchange.h"

#include "config/base/check.h"
#include "config/base/owned.h"
#include "config/base/text.h"

#include <curl/curl.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_LIMIT ((size_t)64 * 1024)

struct exchange {
    struct multi *multi;
    struct multi_transfer transfer;
    struct curl_slist *headers;
    struct text body;
    size_t header_bytes;
    bool is_write;       /* not to be repeated by libcurl */
    unsigned beginnings; /* how often libcurl was about to send the request */
    exchange_done *done;
    void *context;
    struct exchange_answer answer;
    char message[CURL_ERROR_SIZE]; /* libcurl writes here until the handle is cleaned up */
};

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    const size_t length = size * count;
    text_add_bytes(&exchange->body, bytes, length);
    if (text_status(&exchange->body) < 0) {
        exchange->answer.too_large = text_status(&exchange->body) == ERR_LIMIT;
        return CURL_WRITEFUNC_ERROR;
    }
    return length;
}

/* Copies the value of header `name` if `line` is one; a value that does not fit counts as cut. */
static void keep_header(const char *line, size_t length, const char *name,
                        char value[static EXCHANGE_HEADER_SIZE])
{
    const size_t name_length = strlen(name);
    if (length <= name_length || line[name_length] != ':' ||
        strncasecmp(line, name, name_length) != 0)
        return;
    const char *from = line + name_length + 1;
    const char *end = line + length;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    size_t kept = (size_t)(end - from);
    if (kept >= EXCHANGE_HEADER_SIZE)
        kept = EXCHANGE_HEADER_SIZE - 1;
    for (size_t i = 0; i < kept; i++)
        value[i] = (char)(from[i] < ' ' || from[i] > '~' ? '?' : from[i]);
    value[kept] = '\0';
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    struct exchange_answer *answer = &exchange->answer;
    const size_t length = size * count;
    exchange->header_bytes += length;
    if (exchange->header_bytes > HEADERS_LIMIT) {
        answer->too_large = true;
        return 0;
    }
    if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        /* A new block: what came with an interim answer does not count. */
        answer->content_type[0] = answer->content_encoding[0] = answer->retry_after[0] = '\0';
        return length;
    }
    keep_header(bytes, length, "Content-Type", answer->content_type);
    keep_header(bytes, length, "Content-Encoding", answer->content_encoding);
    keep_header(bytes, length, "Retry-After", answer->retry_after);
    return length;
}

/* libcurl repeats a request by itself when a kept connection breaks before the first byte of the
 * answer. A write may have happened by then: it must not go out twice. */
/* NOLINTBEGIN(readability-non-const-parameter): the type is libcurl's. */
static int on_beginning(void *context, char *remote_address, char *local_address, int remote_port,
                        int local_port)
{
    (void)remote_address;
    (void)local_address;
    (void)remote_port;
    (void)local_port;
    struct exchange *exchange = context;
    exchange->beginnings++;
    return exchange->is_write && exchange->beginnings > 1 ? CURL_PREREQFUNC_ABORT
                                                          : CURL_PREREQFUNC_OK;
}
/* NOLINTEND(readability-non-const-parameter) */

static void fill_answer(struct exchange *exchange, CURLcode code)
{
    struct exchange_answer *answer = &exchange->answer;
    long status = 0, request_size = 0;
    (void)curl_easy_getinfo(exchange->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(exchange->transfer.easy, CURLINFO_REQUEST_SIZE, &request_size);
    answer->code = code;
    answer->message = exchange->message[0] != '\0' || code == CURLE_OK ? exchange->message
                                                                       : curl_easy_strerror(code);
    answer->status = status >= 100 && status <= 999 ? (int)status : 0;
    answer->sent = request_size > 0 || exchange->beginnings > 1;
    answer->body = text_get(&exchange->body);
    answer->body_length = exchange->body.length;
}

static void on_transfer_done(void *context, CURLcode code)
{
    struct exchange *exchange = context;
    fill_answer(exchange, code);
    exchange->done(exchange->context, &exchange->answer);
}

static bool add_header(struct exchange *exchange, const char *line)
{
    struct curl_slist *longer = curl_slist_append(exchange->headers, line);
    if (longer == NULL)
        return false;
    exchange->headers = longer;
    return true;
}

static int add_secret_header(void *context, const char *bytes, size_t length)
{
    (void)length;
    return add_header(context, bytes) ? 0 : -1;
}

static bool add_named_header(struct exchange *exchange, const char *name, const char *value)
{
    OWNED_TEXT line;
    text_init(&line, 512);
    text_format(&line, "%s: %s", name, value);
    return text_status(&line) == 0 && add_header(exchange, text_get(&line));
}

static bool add_authorization(struct exchange *exchange, const struct secret *token, bool is_basic)
{
    OWNED(secret_freep)
    struct secret *line =
        secret_prefixed(is_basic ? "Authorization: Basic " : "Authorization: Bearer ", token);
    return line != NULL && secret_use(line, add_secret_header, exchange) == 0;
}

static bool add_headers(struct exchange *exchange, const struct exchange_request *request)
{
    /* No "Expect": a server that does not know it would cost a second. */
    return add_header(exchange, "Accept: application/json") && add_header(exchange, "Expect:") &&
           (request->request_id == NULL ||
            add_named_header(exchange, "X-Request-ID", request->request_id)) &&
           (request->content_type == NULL ||
            add_named_header(exchange, "Content-Type", request->content_type)) &&
           (request->header == NULL || add_header(exchange, request->header)) &&
           (request->authorization == NULL ||
            add_authorization(exchange, request->authorization, request->is_basic));
}

#define SET(option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool set_protection(CURL *easy, const struct exchange_settings *settings, bool plaintext)
{
    return SET(CURLOPT_PROTOCOLS_STR, plaintext ? "http" : "https") &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROXY, "") &&
           SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
           SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           (settings->ca_file == NULL ||
            (SET(CURLOPT_CAINFO, settings->ca_file) && SET(CURLOPT_CAPATH, NULL))) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

static bool set_times(CURL *easy, const struct exchange_settings *settings,
                      struct duration total_timeout)
{
    return SET(CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout.ms) &&
           SET(CURLOPT_TIMEOUT_MS, (long)total_timeout.ms) &&
           SET(CURLOPT_LOW_SPEED_LIMIT, (long)settings->low_speed_bytes_per_second) &&
           SET(CURLOPT_LOW_SPEED_TIME, (long)((settings->low_speed_time.ms + 999) / 1000)) &&
           /* The server keeps idle connections for 60 s: give them up before it does. */
           SET(CURLOPT_MAXAGE_CONN, 50L) && SET(CURLOPT_NOSIGNAL, 1L) &&
           /* Or the end of a transfer would wait for a slow name server. */
           SET(CURLOPT_QUICK_EXIT, 1L);
}

static bool set_callbacks(CURL *easy, struct exchange *exchange)
{
    return SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, exchange) &&
           SET(CURLOPT_HEADERFUNCTION, on_header) && SET(CURLOPT_HEADERDATA, exchange) &&
           SET(CURLOPT_PREREQFUNCTION, on_beginning) && SET(CURLOPT_PREREQDATA, exchange) &&
           SET(CURLOPT_ERRORBUFFER, exchange->message);
}

/* The bytes stay where they are: the secret outlives the exchange. */
static int set_form(void *context, const char *bytes, size_t length)
{
    CURL *easy = context;
    return SET(CURLOPT_POST, 1L) && SET(CURLOPT_POSTFIELDS, bytes) &&
                   SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length)
               ? 0
               : -1;
}

static bool set_request(CURL *easy, const struct exchange *exchange,
                        const struct exchange_request *request)
{
    if (!SET(CURLOPT_URL, request->url) || !SET(CURLOPT_HTTPHEADER, exchange->headers))
        return false;
    if (request->method == HTTP_GET)
        return SET(CURLOPT_HTTPGET, 1L);
    if (request->form != NULL)
        return secret_use(request->form, set_form, easy) == 0;
    /* Libcurl's own PUT wants a reader; a POST by another name takes the bytes as they are. */
    if (request->body != NULL || request->method != HTTP_DELETE) {
        if (!SET(CURLOPT_POST, 1L) ||
            !SET(CURLOPT_POSTFIELDS, request->body == NULL ? "" : request->body) ||
            !SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length))
            return false;
    }
    return SET(CURLOPT_CUSTOMREQUEST, classify_method_name(request->method));
}

int exchange_start(struct multi *multi, const struct exchange_settings *settings,
                   const struct exchange_request *request, exchange_done *done, void *context,
                   struct exchange **ret_exchange, struct error *err)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL)
        return error_no_memory(err);
    exchange->multi = multi;
    exchange->done = done;
    exchange->context = context;
    exchange->is_write = request->method != HTTP_GET && !request->is_read;
    text_init(&exchange->body, request->body_cap);
    CURL *easy = curl_easy_init();
    exchange->transfer.easy = easy;
    exchange->transfer.done = on_transfer_done;
    exchange->transfer.context = exchange;
    const bool plaintext = strncasecmp(request->url, "http:", 5) == 0;
    int result = 0;
    if (easy == NULL || !add_headers(exchange, request) ||
        !set_protection(easy, settings, plaintext) ||
        !set_times(easy, settings, request->total_timeout) || !set_callbacks(easy, exchange) ||
        !SET(CURLOPT_USERAGENT, settings->user_agent) || !set_request(easy, exchange, request))
        result = error_no_memory(err);
    if (result == 0)
        result = multi_start(multi, &exchange->transfer, err);
    if (result < 0) {
        exchange_free(exchange);
        return result;
    }
    *ret_exchange = exchange;
    return 0;
}

static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *each = headers; each != NULL; each = each->next)
        secret_wipe(each->data, strlen(each->data));
    curl_slist_free_all(headers);
}

struct exchange *exchange_free(struct exchange *exchange)
{
    if (exchange == NULL)
        return NULL;
    if (exchange->transfer.easy != NULL) {
        multi_stop(exchange->multi, &exchange->transfer);
        curl_easy_cleanup(exchange->transfer.easy);
    }
    free_headers(exchange->headers);
    /* It may be a token. */
    if (exchange->body.bytes != NULL)
        secret_wipe(exchange->body.bytes, exchange->body.length);
    text_fini(&exchange->body);
    free(exchange);
    return NULL;
}
