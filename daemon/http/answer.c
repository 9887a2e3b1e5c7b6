#include "daemon/http/answer.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/text.h"
#include "daemon/http/problem.h"

#include <string.h>
#include <strings.h>

/* The path as messages show it: cursors and selectors are long and say nothing to people. */
#define SHOWN_PATH 160

/* What the reader can expect, by verdict; the sentence's end. */
static const char *const prospects[] = {
    [VERDICT_DONE] = "",
    [VERDICT_MISSING] = "it does not exist",
    [VERDICT_EXISTS] = "it exists already: celld compares it",
    [VERDICT_REFRESH] = "celld reads it again and retries at once",
    [VERDICT_PERMANENT] = "celld does not repeat it until its manifest changes",
    [VERDICT_DENIED] = "celld retries; check its credentials and roles",
    [VERDICT_RETRY] = "celld retries",
    [VERDICT_READ_BACK] = "it may have happened: celld looks before it sends anything again",
};
_Static_assert(sizeof(prospects) / sizeof(prospects[0]) == VERDICT_COUNT, "one per verdict");

static bool has_type(const char *content_type, const char *wanted)
{
    const size_t length = strlen(wanted);
    return strncasecmp(content_type, wanted, length) == 0 &&
           (content_type[length] == '\0' || strchr("; \t", content_type[length]) != NULL);
}

static bool is_json_type(const char *content_type)
{
    return has_type(content_type, "application/json") ||
           has_type(content_type, "application/problem+json");
}

static bool is_encoded(const struct exchange_answer *raw)
{
    return raw->content_encoding[0] != '\0' && !has_type(raw->content_encoding, "identity");
}

/* Reads the body as a JSON object or array. The parser's words are cut where they would quote. */
static json_t *read_body(const struct exchange_answer *raw, struct error *err)
{
    json_t *body = NULL;
    if (json_read(raw->body, raw->body_length, "the answer", &body, err) < 0) {
        char *quote = strstr(err->detail, " near ");
        if (quote != NULL)
            *quote = '\0';
        return NULL;
    }
    if (json_is_object(body) || json_is_array(body))
        return body;
    json_decref(body);
    (void)error_set(err, ERROR_INVALID, ERR_SYNTAX, "the answer is no JSON object");
    return NULL;
}

/* The method that the tables go by. */
static enum http_method effect_of(const struct answer_question *question)
{
    return question->is_read ? HTTP_GET : question->method;
}

static void set_result(struct client_result *result, struct classification what,
                       enum client_outcome outcome, int code, const char *sentence,
                       const struct answer_question *question)
{
    result->verdict = what.verdict;
    result->outcome = what.verdict == VERDICT_READ_BACK ? CLIENT_UNKNOWN : outcome;
    const int shown = (int)strcspn(question->path, "?");
    const char *prospect =
        question->prospect != NULL ? question->prospect : prospects[what.verdict];
    (void)error_set(&result->error, what.kind, code, "%s %.*s%s: %s%s%s",
                    classify_method_name(question->method), shown < SHOWN_PATH ? shown : SHOWN_PATH,
                    question->path, shown < SHOWN_PATH ? "" : "…", sentence,
                    prospect[0] == '\0' ? "" : "; ", prospect);
    result->error.http_status = result->status;
}

/* A success that proves nothing counts as an unknown outcome, or as a failure when it was a read.
 */
static void set_unusable(struct client_result *result, int code, const char *sentence,
                         const struct answer_question *question)
{
    set_result(result, classify_unusable(effect_of(question)), CLIENT_ANSWERED, code, sentence,
               question);
}

static void read_transport(const struct exchange_answer *raw,
                           const struct answer_question *question, struct client_result *result)
{
    struct classification what = classify_transport((int)raw->code, effect_of(question), raw->sent);
    char sentence[PROBLEM_SIZE];
    int code = ERR_HTTP;
    if (raw->too_large) {
        code = ERR_LIMIT;
        (void)text_put(sentence, sizeof(sentence), "the answer is larger than %zu bytes",
                       question->body_cap);
    } else if (raw->code == CURLE_OPERATION_TIMEDOUT) {
        (void)text_put(sentence, sizeof(sentence), "no complete answer in time (%.180s)",
                       raw->message);
    } else {
        (void)text_put(sentence, sizeof(sentence), "%s (%.200s)",
                       raw->sent ? "the connection broke" : "no connection", raw->message);
    }
    set_result(result, what, raw->sent ? CLIENT_UNKNOWN : CLIENT_NOT_SENT, code, sentence,
               question);
}

