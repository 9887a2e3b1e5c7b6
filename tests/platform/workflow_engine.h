/* The workflow plane behind a run: whether it renders, how far it is, how it ends. */
#pragma once

#include "tests/platform/state.h"

struct workflow_engine_pace {
    int64_t step_ms, late_ms;
};

const struct object *workflow_engine_workflow(const struct platform *p, const struct object *run);
bool workflow_engine_is_component_run(const struct object *run);
/* A component run that its component does not allow; fills the reason. */
bool workflow_engine_refuses(const struct platform *p, const struct object *run, char *ret_message,
                             size_t size);
/* Every expression of the template has what it reads. */
bool workflow_engine_renders(const struct platform *p, const struct object *run);
struct workflow_engine_pace workflow_engine_pace(const struct platform *p,
                                                 const struct object *run);
bool workflow_engine_is_lost(const struct platform *p, const struct object *run);
bool workflow_engine_fails(const struct platform *p, const struct object *run);
int64_t workflow_engine_end(const struct platform *p, const struct object *run);
/* Tasks as of now, owned. */
json_t *workflow_engine_tasks(const struct platform *p, const struct object *run);
