/* Secrets stand nowhere: not in the journal, not in what is sent or told (S22, I16). */
#pragma once

#include "tests/simulation/law.h"

void law_secret_json(struct law *law, const json_t *value, const char *where);
void law_secret_text(struct law *law, const char *text, const char *where);

/* Now and then: all that is durable. */
void law_secret_look(struct law *law);
