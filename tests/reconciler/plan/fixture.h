/* A platform of three environments, production in two regions, and cells that want something. */
#pragma once

#include "reconciler/plan/plan.h"

#define CELLS_LIMIT 16
#define TARGETS 4

struct fixture {
    struct region regions[2];
    const struct region *both[2];
    struct gate gates[2];
    struct environment environments[3];
    struct target targets[TARGETS];
    struct freeze_window freezes[1];
    struct manifest_text frozen[1];
    struct platform platform;
    struct cell cells[CELLS_LIMIT];
    char names[CELLS_LIMIT][32];
    struct manifest_text depends[CELLS_LIMIT][CELLS_LIMIT];
    struct node_facts nodes[CELLS_LIMIT * TARGETS];
    struct node_verdict verdicts[CELLS_LIMIT * TARGETS];
    size_t cell_count;
    enum gate_state gate;
    int gate_lookups;
    struct plan_input input;
};

/* All cells want release "new" everywhere and run "old". phases may be NULL; free() it. */
struct fixture *fixture_new(size_t cells, const int *phases);

struct node_facts *fixture_node(struct fixture *f, size_t cell, size_t target);
struct node_verdict *fixture_verdict(struct fixture *f, size_t cell, size_t target);

void fixture_digests(struct node_facts *facts, const char *wanted, const char *baked);
void fixture_depends(struct fixture *f, size_t cell, size_t on);
void fixture_converge(struct node_facts *facts);
void fixture_decide(struct fixture *f);
