/* The course that a component's content takes on a target: into which slot, by which strategy. */
#pragma once

#include "reconciler/engine/internal.h"

struct preview_course {
    const struct track *track; /* NULL: celld knows none yet */
    bool changes;              /* what stands is not this content, or does not stand for good yet */
    bool steps;                /* by the policy's steps, not at once */
    char slot;                 /* where it goes, or stands; 0 = the component has no slots */
};

/* `unit` NULL = its cell is new. */
struct preview_course preview_course(const struct unit *unit, const struct deployment *deployment);

/* {name, from, to, strategy, slot, steps, bake_ms} of a change. */
json_t *preview_course_json(const struct preview_course *course,
                            const struct deployment *deployment);

/* What of the component no body of this course names and yet stays: the other slot, until its time
 * has come. Its objects' names become members of `bodies`, with null. */
void preview_course_keep(const struct preview_course *course, const struct deployment *deployment,
                         json_t *bodies);
