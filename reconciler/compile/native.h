/* Native OpenChoreo manifests: desired as they stand. */
#pragma once

#include "reconciler/compile/compile.h"

/* How many native resources belong to the cell; NULL = to the platform. */
size_t native_count(const struct compile_context *context, const char *cell);

/* Adds them, in the order of their kinds, so that what is referred to stands first. */
int native_add(const struct compile_context *context, const char *cell, struct desired_list *list,
               struct error *err) __attribute__((warn_unused_result));

/* The SecretReference of this name that the repository declares; NULL = none does. */
const struct native_resource *native_secret_reference(const struct compile_context *context,
                                                      const char *name);
