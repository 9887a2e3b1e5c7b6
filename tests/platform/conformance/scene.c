#include "tests/platform/conformance/scene.h"

#include <jansson.h>

#include <string.h>

static bool is_one_of(const char *file, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, file) == 0)
            return true;
    return false;
}

bool scene_is_optional(const char *file)
{
    static const char *const names[] = {"24b", "30", "30b", "32c", NULL};
    return is_one_of(file, names);
}

static void grant(struct platform *p, const char *role, const char *subject, const char *actions)
{
    json_t *list = json_loads(actions, 0, NULL);
    platform_grant(p, role, subject, list);
    json_decref(list);
}

void scene_open(struct platform *p, const char *file)
{
    static const char *const webhooks[] = {"13", "13b", "24b", "32b", NULL};
    struct platform_options options;
    platform_options_default(&options);
    options.admission_webhooks = is_one_of(file, webhooks);
    options.security = options.authorization = strcmp(file, "16") == 0;
    platform_restart(p, &options);
    if (!options.security)
        return;
    platform_token_add(p, "root", "root", INT64_MAX);
    platform_token_add(p, "celld", "celld", INT64_MAX);
    platform_token_add(p, "expired", "celld", 1);
    platform_token_add(p, "issuer", "!issuer", INT64_MAX);
    platform_token_add(p, "nobody", "", INT64_MAX);
    grant(p, "root", "root", "[\"*\"]");
}

void scene_close(struct platform *p)
{
    struct platform_options options;
    platform_options_default(&options);
    platform_restart(p, &options);
}

const char *scene_token(void)
{
    return "Bearer root";
}

const char *scene_authorization(const char *file, int line)
{
    static const char *const headers[] = {NULL,
                                          NULL,
                                          NULL,
                                          "Bearer no.such.token",
                                          "Bearer expired",
                                          "Bearer issuer",
                                          "Bearer unknown.key",
                                          "Bearer nobody"};
    if (strcmp(file, "16") != 0)
        return NULL;
    return line < 8 ? headers[line] : "Bearer celld";
}

bool scene_skips(const char *file, int line)
{
    (void)file;
    (void)line;
    return false;
}

void scene_before(struct platform *p, const char *file, int line, const char *note, int64_t now_ms)
{
    (void)now_ms;
    if (strcmp(file, "08") == 0 && strstr(note, "racing") != NULL)
        platform_fault_add(
            p, &(struct platform_fault){
                   .kind = PLATFORM_FAULT_CONFLICT, .method = "PUT", .nth = 1, .count = 1});
    else
        platform_fault_clear(p);
    if (strcmp(file, "16") == 0 && line == 12)
        grant(p, "celld", "celld", "[\"*\"]");
}
