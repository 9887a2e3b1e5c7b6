#include "tests/simulation/law_writing.h"

#include "config/base/json.h"

#include <stdio.h>
#include <string.h>

static bool kind_of_collection(const char *collection, enum resource_kind *ret_kind)
{
    for (int i = 0; i < RESOURCE_KIND_COUNT; i++) {
        if (strcmp(resource_kind_info((enum resource_kind)i)->collection, collection) == 0) {
            *ret_kind = (enum resource_kind)i;
            return true;
        }
    }
    return false;
}

bool law_writing_read(const char *method, const char *path, const json_t *body,
                      struct law_writing *ret_writing)
{
    char copy[512], *parts[8] = {0};
    const bool read = strcmp(method, "GET") == 0;
    size_t count = 0;
    const bool secret = strncmp(path, "/api/v1alpha1/", 14) == 0;
    snprintf(copy, sizeof copy, "%s", path + strlen(secret ? "/api/v1alpha1/" : "/api/v1/"));
    for (char *rest = copy, *part; count < 8 && (part = strsep(&rest, "/?")) != NULL;)
        parts[count++] = part;
    if (parts[0] == NULL)
        return false;
    *ret_writing = (struct law_writing){.method = method, .body = body};
    size_t at = 0;
    if (count > 2 && strcmp(parts[0], "namespaces") == 0) {
        snprintf(ret_writing->space, sizeof ret_writing->space, "%s", parts[1]);
        at = 2;
    }
    ret_writing->generate = count > at + 2 && strcmp(parts[at + 2], "generate-release") == 0;
    if (parts[at] == NULL || (read && count != at + 2))
        return false;
    /* A secret is known by the SecretReference that comes with it. */
    if (!kind_of_collection(secret                  ? "secretreferences"
                            : ret_writing->generate ? "componentreleases"
                                                    : parts[at],
                            &ret_writing->kind))
        return false;
    const char *name =
        ret_writing->generate         ? json_text_or(json_object_get(body, "releaseName"), "")
        : secret && count <= at + 1   ? json_text_or(json_object_get(body, "secretName"), "")
        : strcmp(method, "POST") == 0 ? json_text_or(json_at(body, "metadata", "name", NULL), "")
        : count > at + 1              ? parts[at + 1]
                                      : "";
    snprintf(ret_writing->name, sizeof ret_writing->name, "%s", name);
    snprintf(ret_writing->key, sizeof ret_writing->key, "%s/%s/%s",
             resource_kind_info(ret_writing->kind)->name, ret_writing->space, name);
    return true;
}
