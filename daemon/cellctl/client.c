#include "daemon/cellctl/client.h"

#include "config/base/json.h"
#include "daemon/cellctl/sse.h"

#include <curl/curl.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define BODY_BYTES ((size_t)256 << 20)
#define CONNECT_MS 5000L

/* The daemon gives up on a plan or a command before this. */
#define ANSWER_MS 90000L

void client_add_segment(struct text *path, const char *segment)
{
    char *escaped = curl_easy_escape(NULL, segment, 0);
    text_add_char(path, '/');
    text_add(path, escaped == NULL ? "" : escaped);
    curl_free(escaped);
}

void client_add_query(struct text *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    char *escaped = curl_easy_escape(NULL, value, 0);
    text_format(path, "%c%s=", strchr(text_get(path), '?') == NULL ? '?' : '&', name);
    text_add(path, escaped == NULL ? "" : escaped);
    curl_free(escaped);
}

struct exchange {
    const char *socket_path;
    CURL *easy;
    struct curl_slist *headers;
    struct text body;
    struct sse *sse; /* NULL = the body is collected */
    bool enough;
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    const size_t length = size * count;
    long status = 0;
    (void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->sse == NULL || status != 200) {
        text_add_bytes(&exchange->body, bytes, length);
        return text_status(&exchange->body) == 0 ? length : 0;
    }
    exchange->enough = !sse_feed(exchange->sse, bytes, length);
    return exchange->enough ? 0 : length;
}

/* Who asks, for the record: the login name, as the system knows it and not as the environment says.
 */
static void add_operator(struct exchange *exchange)
{
    const struct passwd *user = getpwuid(getuid());
    char header[128];
    if (user == NULL || strlen(user->pw_name) > 60)
        return;
    (void)snprintf(header, sizeof(header), "X-Celld-Operator: %s", user->pw_name);
    struct curl_slist *headers = curl_slist_append(exchange->headers, header);
    if (headers != NULL)
        exchange->headers = headers;
}

static void add_header(struct exchange *exchange, const char *header)
{
    struct curl_slist *headers = curl_slist_append(exchange->headers, header);
    if (headers != NULL)
        exchange->headers = headers;
}

CURL *client_easy(const char *socket_path, const char *path)
{
    CURL *easy = curl_easy_init();
    OWNED_TEXT url;
    text_init(&url, 8192);
    text_add(&url, "http://celld");
    text_add(&url, path);
    if (easy == NULL || text_status(&url) != 0 ||
        curl_easy_setopt(easy, CURLOPT_URL, text_get(&url)) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket_path) != CURLE_OK) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    return easy;
}

