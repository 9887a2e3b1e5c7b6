/* A revision's files, written down in a test. */
#pragma once

#include "config/manifest/load.h"

#define FIXTURE_FILES 80

struct fixture {
    struct manifest_file files[FIXTURE_FILES];
    char blob_ids[FIXTURE_FILES][65];
    size_t count;
    struct manifest_set *set;
};

/* One worker "cartservice" in the cell "cart"; what is appended begins on line 9, at the level of
 * spec with two spaces and of the component with six. */
#define FIXTURE_CELL                                                                               \
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: cart}\nspec:\n  components:\n"         \
    "    - name: cartservice\n      type: worker\n      image: registry.example/cart:1\n"

/* us and eu, development and production (in both), one phase with the cell "cart". */
extern const char fixture_platform[];

/* Texts are borrowed. `kind` follows from the path. */
void fixture_add(struct fixture *fixture, const char *path, const char *text);
void fixture_add_bytes(struct fixture *fixture, const char *path, const char *bytes, size_t length);

/* Asserts that the loading itself works. */
void fixture_load(struct fixture *fixture, const struct manifest_set *previous,
                  const struct manifest_set *fallback);
void fixture_free(struct fixture *fixture);

/* The first diagnostic with the code, NULL when there is none. */
const struct diagnostic *fixture_find(const struct fixture *fixture, const char *code);

/* Everything that was found, as text; for messages of failing tests. Static storage. */
const char *fixture_found(const struct manifest_set *set);

/* A whole file below the source directory. Owned; aborts when it cannot be read. */
char *fixture_read(const char *path, size_t *ret_length);
