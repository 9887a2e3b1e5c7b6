#include "reconciler/plan/index.h"

#include "config/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_nodes(const void *left, const void *right, void *context)
{
    const struct node_facts *nodes = ((struct plan_index *)context)->input->nodes;
    const struct node_facts *a = &nodes[*(const size_t *)left], *b = &nodes[*(const size_t *)right];
    if (a->target->index != b->target->index)
        return a->target->index < b->target->index ? -1 : 1;
    if (a->phase != b->phase)
        return a->phase < b->phase ? -1 : 1;
    return strcmp(a->cell_name, b->cell_name);
}

static size_t hash_name(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * UINT64_C(1099511628211);
    return (size_t)(hash ^ (hash >> 32));
}

static size_t hash_train(size_t target, uint64_t train)
{
    uint64_t hash = (train + UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
    hash ^= (uint64_t)target * UINT64_C(0x94d049bb133111eb);
    return (size_t)(hash ^ (hash >> 31));
}

/* Slots of a table for `count` entries: a power of two, at most half full. */
static size_t table_size(size_t count)
{
    size_t size = 8;
    while (size < count * 2)
        size *= 2;
    return size;
}

static struct plan_cell *cell_at(const struct plan_index *index, const char *name)
{
    size_t at = hash_name(name) & index->cell_mask;
    while (index->cells[at].name != NULL && strcmp(index->cells[at].name, name) != 0)
        at = (at + 1) & index->cell_mask;
    return &index->cells[at];
}

static void number_cells(struct plan_index *index)
{
    for (size_t i = 0; i < index->input->node_count; i++) {
        struct plan_cell *cell = cell_at(index, index->input->nodes[i].cell_name);
        if (cell->name == NULL)
            *cell = (struct plan_cell){.name = index->input->nodes[i].cell_name,
                                       .ordinal = index->cell_count++};
        index->ordinals[i] = cell->ordinal;
    }
}

static int place_nodes(struct plan_index *index)
{
    const struct plan_input *input = index->input;
    const size_t places = index->target_count * index->cell_count;
    index->nodes = malloc((places + 1) * sizeof(*index->nodes));
    if (index->nodes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < places; i++)
        index->nodes[i] = SIZE_MAX;
    for (size_t i = 0; i < input->node_count; i++) {
        const size_t target = input->nodes[i].target->index;
        CHECK(target < index->target_count);
        size_t *place = &index->nodes[target * index->cell_count + index->ordinals[i]];
        CHECK(*place == SIZE_MAX);
        *place = i;
    }
    return 0;
}

static void find_primaries(struct plan_index *index, const struct platform *platform)
{
    for (size_t i = 0; i < index->environment_count; i++)
        index->primaries[i] = SIZE_MAX;
    for (size_t i = 0; i < platform->target_count; i++) {
        const struct target *target = &platform->targets[i];
        if (target->primary && target->environment_index < index->environment_count)
            index->primaries[target->environment_index] = target->index;
    }
}

int plan_index_init(struct plan_index *index, const struct plan_input *input)
{
    const size_t count = input->node_count, table = table_size(count);
    *index = (struct plan_index){
        .input = input,
        .order = malloc((count + 1) * sizeof(*index->order)),
        .target_count = input->platform->target_count,
        .cells = calloc(table, sizeof(*index->cells)),
        .cell_mask = table - 1,
        .ordinals = malloc((count + 1) * sizeof(*index->ordinals)),
        .environment_count = input->platform->environment_count,
        .primaries = malloc((input->platform->environment_count + 1) * sizeof(*index->primaries)),
        .trains = malloc(table * sizeof(*index->trains)),
        .train_mask = table - 1,
    };
    if (index->order == NULL || index->cells == NULL || index->ordinals == NULL ||
        index->primaries == NULL || index->trains == NULL) {
        plan_index_fini(index);
        return -ENOMEM;
    }
    for (size_t i = 0; i < table; i++)
        index->trains[i].node = SIZE_MAX;
    number_cells(index);
    find_primaries(index, input->platform);
    if (place_nodes(index) != 0) {
        plan_index_fini(index);
        return -ENOMEM;
    }
    bool sorted = true;
    for (size_t i = 0; i < count; i++)
        index->order[i] = i;
    for (size_t i = 1; i < count && sorted; i++)
        sorted = compare_nodes(&index->order[i - 1], &index->order[i], index) <= 0;
    if (!sorted)
        qsort_r(index->order, count, sizeof(*index->order), compare_nodes, index);
    return 0;
}

void plan_index_fini(struct plan_index *index)
{
    free(index->order);
    free(index->cells);
    free(index->nodes);
    free(index->ordinals);
    free(index->primaries);
    free(index->trains);
}

size_t plan_index_find(const struct plan_index *index, size_t target, const char *cell)
{
    CHECK(target < index->target_count);
    const struct plan_cell *found = cell_at(index, cell);
    if (found->name == NULL)
        return SIZE_MAX;
    return index->nodes[target * index->cell_count + found->ordinal];
}

size_t plan_index_primary(const struct plan_index *index, size_t node, size_t environment)
{
    CHECK(environment < index->environment_count);
    const size_t target = index->primaries[environment];
    if (target == SIZE_MAX)
        return SIZE_MAX;
    return index->nodes[target * index->cell_count + index->ordinals[node]];
}

static struct plan_train *train_at(const struct plan_index *index, size_t target, uint64_t train)
{
    size_t at = hash_train(target, train) & index->train_mask;
    while (index->trains[at].node != SIZE_MAX &&
           (index->trains[at].target != target || index->trains[at].train != train))
        at = (at + 1) & index->train_mask;
    return &index->trains[at];
}

void plan_index_add_train(struct plan_index *index, size_t target, uint64_t train, size_t node)
{
    struct plan_train *entry = train_at(index, target, train);
    if (entry->node == SIZE_MAX)
        *entry = (struct plan_train){.target = target, .train = train, .node = node};
}

size_t plan_index_train(const struct plan_index *index, size_t target, uint64_t train)
{
    return train_at(index, target, train)->node;
}
