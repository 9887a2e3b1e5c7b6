/* What celld reads in the metadata of any object, and the marks that it puts there. */
#pragma once

#include <jansson.h>

#include <stdbool.h>

/* Labels and annotations that celld puts on each object. */
#define LABEL_MANAGED_BY "app.kubernetes.io/managed-by"
#define LABEL_MANAGED_BY_CELLD "celld"
#define LABEL_CELL "celld.dev/cell" /* which cell an object belongs to; compared */
/* On a SecretReference that the secrets API made for us, and deletes with its Secret; compared. */
#define LABEL_CREDENTIAL "celld.dev/credential"
#define LABEL_CREDENTIAL_YES "true"
/* {"$credential": "rates-key"}: where a request wants a credential's value when it is sent. */
#define CREDENTIAL_PLACEHOLDER "$credential"
#define ANNOTATION_REVISION "celld.dev/revision" /* written along, never compared */
#define ANNOTATION_INTENT "celld.dev/intent"     /* written along, never compared */
#define ANNOTATION_DIGEST "celld.dev/digest"     /* written along, never compared */

/* Has our mark. */
bool object_is_managed(const json_t *live);

/* Bears a deletionTimestamp: nothing else that it says counts. */
bool object_is_terminating(const json_t *live);

/* True for the annotations that are written along and never compared. */
bool object_annotation_is_note(const char *name);
