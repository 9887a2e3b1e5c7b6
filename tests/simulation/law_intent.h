/* Journal first: what must be durable before a write leaves, and what must be heard of the last one
 * (I1, I3, S19). Used by law_write.c and law.c. */
#pragma once

#include "tests/simulation/law_writing.h"

/* A write is about to leave. */
void law_intent_write(struct law *law, const struct law_writing *writing);

/* An answer that the engine is about to hear. */
void law_intent_heard(struct law *law, const struct world_request *request);
