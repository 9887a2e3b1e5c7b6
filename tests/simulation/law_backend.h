/* Who may send traffic to a backend that is not there: nobody, unless somebody else deleted it and
 * the engine cannot have seen that yet (I8). Used by law.c. */
#pragma once

#include "tests/simulation/law.h"

/* Somebody deleted a binding behind the engine's back. */
void law_backend_deleted(struct law *law, const char *binding);

/* An answer that the engine is about to hear. */
void law_backend_heard(struct law *law, const struct world_request *request);

/* The engine died: what it saw and did not write down is not known any more. */
void law_backend_forgotten(struct law *law);

/* The engine makes that binding again. */
void law_backend_made(struct law *law, const char *binding);

/* A route that is written gives more weight than before to this slot. */
void law_backend_routed(struct law *law, const char *slot, const char *target);

/* The data plane sends weight to what is not there: whose doing is it? */
void law_backend_missing(struct law *law);
