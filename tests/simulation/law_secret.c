#include "tests/simulation/law_secret.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_LIMIT 262144 /* of one effect */

static const char base64[] = "Y2FuYXJ5LTQ3MTEtdmFsdWU="; /* of LAW_SECRET */

/* The key of names is the one that the engine holds. */
void law_secret_text(struct law *law, const char *text, const char *where)
{
    law->checks++;
    if (strstr(text, law->world->options.engine.name_key) != NULL ||
        strstr(text, LAW_SECRET) != NULL || strstr(text, base64) != NULL)
        law_break(law, "S22", "a secret stands in %s", where);
}

void law_secret_json(struct law *law, const json_t *value, const char *where)
{
    char *text = value == NULL ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL)
        return;
    law_secret_text(law, text, where);
    if (strlen(text) > BYTES_LIMIT)
        law_break(law, "I17", "%zu bytes in %s", strlen(text), where);
    free(text);
}

void law_secret_look(struct law *law)
{
    for (size_t i = 0; i < law->world->row_count; i++)
        law_secret_text(law, law->world->rows[i].key, "a key of the journal");
}
