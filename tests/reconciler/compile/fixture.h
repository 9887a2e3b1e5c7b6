/* A small platform with two cells, read by the real loader, for the compiler's tests. */
#pragma once

#include "reconciler/compile/compile.h"

struct fixture_file {
    enum manifest_file_kind kind;
    const char *path, *text;
};

/* The shop: platform, the cells "shop" and "billing", a SecretReference. */
#define FIXTURE_FILE_COUNT 4
extern const struct fixture_file fixture_files[FIXTURE_FILE_COUNT];

struct fixture {
    struct manifest_set *set;
    json_t *types;
    struct compile_context context;
};

/* Fails the test on any error diagnostic. */
void fixture_load(const struct fixture_file *files, size_t count, struct fixture *ret_fixture);
void fixture_free(struct fixture *fixture);

/* The shop with `from` replaced by `to` everywhere (once at least, or the test fails). The checks
 * of the manifests may refuse it: the compiler does not lean on them. */
void fixture_load_changed(const char *from, const char *to, struct fixture *ret_fixture);

const struct cell *fixture_cell(const struct fixture *fixture, const char *name);
const struct component *fixture_component(const struct fixture *fixture, const char *cell,
                                          const char *name);

/* Fails the test when it cannot be made. Owned. */
struct deployment *fixture_deployment(const struct fixture *fixture, const char *cell,
                                      const char *component, const char *target);
