/* Phases and dependsOn: every cell in one phase, no dependency unknown, backwards or in a circle.
 */
#include "config/base/arena.h"
#include "config/base/text.h"
#include "config/manifest/check.h"
#include "config/manifest/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_PHASE (-1)
/* Cells in a row that wait for each other. */
#define CHAIN_LIMIT 64u

struct order {
    struct loader *loader;
    int *phases; /* by cell */
    unsigned char *colours;
    size_t *path;    /* of the walk: cells */
    size_t *next;    /* of the walk: which dependency comes next */
    size_t *heights; /* cells in the longest chain below each cell */
};

static size_t index_of(const struct loader *loader, const struct manifest_cell *entry)
{
    return (size_t)(entry - loader->set->cells);
}

/* --- phases ----------------------------------------------------------------------------------- */

static void report_unknown_in_phase(struct loader *loader, const struct phase *phase,
                                    const struct manifest_text *name)
{
    if (loader->has_unnamed) {
        char message[256];
        (void)text_put(message, sizeof(message),
                       "phase \"%s\" names the cell \"%s\", which cannot be found; a file that "
                       "cannot be read may be it",
                       phase->name.text, name->text);
        loader_report(loader, NULL,
                      &(struct diagnostic){.severity = DIAGNOSTIC_WARNING,
                                           .code = "W_UNKNOWN_CELL",
                                           .at = name->at,
                                           .message = message});
        return;
    }
    loader_error(
        loader, NULL, "E_UNKNOWN_CELL", name->at, "add its cell.yaml, or take it out of the phase",
        "phase \"%s\" names the cell \"%s\", and there is none", phase->name.text, name->text);
}

static void find_phases(struct order *order)
{
    struct loader *loader = order->loader;
    const struct platform *platform = loader->platform;
    for (size_t i = 0; i < loader->set->cell_count; i++)
        order->phases[i] = NO_PHASE;
    for (size_t i = 0; i < platform->phase_count; i++) {
        const struct manifest_texts *cells = &platform->phases[i].cells;
        for (size_t j = 0; j < cells->count; j++) {
            const struct manifest_cell *entry = loader_cell(loader, cells->items[j].text);
            if (entry == NULL)
                report_unknown_in_phase(loader, &platform->phases[i], &cells->items[j]);
            else
                order->phases[index_of(loader, entry)] = (int)i;
        }
    }
    for (size_t i = 0; i < loader->set->cell_count; i++) {
        struct manifest_cell *entry = &loader->set->cells[i];
        if (order->phases[i] == NO_PHASE && entry->cell != NULL)
            loader_error(loader, entry, "E_NO_PHASE", entry->cell->name.at,
                         "name it in one of spec.phases of the platform",
                         "the cell \"%s\" is in no phase", entry->name);
    }
}

/* --- dependencies ----------------------------------------------------------------------------- */

