/* Building JSON bodies piece by piece: the first failure (there is only one: memory) sticks and is
 * told once, at the end. */
#pragma once

#include "reconciler/compile/compile.h"

#include <jansson.h>

struct body {
    int status; /* 0 or -ENOMEM */
};

/* Puts a new value (taken, also on failure) into an object or at the end of an array. A NULL value
 * counts as a failure to make it. */
void body_put(struct body *body, json_t *object, const char *key, json_t *value);
void body_append(struct body *body, json_t *array, json_t *value);

/* Does nothing when `text` is NULL. */
void body_put_text(struct body *body, json_t *object, const char *key, const char *text);

/* An object that is already in `object`, under `key`. Borrowed; NULL after a failure. */
json_t *body_put_object(struct body *body, json_t *object, const char *key);
json_t *body_put_array(struct body *body, json_t *object, const char *key);

/* What every object of ours starts with: metadata with name and mark, and with the cell's label
 * when `cell` is not NULL. Owned. */
json_t *body_new(struct body *body, const char *name, const char *cell);

/* Annotations; `text` NULL or "" leaves it out. */
void body_annotate(struct body *body, json_t *object, const char *key, const char *text);

#define ANNOTATION_DISPLAY_NAME "openchoreo.dev/display-name"
#define ANNOTATION_DESCRIPTION "openchoreo.dev/description"

/* "ecommerce-cart"; in the arena, NULL without memory. */
const char *body_project(struct arena *arena, const struct platform *platform, const char *cell);
