/* Owned-field comparison: what celld writes against what the control plane shows.
 *
 * celld owns the fields that it writes and no others: only those are compared. The server fills in
 * defaults, drops empty values and false, and prints quantities its own way; none of that is a
 * difference. Written-along annotations (revision, intent) are never compared.
 *
 * Some fields are owned whole: every list, what is free-form for the server (parameters,
 * environment configurations, templates), a Workload's container, endpoints and dependencies, a
 * binding's workloadOverrides. There a live entry that is not wanted is a difference, so whoever
 * writes such a field writes it also when it is empty. */
#pragma once

#include "config/base/text.h"
#include "reconciler/resource/kind.h"
#include "reconciler/resource/object.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

struct field_difference {
    char *pointer;          /* JSON pointer: "/spec/releaseName" */
    json_t *desired, *live; /* owned; NULL = absent; values of secrets never come here */
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
