/* Lists of desired objects while they are made. */
#pragma once

#include "reconciler/compile/compile.h"

/* Room for `capacity` objects. Returns 0 or -ENOMEM. */
int desired_list_init(struct desired_list *list, size_t capacity)
    __attribute__((warn_unused_result));

/* Takes `body`, also on failure. The name is copied. -ENOMEM also when `body` is NULL. */
int desired_list_add(struct desired_list *list, enum resource_kind kind, const char *namespace_name,
                     json_t *body, bool adopt, struct source_pos at)
    __attribute__((warn_unused_result));

/* One object on its own: its key lies behind the body's own name and is freed with it. */
int desired_object_make(enum resource_kind kind, const char *namespace_name, json_t *body,
                        bool adopt, struct source_pos at, struct desired_object *ret_object)
    __attribute__((warn_unused_result));
