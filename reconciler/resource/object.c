#include "reconciler/resource/object.h"

#include "config/base/json.h"

#include <string.h>

bool object_is_managed(const json_t *live)
{
    const json_t *mark = json_at(live, "metadata", "labels", LABEL_MANAGED_BY, NULL);
    return strcmp(json_text_or(mark, ""), LABEL_MANAGED_BY_CELLD) == 0;
}

bool object_is_terminating(const json_t *live)
{
    const json_t *at = json_at(live, "metadata", "deletionTimestamp", NULL);
    return json_text_or(at, "")[0] != '\0';
}

bool object_annotation_is_note(const char *name)
{
    return strcmp(name, ANNOTATION_REVISION) == 0 || strcmp(name, ANNOTATION_INTENT) == 0 ||
           strcmp(name, ANNOTATION_DIGEST) == 0;
}
