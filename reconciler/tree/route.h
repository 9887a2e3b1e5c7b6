/* HTTPRoutes and GRPCRoutes: whether a gateway has taken one up, and which weights it bears. */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

bool route_is(const json_t *object);

/* Every parent says Accepted and ResolvedRefs at the current generation. Otherwise false, and
 * `text` says what is missing. */
bool route_is_accepted(const json_t *live, char *text, size_t size);

struct gate_question;

/* Every rule sends exactly the question's shares to <component>-a and <component>-b, and nothing
 * elsewhere; but for the one in front, when there are to be matches. Only the ratio counts: 90/10
 * and 9/1 are the same. */
bool route_is_wanted(const json_t *object, const struct gate_question *question);
