#include "tests/reconciler/plan/fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

static enum gate_state gate_state(void *context, const char *cell,
                                  const struct environment *environment, const struct gate *gate,
                                  const char *release_digests)
{
    struct fixture *fixture = context;
    cr_assert(cell[0] != '\0' && environment != NULL && gate != NULL && release_digests != NULL);
    fixture->gate_lookups++;
    return fixture->gate;
}

static const char *const target_names[] = {"development", "testing", "production", "production-eu"};

static void fixture_platform(struct fixture *f)
{
    f->regions[0].name.text = "us";
    f->regions[1].name.text = "eu";
    f->both[0] = &f->regions[0];
    f->both[1] = &f->regions[1];
    f->gates[0] = (struct gate){.name = {.text = "tests"}, .kind = GATE_WORKFLOW};
    f->gates[1] = (struct gate){.name = {.text = "approval"}, .kind = GATE_MANUAL};
    for (size_t i = 0; i < 3; i++)
        f->environments[i] = (struct environment){
            .name = {.text = target_names[i]},
            .regions = f->both,
            .region_count = i == 2 ? 2 : 1,
            .gates = f->gates,
            .gate_count = i == 2 ? 2 : 0,
        };
    for (size_t i = 0; i < TARGETS; i++)
        f->targets[i] = (struct target){.name = target_names[i],
                                        .environment = &f->environments[i < 3 ? i : 2],
                                        .region = f->both[i == 3],
                                        .index = i,
                                        .environment_index = i < 3 ? i : 2,
                                        .primary = i < 3};
    f->platform = (struct platform){.environments = f->environments,
                                    .environment_count = 3,
                                    .targets = f->targets,
                                    .target_count = TARGETS,
                                    .freezes = f->freezes};
}

struct node_facts *fixture_node(struct fixture *f, size_t cell, size_t target)
{
    return &f->nodes[target * f->cell_count + cell];
}

struct node_verdict *fixture_verdict(struct fixture *f, size_t cell, size_t target)
{
    return &f->verdicts[target * f->cell_count + cell];
}

void fixture_digests(struct node_facts *facts, const char *wanted, const char *baked)
{
    (void)snprintf(facts->wanted_digests, sizeof(facts->wanted_digests), "%s", wanted);
    (void)snprintf(facts->release_digests, sizeof(facts->release_digests), "%s", wanted);
    (void)snprintf(facts->baked_digests, sizeof(facts->baked_digests), "%s", baked);
    (void)snprintf(facts->baked_release_digests, sizeof(facts->baked_release_digests), "%s", baked);
}

struct fixture *fixture_new(size_t cells, const int *phases)
{
    struct fixture *f = calloc(1, sizeof(*f));
    cr_assert_not_null(f);
    fixture_platform(f);
    f->cell_count = cells;
    f->gate = GATE_STATE_PASSED;
    for (size_t c = 0; c < cells; c++) {
        (void)snprintf(f->names[c], sizeof(f->names[c]), "cell-%zu", c);
        f->cells[c].name.text = f->names[c];
        f->cells[c].depends_on.items = f->depends[c];
    }
    for (size_t t = 0; t < TARGETS; t++) {
        for (size_t c = 0; c < cells; c++) {
            struct node_facts *facts = fixture_node(f, c, t);
            *facts = (struct node_facts){.cell = &f->cells[c],
                                         .cell_name = f->names[c],
                                         .target = &f->targets[t],
                                         .phase = phases != NULL ? phases[c] : 0,
                                         .healthy = true,
                                         .state = NODE_FORWARD};
            fixture_digests(facts, "new", "old");
        }
    }
    f->input = (struct plan_input){.platform = &f->platform,
                                   .nodes = f->nodes,
                                   .node_count = cells * TARGETS,
                                   .now = {1000},
                                   .parallel_nodes = 100,
                                   .gate_state = gate_state,
                                   .context = f};
    return f;
}

void fixture_depends(struct fixture *f, size_t cell, size_t on)
{
    f->depends[cell][f->cells[cell].depends_on.count++].text = f->names[on];
}

void fixture_converge(struct node_facts *facts)
{
    facts->state = NODE_CONVERGED;
    fixture_digests(facts, "new", "new");
}

void fixture_decide(struct fixture *f)
{
    f->gate_lookups = 0;
    cr_assert_eq(plan_decide(&f->input, f->verdicts), 0);
}
