#include "reconciler/engine/emit.h"

#include <errno.h>
#include <string.h>

void emit_effect(struct engine *engine, const struct effect *effect)
{
    if (engine->status != 0 && engine->out->status == 0)
        engine->out->status = engine->status;
    effect_list_add(engine->out, effect);
}

char *emit_text(struct engine *engine, const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);
    if (copy == NULL && text != NULL)
        engine->status = -ENOMEM;
    return copy;
}