/* An answer of 4xx or 5xx, or another status that this API never gives. */
static void read_failure(const struct exchange_answer *raw, const struct answer_question *question,
                         struct client_result *result)
{
    char said[PROBLEM_SIZE];
    const struct problem_source source = {.content_type = raw->content_type,
                                          .bytes = raw->body,
                                          .length = raw->body_length,
                                          .json = result->body,
                                          .hidden = question->hidden};
    problem_describe(&source, said);
    const bool is_redirect = raw->status >= 300 && raw->status <= 399;
    char sentence[PROBLEM_SIZE + 64];
    (void)text_put(sentence, sizeof(sentence), "answered %d%s%s%s%s", raw->status,
                   is_redirect ? ", a redirect, which celld does not follow" : "",
                   said[0] == '\0' ? "" : " (", said, said[0] == '\0' ? "" : ")");
    set_result(result, classify_status(raw->status, effect_of(question)), CLIENT_ANSWERED, ERR_HTTP,
               sentence, question);
    if (raw->retry_after[0] != '\0')
        result->error.retry_after_ms = classify_retry_after(raw->retry_after, question->now).ms;
}

static bool check_member(const json_t *body, const char *member, const char *expected,
                         char *sentence, size_t size)
{
    if (expected == NULL)
        return true;
    const char *found = json_text_or(json_at(body, "metadata", member, NULL), NULL);
    if (found != NULL && strcmp(found, expected) == 0)
        return true;
    (void)text_put(sentence, size,
                   "the answer is about another object: /metadata/%s is %s%.60s%s, not \"%.60s\"",
                   member, found == NULL ? "" : "\"", found == NULL ? "missing" : found,
                   found == NULL ? "" : "\"", expected);
    return false;
}

static void read_success(const struct exchange_answer *raw, const struct answer_question *question,
                         struct client_result *result, const struct error *syntax)
{
    char sentence[PROBLEM_SIZE];
    if (raw->status == 204 && question->method == HTTP_DELETE) {
        *result = (struct client_result){.outcome = CLIENT_ANSWERED,
                                         .verdict = VERDICT_DONE,
                                         .status = 204,
                                         .error = {.retry_after_ms = -1}};
        return;
    }
    if (is_encoded(raw)) {
        set_unusable(result, ERR_SYNTAX, "the answer is compressed, which celld did not ask for",
                     question);
    } else if (!is_json_type(raw->content_type)) {
        (void)text_put(sentence, sizeof(sentence),
                       "answered %d, but with %.80s instead of JSON (is there a proxy between?)",
                       raw->status,
                       raw->content_type[0] == '\0' ? "no content type" : raw->content_type);
        set_unusable(result, ERR_SYNTAX, sentence, question);
    } else if (result->body == NULL) {
        set_unusable(result, syntax->code, syntax->detail, question);
    } else if (!check_member(result->body, "name", question->expect_name, sentence,
                             sizeof(sentence)) ||
               !check_member(result->body, "namespace", question->expect_namespace, sentence,
                             sizeof(sentence)) ||
               !check_member(result->body, "uid", question->expect_uid, sentence,
                             sizeof(sentence))) {
        set_unusable(result, ERR_INVALID, sentence, question);
    } else {
        result->outcome = CLIENT_ANSWERED;
        result->verdict = VERDICT_DONE;
    }
}

void answer_read(const struct exchange_answer *raw, const struct answer_question *question,
                 struct client_result *ret_result, json_t **ret_body)
{
    *ret_body = NULL;
    struct client_result result = {.status = raw->status, .error = {.retry_after_ms = -1}};
    if (raw->code != CURLE_OK) {
        read_transport(raw, question, &result);
        *ret_result = result;
        return;
    }
    struct error syntax = {.kind = ERROR_NONE};
    json_t *body = NULL;
    if (is_json_type(raw->content_type) && !is_encoded(raw))
        body = read_body(raw, &syntax);
    result.body = body;
    const bool is_success =
        classify_status(raw->status, effect_of(question)).verdict == VERDICT_DONE;
    if (is_success)
        read_success(raw, question, &result, &syntax);
    else
        read_failure(raw, question, &result);
    /* A success that proves nothing is not handed over either. */
    if (is_success && result.verdict != VERDICT_DONE)
        result.body = NULL;
    if (result.body == NULL)
        json_decref(body);
    else
        *ret_body = body;
    *ret_result = result;
}

void answer_not_sent(const struct error *error, struct client_result *ret_result)
{
    CHECK(error->kind != ERROR_NONE);
    const enum verdict verdict = error->kind == ERROR_DENIED ? VERDICT_DENIED : VERDICT_RETRY;
    *ret_result =
        (struct client_result){.outcome = CLIENT_NOT_SENT, .verdict = verdict, .error = *error};
}
