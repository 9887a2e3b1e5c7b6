/* Workflow runs: gates and builds. */
#include "tests/platform/state.h"

#include <stdio.h>
#include <string.h>

void workflow_reconcile(struct platform *p, struct object *o)
{
    (void)p;
    (void)o;
}

void workflow_answer(struct platform *p, struct object *run, const char *what, struct answer *a)
{
    (void)p;
    (void)run;
    (void)what;
    answer_text(a, 404, "404 page not found\n");
}
