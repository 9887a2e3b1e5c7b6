/* Owned-field comparison: what celld writes against what the control plane shows.
 *
 * celld owns the fields that it writes and no others: only those are compared. The server fills in
 * defaults, drops empty values and false, and prints quantities its own way; none of that is a
 * difference. Written-along annotations (revision, intent) are never compared. */
#pragma once

#include "config/base/text.h"
#include "reconciler/resource/kind.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

/* Labels and annotations that celld puts on each object. */
#define LABEL_MANAGED_BY "app.kubernetes.io/managed-by"
#define LABEL_MANAGED_BY_CELLD "celld"
#define ANNOTATION_REVISION "celld.dev/revision" /* written along, never compared */
#define ANNOTATION_INTENT "celld.dev/intent"     /* written along, never compared */
#define ANNOTATION_DIGEST "celld.dev/digest"     /* written along, never compared */

struct field_difference {
    char *pointer;          /* JSON pointer: "/spec/releaseName" */
    json_t *desired, *live; /* live NULL = absent; values of secrets never come here */
};

struct difference {
    struct field_difference *items;
    size_t count;
    size_t dropped; /* more than DIFFERENCE_LIMIT */
};
#define DIFFERENCE_LIMIT 64

void difference_fini(struct difference *difference);

/* Compares `desired` (metadata.labels, metadata.annotations, spec) with the live object.
 * Returns 0 and the differences (count 0 = none), or -ENOMEM. */
int diff_object(enum resource_kind kind, const json_t *desired, const json_t *live,
                struct difference *ret_difference) __attribute__((warn_unused_result));

/* The body of the PUT: the live object with our fields in it. Foreign labels, annotations and spec
 * fields stay; `status`, uid and times go. A list that we own is replaced whole.
 * `previous` (may be NULL) is what we wrote last: fields in it that `desired` no longer has are
 * taken out. Owned by the caller; NULL without memory. */
json_t *diff_merge(enum resource_kind kind, const json_t *desired, const json_t *previous,
                   const json_t *live);

/* Has our mark. */
bool object_is_managed(const json_t *live);

/* Bears a deletionTimestamp: nothing else that it says counts. */
bool object_is_terminating(const json_t *live);
