/* Pure pieces of the engine with odd inputs: walks over tracks, and workflows' names and outcomes.
 */
#include "reconciler/engine/track_walk.h"
#include "reconciler/engine/workflow.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

/* A ladder: from each track to both of the next rung; the last rung leads to `end`. */
#define RUNGS 40

struct ladder {
    struct track rungs[RUNGS][2];
    struct track end, alone;
    size_t asked;
};

static void climb(struct track_walk *walk, const struct track *at, const void *context)
{
    struct ladder *ladder = *(struct ladder *const *)context;
    ladder->asked++;
    for (size_t i = 0; i < RUNGS; i++) {
        if (at != &ladder->rungs[i][0] && at != &ladder->rungs[i][1])
            continue;
        for (size_t k = 0; k < 2; k++)
            track_walk_add(walk, i + 1 < RUNGS ? &ladder->rungs[i + 1][k] : &ladder->end);
        track_walk_add(walk, &ladder->rungs[0][0]); /* and back */
    }
}

/* There are 2^40 ways. */
Test(walk, visits_each_track_once)
{
    struct ladder *ladder = calloc(1, sizeof *ladder);
    cr_assert_not_null(ladder);
    cr_expect(track_walk_leads(&ladder->rungs[0][0], &ladder->end, climb, &ladder));
    cr_expect_leq(ladder->asked, 2 * RUNGS + 1);
    cr_expect_not(track_walk_leads(&ladder->rungs[0][0], &ladder->alone, climb, &ladder));
    cr_expect_not(track_walk_leads(&ladder->end, &ladder->rungs[0][0], climb, &ladder));
    cr_expect(track_walk_leads(&ladder->rungs[3][1], &ladder->rungs[3][1], climb, &ladder),
              "by the way back");
    free(ladder);
}

Test(workflow, of_no_kind_is_a_cluster_workflow)
{
    const struct workflow_reference none = {.name = {.text = "x"}};
    cr_expect_str_eq(workflow_kind(&none), "ClusterWorkflow");
}

Test(workflow, schemas_lie_below_the_workflow)
{
    static const struct {
        const char *kind, *path;
    } rows[] = {
        {"ClusterWorkflow", "/api/v1/clusterworkflows/smoke/schema"},
        {"Workflow", "/api/v1/namespaces/acme/workflows/smoke/schema"},
        {"Gadget", "/api/v1/clusterworkflows/smoke/schema"}, /* of an odd row: refused later */
    };
    struct platform platform = {.namespace_name = {.text = "acme"}};
    const struct engine engine = {.platform = &platform};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct workflow_reference workflow = {.name = {.text = "smoke"},
                                                    .kind = {.text = rows[i].kind}};
        struct text path;
        text_init(&path, 256);
        workflow_schema_path(&engine, &workflow, &path);
        cr_expect_str_eq(text_get(&path), rows[i].path);
        text_fini(&path);
    }
}