static void report_unknown(struct loader *loader, struct manifest_cell *entry,
                           const struct manifest_text *name)
{
    const struct manifest_set *set = loader->set;
    char hint[160] = "name a cell of this repository";
    const char **names = calloc(set->cell_count + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < set->cell_count; i++)
        names[i] = set->cells[i].name;
    const char *nearest = names == NULL ? NULL : schema_nearest(names, set->cell_count, name->text);
    if (nearest != NULL)
        (void)text_put(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    loader_error(loader, entry, "E_UNKNOWN_CELL", name->at, hint,
                 "dependsOn names the cell \"%s\", and there is none", name->text);
    free(names);
}

static void check_dependency(struct order *order, struct manifest_cell *entry,
                             const struct manifest_text *name)
{
    struct loader *loader = order->loader;
    const struct manifest_cell *other = loader_cell(loader, name->text);
    if (strcmp(name->text, entry->name) == 0) {
        loader_error(loader, entry, "E_SELF_DEPENDENCY", name->at, "remove it",
                     "the cell \"%s\" depends on itself", entry->name);
        return;
    }
    if (other == NULL) {
        report_unknown(loader, entry, name);
        return;
    }
    const int own = order->phases[index_of(loader, entry)];
    const int theirs = order->phases[index_of(loader, other)];
    if (own == NO_PHASE || theirs == NO_PHASE || theirs <= own)
        return;
    loader_error(loader, entry, "E_PHASE_ORDER", name->at,
                 "move one of the two to another phase, or remove the dependency",
                 "\"%s\" depends on \"%s\", which comes in a later phase (%s after %s)",
                 entry->name, name->text,
                 loader->platform == NULL ? "" : loader->platform->phases[theirs].name.text,
                 loader->platform == NULL ? "" : loader->platform->phases[own].name.text);
}

/* --- circles ---------------------------------------------------------------------------------- */

static void report_circle(struct order *order, size_t first, size_t depth)
{
    struct loader *loader = order->loader;
    struct manifest_cell *cells = loader->set->cells;
    OWNED_TEXT circle;
    text_init(&circle, 800);
    for (size_t i = first; i < depth && circle.length < 700; i++)
        text_format(&circle, "%s -> ", cells[order->path[i]].name);
    text_add(&circle, cells[order->path[first]].name);
    for (size_t i = first; i < depth; i++) {
        struct manifest_cell *entry = &cells[order->path[i]];
        const struct manifest_text *name = &entry->cell->depends_on.items[order->next[i] - 1];
        if (i == first)
            loader_error(loader, entry, "E_CYCLE", name->at, "remove one of the dependencies",
                         "cells depend on each other in a circle: %s", text_get(&circle));
        else
            loader_condemn(loader, entry, name->at, "the cell is in a circle of dependencies");
    }
}

/* Once per chain: at the first cell that makes it too long. */
static void check_height(struct order *order, size_t at)
{
    struct manifest_cell *entry = &order->loader->set->cells[at];
    if (order->heights[at] == CHAIN_LIMIT + 1)
        loader_error(order->loader, entry, "E_DEPENDENCY_DEPTH", entry->cell->depends_on.at,
                     "put cells that need no order into one phase",
                     "\"%s\" waits for a chain of more than %u cells", entry->name, CHAIN_LIMIT);
}

static void raise_height(struct order *order, size_t at, size_t below)
{
    if (order->heights[at] < order->heights[below] + 1)
        order->heights[at] = order->heights[below] + 1;
}

enum { WHITE, GREY, BLACK };

/* Depth first, without recursion; cells are visited in the order of their names. */
static void walk(struct order *order, size_t start)
{
    const struct loader *loader = order->loader;
    size_t depth = 1;
    order->path[0] = start;
    order->next[0] = 0;
    order->colours[start] = GREY;
    while (depth > 0) {
        const size_t at = order->path[depth - 1];
        const struct cell *cell = loader->set->cells[at].cell;
        if (cell == NULL || order->next[depth - 1] >= cell->depends_on.count) {
            order->colours[at] = BLACK;
            if (cell != NULL)
                check_height(order, at);
            if (--depth > 0)
                raise_height(order, order->path[depth - 1], at);
            continue;
        }
        const char *name = cell->depends_on.items[order->next[depth - 1]++].text;
        const struct manifest_cell *other = loader_cell(loader, name);
        const size_t to = other == NULL ? at : index_of(loader, other);
        if (to != at && order->colours[to] == GREY) {
            size_t first = depth;
            while (first > 0 && order->path[first - 1] != to)
                first--;
            report_circle(order, first - 1, depth);
        } else if (to != at && order->colours[to] == BLACK) {
            raise_height(order, at, to);
        } else if (order->colours[to] == WHITE) {
            order->path[depth] = to;
            order->next[depth++] = 0;
            order->colours[to] = GREY;
        }
    }
}

void check_order(struct loader *loader)
{
    const size_t count = loader->set->cell_count;
    struct order order = {
        .loader = loader,
        .phases = calloc(count + 1, sizeof(int)),
        .colours = calloc(count + 1, 1),
        .path = calloc(count + 1, sizeof(size_t)),
        .next = calloc(count + 1, sizeof(size_t)),
        .heights = calloc(count + 1, sizeof(size_t)),
    };
    if (order.phases == NULL || order.colours == NULL || order.path == NULL || order.next == NULL ||
        order.heights == NULL)
        loader->status = -ENOMEM;
    else {
        if (loader->platform != NULL)
            find_phases(&order);
        for (size_t i = 0; i < count; i++) {
            struct manifest_cell *entry = &loader->set->cells[i];
            const size_t depends = entry->cell == NULL || entry->cell->depends_on_all
                                       ? 0
                                       : entry->cell->depends_on.count;
            for (size_t j = 0; j < depends; j++)
                check_dependency(&order, entry, &entry->cell->depends_on.items[j]);
        }
        for (size_t i = 0; i < count; i++) {
            if (order.colours[i] == WHITE)
                walk(&order, i);
        }
    }
    free(order.phases);
    free(order.colours);
    free(order.path);
    free(order.next);
    free(order.heights);
}
