#include "config/base/check.h"
#include "tests/platform/state.h"

static const char *code_of(int status)
{
    switch (status) {
    case 400:
        return "BAD_REQUEST";
    case 401:
        return "UNAUTHORIZED";
    case 403:
        return "FORBIDDEN";
    case 404:
        return "NOT_FOUND";
    case 409:
        return "CONFLICT";
    case 422:
        return "UNPROCESSABLE_CONTENT";
    case 501:
        return "NOT_IMPLEMENTED";
    default:
        return "INTERNAL_ERROR";
    }
}

void answer_json(struct answer *a, int status, json_t *body)
{
    CHECK(body != NULL);
    json_decref(a->body);
    a->status = status;
    a->body = body;
    a->content_type = "application/json";
}

void answer_error(struct answer *a, int status, const char *message)
{
    answer_json(a, status, json_pack("{s:s,s:s}", "code", code_of(status), "error", message));
}

void answer_text(struct answer *a, int status, const char *text)
{
    a->status = status;
    a->text = values_copy_text(text);
    a->content_type = "text/plain; charset=utf-8";
}

void answer_internal(struct answer *a)
{
    answer_error(a, 500, "Internal server error");
}