static int start(struct exchange *exchange, const char *socket_path, const char *path,
                 struct error *err)
{
    *exchange = (struct exchange){.socket_path = socket_path};
    text_init(&exchange->body, BODY_BYTES);
    if (strlen(socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return error_set(err, ERROR_INVALID, -ENAMETOOLONG, "the socket's path is too long: %s",
                         socket_path);
    exchange->easy = client_easy(socket_path, path);
    if (exchange->easy == NULL)
        return error_no_memory(err);
    (void)curl_easy_setopt(exchange->easy, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(exchange->easy, CURLOPT_WRITEDATA, exchange);
    return 0;
}

static void end(struct exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    curl_slist_free_all(exchange->headers);
    text_fini(&exchange->body);
}

/* What connecting to a socket can mean for the person who typed the command. */
static int explain_connect(const struct exchange *exchange, struct error *err)
{
    const char *path = exchange->socket_path;
    long system_error = 0;
    (void)curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &system_error);
    /* libcurl does not always keep the number; the file tells the rest. */
    if (access(path, F_OK) != 0)
        return error_set(err, ERROR_UNAVAILABLE, -ECONNREFUSED,
                         "celld is not running here: there is no %s; start it (systemctl start "
                         "celld), or name its socket with --socket",
                         path);
    if (access(path, R_OK | W_OK) != 0)
        return error_set(err, ERROR_DENIED, -EACCES,
                         "you may not use %s; ask to be added to its group (ls -l shows it), or "
                         "use sudo",
                         path);
    return error_set(err, ERROR_UNAVAILABLE, -ECONNREFUSED,
                     "nobody answers at %s%s%s; is celld running? (systemctl status celld)", path,
                     system_error > 0 ? ": " : "",
                     system_error > 0 ? strerror((int)system_error) : "");
}

static int explain(const struct exchange *exchange, CURLcode code, struct error *err)
{
    if (code == CURLE_COULDNT_CONNECT)
        return explain_connect(exchange, err);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(
            err, ERROR_TIMEOUT, -ETIMEDOUT,
            "celld did not answer in time; look with `cellctl events` at what it does");
    if (code == CURLE_WRITE_ERROR && text_status(&exchange->body) == ERR_LIMIT)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "celld's answer is too large");
    return error_set(err, ERROR_UNAVAILABLE, ERR_HTTP, "the connection to celld broke: %s",
                     curl_easy_strerror(code));
}

static enum error_kind kind_of(long status)
{
    switch (status) {
    case 400:
    case 405:
        return ERROR_INVALID;
    case 403:
        return ERROR_DENIED;
    case 404:
        return ERROR_NOT_FOUND;
    case 409:
        return ERROR_CONFLICT;
    case 504:
        return ERROR_TIMEOUT;
    default:
        return ERROR_UNAVAILABLE;
    }
}

/* The answer's JSON, whatever its status; a refusal's message becomes the error too. */
static int read_answer(struct exchange *exchange, json_t **ret_value, struct error *err)
{
    long status = 0;
    json_t *value = NULL;
    (void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    const int result =
        json_read(text_get(&exchange->body), exchange->body.length, "celld's answer", &value, err);
    if (result == 0)
        *ret_value = value;
    if (status == 200)
        return result;
    const char *message = json_text_or(json_object_get(value, "message"), "");
    (void)error_set(err, kind_of(status), ERR_HTTP, "%s",
                    message[0] == '\0' ? "celld refused the request" : message);
    if (err != NULL)
        err->http_status = (int)status;
    return ERR_HTTP;
}

int client_get(const struct invocation *invocation, const char *path, json_t **ret_value,
               struct error *err)
{
    struct exchange exchange;
    int result = start(&exchange, invocation->socket_path, path, err);
    if (result == 0) {
        (void)curl_easy_setopt(exchange.easy, CURLOPT_TIMEOUT_MS, ANSWER_MS);
        const CURLcode code = curl_easy_perform(exchange.easy);
        result = code == CURLE_OK ? read_answer(&exchange, ret_value, err)
                                  : explain(&exchange, code, err);
    }
    end(&exchange);
    return result;
}

int client_command(const struct invocation *invocation, const char *verb, json_t *arguments,
                   json_t **ret_value, struct error *err)
{
    char path[128];
    struct exchange exchange;
    char *body = arguments == NULL ? NULL : json_dumps(arguments, JSON_COMPACT);
    json_decref(arguments);
    (void)snprintf(path, sizeof(path), "/v1/commands/%s", verb);
    int result = start(&exchange, invocation->admin_socket_path, path, err);
    if (result == 0 && body == NULL)
        result = error_no_memory(err);
    if (result == 0) {
        add_header(&exchange, "Content-Type: application/json");
        add_header(&exchange, "Expect:");
        add_operator(&exchange);
        (void)curl_easy_setopt(exchange.easy, CURLOPT_HTTPHEADER, exchange.headers);
        (void)curl_easy_setopt(exchange.easy, CURLOPT_POSTFIELDS, body);
        (void)curl_easy_setopt(exchange.easy, CURLOPT_TIMEOUT_MS, ANSWER_MS);
        const CURLcode code = curl_easy_perform(exchange.easy);
        result = code == CURLE_OK ? read_answer(&exchange, ret_value, err)
                                  : explain(&exchange, code, err);
    }
    end(&exchange);
    free(body);
    return result;
}

int client_stream(const struct invocation *invocation, const char *path, client_event *event,
                  void *context, struct error *err)
{
    struct exchange exchange;
    int result = start(&exchange, invocation->socket_path, path, err);
    if (result == 0) {
        struct sse sse;
        sse_init(&sse, event, context);
        exchange.sse = &sse;
        add_header(&exchange, "Accept: text/event-stream");
        (void)curl_easy_setopt(exchange.easy, CURLOPT_HTTPHEADER, exchange.headers);
        (void)curl_easy_setopt(exchange.easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        (void)curl_easy_setopt(exchange.easy, CURLOPT_LOW_SPEED_TIME, CLIENT_SILENCE_S);
        const CURLcode code = curl_easy_perform(exchange.easy);
        OWNED_JSON *refusal = NULL;
        long status = 0;
        (void)curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
        if (exchange.enough || (code == CURLE_OK && status == 200))
            result = 0;
        else if (code == CURLE_OK)
            result = read_answer(&exchange, &refusal, err);
        else
            result = explain(&exchange, code, err);
        sse_fini(&sse);
    }
    end(&exchange);
    return result;
}
