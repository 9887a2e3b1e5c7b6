#include "reconciler/engine/words.h"

#include "config/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void words_say(struct engine *engine, char **place, const char *format, ...)
{
    char text[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    text_vput(text, sizeof text, format, arguments);
    va_end(arguments);
    free(*place);
    *place = strdup(text);
    if (*place == NULL)
        engine->status = -ENOMEM;
}

const char *words_target(struct engine *engine, const char *name)
{
    if (name[0] == '\0')
        return "";
    for (size_t i = 0; i < engine->target_name_count; i++) {
        if (strcmp(engine->target_names[i], name) == 0)
            return engine->target_names[i];
    }
    char **names =
        reallocarray(engine->target_names, engine->target_name_count + 1, sizeof(char *));
    char *copy = strndup(name, NAME_SIZE - 1);
    if (names != NULL)
        engine->target_names = names;
    if (names == NULL || copy == NULL) {
        free(copy);
        engine->status = -ENOMEM;
        return "";
    }
    names[engine->target_name_count++] = copy;
    return copy;
}

void words_free_all(struct engine *engine)
{
    for (size_t i = 0; i < engine->target_name_count; i++)
        free(engine->target_names[i]);
    free(engine->target_names);
}
